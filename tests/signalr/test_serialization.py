"""Tests for `twisted_ticker.signalr.serialization`; texts are the reference's where it has the same type."""

from __future__ import annotations

from collections import ChainMap, OrderedDict, deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from typing import Any, ClassVar, NamedTuple, TypedDict
from uuid import UUID

import attrs
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.errors import ArgumentError
from twisted_ticker.signalr.serialization import decode, encode


class Colour(Enum):
    """Enumerations go out by value."""

    RED = 1


@dataclass
class Quote:
    """User values may be dataclasses."""

    Symbol: str
    Price: Decimal = Decimal("0.10")


@dataclass
class Framed:
    """A dataclass in a dataclass."""

    kind: ClassVar[str] = "frame"
    inner: Quote
    tags: list[str] = field(default_factory=lambda: ["x"])


@dataclass(slots=True)
class Slotted:
    """A dataclass whose members may be missing."""

    value: Any = msgspec.UNSET


class Struct(msgspec.Struct, rename="camel", omit_defaults=True):
    """A struct with names and omissions of its own."""

    my_price: Decimal
    others: list[float] = []


@attrs.define
class Ware:
    """An attrs class."""

    name: str
    _price: float


class Pair(NamedTuple):
    """A named tuple is an object."""

    left: int
    right: Any


class Level(IntEnum):
    """An enumeration of numbers."""

    LOW = 10


class Suit(StrEnum):
    """An enumeration of texts."""

    HEARTS = "h"


class Access(Flag):
    """An enumeration whose members can be combined."""

    READ = 1
    WRITE = 2


class Rights(IntFlag):
    """The same, of numbers."""

    READ = 1
    WRITE = 2


class Metres(float):
    """A kind of float."""


class Name(str):
    """A kind of text."""


class Count(int):
    """A kind of number."""


class Options(TypedDict, total=False):
    """User values may be typed dictionaries."""

    urgent: bool


