"""Tests for `twisted_ticker.market.feeds.making`."""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent

from tests.market.test_tables import FileTestCase
from twisted_ticker.market.feeds import Feed
from twisted_ticker.market.feeds.making import prepare_feed
from twisted_ticker.market.feeds.polling import PollingFeed
from twisted_ticker.market.feeds.specification import HttpSpec, RandomSpec, ReplaySpec
from twisted_ticker.market.market import FULL_SAMPLE_LISTING, Market, MarketState
from twisted_ticker.market.tables import FileError

LISTED = [symbol for symbol, _ in FULL_SAMPLE_LISTING]


class PrepareFeedTests(FileTestCase):
    """Tests for `prepare_feed`."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()

    def prices(self, feed: Feed) -> list[str]:
        """Where prices are after a hundred steps of a quarter of a second."""
        market = Market(FULL_SAMPLE_LISTING, feed=feed, state=MarketState.OPEN)
        for _ in range(100):
            market.step(0.25)
        return [str(stock.price) for stock in market.stocks]

    def test_random(self) -> None:
        """With a seed the prices are the same each time, without they are not."""
        for first, second, are_equal in (("a", "a", True), ("a", "b", False), (None, None, False)):
            feeds = [prepare_feed(RandomSpec(seed), LISTED)(self.reactor) for seed in (first, second)]
            self.assertFalse(any(IService.providedBy(feed) for feed in feeds))
            self.assertEqual(self.prices(feeds[0]) == self.prices(feeds[1]), are_equal)

    def test_replay(self) -> None:
        """The file is read when the feed is prepared; its end is in the log."""
        path = self.file("0,MSFT,42\n49,MSFT,43\n")
        make = prepare_feed(ReplaySpec(path, 2.0), LISTED)
        with open(path, "w"):
            pass
        for _ in range(2):
            with capturedLogs() as events:
                self.assertEqual(self.prices(make(self.reactor)), ["543.01", "43.00", "92.08"])
            self.assertEqual([formatEvent(event) for event in events], [f"The recording {path} has ended"])

    def test_no_recording(self) -> None:
        """What cannot be played is refused at once."""
        for path in ("/nowhere.csv", self.file("0,YHOO,42\n")):
            self.assertRaises(FileError, prepare_feed, ReplaySpec(path), LISTED)

    def test_http(self) -> None:
        """It asks the URL once it is started, as often as was said."""
        feed: Any = prepare_feed(HttpSpec("http://127.0.0.1:88/quotes?key=secret", 0.5, 2.0), LISTED)(self.reactor)
        self.assertIsInstance(feed, PollingFeed)
        self.assertTrue(IService.providedBy(feed))
        self.assertTrue(feed.is_stale)
        self.assertEqual(self.reactor.tcpClients, [])
        with capturedLogs() as events:
            feed.startService()
            self.assertEqual(self.reactor.tcpClients[0][:2], ("127.0.0.1", 88))
            self.reactor.advance(2.0)
            self.reactor.advance(0.5)
        self.assertEqual(len(self.reactor.tcpClients), 2)
        self.assertEqual(
            [formatEvent(event) for event in events],
            ["http://127.0.0.1:88/quotes gives no quotes: no answer within 2 seconds (failures so far: 1)"],
        )
        self.successResultOf(feed.stopService())
        self.assertEqual(self.reactor.getDelayedCalls(), [])
