"""The public names: those of the packages are pinned, and every module says what it offers to others."""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

from twisted.trial.unittest import SynchronousTestCase

import twisted_ticker
from twisted_ticker import market, signalr, web
from twisted_ticker.signalr import client

# Packages that only hold others.
_WITHOUT_NAMES = {"twisted_ticker", "twisted_ticker.signalr.protocol"}


def our_modules() -> Iterator[ModuleType]:
    """All of them."""
    yield twisted_ticker
    for module in pkgutil.walk_packages(twisted_ticker.__path__, "twisted_ticker."):
        yield import_module(module.name)


class PublicNameTests(SynchronousTestCase):
    """What applications may import; a change here is a change for them."""

    def test_names_of_signalr(self) -> None:
        """All that an application with hubs needs."""
        self.assertEqual(
            sorted(signalr.__all__),
            [
                "ConfigurationError",
                "Conflatable",
                "ConnectionContext",
                "EndpointSettings",
                "ErrorContext",
                "Hub",
                "HubCallerContext",
                "HubContext",
                "HubException",
                "HubPipeline",
                "HubPipelineModule",
                "IncomingInvocation",
                "InvocationError",
                "KeyRing",
                "NegotiateError",
                "OutgoingInvocation",
                "PersistentConnection",
                "Progress",
                "Redirect",
                "Request",
                "Settings",
                "SignalRError",
                "SignalRServer",
                "User",
                "authorize",
                "hub_method",
            ],
        )

    def test_names_of_client(self) -> None:
        """All that a program needs that is a client."""
        self.assertEqual(
            sorted(client.__all__),
            [
                "ClientError",
                "Connection",
                "ConnectionClosed",
                "ConnectionEvents",
                "ConnectionLost",
                "ConnectionState",
                "DEFAULT_TRANSPORTS",
                "Event",
                "HttpStatusError",
                "HubConnection",
                "HubInvocationError",
                "HubProxy",
                "NegotiationError",
                "NetworkEndpoints",
                "NotConnected",
                "NotSubscribed",
                "ProtocolViolation",
                "ServerRefusal",
                "StartError",
                "TransportError",
            ],
        )

    def test_names_of_web(self) -> None:
        """All that puts a server on the web."""
        self.assertEqual(sorted(web.__all__), ["SignalRResource", "build_site", "site_of"])

    def test_names_of_market(self) -> None:
        """All that hubs and options need."""
        self.assertEqual(
            sorted(market.__all__),
            [
                "Curve",
                "CurveChanges",
                "CurveMark",
                "FULL_SAMPLE_LISTING",
                "Feed",
                "FileError",
                "LOWEST_PRICE",
                "Listing",
                "MINI_SAMPLE_LISTING",
                "Market",
                "MarketChanges",
                "MarketError",
                "MarketObserver",
                "MarketRecorder",
                "MarketService",
                "MarketState",
                "Point",
                "PriceHistory",
                "PriceMoves",
                "RandomFeed",
                "RandomSource",
                "Saving",
                "SqliteStore",
                "Stock",
                "Store",
                "StoreError",
                "StoredMarket",
                "ThreadedSaving",
                "quantize_cents",
                "read_listing",
            ],
        )


class ModuleTests(SynchronousTestCase):
    """What each module offers."""

    def test_every_module_says_what_it_offers(self) -> None:
        """Each name is there, and is said once."""
        for module in our_modules():
            if module.__name__ in _WITHOUT_NAMES:
                self.assertFalse(hasattr(module, "__all__"), module)
                continue
            names = module.__all__
            self.assertEqual(len(set(names)), len(names), module)
            self.assertEqual([name for name in names if not hasattr(module, name)], [], module)

    def test_what_others_import_is_offered(self) -> None:
        """A name that another module uses is not left out."""
        unoffered = set()
        for module in our_modules():
            assert module.__file__ is not None
            for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
                if isinstance(node, ast.ImportFrom) and node.level and node.module:
                    package = module.__name__ if hasattr(module, "__path__") else module.__package__
                    source = import_module("." * node.level + node.module, package)
                    offered = getattr(source, "__all__", [])
                    unoffered |= {
                        f"{source.__name__}.{alias.name}" for alias in node.names if alias.name not in offered
                    }
        self.assertEqual(unoffered, set())
