"""
A server in memory: the real site with hubs made for tests, and a clock that only tests move.

Nothing here stands in for a request, a socket's buffer or a response: bytes go through Twisted's own HTTP channel and
Autobahn's own client (:mod:`tests.web.clients`), between the two ends of a simulated connection
(:mod:`tests.web.wire`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import txaio
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.web.clients import USER_HEADER
from tests.web.probe import Journal, OtherHub, ProbeHub
from tests.web.wire import HttpConnection, HttpResponse, Link
from twisted_ticker.signalr import EndpointSettings, KeyRing, Settings, SignalRServer
from twisted_ticker.signalr.requests import Request, User
from twisted_ticker.web import build_site

__all__ = ["ACCESS_LOG", "SiteHarness", "our_log", "user_of_header"]

#: A busy, fractional moment: nothing may depend on time starting at nought.
_START_SECONDS = 1_000_000.6

_PAGES = "htdocs-of-the-tests"

#: The namespace of access lines.
ACCESS_LOG = "twisted_ticker.web.access_log"


def user_of_header(request: Request) -> User | None:
    """Who the test says that it is, in a header of each request."""
    name = request.headers.get(USER_HEADER)
    return User(name) if name else None


@contextmanager
def our_log() -> Iterator[list[str]]:
    """Collect the texts of what the product logs, debugging and the access log apart."""
    texts: list[str] = []
    with capturedLogs() as events:
        yield texts
    for event in events:
        ours = event["log_namespace"].startswith("twisted_ticker.") and event["log_namespace"] != ACCESS_LOG
        if ours and event["log_level"] >= LogLevel.info:
            texts.append(formatEvent(event))


class SiteHarness:
    """
    A server with its site, clock and connections, running until the end of a test.

    Args:
        case: the test; when it is over, the server is stopped and must leave no delayed calls behind.
        settings: the server's settings.
        keys: its keys.
        user_of: who sends a request.
        endpoint_settings: settings of ``/signalr``.
        clock: the time, if it is to be shared with another server.
        access_log: whether requests are logged.

    Attributes:
        clock: the time; it is also the reactor.
        journal: what happened to the hub.
        links: all connections there have been.
        server: the server.
        site: the site.
        written: everything that the server has written to anybody, in order.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        *,
        settings: Settings | None = None,
        keys: KeyRing | None = None,
        user_of: Callable[[Request], User | None] | None = None,
        endpoint_settings: EndpointSettings | None = None,
        htdocs: str = _PAGES,
        clock: MemoryReactorClock | None = None,
        access_log: bool = True,
    ) -> None:
        if clock is None:
            clock = MemoryReactorClock()
            clock.advance(_START_SECONDS)
            # Cleanups run in reverse order: when all that share the clock are closed, nothing may be left.
            case.addCleanup(lambda: case.assertEqual(clock.getDelayedCalls(), []))
        # Autobahn's timers ask this one for the time.
        case.patch(txaio.config, "loop", clock)
        self.clock = clock
        self.journal = Journal()
        self.links: list[Link] = []
        self.written: list[bytes] = []
        self.server = SignalRServer(settings, keys=keys, user_of=user_of, clock=clock)
        self.server.map_hubs("/signalr", [partial(ProbeHub, self.journal), OtherHub], endpoint_settings)
        self.site = build_site(self.server, htdocs, start_page="/start.html", clock=clock, access_log=access_log)
        self._case = case
        self.server.startService()
        case.addCleanup(self.close)

    def flush(self) -> None:
        """Let everything happen that happens without time passing."""
        moved = True
        while moved:
            self.clock.advance(0)
            moved = any([link.pump() for link in list(self.links)])
            moved = moved or any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls())

    def advance(self, seconds: float, step: float = 0.5) -> None:
        """Let time pass, in small steps; timers run once a step only."""
        self.flush()
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            self.flush()

    def stop(self) -> None:
        """Stop the server and wait until it has stopped."""
        stopped = self.server.stopService()
        self.advance(1)
        self._case.successResultOf(stopped)

    def close(self) -> None:
        """Stop the server, and let all clients vanish."""
        if self.server.running:
            self.stop()
        for link in self.links:
            if not link.lost:
                link.drop()
        self.flush()

    @property
    def hub(self) -> Any:
        """Means to address the clients of :class:`ProbeHub` from outside."""
        return self.server.hub_context(ProbeHub)

    def say(self, *texts: str) -> None:
        """Broadcast some messages in one turn."""
        for text in texts:
            self.hub.clients.all.said(text)
        self.flush()

    def connection(self) -> HttpConnection:
        """A new HTTP connection."""
        return HttpConnection(self)

    def fetch(
        self,
        method: str,
        target: str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
    ) -> HttpResponse:
        """Send one request on a connection of its own and return the response, which must come at once."""
        connection = self.connection()
        connection.request(method, target, headers=[("Connection", "close"), *headers], body=body)
        parsed = HttpResponse.parse(connection.raw, closed=connection.closed, bodiless=method == "HEAD")
        assert parsed is not None and parsed[0].complete, connection.raw
        assert parsed[1] == b"" and connection.closed, connection.raw
        return parsed[0]
