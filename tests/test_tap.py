"""Tests for `twisted_ticker.tap`: the command line, and the application that is made of it."""

from __future__ import annotations

import json
import os
import socket
from decimal import Decimal
from pathlib import Path
from typing import Any

import txaio
from twisted.application.service import IService
from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from twisted_ticker.signalr import KeyRing
from twisted_ticker.tap import Options, makeService

CONNECTION_DATA = "%5B%7B%22name%22%3A%22stockTicker%22%7D%5D"


class TapTestCase(SynchronousTestCase):
    """Command lines with directories of the test's own."""

    def setUp(self) -> None:
        self.state = Path(self.mktemp()).resolve()
        self.htdocs = Path(self.mktemp()).resolve()
        self.htdocs.mkdir(parents=True)
        (self.htdocs / "StockTicker.html").write_text("<p>Ticker")

    def options(self, *arguments: str) -> Options:
        """Parse a command line; port 0 is always free."""
        options = Options()
        directories = ["--state-dir", str(self.state), "--htdocs", str(self.htdocs)]
        listen = [] if "--listen" in arguments else ["--listen", "tcp:0:interface=127.0.0.1"]
        options.parseOptions([*directories, *listen, *arguments])
        return options


class OptionsTests(TapTestCase):
    """Tests for `Options`."""

    def refusal(self, *arguments: str) -> str:
        """Why a command line is refused; always one line."""
        text = str(self.assertRaises(UsageError, self.options, *arguments))
        self.assertEqual(len(text.splitlines()), 1, text)
        return text

    def test_defaults(self) -> None:
        """Without arguments the market is closed and moves four times a second once it is open."""
        options = self.options()
        self.assertEqual((options["open"], options["interval"]), (0, 0.25))
        self.assertIsInstance(options["keys"], KeyRing)

    def test_defaults_from_the_environment(self) -> None:
        """State is kept where the environment says, and pages are those that came along."""
        base = Path(self.mktemp()).resolve()
        self.patch(os, "environ", {**os.environ, "XDG_STATE_HOME": str(base)})
        options = Options()
        options.parseOptions(["--listen", "tcp:0:interface=127.0.0.1"])
        self.assertEqual(options["state-dir"], str(base / "stockticker"))
        self.assertTrue((base / "stockticker" / "keyring").is_file())
        self.assertTrue((Path(options["htdocs"]) / "StockTicker.html").is_file())

        self.patch(os, "environ", {**os.environ, "XDG_STATE_HOME": "", "HOME": str(base)})
        options = Options()
        options.parseOptions(["--listen", "tcp:0:interface=127.0.0.1"])
        self.assertEqual(options["state-dir"], str(base / ".local" / "state" / "stockticker"))

    def test_directories_are_absolute(self) -> None:
        """A daemon changes its working directory, and must still find them."""
        options = self.options("--state-dir", os.path.relpath(self.state), "--htdocs", os.path.relpath(self.htdocs))
        self.assertEqual((options["state-dir"], options["htdocs"]), (str(self.state), str(self.htdocs)))

    def test_state_is_private_and_kept(self) -> None:
        """The keys are made at the first start, for their owner only, and are the same at the next."""
        self.options()
        key_file = self.state / "keyring"
        self.assertEqual((key_file.stat().st_mode & 0o777, self.state.stat().st_mode & 0o777), (0o600, 0o700))
        keys = key_file.read_bytes()
        self.options()
        self.assertEqual(key_file.read_bytes(), keys)

    def test_several_endpoints(self) -> None:
        """--listen may be given more than once."""
        listen = ["tcp:0:interface=127.0.0.1", "tcp:0"]
        options = self.options("--listen", listen[0], "--listen", listen[1])
        self.assertEqual(options["listen"], listen)

    def test_bad_intervals(self) -> None:
        """An interval is a positive, finite number of seconds."""
        for text in ("0", "-1", "x", "", "nan", "inf", "-inf"):
            self.assertIn("above 0", self.refusal("--interval", text))
        self.assertEqual(self.options("--interval", "1e-1")["interval"], 0.1)

    def test_bad_feeds(self) -> None:
        """A feed is random, perhaps with a seed."""
        for text in ("", "x", "random:", "randomly", "replay:file"):
            self.assertIn("random:SEED", self.refusal("--feed", text))

    def test_feeds(self) -> None:
        """A feed is known by its seed, if it has one."""
        self.assertEqual(self.options("--feed", "random:x")["feed"], "x")
        self.assertIsNone(self.options("--feed", "random")["feed"])
        self.assertIsNone(self.options()["feed"])

    def test_no_pages(self) -> None:
        """The directory of the pages has to be there."""
        text = self.refusal("--htdocs", str(self.htdocs / "missing"))
        self.assertIn("missing", text)
        self.assertIn("--htdocs", self.refusal("--htdocs", str(self.htdocs / "StockTicker.html")))

    def test_no_state(self) -> None:
        """State that cannot be kept, or read, is refused."""
        self.assertIn("--state-dir", self.refusal("--state-dir", str(self.htdocs / "StockTicker.html" / "x")))
        self.assertIn("--state-dir", self.refusal("--state-dir", "/proc/nowhere"))
        self.options()
        for damage in (b"", b"x\n", b"\xff\n", b"c2hvcnQ=\n"):
            (self.state / "keyring").write_bytes(damage)
            text = self.refusal()
            self.assertIn("--state-dir", text)
            self.assertIn("keyring", text)

    def test_no_port(self) -> None:
        """A port that is taken, or no port at all, is refused before the daemon starts."""
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = self.refusal("--listen", "tcp:0:interface=127.0.0.1", "--listen", f"tcp:{port}:interface=127.0.0.1")
        self.assertEqual(text, f"--listen: cannot listen on 'tcp:{port}:interface=127.0.0.1': Address already in use.")
        self.assertIn("--listen", self.refusal("--listen", "nonsense:1"))

    def test_what_is_no_option(self) -> None:
        """Unknown options and arguments are refused."""
        self.refusal("--colour", "blue")
        self.refusal("argument")

    def test_help(self) -> None:
        """The help tells every option and its default."""
        text = str(Options())
        for part in ("--open", "--listen=", "--state-dir=", "--interval=", "--feed=", "--htdocs=", "0.25", "tcp:8080"):
            self.assertIn(part, text)


