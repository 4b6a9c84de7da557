"""Tests for `twisted_ticker.market.market`."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.market.fakes import (
    DOWN,
    STAY,
    UP,
    CallingObserver,
    ObserverError,
    RecordingObserver,
    ScriptedFeed,
    ScriptedRandom,
    fail,
)
from twisted_ticker.market.feeds import RandomFeed
from twisted_ticker.market.market import (
    FULL_SAMPLE_LISTING,
    MINI_SAMPLE_LISTING,
    Market,
    MarketError,
    MarketState,
)
from twisted_ticker.market.stock import Stock


def market_at(price: str, *draws: float) -> Market:
    """An open market of one stock at that price, with scripted chance."""
    return Market([("MSFT", Decimal(price))], feed=RandomFeed(ScriptedRandom(*draws)), state=MarketState.OPEN)


def sample_market(*draws: float) -> Market:
    """The tutorial's full sample, closed, with scripted chance."""
    return Market(FULL_SAMPLE_LISTING, feed=RandomFeed(ScriptedRandom(*draws)))


class ListingTests(SynchronousTestCase):
    """What a market is made of."""

    def test_sample_listings_are_the_tutorials(self) -> None:
        """Symbols, prices and order are those that the tutorial's pages show."""
        listings = (FULL_SAMPLE_LISTING, MINI_SAMPLE_LISTING)
        shown = [[f"{symbol} {price}" for symbol, price in listing] for listing in listings]
        self.assertEqual(shown[0], ["GOOG 543.01", "MSFT 41.68", "AAPL 92.08"])
        self.assertEqual(shown[1], ["MSFT 30.31", "APPL 578.18", "GOOG 570.30"])

    def test_stocks_are_at_their_opening_prices_at_first(self) -> None:
        """A new market lists its stocks in the order given, at their first prices."""
        market = Market(iter(MINI_SAMPLE_LISTING), feed=RandomFeed(Random(1)))
        expected = tuple(Stock.opening(symbol, price) for symbol, price in MINI_SAMPLE_LISTING)
        self.assertEqual(market.stocks, expected)

    def test_impossible_listings_are_refused(self) -> None:
        """A market has stocks, each listed once, at possible prices."""
        price = Decimal("5.00")
        for listing in ([], [("MSFT", price), ("GOOG", price), ("MSFT", price)], [("MSFT", Decimal(0))]):
            with self.assertRaises(ValueError, msg=repr(listing)):
                Market(listing, feed=RandomFeed(Random(1)))

    def test_names_tell_markets_apart(self) -> None:
        """A market has a name for the logs."""
        self.assertEqual(Market(MINI_SAMPLE_LISTING, feed=RandomFeed(Random(1))).name, "market")
        self.assertEqual(Market(MINI_SAMPLE_LISTING, feed=RandomFeed(Random(1)), name="mini").name, "mini")


