"""Tests for `twisted_ticker.signalr.arguments`; what fits and what does not is as recorded, where it was."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Required,
    TypedDict,
    TypeVar,
    Union,
)
from uuid import UUID

import attrs
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import TypeAliasType

from twisted_ticker.signalr.arguments import MAX_DEPTH, converter_of
from twisted_ticker.signalr.errors import ArgumentError, ConfigurationError, HubException
from twisted_ticker.signalr.serialization import encode

if TYPE_CHECKING:
    from fractions import Fraction

T = TypeVar("T")


class Colour(Enum):
    """An enumeration."""

    Red = 1
    Blue = 2


@dataclass
class Quote:
    """A dataclass with what the caller may leave out."""

    Symbol: str
    Price: Decimal = Decimal("0.10")
    Tags: list[str] = field(default_factory=list)
    derived: int = field(default=7, init=False)


@dataclass(kw_only=True)
class Node:
    """Refers to itself."""

    value: int
    children: list[Node] = field(default_factory=list)


@dataclass
class Checked:
    """Has an opinion about values."""

    amount: int
    hurry: InitVar[bool] = False

    def __post_init__(self, hurry: bool) -> None:
        if self.amount < 0:
            raise ValueError("The amount is negative.")
        if self.amount > 100:
            raise HubException("Too much.")
        if hurry:
            self.amount += 1


@dataclass
class Page(Generic[T]):
    """Of anything."""

    items: list[T]
    first: T | None = None


@dataclass
class Box(Generic[T]):
    """Of anything, by itself."""

    content: T


class Point(msgspec.Struct, rename="camel"):
    """A struct whose members have other names on the wire."""

    x_value: int
    y_value: int = 0


class Cat(msgspec.Struct, tag=True):
    """Can be told from a dog."""

    name: str


class Dog(msgspec.Struct, tag=True):
    """Can be told from a cat."""

    name: str


class Pair(NamedTuple):
    """A named tuple."""

    left: int
    right: str = "r"


class Options(TypedDict):
    """A typed dictionary, with a member that may be left out."""

    Urgent: bool
    Note: NotRequired[str]


class Loose(TypedDict, total=False):
    """A typed dictionary, with a member that may not."""

    Needed: Required[int]
    Other: int


@attrs.define
class Ware:
    """An attrs class with a private attribute."""

    name: str
    _price: Decimal = Decimal(1)


UserId = NewType("UserId", int)
Names = TypeAliasType("Names", list[str])

CONVERTED: list[tuple[Any, str, Any]] = [
    # As it comes
    (Any, '{"a":[1,2.5,null,"é",true]}', {"a": [1, 2.5, None, "é", True]}),
    (object, '"1"', "1"),
    (None, "null", None),
    # Containers
    (list, '[1,2.5,"x"]', [1, 2.5, "x"]),
    (list[int], '[1,"2"]', [1, 2]),
    (list[int], "null", None),
    (list[list[float]], "[[1],[]]", [[1.0], []]),
    (Sequence[str], "[1,null]", ["1", None]),
    (Iterable[int], "[1]", [1]),
    (set[int], "[1,1]", {1}),
    (AbstractSet[int], "[1]", {1}),
    (frozenset[str], '["a"]', frozenset({"a"})),
    (deque[int], "[1]", deque([1])),
    (tuple, '[1,"x"]', (1, "x")),
    (tuple[int, str], '[1,"x"]', (1, "x")),
    (tuple[int, str], "null", None),
    (tuple[int, ...], "[1,2,3]", (1, 2, 3)),
    (dict, '{"a":1.5}', {"a": 1.5}),
    (dict[str, int], '{"a":"1"}', {"a": 1}),
    (dict[int, str], '{"1":"a"}', {1: "a"}),
    (dict[Colour, str], '{"red":"a"}', {Colour.Red: "a"}),
    (dict[str, Any], '{"a":{"b":[1.5]}}', {"a": {"b": [1.5]}}),
    (Mapping[str, int], "null", None),
    # Objects
    (Quote, '{"Symbol":"MSFT","Price":1.50,"more":1}', Quote("MSFT", Decimal("1.50"))),
    (Quote, '{"symbol":"MSFT","PRICE":"1.50","tags":["a"],"derived":1}', Quote("MSFT", Decimal("1.50"), ["a"])),
    (Quote, '{"Symbol":null}', Quote(None)),  # type: ignore[arg-type]
    (Quote, "null", None),
    (list[Quote], '[{"Symbol":"A"}]', [Quote("A")]),
    (Node, '{"value":1,"children":[{"value":2}]}', Node(value=1, children=[Node(value=2)])),
    (Checked, '{"amount":1,"hurry":true}', Checked(1, True)),
    (Page[Quote], '{"items":[{"symbol":"A"}]}', Page([Quote("A")])),
    (Page[int], '{"items":["1"],"first":"2"}', Page([1], 2)),
    (Page, '{"items":["1",2.5]}', Page(["1", 2.5])),
    (Box[int], '{"content":"1"}', Box(1)),
    (Box, '{"content":1.5}', Box(1.5)),
    (Point, '{"xValue":1,"YVALUE":"2"}', Point(1, 2)),
    (Cat | Dog, '{"type":"Dog","name":"Rex"}', Dog("Rex")),
    (Cat | Dog, '{"name":"Tom"}', Cat("Tom")),
    (Pair, '{"LEFT":1}', Pair(1)),
    (Options, '{"urgent":true,"more":1}', {"Urgent": True}),
    (Options, '{"urgent":true,"note":1}', {"Urgent": True, "Note": "1"}),
    (Loose, '{"needed":1}', {"Needed": 1}),
    (Ware, '{"Name":"tea","_PRICE":2}', Ware("tea", Decimal(2))),
    # Unions
    (int | None, "null", None),
    (int | None, "1", 1),
    (float | None, "1", 1.0),
    (int | str, '"1"', "1"),
    (str | int, "1", 1),
    (str | float, "1", 1.0),
    (float | int, "1", 1),
    (float | int, "1.5", 1.5),
    (str | datetime, '"2020-01-02T00:00:00"', datetime(2020, 1, 2)),
    (datetime | str | None, '"soon"', "soon"),
    (Union[int, list[int]], '["1"]', [1]),  # noqa: UP007
    (dict[str, int] | list[int] | None, '{"a":1}', {"a": 1}),
    (int | Any, '"x"', "x"),
    (int | UUID, '"7"', 7),
    (Literal["a", 1, True, None], "1", 1),
    (Literal["a", 1, True, None], "null", None),
    (Literal[Colour.Red], "1", Colour.Red),
    # Names for types
    (UserId, '"7"', 7),
    (Names, '["a"]', ["a"]),
    (Annotated[int, "of no concern"], "1", 1),
    (Annotated[str, msgspec.Meta(max_length=3)], '"abc"', "abc"),
    (T, "1.5", 1.5),
]

UNFIT: list[tuple[Any, str, str]] = [
    (Any, "1e400", "Number out of range"),
    (list[Any], "[1e400]", "The number is out of range. Path '[0]'."),
    (list[int], "{}", "Cannot convert an object to List`1."),
    (list[int], "[1,null]", "Cannot convert null to Int32. Path '[1]'."),
    (set[Any], "[[1]]", "unhashable type: 'list'"),
    (tuple[int, str], "[1]", "Cannot convert an array to Tuple`2."),
    (tuple[int, str], "[1,[]]", "Cannot convert an array to String. Path '[1]'."),
    (dict[str, int], "[]", "Cannot convert an array to Dictionary`2."),
    (dict[str, list[int]], '{"a":[1,"x"]}', "Cannot convert a string to Int32. Path 'a[1]'."),
    (dict[int, int], '{"a":1}', "Cannot convert a string to Int32. Path 'a'."),
    (Quote, "[]", "Cannot convert an array to Quote."),
    (Quote, '{"Price":1}', "Required member 'Symbol' of Quote is missing."),
    (Quote, '{"symbol":"A","price":"x"}', "Cannot convert a string to Decimal. Path 'price'."),
    (
        list[Node],
        '[{"value":1,"children":[{"value":"x"}]}]',
        "Cannot convert a string to Int32. Path '[0].children[0].value'.",
    ),
    (Checked, '{"amount":-1}', "The amount is negative."),
    (Point, '{"x_value":1}', "Required member 'xValue' of Point is missing."),
    (Cat, '{"type":"Dog","name":"Rex"}', "Cannot convert an object to Cat, which has another type."),
    (Options, "{}", "Required member 'Urgent' of Options is missing."),
    (Loose, "{}", "Required member 'Needed' of Loose is missing."),
    (Ware, '{"price":1}', "Required member 'name' of Ware is missing."),
    (int | None, '"x"', "Cannot convert a string to Int32."),
    (int | bool, "[]", "Cannot convert an array to Object."),
    (Literal["a", 1], '"b"', "Cannot convert a string to 'a' or 1."),
    (Literal[1], "true", "Cannot convert a boolean to 1."),
    (Annotated[str, msgspec.Meta(max_length=3)], '"abcd"', "Expected `str` of length <= 3"),
]


class ConversionTests(SynchronousTestCase):
    """Tests for `converter_of`."""

    def test_values_are_of_the_type_that_is_declared(self) -> None:
        """With the leniencies of the reference's serialiser."""
        for annotation, text, expected in CONVERTED:
            converted = converter_of(annotation)(msgspec.Raw(text))
            self.assertEqual(converted, expected, (annotation, text))
            self.assertIs(type(converted), type(expected), (annotation, text))

    def test_what_does_not_fit_is_an_error(self) -> None:
        """It says what is wrong, and where."""
        for annotation, text, reason in UNFIT:
            error = self.assertRaises(ArgumentError, converter_of(annotation), msgspec.Raw(text))
            self.assertEqual(str(error), reason, (annotation, text))

    def test_refusals_of_the_application_pass(self) -> None:
        """A class may tell the caller in its own words."""
        error = self.assertRaises(HubException, converter_of(Checked), b'{"amount":101}')
        self.assertEqual(str(error), "Too much.")

    def test_depth_is_limited(self) -> None:
        """To the reference's limit; brackets in texts, and arrays side by side, do not count."""
        for annotation in (Any, list[Any]):
            convert = converter_of(annotation)
            for depth, fits in ((MAX_DEPTH, True), (MAX_DEPTH + 1, False), (100_000, False)):
                text = b"[" * depth + b"]" * depth
                if fits:
                    convert(text)
                else:
                    self.assertRaises(ArgumentError, convert, text)
            flat = json.dumps([['[[\\"{{' * 50, {}]] * 50).encode()
            self.assertEqual(convert(flat), json.loads(flat))
        error = self.assertRaises(ArgumentError, converter_of(Any), b'{"a":' * 21 + b"1" + b"}" * 21)
        self.assertEqual(str(error), "The argument is nested deeper than 20 levels.")

    def test_annotations_that_mean_no_value_are_refused(self) -> None:
        """When the converter is made, not when somebody calls."""

        class Plain:
            """Nobody knows what it is made of."""

        for annotation in (Plain, list[Plain], dict[str, Plain], Plain | None, type, "int", 5):
            error = self.assertRaises(ConfigurationError, converter_of, annotation)
            self.assertIn("JSON cannot be converted to", str(error))

    def test_members_that_name_nothing_are_refused(self) -> None:
        """They are types that are not there when the program runs."""

        @dataclass
        class Half:
            value: Fraction

        error = self.assertRaises(ConfigurationError, converter_of, Half)
        self.assertIn("Half has an annotation that cannot be resolved", str(error))

    @settings(deadline=None)
    @given(
        st.one_of(
            st.tuples(st.just(int), st.integers(-(2**80), 2**80)),
            st.tuples(st.just(float), st.floats(allow_nan=False)),
            st.tuples(st.just(Decimal), st.decimals(-(10**12), 10**12, places=6)),
            st.tuples(st.just(bool), st.booleans()),
            st.tuples(st.just(str), st.text(st.characters(codec="utf-8"))),
            st.tuples(st.just(bytes), st.binary()),
            st.tuples(st.just(datetime), st.datetimes()),
            st.tuples(st.just(date), st.dates()),
            st.tuples(st.just(time), st.times()),
            st.tuples(st.just(timedelta), st.timedeltas(timedelta(-(10**6)), timedelta(10**6))),
            st.tuples(st.just(UUID), st.uuids()),
            st.tuples(st.just(Colour), st.sampled_from(Colour)),
            st.tuples(st.just(dict[int, list[float]]), st.dictionaries(st.integers(), st.lists(st.just(0.5)))),
            st.tuples(st.just(Quote), st.builds(Quote, st.text(), st.decimals(0, 10, places=2), st.just(["x"]))),
            st.tuples(
                st.just(Options), st.fixed_dictionaries({"Urgent": st.booleans()}, optional={"Note": st.just("n")})
            ),
        )
    )
    def test_what_is_written_is_read_back(self, case: tuple[Any, Any]) -> None:
        """Whatever a hub sends, a hub can take, be it alone or among others."""
        annotation, value = case
        self.assertEqual(converter_of(annotation)(encode(value)), value)
        self.assertEqual(converter_of(list[annotation])(encode([value, value])), [value, value])
