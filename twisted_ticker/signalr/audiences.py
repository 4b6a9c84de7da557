"""
Whom a hub can address: ``clients`` and ``groups``.

An audience turns any attribute into a call of the client's method of that name. Names go out exactly as written, so
an audience has only one public name of its own that could hide one: ``conflate``.

To type checkers, an audience is of the type that its hub declares for its clients, see :class:`.hub.Hub`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from typing import TYPE_CHECKING, Any, Generic, Protocol

from twisted.internet.defer import Deferred, execute

from . import serialization
from .bus import MessageBus
from .pipeline import HubPipeline, OutgoingInvocation
from .protocol.messages import encode_client_call
from .signals import group_name, group_topic, hub_connection_topic, hub_topic, hub_user_topic
from .state import CallerState

__all__ = ["Audience", "CallerClients", "ClientType", "Clients", "Groups", "IGroupMembers"]


class IGroupMembers(Protocol):
    """Who can be put into a group: connections known to this server, by id."""

    def add_to_group(self, connection_id: str, name: str) -> None:
        """Make a connection a member; *name* as by :func:`.signals.group_name`."""

    def remove_from_group(self, connection_id: str, name: str) -> None:
        """Make a connection no member any more."""


class Audience:
    """
    Some clients of one hub: ``audience.updateStockPrice(stock)`` calls that method on each of them.

    Such a call returns an awaitable that is done when the message has been published, which says nothing about its
    arrival. Values that JSON cannot express make it fail; a failure that nobody awaits is logged.
    """

    __slots__ = ("_bus", "_conflation_key", "_excluded", "_hub", "_keys", "_pipeline", "_state")

    def __init__(
        self,
        bus: MessageBus,
        hub: str,
        keys: Collection[str],
        *,
        excluded: Collection[str] = (),
        state: CallerState | None = None,
        pipeline: HubPipeline | None = None,
        conflation_key: Hashable | None = None,
    ) -> None:
        self._bus = bus
        self._hub = hub
        self._conflation_key = conflation_key
        self._keys = keys
        self._excluded = excluded
        self._state = state
        self._pipeline = pipeline

    def conflate(self, key: Hashable) -> Audience:
        """
        The same clients, for calls of which each replaces the one before.

        A client that keeps up gets all of them. One that is behind, because it is slow or has been away, gets only the
        newest call of each method and *key*: ``clients.all.conflate(stock.symbol).updateStockPrice(stock)``.

        Args:
            key: what the calls are about; not ``None``.

        Raises:
            ValueError: there is no key.
            TypeError: it cannot be told whether two such keys are the same, because they are not hashable.
        """
        if key is None:
            raise ValueError("Argument cannot be null or empty")
        # Now, and not when some client catches up.
        hash(key)
        return Audience(
            self._bus,
            self._hub,
            self._keys,
            excluded=self._excluded,
            state=self._state,
            pipeline=self._pipeline,
            conflation_key=key,
        )

    def __getattr__(self, method: str) -> Callable[..., Deferred[None]]:
        if method.startswith("__"):
            # Python asks objects for such names by itself (copying, pickling, awaiting).
            raise AttributeError(method)
        return lambda *arguments: execute(_call, self, method, arguments)


def _call(audience: Audience, method: str, arguments: tuple[Any, ...]) -> None:
    pipeline = audience._pipeline
    if pipeline is None or not pipeline.modules:
        _publish(audience, method, arguments, audience._keys, audience._excluded)
        return
    call = OutgoingInvocation(audience._hub, method, arguments, audience._keys, audience._excluded)
    pipeline.outgoing(call, lambda: _publish(audience, call.method, call.arguments, call.topics, call.excluded))


def _publish(
    audience: Audience, method: str, arguments: tuple[Any, ...], keys: Collection[str], excluded: Collection[str]
) -> None:
    encoded = serialization.encode(arguments)
    # Taken last, so that a call that cannot be made does not lose it.
    state = None if audience._state is None else audience._state.changes()
    message = encode_client_call(audience._hub, method, encoded, state)
    subject = audience._conflation_key
    conflation_key = None if subject is None else (audience._hub, method, subject)
    for key in keys:
        audience._bus.publish(key, message, excluded, conflation_key=conflation_key)


if TYPE_CHECKING:
    from typing_extensions import TypeVar

    #: What a hub's clients can be called with: a Protocol, or anything.
    ClientType = TypeVar("ClientType", default=Audience)
else:
    from typing import TypeVar

    ClientType = TypeVar("ClientType")


class Clients(Generic[ClientType]):
    """
    The audiences of a hub that anybody can address, also from outside of hub methods.

    Args:
        bus: where messages go.
        hub: the hub's declared name.
        pipeline: what messages pass through, if anything.
    """

    def __init__(self, bus: MessageBus, hub: str, pipeline: HubPipeline | None = None) -> None:
        self._bus = bus
        self._hub = hub
        self._pipeline = pipeline

    def _audience(
        self, keys: Iterable[str], excluded: Collection[str] = (), *, state: CallerState | None = None
    ) -> ClientType:
        audience = Audience(self._bus, self._hub, tuple(keys), excluded=excluded, state=state, pipeline=self._pipeline)
        # Type checkers are told what its hub has declared, which an audience does whatever it is.
        return audience  # type: ignore[return-value]

    @property
    def all(self) -> ClientType:
        """Everybody who listens to the hub."""
        return self._audience([hub_topic(self._hub)])

    def all_except(self, *connection_ids: str) -> ClientType:
        """Everybody but those connections."""
        return self._audience([hub_topic(self._hub)], connection_ids)

    def client(self, connection_id: str) -> ClientType:
        """One connection; nothing happens when there is none of that id."""
        return self.clients([connection_id])

    def clients(self, connection_ids: Iterable[str]) -> ClientType:
        """Some connections."""
        return self._audience(hub_connection_topic(self._hub, _name(id)) for id in connection_ids)

    def group(self, name: str, *except_ids: str) -> ClientType:
        """The members of a group, but for those connections; the sender need not be one."""
        return self.groups([name], *except_ids)

    def groups(self, names: Iterable[str], *except_ids: str) -> ClientType:
        """The members of some groups; who is in two of them gets the message twice."""
        keys = [group_topic(group_name(self._hub, _name(name))) for name in names]
        return self._audience(keys, except_ids)

    def user(self, name: str) -> ClientType:
        """All connections of a user."""
        return self.users([name])

    def users(self, names: Iterable[str]) -> ClientType:
        """All connections of some users."""
        return self._audience(hub_user_topic(self._hub, _name(name)) for name in names)


class CallerClients(Clients[ClientType]):
    """
    What a hub method addresses: :class:`Clients`, and those that are named by who is calling.

    Args:
        connection_id: the caller's.
        state: the caller's state; changes ride on calls to the caller.
    """

    def __init__(
        self,
        bus: MessageBus,
        hub: str,
        connection_id: str,
        state: CallerState | None,
        pipeline: HubPipeline | None = None,
    ) -> None:
        super().__init__(bus, hub, pipeline)
        self._connection_id = connection_id
        self._state = state

    @property
    def caller(self) -> ClientType:
        """The connection that is calling."""
        return self._audience([hub_connection_topic(self._hub, self._connection_id)], state=self._state)

    @property
    def others(self) -> ClientType:
        """Everybody but the caller."""
        return self.all_except(self._connection_id)

    def others_in_group(self, name: str) -> ClientType:
        """The members of a group, but for the caller."""
        return self.group(name, self._connection_id)

    def others_in_groups(self, names: Iterable[str]) -> ClientType:
        """The members of some groups, but for the caller; see :meth:`groups`."""
        return self.groups(names, self._connection_id)


class Groups:
    """
    Membership in a hub's groups. Group names are case-sensitive; a group is there as soon as somebody is in it.

    Args:
        members: who can be put into groups.
        hub: the hub's declared name.
    """

    def __init__(self, members: IGroupMembers, hub: str) -> None:
        self._members = members
        self._hub = hub

    def add(self, connection_id: str, group: str) -> Deferred[None]:
        """Make a connection a member; effective when the awaitable is done, which fails for an unknown connection."""
        return execute(self._change, self._members.add_to_group, connection_id, group)

    def remove(self, connection_id: str, group: str) -> Deferred[None]:
        """Make a connection no member any more; see :meth:`add`."""
        return execute(self._change, self._members.remove_from_group, connection_id, group)

    def _change(self, change: Callable[[str, str], None], connection_id: str, group: str) -> None:
        change(_name(connection_id), group_name(self._hub, _name(group)))


def _name(text: str) -> str:
    if not text:
        raise ValueError("Argument cannot be null or empty")
    return text