ENCODED = [
    (None, "null"),
    (True, "true"),
    (0, "0"),
    (-1, "-1"),
    (2**64, "18446744073709551616"),
    (1.0, "1.0"),
    (1.5, "1.5"),
    (-0.0, "-0.0"),
    (0.1 + 0.2, "0.30000000000000004"),
    (123456789012345.6, "123456789012345.6"),
    (1e14, "100000000000000.0"),
    (1e15, "1E+15"),
    (1234567890123456.0, "1.234567890123456E+15"),
    (-1e16, "-1E+16"),
    (123456789012345680.0, "1.2345678901234568E+17"),
    (1e21, "1E+21"),
    (1.7976931348623157e308, "1.7976931348623157E+308"),
    (0.0001, "0.0001"),
    (0.00001, "1E-05"),
    (-0.0000123, "-1.23E-05"),
    (1e-7, "1E-07"),
    (5e-324, "5E-324"),
    (float("nan"), '"NaN"'),
    (float("inf"), '"Infinity"'),
    (float("-inf"), '"-Infinity"'),
    ([1e21, {"a": float("nan"), "b": 1}], '[1E+21,{"a":"NaN","b":1}]'),
    (Metres(1.5), "1.5"),
    (Metres(1e15), "1E+15"),
    (Decimal("0.00"), "0.00"),
    (Decimal("543.01"), "543.01"),
    (Decimal("-0.80"), "-0.80"),
    (Decimal("1.50"), "1.50"),
    (Decimal("0.0"), "0.0"),
    (Decimal("100"), "100.0"),
    (Decimal("-0"), "-0.0"),
    (Decimal("1E+5"), "100000.0"),
    (Decimal("1.5E+10"), "15000000000.0"),
    (Decimal("1E-10"), "0.0000000001"),
    (Decimal("0E-10"), "0.0000000000"),
    (Decimal("79228162514264337593543950335"), "79228162514264337593543950335.0"),
    (Decimal("1E+29"), "1E+29"),
    (Decimal("1E-29"), "1E-29"),
    (Decimal("1E+999999"), "1E+999999"),
    (Decimal("NaN"), '"NaN"'),
    (Decimal("sNaN"), '"NaN"'),
    (Decimal("Infinity"), '"Infinity"'),
    ([Decimal("-Infinity")], '["-Infinity"]'),
    ({"a": [Decimal("1.50"), Decimal("7")]}, '{"a":[1.50,7.0]}'),
    ("", '""'),
    ("é <b>", '"é <b>"'),
    ('"\\\n\0', '"\\"\\\\\\n\\u0000"'),
    ("a\u2028b\u2029c\x85d", '"a\\u2028b\\u2029c\\u0085d"'),
    ("\u0085\u2028", '"\\u0085\\u2028"'),
    ("Å\u2027\u202a", '"Å\u2027\u202a"'),
    ([], "[]"),
    ((1, "two", None), '[1,"two",null]'),
    ({"Three": 3, "a b": [1, 2]}, '{"Three":3,"a b":[1,2]}'),
    ({"\u2028": "\u2028"}, '{"\\u2028":"\\u2028"}'),
    (Quote("MSFT", Decimal("41.70")), '{"Symbol":"MSFT","Price":41.70}'),
    (Quote("MSFT", Decimal(41)), '{"Symbol":"MSFT","Price":41.0}'),
    (Framed(Quote("A")), '{"inner":{"Symbol":"A","Price":0.10},"tags":["x"]}'),
    (Slotted(1.0), '{"value":1.0}'),
    (Slotted(), "{}"),
    (Struct(Decimal(1)), '{"myPrice":1.0}'),
    (Struct(Decimal(1), [1e15]), '{"myPrice":1.0,"others":[1E+15]}'),
    (Ware("tea", 1e15), '{"name":"tea","_price":1E+15}'),
    (Pair(1, Decimal(2)), '{"left":1,"right":2.0}'),
    ([Pair(1, 2)], '[{"left":1,"right":2}]'),
    (Colour.RED, "1"),
    (Level.LOW, "10"),
    (Suit.HEARTS, '"h"'),
    (Access.READ | Access.WRITE, "3"),
    (Rights.READ | Rights.WRITE, "3"),
    ([Colour.RED], "[1]"),
    (Name("x\u2028"), '"x\\u2028"'),
    (Count(3), "3"),
    (b"ab", '"YWI="'),
    (bytearray(b"ab"), '"YWI="'),
    (memoryview(b"ab"), '"YWI="'),
    ({7}, "[7]"),
    (frozenset({1.0}), "[1.0]"),
    (deque([1, Decimal(2)]), "[1,2.0]"),
    (range(3), "[0,1,2]"),
    ({"a": 1}.values(), "[1]"),
    (OrderedDict(b=1, a=Decimal(2)), '{"b":1,"a":2.0}'),
    (ChainMap({"a": 1}), '{"a":1}'),
    ({1: "a", -2: "b"}, '{"1":"a","-2":"b"}'),
    ({1.5: 1, 2.0: 2, 1e21: 3, float("nan"): 4}, '{"1.5":1,"2":2,"1E+21":3,"NaN":4}'),
    ({Decimal("1.50"): 1}, '{"1.50":1}'),
    ({True: 1}, '{"True":1}'),
    ({Colour.RED: 1, Suit.HEARTS: 2, Name("n"): 3, Level.LOW: 4}, '{"RED":1,"h":2,"n":3,"LOW":4}'),
    ({date(2020, 1, 2): 1, time(3, 4): 2}, '{"2020-01-02":1,"03:04:00":2}'),
    ({datetime(2020, 1, 2, tzinfo=UTC): 1, timedelta(1): 2}, '{"2020-01-02T00:00:00Z":1,"1.00:00:00":2}'),
    ({UUID(int=1): 1}, '{"00000000-0000-0000-0000-000000000001":1}'),
    (date(2020, 1, 2), '"2020-01-02"'),
    (time(3, 4, 5, 600000), '"03:04:05.600000"'),
    (datetime(2020, 1, 2, 3, 4, 5, 678000, UTC), '"2020-01-02T03:04:05.678Z"'),
    (datetime(2020, 1, 2, 3, 4, 5, 1), '"2020-01-02T03:04:05.000001"'),
    (datetime(2020, 1, 2, 3, 4, 10, tzinfo=timezone(timedelta(hours=2))), '"2020-01-02T03:04:10+02:00"'),
    (datetime(2020, 1, 2, tzinfo=timezone(-timedelta(minutes=210))), '"2020-01-02T00:00:00-03:30"'),
    (timedelta(days=1, hours=1, minutes=1, seconds=1, milliseconds=1), '"1.01:01:01.0010000"'),
    (timedelta(), '"00:00:00"'),
    (timedelta(days=10), '"10.00:00:00"'),
    (-timedelta(seconds=1, microseconds=5), '"-00:00:01.0000050"'),
    ([timedelta(1)], '["1.00:00:00"]'),
    (
        [1e15, True, None, b"ab", UUID(int=1), date(2020, 1, 2), "x", 1],
        '[1E+15,true,null,"YWI=","00000000-0000-0000-0000-000000000001","2020-01-02","x",1]',
    ),
    (datetime(2020, 1, 2, 3, 4, 5), '"2020-01-02T03:04:05"'),
    (datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC), '"2020-01-02T03:04:05Z"'),
    (UUID("2F1C7C5E-0F0E-4B8E-9D5E-7A2F3F0A1B2C"), '"2f1c7c5e-0f0e-4b8e-9d5e-7a2f3f0a1b2c"'),
]


