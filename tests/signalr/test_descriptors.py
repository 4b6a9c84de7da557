"""Tests for `twisted_ticker.signalr.descriptors`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.authorization import Authorization, authorize
from twisted_ticker.signalr.descriptors import HubDescriptor, MethodDescriptor
from twisted_ticker.signalr.errors import ArgumentError, ConfigurationError, MethodNotFound
from twisted_ticker.signalr.hub import Hub, hub_method
from twisted_ticker.signalr.progress import Progress
from twisted_ticker.signalr.state import CallerState

if TYPE_CHECKING:
    from fractions import Fraction


class Calculator(Hub):
    """A hub of many methods."""

    hub_name = "calc"

    @hub_method
    def get_total(self) -> int:
        return 0

    @hub_method(name="Add")
    def add_one(self, a: int) -> int:
        return a + 1

    @hub_method(name="Add")
    def add_two(self, a: int, b: Decimal) -> Decimal:
        return a + b

    @hub_method
    def repeat(self, text: str, times: int = 2, separator: str = "") -> str:
        return separator.join([text] * times)

    @hub_method
    def untyped(self, value, /):  # type: ignore[no-untyped-def]
        return value

    def not_published(self) -> None:
        """Clients cannot call this."""


class BareHub(Hub):
    """A hub without a name of its own, and without methods."""


def progress_last(self, a: int, b: int = 5, progress: Progress[int] = None):  # type: ignore[no-untyped-def, assignment]
    return a, b, progress


def progress_first(self, progress: Progress, a: int, b: int = 5):  # type: ignore[no-untyped-def, type-arg]
    return a, b, progress


def progress_between(self, a: int, progress: Progress[dict[str, int]], b: int = 5):  # type: ignore[no-untyped-def]
    return a, b, progress


PROGRESSIVE: list[Callable[..., Any]] = [progress_last, progress_first, progress_between]


def described(function: Callable[..., Any]) -> MethodDescriptor:
    """The descriptor of a function, published as ``call``."""
    return MethodDescriptor.of("call", function)


def raw(*arguments: str) -> list[msgspec.Raw]:
    """Arguments as a call has them."""
    return [msgspec.Raw(argument) for argument in arguments]


class MethodDescriptorTests(SynchronousTestCase):
    """What is known of one method."""

    def test_arguments_are_counted_without_the_hub(self) -> None:
        """Those with a default may be left out."""
        cases: list[tuple[Callable[..., Any], list[int]]] = [
            (Calculator.get_total, [0]),
            (Calculator.add_two, [2]),
            (Calculator.repeat, [1, 2, 3]),
            (Calculator.untyped, [1]),
        ]
        for function, counts in cases:
            self.assertEqual(list(described(function).counts), counts)

    def test_signature_is_shown_with_types(self) -> None:
        """As published, with the types as the reference would name them."""

        def complicated(self: Hub, a: list[int], b: int | None, c: Any, d: Decimal = Decimal(0)) -> None: ...
        async def nothing(self: Hub) -> None: ...
        async def number(self: Hub) -> int: ...  # type: ignore[empty-body]
        async def unsaid(self): ...  # type: ignore[no-untyped-def]
        def deferred_nothing(self: Hub) -> Deferred[None]: ...  # type: ignore[empty-body]
        def deferred_number(self: Hub) -> Deferred[int]: ...  # type: ignore[empty-body]
        def some_awaitable(self: Hub) -> Awaitable: ...  # type: ignore[type-arg, empty-body]
        def coroutine(self: Hub) -> Coroutine[Any, Any, int]: ...  # type: ignore[empty-body]

        cases: list[tuple[Callable[..., Any], str]] = [
            (Calculator.get_total, "call():Int32"),
            (Calculator.add_two, "call(a:Int32, b:Decimal):Decimal"),
            (Calculator.repeat, "call(text:String, times:Int32, separator:String):String"),
            (Calculator.untyped, "call(value:Object):Object"),
            (complicated, "call(a:List`1, b:Nullable`1, c:Object, d:Decimal):Void"),
            (nothing, "call():Task"),
            (number, "call():Task`1"),
            (unsaid, "call():Task"),
            (deferred_nothing, "call():Task"),
            (deferred_number, "call():Task`1"),
            (some_awaitable, "call():Task"),
            (coroutine, "call():Task`1"),
        ]
        for function, signature in cases:
            self.assertEqual(described(function).signature, signature)

    def test_parameters_that_have_no_position_are_refused(self) -> None:
        """Clients pass arguments by position, so the hub's author is told what to change."""

        def keyword_only(self: Hub, *, a: int) -> None: ...
        def keyword_with_default(self: Hub, *, b: int = 1) -> None: ...
        def any_number(self: Hub, *c: int) -> None: ...
        def any_keywords(self: Hub, **d: int) -> None: ...

        for function, parameter in (
            (keyword_only, "a"),
            (keyword_with_default, "b"),
            (any_number, "*c"),
            (any_keywords, "**d"),
        ):
            error = self.assertRaises(ConfigurationError, described, function)
            self.assertIn(function.__name__, str(error))
            self.assertIn(parameter, str(error))

    def test_annotations_that_name_nothing_are_refused(self) -> None:
        """A type that is not there when the program runs cannot be converted to; the author is told which method."""

        def needs_import(self: Hub, value: Fraction) -> None: ...

        error = self.assertRaises(ConfigurationError, described, needs_import)
        self.assertIn("needs_import", str(error))

    def test_annotations_that_nothing_can_be_converted_to_are_refused(self) -> None:
        """The author is told which method, and which type."""

        def takes_hub(self: Hub, other: Hub) -> None: ...

        error = self.assertRaises(ConfigurationError, described, takes_hub)
        self.assertIn("takes_hub", str(error))
        self.assertIn("Hub'", str(error))

    def test_progress_is_no_argument(self) -> None:
        """It is not counted, and signatures do not show it."""
        for function in PROGRESSIVE:
            method = described(function)
            self.assertEqual(list(method.counts), [1, 2], function)
            self.assertEqual(method.signature, "call(a:Int32, b:Int32):Object")
            self.assertEqual([parameter.name for parameter in method.parameters], ["a", "b"])
        self.assertIsNone(described(Calculator.get_total).progress)

    def test_progress_is_given_where_it_is_declared(self) -> None:
        """Wherever that is, and whatever is left out."""
        progress = Progress[Any](lambda message: None, "1", CallerState())
        hub = Calculator()
        for function in PROGRESSIVE:
            method = described(function)
            self.assertEqual(method.call(hub, [1], progress), (1, 5, progress))
            self.assertEqual(method.call(hub, [1, 2], progress), (1, 2, progress))
        self.assertEqual(described(Calculator.add_one).call(hub, [1], None), 2)

    def test_progress_that_cannot_be_given_is_refused(self) -> None:
        """There is one for a call, and it has a position and a name."""

        def two(self: Hub, a: Progress[int], b: Progress[str]) -> None: ...
        def keyword(self: Hub, *, progress: Progress[int]) -> None: ...
        def nameless(self: Hub, progress: Progress[int], /) -> None: ...

        for function in (two, keyword, nameless):
            error = self.assertRaises(ConfigurationError, described, function)
            self.assertIn(function.__name__, str(error))
            self.assertIn("one Progress", str(error))

    def test_arguments_are_converted(self) -> None:
        """Each to the type that is declared; any type takes plain JSON."""
        self.assertEqual(described(Calculator.add_two).bind(raw('"1"', "2.50")), [1, Decimal("2.50")])
        self.assertEqual(described(Calculator.untyped).bind(raw('{"a":[1.5]}')), [{"a": [1.5]}])

    def test_arguments_that_are_left_out_keep_their_defaults(self) -> None:
        """Only what was sent is passed."""
        method = described(Calculator.repeat)
        self.assertEqual(method.bind(raw('"x"')), ["x"])
        self.assertEqual(method.bind(raw('"x"', "3", '"-"')), ["x", 3, "-"])

    def test_argument_that_does_not_fit_is_an_error(self) -> None:
        """It says why; nesting too deep to follow is the client's error, too."""
        error = self.assertRaises(ArgumentError, described(Calculator.add_one).bind, raw('"x"'))
        self.assertEqual(str(error), "Cannot convert a string to Int32.")
        deep = "[" * 100_000 + "]" * 100_000
        self.assertRaises(ArgumentError, described(Calculator.untyped).bind, raw(deep))


