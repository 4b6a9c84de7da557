"""
Which module knows which: imports point one way only, ``market`` and ``signalr`` ← ``hubs``, ``web`` ← ``tap``.

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
WEB = "twisted_ticker.web"
HUBS = "twisted_ticker.hubs"
DAEMON = "twisted_ticker.daemon"
TAP = "twisted_ticker.tap"


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
            if within(module, package):
                strangers = {
                    name
                    for name in imported
                    if name.partition(".")[0] not in sys.stdlib_module_names and not within(name, package, *known)
                }
                self.assertEqual(strangers, set(), module)

    def test_all_modules_are_read(self) -> None:
        """These tests find the modules, and what they import in every form."""
        self.assertTrue({MARKET, SIGNALR, PROTOCOL, WEB, HUBS, DAEMON, TAP} <= imports().keys())
        self.assertTrue({"json", "msgspec", f"{SIGNALR}.errors"} <= imports()[f"{PROTOCOL}.messages"])
        self.assertIn(f"{SIGNALR}.serialization", imports()[f"{SIGNALR}.state"])
        self.assertTrue({MARKET, SIGNALR} <= imports()[HUBS])

    def test_market_knows_twisted_in_its_service_only(self) -> None:
        """Prices need no reactor, and nothing of the web."""
        self.assertKnows(MARKET, "twisted")
        for module, imported in imports().items():
            if within(module, MARKET) and module != f"{MARKET}.service":
                self.assertFalse([name for name in imported if within(name, "twisted")], module)
        self.assertFalse([name for name in imports()[f"{MARKET}.service"] if within(name, "twisted.web")])

    def test_protocol_knows_no_twisted(self) -> None:
        """It is values and bytes; beside JSON it needs the errors only."""
        self.assertKnows(PROTOCOL, "msgspec", f"{SIGNALR}.errors")

    def test_signalr_knows_neither_web_nor_stocks(self) -> None:
        """It could be served by anything, and serve anything."""
        self.assertKnows(SIGNALR, "twisted", "zope.interface", "msgspec", "cryptography")
        for module, imported in imports().items():
            if within(module, SIGNALR):
                self.assertFalse([name for name in imported if within(name, "twisted.web")], module)

    def test_web_knows_signalr_only(self) -> None:
        """It knows no stocks and no hubs."""
        self.assertKnows(WEB, SIGNALR, "twisted", "zope.interface", "autobahn", "txaio")

    def test_hubs_know_the_public_names_of_market_and_signalr(self) -> None:
        """They are written as anybody's hubs are."""
        self.assertEqual({name for name in imports()[HUBS] if within(name, "twisted_ticker")}, {MARKET, SIGNALR})
        self.assertFalse([name for name in imports()[HUBS] if within(name, "twisted", "autobahn")])

    def test_daemon_knows_nothing_of_ours(self) -> None:
        """It could start any program."""
        self.assertKnows(DAEMON, "twisted")

    def test_only_hubs_and_tap_know_market_and_signalr(self) -> None:
        """Nobody else has to change when both do."""
        both = {
            module
            for module, imported in imports().items()
            if any(within(name, MARKET) for name in imported) and any(within(name, SIGNALR) for name in imported)
        }
        self.assertEqual(both, {HUBS, TAP})

    def test_nobody_knows_those_at_the_top(self) -> None:
        """Hubs and daemon are for tap only, and tap is for twistd only."""
        for module, imported in imports().items():
            top = {name for name in imported if within(name, HUBS, DAEMON, TAP)}
            self.assertEqual(top, {HUBS, DAEMON} if module == TAP else set(), module)


# Imports our modules from the bottom up, and writes what each has brought along.
_IMPORT_ALL = """
import importlib, json, sys
watched = ("twisted.internet.reactor", "twisted.web", "autobahn", "twisted_ticker.market", "twisted_ticker.signalr",
           "twisted_ticker.web", "twisted_ticker.hubs", "twisted_ticker.tap")
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

    def test_market_comes_alone(self) -> None:
        """Whoever wants prices only gets nothing of the web."""
        self.assertEqual(self.import_all(MARKET, DAEMON), {MARKET: [MARKET], DAEMON: [MARKET]})
