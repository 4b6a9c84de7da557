"""Tests for `twisted_ticker.signalr.typed_clients`; what type checkers make of it is in `typed_hubs`."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.signalr import typed_hubs
from twisted_ticker.signalr.descriptors import HubDescriptor
from twisted_ticker.signalr.errors import ConfigurationError
from twisted_ticker.signalr.hub import Hub
from twisted_ticker.signalr.typed_clients import check_client_types

if TYPE_CHECKING:
    from fractions import Fraction

T = TypeVar("T")


class Talker(Protocol):
    """Has all forms of methods that there are."""

    def nothing(self) -> None: ...
    def unsaid(self, text): ...  # type: ignore[no-untyped-def]
    def anything(self) -> Any: ...
    def awaitable(self, text: str, /, *more: int) -> Awaitable[None]: ...
    def deferred(self, number: int = 1) -> Deferred[None]: ...
    async def coroutine(self) -> None: ...


class Derived(Talker, Protocol):
    """Has more of them."""

    def more(self) -> None: ...


class NoProtocol:
    """A class like any other."""


class WithAttribute(Protocol):
    """Has a member that cannot be called."""

    name: str


class WithValue(Protocol):
    """Has one with a value."""

    name = "x"


class WithProperty(Protocol):
    """Has one that only looks like a method."""

    @property
    def name(self) -> str: ...


class WithKeyword(Protocol):
    """Takes what cannot be sent."""

    def said(self, *, text: str) -> None: ...


class WithKeywords(Protocol):
    """Takes what cannot be sent."""

    def said(self, **texts: str) -> None: ...


class WithResult(Protocol):
    """Promises what never comes."""

    def said(self) -> int: ...


class WithUnknown(Protocol):
    """Has an annotation that names nothing."""

    def said(self) -> Fraction: ...


class Worse(WithAttribute, Talker, Protocol):
    """Inherits the mistake."""


WRONG: list[tuple[Any, str]] = [
    (NoProtocol, "declare them by a typing.Protocol"),
    (int, "declare them by a typing.Protocol"),
    (WithAttribute, "WithAttribute.name is no method: clients have methods only."),
    (WithValue, "WithValue.name is no method: clients have methods only."),
    (WithProperty, "WithProperty.name is no method: clients have methods only."),
    (WithKeyword, "WithKeyword.said takes text: 'str': clients are called with arguments by position."),
    (WithKeywords, "WithKeywords.said takes **texts: 'str': clients are called with arguments by position."),
    (WithResult, "WithResult.said returns something: calls of clients return nothing."),
    (WithUnknown, "said has an annotation that cannot be resolved"),
    (Worse, "WithAttribute.name is no method: clients have methods only."),
]


class CheckTests(SynchronousTestCase):
    """Tests for `check_client_types`."""

    def test_protocols_of_methods_are_fine(self) -> None:
        """So are hubs that say nothing about their clients."""

        class Base(Hub[T], Generic[T]):
            """Leaves it to others."""

        class OfBase(Base[Talker]):
            """Is one of the others."""

        class OfDerived(Hub[Derived]):
            """Has a protocol with a base."""

        class OfAnything(Hub[Any]):
            """Says that it says nothing."""

        class Silent(Hub):
            """Does not even say that."""

        for hub_class in (Base, OfBase, OfDerived, OfAnything, Silent, typed_hubs.ChatHub, typed_hubs.TickerHub):
            check_client_types(hub_class)

    def test_what_calls_cannot_keep_is_refused(self) -> None:
        """When the hub is mapped; the error says what to change."""
        for client_type, reason in WRONG:

            class Wrong(Hub[client_type]):  # type: ignore[valid-type]
                """Promises too much."""

            class Subclass(Wrong):
                """Inherits it."""

            for hub_class in (Wrong, Subclass):
                error = self.assertRaises(ConfigurationError, HubDescriptor.of, hub_class)
                self.assertIn(reason, str(error))
