"""
The server that the benchmarks measure: ``python benchmarks/server.py PORT``, with the project in ``PYTHONPATH``.

It is the product as anybody would assemble it, with one hub; what makes it send is told on the next port::

    POST /burst?m=1000&size=120&yield=1      so many broadcasts, one after the other
    POST /tick?hz=4&k=10&secs=5&size=120     ten broadcasts at a time, four times a second

Every message has a number, ``"seq"``, and the time at which it was made, ``"ts"`` (``time.monotonic_ns()``).
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import reactor as installed_reactor
from twisted.internet.endpoints import serverFromString

from benchmarks import control
from benchmarks.messages import Messages, allow_many_files
from twisted_ticker.fairness import FairPolling
from twisted_ticker.garbage import GarbageCollection
from twisted_ticker.signalr import Hub, SignalRServer, hub_method
from twisted_ticker.web import SignalRResource, site_of

reactor: Any = installed_reactor


class BenchHub(Hub):
    """The hub that all clients listen to."""

    hub_name = "stockTicker"

    @hub_method
    def echo(self, value: int) -> int:
        """The value."""
        return value


def main(port: int) -> None:
    """Serve until the process is told to end."""
    allow_many_files()
    server = SignalRServer()
    server.map_hubs("/signalr", [BenchHub])
    FairPolling(reactor).startService()
    GarbageCollection(reactor).startService()
    server.startService()
    # No peer writes an access log either.
    site = site_of(SignalRResource(server), access_log=False)
    serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1:backlog=1000").listen(site)
    messages = Messages()
    everybody = server.hub_context(BenchHub).clients.all
    # What is published while a broadcast goes on leaves in one envelope; one message a frame is what is to be measured.
    turns = server.counters.delivery_seconds
    control.listen(port, lambda size: everybody.m(messages.make(size)), lambda: turns.cumulative[-1])
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
