"""
The day's course of each stock: a curve of bounded length, however long the day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from .market import Market
from .stock import Stock

__all__ = ["Curve", "CurveChanges", "CurveMark", "Point", "PriceHistory"]

#: Whole seconds since the epoch, and the price that the stock then had.
Point = tuple[int, Decimal]

_MAX_POINTS = 240

# The curves of a market may become so much shorter, each a little different. Otherwise they would all be thinned in one
# step of the market, which would take too long if they are many.
_SPREAD = 60

# With fewer points than that, one unlucky border between two spans would make the spans as wide as the day.
_FEWEST_MAX_POINTS = 4


@dataclass(frozen=True, slots=True)
class CurveMark:
    """
    How far somebody has read a curve.

    Attributes:
        edition: stays the same as long as no point is taken away.
        newest: time of the newest point.
    """

    edition: object
    newest: int


@dataclass(frozen=True, slots=True)
class CurveChanges:
    """
    What has happened to a curve since somebody read it.

    Attributes:
        points: those that are new or have another price, oldest first.
        is_whole: whether these are all points that there are, and any others are gone.
        mark: how far one has read with these.
    """

    points: Sequence[Point]
    is_whole: bool
    mark: CurveMark


class Curve:
    """
    The course of one stock: the first price, and then the price at the end of each of many equal spans of time.

    There are never more than so many points: when a curve becomes too long, its spans become wider, and of the points
    that then share a span only the last one stays, where it is.

    Args:
        points: those that there are already, oldest first; at most one a second.
        max_points: how long the curve may become; at least 4.

    Attributes:
        span_seconds: width of a span, a power of two.
        points: oldest first, at least one second apart; the time of each is the begin of a span, as wide as spans were
            when the point was added.
    """

    __slots__ = ("_edition", "_max_points", "points", "span_seconds")

    def __init__(self, points: Iterable[Point] = (), *, max_points: int = _MAX_POINTS) -> None:
        if max_points < _FEWEST_MAX_POINTS:
            raise ValueError(f"max_points must be at least {_FEWEST_MAX_POINTS}, not {max_points}")
        self._max_points = max_points
        self._edition = object()
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
        if len(self.points) > self._max_points:
            self._thin()

    def changes_since(self, mark: CurveMark | None) -> CurveChanges:
        """
        What is new to somebody who has read this curve, or another one of the same stock, up to a mark; who has read
        nothing gives ``None``.

        Raises:
            IndexError: the curve has no points.
        """
        points = self.points
        now = CurveMark(self._edition, points[-1][0])
        if mark is None or mark.edition is not self._edition:
            return CurveChanges(tuple(points), True, now)
        first = len(points) - 1
        while first and points[first - 1][0] >= mark.newest:
            first -= 1
        return CurveChanges(points[first:], False, now)

    def _thin(self) -> None:
        # To fewer than is needed now, so that it does not have to be done for every single point.
        enough = self._max_points * 3 // 4
        first, *others = self.points
        # How wide spans are, as a power of two, when two neighbours come to share one.
        widths = [(one[0] ^ next_one[0]).bit_length() for one, next_one in pairwise(others)]
        width = sorted(widths, reverse=True)[enough - 2]
        self.span_seconds = 1 << width
        # The first point stays, and of each span the last one.
        self.points = [first, *(point for point, its in zip(others, widths, strict=False) if its > width), others[-1]]
        self._edition = object()

    def _start_of(self, seconds: float) -> int:
        return int(seconds) // self.span_seconds * self.span_seconds


class PriceHistory:
    """
    The curves of all stocks of a market, since the day began; a `MarketObserver`.

    Each has a point at least, and the price of its last point is always the present one.

    Args:
        market: the market, which is observed from now on.
        seconds: wall-clock time, since the epoch.
        points: the points that are known from an earlier run, by symbol; those in the future, which a clock that was
            wrong has left behind, are left out.
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
        now = self._seconds()
        self._curves = {
            stock.symbol: Curve(
                (point for point in points.get(stock.symbol, ()) if point[0] <= now),
                max_points=_MAX_POINTS - number % _SPREAD,
            )
            for number, stock in enumerate(self._market.stocks)
        }
        self.prices_changed([stock for stock in self._market.stocks if not self._is_noted(stock)])

    def _is_noted(self, stock: Stock) -> bool:
        points = self._curves[stock.symbol].points
        return bool(points) and points[-1][1] == stock.price

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
