"""
One logical connection: its state, its topics and groups, and how far its client has been served.

A connection outlives the requests that carry it. It keeps no messages: while its receiver can take them it is a live
reader of the bus, otherwise it has a position from which it reads when it comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from math import inf
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger
from zope.interface import implementer

from .bus import MessageBus
from .errors import IllegalTransition
from .interfaces import IReader, IReceiver
from .once import Once
from .protocol.messages import Envelope
from .topics import Departure, Topic

if TYPE_CHECKING:
    from .calls import Call
    from .endpoint import Endpoint

__all__ = ["Connection", "ConnectionEvent", "ConnectionState"]

#: Groups that a client has left and may still be owed messages from; with more of them, the oldest is forgotten, and
#: a client that comes back to before it is told that it may have missed something.
_MAX_DEPARTURES = 32


class ConnectionState(Enum):
    """Where a connection is in its life."""

    # Members are the same only if they are identical; Enum would hash their names, in Python.
    __hash__ = object.__hash__

    NEW = "new"
    #: Has a receiver, which waits for the application (``on_connected``).
    PREPARING = "preparing"
    #: Has a receiver, which is catching up, or cannot take more at the moment.
    BEHIND = "behind"
    #: Has a receiver, which is handed what is published.
    LIVE = "live"
    #: Has no receiver: between two polls, or lost and perhaps coming back.
    DETACHED = "detached"
    CLOSED = "closed"


class ConnectionEvent(Enum):
    """What can happen to a connection."""

    __hash__ = object.__hash__

    ATTACH = "attach"
    READY = "ready"
    CATCH_UP = "catch up"
    FALL_BEHIND = "fall behind"
    DETACH = "detach"
    CLOSE = "close"


_S, _E = ConnectionState, ConnectionEvent

_LIVE = ConnectionState.LIVE

_TRANSITIONS: Mapping[tuple[ConnectionState, ConnectionEvent], ConnectionState] = {
    (_S.NEW, _E.ATTACH): _S.PREPARING,
    (_S.DETACHED, _E.ATTACH): _S.PREPARING,
    (_S.PREPARING, _E.READY): _S.BEHIND,
    (_S.BEHIND, _E.CATCH_UP): _S.LIVE,
    (_S.LIVE, _E.FALL_BEHIND): _S.BEHIND,
    (_S.PREPARING, _E.DETACH): _S.DETACHED,
    (_S.BEHIND, _E.DETACH): _S.DETACHED,
    (_S.LIVE, _E.DETACH): _S.DETACHED,
    (_S.NEW, _E.CLOSE): _S.CLOSED,
    (_S.DETACHED, _E.CLOSE): _S.CLOSED,
}


class _Hot:
    """What is looked at for each client of a broadcast, side by side: the slots of a base class come first."""

    __slots__ = ("_groups_token_due", "_position", "receiver", "state")


@implementer(IReader)
class Connection(_Hot):
    """
    One logical connection.

    Args:
        connection_id: its id, a GUID in lower case.
        endpoint: where it is at home; it is told of gaps, and names the topics of groups.
        call: the receive request that brings it.
        bus: where its messages come from.
        seconds: the clock.
        groups_token: makes the groups token for the names and join positions of groups.

    Attributes:
        call: the latest receive request.
        state: see :class:`ConnectionState`.
        receiver: the live receive request, if any.
        last_seen: when the client was last known to be there, in seconds of the clock.
        attached_since: when the receiver was attached.
        paused_since: since when the receiver takes nothing; ``None`` while it does.
        started: runs ``on_connected`` once, however often the client asks for it.
    """

    __slots__ = (
        "_bus",
        "_departures",
        "_forgotten",
        "_groups",
        "_groups_token",
        "_groups_token_made",
        "_initialize",
        "_joined",
        "_seconds",
        "_topics",
        "attached_since",
        "call",
        "connection_id",
        "endpoint",
        "last_seen",
        "paused_since",
        "started",
    )

    _log = Logger()

    def __init__(
        self,
        connection_id: str,
        endpoint: Endpoint[Any],
        call: Call[Any],
        *,
        bus: MessageBus,
        seconds: Callable[[], float],
        groups_token: Callable[[str, Mapping[str, int]], str],
    ) -> None:
        self.connection_id = connection_id
        self.endpoint = endpoint
        self.call = call
        self.state = ConnectionState.NEW
        self.receiver: IReceiver | None = None
        self.last_seen = self.attached_since = seconds()
        self.paused_since: float | None = None
        self.started: Once[None] = Once()
        self._bus = bus
        self._seconds = seconds
        self._groups_token = groups_token
        self._groups_token_due = False
        # When the token was made that the client is known to have, or was sent last.
        self._groups_token_made = -inf
        self._initialize = False
        self._position = bus.position
        # For each topic, the sequence number after which its messages are meant for this connection.
        self._joined: dict[Topic, int] = {}
        self._topics: dict[str, Topic] = {}
        self._groups: dict[str, Topic] = {}
        self._departures: tuple[Departure, ...] = ()
        # What was meant for the client up to here may be in a departure that is no longer known.
        self._forgotten = 0

    def _on(self, event: ConnectionEvent) -> None:
        try:
            self.state = _TRANSITIONS[self.state, event]
        except KeyError:
            raise IllegalTransition(f"A connection that is {self.state.value} cannot {event.value}.") from None

    # Audiences

    def listen_to(self, keys: Collection[str], *, since: int | None = None) -> None:
        """
        Be a reader of exactly these topics, besides those of the groups.

        Args:
            since: the position from which new ones among them are meant for this connection; ``None`` for now.
        """
        for key in [key for key in self._topics if key not in keys]:
            self._leave(self._topics.pop(key))
        for key in keys:
            if key not in self._topics:
                self._topics[key] = self._join(key, since)

    @property
    def groups(self) -> dict[str, int]:
        """The groups, each with the sequence number at which the connection joined."""
        return {name: self._joined[topic] for name, topic in self._groups.items()}

    @property
    def is_in_groups(self) -> bool:
        """Whether there are any."""
        return bool(self._groups)

    def restore_groups(self, joined: Mapping[str, int | None]) -> None:
        """Be in groups that the client was in before, each with the position at which it joined (``None`` for now)."""
        for name, position in joined.items():
            self._groups[name] = self._join(self.endpoint.group_topic(name), position)

    def add_group(self, name: str) -> None:
        """Join a group; nothing happens when the connection is in it."""
        if name not in self._groups:
            self._groups[name] = self._join(self.endpoint.group_topic(name))
            self._announce_groups()

    def remove_group(self, name: str) -> bool:
        """Leave a group, and return whether the connection was in it; nothing happens when it was not."""
        topic = self._groups.pop(name, None)
        if topic is None:
            return False
        self._depart(topic)
        self._announce_groups()
        return True

    def leave_groups(self) -> None:
        """Leave all groups."""
        for name in list(self._groups):
            self.remove_group(name)

    def announce_groups_unless(self, known: Mapping[str, int], token_made: float = -inf) -> None:
        """
        Tell the client its groups, unless they are the ones, with the positions, that it knows.

        Args:
            token_made: when the token was made that says what it knows, in seconds of the clock.
        """
        self._groups_token_made = token_made
        if known != self.groups:
            self._announce_groups()

    def renew_groups_token(self, oldest: float) -> None:
        """Tell the client its groups, if it has any, and a token for them from before *oldest*, in seconds."""
        if self._groups and self._groups_token_made < oldest and not self._groups_token_due:
            self._announce_groups()

    def _announce_groups(self) -> None:
        self._groups_token_due = True
        self._bus.request_refresh(self)

    def _join(self, key: str, since: int | None = None) -> Topic:
        topic = self._bus.subscribe(key, self if self.state is ConnectionState.LIVE else None)
        self._joined[topic] = self._bus.sequence if since is None else since
        return topic

    def _leave(self, topic: Topic) -> None:
        self._bus.unsubscribe(topic, self)
        del self._joined[topic]

    def _depart(self, topic: Topic) -> None:
        # The client may not have had yet, or may come back without having had, what it was told as a member.
        since = self._joined[topic]
        self._leave(topic)
        self._departures += (Departure(topic, since, self._bus.sequence),)
        if len(self._departures) > _MAX_DEPARTURES:
            self._forgotten = self._departures[0].until
            self._departures = self._departures[1:]

    def _pass_gaps(self) -> bool:
        """Whether something behind the client's position is no longer kept; each loss is said once."""
        position = self._position
        missed = self._bus.pass_gaps(self._joined, position, self._departures) or position < self._forgotten
        if missed:
            self._forgotten = 0
            self._departures = tuple(gone for gone in self._departures if not gone.has_gap_after(position))
        return missed

    # The receiver's life

    def attach(self, receiver: IReceiver, *, position: int | None, initialize: bool) -> bool:
        """
        Give the connection a new receiver; one that it has is ended. Nothing is sent before :meth:`ready`.

        Args:
            position: where the client stands; ``None`` for "from now on".
            initialize: whether the first envelope shall tell the client that its transport works.

        Returns:
            Whether the client missed something since *position*.
        """
        self.end_receiver()
        self._on(ConnectionEvent.ATTACH)
        self.receiver = receiver
        receiver.connection = self
        self._initialize = initialize
        self.attached_since = self.last_seen = self._seconds()
        self.paused_since = None if receiver.writable else self.attached_since
        self._position = self._bus.position if position is None else position
        # Only the client's own word says what it has had: what was written to it may never have arrived.
        self._departures = tuple(gone for gone in self._departures if gone.until > self._position)
        return self._pass_gaps()

    def ready(self, receiver: IReceiver) -> None:
        """Send what there is, and from now on what comes."""
        if receiver is self.receiver and self.state is ConnectionState.PREPARING:
            self._on(ConnectionEvent.READY)
            self._catch_up()

    def resume(self, receiver: IReceiver) -> None:
        """The receiver can take envelopes again."""
        if receiver is self.receiver:
            self.paused_since = None
            if self.state is ConnectionState.BEHIND:
                if self._pass_gaps():
                    self.endpoint.lifecycle.gap_found(self)
                self._catch_up()

    def pause(self, receiver: IReceiver) -> None:
        """The receiver cannot take more envelopes for now."""
        if receiver is self.receiver:
            if self.paused_since is None:
                self.paused_since = self._seconds()
            if self.state is ConnectionState.LIVE:
                self._rest()
                self._on(ConnectionEvent.FALL_BEHIND)

    def detach(self, receiver: IReceiver) -> None:
        """The receiver is gone. Calls from one that has been replaced mean nothing."""
        if receiver is self.receiver:
            self._let_go()

    def end_receiver(self) -> None:
        """End the receive request properly, if there is one: replaced, timed out, aborted or shut down."""
        receiver = self.receiver
        if receiver is not None:
            self._let_go()
            envelope = self._bus.envelope_at(self._position)
            receiver.end(self._with_due_groups_token(envelope))

    def abort_receiver(self) -> None:
        """Drop a receive request that takes nothing any more."""
        receiver = self.receiver
        if receiver is not None:
            self._let_go()
            receiver.abort()

    def close(self) -> None:
        """The connection is over: end its receiver and leave all topics."""
        self.end_receiver()
        self._on(ConnectionEvent.CLOSE)
        for topic in list(self._joined):
            self._leave(topic)
        self._topics.clear()
        self._groups.clear()

    def _let_go(self) -> None:
        if self.state is ConnectionState.LIVE:
            self._rest()
        self._on(ConnectionEvent.DETACH)
        self.receiver = None
        self.paused_since = None
        self.last_seen = self._seconds()

    def _rest(self) -> None:
        self._bus.leave_live(self, self._joined)
        # Everything up to the bus's position was handed to this reader or was not meant for it. (During a flush
        # that is the position before it, and a delivery has moved our own.)
        self._position = max(self._position, self._bus.position)

    # Messages

    def deliver(self, envelope: Envelope) -> bool:
        """See :class:`.interfaces.IReader`."""
        # Who fell behind, or caught up by himself, since the delivery was settled, reads it from the ring.
        if self.state is not _LIVE or envelope.sequence <= self._position:
            return False
        receiver = self.receiver
        if self._groups_token_due or receiver is None or receiver.single_use:
            self._send(envelope)
            return True
        # The same as below, without a call: this is done for each client of every broadcast.
        self._position = envelope.sequence
        try:
            receiver.send(envelope)
        except Exception:
            self._failed(receiver)
        return True

    def refresh(self, envelope: Envelope) -> None:
        """Bring news of the groups to a client that no message has brought it to; see :class:`.interfaces.IReader`."""
        if self.state is ConnectionState.LIVE and self._groups_token_due:
            self._send(envelope)

    def _catch_up(self) -> None:
        while self.state is ConnectionState.BEHIND and self.receiver is not None and self.receiver.writable:
            backlog = self._bus.backlog(self.connection_id, self._joined, self._position, self._departures)
            if backlog.messages or self._initialize or self._groups_token_due:
                envelope = self._bus.envelope(backlog, initialized=self._initialize)
                self._initialize = False
                self._send(envelope)
                self._bus.counters.messages_to_clients += len(envelope.messages)
            else:
                self._position = backlog.position
            if backlog.complete and self.state is ConnectionState.BEHIND and self.paused_since is None:
                self._on(ConnectionEvent.CATCH_UP)
                self._bus.go_live(self, self._joined)

    def _send(self, envelope: Envelope) -> None:
        receiver = self.receiver
        assert receiver is not None
        envelope = self._with_due_groups_token(envelope)
        if receiver.single_use:
            self._let_go()
        self._position = envelope.sequence
        try:
            receiver.send(envelope)
        except Exception:
            self._failed(receiver)

    def _failed(self, receiver: IReceiver) -> None:
        # One client's transport must not keep the others of a broadcast from theirs.
        self._bus.counters.failed_deliveries += 1
        self._log.failure("Writing to connection {id} failed", id=self.connection_id)
        self.detach(receiver)
        receiver.abort()

    def _with_due_groups_token(self, envelope: Envelope) -> Envelope:
        if not self._groups_token_due:
            return envelope
        self._groups_token_due = False
        self._groups_token_made = self._seconds()
        return envelope.with_groups_token(self._groups_token(self.connection_id, self.groups))
