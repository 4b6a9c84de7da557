"""
A server with a small chat, for clients that others wrote: ``python server.py PORT``.

It writes a line of JSON for each request and each event, so that a test can see what a client does.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from twisted.internet import endpoints, reactor
from twisted.web.server import Site

from twisted_ticker.signalr import EndpointSettings, Hub, HubException, SignalRServer, hub_method
from twisted_ticker.signalr.requests import Request
from twisted_ticker.web import SignalRResource
from twisted_ticker.web.site import InMemoryRequest


def note(**what: Any) -> None:
    print(json.dumps(what), flush=True)


class ChatHub(Hub):
    """Everybody hears what is said."""

    hub_name = "chat"

    @hub_method
    async def say(self, text: str) -> None:
        await self.clients.all.said(text)

    @hub_method
    def add(self, a: int, b: int) -> int:
        return a + b

    @hub_method
    def refuse(self) -> None:
        raise HubException("No.")

    def on_connected(self) -> None:
        note(event="connected", transport=self.context.transport)

    def on_disconnected(self, *, stop_called: bool) -> None:
        note(event="disconnected", stop_called=stop_called)


def note_request(request: Request) -> None:
    """See who asks for what; nobody has a name here."""
    note(
        request=request.path.rpartition("/")[2],
        method=request.method,
        query=request.uri.partition("?")[2],
        transport=request.query.get("transport"),
    )


def main(port: int) -> None:
    server = SignalRServer(user_of=note_request)
    server.map_hubs("/signalr", [ChatHub])
    server.map_hubs("/streams", [ChatHub], EndpointSettings(transports=["serverSentEvents"]))
    server.startService()
    site = Site(SignalRResource(server), requestFactory=InMemoryRequest)
    listening = endpoints.serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1").listen(site)
    listening.addCallback(lambda _: note(serving=port))
    listening.addErrback(lambda failure: (failure.printTraceback(), reactor.stop()))
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
