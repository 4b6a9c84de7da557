"""
What the genuine server ran when it was recorded, written for this one.

Hubs ``oracle`` and ``demo`` have the methods that the recordings call; ``stockTicker`` and ``stockTickerMini`` are the
product's own, with markets that move as the recorded ones did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_ticker.hubs import StockTickerBroadcast, StockTickerHub, StockTickerMiniBroadcast, StockTickerMiniHub
from twisted_ticker.market import FULL_SAMPLE_LISTING, MINI_SAMPLE_LISTING, Market, MarketState, Stock
from twisted_ticker.signalr import (
    Hub,
    HubException,
    PersistentConnection,
    Progress,
    Request,
    SignalRServer,
    authorize,
    hub_method,
)

__all__ = [
    "AuthHub",
    "DemoHub",
    "EchoConnection",
    "Journal",
    "MultiSendConnection",
    "OracleHub",
    "PlainError",
    "ProtectedConnection",
    "ScriptedMarket",
    "map_ticker",
]

#: How long ``demo.MultipleCalls`` waits each time: a second, and what the recorded server's timer was late.
_MULTIPLE_CALLS_SECONDS = 1.0005


class PlainError(Exception):
    """What ``oracle.Throw`` fails with."""


@dataclass
class Journal:
    """The events of ``oracle``: ``[milliseconds since the first, event, argument]``, as the recordings note them."""

    clock: IReactorTime
    events: list[list[Any]] = field(default_factory=list)
    _first: float | None = None

    def note(self, event: str, argument: Any) -> None:
        """Write down an event."""
        now = self.clock.seconds()
        self._first = now if self._first is None else self._first
        self.events.append([round((now - self._first) * 1000), event, argument])


class OracleHub(Hub):
    """The hub that the recordings were made with."""

    hub_name = "oracle"

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    @hub_method
    def add(self, a: int, b: int) -> int:
        return a + b

    @hub_method
    def nothing(self) -> None:
        pass

    @hub_method
    def returns_null(self) -> Any:
        return None

    @hub_method
    async def caller_then_return(self) -> str:
        await self.clients.caller.msg("before")
        return "ret"

    @hub_method
    async def caller_msg(self, m: str) -> None:
        await self.clients.caller.msg(m)

    @hub_method
    async def caller_obj(self, m: Any) -> None:
        await self.clients.caller.obj(m, 1, "two", None, {"Three": 3})

    @hub_method
    async def all(self, m: str) -> None:
        await self.clients.all.msg(m)

    @hub_method
    def throw(self) -> None:
        raise PlainError("plain boom")

    @hub_method
    def throw_hub_data(self) -> None:
        raise HubException("hub boom data", data={"Code": 42, "text": "x"})

    @hub_method
    def progress3(self, progress: Progress[int]) -> str:
        for value in (1, 2, 3):
            progress.report(value)
        return "done"

    @hub_method
    def set_state(self, v: str) -> str:
        self.state.Company = v
        return v

    @hub_method
    async def join(self, g: str) -> None:
        await self.groups.add(self.context.connection_id, g)

    @hub_method
    async def leave(self, g: str) -> None:
        await self.groups.remove(self.context.connection_id, g)

    @hub_method
    async def group_send(self, g: str, m: str) -> None:
        await self.clients.group(g).grp(g, m)

    def on_connected(self) -> None:
        self._journal.note("hub.OnConnected", self.context.transport)

    def on_reconnected(self, *, missed: bool) -> None:
        self._journal.note("hub.OnReconnected", self.context.transport)

    def on_disconnected(self, *, stop_called: bool) -> None:
        self._journal.note("hub.OnDisconnected", stop_called)


class DemoHub(Hub):
    """State that rides on calls."""

    hub_name = "demo"

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock

    @hub_method
    async def multiple_calls(self) -> None:
        for i in range(10):
            self.state.index = i + 1
            await self.clients.caller.invoke(i)
            await deferLater(self._clock, _MULTIPLE_CALLS_SECONDS)

    @hub_method
    def read_any_state(self) -> Any:
        self.state.state2 = self.state.state
        self.state.addy = self.state["state"]["Address"]
        return self.state.state


@authorize
class AuthHub(Hub):
    """A hub that demands a user."""

    hub_name = "authHub"


class EchoConnection(PersistentConnection):
    """Sends back what it is sent."""

    async def on_received(self, data: str) -> None:
        await self.connection.send(self.context.connection_id, data)


class MultiSendConnection(PersistentConnection):
    """Sends two texts at a time."""

    async def on_connected(self) -> None:
        await self._send_two("OnConnectedAsync")

    async def on_received(self, data: str) -> None:
        await self._send_two("OnReceivedAsync")

    async def _send_two(self, name: str) -> None:
        for number in (1, 2):
            await self.connection.send(self.context.connection_id, f"{name}{number}")


class ProtectedConnection(PersistentConnection):
    """Lets nobody in."""

    def authorize_request(self, request: Request) -> bool:
        return False


class ScriptedMarket:
    """
    A market that goes through recorded prices; its own feed.

    Attributes:
        market: the market.
    """

    is_stale = False

    def __init__(self, listing: Iterable[tuple[str, Decimal]], state: MarketState) -> None:
        self.market = Market(listing, feed=self, state=state)
        self._due: list[tuple[str, Decimal]] = []

    def trades(self, stocks: Sequence[Stock], elapsed_seconds: float) -> list[tuple[str, Decimal]]:
        """See :class:`twisted_ticker.market.Feed`."""
        due, self._due = self._due, []
        return due

    def restart(self) -> None:
        """See :class:`twisted_ticker.market.Feed`."""

    def trade(self, symbol: str, price: Decimal) -> None:
        """Let one stock move."""
        self._due.append((symbol, price))
        self.market.step()


def map_ticker(server: SignalRServer, map_hubs: Callable[[list[Any]], Any]) -> dict[str, ScriptedMarket]:
    """Map the ticker's hubs, each with a market of its own; returns the markets by the hub's name."""
    full = ScriptedMarket(FULL_SAMPLE_LISTING, MarketState.CLOSED)
    mini = ScriptedMarket(MINI_SAMPLE_LISTING, MarketState.OPEN)
    map_hubs([partial(StockTickerHub, full.market), partial(StockTickerMiniHub, mini.market)])
    full.market.observe(StockTickerBroadcast(server.hub_context(StockTickerHub)))
    mini.market.observe(StockTickerMiniBroadcast(server.hub_context(StockTickerMiniHub)))
    return {"stockTicker": full, "stockTickerMini": mini}
