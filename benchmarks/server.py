"""
The server that the benchmarks measure: ``python benchmarks/server.py PORT``.

It is the product as anybody would assemble it, with one hub; what makes it send is told on the next port::

    POST /burst?m=1000&size=120&yield=1      so many broadcasts, each in a reactor turn of its own
    POST /tick?hz=4&k=10&secs=5&size=120     ten broadcasts at a time, four times a second

Every message has a number, ``"seq"``, and the time at which it was made, ``"ts"`` (``time.monotonic_ns()``).
"""

from __future__ import annotations

import sys
import time
from typing import Any

from twisted.internet import reactor as installed_reactor
from twisted.internet.endpoints import serverFromString
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from twisted_ticker.signalr import Hub, SignalRServer, hub_method
from twisted_ticker.web import SignalRResource, site_of

reactor: Any = installed_reactor

#: What a message has beside its padding, roughly, in bytes.
_HEAD_BYTES = 60


class BenchHub(Hub):
    """The hub that all clients listen to."""

    hub_name = "stockTicker"

    @hub_method
    def echo(self, value: int) -> int:
        """The value."""
        return value


class Control(Resource):
    """Makes the server send."""

    isLeaf = True

    def __init__(self, everybody: Any) -> None:
        super().__init__()
        self._everybody = everybody
        self._sequence = 0

    def render_POST(self, request: Request) -> bytes:
        """Begin, and answer at once."""
        given = {name.decode(): values[0].decode() for name, values in request.args.items()}
        size = int(given["size"])
        if request.path == b"/burst":
            if given.get("yield", "1") == "0":
                self._send(int(given["m"]), size)
            else:
                self._burst(int(given["m"]), size)
        else:
            self._tick(int(float(given["hz"]) * float(given["secs"])), 1 / float(given["hz"]), int(given["k"]), size)
        return b"ok"

    def _send(self, count: int, size: int) -> None:
        for _ in range(count):
            self._sequence += 1
            message = {"seq": self._sequence, "ts": time.monotonic_ns(), "pad": "x" * max(0, size - _HEAD_BYTES)}
            self._everybody.m(message)

    def _burst(self, left: int, size: int) -> None:
        if left:
            self._send(1, size)
            reactor.callLater(0, self._burst, left - 1, size)

    def _tick(self, left: int, seconds: float, count: int, size: int) -> None:
        if left:
            reactor.callLater(seconds, self._tick, left - 1, seconds, count, size)
            self._send(count, size)


def main(port: int) -> None:
    """Serve until the process is told to end."""
    server = SignalRServer()
    server.map_hubs("/signalr", [BenchHub])
    server.startService()
    interface = "interface=127.0.0.1"
    # No peer writes an access log either.
    site = site_of(SignalRResource(server), access_log=False)
    serverFromString(reactor, f"tcp:{port}:{interface}:backlog=1000").listen(site)
    control = Site(Control(server.hub_context(BenchHub).clients.all))
    serverFromString(reactor, f"tcp:{port + 1}:{interface}").listen(control)
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
