"""
Topics: one audience each, with a bounded ring of its latest messages.

What a ring drops is remembered as one number, the topic's floor, so that who missed it can be told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass
from math import inf

from .counters import Counters
from .interfaces import IReader

__all__ = ["Departure", "Message", "RingLimits", "Topic"]

#: Fewer messages than this are not worth a ring (the reference's own minimum).
_MIN_RING_MESSAGES = 32


@dataclass(frozen=True, slots=True)
class RingLimits:
    """
    How much of a topic is kept for replay.

    Attributes:
        messages: at most so many; less than 32 counts as 32.
        bytes: at most so many bytes of payload; the newest message is kept whatever its size.
        seconds: nothing older.
    """

    messages: int = 1000
    bytes: int = 4 * 1024 * 1024
    seconds: float = 100.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "messages", max(self.messages, _MIN_RING_MESSAGES))


class Message:
    """
    One published message.

    Attributes:
        sequence: its place in the order of all messages.
        payload: its JSON.
        excluded: connection ids of readers who do not get it.
        conflation_key: a reader who is behind needs only the newest message of each such key; ``None`` for a message
            that everybody needs.
        published: seconds of the bus's clock.
    """

    __slots__ = ("conflation_key", "excluded", "payload", "published", "sequence")

    def __init__(
        self,
        sequence: int,
        payload: bytes,
        excluded: Collection[str],
        conflation_key: Hashable | None,
        published: float,
    ) -> None:
        self.sequence = sequence
        self.payload = payload
        self.excluded = excluded
        self.conflation_key = conflation_key
        self.published = published


class Topic:
    """
    One audience: its recent messages, and who listens.

    Attributes:
        key: the topic's name.
        floor: everything published here after this sequence number is still kept.
        fresh: what was published in this turn.
        live: the readers that are handed what is published (a dictionary for its order).
        subscribers: how many readers there are, live or not.
    """

    __slots__ = ("_counters", "_size", "floor", "fresh", "idle_since", "key", "live", "messages", "subscribers")

    def __init__(self, key: str, floor: int, counters: Counters) -> None:
        self.key = key
        self.floor = floor
        self.fresh: list[Message] | tuple[()] = ()
        self.live: dict[IReader, None] = {}
        self.subscribers = 0
        self.idle_since = 0.0
        # Most topics are those of single connections, and never see a message.
        self.messages: deque[Message] | tuple[()] = ()
        self._size = 0
        self._counters = counters

    def append(self, message: Message, limits: RingLimits) -> None:
        """Add the newest message, and drop what no longer fits."""
        fresh = self.fresh = self.fresh or []
        fresh.append(message)
        messages = self.messages = self.messages or deque()
        messages.append(message)
        self._size += len(message.payload)
        while len(messages) > limits.messages or (self._size > limits.bytes and len(messages) > 1):
            self._drop_oldest(messages)
            self._counters.dropped_messages += 1
        self.drop_before(message.published - limits.seconds)

    def drop_all(self) -> None:
        """Forget everything."""
        self.drop_before(inf)

    def drop_before(self, time: float) -> None:
        """Forget what was published before *time*."""
        while self.messages and self.messages[0].published < time:
            self._drop_oldest(self.messages)
        if not self.messages:
            self.messages = ()

    def _drop_oldest(self, messages: deque[Message]) -> None:
        dropped = messages.popleft()
        self._size -= len(dropped.payload)
        self.floor = dropped.sequence

    def has_after(self, position: int) -> bool:
        """Whether there are kept messages behind *position*."""
        messages = self.messages
        return isinstance(messages, deque) and bool(messages) and messages[-1].sequence > position

    def after(self, position: int, last: int) -> Iterator[Message]:
        """The kept messages behind *position*, up to *last*, oldest first."""
        newer = []
        for message in reversed(self.messages):
            if message.sequence <= position:
                break
            if message.sequence <= last:
                newer.append(message)
        return reversed(newer)


@dataclass(frozen=True, slots=True)
class Departure:
    """
    A topic that a reader has left: what was published on it in between is still meant for the reader.

    Attributes:
        topic: the topic.
        since: the position at which the reader joined.
        until: the position at which it left.
    """

    topic: Topic
    since: int
    until: int

    def after(self, position: int, last: int) -> Iterator[Message]:
        """The kept messages behind *position*, up to *last*, that are meant for the reader, oldest first."""
        return self.topic.after(max(position, self.since), min(last, self.until))

    def has_gap_after(self, position: int) -> bool:
        """Whether something behind *position* that was meant for the reader is no longer kept."""
        return max(position, self.since) < min(self.until, self.topic.floor)
