"""Tests for `twisted_ticker.market.history`."""

from __future__ import annotations

from decimal import Decimal
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.market.fakes import ScriptedFeed
from twisted_ticker.market.history import Curve, CurveChanges, CurveMark, Point, PriceHistory
from twisted_ticker.market.market import Market, MarketState
from twisted_ticker.market.stock import Stock

START = 1_700_000_000

prices = st.integers(1, 10**6).map(lambda cents: Decimal(cents).scaleb(-2))


@st.composite
def trades(draw: st.DrawFn, *, backwards: bool = False) -> list[tuple[float, Decimal]]:
    """Times and prices of a day's trades: now several a second, now none for hours; perhaps the clock is put back."""
    shortest = -100.0 if backwards else 0.0
    wait = st.one_of(st.floats(shortest, 3), st.floats(shortest, 100), st.floats(0, 10_000))
    waits = draw(st.lists(wait, min_size=1, max_size=60))
    return [(START + elapsed, draw(prices)) for elapsed in accumulate(waits)]


limits = st.integers(4, 12)


def curve_of(course: list[tuple[float, Decimal]], limit: int) -> Curve:
    """A curve that was told these trades."""
    curve = Curve(max_points=limit)
    for seconds, price in course:
        curve.add(seconds, price)
    return curve


class Reader:
    """Keeps a copy of a curve, of what is new from time to time."""

    def __init__(self) -> None:
        self.copy: dict[int, Decimal] = {}
        self._mark: CurveMark | None = None

    def read(self, curve: Curve) -> CurveChanges:
        changes = curve.changes_since(self._mark)
        self._mark = changes.mark
        self.copy = {**({} if changes.is_whole else self.copy), **dict(changes.points)}
        return changes


