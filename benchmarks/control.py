"""The control port of servers on Twisted: it makes them send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as installed_reactor
from twisted.internet.endpoints import serverFromString
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from benchmarks.messages import Order

__all__ = ["listen"]

reactor: Any = installed_reactor

#: When nobody listens, nothing is sent.
_PATIENCE_SECONDS = 5


class _Control(Resource):
    """Answers at once, and carries the order out afterwards."""

    isLeaf = True

    def __init__(self, send: Callable[[int], object], count_sent: Callable[[], int] | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._send = send
        self._count_sent = count_sent

    def render_POST(self, request: Request) -> bytes:
        """Begin."""
        reactor.callLater(0, self._carry_out, Order.read(request.uri.decode("ascii")), reactor.seconds())
        return b"ok"

    def _carry_out(self, order: Order, began: float, done: int = 0) -> None:
        sent = self._count_sent() if self._count_sent else 0
        for _ in range(order.messages):
            self._send(order.size)
        done += 1
        if done == order.count:
            return
        if order.seconds:
            # Late events do not make later ones late.
            due = began + done * order.seconds
            reactor.callLater(max(0, due - reactor.seconds()), self._carry_out, order, began, done)
        else:
            reactor.callLater(0, self._go_on, order, done, sent, reactor.seconds() + _PATIENCE_SECONDS)

    def _go_on(self, order: Order, done: int, sent: int, deadline: float) -> None:
        """Go on with a burst when the last message of it was sent to everybody."""
        if self._count_sent and self._count_sent() == sent and reactor.seconds() < deadline:
            reactor.callLater(0, self._go_on, order, done, sent, deadline)
        else:
            self._carry_out(order, 0, done)


def listen(port: int, send: Callable[[int], object], count_sent: Callable[[], int] | None = None) -> None:
    """
    Listen on the port behind *port*.

    Args:
        port: of the server.
        send: sends everybody a message of so many bytes.
        count_sent: how many times something was sent to everybody; for servers that go back to the event loop while
            they send. In a burst, the next message waits for the last one.
    """
    site = Site(_Control(send, count_sent))
    site.noisy = False
    serverFromString(reactor, f"tcp:{port + 1}:interface=127.0.0.1").listen(site)
