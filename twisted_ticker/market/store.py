"""
What outlives the process: prices, trading hours and the day's curves, in an SQLite database.

It blocks, and belongs to the thread that has opened it. It knows nothing of when to save, and no Twisted.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from .history import CurveChanges, Point
from .market import MarketState
from .stock import LOWEST_PRICE, Stock

__all__ = ["MarketChanges", "SqliteStore", "StoreError", "StoredMarket"]

_APPLICATION_ID = 0x53544B54  # "STKT"
_VERSION = 1

# Money is in cents, time in seconds since the epoch.
_SCHEMA = (
    "CREATE TABLE market (name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE stock (market TEXT NOT NULL, symbol TEXT NOT NULL, price INTEGER NOT NULL, day_open INTEGER NOT NULL,"
    " day_high INTEGER NOT NULL, day_low INTEGER NOT NULL, last_change INTEGER NOT NULL,"
    " PRIMARY KEY (market, symbol)) WITHOUT ROWID",
    "CREATE TABLE point (market TEXT NOT NULL, symbol TEXT NOT NULL, time INTEGER NOT NULL, price INTEGER NOT NULL,"
    " PRIMARY KEY (market, symbol, time)) WITHOUT ROWID",
)

# Where the header of a database file says what it is: https://sqlite.org/fileformat.html
_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"
_VERSION_AT = slice(60, 64)
_APPLICATION_ID_AT = slice(68, 72)


class StoreError(Exception):
    """The store cannot be used, or could not save; the text says why, and what to do, in one sentence."""


@dataclass(frozen=True, slots=True)
class StoredMarket:
    """
    A market as it was saved last.

    Attributes:
        state: whether it was open; ``None`` if it was never saved.
        stocks: all that were listed.
        points: their curves, by symbol, oldest point first.
    """

    state: MarketState | None = None
    stocks: Sequence[Stock] = ()
    points: Mapping[str, Sequence[Point]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MarketChanges:
    """
    What is to be saved of one market.

    Attributes:
        name: the market's.
        state: whether it is open.
        stocks: those that have changed.
        curves: what has changed of curves, by symbol.
        is_whole: whether that is all there is of this market, and whatever else is stored of it is to be forgotten.
    """

    name: str
    state: MarketState
    stocks: Sequence[Stock]
    curves: Mapping[str, CurveChanges]
    is_whole: bool = False


class SqliteStore:
    """
    Keeps markets in a database file; nobody else can use the file meanwhile.

    A missing or empty file becomes a new database. A file that is anything but a sound database of this version is
    refused, and left as it is.

    What has been saved survives the end of the process, however that comes. If the whole machine fails, the last
    moments may be lost, but the database is sound.

    Args:
        path: of the file.

    Raises:
        StoreError: the database cannot be used.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path).absolute()
        with self._explained():
            # Whose file it is, is read without SQLite, which would begin by tidying up after a writer that crashed.
            is_new = self._is_new()
            self._connection = sqlite3.connect(
                f"{self._path.as_uri()}?mode={'rwc' if is_new else 'rw'}", uri=True, timeout=0, isolation_level=None
            )
        try:
            with self._explained():
                self._prepare(is_new)
        except BaseException:
            self._connection.close()
            raise

    def load(self) -> dict[str, StoredMarket]:
        """
        All that was saved, by the name of the market.

        Raises:
            StoreError: it cannot be read, or no market can be in such a state.
        """
        with self._explained():
            return {name: self._load(name, state) for name, state in self._connection.execute("SELECT * FROM market")}

    def save(self, batch: Iterable[MarketChanges]) -> None:
        """
        Save some changes, all of them or none.

        Raises:
            StoreError: it did not work; the store can be used as before.
        """
        with self._explained(), self._transaction():
            for changes in batch:
                self._save(changes)

    def close(self) -> None:
        """Let others use the file."""
        self._connection.close()

    # Opening

    def _is_new(self) -> bool:
        """Whether there is nothing yet; raises if there is something that is not for us."""
        try:
            with self._path.open("rb") as file:
                header = file.read(_HEADER_BYTES)
        except FileNotFoundError:
            if not self._path.parent.is_dir():
                raise self._error(f"cannot be made, as there is no directory {str(self._path.parent)!r}") from None
            return True
        if not header:
            return True
        is_ours = header.startswith(_MAGIC) and _number(header[_APPLICATION_ID_AT]) == _APPLICATION_ID
        if not is_ours:
            raise self._error("is no database of this program; move it away, or give another --store")
        version = _number(header[_VERSION_AT])
        if version > _VERSION:
            raise self._error("was written by a newer version of this program; use that, or give another --store")
        if version < _VERSION:
            raise self._damaged(f"there is no version {version}")
        return False

    def _prepare(self, is_new: bool) -> None:
        execute = self._connection.execute
        # Alone, we need no shared memory beside the file; and a second server would overwrite what this one saves.
        execute("PRAGMA locking_mode = EXCLUSIVE")
        execute("PRAGMA synchronous = NORMAL")
        with self._transaction("EXCLUSIVE"):
            # Another server may have been quicker.
            if is_new and not execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                self._create()
        # Afterwards, so that the header of the file itself says whose it is.
        execute("PRAGMA journal_mode = WAL")
        self._check()

    def _create(self) -> None:
        for statement in _SCHEMA:
            self._connection.execute(statement)
        self._connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version = {_VERSION}")
        if os.geteuid() == 0:
            # The daemon may give up root's privileges before it writes. SQLite's own files have the owner of this one.
            directory = self._path.parent.stat()
            with contextlib.suppress(PermissionError):
                os.chown(self._path, directory.st_uid, directory.st_gid)

    def _check(self) -> None:
        found = [row[0] for row in self._connection.execute("PRAGMA quick_check(1)")]
        if found != ["ok"]:
            raise self._damaged(found[0])
        schema = {row[0] for row in self._connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")}
        if schema != set(_SCHEMA):
            raise self._damaged("its tables are not those of this program")

    # Reading

    def _load(self, name: str, state: str) -> StoredMarket:
        try:
            columns = "symbol, price, day_open, day_high, day_low, last_change"
            stocks = [_stock(row) for row in self._rows(columns, name, "stock")]
            points: dict[str, list[Point]] = {stock.symbol: [] for stock in stocks}
            for symbol, time, price in self._rows("symbol, time, price", name, "point"):
                points[symbol].append((_whole(time), _price(price)))
            return StoredMarket(MarketState(state), stocks, points)
        except KeyError as error:
            raise self._damaged(f"{name}: there is a curve, but no stock {error}") from error
        except ValueError as error:
            raise self._damaged(f"{name}: {error}") from error

    def _rows(self, columns: str, market: str, table: str) -> Iterator[tuple[Any, ...]]:
        return self._connection.execute(f"SELECT {columns} FROM {table} WHERE market = ? ORDER BY 1, 2", [market])

    # Writing

    def _save(self, changes: MarketChanges) -> None:
        name = changes.name
        execute, executemany = self._connection.execute, self._connection.executemany
        if changes.is_whole:
            execute("DELETE FROM stock WHERE market = ?", [name])
            execute("DELETE FROM point WHERE market = ?", [name])
        else:
            rewritten = [(name, symbol) for symbol, curve in changes.curves.items() if curve.is_whole]
            executemany("DELETE FROM point WHERE market = ? AND symbol = ?", rewritten)
        execute("REPLACE INTO market VALUES (?, ?)", [name, changes.state.value])
        executemany("REPLACE INTO stock VALUES (?, ?, ?, ?, ?, ?, ?)", [_row(name, stock) for stock in changes.stocks])
        points = (
            (name, symbol, time, _cents(price))
            for symbol, curve in changes.curves.items()
            for time, price in curve.points
        )
        executemany("REPLACE INTO point VALUES (?, ?, ?, ?)", points)

    @contextlib.contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        self._connection.execute(f"BEGIN {kind}")
        try:
            yield
            self._connection.execute("COMMIT")
        finally:
            # SQLite has done so itself after some errors.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    # Errors

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Makes one sentence of whatever SQLite, the file system or a number that is too large has to say."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._of_sqlite(error) from error
        except OSError as error:
            raise self._error(f"cannot be used: {error.strerror}") from error
        except OverflowError as error:
            raise self._error("cannot hold a price as high as this") from error

    def _of_sqlite(self, error: sqlite3.Error) -> StoreError:
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:
            case sqlite3.SQLITE_BUSY:
                return self._error("is in use by another server; give this one --store memory: or another --state-dir")
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                return self._damaged(str(error))
        return self._error(f"cannot be used: {error}")

    def _damaged(self, detail: str) -> StoreError:
        return self._error(f"is damaged ({detail}); move it away, or give another --store")

    def _error(self, text: str) -> StoreError:
        # A detail may come from SQLite, and in several lines.
        return StoreError(" ".join(f"{str(self._path)!r} {text}.".split()))


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _cents(amount: Decimal) -> int:
    return int(amount.scaleb(2))


def _row(market: str, stock: Stock) -> tuple[str | int, ...]:
    money = (stock.price, stock.day_open, stock.day_high, stock.day_low, stock.last_change)
    return market, stock.symbol, *map(_cents, money)


def _stock(row: tuple[Any, ...]) -> Stock:
    symbol, *money = row
    if not isinstance(symbol, str):
        raise ValueError(f"not a symbol: {symbol!r}")
    return Stock(symbol, *map(_money, money))


def _price(cents: object) -> Decimal:
    price = _money(cents)
    if price < LOWEST_PRICE:
        raise ValueError(f"not a positive price: {price}")
    return price


def _money(cents: object) -> Decimal:
    return Decimal(_whole(cents)).scaleb(-2)


def _whole(number: object) -> int:
    # Any column of SQLite takes values of any type.
    if not isinstance(number, int):
        raise ValueError(f"not a whole number: {number!r}")
    return number
