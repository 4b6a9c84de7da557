"""Tests for `twisted_ticker.hubs.controls`."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.market.fakes import ScriptedFeed
from tests.signalr.fakes import RecordingMembers, silent_bus
from twisted_ticker.hubs import GuardedStockBoardHub, GuardedStockTickerHub, StockBoardHub, StockTickerHub
from twisted_ticker.market import FULL_SAMPLE_LISTING, Market, MarketState, PriceHistory
from twisted_ticker.signalr import HubCallerContext, Request, User
from twisted_ticker.signalr.counters import Counters
from twisted_ticker.signalr.descriptors import HubDescriptor
from twisted_ticker.signalr.dispatch import HubDispatcher

REQUEST = Request("GET", "/signalr/connect", "/signalr/connect")
HUBS = ("stockTicker", "stockBoard")
ANN = User("ann")


class GuardedHubTests(SynchronousTestCase):
    """Both hubs, for those who are logged in and those who are not."""

    def setUp(self) -> None:
        self.market = Market(FULL_SAMPLE_LISTING, feed=ScriptedFeed())
        self.history = PriceHistory(self.market, seconds=lambda: 0.0)
        self.hubs = [
            HubDescriptor.of(partial(GuardedStockTickerHub, self.market)),
            HubDescriptor.of(partial(GuardedStockBoardHub, self.market, self.history)),
        ]

    def answer(self, hub: str, method: str, user: User | None, *arguments: Any) -> Any:
        """What is answered to a call, as JSON."""
        dispatcher = HubDispatcher(
            self.hubs, bus=silent_bus(), members=RecordingMembers(), detailed_errors=True, counters=Counters()
        )
        call = json.dumps({"H": hub, "M": method, "A": arguments, "I": 0})
        answer = dispatcher.invoke(call, HubCallerContext("known", user, REQUEST, "webSockets"))
        return json.loads(self.successResultOf(answer) or b"")

    def test_names(self) -> None:
        """Clients see the hubs that they know, with the same methods."""
        plain_hubs = (partial(StockTickerHub, self.market), partial(StockBoardHub, self.market, self.history))
        for guarded, plain in zip(self.hubs, map(HubDescriptor.of, plain_hubs), strict=True):
            self.assertEqual(guarded.script_name, plain.script_name)
            self.assertEqual(sorted(guarded.method_names), sorted(plain.method_names))

    def test_strangers_are_refused(self) -> None:
        """The buttons do nothing, in any letter case; the error is the reference's."""
        for hub in HUBS:
            for method in ("openMarket", "closeMarket", "reset"):
                for spelled in (method, method.upper()):
                    answer = self.answer(hub, spelled, None)
                    self.assertEqual(
                        answer["E"], f"Caller is not authorized to invoke the {method} method on {hub}.", spelled
                    )
        self.assertIs(self.market.state, MarketState.CLOSED)

    def test_the_buttons_work(self) -> None:
        """Who is logged in opens, closes and resets the market, and is told what does not go."""
        for hub in HUBS:
            self.assertNotIn("E", self.answer(hub, "openMarket", ANN))
            self.assertIs(self.market.state, MarketState.OPEN)
            self.assertIn("Market must be closed", self.answer(hub, "reset", ANN)["E"])
            self.assertNotIn("E", self.answer(hub, "closeMarket", ANN))
            self.assertIs(self.market.state, MarketState.CLOSED)
            self.assertNotIn("E", self.answer(hub, "reset", ANN))

    def test_looking_is_open_to_all(self) -> None:
        """Prices, state, curves and pings need no login."""
        for user in (None, ANN):
            self.assertEqual(len(self.answer("stockTicker", "getAllStocks", user)["R"]), 3)
            self.assertEqual(self.answer("stockTicker", "getMarketState", user)["R"], "Closed")
            self.assertEqual(len(self.answer("stockBoard", "getCurves", user, ["MSFT"])["R"]), 1)
            self.assertNotIn("E", self.answer("stockBoard", "ping", user))

    def test_the_board_says_who_may(self) -> None:
        """The page learns whether its buttons work, and for whom."""
        for user, may, name in ((None, False, None), (ANN, True, "ann")):
            board = self.answer("stockBoard", "getBoard", user)["R"]
            self.assertEqual((board["MayControl"], board["User"]), (may, name))
