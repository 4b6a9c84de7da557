"""
What a source of quotes answers: JSON, from which good quotes are taken and bad ones are left.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from ..entries import JsonObject, checked_number, entry_of, json_decoder, shown

__all__ = ["Quotes", "read_quotes"]


#: As many as a market may have stocks.
_MAX_QUOTES = 10_000
#: Each quote may have some members that nobody asked for. What is counted is commas, before a short text becomes very
#: many values.
_MAX_COMMAS = 10 * _MAX_QUOTES


@dataclass(slots=True)
class Quotes:
    """
    The quotes of one answer.

    Attributes:
        prices: the good ones, by symbol.
        refused: how many were bad.
        reason: why the first of those was.
    """

    prices: dict[str, Decimal] = field(default_factory=dict)
    refused: int = 0
    reason: str = ""

    def refuse(self, reason: str) -> None:
        """Count a bad quote."""
        self.refused += 1
        self.reason = self.reason or reason


def read_quotes(body: bytes, listed: Collection[str]) -> Quotes:
    """
    Read an answer.

    A quote is bad if its price is not a positive number of whole cents (a number, not a text), if its stock is not
    listed, or if the answer has another price for the same stock: then all of that stock are.

    Args:
        body: JSON in UTF-8: an array of objects with the members ``symbol`` and ``price`` (or ``Symbol`` and ``Price``;
            others are ignored), or one object whose members are the prices by symbol.
        listed: the symbols of the market.

    Raises:
        ValueError: it is nothing of the kind, or has more than 10,000 quotes.
    """
    quotes = Quotes()
    contradictory: set[str] = set()
    for read_entry in _entries(_decoded(body)):
        try:
            symbol, price = read_entry()
            if symbol not in listed:
                raise ValueError(f"{shown(symbol)} is not listed")
        except ValueError as error:
            quotes.refuse(str(error))
            continue
        if symbol in contradictory:
            quotes.refuse(f"{symbol} has more than one price")
        elif quotes.prices.setdefault(symbol, price) != price:
            contradictory.add(symbol)
            del quotes.prices[symbol]
            for _ in range(2):
                quotes.refuse(f"{symbol} has more than one price")
    return quotes


def _entries(value: object) -> Iterator[Callable[[], tuple[str, Decimal]]]:
    """The quotes of an answer, each still to be read."""
    quotes = value.members if isinstance(value, JsonObject) else value
    if not isinstance(quotes, list):
        raise ValueError("neither an array nor an object")
    if len(quotes) > _MAX_QUOTES:
        raise ValueError(f"more than {_MAX_QUOTES} quotes")
    if isinstance(value, JsonObject):
        return (partial(_member_entry, symbol, price) for symbol, price in value.members)
    return (partial(entry_of, element) for element in quotes)


def _member_entry(symbol: str, price: object) -> tuple[str, Decimal]:
    return symbol, checked_number(symbol, price)


def _decoded(body: bytes) -> object:
    if body.count(b",") > _MAX_COMMAS:
        raise ValueError(f"more than {_MAX_QUOTES} quotes")
    try:
        value: object = json_decoder.decode(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("no UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg}") from None
    except (ArithmeticError, RecursionError):
        raise ValueError("no JSON that means anything") from None
    return value
