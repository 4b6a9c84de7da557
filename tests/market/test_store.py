"""Tests for `twisted_ticker.market.store`."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

import twisted_ticker
from twisted_ticker.market.history import CurveChanges, CurveMark, Point
from twisted_ticker.market.market import MarketState
from twisted_ticker.market.stock import LOWEST_PRICE, Stock
from twisted_ticker.market.store import MarketChanges, SqliteStore, StoredMarket, StoreError

PROJECT = Path(twisted_ticker.__file__).parent.parent

MSFT = Stock.opening("MSFT", Decimal("41.68"))
GOOG = Stock.opening("GOOG", Decimal("543.01"))

MOVES_AWAY = "; move it away, or give another --store."


def changes(
    *stocks: Stock,
    name: str = "full",
    state: MarketState = MarketState.OPEN,
    curves: Mapping[str, Sequence[Point]] | None = None,
    rewritten: Sequence[str] = (),
    is_whole: bool = False,
) -> MarketChanges:
    """What is to be saved of a market."""
    edition = object()
    changed = {
        symbol: CurveChanges(points, symbol in rewritten, CurveMark(edition, points[-1][0]))
        for symbol, points in (curves or {}).items()
    }
    return MarketChanges(name, state, stocks, changed, is_whole)


def money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


@st.composite
def moved_stocks(draw: st.DrawFn) -> list[Stock]:
    """Stocks in the middle of their day."""
    stocks = []
    for symbol in draw(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), unique=True, max_size=4)):
        stock = Stock.opening(symbol, money(draw(st.integers(1, 10**15))))
        for cents in draw(st.lists(st.integers(1, 10**15), max_size=3)):
            stock = stock.moved_to(money(cents))
        stocks.append(stock)
    return stocks


class StoreTestCase(SynchronousTestCase):
    """With a database file in a directory of its own."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir(parents=True)
        self.path = self.directory / "market.sqlite"

    def save(self, *batch: MarketChanges) -> None:
        """Save, and close."""
        with closing(SqliteStore(self.path)) as store:
            store.save(batch)

    def load(self) -> dict[str, StoredMarket]:
        """What a later run finds."""
        with closing(SqliteStore(self.path)) as store:
            return store.load()

    def refusal(self) -> str:
        """Why the database is refused: in one sentence that names the file."""
        with self.assertRaises(StoreError) as caught:
            self.load()
        text = str(caught.exception)
        self.assertTrue(text.startswith(f"{str(self.path)!r} "), text)
        self.assertTrue(text.endswith("."), text)
        self.assertEqual(len(text.splitlines()), 1)
        return text.removeprefix(f"{str(self.path)!r} ")

    @contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        """The database as somebody else may change it."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            yield connection


class SavingTests(StoreTestCase):
    """What is saved is what is loaded."""

    def test_new_database(self) -> None:
        """A file is made, in which there is nothing yet."""
        self.assertEqual(self.load(), {})
        self.assertEqual([path.name for path in self.directory.iterdir()], ["market.sqlite"])

    def test_empty_file(self) -> None:
        """An empty file, as a crash at the very begin leaves it, becomes a database."""
        self.path.touch()
        self.save(changes(MSFT))
        self.assertEqual(self.load()["full"].stocks, [MSFT])

    def test_path_with_special_characters(self) -> None:
        """A file may have any name."""
        self.path = self.directory / "50% of? it#é.db"
        self.save(changes(MSFT))
        self.assertEqual([path.name for path in self.directory.iterdir()], [self.path.name])

    def test_market(self) -> None:
        """Stocks, state and curves come back."""
        stock = MSFT.moved_to(Decimal("42.00")).moved_to(Decimal("40.10"))
        points = [(100, Decimal("41.68")), (200, Decimal("40.10"))]
        self.save(changes(stock, GOOG, curves={"MSFT": points}))
        self.assertEqual(
            self.load(), {"full": StoredMarket(MarketState.OPEN, [GOOG, stock], {"GOOG": [], "MSFT": points})}
        )

    @given(moved_stocks(), st.sampled_from(MarketState))
    def test_prices_are_exact(self, stocks: list[Stock], state: MarketState) -> None:
        """Any stocks come back to the cent, with two decimal places."""
        self.path.unlink(missing_ok=True)
        self.save(changes(*stocks, state=state, curves={stock.symbol: [(1, stock.price)] for stock in stocks}))
        stored = self.load()["full"]
        self.assertEqual({stock.symbol: repr(stock) for stock in stored.stocks}, {s.symbol: repr(s) for s in stocks})
        self.assertEqual(
            {symbol: str(price) for symbol, [(_, price)] in stored.points.items()},
            {stock.symbol: str(stock.price) for stock in stocks},
        )
        self.assertIs(stored.state, state)

    def test_later_changes(self) -> None:
        """A batch adds to those before: what it does not name stays as it was."""
        self.save(changes(MSFT, GOOG, curves={"MSFT": [(1, Decimal("41.68"))], "GOOG": [(1, Decimal("543.01"))]}))
        moved = MSFT.moved_to(Decimal("42.00"))
        curve = [(1, Decimal("41.00")), (2, Decimal("42.00"))]
        self.save(changes(moved, state=MarketState.CLOSED, curves={"MSFT": curve}))
        expected = StoredMarket(MarketState.CLOSED, [GOOG, moved], {"GOOG": [(1, Decimal("543.01"))], "MSFT": curve})
        self.assertEqual(self.load(), {"full": expected})

    def test_rewritten_curve(self) -> None:
        """Of a curve that is given as a whole, nothing else is left; other curves are."""
        old = [(1, Decimal("1.00")), (2, Decimal("2.00"))]
        self.save(changes(MSFT, GOOG, curves={"MSFT": old, "GOOG": old}))
        self.save(changes(curves={"MSFT": [(2, Decimal("3.00"))]}, rewritten=["MSFT"]))
        self.assertEqual(self.load()["full"].points, {"MSFT": [(2, Decimal("3.00"))], "GOOG": old})

    def test_whole_market(self) -> None:
        """Of a market that is given as a whole, nothing else is left: stocks that are no longer listed are gone."""
        curves = {"MSFT": [(1, Decimal("1.00"))], "GOOG": [(1, Decimal("2.00"))]}
        self.save(changes(MSFT, GOOG, curves=curves), changes(GOOG, name="mini"))
        self.save(changes(MSFT, curves={"MSFT": [(2, Decimal("3.00"))]}, rewritten=["MSFT"], is_whole=True))
        stored = self.load()
        self.assertEqual(stored["full"].stocks, [MSFT])
        self.assertEqual(stored["full"].points, {"MSFT": [(2, Decimal("3.00"))]})
        self.assertEqual(stored["mini"].stocks, [GOOG])

    def test_several_markets(self) -> None:
        """Markets with stocks of the same name do not get in each other's way."""
        other = Stock.opening("MSFT", Decimal("30.31"))
        self.save(changes(MSFT), changes(other, name="mini", state=MarketState.CLOSED))
        stored = self.load()
        self.assertEqual((stored["full"].stocks, stored["full"].state), ([MSFT], MarketState.OPEN))
        self.assertEqual((stored["mini"].stocks, stored["mini"].state), ([other], MarketState.CLOSED))

    def test_all_or_nothing(self) -> None:
        """Of a batch that cannot be saved nothing is, and the store goes on."""
        too_high = Stock.opening("MSFT", Decimal("92233720368547758.08"))
        with closing(SqliteStore(self.path)) as store:
            store.save([changes(GOOG)])
            with self.assertRaisesRegex(StoreError, "as high as this"):
                store.save([changes(MSFT, is_whole=True), changes(too_high, name="mini")])
            self.assertEqual(store.load()["full"].stocks, [GOOG])
            store.save([changes(MSFT)])
        self.assertEqual(list(self.load()), ["full"])
        self.assertEqual(self.load()["full"].stocks, [GOOG, MSFT])

    def test_lowest_and_highest_prices(self) -> None:
        """One cent, and as many as fit."""
        stock = Stock.opening("MSFT", Decimal("92233720368547758.07")).moved_to(LOWEST_PRICE)
        self.save(changes(stock))
        self.assertEqual(self.load()["full"].stocks, [stock])

    def test_nothing_is_left_beside_the_file(self) -> None:
        """A store that is closed is one file."""
        self.save(changes(MSFT))
        self.assertEqual([path.name for path in self.directory.iterdir()], ["market.sqlite"])


