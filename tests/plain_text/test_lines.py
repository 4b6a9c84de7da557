"""Tests for `twisted_ticker.plain_text.lines`."""

from __future__ import annotations

from decimal import Decimal

from twisted.trial.unittest import SynchronousTestCase

from tests.market.fakes import ScriptedFeed
from twisted_ticker.market import FULL_SAMPLE_LISTING, Market, MarketState, Stock
from twisted_ticker.plain_text.lines import price_line, price_table, symbol_width

NOON = 1_700_000_000.9

TABLE = """\
Market closed, 2023-11-14 22:13:20 UTC

Symbol       Price        Open        High         Low      Change           %
GOOG        543.01      543.01      543.01      543.01       +0.00      +0.00%
MSFT         41.68       41.68       41.68       41.68       +0.00      +0.00%
AAPL         92.08       92.08       92.08       92.08       +0.00      +0.00%
"""


class TableTests(SynchronousTestCase):
    """Tests for `price_table`."""

    def test_table(self) -> None:
        """A line of the market's state and the time, a heading, and a line for each stock, in columns."""
        self.assertEqual(price_table(Market(FULL_SAMPLE_LISTING, feed=ScriptedFeed()), NOON), TABLE)

    def test_prices_that_have_moved(self) -> None:
        """Changes are told with their signs, from the day's open."""
        feed = ScriptedFeed(("GOOG", "540.00"), ("MSFT", "42.10"))
        market = Market(FULL_SAMPLE_LISTING, feed=feed, state=MarketState.OPEN)
        market.step()
        state, _, _, goog, msft, aapl = price_table(market, NOON).splitlines()
        self.assertEqual(state, "Market open, 2023-11-14 22:13:20 UTC")
        self.assertEqual(goog.split(), ["GOOG", "540.00", "543.01", "543.01", "540.00", "-3.01", "-0.56%"])
        self.assertEqual(msft.split(), ["MSFT", "42.10", "41.68", "42.10", "41.68", "+0.42", "+1.00%"])
        self.assertEqual(aapl.split()[-2:], ["+0.00", "+0.00%"])
        self.assertEqual({len(line) for line in (goog, msft, aapl)}, {len(TABLE.splitlines()[2])})

    def test_a_source_that_is_down(self) -> None:
        """Prices that are out of date are said to be."""
        feed = ScriptedFeed()
        feed.is_stale = True
        market = Market(FULL_SAMPLE_LISTING, feed=feed)
        market.step()
        lines = price_table(market, NOON).splitlines()
        self.assertEqual(lines[1:3], ["Prices are out of date: their source is down.", ""])

    def test_long_names_and_numbers(self) -> None:
        """The longest symbol makes room for itself; numbers of any length stay apart."""
        listing = [("A LONG SYMBOL", Decimal("999999999999.99")), ("B", Decimal("0.01"))]
        market = Market(listing, feed=ScriptedFeed())
        *_, heads, first, second = price_table(market, NOON).splitlines()
        self.assertEqual(heads.index("Price"), second.index("0.01") - 1)
        self.assertEqual(first.split()[:5], ["A", "LONG", "SYMBOL", "999999999999.99", "999999999999.99"])


class LineTests(SynchronousTestCase):
    """Tests for `price_line`."""

    def test_line(self) -> None:
        """Symbol, price, the latest move, and the day's change."""
        stock = Stock.opening("MSFT", Decimal("41.68")).moved_to(Decimal("42.00")).moved_to(Decimal("41.99"))
        width = symbol_width([stock])
        self.assertEqual(price_line(stock, width), "MSFT         41.99       -0.01      +0.74%")

    def test_room_for_symbols(self) -> None:
        """It is that of the heading at least."""
        self.assertEqual(symbol_width([Stock.opening("A", Decimal("1.00"))]), len("Symbol"))
        self.assertEqual(symbol_width([Stock.opening("A" * 20, Decimal("1.00"))]), 20)
