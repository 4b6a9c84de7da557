"""Tests for `twisted_ticker.hubs.stock_ticker`; texts are those recorded from the tutorial's server."""

from __future__ import annotations

import json
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from tests.market.fakes import ScriptedRandom
from tests.signalr.fakes import RecordingMembers, TopicListener, silent_bus
from twisted_ticker.hubs import (
    StockTickerBroadcast,
    StockTickerHub,
    StockTickerMiniBroadcast,
    StockTickerMiniHub,
)
from twisted_ticker.market import FULL_SAMPLE_LISTING, MINI_SAMPLE_LISTING, Market, MarketState, RandomFeed
from twisted_ticker.signalr import Hub, HubCallerContext, HubContext, Request
from twisted_ticker.signalr.audiences import Clients, Groups
from twisted_ticker.signalr.counters import Counters
from twisted_ticker.signalr.descriptors import HubDescriptor
from twisted_ticker.signalr.dispatch import HubDispatcher

CONTEXT = HubCallerContext("caller-id", None, Request("GET", "/signalr/connect", "/signalr/connect"), "webSockets")

# Draws for one stock: it stays, or it moves by that fraction of the furthest move, up or down.
STAY = (0.5,)
UP = 0.9
DOWN = 0.1

GOOG = (
    '{"Symbol":"GOOG","DayOpen":543.01,"DayLow":543.01,"DayHigh":543.01,'
    '"LastChange":543.01,"Change":0.00,"PercentChange":0.0,"Price":543.01}'
)
MSFT = (
    '{"Symbol":"MSFT","DayOpen":41.68,"DayLow":41.68,"DayHigh":41.68,'
    '"LastChange":41.68,"Change":0.00,"PercentChange":0.0,"Price":41.68}'
)
AAPL = (
    '{"Symbol":"AAPL","DayOpen":92.08,"DayLow":92.08,"DayHigh":92.08,'
    '"LastChange":92.08,"Change":0.00,"PercentChange":0.0,"Price":92.08}'
)
GOOG_DOWN = (
    '{"Symbol":"GOOG","DayOpen":543.01,"DayLow":542.57,"DayHigh":543.01,'
    '"LastChange":-0.44,"Change":-0.44,"PercentChange":-0.0008,"Price":542.57}'
)
AAPL_UP = (
    '{"Symbol":"AAPL","DayOpen":92.08,"DayLow":92.08,"DayHigh":92.23,'
    '"LastChange":0.15,"Change":0.15,"PercentChange":0.0016,"Price":92.23}'
)

MINI_MSFT = '{"Symbol":"MSFT","Price":30.31,"DayOpen":30.31,"Change":0.00,"PercentChange":0.0}'
MINI_APPL = '{"Symbol":"APPL","Price":578.18,"DayOpen":578.18,"Change":0.00,"PercentChange":0.0}'
MINI_GOOG = '{"Symbol":"GOOG","Price":570.30,"DayOpen":570.30,"Change":0.00,"PercentChange":0.0}'
MINI_APPL_DOWN = '{"Symbol":"APPL","Price":577.38,"DayOpen":578.18,"Change":-0.80,"PercentChange":-0.0014}'


class HubTestCase(SynchronousTestCase):
    """Has both markets, both hubs, and a connection that listens to everything."""

    def setUp(self) -> None:
        self.bus = silent_bus()
        self.counters = Counters()
        self.random = ScriptedRandom()
        self.market = Market(FULL_SAMPLE_LISTING, feed=RandomFeed(self.random))
        self.mini_market = Market(MINI_SAMPLE_LISTING, feed=RandomFeed(self.random), state=MarketState.OPEN)
        self.full = HubDescriptor.of(partial(StockTickerHub, self.market))
        self.mini = HubDescriptor.of(partial(StockTickerMiniHub, self.mini_market))
        self.market.observe(StockTickerBroadcast(self.context_of("stockTicker")))
        self.mini_market.observe(StockTickerMiniBroadcast(self.context_of("stockTickerMini")))
        self.everybody = TopicListener(self.bus, "h-stockTicker", "h-stockTickerMini")
        self.caller = TopicListener(self.bus, "hc-stockTicker.caller-id", "hc-stockTickerMini.caller-id")

    def context_of(self, hub: str) -> HubContext:
        """What addresses a hub's clients."""
        return HubContext(Clients(self.bus, hub), Groups(RecordingMembers(), hub))

    def dispatcher(self, *, detailed_errors: bool = False) -> HubDispatcher:
        """Calls the hubs."""
        return HubDispatcher(
            [self.full, self.mini],
            bus=self.bus,
            members=RecordingMembers(),
            detailed_errors=detailed_errors,
            counters=self.counters,
        )

    def answer(self, hub: str, method: str, *, detailed_errors: bool = False) -> str:
        """The answer to a call."""
        call = json.dumps({"H": hub, "M": method, "A": [], "I": 0})
        answer = self.successResultOf(self.dispatcher(detailed_errors=detailed_errors).invoke(call, CONTEXT))
        assert answer is not None
        return answer.decode()

    def step(self, market: Market, *draws: float) -> None:
        """Let a little time pass, with scripted chance."""
        self.random.remaining += draws
        market.step()
        self.assertEqual(self.random.remaining, [])


