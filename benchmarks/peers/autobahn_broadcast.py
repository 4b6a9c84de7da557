"""
Autobahn on Twisted, as its broadcast example has it: each message prepared once, and sent to every client.

``python benchmarks/peers/autobahn_broadcast.py PORT``, with the project in ``PYTHONPATH``.
"""

from __future__ import annotations

import sys
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import reactor as installed_reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from benchmarks import control
from benchmarks.messages import Messages, allow_many_files

reactor: Any = installed_reactor


class BroadcastProtocol(WebSocketServerProtocol):
    """One client."""

    def onOpen(self) -> None:
        """Now it can be sent to."""
        self.factory.clients.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is gone."""
        super().connectionLost(reason)
        self.factory.clients.discard(self)


class BroadcastFactory(WebSocketServerFactory):
    """All clients."""

    protocol = BroadcastProtocol

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.clients: set[BroadcastProtocol] = set()

    def broadcast(self, text: str) -> None:
        """Send a text to all."""
        message = self.prepareMessage(text.encode())
        for client in self.clients:
            client.sendPreparedMessage(message)


def main(port: int) -> None:
    """Serve until the process is told to end."""
    allow_many_files()
    factory, messages = BroadcastFactory(), Messages()
    serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1:backlog=1000").listen(factory)
    control.listen(port, lambda size: factory.broadcast(messages.make_text(size)))
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
