"""Tests for `twisted_ticker.signalr.type_names`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import InitVar, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, TypedDict, TypeVar
from uuid import UUID

from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import TypeAliasType

from twisted_ticker.signalr.errors import ConfigurationError
from twisted_ticker.signalr.type_names import hints_of, type_name, unwrapped

if TYPE_CHECKING:
    from fractions import Fraction

T = TypeVar("T")

UserId = NewType("UserId", int)
Names = TypeAliasType("Names", list[str])


class Colour(Enum):
    """An enumeration."""

    Red = 1
    Blue = 2


class Quote:
    """A class like any other."""


@dataclass
class Page(Generic[T]):
    """Of anything."""

    items: list[T]


class Pair(NamedTuple):
    """A named tuple."""

    left: int
    right: str


class Options(TypedDict):
    """A typed dictionary, with a member that may be left out."""

    Urgent: bool
    Note: NotRequired[str]


NAMES = [
    (int, "Int32"),
    (float, "Double"),
    (str, "String"),
    (bool, "Boolean"),
    (Decimal, "Decimal"),
    (datetime, "DateTime"),
    (timedelta, "TimeSpan"),
    (UUID, "Guid"),
    (bytes, "Byte[]"),
    (Any, "Object"),
    (object, "Object"),
    (None, "Void"),
    (list[int], "List`1"),
    (list, "List`1"),
    (Sequence[int], "IEnumerable`1"),
    (Iterable[int], "IEnumerable`1"),
    (set[int], "HashSet`1"),
    (dict[str, int], "Dictionary`2"),
    (tuple[int, str], "Tuple`2"),
    (int | None, "Nullable`1"),
    (Colour | None, "Nullable`1"),
    (str | None, "String"),
    (list[int] | None, "List`1"),
    (int | str, "Object"),
    (Quote, "Quote"),
    (Page[int], "Page"),
    (Colour, "Colour"),
    (Options, "Options"),
    (UserId, "Int32"),
    (Names, "List`1"),
    (Annotated[int, "x"], "Int32"),
    (InitVar[int], "Int32"),
    (T, "T"),
    (Literal[1], "Literal"),
    ("x", "Object"),
]


class NameTests(SynchronousTestCase):
    """Tests for `type_name`."""

    def test_types_are_named_as_in_dot_net(self) -> None:
        """As the reference's error texts name the like of them."""
        self.assertEqual([(annotation, type_name(annotation)) for annotation, _ in NAMES], NAMES)


class UnwrappedTests(SynchronousTestCase):
    """Tests for `unwrapped`."""

    def test_what_makes_no_difference_falls_away(self) -> None:
        """However much of it there is."""
        cases = [(int, int), (UserId, int), (Annotated[UserId, 1], int), (Names, list[str]), (InitVar[UserId], int)]
        for annotation, kind in cases:
            self.assertEqual(unwrapped(annotation), kind)
        self.assertEqual(unwrapped(hints_of(Options)["Note"]), str)


class HintTests(SynchronousTestCase):
    """Tests for `hints_of`."""

    def test_annotations_are_resolved(self) -> None:
        """With what else they say."""
        self.assertEqual(hints_of(Pair), {"left": int, "right": str})
        self.assertEqual(hints_of(Options)["Note"], NotRequired[str])

    def test_annotations_that_name_nothing_are_refused(self) -> None:
        """It is said where."""

        def half(value: Fraction) -> None: ...

        error = self.assertRaises(ConfigurationError, hints_of, half)
        self.assertIn("half has an annotation that cannot be resolved", str(error))