class StepTests(SynchronousTestCase):
    """Tests for `Market.step`."""

    def test_all_prices_change_before_any_is_announced(self) -> None:
        """Whoever is told of the first move sees the prices after the whole step."""
        market = sample_market(0.0, 0.5, UP, *STAY, 0.0, 0.5, DOWN)
        market.open_market()
        observer = RecordingObserver(market)
        market.step()
        self.assertEqual(observer.prices, [["543.55", "41.68", "91.99"]])

    def test_closed_markets_stand_still(self) -> None:
        """A closed market moves nothing, announces nothing and draws nothing."""
        market = sample_market()
        observer = RecordingObserver(market)
        market.step()
        self.assertEqual((market.stocks[0].price, observer.events), (Decimal("543.01"), []))

    def test_no_price_changes_when_the_random_source_fails(self) -> None:
        """A step that fails half-way leaves all stocks as they were, and the next step works."""
        chance = ScriptedRandom(0.0, 0.5, UP)
        market = Market(FULL_SAMPLE_LISTING, feed=RandomFeed(chance), state=MarketState.OPEN)
        before = market.stocks
        self.assertRaises(IndexError, market.step)
        self.assertEqual(market.stocks, before)
        chance.remaining = [*STAY, *STAY, 0.0, 0.5, DOWN]
        market.step()
        self.assertEqual(str(market.stocks[2].price), "91.99")

    def test_what_the_feed_says_is_traded_in_its_order(self) -> None:
        """A stock may be traded twice in one step; the day's range knows both, and so do observers."""
        feed = ScriptedFeed(("MSFT", "45.00"), ("AAPL", "92.00"), ("MSFT", "40.00"))
        market = Market(FULL_SAMPLE_LISTING, feed=feed, state=MarketState.OPEN)
        observer = RecordingObserver(market)
        market.step(0.25)
        self.assertEqual(observer.events, ["MSFT 45.00", "AAPL 92.00", "MSFT 40.00"])
        msft = market.stocks[1]
        self.assertEqual(
            [str(price) for price in (msft.day_low, msft.day_high, msft.last_change)], ["40.00", "45.00", "-5.00"]
        )
        self.assertEqual(feed.elapsed, [0.25])

    def test_impossible_trades_change_nothing(self) -> None:
        """A step with an unknown symbol or an impossible price fails as a whole, and the next one works."""
        for symbol, price in (("XYZ", "1.00"), ("GOOG", "0.00"), ("GOOG", "-1.00"), ("GOOG", "1.005"), ("GOOG", "NaN")):
            feed = ScriptedFeed(("MSFT", "45.00"), (symbol, price))
            market = Market(FULL_SAMPLE_LISTING, feed=feed, state=MarketState.OPEN)
            observer = RecordingObserver(market)
            before = market.stocks
            self.assertRaises(ValueError, market.step)
            self.assertEqual((market.stocks, observer.events), (before, []), price)
            feed.due = [("MSFT", Decimal("45.00"))]
            market.step()
            self.assertEqual(observer.events, ["MSFT 45.00"])

    def test_a_feed_is_not_asked_while_the_market_is_closed(self) -> None:
        """The buttons rule what is traded, whatever the hours of the feed."""
        feed = ScriptedFeed(("MSFT", "45.00"))
        market = Market(FULL_SAMPLE_LISTING, feed=feed)
        market.step(0.25)
        self.assertEqual((feed.elapsed, str(market.stocks[1].price)), ([], "41.68"))
        market.open_market()
        market.step(0.25)
        self.assertEqual(str(market.stocks[1].price), "45.00")

    def test_a_stale_feed_is_told_once_open_or_not(self) -> None:
        """Observers hear when the source goes down, and when it is back."""
        feed = ScriptedFeed()
        market = Market(FULL_SAMPLE_LISTING, feed=feed)
        observer = RecordingObserver(market)
        for is_stale in (False, True, True, False):
            feed.is_stale = is_stale
            market.step()
            self.assertIs(market.is_stale, is_stale)
        self.assertEqual(observer.events, ["stale", "fresh"])

    def test_a_feed_may_be_stale_from_the_start(self) -> None:
        """Whoever asks before the first step is told."""
        feed = ScriptedFeed()
        feed.is_stale = True
        self.assertTrue(Market(FULL_SAMPLE_LISTING, feed=feed).is_stale)


class RestoredMarketTests(SynchronousTestCase):
    """A market that an earlier run has left behind."""

    def test_stocks_are_as_they_were_left(self) -> None:
        """Those that are not listed are left out; those that are new start at their opening prices."""
        msft = Stock.opening("MSFT", Decimal("40.00")).moved_to(Decimal("42.00"))
        gone = Stock.opening("GONE", Decimal("1.00"))
        market = Market(FULL_SAMPLE_LISTING, feed=ScriptedFeed(), stocks=[gone, msft])
        self.assertEqual([stock.symbol for stock in market.stocks], ["GOOG", "MSFT", "AAPL"])
        self.assertEqual(market.stocks[1], msft)
        self.assertEqual(market.stocks[0], Stock.opening("GOOG", Decimal("543.01")))

    def test_reset_begins_the_day_of_the_list(self) -> None:
        """The opening prices are those of the list, and the feed begins again."""
        feed = ScriptedFeed()
        msft = Stock.opening("MSFT", Decimal("40.00")).moved_to(Decimal("42.00"))
        market = Market(FULL_SAMPLE_LISTING, feed=feed, stocks=[msft])
        market.reset()
        self.assertEqual(market.stocks[1], Stock.opening("MSFT", Decimal("41.68")))
        self.assertEqual(feed.restarts, 1)


