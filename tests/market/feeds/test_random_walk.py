"""Tests for `twisted_ticker.market.feeds.random_walk`."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.market.fakes import DOWN, STAY, UP, RecordingObserver, ScriptedRandom
from twisted_ticker.market.feeds.random_walk import PriceMoves, RandomFeed
from twisted_ticker.market.market import FULL_SAMPLE_LISTING, Market, MarketState
from twisted_ticker.market.stock import Stock

TUTORIAL_MOVES = PriceMoves()


def market_at(price: str, *draws: float, moves: PriceMoves = TUTORIAL_MOVES) -> Market:
    """An open market of one stock at that price, with scripted chance."""
    listing = [("MSFT", Decimal(price))]
    return Market(listing, feed=RandomFeed(ScriptedRandom(*draws), moves), state=MarketState.OPEN)


class PriceMovesTests(SynchronousTestCase):
    """Tests for `PriceMoves`."""

    def test_fractions_outside_zero_to_one_are_refused(self) -> None:
        """Each setting is from 0 to 1."""
        for name in ("chance", "range_fraction", "up_probability"):
            for possible in (0, 0.5, 1):
                PriceMoves(**{name: possible})
            for impossible in (-0.001, 1.001, float("nan")):
                with self.assertRaises(ValueError, msg=f"{name} {impossible}"):
                    PriceMoves(**{name: impossible})


class RandomFeedTests(SynchronousTestCase):
    """Tests for `RandomFeed`, in a market."""

    def test_prices_move_as_chance_decides(self) -> None:
        """The draws are chance, size and direction; the size is a fraction of 0.2 % of the price."""
        cases = [
            # (price, draws, next price, last change)
            ("100.00", (0.0, 0.5, UP), "100.10", "0.10"),
            ("100.00", (0.0, 0.5, DOWN), "99.90", "-0.10"),
            ("100.00", (0.1, 0.5, UP), "100.10", "0.10"),
            ("100.00", (0.0, 0.5, 0.999), "100.10", "0.10"),
            ("100.00", (0.0, 0.5, 0.0), "99.90", "-0.10"),
            ("543.01", (0.05, 0.999999, UP), "544.10", "1.09"),
            ("45.00", (0.0, 0.5, UP), "45.04", "0.04"),  # 0.045: half to even
            ("55.00", (0.0, 0.5, UP), "55.06", "0.06"),  # 0.055: half to even
            ("50.00", (0.0, 0.45, UP), "50.04", "0.04"),  # 0.045, although the binary 0.45 is a little more
            ("100.00", (0.0, 0.0, UP), "100.00", "0.00"),
            ("100.00", (0.0, 0.0, DOWN), "100.00", "0.00"),
            ("2.50", (0.0, 0.999, DOWN), "2.50", "0.00"),  # less than half a cent
            ("0.01", (0.0, 0.999, DOWN), "0.01", "0.00"),
        ]
        for price, draws, next_price, last_change in cases:
            market = market_at(price, *draws)
            observer = RecordingObserver(market)
            market.step()
            [stock] = market.stocks
            self.assertEqual((str(stock.price), str(stock.last_change)), (next_price, last_change), draws)
            self.assertEqual(observer.stocks, [stock])

    def test_nothing_happens_when_chance_is_above_a_tenth(self) -> None:
        """A stock that stays needs one draw and is not announced."""
        market = market_at("100.00", *STAY)
        observer = RecordingObserver(market)
        market.step()
        self.assertEqual((market.stocks[0].price, observer.events), (Decimal("100.00"), []))

    def test_each_stock_has_its_own_draws_in_the_order_of_the_list(self) -> None:
        """The first and last stock move, the one between them stays; both are announced in order."""
        chance = ScriptedRandom(0.0, 0.5, UP, *STAY, 0.0, 0.5, DOWN)
        market = Market(FULL_SAMPLE_LISTING, feed=RandomFeed(chance), state=MarketState.OPEN)
        observer = RecordingObserver(market)
        market.step()
        self.assertEqual([str(stock.price) for stock in market.stocks], ["543.55", "41.68", "91.99"])
        self.assertEqual(observer.events, ["GOOG 543.55", "AAPL 91.99"])

    def test_settings_replace_the_tutorials_numbers(self) -> None:
        """Chance, range and direction follow the settings; even the wildest fall ends at one cent."""
        wild = PriceMoves(chance=1, range_fraction=1, up_probability=0)
        market = market_at("100.00", 0.999, 0.25, 0.999, 0.999, 0.99999, 0.999, moves=wild)
        market.step()
        self.assertEqual(str(market.stocks[0].price), "75.00")
        market.step()
        self.assertEqual(str(market.stocks[0].price), "0.01")

    def test_same_seed_gives_same_prices(self) -> None:
        """Chance is the only thing that decides."""

        def play(seed: int) -> tuple[Stock, ...]:
            market = Market(FULL_SAMPLE_LISTING, feed=RandomFeed(Random(seed)), state=MarketState.OPEN)
            for _ in range(500):
                market.step()
            return market.stocks

        self.assertEqual(play(7), play(7))
        self.assertNotEqual(play(7), play(8))

    @given(
        cents=st.integers(1, 100_000),
        range_fraction=st.floats(0, 1),
        draws=st.lists(st.floats(0, 1, exclude_max=True), max_size=60),
    )
    @example(cents=1, range_fraction=1.0, draws=[0.999, 0.999, 0.0])
    def test_prices_stay_possible_whatever_chance_does(
        self, cents: int, range_fraction: float, draws: list[float]
    ) -> None:
        """Prices are whole cents, at least one, within a range of the day that never shrinks."""
        moves = PriceMoves(chance=1, range_fraction=range_fraction)
        market = market_at(str(Decimal(cents) / 100), *draws, moves=moves)
        for _ in range(len(draws) // 3):
            [before] = market.stocks
            market.step()
            [after] = market.stocks
            self.assertGreaterEqual(after.price, Decimal("0.01"))
            for amount in (after.price, after.day_low, after.day_high, after.last_change, after.change):
                self.assertEqual(amount.as_tuple().exponent, -2)
            self.assertTrue(after.day_low <= after.price <= after.day_high)
            self.assertTrue(after.day_low <= before.day_low and before.day_high <= after.day_high)
            self.assertEqual(after.price, before.price + after.last_change)

    def test_a_reset_changes_nothing(self) -> None:
        """Chance goes on, and never goes stale."""
        chance = ScriptedRandom(0.0, 0.5, UP)
        feed = RandomFeed(chance)
        feed.restart()
        self.assertEqual(len(chance.remaining), 3)
        self.assertFalse(feed.is_stale)