class CurveTests(SynchronousTestCase):
    """Tests for `Curve`."""

    @given(trades(backwards=True), limits)
    def test_it_is_bounded_and_in_order(self, course: list[tuple[float, Decimal]], limit: int) -> None:
        """However many trades there are, there are few points, each later than the one before."""
        curve = Curve(max_points=limit)
        for seconds, price in course:
            curve.add(seconds, price)
            self.assertLessEqual(len(curve.points), limit)
            self.assertTrue(all(earlier < later for (earlier, _), (later, _) in pairwise(curve.points)))

    @given(trades(backwards=True), limits)
    def test_last_price_is_exact(self, course: list[tuple[float, Decimal]], limit: int) -> None:
        """The last point always has the newest price."""
        curve = Curve(max_points=limit)
        for seconds, price in course:
            curve.add(seconds, price)
            self.assertEqual(curve.points[-1][1], price)

    @given(trades(), limits)
    def test_first_point_is_kept(self, course: list[tuple[float, Decimal]], limit: int) -> None:
        """A curve always begins with what the stock cost when the first second was over."""
        seconds = int(course[0][0])
        first_second = [price for at, price in course if int(at) == seconds]
        self.assertEqual(curve_of(course, limit).points[0], (seconds, first_second[-1]))

    @given(trades(), limits)
    def test_each_span_ends_with_its_last_price(self, course: list[tuple[float, Decimal]], limit: int) -> None:
        """No span in which there were trades is left out, and the last price in it is the one that is kept."""
        curve = curve_of(course, limit)
        width = curve.span_seconds
        expected = {int(at) // width: price for at, price in course}
        self.assertEqual({at // width: price for at, price in curve.points}, expected)

    @given(trades(), limits)
    def test_points_are_thinned_no_more_than_needed(self, course: list[tuple[float, Decimal]], limit: int) -> None:
        """Spans half as wide would be more than three quarters of the points that are allowed."""
        curve = curve_of(course, limit)
        half = curve.span_seconds // 2
        if half:
            self.assertGreater(len({int(at) // half for at, _ in course}) + 1, limit * 3 // 4)

    @given(trades(backwards=True), limits)
    def test_it_can_be_restored(self, course: list[tuple[float, Decimal]], limit: int) -> None:
        """A curve made of another one's points has the same points."""
        curve = curve_of(course, limit)
        self.assertEqual(Curve(curve.points, max_points=limit).points, curve.points)

    @given(trades(backwards=True), limits, st.data())
    def test_changes_make_a_copy(self, course: list[tuple[float, Decimal]], limit: int, data: st.DataObject) -> None:
        """Who asks for what is new, however seldom, has the same points as the curve."""
        curve, reader = Curve(max_points=limit), Reader()
        for seconds, price in course:
            curve.add(seconds, price)
            if data.draw(st.booleans()):
                reader.read(curve)
                self.assertEqual(list(reader.copy.items()), curve.points)

    def test_a_day_of_seconds(self) -> None:
        """A curve of a whole day is never longer than 240 points, and seldom much shorter."""
        curve = Curve()
        lengths = set()
        for second in range(86_400):
            curve.add(START + second, Decimal("1.00"))
            lengths.add(len(curve.points) if second >= 240 else 240)
        self.assertEqual(max(lengths), 240)
        self.assertGreater(min(lengths), 110)
        self.assertEqual(curve.span_seconds, 512)

    def test_changes_are_small(self) -> None:
        """A point that is added costs those who follow the curve two points, not all of them."""
        curve, reader = curve_of([(START + second, Decimal("1.00")) for second in range(100)], 240), Reader()
        self.assertEqual(len(reader.read(curve).points), 100)
        curve.add(START + 100, Decimal("2.00"))
        changes = reader.read(curve)
        self.assertFalse(changes.is_whole)
        self.assertEqual(changes.points, [(START + 99, Decimal("1.00")), (START + 100, Decimal("2.00"))])
        curve.add(START + 100.9, Decimal("3.00"))
        self.assertEqual(reader.read(curve).points, [(START + 100, Decimal("3.00"))])

    def test_changes_after_thinning(self) -> None:
        """Who follows a curve learns that points are gone."""
        curve, reader = curve_of([(START + second, Decimal("1.00")) for second in range(240)], 240), Reader()
        reader.read(curve)
        curve.add(START + 240, Decimal("1.00"))
        changes = reader.read(curve)
        self.assertTrue(changes.is_whole)
        self.assertEqual(list(changes.points), curve.points)
        self.assertEqual(len(curve.points), 122)

    def test_changes_of_another_curve(self) -> None:
        """Who has read the curve of the day before gets the new one, whole."""
        before, now, reader = Curve([(START, Decimal("1.00"))]), Curve([(START, Decimal("2.00"))]), Reader()
        reader.read(before)
        self.assertTrue(reader.read(now).is_whole)

    def test_changes_stay_as_they_were_read(self) -> None:
        """What was read does not change with the curve: somebody else may be writing it down meanwhile."""
        curve = Curve([(START, Decimal("1.00"))])
        first = curve.changes_since(None)
        second = curve.changes_since(first.mark)
        curve.add(START, Decimal("2.00"))
        for changes in (first, second):
            self.assertEqual(list(changes.points), [(START, Decimal("1.00"))])

    def test_too_few_points(self) -> None:
        """A curve of fewer than four points is none."""
        self.assertRaises(ValueError, Curve, max_points=3)
        self.assertEqual(Curve(max_points=4).points, [])


class PriceHistoryTests(SynchronousTestCase):
    """Tests for `PriceHistory`."""

    def setUp(self) -> None:
        self.now = float(START)
        self.feed = ScriptedFeed()

    def market(self, *stocks: Stock, state: MarketState = MarketState.OPEN) -> Market:
        """A market of two stocks."""
        listing = [("MSFT", Decimal("41.68")), ("GOOG", Decimal("543.01"))]
        return Market(listing, feed=self.feed, state=state, stocks=stocks)

    def history(self, market: Market, **points: list[Point]) -> PriceHistory:
        """Its history."""
        return PriceHistory(market, seconds=lambda: self.now, points=points)

    def trade(self, market: Market, symbol: str, price: str) -> None:
        """One trade, a second later."""
        self.now += 1
        self.feed.due = [(symbol, Decimal(price))]
        market.step()

    def test_it_begins_with_the_present_prices(self) -> None:
        """Each curve has a point at once, also of a stock that is never traded."""
        history = self.history(self.market())
        self.assertEqual(history.curve("MSFT").points, [(START, Decimal("41.68"))])
        self.assertEqual(history.curve("GOOG").points, [(START, Decimal("543.01"))])

    def test_trades_are_noted(self) -> None:
        """Each trade adds to the curve of its stock, and to no other."""
        history = self.history(market := self.market())
        self.trade(market, "MSFT", "42.00")
        self.trade(market, "MSFT", "41.00")
        expected = [(START, Decimal("41.68")), (START + 1, Decimal("42.00")), (START + 2, Decimal("41.00"))]
        self.assertEqual(history.curve("MSFT").points, expected)
        self.assertEqual(len(history.curve("GOOG").points), 1)

    def test_stocks_that_are_not_listed(self) -> None:
        """They have no curve, even if there was one once."""
        history = self.history(self.market(), AAPL=[(START - 1, Decimal("92.08"))])
        self.assertRaises(KeyError, history.curve, "AAPL")

    def test_only_trades_are_noted(self) -> None:
        """Trading hours, and the source of prices, add nothing."""
        history = self.history(market := self.market())
        self.now += 1
        market.close_market()
        market.open_market()
        self.feed.is_stale = True
        market.step()
        self.assertEqual(len(history.curve("MSFT").points), 1)

    def test_reset_begins_a_new_day(self) -> None:
        """After a reset there is nothing but the opening prices."""
        history = self.history(market := self.market())
        self.trade(market, "MSFT", "42.00")
        market.close_market()
        self.now += 10
        market.reset()
        self.assertEqual(history.curve("MSFT").points, [(START + 11, Decimal("41.68"))])

    def test_curves_are_not_all_thinned_at_once(self) -> None:
        """In a market of many stocks which are all traded every second, only some curves are thinned in each second."""
        symbols = [f"S{number}" for number in range(200)]
        market = Market([(symbol, Decimal("1.00")) for symbol in symbols], feed=self.feed, state=MarketState.OPEN)
        history = self.history(market)
        thinned = []
        for _ in range(300):
            self.now += 1
            before = {symbol: history.curve(symbol).span_seconds for symbol in symbols}
            self.feed.due = [(symbol, Decimal("2.00")) for symbol in symbols]
            market.step()
            thinned.append(sum(history.curve(symbol).span_seconds > before[symbol] for symbol in symbols))
        self.assertEqual(sum(thinned), len(symbols))
        self.assertLessEqual(max(thinned), 4)

    def test_earlier_points(self) -> None:
        """The points of an earlier run come first."""
        points = [(START - 9, Decimal("41.00")), (START - 5, Decimal("42.00"))]
        history = self.history(market := self.market(Stock.opening("MSFT", Decimal("42.00"))), MSFT=points)
        self.assertEqual(history.curve("MSFT").points, points)
        self.trade(market, "MSFT", "43.00")
        self.assertEqual(history.curve("MSFT").points, [*points, (START + 1, Decimal("43.00"))])

    def test_earlier_points_that_end_elsewhere(self) -> None:
        """If they do not end with the present price, it is added."""
        points = [(START - 9, Decimal("41.00"))]
        history = self.history(self.market(), MSFT=points)
        self.assertEqual(history.curve("MSFT").points, [*points, (START, Decimal("41.68"))])

    def test_points_in_the_future(self) -> None:
        """A clock that was wrong in an earlier run does not stop the curve."""
        points = [(START - 9, Decimal("41.00")), (START + 10**8, Decimal("41.68"))]
        history = self.history(self.market(), MSFT=points)
        self.assertEqual(history.curve("MSFT").points, [points[0], (START, Decimal("41.68"))])
