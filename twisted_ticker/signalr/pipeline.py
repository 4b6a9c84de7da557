"""
The hub pipeline: modules that see every call, message and event of all hubs of a server, and may step in.

Modules lie around each other, the first that was added outermost. Without any, nothing of this is passed through.

Source: SignalR 2.4, ``Hubs/Pipeline/HubPipelineModule.cs``, ``HubPipeline.cs``, ``AuthorizeModule.cs``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .authorization import AUTHENTICATED
from .errors import ConfigurationError

if TYPE_CHECKING:
    from .descriptors import HubDescriptor, MethodDescriptor
    from .hub import Hub
    from .requests import Request, User

__all__ = ["ErrorContext", "HubPipeline", "HubPipelineModule", "IncomingInvocation", "OutgoingInvocation"]


@dataclass(slots=True)
class IncomingInvocation:
    """
    A client's call of a hub's method.

    Attributes:
        hub: the hub object, with its context and state.
        method: what is called.
        arguments: converted to what the method declares; a module may change them.
    """

    hub: Hub[Any]
    method: MethodDescriptor
    arguments: list[Any]


@dataclass(slots=True)
class OutgoingInvocation:
    """
    A call of clients' methods.

    Attributes:
        hub: declared name of the hub.
        method: the method's name.
        arguments: a module may replace them.
        topics: who is addressed, as signals: ``h-Chat``, ``hg-Chat.room``…
        excluded: connection ids of those who are not, although they listen.
    """

    hub: str
    method: str
    arguments: tuple[Any, ...]
    topics: Collection[str]
    excluded: Collection[str]


class ErrorContext:
    """
    What a failed call ends with: a module may replace the error, or set a result instead.

    Args:
        error: the failure.
    """

    def __init__(self, error: BaseException) -> None:
        self.error: BaseException | None = error
        self._result: Any = None

    @property
    def result(self) -> Any:
        """The result; setting one takes the error away."""
        return self._result

    @result.setter
    def result(self, result: Any) -> None:
        self._result = result
        self.error = None


class HubPipelineModule:
    """
    Base of all modules; override what you need.

    All methods but those for outgoing calls and for requests may be coroutines, or return a Deferred. One that is
    called before something keeps it from happening by returning ``False``: a call from a client then ends with null,
    a message is not sent, an event does not reach the hub, a hub is refused. ``None`` lets it happen.
    """

    def before_incoming(self, invocation: IncomingInvocation) -> bool | Awaitable[bool | None] | None:
        """A client calls a method."""
        return True

    def after_incoming(self, invocation: IncomingInvocation, result: Any) -> Any:
        """A method has ended; what this returns is its result."""
        return result

    def on_incoming_error(self, error_context: ErrorContext, invocation: IncomingInvocation) -> object:
        """A method, or a module further in, has failed."""

    def before_outgoing(self, invocation: OutgoingInvocation) -> bool | None:
        """Clients are called."""
        return True

    def after_outgoing(self, invocation: OutgoingInvocation) -> None:
        """Clients have been called."""

    def before_connect(self, hub: Hub[Any]) -> bool | Awaitable[bool | None] | None:
        """A client connects; called for each of its hubs."""
        return True

    def after_connect(self, hub: Hub[Any]) -> object:
        """The hub has been told of a client that has connected."""

    def before_reconnect(self, hub: Hub[Any], *, missed: bool) -> bool | Awaitable[bool | None] | None:
        """A client is back."""
        return True

    def after_reconnect(self, hub: Hub[Any], *, missed: bool) -> object:
        """The hub has been told of a client that is back."""

    def before_disconnect(self, hub: Hub[Any], *, stop_called: bool) -> bool | Awaitable[bool | None] | None:
        """A client is gone."""
        return True

    def after_disconnect(self, hub: Hub[Any], *, stop_called: bool) -> object:
        """The hub has been told of a client that is gone."""

    def before_authorize_connect(self, hub: HubDescriptor, request: Request) -> bool | None:
        """Somebody wants to listen to a hub; called with each request, before the hub's own rules are."""
        return True

    def rejoining_groups(self, hub: HubDescriptor, request: Request, groups: Sequence[str]) -> Sequence[str]:
        """A client that this server does not know claims to be in groups; which of them it may have again."""
        return groups


