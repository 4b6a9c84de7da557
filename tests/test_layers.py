"""
Which module knows which: imports point one way only, ``market`` and ``signalr`` ← ``hubs``, ``web`` ← the taps.

The source is read for what each module imports; a fresh interpreter shows what comes along.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import twisted_ticker

PROJECT = Path(twisted_ticker.__file__).parent.parent

MARKET = "twisted_ticker.market"
SIGNALR = "twisted_ticker.signalr"
PROTOCOL = "twisted_ticker.signalr.protocol"
CLIENT = "twisted_ticker.signalr.client"
WEB = "twisted_ticker.web"
HUBS = "twisted_ticker.hubs"
FEEDS = "twisted_ticker.market.feeds"
HTTP_FEED = f"{FEEDS}.http_source"
MARKET_ON_TWISTED = (
    "twisted_ticker.market.service",
    "twisted_ticker.market.recorder",
    f"{FEEDS}.polling",
    f"{FEEDS}.making",
    HTTP_FEED,
)
DAEMON = "twisted_ticker.daemon"
FAIRNESS = "twisted_ticker.fairness"
GARBAGE = "twisted_ticker.garbage"
SERVING = "twisted_ticker.serving"
LOGS = "twisted_ticker.logs"
REDACTION = "twisted_ticker.redaction"
READINGS = "twisted_ticker.readings"
METRICS = "twisted_ticker.web.metrics"
CHECKERS = "twisted_ticker.checkers"
PLAIN_TEXT = "twisted_ticker.plain_text"
TAP = "twisted_ticker.tap"
SIGNALR_TAP = "twisted_ticker.signalr_tap"


def within(name: str, *packages: str) -> bool:
    """Whether a module is one of the packages, or lies in one of them."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@cache
def imports() -> dict[str, frozenset[str]]:
    """For each of our modules, the full names of all that it imports, wherever in its text."""
    paths = (PROJECT / "twisted_ticker").rglob("*.py")
    return {_name(path): frozenset(_imported(path)) for path in paths}


def _name(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path) -> Iterator[str]:
    package = path.relative_to(PROJECT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*start, *filter(None, [node.module])])
            names = {f"{module}.{alias.name}" for alias in node.names}
            # "from . import serialization" means the module of that name, not the package.
            yield from (names & _all_names()) or {module}


@cache
def _all_names() -> frozenset[str]:
    return frozenset(_name(path) for path in (PROJECT / "twisted_ticker").rglob("*.py"))


class ImportTests(SynchronousTestCase):
    """What modules say they need."""

    def assertKnows(self, package: str, *known: str) -> None:
        """The modules of a package import nothing but the standard library, each other, and what is named."""
        for module, imported in imports().items():
            # The client lies in the library, and is a layer of its own.
            if within(module, package) and (package == CLIENT or not within(module, CLIENT)):
                strangers = {
                    name
                    for name in imported
                    if name.partition(".")[0] not in sys.stdlib_module_names and not within(name, package, *known)
                }
                self.assertEqual(strangers, set(), module)

    def test_all_modules_are_read(self) -> None:
        """These tests find the modules, and what they import in every form."""
        self.assertTrue(
            {MARKET, SIGNALR, PROTOCOL, CLIENT, WEB, HUBS, DAEMON, SERVING, TAP, SIGNALR_TAP} <= imports().keys()
        )
        self.assertTrue({"json", "msgspec", f"{SIGNALR}.errors"} <= imports()[f"{PROTOCOL}.messages"])
        self.assertIn(f"{SIGNALR}.serialization", imports()[f"{SIGNALR}.state"])
        self.assertTrue({MARKET, SIGNALR} <= imports()[f"{HUBS}.stock_ticker"])

    def test_market_knows_twisted_where_time_passes_only(self) -> None:
        """Prices need no reactor; and nothing but the feed that asks for them knows of the web."""
        self.assertKnows(MARKET, "twisted", "treq", "zope.interface")
        for module, imported in imports().items():
            if within(module, MARKET) and module not in MARKET_ON_TWISTED:
                self.assertFalse([name for name in imported if within(name, "twisted", "treq")], module)
            if within(module, MARKET) and module != HTTP_FEED:
                self.assertFalse([name for name in imported if within(name, "twisted.web", "treq")], module)

    def test_protocol_knows_no_twisted(self) -> None:
        """It is values and bytes; beside JSON it needs the errors only."""
        self.assertKnows(PROTOCOL, "msgspec", f"{SIGNALR}.errors")

    def test_signalr_knows_neither_web_nor_stocks(self) -> None:
        """It could be served by anything, and serve anything."""
        # typing_extensions is for type checkers only.
        self.assertKnows(SIGNALR, "twisted", "zope.interface", "msgspec", "cryptography", "typing_extensions")
        for module, imported in imports().items():
            if within(module, SIGNALR) and not within(module, CLIENT):
                self.assertFalse([name for name in imported if within(name, "twisted.web", CLIENT)], module)

    def test_client_knows_no_server(self) -> None:
        """It needs what is on the wire, and the errors; and none of our servers, pages and stocks needs it."""
        ours = (PROTOCOL, f"{SIGNALR}.errors", f"{SIGNALR}.serialization")
        self.assertKnows(CLIENT, *ours, "twisted", "zope.interface", "autobahn", "treq")
        for module, imported in imports().items():
            if not within(module, CLIENT):
                self.assertFalse([name for name in imported if within(name, CLIENT)], module)

    def test_client_has_a_pure_core(self) -> None:
        """What is read and written needs no Twisted, and can be tested as text."""
        for name in ("addresses", "errors", "frames", "negotiation", "states", "streams"):
            self.assertFalse(
                [known for known in imports()[f"{CLIENT}.{name}"] if within(known, "twisted", "autobahn", "treq")], name
            )

    def test_web_knows_signalr_only(self) -> None:
        """It knows no stocks and no hubs; and one module of it all that Prometheus wants to be told."""
        self.assertKnows(WEB, SIGNALR, REDACTION, "twisted", "zope.interface", "autobahn", "txaio", "prometheus_client")
        known = {
            module for module, names in imports().items() if any(within(name, "prometheus_client") for name in names)
        }
        self.assertEqual(known, {METRICS})

    def test_hubs_know_the_public_names_of_market_and_signalr(self) -> None:
        """They are written as anybody's hubs are."""
        for module, imported in imports().items():
            if within(module, HUBS):
                ours = {name for name in imported if within(name, "twisted_ticker") and not within(name, HUBS)}
                self.assertEqual(ours - {MARKET, SIGNALR}, set(), module)
                self.assertFalse([name for name in imported if within(name, "twisted.web", "autobahn")], module)

    def test_daemon_knows_nothing_of_ours(self) -> None:
        """It could start any program."""
        self.assertKnows(DAEMON, "twisted")

    def test_logs_know_nothing_of_ours(self) -> None:
        """They tell what any program logs, but for what is secret."""
        self.assertKnows(LOGS, REDACTION, "twisted", "zope.interface")
        self.assertKnows(REDACTION)

    def test_plain_text_knows_market_and_web(self) -> None:
        """It needs no SignalR: it is there for those who have none."""
        self.assertKnows(PLAIN_TEXT, MARKET, f"{WEB}.exchanges", "twisted", "zope.interface")

    def test_checkers_know_nothing_of_ours(self) -> None:
        """Names and passwords are checked as in any program of Twisted."""
        self.assertKnows(CHECKERS, "twisted")

    def test_only_hubs_and_tap_know_market_and_signalr(self) -> None:
        """Nobody else has to change when both do."""
        both = {
            module
            for module, imported in imports().items()
            if any(within(name, MARKET) for name in imported) and any(within(name, SIGNALR) for name in imported)
        }
        self.assertEqual({module for module in both if not within(module, HUBS)}, {TAP})

    def test_the_taps_have_no_logic_of_their_own(self) -> None:
        """What they have in common knows connections, but neither stocks nor the web; one of them knows no stocks."""
        self.assertKnows(SERVING, SIGNALR, DAEMON, FAIRNESS, GARBAGE, LOGS, "twisted")
        self.assertKnows(SIGNALR_TAP, SIGNALR, WEB, SERVING, "twisted")

    def test_nobody_knows_those_at_the_top(self) -> None:
        """Hubs and what serves them are for the taps only, and those are for twistd only."""
        known = {TAP: {HUBS, SERVING}, SIGNALR_TAP: {SERVING}, SERVING: {DAEMON}}
        for module, imported in imports().items():
            top = {name for name in imported if within(name, HUBS, DAEMON, SERVING, TAP, SIGNALR_TAP)}
            if within(module, HUBS):
                top = {name for name in top if not within(name, HUBS)}
            self.assertEqual(top, known.get(module, set()), module)


