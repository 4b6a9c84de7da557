"""
Typed clients: the Protocol by which a hub may declare what its clients can be called with.

It is for type checkers; calls do not look at it. So it is checked once, when the hub is mapped, to promise nothing
that a call of a client cannot keep.

Source: SignalR 2.4, ``Hubs/TypedClientBuilder.cs``.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Hashable
from typing import Any, Protocol, Self, TypeVar, get_args, get_origin

from .audiences import Audience
from .errors import ConfigurationError
from .type_names import hints_of

__all__ = ["Conflatable", "check_client_types"]

#: What Python itself puts into a Protocol's namespace.
_OF_PYTHON = frozenset(vars(type("_Empty", (Protocol,), {}))) | {"__annotations__", "__slots__"}


class Conflatable(Protocol):
    """
    Base for the Protocol of a hub's clients, where the hub conflates calls; see :meth:`.audiences.Audience.conflate`.
    """

    def conflate(self, key: Hashable, /) -> Self:
        """The same clients, for calls of which each replaces the one before of the same *key*."""


def check_client_types(hub_class: type) -> None:
    """
    Check what a hub class gives as the type of its clients, if it does.

    Raises:
        ConfigurationError: that is no Protocol, or one that has anything but methods that are called with arguments
            by position and return nothing, or an awaitable.
    """
    for base in hub_class.__mro__:
        for declared in getattr(base, "__orig_bases__", ()) if "__orig_bases__" in vars(base) else ():
            if getattr(get_origin(declared), "__module__", None) == f"{__package__}.hub":
                _check(hub_class, get_args(declared)[0])


def _check(hub_class: type, client_type: Any) -> None:
    if client_type in (Any, Audience) or isinstance(client_type, TypeVar):
        return
    if not getattr(client_type, "_is_protocol", False):
        raise ConfigurationError(
            f"The clients of {hub_class.__name__} are of type {client_type!r}: declare them by a typing.Protocol."
        )
    for base in client_type.__mro__:
        if getattr(base, "_is_protocol", False) and base not in (Protocol, Conflatable):
            _check_members(base)


def _check_members(protocol: type) -> None:
    for name in (vars(protocol).keys() | vars(protocol).get("__annotations__", {}).keys()) - _OF_PYTHON:
        method = vars(protocol).get(name)
        if not inspect.isfunction(method):
            raise ConfigurationError(f"{protocol.__name__}.{name} is no method: clients have methods only.")
        for parameter in inspect.signature(method).parameters.values():
            if parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD):
                raise ConfigurationError(
                    f"{protocol.__name__}.{name} takes {parameter}: clients are called with arguments by position."
                )
        returned = hints_of(method).get("return", Any)
        kind = get_origin(returned) or returned
        if kind not in (Any, type(None)) and not (isinstance(kind, type) and issubclass(kind, Awaitable)):
            raise ConfigurationError(f"{protocol.__name__}.{name} returns something: calls of clients return nothing.")