class HubDescriptorTests(SynchronousTestCase):
    """What is known of one hub."""

    def test_name_is_the_declared_one(self) -> None:
        """Clients see it as it is, in calls and in script."""
        hub = HubDescriptor.of(Calculator)
        self.assertEqual((hub.name, hub.script_name, hub.hub_class), ("calc", "calc", Calculator))

    def test_class_gives_its_name_if_none_is_declared(self) -> None:
        """Script lowers its first letter, calls do not."""
        hub = HubDescriptor.of(BareHub)
        self.assertEqual((hub.name, hub.script_name), ("BareHub", "bareHub"))
        self.assertEqual(hub.method_names, [])

    def test_declared_name_keeps_its_letters_in_script(self) -> None:
        """Only class names are changed."""

        class Shouting(Hub):
            hub_name = "LOUD"

        self.assertEqual(HubDescriptor.of(Shouting).script_name, "LOUD")

    def test_name_has_no_dot(self) -> None:
        """Group names are taken apart at the first one."""

        class Dotted(Hub):
            hub_name = "a.b"

        error = self.assertRaises(ConfigurationError, HubDescriptor.of, Dotted)
        self.assertEqual(str(error), "The hub name 'a.b' is invalid.")

    def test_published_methods_are_those_that_are_marked(self) -> None:
        """Each name once, however many overloads it has."""
        self.assertEqual(sorted(HubDescriptor.of(Calculator).method_names), ["Add", "getTotal", "repeat", "untyped"])

    def test_methods_are_inherited(self) -> None:
        """Also from a class beside the hub; an override is published if it is marked itself."""

        class Mixin:
            @hub_method
            def mixed(self) -> None: ...

        class Derived(Mixin, Calculator):
            def repeat(self, text: str, times: int = 2, separator: str = "") -> str:
                return ""

            @hub_method
            def get_total(self) -> int:
                return 1

        hub = HubDescriptor.of(Derived)
        self.assertEqual(sorted(hub.method_names), ["Add", "getTotal", "mixed", "untyped"])
        self.assertIs(hub.find_method("getTotal", 0).function, Derived.get_total)

    def test_factory_is_kept(self) -> None:
        """Instances are made by whatever was mapped: a class, a partial of one, or any call."""

        class Needy(Hub):
            def __init__(self, first: str, second: str = "") -> None:
                self.given = (first, second)

        for factory in (
            partial(Needy, "a", "b"),
            partial(partial(Needy, "a"), second="b"),
            lambda: Needy("a", "b"),
        ):
            hub = HubDescriptor.of(factory)
            self.assertIs(hub.hub_class, Needy)
            made = hub.create()
            assert isinstance(made, Needy)
            self.assertEqual(made.given, ("a", "b"))

    def test_class_is_not_instantiated_to_be_described(self) -> None:
        """What a hub does when it is made is for calls."""

        class Costly(Hub):
            def __init__(self) -> None:
                raise AssertionError("made")

        HubDescriptor.of(Costly)
        HubDescriptor.of(partial(Costly))

    def test_what_makes_no_hub_is_refused(self) -> None:
        """The error says what to map."""
        for factory in (object, Hub, partial(Hub), partial(dict, a=1), lambda: "hub"):
            error = self.assertRaises(ConfigurationError, HubDescriptor.of, factory)
            self.assertIn("map subclasses of twisted_ticker.signalr.Hub", str(error))


