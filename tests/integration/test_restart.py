"""Servers that end without warning, and those that take their place: nothing but the last second is lost."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import time
from decimal import Decimal
from typing import Any

from tests.integration.busy_clients import BusyClients
from tests.integration.support import OPENING_PRICES, Client, Server, StockTickerTestCase, new_directory
from tests.integration.ticker_page import FULL_PAGE, TickerPage
from tests.integration.waiting import wait_for
from tests.integration.witness import Picture, Witness, stock_of
from twisted_ticker.market import MarketState, Point, SqliteStore, StoredMarket

QUICK = ("--interval", "0.02")
SYMBOLS = tuple(OPENING_PRICES)

ROUNDS = 20
# In every fifth round the market is closed before the server is killed.
CLOSING = 5
LEAST_CALLS = 100
MAY_BE_LOST_SECONDS = 1.0

# A page learns of the end of a connection some time after it, and is connected until then.
_WATCH_CONNECTIONS = """() => {
    window.connections = 0;
    $.connection.hub.stateChanged(change => {
        window.connections += change.newState === $.signalR.connectionState.connected ? 1 : 0;
    });
}"""

Curves = dict[str, list[Point]]


def stored(server: Server) -> StoredMarket:
    """What the server that is gone has left; read from a copy, so that nothing is tidied up for the next one."""
    copy = shutil.copytree(server.state, new_directory() / "state")
    with contextlib.closing(SqliteStore(copy / "market.sqlite")) as store:
        return store.load()["stockTicker"]


def exactly(answer: Any) -> Any:
    """An answer of a hub, its numbers as they came."""
    return json.loads(json.dumps(answer), parse_float=Decimal, parse_int=Decimal)


def board(server: Server) -> Picture:
    """What the server says of its market."""
    answer = exactly(Client(server.port, "stockBoard").invoke("GetBoard"))
    return Picture(MarketState(answer["MarketState"]), {quote["Symbol"]: stock_of(quote) for quote in answer["Stocks"]})


def curves(server: Server) -> Curves:
    """The curves of all stocks that the server gives."""
    answer = exactly(Client(server.port, "stockBoard").invoke("GetCurves", SYMBOLS))
    return {
        curve["Symbol"]: [(int(at), Decimal(price)) for at, price in zip(curve["Times"], curve["Prices"], strict=True)]
        for curve in answer
    }


def troubles(server: Server) -> list[str]:
    """What is alarming in the log of a server that has taken the place of another."""
    alarming = ("Traceback", "#warn]", "#error]", "#critical]", "Unhandled")
    # Clients of the server before are told that they have missed something, and so is the log.
    usual = "has missed messages that are no longer kept"
    return [line for line in server.log.splitlines() if any(word in line for word in alarming) and usual not in line]


class KillTests(StockTickerTestCase):
    """``kill -9`` under load."""

    def assertGoesOn(self, earlier: Curves, later: Curves) -> None:
        """Later curves begin with all points of the earlier ones, but for the last, whose span was not over."""
        for symbol in SYMBOLS:
            self.assertGreaterEqual(len(later[symbol]), len(earlier[symbol]))
            self.assertEqual(later[symbol][: len(earlier[symbol]) - 1], earlier[symbol][:-1], symbol)

    def assertRecent(self, picture: Picture, witness: Witness, killed_at: float) -> None:
        """A picture was current at some moment of the last second; all of it, at the same moment."""
        recent = witness.current_since(killed_at - MAY_BE_LOST_SECONDS)
        if picture not in recent:
            # A step may be on the disk, and have been killed on its way to the witness.
            self.assertTrue(picture.may_follow(recent[-1]), f"{picture}\nis none of the last {len(recent)}:\n{recent}")

    def assertSame(self, page: TickerPage, server: Server) -> None:
        """A page and the server agree to the cent."""
        table = [
            [stock.symbol, *(f"{price:.2f}" for price in (stock.price, stock.day_open, stock.day_high, stock.day_low))]
            for stock in board(server).stocks.values()
        ]
        wait_for("the page agrees with the server", lambda: [row[:5] for row in page.table()] == table)

    def test_kill(self) -> None:
        """Twenty times: prices, state and history go on from a second before at most, and pages come back."""
        server = self.start_server(*QUICK, "--open")
        clients = BusyClients(server.port, websockets=3, pollers=2)
        self.addCleanup(clients.stop)
        self.addCleanup(lambda: self.servers[-1].kill())
        page = self.open_page(server.url + FULL_PAGE)
        page.wait_connected("webSockets")
        page.page.evaluate(_WATCH_CONNECTIONS)
        for number in range(1, ROUNDS + 1):
            closes = number % CLOSING == 0
            witness = Witness(server.port, SYMBOLS)
            earlier = curves(server)
            self.wait_busy(clients, witness, MAY_BE_LOST_SECONDS + random.uniform(0.05, 0.5))
            if closes:
                # The page may just be coming back from the last kill.
                Client(server.port).invoke("CloseMarket")
                page.wait_market("closed")
                self.assertSame(page, server)
                page.page.evaluate("window.connections = 0")
                time.sleep(MAY_BE_LOST_SECONDS)
            killed_at = time.monotonic()
            server.kill()
            witness.finish()

            left = stored(server)
            assert left.state is not None
            picture = Picture(left.state, {stock.symbol: stock for stock in left.stocks})
            self.assertRecent(picture, witness, killed_at)
            self.assertEqual(picture.state, MarketState.CLOSED if closes else MarketState.OPEN)
            later = {symbol: list(points) for symbol, points in left.points.items()}
            self.assertGoesOn(earlier, later)
            self.assertEqual(
                {symbol: points[-1][1] for symbol, points in later.items()},
                {symbol: stock.price for symbol, stock in picture.stocks.items()},
            )

            server = self.start_server(*QUICK, port=server.port, state=server.state)
            self.assertEqual(board(server).state, picture.state)
            self.assertGoesOn(later, curves(server))
            if closes:
                self.assertEqual(board(server), picture)
                self.assertEqual(curves(server), later)
                wait_for("the page is connected again", lambda: page.page.evaluate("window.connections"))
                page.wait_connected("webSockets")
                page.wait_market("closed")
                self.assertSame(page, server)
                page.press("Open Market")
                page.wait_market("open")
                page.wait_moving()
        self.assertEqual(page.errors, [])
        for each in self.servers:
            self.assertEqual(troubles(each), [])

    def wait_busy(self, clients: BusyClients, witness: Witness, seconds: float) -> None:
        """Wait so long, and until there was load enough for that."""
        since, calls = time.monotonic(), clients.calls
        wait_for(
            "the server is busy",
            lambda: witness.seen and clients.calls - calls >= LEAST_CALLS and time.monotonic() - since >= seconds,
        )


class StopTests(StockTickerTestCase):
    """Orderly ends, and other stores."""

    def test_stop(self) -> None:
        """A server that is stopped leaves everything, in one file, to the next."""
        first = self.start_server(*QUICK, "--open")
        witness = Witness(first.port, SYMBOLS)
        wait_for("the market moves", lambda: witness.seen)
        self.assertEqual(first.stop(), 0)
        witness.finish()
        self.assertEqual(sorted(path.name for path in first.state.iterdir()), ["keyring", "market.sqlite"])
        left = stored(first)
        _, picture = witness.seen[-1]
        self.assertEqual({stock.symbol: stock for stock in left.stocks}, picture.stocks)
        second = self.start_server("--interval", "1000", state=first.state)
        self.assertEqual(board(second), picture)
        self.assertNoComplaints()

    def test_no_store(self) -> None:
        """With ``memory:``, each run begins at the opening prices."""
        first = self.start_server(*QUICK, "--open", "--store", "memory:")
        client = Client(first.port)
        wait_for("the market moves", lambda: client.prices() != OPENING_PRICES)
        self.assertEqual(first.stop(), 0)
        self.assertEqual([path.name for path in first.state.iterdir()], ["keyring"])
        second = self.start_server("--store", "memory:", state=first.state)
        self.assertEqual(Client(second.port).prices(), OPENING_PRICES)
        self.assertNoComplaints()

    def test_store_elsewhere(self) -> None:
        """A database elsewhere is found by a relative path, although the state directory is another one."""
        directory = new_directory()
        first = self.start_server(*QUICK, "--open", "--store", "sqlite:prices.db", cwd=directory)
        client = Client(first.port)
        wait_for("the market moves", lambda: client.prices() != OPENING_PRICES)
        client.invoke("CloseMarket")
        prices = client.prices()
        self.assertEqual(first.stop(), 0)
        self.assertEqual([path.name for path in directory.iterdir()], ["prices.db"])
        second = self.start_server("--store", f"sqlite:{directory / 'prices.db'}")
        client = Client(second.port)
        self.assertEqual((client.prices(), client.invoke("GetMarketState")), (prices, "Closed"))
        self.assertNoComplaints()
