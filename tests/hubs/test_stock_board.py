"""Tests for `twisted_ticker.hubs.stock_board` and `twisted_ticker.hubs.paces`."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial
from operator import methodcaller
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.market.fakes import ScriptedFeed
from tests.signalr.fakes import RecordingMembers, TopicListener, silent_bus
from twisted_ticker.hubs import StockBoardBroadcast, StockBoardHub
from twisted_ticker.hubs.paces import UPDATE_RATES
from twisted_ticker.market import FULL_SAMPLE_LISTING, Market, PriceHistory
from twisted_ticker.signalr import HubCallerContext, HubContext, Request, User
from twisted_ticker.signalr.audiences import Clients, Groups
from twisted_ticker.signalr.counters import Counters
from twisted_ticker.signalr.descriptors import HubDescriptor
from twisted_ticker.signalr.dispatch import HubDispatcher

REQUEST = Request("GET", "/signalr/connect", "/signalr/connect")
STARTED = 1_000.0


class BoardTestCase(SynchronousTestCase):
    """Has a market, its hub, and viewers of all update rates."""

    def setUp(self) -> None:
        self.bus = silent_bus()
        self.clock = Clock()
        self.clock.advance(STARTED)
        self.feed = ScriptedFeed()
        self.members = RecordingMembers()
        self.market = Market(FULL_SAMPLE_LISTING, feed=self.feed)
        self.history = PriceHistory(self.market, seconds=self.clock.seconds)
        self.hub = HubDescriptor.of(partial(StockBoardHub, self.market, self.history))
        context = HubContext(Clients(self.bus, "stockBoard"), Groups(self.members, "stockBoard"))
        self.board = StockBoardBroadcast(context, self.clock)
        self.market.observe(self.board)
        self.everybody = TopicListener(self.bus, "h-stockBoard")
        self.caller = TopicListener(self.bus, "hc-stockBoard.known")
        self.viewers = {rate: TopicListener(self.bus, f"hg-stockBoard.rate {rate}") for rate in UPDATE_RATES}

    def dispatcher(self) -> HubDispatcher:
        return HubDispatcher([self.hub], bus=self.bus, members=self.members, detailed_errors=False, counters=Counters())

    def ask(self, method: str, *arguments: Any, user: User | None = None) -> Any:
        """What a call returns; an `AssertionError` with its error, if there is one."""
        call = json.dumps({"H": "stockBoard", "M": method, "A": arguments, "I": 0})
        context = HubCallerContext("known", user, REQUEST, "webSockets")
        answer = json.loads(self.successResultOf(self.dispatcher().invoke(call, context)) or b"")
        if "E" in answer:
            raise AssertionError(answer["E"])
        return answer.get("R")

    def trade(self, *trades: tuple[str, str]) -> None:
        """Let one step of the market pass, in which this is traded."""
        self.feed.due = [(symbol, Decimal(price)) for symbol, price in trades]
        self.market.step()

    def seen(self, rate: str) -> list[list[str]]:
        """What viewers of a rate have been told since the last time: the quotes of each message."""
        messages = [json.loads(text) for text in self.viewers[rate].take()]
        self.assertEqual({message["M"] for message in messages} - {"updateStockPrices"}, set())
        return [[f"{quote['Symbol']} {quote['Price']}" for quote in message["A"][0]] for message in messages]

    def told(self) -> list[tuple[str, list[Any]]]:
        """What everybody has been told since the last time."""
        return [(message["M"], message["A"]) for message in map(json.loads, self.everybody.take())]


class StockBoardHubTests(BoardTestCase):
    """What the page can ask."""

    def test_names(self) -> None:
        """All that the tutorial's full sample has, and more."""
        self.assertEqual(
            sorted(self.hub.method_names),
            [
                *("closeMarket", "getAllStocks", "getBoard", "getCurves", "getMarketState", "openMarket"),
                *("ping", "reset", "setUpdateRate"),
            ],
        )

    def test_the_board_is_all_that_the_page_shows(self) -> None:
        """Stocks, trading hours, source and caller, as they are at one moment."""
        board = self.ask("getBoard")
        self.assertEqual([quote["Symbol"] for quote in board.pop("Stocks")], ["GOOG", "MSFT", "AAPL"])
        self.assertEqual(board, {"MarketState": "Closed", "IsFeedStale": False, "MayControl": True, "User": None})
        self.market.open_market()
        self.feed.is_stale = True
        self.market.step()
        board = self.ask("getBoard", user=User("mary"))
        self.assertEqual((board["MarketState"], board["IsFeedStale"], board["User"]), ("Open", True, "mary"))

    def test_curves_are_the_days_course(self) -> None:
        """Time and price of each point, of the stocks that were asked for and are listed."""
        self.market.open_market()
        self.clock.advance(5)
        self.trade(("MSFT", "42.00"))
        [msft, goog] = self.ask("getCurves", ["MSFT", "NONE", "GOOG"])
        self.assertEqual(msft, {"Symbol": "MSFT", "Times": [1000, 1005], "Prices": [41.68, 42.0]})
        self.assertEqual(goog, {"Symbol": "GOOG", "Times": [1000], "Prices": [543.01]})

    def test_not_all_curves_at_once(self) -> None:
        """One answer has a bounded length."""
        self.assertEqual(self.ask("getCurves", ["NONE"] * 100), [])
        error = self.assertRaises(AssertionError, self.ask, "getCurves", ["NONE"] * 101)
        self.assertEqual(str(error), "At most 100 curves can be had at once.")

    def test_an_update_rate_is_a_group(self) -> None:
        """A viewer is in one of them."""
        self.assertIsNone(self.ask("setUpdateRate", "1"))
        changes = [(change, group) for change, _, group in self.members.changes]
        self.assertEqual(changes[-1], ("add", "stockBoard.rate 1"))
        self.assertEqual(sorted(changes[:-1]), [("remove", f"stockBoard.rate {rate}") for rate in ("0.2", "4", "all")])

    def test_other_update_rates_are_refused(self) -> None:
        """The caller is told which there are, and stays where it is."""
        error = self.assertRaises(AssertionError, self.ask, "setUpdateRate", "2")
        self.assertEqual(str(error), "The update rate must be one of all, 4, 1, 0.2.")
        self.assertEqual(self.members.changes, [])

    def test_ping_is_answered(self) -> None:
        """With nothing."""
        self.assertIsNone(self.ask("ping"))

    def test_who_has_missed_something_is_told_to_ask(self) -> None:
        """The page then asks for the whole board."""
        context = HubCallerContext("known", None, REQUEST, "webSockets")
        for event in (lambda hub: hub.on_gap(), lambda hub: hub.on_reconnected(missed=True)):
            self.successResultOf(self.dispatcher().raise_event([self.hub], context, event))
            self.assertEqual([json.loads(text)["M"] for text in self.caller.take()], ["boardChanged"])

    def test_who_has_lost_its_group_is_given_it_back(self) -> None:
        """A viewer that comes back after too long is told of prices as before, and asks for those that it missed."""
        context = HubCallerContext("known", None, REQUEST, "webSockets")
        lost = methodcaller("on_groups_lost", ["rate 4"])
        self.successResultOf(self.dispatcher().raise_event([self.hub], context, lost))
        self.assertEqual(self.members.changes, [("add", "known", "stockBoard.rate 4")])
        self.assertEqual([json.loads(text)["M"] for text in self.caller.take()], ["boardChanged"])