class FindMethodTests(SynchronousTestCase):
    """Which method a call means."""

    def setUp(self) -> None:
        self.hub = HubDescriptor.of(Calculator)

    def assertNotFound(self, name: str, count: int, text: str) -> None:
        """The call means no method, and is told so in these words."""
        error = self.assertRaises(MethodNotFound, self.hub.find_method, name, count)
        self.assertEqual(str(error), f"'{name}' method could not be resolved. {text}")

    def test_names_are_found_in_any_letter_case(self) -> None:
        """As the reference finds them."""
        for name in ("getTotal", "GetTotal", "GETTOTAL", "gettotal"):
            self.assertEqual(self.hub.find_method(name, 0).function, Calculator.get_total)

    def test_overload_is_chosen_by_the_number_of_arguments(self) -> None:
        """Types do not matter."""
        self.assertEqual(self.hub.find_method("add", 1).function, Calculator.add_one)
        self.assertEqual(self.hub.find_method("add", 2).function, Calculator.add_two)

    def test_arguments_with_defaults_may_be_left_out(self) -> None:
        """Every number of arguments that the method takes finds it."""
        for count in (1, 2, 3):
            self.assertEqual(self.hub.find_method("repeat", count).function, Calculator.repeat)

    def test_unknown_name_is_not_found(self) -> None:
        """The names that Python knows are none: only published ones count."""
        for name in ("NoSuch", "get_total", "add_one", "not_published", "on_connected", "__init__", ""):
            self.assertNotFound(name, 0, "No method found with that name.")

    def test_wrong_number_of_arguments_is_not_found(self) -> None:
        """All overloads are told to whoever got the letter case right, and to nobody else."""
        both = "Potential candidates are: \nAdd(a:Int32):Int32\nAdd(a:Int32, b:Decimal):Decimal"
        self.assertNotFound("Add", 0, both)
        self.assertNotFound("Add", 3, both)
        self.assertNotFound("add", 3, "No method found with that name.")
        repeat = "Potential candidates are: \nrepeat(text:String, times:Int32, separator:String):String"
        self.assertNotFound("repeat", 0, repeat)
        self.assertNotFound("repeat", 4, repeat)

    def test_overloads_differ_in_the_number_of_arguments(self) -> None:
        """Two that take the same number are refused, whatever their letter case or defaults."""

        class Same(Hub):
            @hub_method(name="send")
            def one(self, a: int) -> None: ...

            @hub_method(name="Send")
            def other(self, b: str) -> None: ...

        class Overlapping(Hub):
            @hub_method(name="send")
            def one(self, a: int) -> None: ...

            @hub_method(name="send")
            def other(self, a: int = 1, b: int = 2) -> None: ...

        for hub_class in (Same, Overlapping):
            error = self.assertRaises(ConfigurationError, HubDescriptor.of, hub_class)
            self.assertRegex(
                str(error), r"^The hub '\w+' has two methods '[sS]end' for the same number of arguments\.$"
            )


