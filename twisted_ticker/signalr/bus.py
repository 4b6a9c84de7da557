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

from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from math import inf
from operator import attrgetter

from twisted.logger import Logger

from .counters import Counters
from .interfaces import IReader
from .protocol.cursors import Cursor
from .protocol.messages import Envelope
from .topics import Departure, Message, RingLimits, Topic
from .turn import TurnCall

__all__ = ["Backlog", "MessageBus"]

#: Topics without subscribers that are kept for those who may come back (the reference's own maximum).
_MAX_IDLE_TOPICS = 1000

#: Bounds of one envelope for a reader that catches up: a fragment of the reference's ring, and what a slow link
#: takes in a few seconds. A single message may be larger.
_MAX_BACKLOG_MESSAGES = 250
_MAX_BACKLOG_BYTES = 256 * 1024

#: The reactor is not kept from other things for longer than this, in seconds; a broadcast that takes longer goes on in
#: its next turns. The time is looked at after so many deliveries.
_SLICE_SECONDS = 0.008
_SLICE_READERS = 100

#: More deliveries than this do not wait for the next slice.
_MAX_DELIVERIES = 1000

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


@dataclass(slots=True)
class _Delivery:
    """
    An envelope, and the readers that it is for.

    Attributes:
        envelope: the messages of one turn.
        readers: those that were live when it was settled who gets what; none in the last one of each turn.
        published: when the oldest message of the turn was published.
        done: how many of them have been handed it.
    """

    envelope: Envelope
    readers: list[IReader]
    published: float
    done: int = 0