class EncodeTests(SynchronousTestCase):
    """User values to JSON."""

    def test_values_are_written_as_clients_know_them(self) -> None:
        """There is no white space, money keeps its scale, and text is not escaped without need."""
        for value, text in ENCODED:
            self.assertEqual(encode(value).decode(), text)

    def test_what_json_cannot_express_is_refused(self) -> None:
        """The error is raised where the value was given, not at a client."""
        refused = [object(), 1j, len, {(1, 2): 3}, {None: 1}, {b"a": 1}, {"a": [object()]}, (i for i in "ab")]
        for value in refused:
            self.assertRaises(TypeError, encode, value)
        self.assertRaises(ValueError, encode, "\ud800")

    def test_what_is_nested_without_end_is_refused(self) -> None:
        """It ends in an error, not in a crash."""
        endless: list[Any] = []
        endless.append(endless)
        self.assertRaises(RecursionError, encode, endless)

    def test_values_stay_as_they_are(self) -> None:
        """Writing a value changes nothing in it."""
        value = Struct(Decimal(1), [1e15])
        encode([value])
        self.assertEqual(value, Struct(Decimal(1), [1e15]))

    @settings(deadline=None)
    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_floats_are_read_back(self, value: float) -> None:
        """Digits are enough to mean the same number, and are the fewest that are; there is a point or an exponent."""
        text = encode(value).decode()
        self.assertEqual(float(text), value)
        self.assertRegex(text, r"^-?\d+\.\d+$|^-?\d(\.\d+)?E[+-]\d{2,3}$")
        self.assertEqual(encode([value]), f"[{text}]".encode())

    @settings(deadline=None)
    @given(st.decimals(allow_nan=False, allow_infinity=False))
    def test_decimals_are_read_back(self, value: Decimal) -> None:
        """As the same number, with a point or an exponent."""
        text = encode(value).decode()
        self.assertEqual(Decimal(text), value)
        self.assertRegex(text, r"[.E]")
        self.assertEqual(encode({"a": value}), f'{{"a":{text}}}'.encode())

    @settings(deadline=None)
    @given(st.text(st.characters(codec="utf-8")))
    def test_text_is_read_back(self, text: str) -> None:
        """Whatever is escaped, the client gets the same text; no line ends of script are left."""
        encoded = encode(text)
        self.assertEqual(msgspec.json.decode(encoded), text)
        self.assertNotRegex(encoded.decode(), "[\u2028\u2029\x85]")


DECODED = [
    (b"1", int, 1),
    (b'"1"', int, 1),
    (b'"1.5"', float, 1.5),
    (b"1", float, 1.0),
    (b"1.10", Decimal, Decimal("1.10")),
    (b'"1.10"', Decimal, Decimal("1.10")),
    (b"null", int | None, None),
    (b'[1,"2"]', list[int], [1, 2]),
    (b'{"Symbol":"MSFT","Price":1.50,"more":1}', Quote, Quote("MSFT", Decimal("1.50"))),
    (b'{"urgent":true}', Options, {"urgent": True}),
    (b"1", Colour, Colour.RED),
    (b'{"a":[1,2.5,null,"\\u00e9"]}', Any, {"a": [1, 2.5, None, "é"]}),
    (b'"1"', Any, "1"),
]

UNFIT = [
    (b"1.5", int),
    (b'"x"', int),
    (b"null", int),
    (b"{}", str),
    (b"[]", str),
    (b'{"Price":1}', Quote),
    (b"9" * 5000, int),
    (b"1e400", float),
    (b"2", Colour),
    (b"[1", list[int]),
    (b"NaN", Any),
    (b'"\\ud800"', str),
]


class DecodeTests(SynchronousTestCase):
    """JSON to what a hub method declares."""

    def test_values_are_of_the_type_that_is_wanted(self) -> None:
        """Numbers may come as text; values of any type come as plain JSON."""
        for text, annotation, value in DECODED:
            decoded = decode(msgspec.Raw(text), annotation)
            self.assertEqual(decoded, value)
            self.assertIs(type(decoded), type(value))
            self.assertEqual(decode(text, annotation), value)
        self.assertEqual(decode(b'{"a":1.5}'), {"a": 1.5})

    def test_what_does_not_fit_is_refused(self) -> None:
        """The error says so, in words."""
        for text, annotation in UNFIT:
            error = self.assertRaises((ValueError, ArgumentError), decode, text, annotation)
            self.assertTrue(str(error))

    def test_deep_nesting_is_refused(self) -> None:
        """It ends in an error, not in a crash."""
        self.assertRaises(RecursionError, decode, b"[" * 100_000 + b"]" * 100_000, Any)