@authorize(users=["ann"])
class GuardedBase(Hub):
    """Has rules on the class and on methods."""

    @hub_method
    def plain(self) -> None: ...

    @authorize(roles=["admin"])
    @hub_method
    def guarded(self) -> None: ...


@authorize(require_outgoing=False)
class GuardedDerived(GuardedBase):
    """Adds rules."""

    @hub_method
    @authorize
    def guarded(self) -> None: ...


class AuthorizationTests(SynchronousTestCase):
    """Which rules hold for whom."""

    def test_rules_of_a_class_hold_for_its_methods(self) -> None:
        """Beside their own ones."""
        hub = HubDescriptor.of(GuardedBase)
        of_class, admins = Authorization(users=frozenset({"ann"})), Authorization(roles=frozenset({"admin"}))
        self.assertEqual(hub.authorizations, (of_class,))
        self.assertEqual(hub.find_method("plain", 0).authorizations, (of_class,))
        self.assertEqual(hub.find_method("guarded", 0).authorizations, (of_class, admins))

    def test_rules_are_inherited(self) -> None:
        """By subclasses, and by methods that override others: nobody opens a door by accident."""
        hub = HubDescriptor.of(GuardedDerived)
        invoking = Authorization(require_outgoing=False)
        of_class, admins = Authorization(users=frozenset({"ann"})), Authorization(roles=frozenset({"admin"}))
        self.assertEqual(hub.authorizations, (invoking, of_class))
        self.assertEqual(hub.find_method("guarded", 0).authorizations, (invoking, of_class, Authorization(), admins))

    def test_hub_without_rules_has_none(self) -> None:
        """Everybody may use it."""
        hub = HubDescriptor.of(Calculator)
        self.assertEqual((hub.authorizations, hub.find_method("getTotal", 0).authorizations), ((), ()))

    def test_methods_say_nothing_about_listening(self) -> None:
        """Asking for it there would look as if it did something."""
        for require_outgoing in (True, False):

            class Confused(Hub):
                @hub_method
                @authorize(require_outgoing=require_outgoing)
                def send(self) -> None: ...

            error = self.assertRaises(ConfigurationError, HubDescriptor.of, Confused)
            self.assertIn("Confused.send is marked with require_outgoing", str(error))

    def test_what_cannot_be_called_needs_no_rules(self) -> None:
        """Whoever marks an event believes something that does not hold."""

        class Mistaken(Hub):
            @authorize
            def on_connected(self) -> None: ...

        error = self.assertRaises(ConfigurationError, HubDescriptor.of, Mistaken)
        self.assertIn("Mistaken.on_connected is kept from callers by authorize, but is no hub_method", str(error))
