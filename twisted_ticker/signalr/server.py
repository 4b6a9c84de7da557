"""
The SignalR server: what its endpoints share, and what an application holds in its hands.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Generic, cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from .audiences import Clients, ClientType, Groups
from .bus import MessageBus
from .call_rate import CallRate
from .calls import Call
from .connection import Connection
from .connection_endpoint import ConnectionEndpoint
from .counters import Counters
from .descriptors import HubDescriptor, HubFactory
from .endpoint import Endpoint, Negotiate
from .errors import ConfigurationError, SignalRError
from .groups_tokens import GroupsTokens
from .heartbeat import Heartbeat
from .hub import Hub
from .hub_endpoint import HubEndpoint
from .keys import KeyRing
from .persistent_connection import (
    ConnectionContext,
    ConnectionDescriptor,
    ConnectionFactory,
    ConnectionGroups,
    PersistentConnection,
    Recipients,
)
from .pipeline import HubPipeline
from .protocol.tokens import CONNECTION_TOKEN, GROUPS_TOKEN, ConnectionToken, GroupsToken
from .renewal import GroupsTokenRenewal
from .requests import Request, User
from .settings import EndpointSettings, Settings
from .topics import RingLimits
from .turn import TurnQueue

__all__ = ["HubContext", "SignalRServer"]

#: How long a stop waits for clients to take what ends their requests, and to answer closes.
_DRAIN_SECONDS = 0.5


#: How many tokens of polling clients are remembered: to take one apart costs more than all the rest of a poll.
_MAX_REPEATED_TOKENS = 16384

#: How many others are: a client that connects says at once that it has started.
_MAX_RECENT_TOKENS = 256


class HubContext(Generic[ClientType]):
    """
    Addressing a hub's clients from outside of its methods.

    Attributes:
        clients: whom to call.
        groups: membership in groups.
    """

    def __init__(self, clients: Clients[ClientType], groups: Groups) -> None:
        self.clients = clients
        self.groups = groups


class SignalRServer(Service):
    """
    Endpoints, and what they share: connections, message bus, heartbeat and keys.

    Start it as a service, or its connections have no heartbeat. The web layer asks :meth:`endpoint_for` and lets the
    endpoint answer.

    Args:
        settings: timings and sizes.
        keys: protect tokens; a ring made up on the spot when not given, with which clients do not survive a restart.
        user_of: says who sends a request, ``None`` for nobody known. It is asked on every request. When not given, it
            is the request's twisted.cred avatar.
        clock: the time; the global reactor when not given.

    Attributes:
        connections: those that this server knows, by id.
        counters: what has happened since it was made.
        running: whether receive requests are served.
        pipeline: modules that see what passes through hubs; to be filled before clients come.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        keys: KeyRing | None = None,
        user_of: Callable[[Request], User | None] | None = None,
        clock: IReactorTime | None = None,
    ) -> None:
        if clock is None:
            # Imported late: importing it installs it.
            from twisted.internet import reactor

            clock = cast(IReactorTime, reactor)
        keys = keys or KeyRing.generate()
        self.settings = settings or Settings()
        self.user_of = user_of or _user_of_request
        self.counters = Counters()
        self.pipeline = HubPipeline()
        self.connections: dict[str, Connection] = {}
        self.turn = TurnQueue(clock)
        self.call_rate = CallRate(clock, self.settings.max_calls_per_second)
        self.connection_tokens = keys.protection(CONNECTION_TOKEN)
        self._read_again = lru_cache(_MAX_REPEATED_TOKENS)(self._read)
        self._read_soon_again = lru_cache(_MAX_RECENT_TOKENS)(self._read)
        self._clock = clock
        self._endpoints: list[Endpoint[Any]] = []
        self._hubs: dict[type[Hub[Any]], HubDescriptor] = {}
        self._raw: dict[str, type[PersistentConnection]] = {}
        self.bus = MessageBus(
            epoch=secrets.token_hex(4),
            limits=RingLimits(messages=self.settings.default_message_buffer_size, seconds=self.settings.topic_lifetime),
            seconds=clock.seconds,
            call_soon=self.turn.call_soon,
            counters=self.counters,
        )
        self._groups_tokens = GroupsTokens(
            keys.protection(GROUPS_TOKEN),
            epoch=self.bus.epoch,
            lifetime=self.settings.groups_token_lifetime,
            seconds=clock.seconds,
        )
        self._renewal = GroupsTokenRenewal(self.connections, lifetime=self.settings.groups_token_lifetime, clock=clock)
        self._heartbeat = Heartbeat(
            self.connections.values,
            self.settings,
            clock=clock,
            disconnect=lambda connection_id: self.disconnect(connection_id, stop_called=False),
            collect=self.bus.collect,
            counters=self.counters,
        )

    # Assembling

    def map_hubs(
        self,
        path: str,
        hubs: Sequence[HubFactory],
        settings: EndpointSettings | None = None,
        *,
        negotiate: Negotiate | None = None,
    ) -> HubEndpoint:
        """
        Serve hubs below a path. A hub class that is mapped on two paths has one audience.

        Args:
            path: such as ``/signalr``; it matches on segment boundaries, in any letter case.
            hubs: hub classes, or calls without arguments that make instances, such as
                ``functools.partial(StockTickerHub, market)``.
            settings: the endpoint's own.
            negotiate: asked about every client that negotiates; may answer with a :class:`.Redirect` or a
                :class:`.NegotiateError`.

        Raises:
            ConfigurationError: a path that is taken, two hubs of one name, or a hub that clients could not call.
        """
        descriptors = [HubDescriptor.of(hub) for hub in hubs]
        names = [descriptor.name.lower() for descriptor in descriptors]
        if len(set(names)) != len(names):
            raise ConfigurationError(f"Two hubs have the same name: {', '.join(sorted(names))}.")
        endpoint = HubEndpoint(_mount_path(path), self, settings or EndpointSettings(), descriptors, negotiate)
        self._map(endpoint)
        self._hubs.update((descriptor.hub_class, descriptor) for descriptor in descriptors)
        return endpoint

    def map_connection(
        self,
        path: str,
        connection: ConnectionFactory,
        settings: EndpointSettings | None = None,
        *,
        negotiate: Negotiate | None = None,
    ) -> ConnectionEndpoint:
        """
        Serve raw connections below a path. A class that is mapped on two paths has one audience.

        Args:
            path: see :meth:`map_hubs`.
            connection: a subclass of :class:`.PersistentConnection`, or a call without arguments that makes an
                instance.
            settings: the endpoint's own.
            negotiate: see :meth:`map_hubs`.

        Raises:
            ConfigurationError: a path that is taken, what makes no connections, or a second class of one name.
        """
        descriptor = ConnectionDescriptor.of(connection)
        if self._raw.get(descriptor.name, descriptor.connection_class) is not descriptor.connection_class:
            raise ConfigurationError(f"Another class of connections has the name '{descriptor.name}' too.")
        endpoint = ConnectionEndpoint(
            _mount_path(path),
            self,
            settings or EndpointSettings(),
            descriptor,
            self._sending(descriptor.name),
            negotiate,
        )
        self._map(endpoint)
        self._raw[descriptor.name] = descriptor.connection_class
        return endpoint

    def _sending(self, name: str) -> ConnectionContext:
        return ConnectionContext(Recipients(self.bus, name), ConnectionGroups(self, self.bus, name))

    def _map(self, endpoint: Endpoint[Any]) -> None:
        if any(other.path.lower() == endpoint.path.lower() for other in self._endpoints):
            raise ConfigurationError(f"The path {endpoint.path!r} is mapped already.")
        self._endpoints.append(endpoint)
        self._endpoints.sort(key=lambda mapped: len(mapped.path), reverse=True)

    def hub_context(self, hub_class: type[Hub[ClientType]]) -> HubContext[ClientType]:
        """
        The means to address a hub's clients from anywhere.

        Raises:
            ConfigurationError: the hub is not mapped.
        """
        try:
            hub = self._hubs[hub_class]
        except KeyError:
            raise ConfigurationError(f"{hub_class.__name__} is not mapped; call map_hubs first.") from None
        return HubContext(Clients(self.bus, hub.name, self.pipeline), Groups(self, hub.name))

    def connection_context(self, connection_class: type[PersistentConnection]) -> ConnectionContext:
        """
        The means to send to the connections of a class from anywhere.

        Raises:
            ConfigurationError: the class is not mapped.
        """
        name = connection_class.__name__
        if self._raw.get(name) is not connection_class:
            raise ConfigurationError(f"{name} is not mapped; call map_connection first.")
        return self._sending(name)

    def endpoint_for(self, path: str) -> Endpoint[Any] | None:
        """The endpoint under whose path a request path lies; the one with the longest path, where there are several."""
        lowered = path.lower()
        for endpoint in self._endpoints:
            mount = endpoint.path.lower()
            if lowered == mount or lowered.startswith(f"{mount}/"):
                return endpoint
        return None

    # The service

    def startService(self) -> None:
        """Begin to look after connections."""
        super().startService()  # type: ignore[no-untyped-call]
        self._heartbeat.start()
        self._renewal.start()

    def stopService(self) -> Deferred[None]:
        """
        End every receive request, properly. The application is not told: its clients will come back.

        Returns:
            Done when clients have had the time to take the ends and to answer closes.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        self._heartbeat.stop()
        self._renewal.stop()
        self.bus.flush()
        served = [connection for connection in self.connections.values() if connection.receiver is not None]
        for connection in served:
            connection.end_receiver()
        return deferLater(self._clock, _DRAIN_SECONDS if served else 0, lambda: None)

    # What endpoints ask

    def new_connection_id(self) -> str:
        """An id that nobody has: a GUID in lower case."""
        return str(uuid.uuid4())

    def connection_for(self, endpoint: Endpoint[Any], call: Call[Any]) -> tuple[Connection, bool]:
        """The connection that a receive request belongs to, and whether it was known."""
        connection = self.connections.get(call.connection_id)
        if connection is not None and connection.endpoint is endpoint:
            connection.call = call
            return connection, True
        if connection is not None:
            connection.close()
        connection = Connection(
            call.connection_id,
            endpoint,
            call,
            bus=self.bus,
            seconds=self._clock.seconds,
            groups_token=self._groups_tokens.make,
        )
        self.connections[call.connection_id] = connection
        return connection, False

    def disconnect(self, connection_id: str, *, stop_called: bool) -> None:
        """End a connection for good and tell the application; nothing happens when it is not known."""
        connection = self.connections.pop(connection_id, None)
        if connection is not None:
            connection.close()
            connection.endpoint.lifecycle.closed(connection, stop_called=stop_called)

    def read_connection_token(self, token: str, *, repeated: bool) -> ConnectionToken:
        """
        Read the connection token of a request.

        Args:
            repeated: whether its client is going to send it again and again; then it is remembered for longer.

        Raises:
            InvalidToken: not one of ours.
        """
        read = self._read_again if repeated else self._read_soon_again
        # With the keys that are gone, what was remembered of their tokens is gone too.
        return read(token, self.connection_tokens.keys_gone)

    def _read(self, token: str, keys_gone: int) -> ConnectionToken:
        return ConnectionToken.decode(token, self.connection_tokens)

    def read_groups_token(self, call: Call[Any], token: str) -> GroupsToken:
        """
        Read the groups token of a request.

        Raises:
            OutdatedToken: it is too old, or was revoked.
            InvalidToken: not one of ours, or another connection's.
        """
        user = call.user
        return self._groups_tokens.read(token, call.connection_id, user.name if user else "")

    def add_to_group(self, connection_id: str, name: str) -> None:
        """See :class:`.audiences.IGroupMembers`."""
        self._known(connection_id).add_group(name)

    def remove_from_group(self, connection_id: str, name: str) -> None:
        """
        See :class:`.audiences.IGroupMembers`.

        What the client has of its groups is good no more, so that it does not come back as a member with it once this
        server has forgotten the connection. That holds even for a connection that this server does not know.
        """
        connection = self.connections.get(connection_id)
        if connection is None or connection.remove_group(name):
            self._groups_tokens.revoke_connection(connection_id)
        if connection is None:
            raise _unknown_connection(connection_id)

    def revoke_groups(self, connection_id: str) -> None:
        """
        Take all groups from a connection, of all hubs, whether this server knows it or not: with no token that it has
        been given until now it is a member again.
        """
        self._groups_tokens.revoke_connection(connection_id)
        connection = self.connections.get(connection_id)
        if connection is not None:
            connection.leave_groups()

    def revoke_groups_of_user(self, name: str) -> None:
        """Take all groups from all connections of a user, as :meth:`revoke_groups` does; in any letter case."""
        self._groups_tokens.revoke_user(name)
        for connection in self.connections.values():
            user = connection.call.user
            if user is not None and user.name.casefold() == name.casefold():
                connection.leave_groups()

    def _known(self, connection_id: str) -> Connection:
        try:
            return self.connections[connection_id]
        except KeyError:
            raise _unknown_connection(connection_id) from None


def _unknown_connection(connection_id: str) -> SignalRError:
    return SignalRError(f"There is no connection {connection_id!r}.")


def _user_of_request(request: Request) -> User | None:
    return request.user


def _mount_path(path: str) -> str:
    mount = path.rstrip("/")
    if not mount.startswith("/"):
        raise ConfigurationError(f"The path {path!r} is not of the form '/signalr'.")
    return mount
