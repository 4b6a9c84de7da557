"""
User values to JSON and back: the one place that decides how a Python value looks on the wire.

It looks as the reference's serialiser writes the like: :class:`~decimal.Decimal` is a *number* that keeps its scale
and has at least one decimal place (``0.00``, ``100.0``), floats have a point or an exponent, members are named as
they are declared, enumerations go by value, sets are arrays, named tuples are objects.

Most values need none of that: msgspec writes them as the reference does. Only what :func:`_is_plain` does not vouch
for is taken apart, and put together again from what msgspec writes as wanted.

Source: SignalR 2.4, ``Json/JsonUtility.cs``; Newtonsoft.Json 12, as it was observed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from copy import copy
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from functools import singledispatch
from math import isfinite, isnan
from typing import Any
from uuid import UUID

import msgspec

from .arguments import converter_of

__all__ = ["decode", "encode"]

_write = msgspec.json.Encoder(decimal_format="number").encode

# Legal in JSON, line ends in script: the reference escapes them on every transport.
_LINE_ENDS = ((b"\xe2\x80\xa8", rb"\u2028"), (b"\xe2\x80\xa9", rb"\u2029"), (b"\xc2\x85", rb"\u0085"))

#: What msgspec writes as it shall be. Types exactly: it does not know subclasses of them.
_PLAIN = frozenset({str, int, bool, type(None), UUID, date, time, bytes, bytearray, memoryview})

_CENTS = Decimal("0.01")

#: .NET's numbers of type decimal have 28 digits at most; what is longer is written with an exponent.
_MAX_DECIMAL_EXPONENT = 28


def encode(value: Any) -> bytes:
    """
    The JSON of *value*, UTF-8 without white space.

    Raises:
        TypeError: a type that JSON cannot express.
        ValueError: a value that it cannot express.
        RecursionError: it is nested too deeply.
    """
    text = _write(value if _is_plain(value) else _adapted(value))
    # Each of the three needs a byte that plain ASCII has not; most messages are plain ASCII.
    if not text.isascii():
        for raw, escaped in _LINE_ENDS:
            text = text.replace(raw, escaped)
    return text


def decode(text: bytes | msgspec.Raw, annotation: Any = Any) -> Any:
    """
    A value of the type that *annotation* names, from JSON; see :func:`.arguments.converter_of`, which is faster where
    the same type is wanted again.

    Raises:
        ValueError: plain values are wanted, and it is no JSON.
        RecursionError: they are nested too deeply.
        ArgumentError: a type is wanted that the JSON does not fit.
    """
    if annotation is Any:
        return msgspec.json.decode(text)
    return converter_of(annotation)(text)


def _is_plain(value: Any) -> bool:
    """Whether msgspec writes *value* as it shall be; repeats itself, because this is where the time goes."""
    kind = type(value)
    if kind in _PLAIN:
        return True
    if kind is dict:
        for key in value:
            if type(key) is not str:
                return False
        members = value.values()
    elif kind is list or kind is tuple:
        members = value
    elif kind is Decimal:
        return _is_plain_decimal(value)
    else:
        return kind is float and _is_plain_float(value)
    for member in members:
        kind = type(member)
        # The quantum of most money is the cent, and asking for it is cheaper than looking at the text.
        if kind in _PLAIN or (kind is Decimal and (member.same_quantum(_CENTS) or _is_plain_decimal(member))):
            continue
        if not _is_plain(member):
            return False
    return True


def _is_plain_decimal(value: Decimal) -> bool:
    text = str(value)
    return "." in text and "E" not in text


def _is_plain_float(value: float) -> bool:
    return 1e-4 <= abs(value) < 1e15 or value == 0


@singledispatch
def _adapted(value: Any) -> Any:
    """What msgspec writes for *value* as it shall be written."""
    # Nothing that we know: it is for msgspec to write it, or to say that it cannot.
    names = _member_names(value)
    return value if names is None else _adapted_members(value, names)


def _adapted_members(value: Any, names: Iterable[str]) -> dict[str, Any]:
    members = ((name, getattr(value, name, msgspec.UNSET)) for name in names)
    return {name: _adapted(member) for name, member in members if member is not msgspec.UNSET}


def _member_names(value: Any) -> list[str] | None:
    """The declared members of an object of some class; ``None`` where none are declared."""
    kind = type(value)
    if is_dataclass(kind):
        return [field.name for field in fields(kind)]
    if hasattr(kind, "__attrs_attrs__"):
        return [attribute.name for attribute in kind.__attrs_attrs__]
    return list(kind._fields) if isinstance(value, tuple) and hasattr(kind, "_fields") else None


@_adapted.register(str)
def _adapted_text(value: str) -> str:
    return str.__str__(value)


@_adapted.register(bool)
@_adapted.register(bytes)
@_adapted.register(bytearray)
@_adapted.register(memoryview)
def _adapted_not_at_all(value: Any) -> Any:
    return value


@_adapted.register
def _adapted_integer(value: int) -> int:
    return int(value)


@_adapted.register
def _adapted_float(value: float) -> Any:
    # The shortest digits that mean the number, as Python prints it; with an exponent of at least two digits where
    # .NET's "R" has one: from 1E+15 up, and below 0.0001. What is no number is a text.
    if not isfinite(value):
        return "NaN" if isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if _is_plain_float(value):
        return float(value)
    shortest = Decimal(repr(float(value))).normalize()
    first, *others = map(str, shortest.as_tuple().digits)
    point = "." if others else ""
    sign = "-" if value < 0 else ""
    return msgspec.Raw(f"{sign}{first}{point}{''.join(others)}E{shortest.adjusted():+03}".encode())


@_adapted.register
def _adapted_decimal(value: Decimal) -> Any:
    if not value.is_finite():
        return _adapted_float(float("nan") if value.is_nan() else float(value))
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent < -_MAX_DECIMAL_EXPONENT or value.adjusted() > _MAX_DECIMAL_EXPONENT:
        return msgspec.Raw(f"{value:E}".encode())
    text = f"{value:f}"
    return msgspec.Raw((text if "." in text else f"{text}.0").encode())


@_adapted.register(Enum)
@_adapted.register(Flag)
def _adapted_enumeration(value: Enum) -> Any:
    return _adapted(value.value)


@_adapted.register
def _adapted_datetime(value: datetime) -> str:
    text = value.replace(tzinfo=None).isoformat()
    if value.microsecond:
        text = text.rstrip("0")
    offset = value.utcoffset()
    if offset is None:
        return text
    minutes = round(offset.total_seconds() / 60)
    if not minutes:
        return f"{text}Z"
    return f"{text}{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


@_adapted.register
def _adapted_timedelta(value: timedelta) -> str:
    # As .NET prints a TimeSpan: days only if there are any, a fraction of seven digits only if there is one.
    sign, value = ("-", -value) if value < timedelta() else ("", value)
    days = f"{value.days}." if value.days else ""
    minutes, seconds = divmod(value.seconds, 60)
    fraction = f".{value.microseconds:06}0" if value.microseconds else ""
    return f"{sign}{days}{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{fraction}"


@_adapted.register
def _adapted_struct(value: msgspec.Struct) -> Any:
    # It stays one, because msgspec knows best what its options mean.
    adapted = copy(value)
    for name in type(value).__struct_fields__:
        msgspec.structs.force_setattr(adapted, name, _adapted(getattr(value, name)))
    return adapted


@_adapted.register(Mapping)
def _adapted_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {_key_text(key): _adapted(member) for key, member in value.items()}


@_adapted.register(Collection)
def _adapted_collection(value: Collection[Any]) -> Any:
    names = _member_names(value)
    return [_adapted(member) for member in value] if names is None else _adapted_members(value, names)


def _key_text(key: Any) -> str:
    """A mapping's key as the reference turns it into a member's name."""
    if isinstance(key, Enum):
        return str.__str__(key) if isinstance(key, str) else key.name
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, (bool, int, Decimal)):
        return str(key)
    if isinstance(key, float):
        adapted = _adapted_float(key)
        return bytes(adapted).decode() if isinstance(adapted, msgspec.Raw) else f"{adapted}".removesuffix(".0")
    if isinstance(key, (datetime, timedelta)):
        return str(_adapted(key))
    if isinstance(key, (date, time)):
        return key.isoformat()
    if isinstance(key, UUID):
        return str(key)
    raise TypeError(f"A member cannot be named by a {type(key).__name__}.")
