"""Tests for `twisted_ticker.signalr.scalars`; what fits and what does not is as recorded, where it was."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from time import process_time
from typing import Any, Literal
from uuid import UUID

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.arguments import converter_of
from twisted_ticker.signalr.errors import ArgumentError
from twisted_ticker.signalr.scalars import KINDS, SCALARS, WORST


class Colour(Enum):
    """By number."""

    Red = 1
    Blue = 2


class Level(IntEnum):
    """By number, too."""

    LOW = 10


class Suit(StrEnum):
    """By text."""

    HEARTS = "h"


class Access(Flag):
    """Can be combined."""

    READ = 1
    WRITE = 2


ID = "2f1c7c5e-0f0e-4b8e-9d5e-7a2f3f0a1b2c"

CONVERTED: list[tuple[Any, str, Any]] = [
    (None, "null", None),
    # Numbers
    (int, "1", 1),
    (int, '"1"', 1),
    (int, '" -12 "', -12),
    (int, "123456789012345678901234567890", 123456789012345678901234567890),
    (float, "1", 1.0),
    (float, "1.5", 1.5),
    (float, '"1.5"', 1.5),
    (float, '"1e3"', 1000.0),
    (float, '"-Infinity"', float("-inf")),
    (Decimal, "1.10", Decimal("1.10")),
    (Decimal, "1", Decimal(1)),
    (Decimal, '"1.10"', Decimal("1.10")),
    (Decimal, "1e2", Decimal("1e2")),
    (Decimal, "79228162514264337593543950335", Decimal(2**96 - 1)),
    (Decimal, "1e-40", Decimal("0E-28")),
    (Decimal, "1.00000000000000000000000000006", Decimal("1.0000000000000000000000000001")),
    # Booleans
    (bool, "true", True),
    (bool, '" FALSE"', False),
    (bool, "2", True),
    (bool, "0", False),
    (bool, "0.0", False),
    # Text
    (str, '"x"', "x"),
    (str, "1", "1"),
    (str, "1.50", "1.50"),
    (str, "true", "true"),
    (str, "false", "false"),
    (str, "null", None),
    (bytes, '"YWI="', b"ab"),
    (bytes, "[97,98]", b"ab"),
    (bytes, "null", None),
    (bytearray, '"YWI="', bytearray(b"ab")),
    (bytearray, "null", None),
    # Dates and times
    (datetime, '"2020-01-02T03:04:05"', datetime(2020, 1, 2, 3, 4, 5)),
    (datetime, '"2020-01-02T03:04:05.678Z"', datetime(2020, 1, 2, 3, 4, 5, 678000, UTC)),
    (datetime, '"2020-01-02T03:04:05.1234567Z"', datetime(2020, 1, 2, 3, 4, 5, 123456, UTC)),
    (datetime, '"2020-01-02T03:04:05+02:00"', datetime(2020, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))),
    (datetime, '"2020-01-02"', datetime(2020, 1, 2)),
    (datetime, '"/Date(1000)/"', datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
    (datetime, '"\\/Date(-1000)\\/"', datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    (datetime, '"/Date(0+0130)/"', datetime(1970, 1, 1, 1, 30, tzinfo=timezone(timedelta(minutes=90)))),
    (datetime, '"/Date(0-0100)/"', datetime(1969, 12, 31, 23, tzinfo=timezone(-timedelta(hours=1)))),
    (date, '"2020-01-02"', date(2020, 1, 2)),
    (date, '"2020-01-02T00:00:00.000Z"', date(2020, 1, 2)),
    (time, '"03:04:05.600"', time(3, 4, 5, 600000)),
    (timedelta, '"1.01:01:01.0010000"', timedelta(days=1, hours=1, minutes=1, seconds=1, milliseconds=1)),
    (timedelta, '"-00:00:01"', -timedelta(seconds=1)),
    (timedelta, '"10:20"', timedelta(hours=10, minutes=20)),
    (timedelta, '"00:00:00.1234567"', timedelta(microseconds=123456)),
    (timedelta, '"3"', timedelta(days=3)),
    (timedelta, '"PT1H"', timedelta(hours=1)),
    (UUID, f'"{ID.upper()}"', UUID(ID)),
    (UUID, f'"{{{ID}}}"', UUID(ID)),
    (UUID, f'"{ID.replace("-", "")}"', UUID(ID)),
    # Enumerations
    (Colour, "1", Colour.Red),
    (Colour, '"BLUE"', Colour.Blue),
    (Colour, '"2"', Colour.Blue),
    (Level, "10", Level.LOW),
    (Level, '"low"', Level.LOW),
    (Suit, '"h"', Suit.HEARTS),
    (Suit, '"Hearts"', Suit.HEARTS),
    (Access, "3", Access.READ | Access.WRITE),
    (Access, '"read, Write"', Access.READ | Access.WRITE),
    (Access, '"2"', Access.WRITE),
    # One of some
    (Literal["a", 1, True, None], "1", 1),
    (Literal["a", 1, True, None], "true", True),
    (Literal[Colour.Red], "1", Colour.Red),
    # As it comes
    (list[Any], '[1,2.5,"x",true,null,{"a":[0.5]}]', [1, 2.5, "x", True, None, {"a": [0.5]}]),
]

UNFIT: list[tuple[Any, str, str]] = [
    (int, "1.0", "Cannot convert a number to Int32."),
    (int, "1.5", "Cannot convert a number to Int32."),
    (int, '"1.0"', "Cannot convert a string to Int32."),
    (int, '"1_0"', "Cannot convert a string to Int32."),
    (int, '""', "Cannot convert a string to Int32."),
    (int, "null", "Cannot convert null to Int32."),
    (int, "true", "Cannot convert a boolean to Int32."),
    (int, "[]", "Cannot convert an array to Int32."),
    (int, "{}", "Cannot convert an object to Int32."),
    (int, "9" * 5000, "Integer value out of range"),
    (float, "1e400", "The number is out of range."),
    (float, '"nan"', "Cannot convert a string to Double."),
    (float, "null", "Cannot convert null to Double."),
    (Decimal, "1e29", "The number is out of range."),
    (Decimal, "79228162514264337593543950336", "The number is out of range."),
    (Decimal, '"NaN"', "Cannot convert a string to Decimal."),
    (Decimal, "null", "Cannot convert null to Decimal."),
    (Decimal, "1e99999999999999999999", "[<class 'decimal.InvalidOperation'>]"),
    (bool, '"yes"', "Cannot convert a string to Boolean."),
    (bool, "null", "Cannot convert null to Boolean."),
    (str, "{}", "Cannot convert an object to String."),
    (str, "[]", "Cannot convert an array to String."),
    (bytes, '"?"', "Cannot convert a string to Byte[]."),
    (bytes, "[256]", "bytes must be in range(0, 256)"),
    (bytes, "{}", "Cannot convert an object to Byte[]."),
    (datetime, '"soon"', "Cannot convert a string to DateTime."),
    (datetime, '"/Date(999999999999999)/"', "Cannot convert a string to DateTime."),
    (datetime, "1", "Cannot convert an integer to DateTime."),
    (datetime, "null", "Cannot convert null to DateTime."),
    (date, '"x"', "Cannot convert a string to DateTime."),
    (time, '"25:00"', "Cannot convert a string to TimeSpan."),
    (timedelta, '"24:00:00"', "Cannot convert a string to TimeSpan."),
    (timedelta, '"999999999999"', "Cannot convert a string to TimeSpan."),
    (timedelta, '"P"', "Cannot convert a string to TimeSpan."),
    (UUID, '"x"', "Cannot convert a string to Guid."),
    (UUID, "null", "Cannot convert null to Guid."),
    (Colour, "3", "Cannot convert an integer to Colour."),
    (Colour, '"Green"', "Cannot convert a string to Colour."),
    (Colour, '"3"', "Cannot convert a string to Colour."),
    (Colour, "true", "Cannot convert a boolean to Colour."),
    (Colour, "1.0", "Cannot convert a number to Colour."),
    (Colour, "null", "Cannot convert null to Colour."),
    (Access, '"read,fly"', "Cannot convert a string to Access."),
    (None, "1", "Cannot convert an integer to null."),
    (Literal["a", 1], '"b"', "Cannot convert a string to 'a' or 1."),
    (Literal[1], "true", "Cannot convert a boolean to 1."),
    (list[Any], "[1e400]", "The number is out of range. Path '[0]'."),
]


class ScalarTests(SynchronousTestCase):
    """Single values."""

    def test_values_are_of_the_type_that_is_declared(self) -> None:
        """With the leniencies of the reference's serialiser."""
        for annotation, text, expected in CONVERTED:
            converted = converter_of(annotation)(msgspec.Raw(text))
            self.assertEqual(converted, expected, (annotation, text))
            self.assertIs(type(converted), type(expected), (annotation, text))

    def test_what_does_not_fit_is_an_error(self) -> None:
        """It says what is wrong."""
        for annotation, text, reason in UNFIT:
            error = self.assertRaises(ArgumentError, converter_of(annotation), msgspec.Raw(text))
            self.assertEqual(str(error), reason, (annotation, text))

    def test_long_texts_are_looked_at_once(self) -> None:
        """Whatever they look like, and whatever is wanted: none is gone through again and again."""
        looks = ["1", "9", ".1", "1.", "1e", " ", "+", "-1,", "READ,", "0:", "P1D", "A", "=", "1e1", "\u00b2"]
        kinds = [
            int,
            float,
            Decimal,
            bool,
            str,
            bytes,
            datetime,
            date,
            time,
            timedelta,
            UUID,
            Colour,
            Access,
            int | str,
        ]
        for kind in kinds:
            convert = converter_of(kind)
            for look in looks:
                for end in ("", "x", "."):
                    text = json.dumps(look * (200_000 // len(look)) + end).encode()
                    began = process_time()
                    with contextlib.suppress(ArgumentError):
                        convert(text)
                    # A few milliseconds at most. Minutes, where digits can be taken for parts of numbers in many ways.
                    self.assertLess(process_time() - began, 0.5, (kind, look, end))

    def test_longest_number(self) -> None:
        """As a text, it has as many digits as Python converts."""
        for kind, zero in ((int, "0"), (float, "0.0"), (Decimal, "0")):
            self.assertEqual(str(converter_of(kind)(f'"{"0" * 4300}"'.encode())), zero)
            self.assertRaises(ArgumentError, converter_of(kind), f'"{"0" * 4301}"'.encode())

    def test_scale_and_time_zone_are_kept(self) -> None:
        """Values that are equal may differ in what they show."""
        self.assertEqual(str(converter_of(Decimal)(b"1.10")), "1.10")
        self.assertEqual(str(converter_of(list[Decimal])(b"[0.00]")[0]), "0.00")
        moment = converter_of(datetime)(b'"2020-01-02T03:04:05+02:00"')
        self.assertEqual(moment.isoformat(), "2020-01-02T03:04:05+02:00")

    def test_not_a_number_has_its_name(self) -> None:
        """It is equal to nothing, so it has a test of its own."""
        self.assertNotEqual(*[converter_of(float)(b'"NaN"')] * 2)

    def test_ranks_are_of_plain_values(self) -> None:
        """Unions are decided by them."""
        for converter in SCALARS.values():
            self.assertLessEqual(converter.ranks.keys(), KINDS.keys())
            self.assertLess(max(converter.ranks.values()), WORST)