class TradingHoursTests(SynchronousTestCase):
    """Opening, closing and resetting a market."""

    def test_markets_are_closed_at_first(self) -> None:
        """A market is closed unless it is said to start open; pages show the state's value."""
        self.assertIs(sample_market().state, MarketState.CLOSED)
        self.assertIs(market_at("1.00").state, MarketState.OPEN)
        self.assertEqual([state.value for state in MarketState], ["Open", "Closed"])

    def test_only_the_first_of_equal_commands_is_announced(self) -> None:
        """Opening an open market, and closing a closed one, do nothing and tell nobody."""
        market = sample_market()
        observer = RecordingObserver(market)
        for command in (market.close_market, market.open_market, market.open_market):
            command()
        self.assertIs(market.state, MarketState.OPEN)
        for command in (market.close_market, market.close_market):
            command()
        self.assertIs(market.state, MarketState.CLOSED)
        self.assertEqual(observer.events, ["opened", "closed"])

    def test_the_state_has_changed_when_observers_are_told(self) -> None:
        """Whoever is told sees the new state."""
        market = sample_market()
        observer = RecordingObserver(market)
        market.open_market()
        market.close_market()
        self.assertEqual(observer.states, ["Open", "Closed"])

    def test_opening_and_closing_leave_prices_alone(self) -> None:
        """Trading goes on where it ended."""
        market = sample_market(0.0, 0.5, UP, *STAY, *STAY)
        market.open_market()
        market.step()
        moved = market.stocks
        market.close_market()
        market.open_market()
        self.assertEqual(market.stocks, moved)

    def test_open_markets_refuse_to_be_reset(self) -> None:
        """A reset of an open market is refused in the tutorial's words and changes nothing."""
        market = market_at("100.00", 0.0, 0.5, UP)
        market.step()
        observer = RecordingObserver(market)
        error = self.assertRaises(MarketError, market.reset)
        self.assertEqual(str(error), "Market must be closed before it can be reset.")
        self.assertEqual((str(market.stocks[0].price), observer.events), ("100.10", []))

    def test_reset_restores_the_opening_prices(self) -> None:
        """After a reset all stocks are as on the first day; the market stays closed."""
        market = sample_market(0.0, 0.5, UP, *STAY, 0.0, 0.5, DOWN)
        opening = market.stocks
        market.open_market()
        market.step()
        market.close_market()
        observer = RecordingObserver(market)
        market.reset()
        self.assertEqual(market.stocks, opening)
        self.assertEqual((observer.events, observer.states), (["reset"], ["Closed"]))
        self.assertEqual(observer.prices, [["543.01", "41.68", "92.08"]])

    def test_every_reset_is_announced(self) -> None:
        """A reset is announced even if all prices were at their opening already."""
        market = sample_market()
        observer = RecordingObserver(market)
        market.reset()
        market.reset()
        self.assertEqual(observer.events, ["reset", "reset"])


class ObserverTests(SynchronousTestCase):
    """How observers are told."""

    def test_observers_are_told_in_the_order_they_were_added(self) -> None:
        """Who came first is told first."""
        market = sample_market()
        told: list[int] = []
        for number in (1, 2, 3):
            market.observe(CallingObserver(lambda number=number: told.append(number)))  # type: ignore[misc]
        market.open_market()
        self.assertEqual(told, [1, 2, 3])

    def test_all_are_told_when_some_fail(self) -> None:
        """The errors of failing observers come out together after all were told, and the change stands."""
        market = sample_market()
        market.observe(CallingObserver(fail))
        observer = RecordingObserver(market)
        market.observe(CallingObserver(fail))
        group = self.assertRaises(ExceptionGroup, market.open_market)
        self.assertEqual([type(error) for error in group.exceptions], [ObserverError, ObserverError])
        self.assertEqual(group.message, "observers of market failed")
        self.assertEqual((observer.events, market.state), (["opened"], MarketState.OPEN))

    def test_all_moves_of_a_step_are_announced_when_an_observer_fails(self) -> None:
        """A failing observer hides no move from the others, nor does it mute the market."""
        market = sample_market(0.0, 0.5, UP, *STAY, 0.0, 0.5, DOWN)
        market.open_market()
        market.observe(CallingObserver(fail))
        observer = RecordingObserver(market)
        group = self.assertRaises(ExceptionGroup, market.step)
        self.assertEqual(len(group.exceptions), 1)
        self.assertRaises(ExceptionGroup, market.close_market)
        self.assertEqual(observer.events, ["GOOG 543.55", "AAPL 91.99", "closed"])

    def test_everybody_hears_the_same_order_when_an_observer_acts(self) -> None:
        """What an observer changes while it is told is announced after the present events, to everybody."""
        market = sample_market(0.0, 0.5, UP, *STAY, 0.0, 0.5, DOWN)
        market.open_market()
        before = RecordingObserver(market)
        market.observe(CallingObserver(market.close_market))
        after = RecordingObserver(market)
        market.step()
        self.assertEqual(before.events, ["GOOG 543.55", "AAPL 91.99", "closed"])
        self.assertEqual(after.events, before.events)

    def test_observers_added_while_one_is_told_hear_of_the_next_event(self) -> None:
        """An observer hears nothing of what happened before it came."""
        market = sample_market()
        added: list[RecordingObserver] = []
        market.observe(CallingObserver(lambda: added.append(RecordingObserver(market))))
        market.open_market()
        market.close_market()
        self.assertEqual([observer.events for observer in added], [["closed"], []])

    def test_announcing_goes_on_after_an_interrupt(self) -> None:
        """An exception that is meant to end the program passes at once and leaves the market usable."""

        def interrupt() -> None:
            if market.state is MarketState.OPEN:
                raise KeyboardInterrupt

        market = sample_market()
        market.observe(CallingObserver(interrupt))
        observer = RecordingObserver(market)
        self.assertRaises(KeyboardInterrupt, market.open_market)
        market.close_market()
        self.assertEqual(observer.events, ["closed"])
