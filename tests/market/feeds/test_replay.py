"""Tests for `twisted_ticker.market.feeds.replay`."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.market.fakes import RecordingObserver
from twisted_ticker.market.feeds.recording import Recording
from twisted_ticker.market.feeds.replay import ReplayFeed
from twisted_ticker.market.market import FULL_SAMPLE_LISTING, Market, MarketState

TRADES = (
    (0, "MSFT", Decimal("41.70")),
    (250_000, "GOOG", Decimal("543.00")),
    (250_000, "MSFT", Decimal("41.71")),
    (3_000_000, "MSFT", Decimal("41.72")),
)


class ReplayFeedTests(SynchronousTestCase):
    """Tests for `ReplayFeed`."""

    def setUp(self) -> None:
        self.ends = 0

    def end(self) -> None:
        self.ends += 1

    def market(self, *, speed: float = 1.0) -> tuple[Market, RecordingObserver]:
        """An open market that plays the recording."""
        feed = ReplayFeed(Recording(TRADES), speed=speed, ended=self.end)
        market = Market(FULL_SAMPLE_LISTING, feed=feed, state=MarketState.OPEN)
        return market, RecordingObserver(market)

    def test_trades_come_in_their_time(self) -> None:
        """The first with the first step; the others as time passes, those that are due at once in their order."""
        market, observer = self.market()
        market.step(0.1)
        self.assertEqual(observer.events, ["MSFT 41.70"])
        market.step(0.1)
        market.step(0.1)
        self.assertEqual(observer.events, ["MSFT 41.70", "GOOG 543.00", "MSFT 41.71"])
        for _ in range(2):
            market.step(1.3)
        self.assertEqual((len(observer.events), self.ends), (3, 0))
        market.step(1.3)
        self.assertEqual((observer.events[3:], self.ends), (["MSFT 41.72"], 1))

    def test_it_stays_at_its_end(self) -> None:
        """Afterwards nothing moves, nothing is stale, and the end is told once."""
        market, observer = self.market()
        for _ in range(20):
            market.step(1.0)
        self.assertEqual((len(observer.events), self.ends, market.is_stale), (4, 1, False))

    def test_speed(self) -> None:
        """At four times the speed, it takes a quarter of the time; at half the speed, twice."""
        for speed, elapsed in ((4.0, 0.75), (0.5, 6.0)):
            market, observer = self.market(speed=speed)
            market.step(elapsed - 0.01)
            self.assertEqual(len(observer.events), 3)
            market.step(0.01)
            self.assertEqual(len(observer.events), 4)

    def test_its_time_waits_while_the_market_is_closed(self) -> None:
        """It goes on where it was."""
        market, observer = self.market()
        market.step(0.1)
        market.close_market()
        for _ in range(100):
            market.step(1.0)
        market.open_market()
        market.step(0.1)
        self.assertEqual(observer.events, ["MSFT 41.70", "closed", "opened"])
        market.step(0.1)
        self.assertEqual(observer.events[3:], ["GOOG 543.00", "MSFT 41.71"])

    def test_reset_winds_it_back(self) -> None:
        """From the middle and from the end, all is played again."""
        for elapsed in (0.5, 5.0):
            market, observer = self.market()
            market.step(elapsed)
            market.close_market()
            market.reset()
            market.open_market()
            observer.events.clear()
            market.step(5.0)
            self.assertEqual(observer.events, ["MSFT 41.70", "GOOG 543.00", "MSFT 41.71", "MSFT 41.72"])

    @given(st.lists(st.floats(0, 2)), st.floats(0.1, 10))
    def test_however_time_passes(self, steps: list[float], speed: float) -> None:
        """Each trade comes once, in order, and never too early."""
        feed = ReplayFeed(Recording(TRADES), speed=speed)
        passed, played = 0.0, 0
        for elapsed in steps:
            passed += elapsed * speed
            for symbol, price in feed.trades((), elapsed):
                self.assertEqual((symbol, price), TRADES[played][1:])
                self.assertLessEqual(TRADES[played][0] / 1e6, passed)
                played += 1
        self.assertEqual(played, sum(time / 1e6 <= passed for time, _, _ in TRADES) if steps else 0)
