"""
The market: which stocks are listed, whether they are traded, and how their prices move.

It knows neither clock nor network: somebody else calls `Market.step` as time passes, randomness comes in as
an argument, and whoever wants to know of changes observes. A market belongs to one thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Protocol

from .stock import LOWEST_PRICE, Stock, quantize_cents

__all__ = [
    "FULL_SAMPLE_LISTING",
    "MINI_SAMPLE_LISTING",
    "Market",
    "MarketError",
    "MarketObserver",
    "MarketState",
    "PriceMoves",
    "RandomSource",
]

FULL_SAMPLE_LISTING = (
    ("GOOG", Decimal("543.01")),
    ("MSFT", Decimal("41.68")),
    ("AAPL", Decimal("92.08")),
)
"""Opening prices of the sample that Microsoft's tutorial installs from its package."""

MINI_SAMPLE_LISTING = (
    ("MSFT", Decimal("30.31")),
    ("APPL", Decimal("578.18")),  # the tutorial's spelling; its pages show the symbol as it comes
    ("GOOG", Decimal("570.30")),
)
"""Opening prices of the sample that the tutorial's reader writes."""


class MarketState(Enum):
    """Whether stocks are traded; the values are the names that pages show."""

    OPEN = "Open"
    CLOSED = "Closed"


class MarketError(Exception):
    """The market refuses what was asked; the text may be shown to whoever asked."""


class RandomSource(Protocol):
    """Where chance comes from; `random.Random` is one."""

    def random(self) -> float:
        """The next number, at least 0 and less than 1."""


class MarketObserver(Protocol):
    """
    Somebody who is told what happens in a market, each time after it has happened.

    An observer may use the market while it is told: what it changes is announced, to everybody, after all
    have been told of the present event. All observers thus hear of all events in the same order.
    """

    def price_changed(self, stock: Stock) -> None:
        """A stock was traded; its price may be the one it had (``last_change`` is then 0.00)."""

    def market_opened(self) -> None:
        """Trading began."""

    def market_closed(self) -> None:
        """Trading ended."""

    def market_reset(self) -> None:
        """All stocks are back at their opening prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceMoves:
    """
    How lively prices are. The defaults, and the comparisons made, are the tutorial's (``StockTicker.cs``).

    Attributes:
        chance: probability, for each stock and step, that it moves.
        range_fraction: the furthest a price moves in one step, as a fraction of the price.
        up_probability: probability that a move is upwards.

    Raises:
        ValueError: one of them is not between 0 and 1.
    """

    chance: float = 0.1
    range_fraction: float = 0.002
    up_probability: float = 0.49

    def __post_init__(self) -> None:
        for name in ("chance", "range_fraction", "up_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, not {getattr(self, name)}")

    def next_price(self, price: Decimal, random: RandomSource) -> Decimal | None:
        """
        The price after one step, or None if it does not move in this step.

        Draws one number to see whether the price moves and, only if it does, two more: how far, and where to.

        Returns:
            Whole cents, at least `LOWEST_PRICE`; the same price if the move is less than half a cent.
        """
        if random.random() > self.chance:
            return None
        # By way of text: 0.001 should mean just that, not the binary fraction nearest to it.
        fraction = Decimal(str(random.random())) * Decimal(str(self.range_fraction))
        distance = quantize_cents(price * fraction)
        is_up = random.random() > 1 - self.up_probability
        return max(LOWEST_PRICE, price + distance if is_up else price - distance)


_Event = Callable[[MarketObserver], None]


class Market:
    """
    A list of stocks that are traded while the market is open.

    Args:
        opening_prices: symbol and first price of each stock.
        random: decides which prices move, and how.
        moves: how lively prices are.
        state: whether the market starts open. One that is never closed is always open.
        name: what logs call this market.

    Raises:
        ValueError: no stock at all, a symbol listed twice, or a price that is not a positive number of whole
            cents.
    """

    def __init__(
        self,
        opening_prices: Iterable[tuple[str, Decimal]],
        *,
        random: RandomSource,
        moves: PriceMoves = PriceMoves(),
        state: MarketState = MarketState.CLOSED,
        name: str = "market",
    ) -> None:
        self.name = name
        self._opening = _opening_stocks(opening_prices)
        self._stocks = self._opening
        self._random = random
        self._moves = moves
        self._state = state
        self._observers: list[MarketObserver] = []
        # What has happened and has not yet been announced to everybody, oldest first.
        self._events: deque[_Event] = deque()
        self._is_announcing = False

    @property
    def stocks(self) -> tuple[Stock, ...]:
        """All stocks as they are now, in the order in which they were listed."""
        return self._stocks

    @property
    def state(self) -> MarketState:
        """Whether stocks are traded now."""
        return self._state

    def observe(self, observer: MarketObserver) -> None:
        """
        Tell this observer, after those added before it, of all that happens from now on.

        If an observer fails, the others are told nevertheless and what happened stays so; then the method
        that made it happen raises an `ExceptionGroup` of all that was raised by observers.
        """
        self._observers.append(observer)

    def open_market(self) -> None:
        """Begin trading; do nothing if the market is open."""
        self._enter(MarketState.OPEN, lambda observer: observer.market_opened())

    def close_market(self) -> None:
        """End trading; do nothing if the market is closed."""
        self._enter(MarketState.CLOSED, lambda observer: observer.market_closed())

    def reset(self) -> None:
        """
        Put all stocks back at their opening prices, as on a new day.

        Raises:
            MarketError: the market is open.
        """
        if self._state is MarketState.OPEN:
            raise MarketError("Market must be closed before it can be reset.")
        self._stocks = self._opening
        self._announce([lambda observer: observer.market_reset()])

    def step(self) -> None:
        """
        Let a little time pass: if the market is open, each stock may move once.

        All prices of a step change at once; then each move is announced, in the order of the list.
        """
        if self._state is MarketState.CLOSED:
            return
        nexts = [(stock, self._moves.next_price(stock.price, self._random)) for stock in self._stocks]
        moved = {stock.symbol: stock.moved_to(price) for stock, price in nexts if price is not None}
        self._stocks = tuple(moved.get(stock.symbol, stock) for stock in self._stocks)
        self._announce(_price_change(stock) for stock in moved.values())

    def _enter(self, state: MarketState, event: _Event) -> None:
        if self._state is not state:
            self._state = state
            self._announce([event])

    def _announce(self, events: Iterable[_Event]) -> None:
        """Tell all observers of the events; raise what they raised only after all have been told."""
        self._events.extend(events)
        if self._is_announcing:
            return  # An observer made this happen. The call that told it goes on to these events.
        errors: list[Exception] = []
        self._is_announcing = True
        try:
            while self._events:
                errors += self._tell_observers(self._events.popleft())
        finally:
            self._is_announcing = False
        if errors:
            raise ExceptionGroup(f"observers of {self.name} failed", errors)

    def _tell_observers(self, event: _Event) -> list[Exception]:
        errors = []
        for observer in tuple(self._observers):
            try:
                event(observer)
            except Exception as error:  # Raised again when all have been told.
                errors.append(error)
        return errors


def _opening_stocks(opening_prices: Iterable[tuple[str, Decimal]]) -> tuple[Stock, ...]:
    stocks = {}
    for symbol, price in opening_prices:
        if symbol in stocks:
            raise ValueError(f"listed twice: {symbol}")
        stocks[symbol] = Stock.opening(symbol, price)
    if not stocks:
        raise ValueError("a market needs at least one stock")
    return tuple(stocks.values())


def _price_change(stock: Stock) -> _Event:
    return lambda observer: observer.price_changed(stock)