class StockTickerHubTests(HubTestCase):
    """What clients of the full sample can ask."""

    def ask(self, method: str) -> str:
        """The answer to a call, written as the tutorial's page writes it."""
        return self.answer("stockticker", method)

    def test_names_are_the_tutorials(self) -> None:
        """Its page finds the hub and all methods by the names that it uses."""
        self.assertEqual(self.full.script_name, "stockTicker")
        self.assertEqual(
            sorted(self.full.method_names), ["closeMarket", "getAllStocks", "getMarketState", "openMarket", "reset"]
        )

    def test_stocks_are_listed_with_their_opening_prices_at_first(self) -> None:
        """Members, their order and the scale of numbers are those recorded."""
        self.assertEqual(self.ask("GetAllStocks"), f'{{"R":[{GOOG},{MSFT},{AAPL}],"I":"0"}}')

    def test_stocks_are_listed_with_their_present_prices(self) -> None:
        """All of the day is shown: its range, the latest move and the change since its open."""
        self.market.open_market()
        self.step(self.market, 0.0, 0.405, DOWN, *STAY, 0.0, 0.8145, UP)
        self.assertEqual(self.ask("GetAllStocks"), f'{{"R":[{GOOG_DOWN},{MSFT},{AAPL_UP}],"I":"0"}}')

    def test_market_is_opened_and_closed(self) -> None:
        """Its state is told in the words that pages compare."""
        self.assertEqual(self.ask("GetMarketState"), '{"R":"Closed","I":"0"}')
        self.assertEqual(self.ask("OpenMarket"), '{"I":"0"}')
        self.assertEqual(self.ask("GetMarketState"), '{"R":"Open","I":"0"}')
        self.assertEqual(self.ask("CloseMarket"), '{"I":"0"}')
        self.assertEqual(self.ask("GetMarketState"), '{"R":"Closed","I":"0"}')

    def test_closed_market_is_reset(self) -> None:
        """All stocks are back at their opening prices."""
        self.market.open_market()
        self.step(self.market, 0.0, 0.405, DOWN, *STAY, *STAY)
        self.market.close_market()
        self.assertEqual(self.ask("Reset"), '{"I":"0"}')
        self.assertEqual(self.ask("GetAllStocks"), f'{{"R":[{GOOG},{MSFT},{AAPL}],"I":"0"}}')

    def test_open_market_is_not_reset(self) -> None:
        """The caller is told nothing but that it failed, as the tutorial's server tells it; nobody is told else."""
        self.market.open_market()
        self.everybody.take()
        self.assertEqual(
            self.ask("Reset"),
            '{"I":"0","E":"There was an error invoking Hub method \'stockticker.Reset\'."}',
        )
        self.assertEqual(self.everybody.take(), [])
        self.assertEqual(self.counters.failed_invocations, 1)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_reason_is_told_with_detailed_errors(self) -> None:
        """The text is the tutorial's."""
        self.market.open_market()
        self.assertEqual(
            self.answer("stockTicker", "reset", detailed_errors=True),
            '{"I":"0","E":"Market must be closed before it can be reset."}',
        )


