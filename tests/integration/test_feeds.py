"""The feeds through a real server: quotes from the web, the source being as bad as it likes, and a recording."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

from tests.integration.quote_source import BAD_ANSWERS, POISON, Answer, QuoteSource, quotes, response
from tests.integration.support import (
    DEADLINE_SECONDS,
    OPENING_PRICES,
    Client,
    StockTickerTestCase,
    free_port,
    new_directory,
    updates,
    wait_for,
)

#: Often, with little patience: a failure takes no more than half a second.
HASTE = "#every=0.05&timeout=0.5"
QUICK = ("--interval", "0.02", "--store", "memory:")

#: How much more memory the server may take, at its highest, than it took when all was well.
MAX_GROWTH_KIB = 24 * 1024


class Watcher:
    """A viewer of the full sample that remembers every price it is told of."""

    def __init__(self, port: int) -> None:
        self.seen: list[tuple[str, str]] = []
        self._link = Client(port).open_websocket()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        try:
            for stock in updates(self._link):
                self.seen.append((stock["Symbol"], f"{stock['Price']:.2f}"))
        except AssertionError:  # The server says that it ends.
            self._link.send(8, b"")

    def close(self) -> None:
        """Wait for the end of the server, and of the connection."""
        self._thread.join(DEADLINE_SECONDS)
        self._link.close()


class HttpFeedTestCase(StockTickerTestCase):
    """A server that asks a source for quotes."""

    def start(self, answer: Answer, *options: str) -> None:
        self.source = QuoteSource(answer)
        self.addCleanup(self.source.close)
        self.server = self.start_server("--feed", self.source.url + HASTE, *QUICK, *options)
        self.board = Client(self.server.port, "stockBoard")

    def wait_asked(self, times: int) -> None:
        """Wait until the source was asked so many times since it was told how to answer."""
        wait_for(f"the source is asked {times} times", lambda: len(self.source.heads) >= times)

    def is_stale(self) -> bool:
        stale: bool = self.board.invoke("getBoard")["IsFeedStale"]
        return stale

    def prices(self) -> dict[str, str]:
        """What the hub says."""
        return {stock["Symbol"]: f"{stock['Price']:.2f}" for stock in self.board.invoke("getAllStocks")}

    def wait_price(self, symbol: str, price: str) -> None:
        wait_for(f"{symbol} is at {price}", lambda: self.prices()[symbol] == price)

    def highest_memory(self) -> int:
        """The most that the server has ever taken, in KiB."""
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None, status
        return int(found[1])

    def assertNoTracebacks(self) -> None:
        """All that is wrong is wrong with the source."""
        log = self.server.log
        for word in ("Traceback", "Unhandled", "#error]", "#critical]"):
            self.assertNotIn(word, log)


class BadSourceTests(HttpFeedTestCase):
    """Whatever a source does, no wrong price is shown, the memory does not grow, and good quotes come through again."""

    def test_every_kind_of_badness(self) -> None:
        """One after another, with good quotes in between."""
        self.start(quotes(MSFT="100.00"), "--open")
        self.wait_price("MSFT", "100.00")
        watcher = Watcher(self.server.port)
        wait_for("prices are fresh", lambda: not self.is_stale())
        at_first = self.highest_memory()
        good = set()

        for number, (name, answer) in enumerate(BAD_ANSWERS.items()):
            self.source.answer_with(answer)
            self.wait_asked(2)
            wait_for(f"prices are stale ({name})", self.is_stale)
            self.assertNotIn(POISON, self.prices().values(), name)
            for head in self.source.heads:
                self.assertTrue(head.startswith(b"GET /quotes.json HTTP/1.1\r\n"), name)

            price = f"{101 + number}.25"
            good.add(("MSFT", price))
            self.source.answer_with(quotes(MSFT=price))
            self.wait_price("MSFT", price)
            wait_for(f"prices are fresh ({name})", lambda: not self.is_stale())

        self.assertLess(self.highest_memory() - at_first, MAX_GROWTH_KIB)
        self.assertEqual(self.server.stop(), 0)
        watcher.close()
        self.assertEqual(set(watcher.seen), good)
        self.assertNoTracebacks()
        complaints = self.server.log.count("#warn]")
        self.assertTrue(0 < complaints <= 4, self.server.log)  # of two kinds, once a minute each

    def test_bad_quotes_among_good_ones(self) -> None:
        """The good ones count, and the source is not down."""
        self.start(quotes(MSFT="100.00"), "--open")
        self.wait_price("MSFT", "100.00")
        watcher = Watcher(self.server.port)
        self.source.answer_with(quotes(GOOG=f"-{POISON}", MSFT="101.00", AAPL=f'"{POISON}"', YHOO=POISON))
        self.wait_price("MSFT", "101.00")
        self.wait_asked(10)
        self.assertFalse(self.is_stale())
        self.assertEqual(self.prices(), {**OPENING_PRICES, "MSFT": "101.00"})
        self.assertEqual(self.server.stop(), 0)
        watcher.close()
        self.assertEqual(watcher.seen, [("MSFT", "101.00")])
        self.assertIn("gives bad quotes: 3, of which the first: the price of 'GOOG'", self.server.log)
        self.assertNoTracebacks()

    def test_the_server_ends_while_it_waits_for_an_answer(self) -> None:
        """It does not wait for a source that does not answer."""
        self.start(BAD_ANSWERS["silent"])
        self.wait_asked(1)
        self.assertEqual(self.server.stop(), 0)
        self.assertNoTracebacks()

    def test_no_source(self) -> None:
        """The server starts nevertheless, and prices are marked as stale."""
        server = self.start_server("--feed", f"http://127.0.0.1:{free_port()}/quotes.json", *QUICK)
        board = Client(server.port, "stockBoard")
        wait_for("prices are stale", lambda: board.invoke("getBoard")["IsFeedStale"])
        wait_for("a complaint", lambda: "gives no quotes: it cannot be reached" in server.log)
        self.assertEqual(server.stop(), 0)


class GoodSourceTests(HttpFeedTestCase):
    """What a source that does as it should may rely on."""

    def test_buttons_rule(self) -> None:
        """Quotes wait for the opening; a reset shows the opening prices until there are quotes again."""
        self.start(quotes(MSFT="100.00", GOOG="200.00"))
        self.wait_asked(2)
        wait_for("prices are fresh", lambda: not self.is_stale())
        watcher = Watcher(self.server.port)
        self.source.answer_with(quotes(MSFT="101.00", GOOG="200.00"))
        self.wait_asked(2)
        self.assertEqual(self.prices(), OPENING_PRICES)
        self.board.invoke("openMarket")
        self.wait_price("MSFT", "101.00")
        self.assertEqual(self.prices(), {**OPENING_PRICES, "MSFT": "101.00", "GOOG": "200.00"})
        self.board.invoke("closeMarket")
        self.board.invoke("reset")
        self.wait_asked(6)
        self.assertEqual(self.prices(), OPENING_PRICES)
        self.board.invoke("openMarket")
        self.wait_price("MSFT", "101.00")
        self.assertEqual(self.server.stop(), 0)
        watcher.close()
        trades = [("GOOG", "200.00"), ("MSFT", "101.00")]
        self.assertEqual(watcher.seen, trades * 2)
        self.assertLogClean(self.server)

    def test_unchanged_quotes(self) -> None:
        """They need not be sent again."""
        full = response(json.dumps({"MSFT": 100}).encode(), 'ETag: "one"')
        short = response(b"", 'ETag: "one"', status="304 Not Modified")

        def is_known(head: bytes) -> bool:
            return b'\r\nif-none-match: "one"\r\n' in head.lower()

        self.start(lambda link, head: link.sendall(short if is_known(head) else full), "--open")
        self.wait_price("MSFT", "100.00")
        self.wait_asked(10)
        self.assertFalse(self.is_stale())
        self.assertEqual([is_known(head) for head in self.source.heads[:10]], [False] + [True] * 9)
        self.assertLogClean(self.server)


class FileTests(StockTickerTestCase):
    """Stocks and trades from files."""

    def test_stocks_and_recording(self) -> None:
        """The market has the stocks of the one, and plays the other to its end."""
        directory = new_directory()
        (directory / "stocks.csv").write_text("symbol,price\nYHOO,5\nIBM,150.25\n")
        (directory / "day.csv").write_text("".join(f"10:00:{second:02},YHOO,{5 + second}\n" for second in range(60)))
        server = self.start_server(
            *QUICK, "--stocks", str(directory / "stocks.csv"), "--feed", f"replay:{directory / 'day.csv'}:100"
        )
        client = Client(server.port)
        self.assertEqual(client.prices(), {"YHOO": "5.00", "IBM": "150.25"})
        client.invoke("openMarket")
        wait_for("the recording ends", lambda: "has ended" in server.log)
        self.assertEqual(client.prices(), {"YHOO": "64.00", "IBM": "150.25"})
        self.assertLogClean(server)