class HubPipeline:
    """
    A server's modules, and rules for all of its hubs.

    They are settled when the pipeline is used for the first time.

    Attributes:
        authentication_required: whether only users whom the server knows may use hubs.
    """

    def __init__(self) -> None:
        self._added: list[HubPipelineModule] = []
        self.authentication_required = False

    def add(self, module: HubPipelineModule) -> None:
        """
        Put a module inside of those that are there.

        Raises:
            ConfigurationError: the pipeline has been used.
        """
        self._check_unused()
        self._added.append(module)

    def require_authentication(self) -> None:
        """
        Let only users whom the server knows listen to hubs and call them.

        Raises:
            ConfigurationError: the pipeline has been used.
        """
        self._check_unused()
        self.authentication_required = True

    def _check_unused(self) -> None:
        if "modules" in vars(self):
            raise ConfigurationError("Unable to add module. The HubPipeline has already been invoked.")

    @cached_property
    def modules(self) -> tuple[HubPipelineModule, ...]:
        """The modules, outermost first. Asking for them counts as using the pipeline."""
        return tuple(self._added)

    # Who may

    def admits_to(self, hub: HubDescriptor, user: User | None, request: Request) -> bool:
        """Whether somebody may listen to a hub."""
        if any(module.before_authorize_connect(hub, request) is False for module in self.modules):
            return False
        if self.authentication_required and not AUTHENTICATED.admits(user):
            return False
        return all(rule.admits(user) for rule in hub.authorizations if rule.require_outgoing is not False)

    def admits_call_of(self, method: MethodDescriptor, user: User | None) -> bool:
        """Whether somebody may call a method."""
        if self.authentication_required and not AUTHENTICATED.admits(user):
            return False
        return all(rule.admits(user) for rule in method.authorizations)

    # What passes through

    async def incoming(self, invocation: IncomingInvocation, call: Callable[[], Any]) -> Any:
        """Have *call* carry out a call from a client, unless a module keeps it from that."""
        return await _incoming(self.modules, invocation, call)

    def outgoing(self, invocation: OutgoingInvocation, send: Callable[[], None]) -> None:
        """Have *send* send a call of clients, unless a module keeps it from that."""
        _outgoing(self.modules, invocation, send)

    def connect(self, hub: Hub[Any]) -> Any:
        """Tell a hub that a client has connected."""
        return self._raise(hub.on_connected, "connect", hub)

    def reconnect(self, hub: Hub[Any], *, missed: bool) -> Any:
        """Tell a hub that a client is back."""
        return self._raise(hub.on_reconnected, "reconnect", hub, missed=missed)

    def disconnect(self, hub: Hub[Any], *, stop_called: bool) -> Any:
        """Tell a hub that a client is gone."""
        return self._raise(hub.on_disconnected, "disconnect", hub, stop_called=stop_called)

    def _raise(self, event: Callable[..., Any], name: str, hub: Hub[Any], **arguments: bool) -> Any:
        if not self.modules:
            return event(**arguments)
        return _event(self.modules, event, name, hub, arguments)

    def rejoining_groups(self, hub: HubDescriptor, request: Request, groups: Sequence[str]) -> Sequence[str]:
        """Which of a hub's groups a client may have again; names are those that the application uses."""
        for module in reversed(self.modules):
            groups = module.rejoining_groups(hub, request, groups)
        return groups


async def _incoming(
    modules: Sequence[HubPipelineModule], invocation: IncomingInvocation, call: Callable[[], Any]
) -> Any:
    if not modules:
        return await _settled(call())
    module, *inner = modules
    if await _settled(module.before_incoming(invocation)) is False:
        return None
    try:
        return await _settled(module.after_incoming(invocation, await _incoming(inner, invocation, call)))
    except (Exception, asyncio.CancelledError) as error:
        context = ErrorContext(error)
        await _settled(module.on_incoming_error(context, invocation))
        if context.error is None:
            return context.result
        if context.error is error:
            raise
        raise context.error from error


def _outgoing(modules: Sequence[HubPipelineModule], invocation: OutgoingInvocation, send: Callable[[], None]) -> None:
    if not modules:
        send()
        return
    module, *inner = modules
    if module.before_outgoing(invocation) is not False:
        _outgoing(inner, invocation, send)
        module.after_outgoing(invocation)


async def _event(
    modules: Sequence[HubPipelineModule],
    event: Callable[..., Any],
    name: str,
    hub: Hub[Any],
    arguments: dict[str, bool],
) -> None:
    if not modules:
        await _settled(event(**arguments))
        return
    module, *inner = modules
    if await _settled(getattr(module, f"before_{name}")(hub, **arguments)) is not False:
        await _event(inner, event, name, hub, arguments)
        await _settled(getattr(module, f"after_{name}")(hub, **arguments))


async def _settled(value: Any) -> Any:
    """The outcome of what may be an awaitable."""
    return await value if isinstance(value, Awaitable) else value
