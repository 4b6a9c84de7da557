"""
What happens to the connections of one endpoint: they are opened and opened again, find gaps, and end.

Source: SignalR 2.4, ``PersistentConnection.cs``, ``Transports/ForeverTransport.cs``, ``LongPollingTransport.cs``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from .calls import Call
from .connection import Connection
from .errors import InvalidToken, OutdatedToken
from .excerpts import excerpt
from .interfaces import IReceiver
from .once import Once
from .protocol.cursors import Cursor
from .protocol.handshake import ProtocolVersion
from .protocol.transports import LONG_POLLING

if TYPE_CHECKING:
    from .endpoint import Endpoint
    from .server import SignalRServer

__all__ = ["Lifecycle"]

Target = TypeVar("Target")


class Lifecycle(Generic[Target]):
    """
    The life of an endpoint's connections.

    Args:
        endpoint: knows what they listen to, and tells the application.
        server: keeps them.
    """

    _log = Logger()

    def __init__(self, endpoint: Endpoint[Target], server: SignalRServer) -> None:
        self._endpoint = endpoint
        self._server = server

    def start(self, call: Call[Target]) -> Deferred[None]:
        """Tell the application that a client has connected, once for each connection."""
        connection = self._server.connections.get(call.connection_id)
        # Any valid token is good at any time: the receive request may be with another server.
        started = connection.started if connection is not None else Once[None]()
        return started.call(lambda: self._endpoint.connected(call).addCallback(self._count_connect))

    def _count_connect(self, _: None) -> None:
        self._server.counters.connects += 1

    def open(self, call: Call[Target], receiver: IReceiver) -> None:
        """Serve a receive request."""
        self._server.counters.receive_requests += 1
        connecting = call.command == "connect"
        position = self._server.bus.position_of(Cursor.parse(call.position_parameter("messageId")))
        connection, known = self._server.connection_for(self._endpoint, call)
        # A client that this server has forgotten was listening all the time, so its topics are its from where it
        # stands; whoever is known and names new hubs listens to those from now on.
        connection.listen_to(self._endpoint.topics(call), since=None if known else position)
        lost_groups = self._restore_groups(call, connection, known=known)
        gap = connection.attach(receiver, position=position, initialize=connecting)
        # All that it had to say is known.
        sends_start = connecting and ProtocolVersion.resolve(call.request.query.get("clientProtocol")).sends_start
        call.request.release()
        missed = gap or position is None
        if lost_groups:
            self._raise_groups_lost(call, lost_groups)
        if connecting and not sends_start:
            self._connect(call, connection, receiver)
            return
        if connecting:
            connection.ready(receiver)
            return
        if missed:
            self._count_gap(connection)
        if call.transport != LONG_POLLING or call.command == "reconnect":
            self._server.counters.reconnects += 1
            self._endpoint.reconnected(call, missed=missed).addErrback(
                self._end_after_failure, call, connection, receiver
            )
        elif missed:
            self._raise_gap(connection)
        connection.ready(receiver)

    def _connect(self, call: Call[Target], connection: Connection, receiver: IReceiver) -> None:
        self.start(call).addCallbacks(
            lambda _: connection.ready(receiver),
            lambda failure: self._end_after_failure(failure, call, connection, receiver),
        )

    def _end_after_failure(
        self, failure: Failure, call: Call[Target], connection: Connection, receiver: IReceiver
    ) -> None:
        self.event_failed(failure, call)
        if connection.receiver is receiver:
            connection.end_receiver()

    def _restore_groups(self, call: Call[Target], connection: Connection, *, known: bool) -> Sequence[str]:
        """Make a client a member of its groups again; returns those that it has lost."""
        encoded = call.position_parameter("groupsToken")
        if known and encoded is None and not connection.is_in_groups:
            return ()
        outdated: Sequence[str] = ()
        token = None
        try:
            token = self._server.read_groups_token(call, encoded) if encoded else None
        except OutdatedToken as error:
            outdated = error.groups
        except InvalidToken as error:
            self._log.info(
                "Ignored the groups token of connection {id}: {reason}", id=call.connection_id, reason=str(error)
            )
        joined: Mapping[str, int] = {} if token is None else token.joined
        # Positions of another run of the server mean nothing here.
        current = token is not None and token.epoch == self._server.bus.epoch
        if not known:
            groups = self._endpoint.rejoin(call, list(joined))
            connection.restore_groups({name: joined.get(name) if current else None for name in groups})
        # Of a connection that this server knows, its memory is right: the latest token may never have arrived.
        if token is not None and current:
            connection.announce_groups_unless(joined, token.issued / 1e6)
        else:
            # A token that is good no more is to be replaced, even by one without groups.
            connection.announce_groups_unless(dict.fromkeys(outdated, -1))
        return () if known else outdated

    def _raise_groups_lost(self, call: Call[Target], groups: Sequence[str]) -> None:
        self._server.counters.lost_groups += 1
        self._log.warn(
            "Connection {id} has lost its groups {groups}: its groups token is too old, or was revoked",
            id=call.connection_id,
            groups=excerpt(", ".join(map(repr, groups))),
        )
        self._endpoint.groups_lost_by(call, groups).addErrback(self.event_failed, call)

    def gap_found(self, connection: Connection) -> None:
        """A client that was too slow for its topics' rings has missed messages."""
        self._count_gap(connection)
        self._raise_gap(connection)

    def _count_gap(self, connection: Connection) -> None:
        self._server.counters.gaps += 1
        self._log.warn("Connection {id} has missed messages that are no longer kept", id=connection.connection_id)

    def _raise_gap(self, connection: Connection) -> None:
        call: Call[Target] = connection.call
        self._endpoint.gap_found_by(call).addErrback(self.event_failed, call)

    def closed(self, connection: Connection, *, stop_called: bool) -> None:
        """A connection is over."""
        self._server.counters.disconnects += 1
        call: Call[Target] = connection.call
        self._endpoint.disconnected(call, stop_called=stop_called).addErrback(self.event_failed, call)

    def event_failed(self, failure: Failure, call: Call[Target]) -> None:
        """The application has failed at what a request caused: log it with its context, and count it."""
        self._server.counters.failed_events += 1
        self._log.failure(
            "The application failed at /{command} of connection {id}",
            failure,
            command=call.command,
            id=call.connection_id,
        )
