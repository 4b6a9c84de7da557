"""In-memory stand-ins for what a market is given: chance, and observers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from twisted_ticker.market.market import Market
from twisted_ticker.market.stock import Stock

# Draws for one stock: the tutorial lets it stay if the first is above 0.1;
# a move goes up if the third is above 0.51.
STAY = (0.11,)
UP = 0.52
DOWN = 0.51


class ScriptedRandom:
    """A random source that gives the numbers it was told to give, and an IndexError after the last."""

    def __init__(self, *numbers: float) -> None:
        self.remaining = list(numbers)

    def random(self) -> float:
        return self.remaining.pop(0)


class ScriptedFeed:
    """A feed that says what it is told to say, once; then nothing."""

    def __init__(self, *trades: tuple[str, str]) -> None:
        self.due = [(symbol, Decimal(price)) for symbol, price in trades]
        self.is_stale = False
        self.restarts = 0
        self.elapsed: list[float] = []

    def trades(self, stocks: Sequence[Stock], elapsed_seconds: float) -> list[tuple[str, Decimal]]:
        self.elapsed.append(elapsed_seconds)
        due, self.due = self.due, []
        return due

    def restart(self) -> None:
        self.restarts += 1


class RecordingObserver:
    """An observer that keeps what it was told: ``(event, the market's state and prices at that time)``."""

    def __init__(self, market: Market) -> None:
        self.events: list[str] = []
        self.stocks: list[Stock] = []
        self.states: list[str] = []
        self.prices: list[list[str]] = []
        self._market = market
        market.observe(self)

    def prices_changed(self, stocks: Sequence[Stock]) -> None:
        self.stocks += stocks
        self._record(*(f"{stock.symbol} {stock.price}" for stock in stocks))

    def market_opened(self) -> None:
        self._record("opened")

    def market_closed(self) -> None:
        self._record("closed")

    def market_reset(self) -> None:
        self._record("reset")

    def feed_changed(self, is_stale: bool) -> None:
        self._record("stale" if is_stale else "fresh")

    def _record(self, *events: str) -> None:
        self.events += events
        self.states.append(self._market.state.value)
        self.prices.append([str(stock.price) for stock in self._market.stocks])


class CallingObserver:
    """An observer that makes the same call at every event."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call

    def prices_changed(self, stocks: Sequence[Stock]) -> None:
        self._call()

    def market_opened(self) -> None:
        self._call()

    def market_closed(self) -> None:
        self._call()

    def market_reset(self) -> None:
        self._call()

    def feed_changed(self, is_stale: bool) -> None:
        self._call()


class ObserverError(Exception):
    """What a failing observer raises."""


def fail() -> None:
    """The call of a failing observer."""
    raise ObserverError
