"""In-memory stand-ins for what a market is given: chance, and observers."""

from __future__ import annotations

from collections.abc import Callable

from twisted_ticker.market.market import Market
from twisted_ticker.market.stock import Stock


class ScriptedRandom:
    """A random source that gives the numbers it was told to give, and an IndexError after the last."""

    def __init__(self, *numbers: float) -> None:
        self.remaining = list(numbers)

    def random(self) -> float:
        return self.remaining.pop(0)


class RecordingObserver:
    """An observer that keeps what it was told: ``(event, the market's state and prices at that time)``."""

    def __init__(self, market: Market) -> None:
        self.events: list[str] = []
        self.stocks: list[Stock] = []
        self.states: list[str] = []
        self.prices: list[list[str]] = []
        self._market = market
        market.observe(self)

    def price_changed(self, stock: Stock) -> None:
        self.stocks.append(stock)
        self._record(f"{stock.symbol} {stock.price}")

    def market_opened(self) -> None:
        self._record("opened")

    def market_closed(self) -> None:
        self._record("closed")

    def market_reset(self) -> None:
        self._record("reset")

    def _record(self, event: str) -> None:
        self.events.append(event)
        self.states.append(self._market.state.value)
        self.prices.append([str(stock.price) for stock in self._market.stocks])


class CallingObserver:
    """An observer that makes the same call at every event."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call

    def price_changed(self, stock: Stock) -> None:
        self._call()

    def market_opened(self) -> None:
        self._call()

    def market_closed(self) -> None:
        self._call()

    def market_reset(self) -> None:
        self._call()


class ObserverError(Exception):
    """What a failing observer raises."""


def fail() -> None:
    """The call of a failing observer."""
    raise ObserverError
