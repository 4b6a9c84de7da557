"""
``twistd stockticker``: the options, and which part is told what.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from functools import partial
from random import Random
from time import time
from typing import Any

from twisted.application.service import IService
from twisted.python import usage

from .checkers import AuthOption
from .hubs import (
    GuardedStockBoardHub,
    GuardedStockTickerHub,
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
    Feed,
    FileError,
    Listing,
    Market,
    MarketRecorder,
    MarketService,
    MarketState,
    PriceHistory,
    RandomFeed,
    SqliteStore,
    StoredMarket,
    StoreError,
    ThreadedSaving,
    read_listing,
)
from .market.feeds.making import prepare_feed
from .market.feeds.specification import FeedSpec, RandomSpec, parse_feed
from .plain_text import PriceFollowers, PricesText
from .readings import ticker_readings
from .serving import ServingOptions, build_application, came_along, global_reactor
from .signalr import EndpointSettings, SignalRServer
from .web import build_site
from .web.behind_proxy import BehindProxy
from .web.health import HealthResource
from .web.login import Logins
from .web.login_expiry import LoginExpiry
from .web.metrics import MetricsResource, connection_readings
from .web.places import ConnectionLimits, Places
from .web.policy import page_headers

__all__ = ["Options", "makeService"]

_START_PAGE = "/StockTicker.html"
_STORE_NAME = "market.sqlite"


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise ValueError(f"must be a number of seconds above 0, not {text!r}")
    return seconds


def _store(text: str) -> str:
    if text != "memory:" and not text.startswith("sqlite:"):
        raise ValueError(f"must be sqlite:, sqlite:PATH or memory:, not {text!r}")
    return text


_interval.coerceDoc = _store.coerceDoc = ""  # type: ignore[attr-defined]


class Options(AuthOption, ServingOptions):
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
            "stocks",
            None,
            None,
            "CSV or JSON file of the stocks and their opening prices. [default: the three of the sample]",
        ],
        [
            "feed",
            None,
            "random",
            "Where prices come from: random, or random:SEED for the same prices each time; replay:FILE[:SPEED] for a "
            "CSV file of time, symbol and price; or http:URL for JSON quotes, asked for once a second.",
        ],
        [
            "store",
            None,
            None,
            "What keeps prices, market state and history through a restart: sqlite: for a database in the state "
            "directory, sqlite:PATH for one elsewhere, memory: for nothing. [default: sqlite:]",
            _store,
        ],
        ["htdocs", None, None, "Directory of the pages to serve. [default: the installed ones]"],
    ]

    def postOptions(self) -> None:
        """See :class:`.ServingOptions`."""
        self["htdocs"] = self["htdocs"] or came_along()
        self["htdocs"] = self.directory("htdocs")
        self["listing"] = self._listing()
        self["feed"], self["make-feed"] = self._feed()
        super().postOptions()
        self["store"] = self._store_path()
        self["stored"] = self._stored()

    def _listing(self) -> Listing:
        if self["stocks"] is None:
            return FULL_SAMPLE_LISTING
        try:
            return read_listing(self["stocks"])
        except FileError as error:
            raise usage.UsageError(f"--stocks: {error}") from error

    def _feed(self) -> tuple[FeedSpec, Callable[[Any], Feed]]:
        try:
            spec = parse_feed(self["feed"])
            return spec, prepare_feed(spec, [symbol for symbol, _ in self["listing"]])
        except ValueError as error:
            raise usage.UsageError(f"--feed: {error}.") from error
        except FileError as error:
            raise usage.UsageError(f"--feed: {error}") from error

    def _store_path(self) -> str | None:
        kind, _, path = (self["store"] or "sqlite:").partition(":")
        if kind == "memory":
            return None
        return os.path.abspath(path) if path else os.path.join(self["state-dir"], _STORE_NAME)

    def _stored(self) -> dict[str, StoredMarket]:
        if self["store"] is None:
            return {}
        # Closed again: a database must not be open when the daemon forks.
        try:
            with closing(SqliteStore(self["store"])) as store:
                return store.load()
        except StoreError as error:
            raise usage.UsageError(f"--store: {error}") from error


def makeService(options: Options, reactor: Any = None) -> IService:
    """
    Put the application together; nothing starts before the service does.

    Args:
        options: parsed options.
        reactor: the reactor; the global one when not given.
    """
    reactor = global_reactor() if reactor is None else reactor

    feed = options["make-feed"](reactor)
    mini_chance = Random(options["feed"].seed if isinstance(options["feed"], RandomSpec) else None)
    left, mini_left = (options["stored"].get(name, StoredMarket()) for name in ("stockTicker", "stockTickerMini"))
    state = MarketState.OPEN if options["open"] else left.state or MarketState.CLOSED
    market = Market(options["listing"], feed=feed, state=state, stocks=left.stocks, name="stockTicker")
    mini_market = Market(
        MINI_SAMPLE_LISTING,
        feed=RandomFeed(mini_chance),
        state=MarketState.OPEN,
        stocks=mini_left.stocks,
        name="stockTickerMini",
    )

    history = PriceHistory(market, seconds=time, points=left.points)

    logins = None if options["auth"] is None else _logins(options, reactor)
    server = SignalRServer(keys=options["keys"], user_of=logins.user_of if logins else None, clock=reactor)
    ticker_hub, board_hub = (
        (StockTickerHub, StockBoardHub) if logins is None else (GuardedStockTickerHub, GuardedStockBoardHub)
    )
    server.map_hubs(
        "/signalr",
        [
            partial(ticker_hub, market),
            partial(StockTickerMiniHub, mini_market),
            partial(board_hub, market, history),
        ],
        EndpointSettings(allowed_origins=options["origin"], strict_origins=logins is not None),
    )
    market.observe(StockTickerBroadcast(server.hub_context(ticker_hub)))
    board = StockBoardBroadcast(server.hub_context(board_hub), reactor)
    market.observe(board)
    followers = PriceFollowers(market, seconds=time, clock=reactor)
    market.observe(followers)
    mini_market.observe(StockTickerMiniBroadcast(server.hub_context(StockTickerMiniHub)))

    markets = MarketService([market, mini_market], interval_seconds=options["interval"], clock=reactor)
    recorder = None
    if options["store"] is not None:
        saving = ThreadedSaving(partial(SqliteStore, options["store"]), reactor)
        recorder = MarketRecorder([(market, history), (mini_market, None)], saving=saving, clock=reactor)
    limits = ConnectionLimits(total=options["max-connections"], per_address=options["max-connections-per-address"])
    places = Places(limits, reactor.seconds)
    readings = ticker_readings(
        market,
        feed=feed,
        service=markets,
        recorder=recorder,
        conflated_quotes=lambda: board.conflated,
        followers=lambda: len(followers),
    )

    resources = {
        "prices.txt": PricesText(market, followers, seconds=time),
        "healthz": HealthResource(server),
        "metrics": MetricsResource(server, [*connection_readings(places), *readings]),
        **(logins.resources if logins else {}),
    }
    site = build_site(
        server,
        options["htdocs"],
        start_page=_START_PAGE,
        clock=reactor,
        # Pages that somebody else has made may need more than ours do.
        page_headers=page_headers if options["htdocs"] == came_along() else None,
        resources=resources,
        access_log=not options["no-access-log"],
        places=places,
    )
    recorders = [] if recorder is None else [recorder]
    feeds = [feed] if IService.providedBy(feed) else []
    expiry = [LoginExpiry(server, reactor)] if logins else []
    services = [*recorders, board, followers, *expiry, *feeds, markets]
    return build_application(options, reactor, server, site, *services, behind_proxy=BehindProxy(site))


def _logins(options: Options, reactor: Any) -> Logins:
    return Logins(
        options["auth"],
        keys=options["keys"],
        realm=Options.program,
        purpose="open, close and reset the market",
        page=_START_PAGE,
        seconds=time,
        clock=reactor,
        allowed_origins=options["origin"],
    )