class Application:
    """A started application, and what it says over HTTP."""

    def __init__(self, case: SynchronousTestCase, options: Options) -> None:
        self._case = case
        self.reactor = MemoryReactorClock()
        case.patch(txaio.config, "loop", self.reactor)
        self.service: Any = makeService(options, self.reactor)

    def start(self) -> None:
        """Start it as ``twistd`` does."""
        self.service.privilegedStartService()
        self.service.startService()

    def stop(self) -> None:
        """Stop it; nothing may be left."""
        stopped = self.service.stopService()
        self.reactor.pump([0.1] * 10)
        self._case.successResultOf(stopped)
        self._case.assertEqual(self.reactor.getDelayedCalls(), [])

    def fetch(self, target: str, body: bytes = b"") -> bytes:
        """Send a request to the first endpoint; returns the whole response."""
        site = self.reactor.tcpServers[0][1]
        channel = site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        transport = StringTransport()
        channel.makeConnection(transport)
        head = f"POST {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        channel.dataReceived(head.encode() + body)
        self.reactor.advance(0)
        channel.connectionLost(Failure(ConnectionResetError()))
        return transport.value()

    def invoke(self, hub: str, method: str) -> Any:
        """Call a hub's method over long polling; returns the answer."""
        negotiated = self.fetch(f"/signalr/negotiate?connectionData={CONNECTION_DATA}")
        token = json.loads(negotiated.partition(b"\r\n\r\n")[2])["ConnectionToken"]
        target = f"/signalr/send?transport=longPolling&connectionToken={token}&connectionData={CONNECTION_DATA}"
        call = json.dumps({"H": hub, "M": method, "I": 0})
        return json.loads(self.fetch(target, f"data={call}".encode()).partition(b"\r\n\r\n")[2], parse_float=Decimal)

    def prices(self, hub: str = "stockTicker") -> list[Decimal]:
        """The prices of all stocks."""
        return [stock["Price"] for stock in self.invoke(hub, "getAllStocks")["R"]]


