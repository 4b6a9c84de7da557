"""
The market: which stocks are listed, whether they are traded, and how their prices move.

It knows neither clock nor network: somebody else calls `Market.step` as time passes, a `Feed` says what is traded
meanwhile, and whoever wants to know of changes observes. A market belongs to one thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from enum import Enum
from typing import Protocol

from .feeds import Feed
from .stock import Stock

__all__ = [
    "FULL_SAMPLE_LISTING",
    "MINI_SAMPLE_LISTING",
    "Market",
    "MarketError",
    "MarketObserver",
    "MarketState",
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


class MarketObserver(Protocol):
    """
    Somebody who is told what happens in a market, each time after it has happened.

    An observer may use the market while it is told: what it changes is announced, to everybody, after all
    have been told of the present event. All observers thus hear of all events in the same order.
    """

    def prices_changed(self, stocks: Sequence[Stock]) -> None:
        """
        Stocks were traded, all in one step.

        Args:
            stocks: each as its trade has left it, in the order of the trades. Who was traded twice is there twice; a
                price may be the one that there was before (``last_change`` is then 0.00).
        """

    def market_opened(self) -> None:
        """Trading began."""

    def market_closed(self) -> None:
        """Trading ended."""

    def market_reset(self) -> None:
        """All stocks are back at their opening prices."""

    def feed_changed(self, is_stale: bool) -> None:
        """Prices are out of date, because their source is down; or they are no longer."""


_Event = Callable[[MarketObserver], None]


class Market:
    """
    A list of stocks that are traded while the market is open.

    Args:
        opening_prices: symbol and first price of each stock.
        feed: says what is traded.
        state: whether the market starts open. One that is never closed is always open.
        stocks: how stocks were left by an earlier run; those that are not listed (any more) are left out, and those
            that are missing start at their opening prices.
        name: what logs call this market.

    Raises:
        ValueError: no stock at all, a symbol listed twice, or a price that is not a positive number of whole
            cents.
    """

    def __init__(
        self,
        opening_prices: Iterable[tuple[str, Decimal]],
        *,
        feed: Feed,
        state: MarketState = MarketState.CLOSED,
        stocks: Iterable[Stock] = (),
        name: str = "market",
    ) -> None:
        self.name = name
        self._opening = _opening_stocks(opening_prices)
        left = {stock.symbol: stock for stock in stocks}
        self._stocks = {symbol: left.get(symbol, stock) for symbol, stock in self._opening.items()}
        self._feed = feed
        self._is_stale = feed.is_stale
        self._state = state
        self._observers: list[MarketObserver] = []
        # What has happened and has not yet been announced to everybody, oldest first.
        self._events: deque[_Event] = deque()
        self._is_announcing = False

    @property
    def stocks(self) -> tuple[Stock, ...]:
        """All stocks as they are now, in the order in which they were listed."""
        return tuple(self._stocks.values())

    @property
    def is_stale(self) -> bool:
        """Whether prices are out of date, because their source is down."""
        return self._is_stale

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
        self._feed.restart()
        self._announce([lambda observer: observer.market_reset()])

    def step(self, elapsed_seconds: float = 0.0) -> None:
        """
        Let a little time pass: if the market is open, what the feed says is traded.

        All prices of a step change at once; then they are announced, all together.

        Args:
            elapsed_seconds: how much time has passed since the step before.

        Raises:
            ValueError: the feed named a stock that is not listed, or a price that no stock can have. Nothing has
                changed then.
        """
        self._set_stale(self._feed.is_stale)
        if self._state is MarketState.CLOSED:
            return
        stocks = dict(self._stocks)
        traded = []
        for symbol, price in self._feed.trades(self.stocks, elapsed_seconds):
            if symbol not in stocks:
                raise ValueError(f"not listed: {symbol}")
            stocks[symbol] = stocks[symbol].moved_to(price)
            traded.append(stocks[symbol])
        self._stocks = stocks
        if traded:
            self._announce([lambda observer: observer.prices_changed(traded)])

    def _set_stale(self, is_stale: bool) -> None:
        if self._is_stale != is_stale:
            self._is_stale = is_stale
            self._announce([lambda observer: observer.feed_changed(is_stale)])

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


def _opening_stocks(opening_prices: Iterable[tuple[str, Decimal]]) -> dict[str, Stock]:
    stocks: dict[str, Stock] = {}
    for symbol, price in opening_prices:
        if symbol in stocks:
            raise ValueError(f"listed twice: {symbol}")
        stocks[symbol] = Stock.opening(symbol, price)
    if not stocks:
        raise ValueError("a market needs at least one stock")
    return stocks