class MessageBus:
    """
    Topics, and the order of their messages.

    The messages of one turn are handed out in two steps: first it is settled who gets what, all at once; then it is
    delivered, in slices that leave the reactor time for other things. Deliveries are made in the order in which they
    were settled.

    Args:
        epoch: name of this run of the sequence; unlike that of any earlier run.
        limits: bounds of each topic's ring.
        seconds: the clock.
        call_soon: runs a call at the end of the reactor turn, first in, first out; see :class:`.turn.TurnQueue`.
        counters: where traffic and losses are counted.
    """

    _log = Logger()

    def __init__(
        self,
        *,
        epoch: str,
        limits: RingLimits,
        seconds: Callable[[], float],
        call_soon: Callable[[TurnCall], None],
        counters: Counters | None = None,
    ) -> None:
        self.epoch = epoch
        self.counters = counters or Counters()
        self._limits = limits
        self._seconds = seconds
        self._call_soon = call_soon
        self._topics: dict[str, Topic] = {}
        self._idle: OrderedDict[str, Topic] = OrderedDict()
        self._dirty: list[Topic] = []
        self._to_refresh: dict[IReader, None] = {}
        self._flush_scheduled = False
        self._deliveries: deque[_Delivery] = deque()
        self._is_delivering = False
        #: Sequence number of the newest message.
        self.sequence = 0
        # For messages up to here it is settled who gets them.
        self._offered = 0
        # Messages up to here have been delivered.
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

    def _flush_turn(self) -> TurnCall | None:
        self._flush_scheduled = False
        self._settle()
        return self._flush_slice()

    def _flush_slice(self) -> TurnCall | None:
        if not self._deliver(self._seconds() + _SLICE_SECONDS):
            return self._flush_slice
        refresh, self._to_refresh = self._to_refresh, {}
        for reader in refresh:
            self._hand(reader, reader.refresh, self.envelope())
        return None

    def flush(self) -> None:
        """Hand this turn's messages to the live readers, all of them now."""
        self._settle()
        self._deliver(inf)

    def _settle(self) -> None:
        """Settle who gets what of that which has been published."""
        if not self._dirty:
            return
        dirty, self._dirty = self._dirty, []
        self._offered = self.sequence
        published = next(iter(dirty[0].fresh)).published
        self._deliveries += [
            _Delivery(envelope, readers, published) for envelope, readers in self._plan(dirty) if readers
        ]
        self._deliveries.append(_Delivery(self.envelope_at(self._offered), [], published))
        if len(self._deliveries) > _MAX_DELIVERIES:
            # More is published than can be delivered; what waits must not grow.
            self._deliver(inf)

    def _deliver(self, deadline: float) -> bool:
        """Make deliveries until *deadline*; returns whether all are made."""
        if self._is_delivering:
            # A delivery has asked for it. What it causes to be published waits for the next flush.
            return True
        self._is_delivering = True
        try:
            handed = 0
            while self._deliveries:
                handed += self._advance(self._deliveries[0])
                if handed >= _SLICE_READERS:
                    if self._seconds() >= deadline:
                        break
                    handed = 0
        finally:
            self._is_delivering = False
        return not self._deliveries

    def _advance(self, delivery: _Delivery) -> int:
        """Hand an envelope to some more of its readers; returns to how many."""
        readers = delivery.readers[delivery.done : delivery.done + _SLICE_READERS]
        delivery.done += len(readers)
        if delivery.done == len(delivery.readers):
            self._deliveries.popleft()
        envelope = delivery.envelope
        taken = 0
        for reader in readers:
            try:
                if reader.deliver(envelope):
                    taken += 1
            except Exception:
                self._delivery_failed(reader)
        self.counters.messages_to_clients += taken * len(envelope.messages)
        if not delivery.readers:
            self._flushed = envelope.sequence
            self.counters.delivery_seconds.observe(self._seconds() - delivery.published)
        return len(readers)

    def _hand(self, reader: IReader, take: Callable[[Envelope], None], envelope: Envelope) -> None:
        try:
            take(envelope)
        except Exception:
            self._delivery_failed(reader)

    def _delivery_failed(self, reader: IReader) -> None:
        # One reader's defect must not keep the others from what is theirs, now or ever after.
        self.counters.failed_deliveries += 1
        self._log.failure("Delivering to connection {id} failed", id=reader.connection_id)

    def _plan(self, dirty: list[Topic]) -> Iterator[tuple[Envelope, list[IReader]]]:
        fresh: dict[Topic, Sequence[Message]] = {}
        for topic in dirty:
            fresh[topic], topic.fresh = topic.fresh, ()
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
    def topics(self) -> int:
        """How many topics there are, those included that nobody has subscribed to for a while."""
        return len(self._topics)

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
            topic = self._topics[key] = Topic(key, self._unkept, self.counters)
        elif topic.fresh:
            # Those who were here when it was sent get it, the one who comes now does not.
            self._settle()
        self._idle.pop(key, None)
        topic.subscribers += 1
        if reader is not None:
            topic.live[reader] = None
        return topic

    def unsubscribe(self, topic: Topic, reader: IReader) -> None:
        """Leave a topic. What was published on it until now is still delivered."""
        if topic.fresh and reader in topic.live:
            self._settle()
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
        gaps = [topic for topic, since in joined.items() if position < topic.floor and since < topic.floor]
        for topic in gaps:
            joined[topic] = topic.floor
        if gaps or not departures:
            return bool(gaps)
        return any(departure.has_gap_after(position) for departure in departures)

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
        sources = [
            topic.after(max(position, since), last)
            for topic, since in joined.items()
            # Most have none at all.
            if topic.messages and topic.has_after(position)
        ]
        sources += [departure.after(position, last) for departure in departures]
        if not sources:
            return Backlog((), max(position, last), complete=True)
        owed = [message for message in merge(*sources, key=_by_sequence) if connection_id not in message.excluded]
        payloads: list[bytes] = []
        size = 0
        for message in _conflated(owed):
            size += len(message.payload)
            if payloads and (len(payloads) == _MAX_BACKLOG_MESSAGES or size > _MAX_BACKLOG_BYTES):
                return self._counted(owed, Backlog(tuple(payloads), position, complete=False))
            payloads.append(message.payload)
            position = message.sequence
        return self._counted(owed, Backlog(tuple(payloads), max(position, last), complete=True))

    def _counted(self, owed: list[Message], backlog: Backlog) -> Backlog:
        passed = bisect_right(owed, backlog.position, key=_by_sequence)
        self.counters.conflated_messages += passed - len(backlog.messages)
        return backlog

    # Forgetting

    def collect(self) -> Iterator[None]:
        """
        Drop messages that have become too old, and topics to which nobody has come back in time.

        Returns:
            The steps of it; anything may happen between them.
        """
        oldest = self._seconds() - self._limits.seconds
        for topic in list(self._topics.values()):
            if topic.messages:
                topic.drop_before(oldest)
                yield
        while self._idle:
            topic = next(iter(self._idle.values()))
            if topic.idle_since >= oldest:
                break
            self._forget(topic)
            yield

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
