"""
What hub authors write: :class:`Hub`, with methods marked by :func:`hub_method`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from .audiences import CallerClients, ClientType, Groups
from .requests import Request, User
from .state import CallerState

__all__ = ["Hub", "HubCallerContext", "hub_method", "published_name"]

F = TypeVar("F", bound=Callable[..., Any])

_NAME_ATTRIBUTE = "_signalr_published_name"


@dataclass(frozen=True, slots=True)
class HubCallerContext:
    """
    Who is calling a hub, and how.

    Attributes:
        connection_id: the caller's connection.
        user: who that is; ``None`` for nobody known.
        request: the request that carries the call; over WebSocket, the one that opened it.
        transport: wire name of the transport in use.
    """

    connection_id: str
    user: User | None
    request: Request
    transport: str


@overload
def hub_method(function: F, /) -> F: ...
@overload
def hub_method(*, name: str) -> Callable[[F], F]: ...
def hub_method(function: F | None = None, /, *, name: str | None = None) -> Any:
    """
    Mark a hub's method as callable by clients. Nothing else is.

    Clients may write its name in any letter case; one written ``get_all_stocks`` is published as ``getAllStocks``.

    Args:
        name: publish it under this name, and no other.
    """

    def mark(marked: F) -> F:
        setattr(marked, _NAME_ATTRIBUTE, name or _camel_case_from_snake_case(marked.__name__))
        return marked

    return mark if function is None else mark(function)


def published_name(function: object) -> str | None:
    """The name under which clients can call a method; ``None`` when they cannot."""
    return getattr(function, _NAME_ATTRIBUTE, None)


def _camel_case_from_snake_case(name: str) -> str:
    first, *rest = name.strip("_").split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


class _SetByLibrary:
    """Stands for what the library gives to the hubs that it makes, in those that others make."""

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            return self
        raise RuntimeError("Using a Hub instance not created by the HubPipeline is unsupported.")


_SET_BY_LIBRARY: Any = _SetByLibrary()


class Hub(Generic[ClientType]):
    """
    Base of all hubs. An instance lives for one call or event, so keep nothing in it.

    Type checkers know what can be called at clients, if the hub declares it by a Protocol that has methods only::

        class ChatClient(Protocol):
            def said(self, user: str, text: str) -> Awaitable[None]: ...

        class ChatHub(Hub[ChatClient]): ...

    Attributes:
        hub_name: the name that clients use, in any letter case; the class's name when not given.
        clients: whom to call back.
        groups: membership in groups.
        context: who is calling.
        state: the caller's state; empty in events.
    """

    hub_name: str = ""

    clients: CallerClients[ClientType] = _SET_BY_LIBRARY
    groups: Groups = _SET_BY_LIBRARY
    context: HubCallerContext = _SET_BY_LIBRARY
    state: CallerState = _SET_BY_LIBRARY

    def on_connected(self) -> Awaitable[None] | None:
        """A client has connected. If this fails, it has not."""

    def on_reconnected(self, *, missed: bool) -> Awaitable[None] | None:
        """
        A client is back after its transport broke.

        Args:
            missed: whether messages were lost meanwhile; when not, it gets all of them.
        """

    def on_gap(self) -> Awaitable[None] | None:
        """A connected client was so slow that messages meant for it are no longer kept."""

    def on_groups_lost(self, groups: Sequence[str]) -> Awaitable[None] | None:
        """
        A client is back, and its groups token is good no more: it is too old, or was revoked. The client is in none
        of its groups; put it into those that it belongs to.

        Args:
            groups: those that the token names, of this hub.
        """

    def on_disconnected(self, *, stop_called: bool) -> Awaitable[None] | None:
        """
        A client is gone. Calls to it go nowhere.

        Args:
            stop_called: whether it said so; when not, it has not been heard of for the disconnect timeout.
        """