class StockBoardBroadcastTests(BoardTestCase):
    """What viewers are told."""

    def setUp(self) -> None:
        super().setUp()
        self.market.open_market()
        self.told()

    def test_each_rate_has_its_pace(self) -> None:
        """The first change is told at once; then the latest of each stock, as often as the rate says."""
        prices: dict[str, list[str]] = {rate: [] for rate in UPDATE_RATES}
        for step in range(41):
            self.trade(("MSFT", f"41.{step:02}"))
            for rate in UPDATE_RATES:
                prices[rate] += [quote for message in self.seen(rate) for quote in message]
            self.clock.advance(0.25)
        self.assertEqual(len(prices["all"]), 41)
        self.assertEqual(prices["4"], prices["all"])
        self.assertEqual(prices["1"], prices["all"][:1] + prices["all"][3::4])
        self.assertEqual(prices["0.2"], ["MSFT 41.0", "MSFT 41.19", "MSFT 41.39"])

    def test_what_waits_is_told_when_nothing_more_happens(self) -> None:
        """No viewer is left with an old price."""
        self.trade(("MSFT", "42.00"))
        self.clock.advance(0.5)
        self.trade(("MSFT", "43.00"), ("GOOG", "500.00"))
        self.trade(("MSFT", "44.00"))
        self.assertEqual(self.seen("1"), [["MSFT 42.0"]])
        self.clock.advance(0.5)
        self.assertEqual(self.seen("1"), [["MSFT 44.0", "GOOG 500.0"]])
        self.clock.advance(60)
        self.assertEqual(self.seen("1"), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_every_trade_is_told_at_the_rate_of_all(self) -> None:
        """Also where a stock is traded twice in a step."""
        self.trade(("MSFT", "42.00"), ("MSFT", "43.00"))
        self.assertEqual(self.seen("all"), [["MSFT 42.0", "MSFT 43.0"]])
        self.assertEqual(self.seen("4"), [["MSFT 43.0"]])

    def test_changes_that_are_replaced_are_counted(self) -> None:
        """Once for each rate at which nobody sees them."""
        for price in ("42.00", "43.00", "44.00"):
            self.trade(("MSFT", price))
        self.assertEqual(self.board.conflated, 3)  # the second at 4, 1 and 0.2 a second

    def test_the_last_prices_come_before_the_close(self) -> None:
        """So a page that shows the market closed shows its prices to the cent."""
        for price in ("42.00", "43.00"):
            self.trade(("MSFT", price))
        for rate in UPDATE_RATES:
            self.seen(rate)
        self.everybody.take()
        both = TopicListener(self.bus, "h-stockBoard", "hg-stockBoard.rate 0.2")
        self.market.close_market()
        self.assertEqual([json.loads(text)["M"] for text in both.take()], ["updateStockPrices", "marketClosed"])
        self.assertEqual(self.seen("0.2"), [["MSFT 43.0"]])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_reset_tells_everybody_to_ask(self) -> None:
        """What a slow viewer has not been told yet is told no more: it is yesterday's."""
        for price in ("42.00", "43.00"):
            self.trade(("MSFT", price))
        self.market.close_market()
        self.seen("0.2")
        self.told()
        self.board.prices_changed(self.market.stocks)
        self.market.reset()
        self.assertEqual(self.told(), [("boardChanged", [])])
        self.assertEqual(self.seen("0.2"), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_trading_hours_and_the_source_are_told_to_everybody(self) -> None:
        """Whatever their rates."""
        self.market.close_market()
        self.market.open_market()
        self.feed.is_stale = True
        self.market.step()
        self.feed.is_stale = False
        self.market.step()
        self.assertEqual(
            self.told(), [("marketClosed", []), ("marketOpened", []), ("feedChanged", [True]), ("feedChanged", [False])]
        )

    def test_a_stop_leaves_nothing_untold(self) -> None:
        """And no timer behind."""
        self.board.startService()
        for price in ("42.00", "43.00"):
            self.trade(("MSFT", price))
        self.board.stopService()
        self.assertEqual(self.seen("0.2"), [["MSFT 42.0"], ["MSFT 43.0"]])
        self.assertEqual(self.clock.getDelayedCalls(), [])
