"""
The day's course of each stock: a curve of bounded length, however long the day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from .market import Market
from .stock import Stock

__all__ = ["Curve", "Point", "PriceHistory"]

#: Whole seconds since the epoch, and the price that the stock then had.
Point = tuple[int, Decimal]

_MAX_POINTS = 240


class Curve:
    """
    The course of one stock: its price at the end of each of many equal spans of time.

    There are never more than so many points: when a curve becomes too long, its spans become twice as wide.

    Args:
        points: those that there are already, oldest first.
        max_points: how long the curve may become; at least 2.

    Attributes:
        span_seconds: width of a span, a power of two.
        points: oldest first; the time of each is the begin of its span.
    """

    __slots__ = ("_max_points", "points", "span_seconds")

    def __init__(self, points: Iterable[Point] = (), *, max_points: int = _MAX_POINTS) -> None:
        self._max_points = max_points
        self.span_seconds = 1
        self.points: list[Point] = []
        for seconds, price in points:
            self.add(seconds, price)

    def add(self, seconds: float, price: Decimal) -> None:
        """
        Note the newest price.

        Args:
            seconds: since the epoch; a time before that of the newest point, as after a change of the clock, counts
                as that of the newest point.
            price: the price.
        """
        start = self._start_of(seconds)
        if self.points and start <= self.points[-1][0]:
            self.points[-1] = (self.points[-1][0], price)
            return
        self.points.append((start, price))
        while len(self.points) > self._max_points:
            self.span_seconds *= 2
            # Later points of a span replace earlier ones.
            self.points = list({self._start_of(at): (self._start_of(at), price) for at, price in self.points}.values())

    def _start_of(self, seconds: float) -> int:
        return int(seconds) // self.span_seconds * self.span_seconds


class PriceHistory:
    """
    The curves of all stocks of a market, since the day began; a `MarketObserver`.

    Args:
        market: the market, which is observed from now on.
        seconds: wall-clock time, since the epoch.
        points: the points that are known from an earlier run, by symbol.
    """

    def __init__(
        self, market: Market, *, seconds: Callable[[], float], points: Mapping[str, Sequence[Point]] | None = None
    ) -> None:
        self._market = market
        self._seconds = seconds
        self._curves: dict[str, Curve] = {}
        self._begin(points or {})
        market.observe(self)

    def curve(self, symbol: str) -> Curve:
        """
        The curve of a stock.

        Raises:
            KeyError: it is not listed.
        """
        return self._curves[symbol]

    def _begin(self, points: Mapping[str, Sequence[Point]]) -> None:
        self._curves = {stock.symbol: Curve(points.get(stock.symbol, ())) for stock in self._market.stocks}
        self.prices_changed([stock for stock in self._market.stocks if not self._curves[stock.symbol].points])

    def prices_changed(self, stocks: Sequence[Stock]) -> None:
        """See `MarketObserver`."""
        now = self._seconds()
        for stock in stocks:
            self._curves[stock.symbol].add(now, stock.price)

    def market_opened(self) -> None:
        """Trading hours do not show in a curve."""

    def market_closed(self) -> None:
        """See `market_opened`."""

    def market_reset(self) -> None:
        """See `MarketObserver`; a new day begins."""
        self._begin({})

    def feed_changed(self, is_stale: bool) -> None:
        """See `market_opened`."""
