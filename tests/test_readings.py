"""Tests for `twisted_ticker.readings`."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import twisted_ticker
from twisted_ticker.market import Market, MarketService, MarketState, RandomFeed
from twisted_ticker.market.feeds.polling import PollingFeed
from twisted_ticker.readings import ticker_readings


class Saving:
    """What of a recorder is told."""

    failed_saves = 3


class TickerReadingsTests(SynchronousTestCase):
    """What the ticker tells."""

    def setUp(self) -> None:
        self.clock = Clock()
        feed = RandomFeed(Random(1))
        self.market = Market([("A", Decimal("1.00"))], feed=feed, state=MarketState.CLOSED, name="probe")
        self.service = MarketService([self.market], interval_seconds=1, clock=self.clock)

    def numbers(self, **others: Any) -> dict[str, float]:
        """All numbers as they are now, counters as Prometheus names them."""
        given = {"feed": RandomFeed(Random(1)), "recorder": None, "conflated_quotes": lambda: 5, "followers": lambda: 7}
        readings = ticker_readings(self.market, service=self.service, **{**given, **others})
        return {f"{reading.name}_total" if reading.counts else reading.name: reading.read() for reading in readings}

    def test_numbers(self) -> None:
        """The market's, and what is handed in."""
        expected = {
            "stockticker_market_open": 0,
            "stockticker_market_steps_failed_total": 0,
            "stockticker_quotes_conflated_total": 5,
            "stockticker_followers": 7,
            "stockticker_feed_stale": 0,
        }
        self.assertEqual(self.numbers(), expected)
        self.market.open_market()
        self.service.failed_steps = 2
        changed = {"stockticker_market_open": 1, "stockticker_market_steps_failed_total": 2}
        self.assertEqual(self.numbers(), expected | changed)

    def test_a_store(self) -> None:
        """With one, there are failures to be told."""
        self.assertEqual(self.numbers(recorder=Saving())["stockticker_saves_failed_total"], 3)

    def test_a_source_that_is_asked(self) -> None:
        """With one, there are questions, failures and bad quotes to be told."""
        source: Any = None
        feed = PollingFeed(source, ["A"], name="probe", period_seconds=1, clock=self.clock, random=Random(1))
        feed.polls, feed.failed_polls, feed.refused_quotes = 9, 4, 2
        numbers = self.numbers(feed=feed)
        self.assertEqual(
            {name: numbers[name] for name in numbers if name.startswith("stockticker_feed_")},
            {
                "stockticker_feed_stale": 0,
                "stockticker_feed_polls_total": 9,
                "stockticker_feed_polls_failed_total": 4,
                "stockticker_feed_quotes_refused_total": 2,
            },
        )

    def test_all_are_documented(self) -> None:
        """Each has its row in the table."""
        text = (Path(twisted_ticker.__file__).parent.parent / "docs" / "operations.md").read_text("utf-8")
        source: Any = None
        feed = PollingFeed(source, ["A"], name="probe", period_seconds=1, clock=self.clock, random=Random(1))
        for name in self.numbers(recorder=Saving(), feed=feed):
            self.assertIn(f"\n| `{name}` |", text)