class MakeServiceTests(TapTestCase):
    """Tests for `makeService`."""

    def application(self, *arguments: str) -> Application:
        """An application that has not started."""
        return Application(self, self.options(*arguments))

    def started(self, *arguments: str) -> Application:
        """An application that runs until the test is over."""
        application = self.application(*arguments)
        application.start()
        self.addCleanup(application.stop)
        return application

    def test_it_starts_nothing(self) -> None:
        """Making the service listens nowhere and sets no timer."""
        application = self.application()
        verifyObject(IService, application.service)
        self.assertEqual(application.reactor.tcpServers, [])
        self.assertEqual(application.reactor.getDelayedCalls(), [])

    def test_it_listens(self) -> None:
        """The started service listens on all endpoints, and serves one site on them."""
        application = self.started("--listen", "tcp:0:interface=127.0.0.1", "--listen", "tcp:0")
        (_, site, _, first), (_, other, _, second) = application.reactor.tcpServers
        self.assertIs(site, other)
        self.assertEqual((first, second), ("127.0.0.1", ""))

    def test_it_stops_cleanly(self) -> None:
        """After the stop there are no timers, and it can be done again."""
        application = self.application("--open")
        for _ in range(2):
            application.start()
            application.reactor.pump([0.25] * 50)
            application.stop()

    def test_the_site(self) -> None:
        """The root leads to the ticker, and the hubs are below ``/signalr``."""
        application = self.started()
        response = application.fetch("/signalr/hubs")
        self.assertIn(b"stockTicker", response)
        self.assertIn(b"stockTickerMini", response)
        self.assertIn(b"Protocol error", application.fetch("/SignalR"))

    def test_the_market_is_closed_at_start(self) -> None:
        """No price of the full sample moves until somebody opens the market; the mini sample's move at once."""
        application = self.started("--feed", "random:1")
        self.assertEqual(application.invoke("stockTicker", "getMarketState")["R"], "Closed")
        prices, mini_prices = application.prices(), application.prices("stockTickerMini")
        application.reactor.pump([0.25] * 200)
        self.assertEqual(application.prices(), prices)
        self.assertNotEqual(application.prices("stockTickerMini"), mini_prices)
        application.invoke("stockTicker", "openMarket")
        application.reactor.pump([0.25] * 200)
        self.assertNotEqual(application.prices(), prices)

    def test_open_at_start(self) -> None:
        """With --open the market is open."""
        application = self.started("--open", "--feed", "random:1")
        self.assertEqual(application.invoke("stockTicker", "getMarketState")["R"], "Open")
        prices = application.prices()
        application.reactor.pump([0.25] * 200)
        self.assertNotEqual(application.prices(), prices)

    def test_the_same_seed_makes_the_same_prices(self) -> None:
        """Two runs with one seed agree in every price; one with another seed does not."""
        runs = []
        for seed in ("a", "a", "b"):
            application = self.started("--open", "--feed", f"random:{seed}")
            application.reactor.pump([0.25] * 100)
            runs.append(application.prices() + application.prices("stockTickerMini"))
        self.assertEqual(runs[0], runs[1])
        self.assertNotEqual(runs[0], runs[2])

    def test_the_interval(self) -> None:
        """Prices move once per interval: the same seed at half the pace gives the same prices in twice the time."""
        slow = self.started("--open", "--feed", "random:a", "--interval", "0.5")
        quick = self.started("--open", "--feed", "random:a")
        slow.reactor.pump([0.25] * 200)
        quick.reactor.pump([0.25] * 100)
        self.assertEqual(slow.prices(), quick.prices())

    def test_tokens_survive_a_restart(self) -> None:
        """Tokens of one run are good in the next, which has the same state directory."""
        application = self.application()
        application.start()
        negotiated = application.fetch("/signalr/negotiate")
        token = json.loads(negotiated.partition(b"\r\n\r\n")[2])["ConnectionToken"]
        application.stop()
        response = self.started().fetch(f"/signalr/start?transport=longPolling&connectionToken={token}")
        self.assertTrue(response.startswith(b"HTTP/1.1 200"), response)
