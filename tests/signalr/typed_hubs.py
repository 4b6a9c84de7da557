"""
Hubs for type checkers: mypy checks this file, and that it finds the mistakes that are marked.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, assert_type

from twisted.internet.defer import Deferred

from twisted_ticker.signalr import Conflatable, Hub, HubContext, Progress, SignalRServer, authorize, hub_method
from twisted_ticker.signalr.audiences import Audience


class ChatClient(Protocol):
    """What clients of :class:`ChatHub` can be called with."""

    def said(self, user: str, text: str) -> Awaitable[None]: ...


@authorize(roles=["chatter"])
class ChatHub(Hub[ChatClient]):
    """Declares its clients."""

    @hub_method
    async def say(self, text: str, progress: Progress[int]) -> None:
        assert_type(self.clients.all, ChatClient)
        assert_type(self.clients.caller, ChatClient)
        assert_type(self.clients.group("room"), ChatClient)
        await self.clients.others_in_groups(["room"]).said("ann", text)
        progress.report(1)
        progress.report("one")  # type: ignore[arg-type]
        self.clients.all.said(text)  # type: ignore[call-arg]
        self.clients.all.shouted("ann", text)  # type: ignore[attr-defined]

    @authorize
    @hub_method
    def plain(self) -> int:
        return 1


class TickerClient(Conflatable, Protocol):
    """What clients of :class:`TickerHub` can be called with; who is behind needs only the newest."""

    def priced(self, symbol: str, price: int) -> Awaitable[None]: ...


class TickerHub(Hub[TickerClient]):
    """Conflates."""

    def tick(self) -> None:
        assert_type(self.clients.all.conflate("MSFT"), TickerClient)
        self.clients.all.conflate("MSFT").priced("MSFT", 1)
        self.clients.all.conflate("MSFT").priced("MSFT")  # type: ignore[call-arg]


class AnyHub(Hub):
    """Does not declare its clients."""

    @hub_method(name="Call")
    async def call(self) -> None:
        assert_type(self.clients.all, Audience)
        assert_type(self.clients.caller.anything(1, "two"), Deferred[None])
        await self.clients.all.anything()


def outside(server: SignalRServer) -> None:
    """Hub contexts know the same."""
    assert_type(server.hub_context(ChatHub), HubContext[ChatClient])
    assert_type(server.hub_context(AnyHub).clients.all, Audience)
    server.hub_context(ChatHub).clients.user("ann").said("server", "hello")
    server.map_hubs("/signalr", [ChatHub, AnyHub, lambda: ChatHub()])
    assert_type(ChatHub().plain(), int)
