"""
The opening list of a market, from a file: CSV with the columns symbol and price, or a JSON array of objects with these
members. Whatever is doubtful in it is refused, with its line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal

from .entries import checked_symbol, entry_of, json_decoder, parse_price
from .tables import FileError, read_table, read_text

__all__ = ["FileError", "Listing", "read_listing"]

#: Symbol and opening price of each stock.
Listing = tuple[tuple[str, Decimal], ...]

_MAX_STOCKS = 10_000
#: Room for as many objects, each with some members that nobody asked for.
_MAX_JSON_BYTES = 4 * 1024 * 1024

_COLUMNS = ("symbol", "price")
_SPACE = re.compile(r"[ \t\r\n]*")


def read_listing(path: str) -> Listing:
    """
    Read an opening list.

    Args:
        path: a file in UTF-8; JSON if its name ends with ``.json``, else CSV (see `read_table`).

    Raises:
        FileError: it cannot be read, lists nothing or more than 10,000 stocks, or a line has a symbol that there was
            before or that cannot be one, or a price that is not a positive number of whole cents.
    """
    is_json = path.lower().endswith(".json")
    prices: dict[str, Decimal] = {}
    lines: dict[str, int] = {}
    for line, symbol, price in _json_entries(path) if is_json else _csv_entries(path):
        if symbol in prices:
            raise FileError(path, f"{symbol} is listed twice (first on line {lines[symbol]})", line)
        if len(prices) == _MAX_STOCKS:
            raise FileError(path, f"more than {_MAX_STOCKS} stocks", line)
        prices[symbol], lines[symbol] = price, line
    if not prices:
        raise FileError(path, "no stocks are listed")
    return tuple(prices.items())


_Entry = tuple[int, str, Decimal]


def _csv_entries(path: str) -> Iterator[_Entry]:
    for line, (symbol, price) in read_table(path, _COLUMNS):
        try:
            entry = line, checked_symbol(symbol), parse_price(price)
        except ValueError as error:
            raise FileError(path, str(error), line) from None
        yield entry


def _json_entries(path: str) -> Iterator[_Entry]:
    text = read_text(path, _MAX_JSON_BYTES)
    for line, element in _elements(path, text):
        try:
            symbol, price = entry_of(element)
        except ValueError as error:
            raise FileError(path, str(error), line) from None
        yield line, symbol, price


def _elements(path: str, text: str) -> Iterator[tuple[int, object]]:
    """The elements of a JSON array, each with the line that it begins on."""
    line, position = 1, 0

    def go_to(end: int) -> None:
        nonlocal line, position
        line += text.count("\n", position, end)
        position = end

    def next_character() -> str:
        go_to(_end_of_space(text, position))
        return text[position : position + 1]

    def pass_over(character: str) -> None:
        if next_character() != character:
            raise FileError(path, f"no JSON array: {character!r} is missing", line)
        go_to(position + 1)

    pass_over("[")
    is_first = True
    while next_character() != "]":
        if not is_first:
            pass_over(",")
            next_character()
        is_first = False
        try:
            element, end = json_decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise FileError(path, f"no JSON: {error.msg}", error.lineno) from None
        except (ArithmeticError, RecursionError):
            raise FileError(path, "no JSON that means anything", line) from None
        yield line, element
        go_to(end)
    go_to(position + 1)
    if next_character():
        raise FileError(path, "something follows the JSON array", line)


def _end_of_space(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return position if space is None else space.end()
