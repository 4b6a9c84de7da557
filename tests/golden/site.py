"""
A server in memory that stands where the genuine one stood: its hubs, its paths, its settings, its clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from unittest import mock

import txaio
from twisted.internet.testing import MemoryReactorClock

from tests.golden.hubs import (
    AuthHub,
    DemoHub,
    EchoConnection,
    Journal,
    MultiSendConnection,
    OracleHub,
    ProtectedConnection,
    map_ticker,
)
from tests.web.wire import Link
from twisted_ticker.signalr import EndpointSettings, Hub, KeyRing, Settings, SignalRServer
from twisted_ticker.signalr.protocol.tokens import CONNECTION_TOKEN, GROUPS_TOKEN, ConnectionToken, GroupsToken
from twisted_ticker.signalr.requests import Request, User
from twisted_ticker.web import build_site

__all__ = ["GoldenSite", "running_site"]

#: A busy, fractional moment: nothing may depend on time starting at nought.
_START_SECONDS = 1_000_000.6

#: More than rounding errors of the clock, less than anything that was recorded.
_TICK_SECONDS = 1e-6

#: The recorded server allowed any, with cookies; here they are listed.
_PAGES_OF_OTHERS = ("http://evil.example",)


def _user_of(request: Request) -> User | None:
    name = request.headers.get("X-User")
    return User(name) if name else None


class GoldenSite:
    """
    The server under test, and the time; it is a harness for :mod:`tests.web.wire`.

    Args:
        settings: the server's settings.
        lead_seconds: for how long the server has been running when the scenario begins: what its one timer has ticked.
        hubs: further hubs at ``/signalr`` and ``/detailed``.

    Attributes:
        journal: the events of ``oracle``.
        markets: of the ticker's hubs, by hub name.
    """

    def __init__(self, settings: Settings, *, lead_seconds: float = 0.0, hubs: tuple[type[Hub], ...] = ()) -> None:
        self.clock = MemoryReactorClock()
        self.clock.advance(_START_SECONDS)
        self.links: list[Link] = []
        self.written: list[bytes] = []
        keys = KeyRing.generate()
        self._connection_tokens = keys.protection(CONNECTION_TOKEN)
        self._groups_tokens = keys.protection(GROUPS_TOKEN)
        self.server = SignalRServer(settings, keys=keys, user_of=_user_of, clock=self.clock)
        self.journal = Journal(self.clock)
        self._map(hubs)
        self.site = build_site(self.server, "no-pages", start_page="/", clock=self.clock)
        self.server.startService()
        self._zero = self.clock.seconds() + lead_seconds
        self.go_to(0.0)

    def _map(self, hubs: tuple[type[Hub], ...]) -> None:
        ours = [partial(OracleHub, self.journal), partial(DemoHub, self.clock), AuthHub]
        if hubs:
            self.server.map_hubs("/signalr", hubs)
            self.server.map_hubs("/detailed", hubs)
            return
        settings = EndpointSettings(allowed_origins=_PAGES_OF_OTHERS)
        self.markets = map_ticker(
            self.server, lambda ticker: self.server.map_hubs("/signalr", [*ours, *ticker], settings)
        )
        self.server.map_hubs("/jsonp", ours, EndpointSettings(enable_jsonp=True))
        self.server.map_hubs("/detailed", ours, EndpointSettings(enable_detailed_errors=True))
        self.server.map_hubs("/nojs", ours, EndpointSettings(enable_javascript_proxies=False))
        self.server.map_connection("/echo", EchoConnection)
        self.server.map_connection("/multisend", MultiSendConnection)
        self.server.map_connection("/protected", ProtectedConnection)

    # What tokens say

    def user_of_token(self, token: str) -> str:
        """The user for whom one of our connection tokens was made."""
        return ConnectionToken.decode(token, self._connection_tokens).user_name

    def groups_of_token(self, token: str, connection_id: str) -> list[str]:
        """The groups that one of our groups tokens names."""
        return list(GroupsToken.decode(token, connection_id, self._groups_tokens).joined)

    # The time

    def flush(self) -> None:
        """Let everything happen that happens without time passing."""
        moved = True
        while moved:
            self.clock.advance(0)
            moved = any([link.pump() for link in list(self.links)])
            moved = moved or any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls())

    def go_to(self, milliseconds: float) -> None:
        """Let time pass until so long after the beginning of the scenario, everything happening when it is due."""
        goal = self._zero + milliseconds / 1000
        self.flush()
        while due := [call.getTime() for call in self.clock.getDelayedCalls() if call.getTime() <= goal]:
            self._advance_to(min(due) + _TICK_SECONDS)
        self._advance_to(goal)

    def _advance_to(self, seconds: float) -> None:
        self.clock.advance(max(0.0, seconds - self.clock.seconds()))
        self.flush()

    # Ends

    def shut_down(self) -> None:
        """The host tells the server that it is going to stop."""
        self.server.stopService()
        self.flush()

    def close(self) -> None:
        """Stop the server, and let all clients vanish; nothing may be left."""
        if self.server.running:
            self.shut_down()
        self.clock.advance(2)
        self.flush()
        for link in self.links:
            if not link.lost:
                link.drop()
        self.flush()


@contextmanager
def running_site(
    settings: Settings, *, lead_seconds: float = 0.0, hubs: tuple[type[Hub], ...] = ()
) -> Iterator[GoldenSite]:
    """A :class:`GoldenSite` that is closed in the end."""
    with mock.patch.object(txaio.config, "loop", None):
        site = GoldenSite(settings, lead_seconds=lead_seconds, hubs=hubs)
        # Autobahn's timers ask this one for the time.
        txaio.config.loop = site.clock
        yield site
        site.close()
        assert site.clock.getDelayedCalls() == [], site.clock.getDelayedCalls()