_SAVE_AND_DIE = """
import os, signal, sys
from decimal import Decimal
from twisted_ticker.market import MarketChanges, MarketState, SqliteStore, Stock
store = SqliteStore(sys.argv[1])
stock = Stock.opening("MSFT", Decimal("1.00"))
for price in range(2, 50):
    stock = stock.moved_to(Decimal(price))
    store.save([MarketChanges("full", MarketState.OPEN, [stock], {})])
os.kill(os.getpid(), signal.SIGKILL)
"""


class KilledTests(StoreTestCase):
    """The process ends without warning."""

    def test_kill(self) -> None:
        """All that was saved before is there afterwards."""
        command = [sys.executable, "-c", _SAVE_AND_DIE, str(self.path)]
        killed = subprocess.run(command, check=False, env={"PYTHONPATH": ":".join([str(PROJECT), *sys.path])})
        self.assertEqual(killed.returncode, -9)
        self.assertTrue((self.directory / "market.sqlite-wal").exists())
        [stock] = self.load()["full"].stocks
        self.assertEqual(str(stock.price), "49.00")

    def test_any_moment(self) -> None:
        """However much of the log has reached the disk, some earlier moment is there, as a whole."""
        with closing(SqliteStore(self.path)) as store:
            stock, other = MSFT, GOOG
            for price in range(1, 9):
                stock, other = stock.moved_to(Decimal(price)), other.moved_to(Decimal(price))
                store.save([changes(stock), changes(other, name="mini")])
            file = self.path.read_bytes()
            log = (self.directory / "market.sqlite-wal").read_bytes()
        found = set()
        for length in range(0, len(log), 997):
            self.path.write_bytes(file)
            (self.directory / "market.sqlite-wal").write_bytes(log[:length])
            stored = self.load()
            prices = [str(stock.price) for market in stored.values() for stock in market.stocks]
            self.assertEqual(len(set(prices)), min(1, len(stored)), prices)
            found.update(prices)
        self.assertGreater(len(found), 4)


