"""Tests for `twisted_ticker.signalr.serialization`; texts are the reference's where it has the same type."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypedDict
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.serialization import decode, encode


class Colour(Enum):
    """Enumerations go out by value."""

    RED = 1


@dataclass
class Quote:
    """User values may be dataclasses."""

    Symbol: str
    Price: Decimal = Decimal("0.10")


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
    (Decimal("0.00"), "0.00"),
    (Decimal("543.01"), "543.01"),
    (Decimal("-0.80"), "-0.80"),
    (Decimal("1.50"), "1.50"),
    (Decimal("0.0"), "0.0"),
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
    (Colour.RED, "1"),
    (b"ab", '"YWI="'),
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
        for value in (object(), 1j, len, {(1, 2): 3}, {"a": [object()]}):
            self.assertRaises(TypeError, encode, value)
        self.assertRaises(ValueError, encode, "\ud800")

    def test_numbers_that_json_cannot_express_are_never_written_bare(self) -> None:
        """One such number would make the whole envelope unreadable for everybody."""
        for text in ("NaN", "Infinity", "-Infinity", "sNaN"):
            for value in (Decimal(text), [1, {"Price": Decimal(text)}]):
                try:
                    encoded = encode(value)
                except ValueError:
                    continue
                msgspec.json.decode(encoded)

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

    def test_what_does_not_fit_is_refused(self) -> None:
        """The error says so, in words."""
        for text, annotation in UNFIT:
            error = self.assertRaises(ValueError, decode, text, annotation)
            self.assertTrue(str(error))

    def test_deep_nesting_is_refused(self) -> None:
        """It ends in an error, not in a crash."""
        self.assertRaises(RecursionError, decode, b"[" * 100_000 + b"]" * 100_000, Any)
