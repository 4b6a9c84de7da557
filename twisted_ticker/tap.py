"""
``twistd stockticker``: the options, and which part is told what.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.python import usage

from .daemon import EndpointUnusable, ListeningService, OrdinaryTermination, check_endpoints
from .hubs import StockTickerBroadcast, StockTickerHub, StockTickerMiniBroadcast, StockTickerMiniHub
from .market import FULL_SAMPLE_LISTING, MINI_SAMPLE_LISTING, Market, MarketService, MarketState
from .signalr import ConfigurationError, KeyRing, SignalRServer
from .web import build_site

__all__ = ["Options", "makeService"]

_DEFAULT_LISTEN = "tcp:8080:interface=127.0.0.1"
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


def _default_state_directory() -> str:
    base = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(base, "stockticker")


def _default_htdocs() -> str:
    package = Path(__file__).resolve().parent
    installed, checkout = package / "htdocs", package.parent / "htdocs"
    return str(installed if installed.is_dir() else checkout)


class Options(usage.Options):
    """The command line of ``twistd stockticker``; what can be checked before the start, is."""

    synopsis = "[options]"
    longdesc = (
        "Serves a live stock ticker to every browser that can run a SignalR 2 client: over WebSocket, "
        "or by long polling where there is none."
    )

    optFlags = [["open", None, "Open the market at start. [default: closed, as in the sample]"]]
    optParameters = [
        [
            "state-dir",
            None,
            None,
            "Directory of the secret key ring, made when missing. "
            "[default: $XDG_STATE_HOME/stockticker, else ~/.local/state/stockticker]",
        ],
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

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self["listen"] = []

    def opt_listen(self, description: str) -> None:
        """
        Twisted endpoint to listen on, such as tcp:9000:interface=0.0.0.0; may be given several times.
        [default: tcp:8080:interface=127.0.0.1]
        """
        self["listen"].append(description)

    def postOptions(self) -> None:
        """Fill in the defaults that depend on the environment, and refuse what could not be served."""
        self["listen"] = self["listen"] or [_DEFAULT_LISTEN]
        self["htdocs"] = os.path.abspath(self["htdocs"] or _default_htdocs())
        self["state-dir"] = os.path.abspath(self["state-dir"] or _default_state_directory())
        if not os.path.isdir(self["htdocs"]):
            raise usage.UsageError(f"--htdocs: {self['htdocs']!r} is no directory.")
        try:
            self["keys"] = KeyRing.open(self["state-dir"])
        except ConfigurationError as error:
            raise usage.UsageError(f"--state-dir: {error}") from error
        if not os.access(self["state-dir"], os.W_OK | os.X_OK):
            raise usage.UsageError(f"--state-dir: {self['state-dir']!r} cannot be written to.")
        try:
            check_endpoints(self["listen"])
        except EndpointUnusable as error:
            raise usage.UsageError(f"--listen: {error}.") from error


def makeService(options: Options, reactor: Any = None) -> IService:
    """
    Put the application together; nothing starts before the service does.

    Args:
        options: parsed options.
        reactor: the reactor; the global one when not given.
    """
    if reactor is None:
        # Imported late: importing it installs it.
        from twisted.internet import reactor

    state = MarketState.OPEN if options["open"] else MarketState.CLOSED
    seed = options["feed"]
    market = Market(FULL_SAMPLE_LISTING, random=Random(seed), state=state, name="stockTicker")
    mini_market = Market(MINI_SAMPLE_LISTING, random=Random(seed), state=MarketState.OPEN, name="stockTickerMini")

    server = SignalRServer(keys=options["keys"], clock=reactor)
    server.map_hubs("/signalr", [partial(StockTickerHub, market), partial(StockTickerMiniHub, mini_market)])
    market.observe(StockTickerBroadcast(server.hub_context(StockTickerHub)))
    mini_market.observe(StockTickerMiniBroadcast(server.hub_context(StockTickerMiniHub)))

    # Services stop in reverse order: no new requests, no new prices, and then the connections that there are.
    site = build_site(server, options["htdocs"], start_page=_START_PAGE, clock=reactor)
    services = [
        OrdinaryTermination(reactor),
        server,
        MarketService([market, mini_market], interval_seconds=options["interval"], clock=reactor),
        *(ListeningService(reactor, description, site) for description in options["listen"]),
    ]
    application = MultiService()
    for service in services:
        service.setServiceParent(application)
    return application