class RefusedTests(StoreTestCase):
    """Files that cannot be used are refused, and stay as they are."""

    def assertUntouched(self, check: Callable[[], None]) -> None:
        """What is checked leaves the directory as it was."""
        before = self.contents()
        check()
        self.assertEqual(self.contents(), before)

    def contents(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.directory.iterdir()}

    def test_other_files(self) -> None:
        """What is no database is none of ours."""
        for content in (b"x", b"Symbol,Price\nMSFT,41.68\n", b"SQLite format 3\0", b"\0" * 4096):
            self.path.write_bytes(content)
            self.assertUntouched(
                lambda: self.assertEqual(self.refusal(), f"is no database of this program{MOVES_AWAY}")
            )

    def test_databases_of_others(self) -> None:
        """Nor is the database of another program, even one that crashed and left a log behind."""
        with self.database() as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE market (name, state)")
            copy = Path(shutil.copytree(self.directory, f"{self.directory}-crashed"))
        self.directory, self.path = copy, copy / "market.sqlite"
        self.assertIn("market.sqlite-wal", self.contents())
        self.assertUntouched(lambda: self.assertEqual(self.refusal(), f"is no database of this program{MOVES_AWAY}"))

    def test_newer_version(self) -> None:
        """A database of a version to come is not for us."""
        self.save(changes(MSFT))
        with self.database() as database:
            database.execute("PRAGMA user_version = 2")
        self.assertUntouched(
            lambda: self.assertEqual(
                self.refusal(), "was written by a newer version of this program; use that, or give another --store."
            )
        )

    def test_impossible_version(self) -> None:
        """There is no version before the first."""
        self.save(changes(MSFT))
        with self.database() as database:
            database.execute("PRAGMA user_version = 0")
        self.assertUntouched(lambda: self.assertIn("is damaged (there is no version 0)", self.refusal()))

    def test_other_tables(self) -> None:
        """A database whose tables somebody has changed is damaged."""
        for statement in ("CREATE TABLE note (text)", "ALTER TABLE stock ADD COLUMN note", "DROP TABLE point"):
            self.path.unlink(missing_ok=True)
            self.save(changes(MSFT))
            with self.database() as database:
                database.execute(statement)
            self.assertUntouched(
                lambda: self.assertEqual(
                    self.refusal(), f"is damaged (its tables are not those of this program){MOVES_AWAY}"
                )
            )

    def test_impossible_values(self) -> None:
        """What no market can be is refused, whoever has written it."""
        impossible = {
            "UPDATE stock SET price = 0, day_low = 0": "full: not a positive price: 0.00",
            "UPDATE stock SET price = 99999": "full: 999.99 is outside the day's range 41.68 to 41.68",
            "UPDATE stock SET price = 41.68": "full: not a whole number: 41.68",
            "UPDATE stock SET last_change = 'x'": "full: not a whole number: 'x'",
            "UPDATE stock SET symbol = x'00'": "full: not a symbol: b'\\x00'",
            "UPDATE stock SET symbol = 'X'": "full: there is a curve, but no stock 'MSFT'",
            "UPDATE point SET price = -1": "full: not a positive price: -0.01",
            "UPDATE point SET time = 'noon'": "full: not a whole number: 'noon'",
            "UPDATE market SET state = 'Ajar'": "full: 'Ajar' is not a valid MarketState",
        }
        for statement, reason in impossible.items():
            self.path.unlink(missing_ok=True)
            self.save(changes(MSFT, curves={"MSFT": [(1, Decimal("41.68"))]}))
            with self.database() as database:
                database.execute(statement)
            self.assertUntouched(
                lambda reason=reason: self.assertEqual(self.refusal(), f"is damaged ({reason}){MOVES_AWAY}")
            )

    def test_damaged_pages(self) -> None:
        """Pages that were overwritten, or are missing, are noticed, and the file is not repaired."""
        stocks = [Stock.opening(f"S{number:04}", Decimal("1.00")) for number in range(2000)]
        self.save(changes(*stocks))
        whole = self.path.read_bytes()
        page = int.from_bytes(whole[16:18], "big")
        self.assertGreater(len(whole), 5 * page)
        overwritten = [whole[: n * page] + b"\xa5" * page + whole[(n + 1) * page :] for n in range(1, 5)]
        first_page = whole[:100] + b"\xa5" * (page - 100) + whole[page:]
        for damaged in (*overwritten, first_page, whole[: 3 * page], whole[: page + 7], whole[:100]):
            self.path.write_bytes(damaged)
            self.assertUntouched(lambda: self.assertIn("is damaged (", self.refusal()))

    def test_in_use(self) -> None:
        """A database belongs to one server at a time, for as long as it runs."""
        with closing(SqliteStore(self.path)) as store:
            store.save([changes(MSFT)])
            self.assertEqual(
                self.refusal(), "is in use by another server; give this one --store memory: or another --state-dir."
            )
            store.save([changes(GOOG)])
        self.assertEqual(self.load()["full"].stocks, [GOOG, MSFT])

    def test_in_use_by_another_process(self) -> None:
        """It makes no difference whether the other server is another process."""
        hold = "import sys; from twisted_ticker.market import SqliteStore; s = SqliteStore(sys.argv[1]); input()"
        holder = subprocess.Popen(
            [sys.executable, "-c", f"{hold.replace('input()', 'print(flush=True); input()')}", str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": ":".join([str(PROJECT), *sys.path])},
        )
        with holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            self.assertIn("is in use by another server", self.refusal())
            holder.communicate(b"\n")
        self.assertEqual(self.load(), {})

    def test_no_directory(self) -> None:
        """A database is not made in a directory that there is not."""
        self.path = self.directory / "missing" / "market.sqlite"
        self.assertEqual(self.refusal(), f"cannot be made, as there is no directory {str(self.path.parent)!r}.")

    def test_no_file(self) -> None:
        """A directory is no database, and a file is no directory."""
        self.path.mkdir()
        self.assertEqual(self.refusal(), "cannot be used: Is a directory.")
        self.path.rmdir()
        self.path.touch()
        self.path /= "market.sqlite"
        self.assertEqual(self.refusal(), "cannot be used: Not a directory.")

    def test_a_store_that_fails_to_open_holds_nothing(self) -> None:
        """A file that was refused can be used once it is in order."""
        self.save(changes(MSFT))
        with self.database() as database:
            database.execute("PRAGMA user_version = 2")
        self.refusal()
        with self.database() as database:
            database.execute("PRAGMA user_version = 1")
        self.assertEqual(self.load()["full"].stocks, [MSFT])


class FullDiskTests(StoreTestCase):
    """There is no room for what is to be saved."""

    def test_it_goes_on_when_there_is_room_again(self) -> None:
        """A save that fails changes nothing; once there is room again, the next one succeeds."""
        with closing(SqliteStore(self.path)) as store:
            store.save([changes(MSFT)])
            database = store._connection
            [[pages]] = database.execute("PRAGMA page_count")
            database.execute(f"PRAGMA max_page_count = {pages}").fetchall()
            many = [Stock.opening(f"S{number}", Decimal("1.00")) for number in range(1000)]
            with self.assertRaisesRegex(StoreError, "cannot be used: database or disk is full"):
                store.save([changes(*many)])
            self.assertEqual(store.load()["full"].stocks, [MSFT])
            database.execute("PRAGMA max_page_count = 100000").fetchall()
            store.save([changes(*many)])
        self.assertEqual(len(self.load()["full"].stocks), 1001)


class OwnerTests(StoreTestCase):
    """Whose the file is."""

    def test_it_belongs_to_the_owner_of_its_directory(self) -> None:
        """If root starts a daemon that becomes somebody else, that somebody can write to the database."""
        asked: list[tuple[Path, int, int]] = []
        self.patch(os, "geteuid", lambda: 0)
        self.patch(os, "chown", lambda path, user, group: asked.append((path, user, group)))
        owner = self.directory.stat()
        self.load()
        self.assertEqual(asked, [(self.path, owner.st_uid, owner.st_gid)])
        self.load()
        self.assertEqual(len(asked), 1)

    def test_root_without_rights(self) -> None:
        """Where root may not give files away, it keeps them."""

        def refuse(*arguments: object) -> None:
            raise PermissionError

        self.patch(os, "geteuid", lambda: 0)
        self.patch(os, "chown", refuse)
        self.assertEqual(self.load(), {})
