"""Tests for `twisted_ticker.tap`: the command line, and the application that is made of it."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import txaio
from twisted.application.service import IService
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.signalr.fakes import TopicListener
from tests.web.support import ACCESS_LOG
from twisted_ticker.market import (
    FULL_SAMPLE_LISTING,
    CurveChanges,
    CurveMark,
    MarketChanges,
    MarketState,
    SqliteStore,
    Stock,
)
from twisted_ticker.market.feeds.specification import HttpSpec, RandomSpec
from twisted_ticker.serving import came_along
from twisted_ticker.signalr import KeyRing, SignalRServer
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

    def file(self, name: str, content: str) -> str:
        """The path of a file with this content."""
        path = self.htdocs / name
        path.write_text(content)
        return str(path)


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
        """Anything that is no feed is refused, and so is a recording that cannot be played."""
        for text in ("", "x", "random:", "randomly"):
            self.assertTrue(self.refusal("--feed", text).startswith("--feed: must be random[:SEED], "))
        self.assertIn("--feed: the URL must begin with http:// or https://", self.refusal("--feed", "http:host"))
        text = self.refusal("--feed", "replay:/nowhere.csv")
        self.assertEqual(text, "--feed: /nowhere.csv: cannot be read: No such file or directory.")
        day = self.file("day.csv", "0,MSFT,42\n1,YHOO,5\n")
        text = self.refusal("--feed", f"replay:{day}")
        self.assertEqual(text, f"--feed: {day}, line 2: 'YHOO' is not listed (--stocks says which stocks are).")

    def test_feeds(self) -> None:
        """Prices are random if nothing else is said."""
        self.assertEqual(self.options("--feed", "random:x")["feed"], RandomSpec("x"))
        self.assertEqual(self.options()["feed"], RandomSpec())
        self.assertEqual(self.options("--feed", "https://host/#every=2")["feed"], HttpSpec("https://host/", 2.0))

    def test_stocks(self) -> None:
        """The stocks are those of the sample, or of a file; what is wrong in that is told with its line."""
        self.assertEqual(self.options()["listing"], FULL_SAMPLE_LISTING)
        stocks = self.file("stocks.csv", "symbol,price\nYHOO,5\n")
        self.assertEqual(self.options("--stocks", stocks)["listing"], (("YHOO", Decimal("5.00")),))
        stocks = self.file("stocks.csv", "symbol,price\nYHOO,5\nYHOO,6\n")
        text = self.refusal("--stocks", stocks)
        self.assertEqual(text, f"--stocks: {stocks}, line 3: YHOO is listed twice (first on line 2).")
        self.assertIn("--stocks: /nowhere: cannot be read", self.refusal("--stocks", "/nowhere"))

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

    def test_no_store(self) -> None:
        """A store is a database, or none; one that cannot be used is refused, and stays as it is."""
        for text in ("", "x", "memory", "sqlite", "sqlite3:x", "memory:x", "postgres://x"):
            self.assertIn("sqlite:PATH or memory:", self.refusal("--store", text))
        path = self.htdocs / "StockTicker.html"
        before = path.read_bytes()
        self.assertEqual(
            self.refusal("--store", f"sqlite:{path}"),
            f"--store: '{path}' is no database of this program; move it away, or give another --store.",
        )
        self.assertEqual(path.read_bytes(), before)
        self.assertIn("no directory", self.refusal("--store", "sqlite:/nowhere/market.sqlite"))
        with closing(SqliteStore(self.state / "market.sqlite")):
            self.assertIn("in use by another server", self.refusal())

    def test_stores(self) -> None:
        """A database is made in the state directory, or where the option says; it is found from any directory."""
        database = self.state / "market.sqlite"
        self.assertEqual((self.options("--store", "memory:")["store"], database.exists()), (None, False))
        for arguments in ((), ("--store", "sqlite:")):
            self.assertEqual(self.options(*arguments)["store"], str(database))
            self.assertTrue(database.is_file())
            database.unlink()
        elsewhere = self.htdocs / "prices.db"
        self.assertEqual(self.options("--store", f"sqlite:{os.path.relpath(elsewhere)}")["store"], str(elsewhere))
        self.assertTrue(elsewhere.is_file())
        self.assertFalse(database.exists())

    def test_who_may_control(self) -> None:
        """--auth takes names and passwords that can be checked; by default there are none."""
        self.assertIsNone(self.options()["auth"])
        self.assertIsNotNone(self.options("--auth", "memory:ann:secret")["auth"])
        self.assertIn("--auth: the kind", self.refusal("--auth", "nonsense:1"))
        self.assertIn("--auth: '/nowhere' cannot be read", self.refusal("--auth", "file:/nowhere"))

    def test_bad_origins(self) -> None:
        """An origin is one."""
        self.assertIn("--origin: 'a.example'", self.refusal("--origin", "a.example"))

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
        names = ("open", "listen=", "state-dir=", "interval=", "stocks=", "feed=", "htdocs=")
        for part in (*(f"--{name}" for name in names), "0.25", "tcp:8080"):
            self.assertIn(part, text)
        for part in ("--store=", "[default: sqlite:]", "--auth=", "[default: everybody may]", "--origin="):
            self.assertIn(part, " ".join(text.split()))


class ThreadedReactor(MemoryReactorClock):
    """Hears of what threads have done when it is asked to."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def callFromThread(self, function: Callable[..., object], *arguments: object, **named: object) -> None:
        self._calls.put(partial(function, *arguments, **named))

    def finish(self, deferred: Deferred[Any]) -> None:
        """Wait for what depends on threads."""
        while not deferred.called:
            self._calls.get(timeout=20)()


