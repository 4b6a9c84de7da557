"""Tests for `benchmarks.market`: its recording, and how it judges what came of it."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from benchmarks.market import PERIOD_SECONDS, STOCKS, judge, recording, stock_list
from twisted_ticker.market.feeds.recording import Recording
from twisted_ticker.market.feeds.replay import ReplayFeed
from twisted_ticker.market.listing import read_listing

TICKS = 6

#: Steps come on time, give or take; they are told the time since the last one.
LATENESSES = st.lists(st.floats(min_value=-0.1, max_value=0.1), min_size=TICKS, max_size=TICKS)


class RecordingTests(SynchronousTestCase):
    """Tests for `stock_list` and `recording`: the application can read them, and each step plays one tick."""

    def setUp(self) -> None:
        directory = Path(self.mktemp())
        directory.mkdir()
        stocks, trades = directory / "stocks.csv", directory / "recording.csv"
        stocks.write_text(stock_list(), encoding="ascii")
        trades.write_text(recording(TICKS), encoding="ascii")
        self.symbols = [symbol for symbol, _ in read_listing(str(stocks))]
        self.recording = Recording.read(str(trades), self.symbols)

    def test_sizes(self) -> None:
        """All stocks are listed, and all of them move in each tick."""
        self.assertEqual(len(set(self.symbols)), STOCKS)
        self.assertEqual(len(self.recording), STOCKS * TICKS)

    @given(LATENESSES)
    def test_a_tick_a_step(self, latenesses: list[float]) -> None:
        """Each step moves every stock, to the price that tells the number of the tick."""
        feed = ReplayFeed(self.recording)
        now = 0.0
        for step, lateness in enumerate(latenesses, 1):
            elapsed, now = step * PERIOD_SECONDS + lateness - now, step * PERIOD_SECONDS + lateness
            self.assertEqual(
                list(feed.trades((), elapsed)), [(symbol, Decimal(1000 + step)) for symbol in self.symbols]
            )


def spread(number: int, first_ms: float, last_ms: float, clients: int = 10) -> dict[str, Any]:
    return {"number": number, "first_ms": first_ms, "last_ms": last_ms, "clients": clients}


class JudgeTests(SynchronousTestCase):
    """Tests for `judge`."""

    def test_all_in_time(self) -> None:
        """Ticks that reach all viewers in their period are in time; the slowest of them is told."""
        spreads = [spread(1001, 0, 250), spread(1002, 250, 400), spread(1003, 500, 600)]
        self.assertEqual(
            judge(spreads, 10, 3),
            {"market_ticks": 3, "market_ticks_in_time": 3, "market_worst_ms": 250, "market_worst_spread_ms": 250},
        )

    def test_late(self) -> None:
        """A tick that reaches some viewers too late is not in time."""
        self.assertEqual(judge([spread(1001, 0, 251), spread(1002, 250, 400)], 10, 2)["market_ticks_in_time"], 1)

    def test_begun_late(self) -> None:
        """Nor is one that is quick, but begins late; when a step was due is told by the promptest tick."""
        spreads = [spread(1001, 0, 20), spread(1002, 240, 260), spread(1003, 760, 780)]
        figures = judge(spreads, 10, 3)
        self.assertEqual(figures["market_ticks_in_time"], 2)
        self.assertEqual((figures["market_worst_ms"], figures["market_worst_spread_ms"]), (290, 20))

    def test_not_everybody(self) -> None:
        """Nor is one that did not reach every viewer."""
        self.assertEqual(judge([spread(1001, 0, 20, 9)], 10, 1)["market_ticks_in_time"], 0)

    def test_missing(self) -> None:
        """A tick that never came is not in time, and those behind it are judged by their own time."""
        figures = judge([spread(1001, 0, 20), spread(1003, 500, 520)], 10, 3)
        self.assertEqual((figures["market_ticks_in_time"], figures["market_worst_ms"]), (2, 20))

    def test_nothing(self) -> None:
        """Where nothing came, nothing was in time."""
        figures = judge([], 10, 3)
        self.assertEqual((figures["market_ticks_in_time"], figures["market_worst_ms"]), (0, math.inf))