# Imports our modules from the bottom up, and writes what each has brought along.
_IMPORT_ALL = """
import importlib, json, sys
watched = ("twisted.internet.reactor", "twisted.web", "autobahn", "twisted_ticker.market", "twisted_ticker.signalr",
           "twisted_ticker.web", "twisted_ticker.hubs", "twisted_ticker.tap",
           "twisted_ticker.signalr_tap")
brought = {}
for name in sys.argv[1:]:
    importlib.import_module(name)
    brought[name] = [module for module in watched if module in sys.modules]
json.dump(brought, sys.stdout)
"""


class FreshInterpreterTests(SynchronousTestCase):
    """What comes along when a module is imported."""

    def import_all(self, *names: str) -> dict[str, list[str]]:
        """Import some modules, one after the other; which of those watched are there after each."""
        command = [sys.executable, "-c", _IMPORT_ALL, *names]
        environment = {"PYTHONPATH": ":".join([str(PROJECT), *sys.path])}
        output = subprocess.run(command, check=True, capture_output=True, env=environment).stdout
        brought: dict[str, list[str]] = json.loads(output)
        return brought

    def test_layers_bring_along_what_lies_below_only(self) -> None:
        """None of them installs a reactor: that is for the program to choose."""
        self.assertEqual(
            self.import_all(SIGNALR, MARKET, HUBS, WEB, TAP),
            {
                SIGNALR: [SIGNALR],
                MARKET: [MARKET, SIGNALR],
                HUBS: [MARKET, SIGNALR, HUBS],
                WEB: ["twisted.web", "autobahn", MARKET, SIGNALR, WEB, HUBS],
                TAP: ["twisted.web", "autobahn", MARKET, SIGNALR, WEB, HUBS, TAP],
            },
        )

    def test_client_installs_no_reactor(self) -> None:
        """Although it needs twisted.web and Autobahn, it leaves the choice to the program."""
        self.assertEqual(self.import_all(CLIENT), {CLIENT: ["twisted.web", "autobahn", SIGNALR]})

    def test_signalr_tap_brings_along_no_stocks(self) -> None:
        """Whoever serves hubs of his own gets no ticker."""
        brought = self.import_all(SIGNALR_TAP)[SIGNALR_TAP]
        self.assertEqual([name for name in brought if within(name, "twisted.internet.reactor", MARKET, HUBS, TAP)], [])

    def test_market_comes_alone(self) -> None:
        """Whoever wants prices only gets nothing of the web."""
        self.assertEqual(self.import_all(MARKET, DAEMON), {MARKET: [MARKET], DAEMON: [MARKET]})
