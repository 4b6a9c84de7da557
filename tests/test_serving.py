"""Tests for `twisted_ticker.serving`; what the commands make of it is tested with them."""

from __future__ import annotations

import json
import os
import resource
from math import inf
from pathlib import Path

import txaio
from twisted.application.service import Application, Service
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, Logger
from twisted.python.usage import UsageError
from twisted.scripts._twistd_unix import ServerOptions
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
            (("--log-format", "xml"), "Parameter type enforcement failed: --log-format must be text or json, not"),
        ):
            error = self.assertRaises(UsageError, self.options, *arguments)
            self.assertTrue(str(error).startswith(text), error)
            self.assertEqual(len(str(error).splitlines()), 1, error)

    def test_origins(self) -> None:
        """Pages of none, one or some other origins may call; an origin has no path, and there is no list in one."""
        self.assertEqual(self.options()["origin"], [])
        origins = ["https://a.example", "http://b.example:8080", "http://[::1]:80", "*"]
        given = [argument for origin in origins for argument in ("--origin", origin)]
        self.assertEqual(self.options(*given)["origin"], origins)
        for origin in (
            "",
            "a.example",
            "https://a.example/",
            "https://",
            "null",
            "https://a:b",
            "https://a, https://b",
            "https://*.example",
        ):
            error = self.assertRaises(UsageError, self.options, "--origin", origin)
            self.assertEqual(str(error), f"--origin: {origin!r} is not of the form https://example.org, nor *.")
        error = self.assertRaises(UsageError, self.options, "--origin", "https://b\xf6rse.example")
        self.assertTrue(str(error).endswith(", nor *. Write its name as browsers do, in ASCII: xn--…"), error)

    def test_directories(self) -> None:
        """They are there, and are found after a change of directory."""
        self.home.mkdir()
        options = self.options("--pages", os.path.relpath(self.home))
        self.assertEqual(options.directory("pages"), str(self.home))
        options = self.options("--pages", str(self.home / "missing"))
        error = self.assertRaises(UsageError, options.directory, "pages")
        self.assertEqual(str(error), f"--pages: {str(self.home / 'missing')!r} is no directory.")


class ConnectionOptionsTests(SynchronousTestCase):
    """How many connections there may be."""

    def options(self, *arguments: str) -> ProbeOptions:
        """Parse a command line."""
        options = ProbeOptions()
        options.parseOptions(["--listen", "tcp:0:interface=127.0.0.1", "--state-dir", self.mktemp(), *arguments])
        return options

    def test_given(self) -> None:
        """A number of them, or any."""
        for option in ("max-connections", "max-connections-per-address"):
            for text, number in (("1", 1), ("5000", 5000), ("none", inf), ("None", inf)):
                self.assertEqual(self.options(f"--{option}", text)[option], number)
            for text in ("0", "-1", "1.5", "many", "", "\u0663", "1" * 5000):
                error = self.assertRaises(UsageError, self.options, f"--{option}", text)
                self.assertIn("must be a whole number above 0, or none, not", str(error))

    def test_default(self) -> None:
        """Some files are left for other things; one address may have all connections. The help says so."""
        for files, connections in ((1024, 922), (100, 36), (10, 1), (65536, 58983), (resource.RLIM_INFINITY, inf)):
            self.patch(resource, "getrlimit", lambda kind, files=files: (files, files))
            options = self.options()
            self.assertEqual(options["max-connections"], connections)
            self.assertEqual(options["max-connections-per-address"], inf)
        text = " ".join(str(ProbeOptions()).split())
        for part in ("[default: nine tenths of the files", "an IPv6 network of 64 bits", "PROXY protocol"):
            self.assertIn(part, text)


class LogOptionsTests(SynchronousTestCase):
    """What is logged, and how, as options of a command of twistd."""

    def options(self, *arguments: str, runner: tuple[str, ...] = ()) -> ProbeOptions:
        """Parse the command line of a program that has the probe as its one command."""

        class Runner(ServerOptions):
            subCommands = [["probe", None, ProbeOptions, "A probe."]]

        options = Runner()
        state = ["--state-dir", self.mktemp(), "--listen", "tcp:0:interface=127.0.0.1"]
        options.parseOptions([*runner, "probe", *state, *arguments])
        probe = options.subOptions
        assert isinstance(probe, ProbeOptions)
        return probe

    def test_defaults(self) -> None:
        """The format is the runner's affair, and requests are logged; the help says so."""
        options = self.options()
        self.assertEqual((options["log-format"], options["no-access-log"]), (None, 0))
        text = " ".join(str(ProbeOptions()).split())
        for part in ("--log-format=", "[default: text; with twist, as it says]", "--no-access-log", "[default: one "):
            self.assertIn(part, text)

    def test_formats(self) -> None:
        """Text and JSON."""
        for name in ("text", "json"):
            self.assertEqual(self.options("--log-format", name)["log-format"], name)

    def test_a_logger_of_somebody_elses(self) -> None:
        """It writes as it likes, so there is no format to choose."""
        logger = ("--logger", "twisted.logger.LogPublisher")
        self.assertIsNone(self.options(runner=logger)["log-format"])
        error = self.assertRaises(UsageError, lambda: self.options("--log-format", "json", runner=logger))
        self.assertTrue(str(error).startswith("--log-format: the --logger "), error)

    def test_the_application_brings_its_log_along(self) -> None:
        """It is written in that format, to where twistd is told to."""
        log = Path(self.mktemp())
        options = self.options("--log-format", "json", runner=("--logfile", str(log)))
        reactor = MemoryReactorClock()
        application = Application("probe")
        build_application(options, reactor, SignalRServer(clock=reactor), Factory()).setServiceParent(application)
        observer = application.getComponent(ILogObserver)
        Logger(observer=observer).info("Hello")
        self.assertEqual(json.loads(log.read_text())["message"], "Hello")
        observer._outFile.close()


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
        options = ProbeOptions()
        options["listen"] = ["tcp:0", "tcp:1"]
        application = build_application(options, reactor, server, Factory(), other)
        services = list(application)
        self.assertEqual((services[3], services[4], len(services)), (server, other, 7))
        self.assertEqual((reactor.tcpServers, reactor.getDelayedCalls()), ([], []))
        application.privilegedStartService()
        application.startService()
        self.assertEqual([port for port, *_ in reactor.tcpServers], [0, 1])
        stopped = application.stopService()
        reactor.pump([0.1] * 10)
        self.successResultOf(stopped)
        self.assertEqual(reactor.getDelayedCalls(), [])

    def test_behind_a_proxy(self) -> None:
        """Endpoints that are told by a proxy whose connections they get have another factory, if there is one."""
        reactor = MemoryReactorClock()
        site, behind_proxy = Factory(), Factory()
        for given, second in ((behind_proxy, behind_proxy), (None, site)):
            options = ProbeOptions()
            options["listen"] = ["tcp:80", "haproxy:tcp:81"]
            server = SignalRServer(clock=reactor)
            application = build_application(options, reactor, server, site, behind_proxy=given)
            application.privilegedStartService()
            factories = [factory for _, factory, *_ in reactor.tcpServers[-2:]]
            self.assertIs(factories[0], site)
            self.assertIs(factories[1].wrappedFactory, second)
