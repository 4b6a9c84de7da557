"""
What files and feeds may say of a stock: which symbols and prices are taken at their word, and which are refused.

A price that is refused is never mended: what is not exactly a price is no price.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal

from .stock import quantize_cents

__all__ = [
    "HIGHEST_PRICE",
    "JsonObject",
    "checked_number",
    "checked_price",
    "checked_symbol",
    "entry_of",
    "json_decoder",
    "parse_price",
    "shown",
]

HIGHEST_PRICE = Decimal("999999999999.99")
"""The highest price that is believed: in cents, browsers and decimals alike count exactly far beyond it."""

_MAX_SYMBOL = 20
_MAX_SHOWN = 40
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def shown(text: str, max_characters: int = _MAX_SHOWN) -> str:
    """*text* as messages quote it: in quotes, on one line, in ASCII, and not too long."""
    return ascii(_shortened(text, max_characters))


def _shortened(text: str, max_characters: int) -> str:
    return text if len(text) <= max_characters else f"{text[: max_characters - 3]}..."


def checked_symbol(symbol: str) -> str:
    """
    The same symbol.

    Raises:
        ValueError: it is empty, has more than 20 characters, or one that cannot be seen, or begins or ends with a
            space.
    """
    if not symbol.strip():
        raise ValueError("a symbol is missing")
    if len(symbol) > _MAX_SYMBOL:
        raise ValueError(f"{shown(symbol)} is longer than {_MAX_SYMBOL} characters")
    if not symbol.isprintable() or symbol != symbol.strip():
        raise ValueError(f"{shown(symbol)} is no symbol")
    return symbol


def checked_price(number: Decimal) -> Decimal:
    """
    The same price with two decimal places.

    Raises:
        ValueError: it is not a positive number of whole cents, or more than `HIGHEST_PRICE`.
    """
    text = _shortened(str(number), _MAX_SHOWN)
    if not number.is_finite():
        raise ValueError(f"{text} is no price")
    if number <= 0:
        raise ValueError(f"{text} is no price above 0")
    if number > HIGHEST_PRICE:
        raise ValueError(f"{text} is more than {HIGHEST_PRICE}")
    cents = quantize_cents(number)
    if cents != number:
        raise ValueError(f"{text} is not in whole cents")
    return cents


def parse_price(text: str) -> Decimal:
    """
    Read a price such as ``41.68``, ``41.680`` or ``42``.

    Raises:
        ValueError: it is no number, written in digits and perhaps a decimal point; or see `checked_price`.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{shown(text)} is no price")
    return checked_price(Decimal(text))


class JsonObject:
    """
    A JSON object as it was written, repeated names included.

    Args:
        members: names and values, in their order.
    """

    __slots__ = ("members",)

    def __init__(self, members: list[tuple[str, object]]) -> None:
        self.members = members


#: Reads JSON so that nothing is lost: numbers are exact, and an object tells of names that it has twice. Beside what
#: the module says, it raises an ArithmeticError for numbers, and a RecursionError for brackets, beyond all bounds.
json_decoder = json.JSONDecoder(
    object_pairs_hook=JsonObject, parse_float=Decimal, parse_int=Decimal, parse_constant=Decimal
)


def entry_of(value: object) -> tuple[str, Decimal]:
    """
    Symbol and price of a JSON object with members ``symbol`` and ``price``, or ``Symbol`` and ``Price``.

    Args:
        value: as `json_decoder` reads it; other members are ignored.

    Raises:
        ValueError: there is no such pair in it, or more than one.
    """
    if not isinstance(value, JsonObject):
        raise ValueError('not an object such as {"symbol": "MSFT", "price": 41.68}')
    symbol, price = _member(value, "symbol"), _member(value, "price")
    if not isinstance(symbol, str):
        raise ValueError("the symbol is no text")
    checked_symbol(symbol)
    return symbol, checked_number(symbol, price)


def checked_number(symbol: str, price: object) -> Decimal:
    """
    The price of a stock in JSON, with two decimal places.

    Raises:
        ValueError: it is no number; or see `checked_price`. The text names the stock.
    """
    if not isinstance(price, Decimal):
        raise ValueError(f"the price of {shown(symbol)} is no number")
    try:
        return checked_price(price)
    except ValueError as error:
        raise ValueError(f"the price of {shown(symbol)}: {error}") from None


def _member(value: JsonObject, name: str) -> object:
    found = [member for key, member in value.members if key in (name, name.capitalize())]
    if len(found) != 1:
        raise ValueError(f"the {name} is {'there more than once' if found else 'missing'}")
    return found[0]