class Application:
    """
    A started application, and what it says over HTTP.

    Attributes:
        headers: of all requests.
    """

    def __init__(self, case: SynchronousTestCase, options: Options) -> None:
        self._case = case
        self.headers: tuple[str, ...] = ()
        self.reactor = ThreadedReactor()
        case.patch(txaio.config, "loop", self.reactor)
        self.service: Any = makeService(options, self.reactor)

    @property
    def server(self) -> SignalRServer:
        """Its connections."""
        [server] = [service for service in self.service if isinstance(service, SignalRServer)]
        return server

    def start(self) -> None:
        """Start it as ``twistd`` does."""
        self.service.privilegedStartService()
        self.service.startService()

    def stop(self) -> None:
        """Stop it; nothing may be left."""
        stopped = self.service.stopService()
        self.reactor.pump([0.1] * 10)
        self.reactor.finish(stopped)
        self._case.successResultOf(stopped)
        self._case.assertEqual(self.reactor.getDelayedCalls(), [])

    def fetch(
        self,
        target: str,
        body: bytes = b"",
        *,
        method: str = "POST",
        headers: tuple[str, ...] = (),
        seconds: float = 0,
    ) -> bytes:
        """Send a request to the first endpoint; returns the whole response, as it is after some time."""
        site = self.reactor.tcpServers[0][1]
        channel = site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        transport = StringTransport()
        channel.makeConnection(transport)
        lines = ["Host: test", "Connection: close", f"Content-Length: {len(body)}", *self.headers, *headers]
        head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""])
        channel.dataReceived(head.encode() + body)
        self.reactor.pump([0.25] * round(seconds / 0.25) or [0])
        channel.connectionLost(Failure(ConnectionResetError()))
        return transport.value()

    def invoke(self, hub: str, method: str, *arguments: Any) -> Any:
        """Call a hub's method over long polling; returns the answer."""
        negotiated = self.fetch(f"/signalr/negotiate?connectionData={CONNECTION_DATA}")
        token = json.loads(negotiated.partition(b"\r\n\r\n")[2])["ConnectionToken"]
        target = f"/signalr/send?transport=longPolling&connectionToken={token}&connectionData={CONNECTION_DATA}"
        call = json.dumps({"H": hub, "M": method, "A": arguments, "I": 0})
        return json.loads(self.fetch(target, f"data={call}".encode()).partition(b"\r\n\r\n")[2], parse_float=Decimal)

    def prices(self, hub: str = "stockTicker") -> list[Decimal]:
        """The prices of all stocks."""
        return [stock["Price"] for stock in self.invoke(hub, "getAllStocks")["R"]]


