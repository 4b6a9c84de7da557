"""Tests for `twisted_ticker.serving`; what the commands make of it is tested with them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import txaio
from twisted.application.service import Service
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.serving import ServingOptions, build_application, came_along
from twisted_ticker.signalr import KeyRing, SignalRServer


class ProbeOptions(ServingOptions):
    """A command with one option of its own."""

    program = "probe"
    optParameters = [["pages", None, None, "Directory."]]


class ServingOptionsTests(SynchronousTestCase):
    """Tests for `ServingOptions`."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp()).resolve()
        self.patch(os, "environ", {**os.environ, "XDG_STATE_HOME": str(self.home)})

    def options(self, *arguments: str) -> ProbeOptions:
        """Parse a command line; port 0 is always free."""
        options = ProbeOptions()
        options.parseOptions(["--listen", "tcp:0:interface=127.0.0.1", *arguments])
        return options

    def test_state_is_kept_by_command(self) -> None:
        """Each has a directory of its own, unless told otherwise; the help says which."""
        self.assertEqual(self.options()["state-dir"], str(self.home / "probe"))
        self.assertEqual(self.options("--state-dir", str(self.home / "x"))["state-dir"], str(self.home / "x"))
        self.assertIsInstance(self.options()["keys"], KeyRing)
        self.assertIn("$XDG_STATE_HOME/probe", " ".join(str(ProbeOptions()).split()))

    def test_bad_values(self) -> None:
        """One line, which names the option."""
        file = Path(self.mktemp()).resolve()
        file.touch()
        for arguments, text in (
            (("--state-dir", str(file / "x")), "--state-dir: The key ring "),
            (("--listen", "nonsense:1"), "--listen: 'nonsense:1' is no server endpoint"),
        ):
            error = self.assertRaises(UsageError, self.options, *arguments)
            self.assertTrue(str(error).startswith(text), error)
            self.assertEqual(len(str(error).splitlines()), 1, error)

    def test_directories(self) -> None:
        """They are there, and are found after a change of directory."""
        self.home.mkdir()
        options = self.options("--pages", os.path.relpath(self.home))
        self.assertEqual(options.directory("pages"), str(self.home))
        options = self.options("--pages", str(self.home / "missing"))
        error = self.assertRaises(UsageError, options.directory, "pages")
        self.assertEqual(str(error), f"--pages: {str(self.home / 'missing')!r} is no directory.")


class CameAlongTests(SynchronousTestCase):
    """Tests for `came_along`."""

    def test_pages_are_found(self) -> None:
        """In the checkout or in the installed package."""
        self.assertTrue(Path(came_along("StockTicker.html")).is_file())
        self.assertEqual(Path(came_along()), Path(came_along("x")).parent)


class BuildApplicationTests(SynchronousTestCase):
    """Tests for `build_application`."""

    def test_order(self) -> None:
        """Ports close first, then what else there is, and connections last; nothing starts by being put together."""
        reactor = MemoryReactorClock()
        self.patch(txaio.config, "loop", reactor)
        server = SignalRServer(clock=reactor)
        other = Service()
        options: Any = {"listen": ["tcp:0", "tcp:1"]}
        application = build_application(options, reactor, server, Factory(), other)
        services = list(application)
        self.assertEqual((services[1], services[2], len(services)), (server, other, 5))
        self.assertEqual((reactor.tcpServers, reactor.getDelayedCalls()), ([], []))
        application.privilegedStartService()
        application.startService()
        self.assertEqual([port for port, *_ in reactor.tcpServers], [0, 1])
        stopped = application.stopService()
        reactor.pump([0.1] * 10)
        self.successResultOf(stopped)
        self.assertEqual(reactor.getDelayedCalls(), [])