class StockTickerMiniHubTests(HubTestCase):
    """What clients of the tutorial's first part can ask."""

    def test_names_are_the_tutorials(self) -> None:
        """There is one method."""
        self.assertEqual((self.mini.script_name, self.mini.method_names), ("stockTickerMini", ["getAllStocks"]))

    def test_stocks_are_listed(self) -> None:
        """Members, their order and the scale of numbers are those recorded."""
        self.assertEqual(
            self.answer("stocktickermini", "GetAllStocks"), f'{{"R":[{MINI_MSFT},{MINI_APPL},{MINI_GOOG}],"I":"0"}}'
        )
        self.step(self.mini_market, *STAY, 0.0, 0.6918, DOWN, *STAY)
        self.assertEqual(
            self.answer("stockTickerMini", "getAllStocks"),
            f'{{"R":[{MINI_MSFT},{MINI_APPL_DOWN},{MINI_GOOG}],"I":"0"}}',
        )


def full_call(method: str, argument: str = "") -> str:
    """A call of a client of the full sample."""
    return f'{{"H":"stockTicker","M":"{method}","A":[{argument}]}}'


def mini_call(argument: str) -> str:
    """A call of a client of the tutorial's first part."""
    return f'{{"H":"stockTickerMini","M":"updateStockPrice","A":[{argument}]}}'


class BroadcastTests(HubTestCase):
    """What all clients are told."""

    def test_price_changes_are_told(self) -> None:
        """One message for each stock that moved, in the order of the list."""
        self.market.open_market()
        self.everybody.take()
        self.step(self.market, 0.0, 0.405, DOWN, *STAY, 0.0, 0.8145, UP)
        self.assertEqual(
            self.everybody.take(),
            [full_call("updateStockPrice", GOOG_DOWN), full_call("updateStockPrice", AAPL_UP)],
        )

    def test_trading_hours_are_told(self) -> None:
        """Each change once, and a reset."""
        for method in ("openMarket", "openMarket", "closeMarket", "closeMarket", "reset"):
            self.answer("stockTicker", method)
        self.assertEqual(
            self.everybody.take(), [full_call("marketOpened"), full_call("marketClosed"), full_call("marketReset")]
        )

    def test_mini_price_changes_are_told(self) -> None:
        """In the form of the tutorial's first part, and to its clients."""
        self.step(self.mini_market, *STAY, 0.0, 0.6918, DOWN, *STAY)
        self.assertEqual(self.everybody.take(), [mini_call(MINI_APPL_DOWN)])

    def test_mini_clients_know_no_trading_hours(self) -> None:
        """They have no methods for them, so they are not called."""
        self.mini_market.close_market()
        self.mini_market.reset()
        self.mini_market.open_market()
        self.assertEqual(self.everybody.take(), [])


class GapTests(HubTestCase):
    """What a client is told that has missed something."""

    def raise_event(self, hub: HubDescriptor, name: str, **arguments: bool) -> list[str]:
        """Raise an event on a hub; what its caller is then told."""

        def event(instance: Hub) -> object:
            return getattr(instance, name)(**arguments)

        self.assertIsNone(self.successResultOf(self.dispatcher().raise_event([hub], CONTEXT, event)))
        self.assertEqual(self.everybody.take(), [])
        return self.caller.take()

    def test_client_that_has_missed_something_gets_the_whole_picture(self) -> None:
        """All prices, and whether the market is open."""
        prices = [full_call("updateStockPrice", quote) for quote in (GOOG, MSFT, AAPL)]
        closed = [*prices, full_call("marketClosed")]
        self.assertEqual(self.raise_event(self.full, "on_gap"), closed)
        self.assertEqual(self.raise_event(self.full, "on_reconnected", missed=True), closed)
        self.market.open_market()
        self.everybody.take()
        opened = [*prices, full_call("marketOpened")]
        self.assertEqual(self.raise_event(self.full, "on_gap"), opened)
        self.assertEqual(self.raise_event(self.full, "on_reconnected", missed=True), opened)

    def test_mini_client_that_has_missed_something_gets_all_prices(self) -> None:
        """That is all there is to know."""
        prices = [mini_call(quote) for quote in (MINI_MSFT, MINI_APPL, MINI_GOOG)]
        self.assertEqual(self.raise_event(self.mini, "on_gap"), prices)
        self.assertEqual(self.raise_event(self.mini, "on_reconnected", missed=True), prices)

    def test_client_that_has_missed_nothing_is_told_nothing(self) -> None:
        """It gets all messages anyway."""
        for hub in (self.full, self.mini):
            self.assertEqual(self.raise_event(hub, "on_reconnected", missed=False), [])
            self.assertEqual(self.raise_event(hub, "on_connected"), [])
            self.assertEqual(self.raise_event(hub, "on_disconnected", stop_called=True), [])
