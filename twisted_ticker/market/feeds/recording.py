"""
Recordings of trading: CSV files of time, symbol and price, checked as a whole before any of it is played.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ..entries import parse_price, shown
from ..tables import FileError, read_table

__all__ = ["Recording"]

#: A trade takes 18 bytes.
_MAX_TRADES = 2_000_000

_COLUMNS = ("time", "symbol", "price")

_SECONDS = re.compile(r"([0-9]{1,12})(?:\.([0-9]+))?")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]+))?")
_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ].+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Recording:
    """
    A sequence of trades, oldest first.

    It is kept in memory, in few bytes for each trade: so it plays without waiting for a disk, and nobody can change it
    after it was checked.

    Args:
        trades: of each the microseconds since the first, symbol and price; in the order of time.
    """

    def __init__(self, trades: Iterable[tuple[int, str, Decimal]]) -> None:
        self._times = array("q")
        self._stocks = array("H")
        self._cents = array("q")
        self._symbols: list[str] = []
        numbers: dict[str, int] = {}
        for microseconds, symbol, price in trades:
            if symbol not in numbers:
                numbers[symbol] = len(self._symbols)
                self._symbols.append(symbol)
            self._times.append(microseconds)
            self._stocks.append(numbers[symbol])
            self._cents.append(int(price.scaleb(2)))

    def __len__(self) -> int:
        """How many trades there are."""
        return len(self._times)

    def __getitem__(self, index: int) -> tuple[str, Decimal]:
        """Symbol and price of a trade."""
        return self._symbols[self._stocks[index]], Decimal(self._cents[index]).scaleb(-2)

    def seconds(self, index: int) -> float:
        """When a trade was, since the first."""
        return self._times[index] / 1e6

    @classmethod
    def read(cls, path: str, listed: Iterable[str]) -> Recording:
        """
        Read a recording from a file.

        Args:
            path: a CSV file (see `read_table`). Its times are all seconds (``12.5``), all times of day
                (``09:30:00.250``) or all ISO 8601 date-times (``2024-05-03T09:30:00.250Z``, all of them with a time
                zone or all without), none before that of the line above.
            listed: the symbols of the market.

        Raises:
            FileError: it cannot be read, has no trades or more than two million, or a line whose time, symbol or price
                is none, or whose stock is not listed.
        """
        recording = cls(_trades(path, frozenset(listed)))
        if not recording:
            raise FileError(path, "there are no trades in it")
        return recording


def _trades(path: str, listed: frozenset[str]) -> Iterator[tuple[int, str, Decimal]]:
    first = latest = 0
    first_kind = ""
    for count, (line, (time, symbol, price_text)) in enumerate(read_table(path, _COLUMNS)):
        try:
            microseconds, kind = _parse_time(time)
            price = parse_price(price_text)
        except ValueError as error:
            raise FileError(path, str(error), line) from None
        if not first_kind:
            first = latest = microseconds
            first_kind = kind
        if kind != first_kind:
            raise FileError(path, f"{shown(time)} is a {kind}, the first time was a {first_kind}", line)
        if microseconds < latest:
            raise FileError(path, f"{shown(time)} is before the time above", line)
        if symbol not in listed:
            raise FileError(path, f"{shown(symbol)} is not listed (--stocks says which stocks are)", line)
        if count == _MAX_TRADES:
            raise FileError(path, f"more than {_MAX_TRADES} trades", line)
        latest = microseconds
        yield microseconds - first, symbol, price


def _parse_time(text: str) -> tuple[int, str]:
    """Microseconds since some moment, and which kind of time it is: times of one kind can be compared."""
    if match := _SECONDS.fullmatch(text):
        return int(match[1]) * 1_000_000 + _microseconds(match[2]), "number of seconds"
    if match := _CLOCK.fullmatch(text):
        hours, minutes, seconds = (int(match[index]) for index in (1, 2, 3))
        if hours < 24:
            return ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + _microseconds(match[4]), "time of day"
    elif _DATE_TIME.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            kind = "date-time without zone" if moment.tzinfo is None else "date-time with zone"
            return (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // _MICROSECOND, kind
    raise ValueError(f"{shown(text)} is no time")


def _microseconds(fraction: str | None) -> int:
    """Those of the digits behind a decimal point."""
    return int((fraction or "")[:6].ljust(6, "0"))
