"""
The message bus: one total order of all messages, rings that keep the latest of them for each topic, and live
readers who get each turn's messages in one shared envelope.

It knows nothing of hubs or transports. A reader owns no queue: a live one is handed what is published, one that is
not (paused, reconnecting, between two polls) has a position, and reads from the rings when it comes back. So a slow
reader costs no memory, and a publisher never waits.

Nothing is lost silently. What a topic dropped is remembered as one number, its floor; a reader whose position lies
below the floor has missed something, and is told.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from operator import attrgetter

from twisted.logger import Logger

from .interfaces import IReader
from .protocol.cursors import Cursor
from .protocol.messages import Envelope
from .topics import Departure, Message, RingLimits, Topic

__all__ = ["Backlog", "MessageBus"]

#: Topics without subscribers that are kept for those who may come back (the reference's own maximum).
_MAX_IDLE_TOPICS = 1000

#: Bounds of one envelope for a reader that catches up: a fragment of the reference's ring, and what a slow link
#: takes in a few seconds. A single message may be larger.
_MAX_BACKLOG_MESSAGES = 250
_MAX_BACKLOG_BYTES = 256 * 1024

_by_sequence = attrgetter("sequence")


@dataclass(frozen=True, slots=True)
class Backlog:
    """
    What a reader has to catch up with.

    Attributes:
        messages: payloads in order; perhaps only the first of many.
        position: where the reader stands once it has them.
        complete: whether that is all there is for now.
    """

    messages: tuple[bytes, ...]
    position: int
    complete: bool


class MessageBus:
    """
    Topics, and the order of their messages.

    Args:
        epoch: name of this run of the sequence; unlike that of any earlier run.
        limits: bounds of each topic's ring.
        seconds: the clock.
        call_soon: runs a call at the end of the reactor turn, first in, first out.
    """

    _log = Logger()

    def __init__(
        self,
        *,
        epoch: str,
        limits: RingLimits,
        seconds: Callable[[], float],
        call_soon: Callable[[Callable[[], None]], None],
    ) -> None:
        self.epoch = epoch
        self._limits = limits
        self._seconds = seconds
        self._call_soon = call_soon
        self._topics: dict[str, Topic] = {}
        self._idle: OrderedDict[str, Topic] = OrderedDict()
        self._dirty: list[Topic] = []
        self._to_refresh: dict[IReader, None] = {}
        self._flush_scheduled = False
        #: Sequence number of the newest message.
        self.sequence = 0
        # Messages up to here have been handed out, or are being handed out in this moment.
        self._offered = 0
        # Messages up to here have been handed out.
        self._flushed = 0
        # Sequence number of the newest message that no ring keeps because its topic was not, or is no longer, there.
        self._unkept = 0

    # Publishing

    def publish(
        self,
        key: str,
        payload: bytes,
        excluded: Collection[str] = (),
        *,
        conflation_key: Hashable | None = None,
    ) -> int:
        """
        Publish to all readers of a topic; they get it at the end of the turn.

        Args:
            key: the topic. Nobody has subscribed to it for a while: the message is dropped, and those who come back
                later are told that they missed something.
            payload: JSON.
            excluded: connection ids of readers who shall not get it.
            conflation_key: who is behind gets only the newest message of each such key.

        Returns:
            The message's sequence number.
        """
        self.sequence += 1
        topic = self._topics.get(key)
        if topic is None:
            self._unkept = self.sequence
            return self.sequence
        if not topic.fresh:
            self._dirty.append(topic)
            self._schedule_flush()
        topic.append(Message(self.sequence, payload, excluded, conflation_key, self._seconds()), self._limits)
        return self.sequence

    def request_refresh(self, reader: IReader) -> None:
        """Call the reader's ``refresh`` at the end of the turn, after it has got the turn's messages."""
        self._to_refresh[reader] = None
        self._schedule_flush()

    def _schedule_flush(self) -> None:
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._call_soon(self._flush_turn)

    def _flush_turn(self) -> None:
        self._flush_scheduled = False
        self.flush()
        refresh, self._to_refresh = self._to_refresh, {}
        for reader in refresh:
            self._hand(reader, reader.refresh, self.envelope())

    def flush(self) -> None:
        """Hand this turn's messages to the live readers."""
        if not self._dirty or self._offered > self._flushed:
            # Nothing to do, or already at it: what a delivery causes to be published waits for the next flush.
            return
        dirty, self._dirty = self._dirty, []
        self._offered = self.sequence
        # Delivering may end readers or make others live, so who gets what is settled before the first delivery.
        for envelope, readers in list(self._plan(dirty)):
            for reader in readers:
                self._hand(reader, reader.deliver, envelope)
        self._flushed = self._offered

    def _hand(self, reader: IReader, take: Callable[[Envelope], None], envelope: Envelope) -> None:
        try:
            take(envelope)
        except Exception:
            # One reader's defect must not keep the others from what is theirs, now or ever after.
            self._log.failure("Delivering to connection {id} failed", id=reader.connection_id)

    def _plan(self, dirty: list[Topic]) -> Iterator[tuple[Envelope, list[IReader]]]:
        fresh = {}
        for topic in dirty:
            fresh[topic], topic.fresh = topic.fresh, []
        for topics, readers in _audiences(dirty):
            messages = list(merge(*(fresh[topic] for topic in topics), key=_by_sequence))
            yield from self._split_by_exclusion(messages, readers)

    def _split_by_exclusion(
        self, messages: list[Message], readers: list[IReader]
    ) -> Iterator[tuple[Envelope, list[IReader]]]:
        excluded = {connection_id for message in messages for connection_id in message.excluded}
        if not excluded:
            yield self._envelope_of(messages), readers
            return
        everything = []
        for reader in readers:
            if reader.connection_id not in excluded:
                everything.append(reader)
                continue
            kept = [message for message in messages if reader.connection_id not in message.excluded]
            if kept:
                yield self._envelope_of(kept), [reader]
        yield self._envelope_of(messages), everything

    def _envelope_of(self, messages: Iterable[Message]) -> Envelope:
        payloads = tuple(message.payload for message in messages)
        return Envelope(self._cursor(self._offered), self._offered, payloads)

    def envelope(self, backlog: Backlog | None = None, *, initialized: bool = False) -> Envelope:
        """
        An envelope for one reader: with its backlog, or without messages at the position of all live readers.
        """
        if backlog is None:
            return Envelope(self._cursor(self._flushed), self._flushed, initialized=initialized)
        return Envelope(self._cursor(backlog.position), backlog.position, backlog.messages, initialized=initialized)

    def envelope_at(self, position: int) -> Envelope:
        """An envelope without messages for a reader that stands at *position*."""
        return Envelope(self._cursor(position), position)

    def _cursor(self, sequence: int) -> str:
        return Cursor(self.epoch, sequence).encode()

    # Reading

    @property
    def position(self) -> int:
        """Where a live reader stands between two deliveries."""
        return self._flushed

    def position_of(self, cursor: Cursor | None) -> int | None:
        """The position that a client's cursor names; ``None`` for none, another run's, or one from the future."""
        if cursor is None or cursor.epoch != self.epoch or cursor.sequence > self.sequence:
            return None
        return cursor.sequence

    def subscribe(self, key: str, reader: IReader | None = None) -> Topic:
        """
        Join a topic.

        Args:
            reader: the reader, when it is live.

        Returns:
            The topic, to be given back with :meth:`unsubscribe`. What was published on it until now,
            :attr:`sequence`, is not meant for the reader.
        """
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = Topic(key, self._unkept)
        elif topic.fresh:
            # Those who were here when it was sent get it, the one who comes now does not.
            self.flush()
        self._idle.pop(key, None)
        topic.subscribers += 1
        if reader is not None:
            topic.live[reader] = None
        return topic

    def unsubscribe(self, topic: Topic, reader: IReader) -> None:
        """Leave a topic. What was published on it until now is still delivered."""
        if topic.fresh and reader in topic.live:
            self.flush()
        topic.live.pop(reader, None)
        topic.subscribers -= 1
        if not topic.subscribers:
            topic.idle_since = self._seconds()
            self._idle[topic.key] = topic
            if len(self._idle) > _MAX_IDLE_TOPICS:
                self._forget(next(iter(self._idle.values())))

    def go_live(self, reader: IReader, topics: Iterable[Topic]) -> None:
        """Hand what is published from now on to a reader that has caught up."""
        for topic in topics:
            topic.live[reader] = None

    def leave_live(self, reader: IReader, topics: Iterable[Topic]) -> None:
        """Stop handing messages to a reader; it will read from its position when it comes back."""
        for topic in topics:
            topic.live.pop(reader, None)

    def pass_gaps(self, joined: dict[Topic, int], position: int, departures: Collection[Departure] = ()) -> bool:
        """
        Whether something that was meant for a reader is no longer kept.

        What is lost is lost once: *joined* is moved past it, so that the same gap is not found again.

        Args:
            joined: the reader's topics, each with the sequence number at which it joined.
            position: where the reader stands.
            departures: the topics that it has left.
        """
        gaps = [topic for topic, since in joined.items() if max(position, since) < topic.floor]
        for topic in gaps:
            joined[topic] = topic.floor
        return bool(gaps) or any(departure.has_gap_after(position) for departure in departures)

    def backlog(
        self,
        connection_id: str,
        joined: Mapping[Topic, int],
        position: int,
        departures: Collection[Departure] = (),
    ) -> Backlog:
        """
        What a reader that is not live has not had yet.

        Args:
            connection_id: for exclusions.
            joined: the reader's topics, each with the sequence number at which it joined.
            position: where the reader stands.
            departures: the topics that it has left.
        """
        last = self._offered
        present = (topic.after(max(position, since), last) for topic, since in joined.items())
        past = (departure.after(position, last) for departure in departures)
        owed = [
            message for message in merge(*present, *past, key=_by_sequence) if connection_id not in message.excluded
        ]
        payloads: list[bytes] = []
        size = 0
        for message in _conflated(owed):
            size += len(message.payload)
            if payloads and (len(payloads) == _MAX_BACKLOG_MESSAGES or size > _MAX_BACKLOG_BYTES):
                return Backlog(tuple(payloads), position, complete=False)
            payloads.append(message.payload)
            position = message.sequence
        return Backlog(tuple(payloads), max(position, last), complete=True)

    # Forgetting

    def collect(self) -> None:
        """Drop messages that have become too old, and topics to which nobody has come back in time."""
        oldest = self._seconds() - self._limits.seconds
        for topic in self._topics.values():
            topic.drop_before(oldest)
        for topic in list(self._idle.values()):
            if topic.idle_since >= oldest:
                break
            self._forget(topic)

    def _forget(self, topic: Topic) -> None:
        del self._idle[topic.key]
        del self._topics[topic.key]
        topic.drop_all()
        self._unkept = max(self._unkept, topic.floor)


def _audiences(topics: list[Topic]) -> Iterable[tuple[tuple[Topic, ...], list[IReader]]]:
    """The live readers of some topics, put together by which of the topics they read."""
    if len(topics) == 1:
        return [((topics[0],), list(topics[0].live))]
    read: dict[IReader, tuple[Topic, ...]] = {}
    for topic in topics:
        for reader in topic.live:
            read[reader] = (*read.get(reader, ()), topic)
    audiences: dict[tuple[Topic, ...], list[IReader]] = {}
    for reader, its_topics in read.items():
        audiences.setdefault(its_topics, []).append(reader)
    return audiences.items()


def _conflated(messages: list[Message]) -> list[Message]:
    """Of the messages with a conflation key, only the newest of each; all others."""
    newest = {message.conflation_key: message for message in messages if message.conflation_key is not None}
    if not newest:
        return messages
    return [
        message for message in messages if message.conflation_key is None or newest[message.conflation_key] is message
    ]