class MakeServiceTests(TapTestCase):
    """Tests for `makeService`."""

    def application(self, *arguments: str) -> Application:
        """An application that has not started; nothing is stored unless the arguments say so."""
        store = [] if "--store" in arguments else ["--store", "memory:"]
        return Application(self, self.options(*store, *arguments))

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

    def test_operations(self) -> None:
        """Health is told until the stop begins; and the metrics of SignalR, the market and its store."""
        application = self.application("--open", "--store", f"sqlite:{self.state / 'market.sqlite'}")
        application.start()
        self.assertTrue(application.fetch("/healthz", method="GET").startswith(b"HTTP/1.1 200 "))
        application.invoke("stockTicker", "getAllStocks")
        text = application.fetch("/metrics", method="GET").decode()
        for line in (
            "signalr_connection_messages_sent_total 1.0",
            "stockticker_market_open 1.0",
            "stockticker_saves_failed_total 0.0",
            "stockticker_quotes_conflated_total 0.0",
            "stockticker_followers 0.0",
        ):
            self.assertIn(f"\n{line}\n", text)
        application.invoke("stockTicker", "closeMarket")
        self.assertIn(b"\nstockticker_market_open 0.0\n", application.fetch("/metrics", method="GET"))
        application.stop()
        self.assertTrue(application.fetch("/healthz", method="GET").startswith(b"HTTP/1.1 503 "))

    def test_the_access_log(self) -> None:
        """Requests are logged, unless it is turned off."""
        for arguments, lines in (((), 1), (("--no-access-log",), 0)):
            application = self.started(*arguments)
            with capturedLogs() as events:
                application.fetch("/signalr/ping")
            self.assertEqual([event["log_namespace"] for event in events], [ACCESS_LOG] * lines)

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

    def test_stocks_of_a_file(self) -> None:
        """The full sample has them, and trades them; the mini sample keeps its own."""
        stocks = self.file("stocks.json", '[{"symbol": "YHOO", "price": 5}, {"symbol": "MSFT", "price": 42}]')
        day = self.file("day.csv", "10:00:00,YHOO,5.01\n10:00:10,YHOO,5.02\n")
        application = self.started("--open", "--stocks", stocks, "--feed", f"replay:{day}:10")
        self.assertEqual(application.prices(), [Decimal(5), Decimal(42)])
        mini_prices = application.prices("stockTickerMini")
        application.reactor.pump([0.25] * 3)
        self.assertEqual(application.prices(), [Decimal("5.01"), Decimal(42)])
        application.reactor.pump([0.25] * 2)
        self.assertEqual(application.prices(), [Decimal("5.02"), Decimal(42)])
        application.reactor.pump([0.25] * 100)
        self.assertEqual(len(application.prices("stockTickerMini")), len(mini_prices))
        self.assertNotEqual(application.prices("stockTickerMini"), mini_prices)

    def test_quotes_from_the_web(self) -> None:
        """The source is asked while the application runs, and no longer."""
        application = self.application("--open", "--feed", "http://127.0.0.1:88/quotes#every=0.5&timeout=0.2")
        self.assertEqual(application.reactor.tcpClients, [])
        application.start()
        application.reactor.pump([0.25] * 4)
        asked = len(application.reactor.tcpClients)
        self.assertGreater(asked, 1)
        self.assertEqual(application.reactor.tcpClients[0][:2], ("127.0.0.1", 88))
        self.assertTrue(application.invoke("stockBoard", "getBoard")["R"]["IsFeedStale"])
        application.stop()
        application.reactor.pump([0.25] * 100)
        self.assertEqual(len(application.reactor.tcpClients), asked)

    def test_the_interval(self) -> None:
        """Prices move once per interval: the same seed at half the pace gives the same prices in twice the time."""
        slow = self.started("--open", "--feed", "random:a", "--interval", "0.5")
        quick = self.started("--open", "--feed", "random:a")
        slow.reactor.pump([0.25] * 200)
        quick.reactor.pump([0.25] * 100)
        self.assertEqual(slow.prices(), quick.prices())

    def test_the_market_survives_a_restart(self) -> None:
        """Prices, and whether the market is open, are those that the run before left; --open opens it in any case."""
        left: list[list[Decimal]] = []
        for arguments, expected in ((("--open",), "Open"), ((), "Open"), ((), "Closed"), (("--open",), "Open")):
            application = self.application("--store", "sqlite:", *arguments)
            application.start()
            self.assertEqual(application.invoke("stockTicker", "getMarketState")["R"], expected)
            hubs = ("stockTicker", "stockTickerMini")
            if left:
                self.assertEqual([application.prices(hub) for hub in hubs], left)
            application.reactor.pump([0.25] * 100)
            if not arguments:
                application.invoke("stockTicker", "closeMarket")
            left = [application.prices(hub) for hub in hubs]
            application.stop()

    def test_the_history_survives_a_restart(self) -> None:
        """The curves of the run before are served, up to the present prices."""
        stock = Stock.opening("MSFT", Decimal("41.68")).moved_to(Decimal("42.00"))
        points = ((1_700_000_000, Decimal("41.68")), (1_700_000_100, Decimal("42.00")))
        curve = CurveChanges(points, True, CurveMark(object(), 0))
        self.options()
        with closing(SqliteStore(self.state / "market.sqlite")) as store:
            store.save([MarketChanges("stockTicker", MarketState.CLOSED, [stock], {"MSFT": curve})])
        application = self.started("--store", "sqlite:")
        self.assertEqual(
            application.invoke("stockBoard", "getCurves", ["MSFT"])["R"],
            [{"Symbol": "MSFT", "Times": [at for at, _ in points], "Prices": [price for _, price in points]}],
        )

    def test_controls_are_open(self) -> None:
        """Without --auth everybody may press the buttons, and there is nothing to log in to."""
        application = self.started()
        self.assertTrue(application.invoke("stockBoard", "getBoard")["R"]["MayControl"])
        for path in ("/login", "/logout"):
            self.assertTrue(application.fetch(path).startswith(b"HTTP/1.1 404"), path)

    def test_controls_are_guarded(self) -> None:
        """With --auth the buttons of both hubs need a login, whose cookie is good after a restart; looking does not."""
        application = self.application("--auth", "memory:ann:secret")
        application.start()
        for hub in ("stockTicker", "stockBoard"):
            for method in ("openMarket", "closeMarket", "reset"):
                error = application.invoke(hub, method)["E"]
                self.assertEqual(error, f"There was an error invoking Hub method '{hub}.{method}'.")
        board = application.invoke("stockBoard", "getBoard")["R"]
        self.assertEqual((board["MayControl"], board["User"], board["MarketState"]), (False, None, "Closed"))
        answer = application.fetch("/login", headers=("Authorization: Basic YW5uOnNlY3JldA==",))
        self.assertTrue(answer.startswith(b"HTTP/1.1 303"), answer)
        self.assertIn(b"Location: /StockTicker.html\r\n", answer)
        [cookie] = re.findall(rb"Set-Cookie: (stockticker-login=[^;]+);", answer)
        application.stop()
        application = self.started("--auth", "memory:ann:secret")
        application.headers = (f"Cookie: {cookie.decode()}",)
        board = application.invoke("stockBoard", "getBoard")["R"]
        self.assertEqual((board["MayControl"], board["User"], board["MarketState"]), (True, "ann", "Closed"))
        for hub, method, state in (
            ("stockTicker", "openMarket", "Open"),
            ("stockBoard", "closeMarket", "Closed"),
            ("stockBoard", "openMarket", "Open"),
        ):
            self.assertNotIn("E", application.invoke(hub, method))
            self.assertEqual(application.invoke("stockTicker", "getMarketState")["R"], state)

    def test_broadcasts_of_guarded_hubs(self) -> None:
        """With --auth viewers are told as much as without."""
        for arguments in ((), ("--auth", "memory:ann:secret")):
            application = self.started("--open", "--feed", "random:1", *arguments)
            told = []
            bus = application.server.bus
            for topic in ("h-stockTicker", "hg-stockBoard.rate all"):
                listener = TopicListener(bus, topic)
                application.reactor.pump([0.25] * 20)
                told.append(bool(listener.take()))
            self.assertEqual(told, [True, True], arguments)

    def test_prices_as_text(self) -> None:
        """They are at ``/prices.txt``, and can be followed."""
        application = self.started("--open", "--feed", "random:1")
        answer = application.fetch("/prices.txt", method="GET")
        self.assertIn(b"Market open, ", answer)
        self.assertIn(b"\nMSFT ", answer)
        followed = application.fetch("/prices.txt?follow=1", method="GET", seconds=10)
        self.assertRegex(followed, rb"(?m)^\d\d:\d\d:\d\d  (GOOG|MSFT|AAPL) +\d+\.\d\d +[+-]")

    def test_policy_of_pages(self) -> None:
        """Browsers are told what our own pages do; those of others may do what they like."""
        answer = self.started().fetch("/StockTicker.html", method="HEAD")
        self.assertIn(b"HTTP/1.1 200", answer)
        self.assertNotIn(b"Content-Security-Policy", answer)
        application = self.started("--htdocs", came_along())
        answer = application.fetch("/StockTicker.html", method="HEAD")
        self.assertIn(b"Content-Security-Policy: default-src 'none'; ", answer)
        self.assertIn(b"connect-src 'self' ws://test wss://test; ", answer)

    def test_origins(self) -> None:
        """Pages of the origins that are named may call."""
        for arguments, allowed in (((), False), (("--origin", "https://a.example"), True)):
            answer = self.started(*arguments).fetch("/signalr/ping", headers=("Origin: https://a.example",))
            self.assertEqual(b"Access-Control-Allow-Origin: https://a.example\r\n" in answer, allowed)

    def test_foreign_pages(self) -> None:
        """Where people can log in, pages of other origins are refused; of any, if they are all allowed, none is."""
        auth = ("--auth", "memory:ann:secret")
        for arguments, status in (
            ((), b"200"),
            (auth, b"403"),
            ((*auth, "--origin", "https://b.example"), b"403"),
            ((*auth, "--origin", "https://a.example"), b"200"),
            ((*auth, "--origin", "*"), b"200"),
        ):
            answer = self.started(*arguments).fetch("/signalr/ping", headers=("Origin: https://a.example",))
            self.assertTrue(answer.startswith(b"HTTP/1.1 " + status), (arguments, answer))

    def test_tokens_survive_a_restart(self) -> None:
        """Tokens of one run are good in the next, which has the same state directory."""
        application = self.application()
        application.start()
        negotiated = application.fetch("/signalr/negotiate")
        token = json.loads(negotiated.partition(b"\r\n\r\n")[2])["ConnectionToken"]
        application.stop()
        response = self.started().fetch(f"/signalr/start?transport=longPolling&connectionToken={token}")
        self.assertTrue(response.startswith(b"HTTP/1.1 200"), response)
