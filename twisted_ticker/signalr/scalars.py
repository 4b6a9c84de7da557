"""
Single values of hub calls' arguments: numbers, text, dates and their like.

An argument has been decoded to plain values, with :class:`~decimal.Decimal` for numbers that have a fraction or an
exponent; functions here convert those to what an annotation names, or refuse them.

Source: Newtonsoft.Json 12, as it was observed.
"""

from __future__ import annotations

import inspect
import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Context, Decimal
from enum import Enum, Flag
from functools import reduce
from operator import or_
from typing import Any, NamedTuple, NoReturn
from uuid import UUID

import msgspec

from .type_names import NULL

__all__ = [
    "KINDS",
    "MISFITS",
    "SCALARS",
    "WORST",
    "Convert",
    "Converter",
    "Misfit",
    "Plain",
    "any_value",
    "enumeration_of",
    "literal_of",
    "refuse",
]

#: What an argument has been decoded to, before its annotation is looked at.
Plain = Any
Convert = Callable[[Plain], Any]

#: Rank of what a type is not made for at all.
WORST = 99

# .NET's range of decimal numbers.
_MAX_DECIMAL = Decimal(2**96 - 1)
_DECIMAL_QUANTUM = Decimal("1E-28")
_DECIMAL_CONTEXT = Context(prec=64)

_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*")
# Only one way to match each text: backtracking through a long row of digits would take minutes.
_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
#: Longer texts are no numbers. Python's own limit of digits in an integer.
_MAX_NUMBER_LENGTH = 4300
#: What a text of flags has behind more commas than that is taken for one name, which none has.
_MAX_FLAG_NAMES = 256
_NO_NUMBERS = {text: float(text) for text in ("NaN", "Infinity", "-Infinity")}
_MICROSOFT_DATE = re.compile(r"/Date\((-?[0-9]{1,15})(?:([+-])([0-9]{2})([0-9]{2}))?\)/")
_TIME_SPAN = re.compile(
    r"(?P<sign>-?)(?:(?P<days>[0-9]{1,9})\.)?(?P<hours>[01]?[0-9]|2[0-3]):(?P<minutes>[0-5]?[0-9])"
    r"(?::(?P<seconds>[0-5]?[0-9])(?:\.(?P<fraction>[0-9]{1,7}))?)?"
)


