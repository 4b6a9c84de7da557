"""
``twistd stockticker``: the options, and which part is told what.
"""

from __future__ import annotations

from functools import partial
from random import Random
from time import time
from typing import Any

from twisted.application.service import IService

from .hubs import (
    StockBoardBroadcast,
    StockBoardHub,
    StockTickerBroadcast,
    StockTickerHub,
    StockTickerMiniBroadcast,
    StockTickerMiniHub,
)
from .market import (
    FULL_SAMPLE_LISTING,
    MINI_SAMPLE_LISTING,
    Market,
    MarketService,
    MarketState,
    PriceHistory,
    RandomFeed,
)
from .serving import ServingOptions, build_application, came_along, global_reactor
from .signalr import SignalRServer
from .web import build_site

__all__ = ["Options", "makeService"]

_START_PAGE = "/StockTicker.html"


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise ValueError(f"must be a number of seconds above 0, not {text!r}")
    return seconds


def _feed(text: str) -> str | None:
    """The seed of a random feed; ``None`` for other prices each time."""
    kind, colon, seed = text.partition(":")
    if kind != "random" or (colon and not seed):
        raise ValueError(f"must be random or random:SEED, not {text!r}")
    return seed or None


_interval.coerceDoc = _feed.coerceDoc = ""  # type: ignore[attr-defined]


class Options(ServingOptions):
    """The command line of ``twistd stockticker``; what can be checked before the start, is."""

    program = "stockticker"
    synopsis = "[options]"
    longdesc = (
        "Serves a live stock ticker to every browser that can run a SignalR 2 client: over WebSocket, "
        "or by long polling where there is none."
    )

    optFlags = [["open", None, "Open the market at start. [default: closed, as in the sample]"]]
    optParameters = [
        ["interval", None, 0.25, "Seconds between two price steps.", _interval],
        [
            "feed",
            None,
            None,
            "Where prices come from: random, or random:SEED for the same prices each time. [default: random]",
            _feed,
        ],
        ["htdocs", None, None, "Directory of the pages to serve. [default: the installed ones]"],
    ]

    def postOptions(self) -> None:
        """See :class:`.ServingOptions`."""
        self["htdocs"] = self["htdocs"] or came_along()
        self["htdocs"] = self.directory("htdocs")
        super().postOptions()


def makeService(options: Options, reactor: Any = None) -> IService:
    """
    Put the application together; nothing starts before the service does.

    Args:
        options: parsed options.
        reactor: the reactor; the global one when not given.
    """
    reactor = global_reactor() if reactor is None else reactor

    chance, mini_chance = Random(options["feed"]), Random(options["feed"])
    state = MarketState.OPEN if options["open"] else MarketState.CLOSED
    market = Market(FULL_SAMPLE_LISTING, feed=RandomFeed(chance), state=state, name="stockTicker")
    mini_market = Market(
        MINI_SAMPLE_LISTING, feed=RandomFeed(mini_chance), state=MarketState.OPEN, name="stockTickerMini"
    )

    history = PriceHistory(market, seconds=time)

    server = SignalRServer(keys=options["keys"], clock=reactor)
    server.map_hubs(
        "/signalr",
        [
            partial(StockTickerHub, market),
            partial(StockTickerMiniHub, mini_market),
            partial(StockBoardHub, market, history),
        ],
    )
    market.observe(StockTickerBroadcast(server.hub_context(StockTickerHub)))
    board = StockBoardBroadcast(server.hub_context(StockBoardHub), reactor)
    market.observe(board)
    mini_market.observe(StockTickerMiniBroadcast(server.hub_context(StockTickerMiniHub)))

    site = build_site(server, options["htdocs"], start_page=_START_PAGE, clock=reactor)
    markets = MarketService([market, mini_market], interval_seconds=options["interval"], clock=reactor)
    return build_application(options, reactor, server, site, board, markets)
