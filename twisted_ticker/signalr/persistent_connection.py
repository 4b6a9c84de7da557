"""
What authors of raw connections write: :class:`PersistentConnection`, texts in and JSON values out, without hubs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, execute

from . import serialization
from .audiences import Groups, IGroupMembers
from .bus import MessageBus
from .factories import class_made_by
from .hub import HubCallerContext
from .requests import Request
from .signals import connection_group_topic, connection_topic, group_name, own_topic

__all__ = [
    "ConnectionContext",
    "ConnectionDescriptor",
    "ConnectionFactory",
    "ConnectionGroups",
    "PersistentConnection",
    "Recipients",
]


class Recipients:
    """
    Sending to the connections of one class, on whatever paths they are.

    What is sent is any value that JSON can express. Each method returns an awaitable that is done when the message
    has been published, which says nothing about its arrival; a failure that nobody awaits is logged.

    Args:
        bus: where messages go.
        name: the class's, see :class:`ConnectionDescriptor`.
    """

    def __init__(self, bus: MessageBus, name: str) -> None:
        self._bus = bus
        self._name = name

    def send(self, connection_ids: str | Iterable[str], value: Any) -> Deferred[None]:
        """Send to one connection, or to some; nothing happens for an id that there is not."""
        return execute(self._send, connection_ids, value)

    def _send(self, connection_ids: str | Iterable[str], value: Any) -> None:
        _publish(self._bus, [own_topic(each) for each in _names(connection_ids)], value)

    def broadcast(self, value: Any, *except_ids: str) -> Deferred[None]:
        """Send to everybody but some."""
        return execute(_publish, self._bus, [connection_topic(self._name)], value, except_ids)


class ConnectionGroups(Groups):
    """
    Groups of the connections of one class. Their names are case-sensitive; a group is there as soon as somebody is in
    it.

    Args:
        members: who can be put into groups.
        bus: where messages go.
        name: the class's, see :class:`ConnectionDescriptor`.
    """

    def __init__(self, members: IGroupMembers, bus: MessageBus, name: str) -> None:
        super().__init__(members, name)
        self._bus = bus
        self._name = name

    def send(self, names: str | Iterable[str], value: Any, *except_ids: str) -> Deferred[None]:
        """Send to the members of a group, or of some, but for those connections; see :class:`Recipients`."""
        return execute(self._send, names, value, except_ids)

    def _send(self, names: str | Iterable[str], value: Any, except_ids: Sequence[str]) -> None:
        topics = [connection_group_topic(group_name(self._name, each)) for each in _names(names)]
        _publish(self._bus, topics, value, except_ids)


def _names(names: str | Iterable[str]) -> list[str]:
    each = [names] if isinstance(names, str) else list(names)
    if not all(each):
        raise ValueError("Argument cannot be null or empty")
    return each


def _publish(bus: MessageBus, topics: Iterable[str], value: Any, excluded: Sequence[str] = ()) -> None:
    message = serialization.encode(value)
    for topic in topics:
        bus.publish(topic, message, excluded)


class ConnectionContext:
    """
    Sending to the connections of one class from outside of their methods.

    Attributes:
        connection: to everybody, or by connection id.
        groups: to groups, and membership in them.
    """

    def __init__(self, connection: Recipients, groups: ConnectionGroups) -> None:
        self.connection = connection
        self.groups = groups


class PersistentConnection:
    """
    Base of all raw connections. An instance lives for one request or event, so keep nothing in it.

    Attributes:
        context: who is there. In :meth:`authorize_request` it has no connection id and no transport.
        connection: sending to everybody, or by connection id.
        groups: sending to groups, and membership in them.
    """

    context: HubCallerContext
    connection: Recipients
    groups: ConnectionGroups

    def authorize_request(self, request: Request) -> bool:
        """
        Whether a request is served; asked before anything else is done with it, also for those that negotiate or
        only ask whether the server is there. Whoever is refused gets 401, or 403 if it is known who he is.
        """
        return True

    def on_connected(self) -> Awaitable[None] | None:
        """A client has connected. If this fails, it has not."""

    def on_received(self, data: str) -> Awaitable[None] | None:
        """A client has sent a text. It learns of a failure only if it sent it in a request of its own."""

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
            groups: those that the token names, of this class.
        """

    def on_disconnected(self, *, stop_called: bool) -> Awaitable[None] | None:
        """
        A client is gone. What is sent to it goes nowhere.

        Args:
            stop_called: whether it said so; when not, it has not been heard of for the disconnect timeout.
        """

    def on_rejoining_groups(self, groups: Sequence[str]) -> Sequence[str]:
        """
        Which groups a client is in that this server does not know (any more), and that was in *groups*, at least one.

        Those that are in the answer only, it joins now.
        """
        return groups


#: A class of connections, or a call without arguments that makes an instance.
ConnectionFactory = Callable[[], PersistentConnection]


@dataclass(frozen=True, slots=True)
class ConnectionDescriptor:
    """
    One mapped class of connections.

    Attributes:
        name: the class's; a server has one class of that name only.
        connection_class: the class.
        create: makes an instance.
    """

    name: str
    connection_class: type[PersistentConnection]
    create: ConnectionFactory

    @classmethod
    def of(cls, factory: ConnectionFactory) -> ConnectionDescriptor:
        """
        Describe the connections that *factory* makes.

        Raises:
            ConfigurationError: it makes something else.
        """
        connection_class = class_made_by(factory, PersistentConnection)
        return cls(connection_class.__name__, connection_class, factory)

    def bind(self, context: HubCallerContext, sending: ConnectionContext) -> PersistentConnection:
        """An instance for one request or event."""
        instance = self.create()
        instance.context = context
        instance.connection = sending.connection
        instance.groups = sending.groups
        return instance