class Misfit(ValueError):
    """A value does not fit; *path* leads to it, innermost step first."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.path: list[str] = []


class Converter(NamedTuple):
    """
    How to convert to one type.

    Attributes:
        convert: does so, or raises an exception that :data:`MISFITS` has.
        ranks: what it is made for: types of plain values, the better the lower. Decides unions.
    """

    convert: Convert
    ranks: Mapping[type, int]


MISFITS = (ValueError, TypeError, ArithmeticError)


def refuse(value: Plain, wanted: str) -> NoReturn:
    raise Misfit(f"Cannot convert {KINDS[type(value)]} to {wanted}.")


KINDS = {
    NULL: "null",
    bool: "a boolean",
    int: "an integer",
    Decimal: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def any_value(value: Plain) -> Any:
    if type(value) is Decimal:
        return _finite(float(value))
    if type(value) is list:
        return [any_value(member) for member in value]
    if type(value) is dict:
        return {name: any_value(member) for name, member in value.items()}
    return value


def _none(value: Plain) -> None:
    if value is not None:
        refuse(value, "null")


def _is_text_of(number: re.Pattern[str], value: Plain) -> bool:
    return type(value) is str and len(value) <= _MAX_NUMBER_LENGTH and number.fullmatch(value) is not None


def _integer(value: Plain) -> int:
    if type(value) is int:
        return value
    if _is_text_of(_INTEGER, value):
        return int(value)
    refuse(value, "Int32")


def _float(value: Plain) -> float:
    if type(value) in (int, Decimal) or _is_text_of(_NUMBER, value):
        return _finite(float(value))
    if type(value) is str and value in _NO_NUMBERS:
        return _NO_NUMBERS[value]
    refuse(value, "Double")


def _finite(value: float) -> float:
    if value in (_NO_NUMBERS["Infinity"], _NO_NUMBERS["-Infinity"]):
        raise Misfit("The number is out of range.")
    return value


def _decimal(value: Plain) -> Decimal:
    if type(value) is not Decimal:
        if type(value) is not int and not _is_text_of(_NUMBER, value):
            refuse(value, "Decimal")
        value = Decimal(value)
    assert isinstance(value, Decimal)
    if not -_MAX_DECIMAL <= value <= _MAX_DECIMAL:
        raise Misfit("The number is out of range.")
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return value if exponent >= -28 else value.quantize(_DECIMAL_QUANTUM, context=_DECIMAL_CONTEXT)


def _boolean(value: Plain) -> bool:
    if type(value) is bool:
        return value
    if type(value) is str and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if type(value) in (int, Decimal):
        return bool(value)
    refuse(value, "Boolean")


def _text(value: Plain) -> str | None:
    if value is None or type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) in (int, Decimal):
        return str(value)
    refuse(value, "String")


def _bytes(value: Plain) -> bytes | None:
    if value is None:
        return None
    if type(value) is list:
        return bytes(_integer(member) for member in value)
    if type(value) is not str:
        refuse(value, "Byte[]")
    try:
        return a2b_base64(value, strict_mode=True)
    except Base64Error:
        refuse(value, "Byte[]")


def _byte_array(value: Plain) -> bytearray | None:
    converted = _bytes(value)
    return None if converted is None else bytearray(converted)


def _of_text(wanted: str, parse: Callable[[str], Any]) -> Convert:
    """Converts text only, by a call that fails for what it cannot read."""

    def convert(value: Plain) -> Any:
        if type(value) is not str:
            refuse(value, wanted)
        try:
            return parse(value)
        except MISFITS:
            refuse(value, wanted)

    return convert


def _parse_datetime(text: str) -> datetime:
    match = _MICROSOFT_DATE.fullmatch(text)
    if match is None:
        return datetime.fromisoformat(text.strip())
    milliseconds, sign, hours, minutes = match.groups()
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(milliseconds))
    if sign is None:
        return utc
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return utc.astimezone(timezone(-offset if sign == "-" else offset))


def _parse_timedelta(text: str) -> timedelta:
    match = _TIME_SPAN.fullmatch(text.strip())
    if match is None:
        if "P" in text:
            return msgspec.convert(text, timedelta)
        return timedelta(days=int(text))
    length = timedelta(
        days=int(match["days"] or 0),
        hours=int(match["hours"]),
        minutes=int(match["minutes"]),
        seconds=int(match["seconds"] or 0),
        microseconds=int((match["fraction"] or "").ljust(6, "0")[:6]),
    )
    return -length if match["sign"] else length


_LAST = 9

SCALARS: dict[Any, Converter] = {
    Any: Converter(any_value, dict.fromkeys(KINDS, _LAST)),
    object: Converter(any_value, dict.fromkeys(KINDS, _LAST)),
    inspect.Parameter.empty: Converter(any_value, dict.fromkeys(KINDS, _LAST)),
    None: Converter(_none, {NULL: 0}),
    NULL: Converter(_none, {NULL: 0}),
    bool: Converter(_boolean, {bool: 0}),
    int: Converter(_integer, {int: 0}),
    float: Converter(_float, {Decimal: 0, int: 1}),
    Decimal: Converter(_decimal, {Decimal: 0, int: 1}),
    # Whatever is more than text is tried before text is.
    str: Converter(_text, {str: 1}),
    bytes: Converter(_bytes, {str: 2}),
    bytearray: Converter(_byte_array, {str: 2}),
    datetime: Converter(_of_text("DateTime", _parse_datetime), {str: 0}),
    date: Converter(_of_text("DateTime", lambda text: _parse_datetime(text).date()), {str: 0}),
    time: Converter(_of_text("TimeSpan", time.fromisoformat), {str: 0}),
    timedelta: Converter(_of_text("TimeSpan", _parse_timedelta), {str: 0}),
    UUID: Converter(_of_text("Guid", UUID), {str: 0}),
}


def enumeration_of(kind: type[Enum]) -> Convert:
    by_name = {name.lower(): member for name, member in kind.__members__.items()}
    by_text = {member.value: member for member in kind if isinstance(member.value, str)}

    def named(text: str) -> Any:
        member = by_name.get(text.strip().lower())
        return kind(int(text)) if member is None else member

    def convert(value: Plain) -> Any:
        try:
            if type(value) is int:
                return kind(value)
            if type(value) is str:
                if value in by_text:
                    return by_text[value]
                if issubclass(kind, Flag):
                    return reduce(or_, map(named, value.split(",", _MAX_FLAG_NAMES)))
                return named(value)
        except ValueError:
            pass
        refuse(value, kind.__name__)

    return convert


def literal_of(values: tuple[Any, ...]) -> Convert:
    def convert(value: Plain) -> Any:
        for allowed in values:
            plain = allowed.value if isinstance(allowed, Enum) else allowed
            if plain == value and type(plain) is type(value):
                return allowed
        refuse(value, " or ".join(map(repr, values)))

    return convert
