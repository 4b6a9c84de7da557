"""Real, small implementations of the library's seams, for tests without a socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twisted.internet.task import Clock
from zope.interface import implementer

from twisted_ticker.signalr.bus import MessageBus
from twisted_ticker.signalr.connection import Connection
from twisted_ticker.signalr.interfaces import IReader, IReceiver
from twisted_ticker.signalr.protocol.messages import Envelope
from twisted_ticker.signalr.topics import RingLimits
from twisted_ticker.signalr.turn import TurnQueue


@implementer(IReader)
class RecordingReader:
    """A live reader that keeps the envelopes it is handed."""

    def __init__(self, connection_id: str = "reader") -> None:
        self.connection_id = connection_id
        self.envelopes: list[Envelope] = []
        self.refreshed: list[Envelope] = []

    def deliver(self, envelope: Envelope) -> bool:
        self.envelopes.append(envelope)
        return True

    def refresh(self, envelope: Envelope) -> None:
        self.refreshed.append(envelope)

    @property
    def messages(self) -> list[bytes]:
        """All payloads, in order."""
        return [message for envelope in self.envelopes for message in envelope.messages]


class TopicListener(RecordingReader):
    """A live reader of some topics, whose messages are read as text."""

    def __init__(self, bus: MessageBus, *topics: str, connection_id: str = "reader") -> None:
        super().__init__(connection_id)
        self._bus = bus
        for topic in topics:
            bus.subscribe(topic, self)

    def take(self) -> list[str]:
        """What was published since the last time."""
        self._bus.flush()
        texts = [message.decode() for message in self.messages]
        self.envelopes.clear()
        return texts


@implementer(IReceiver)
class RecordingReceiver:
    """
    A receiver in memory.

    Args:
        single_use: whether it is a poll.
        capacity: how many envelopes it takes before it is full; ``None`` for any number.
    """

    transport = "recording"

    def __init__(self, *, single_use: bool = False, capacity: int | None = None) -> None:
        self.connection: Any = None
        self.single_use = single_use
        self.capacity = capacity
        self.envelopes: list[Envelope] = []
        self.keep_alives = 0
        self.ended: Envelope | None = None
        self.aborted = False
        self.broken: Exception | None = None

    @property
    def writable(self) -> bool:
        return self.capacity is None or self.capacity > 0

    def send(self, envelope: Envelope) -> None:
        assert self.ended is None and not self.aborted, "written to after its end"
        assert self.writable, "written to while it is full"
        if self.broken is not None:
            raise self.broken
        self.envelopes.append(envelope)
        if self.capacity is not None:
            self.capacity -= 1
            if not self.capacity:
                self.connection.pause(self)

    def drain(self, capacity: int | None) -> None:
        """Make room again."""
        self.capacity = capacity
        self.connection.resume(self)

    def fill(self) -> None:
        """Take no more, all of a sudden."""
        self.capacity = 0
        self.connection.pause(self)

    def keep_alive(self) -> None:
        self.keep_alives += 1

    def end(self, envelope: Envelope) -> None:
        assert self.ended is None, "ended twice"
        self.ended = envelope

    def abort(self) -> None:
        self.aborted = True

    @property
    def texts(self) -> list[Any]:
        """All messages, decoded, in order."""
        return [json.loads(message) for envelope in self.envelopes for message in envelope.messages]


class Gaps:
    """The parts of an endpoint and of its life cycle that a connection talks to."""

    def __init__(self) -> None:
        self.found = 0
        self.lifecycle = self

    def group_topic(self, name: str) -> str:
        return f"hg-{name}"

    def gap_found(self, connection: object) -> None:
        self.found += 1


def build_bus(clock: Clock, **limits: Any) -> MessageBus:
    """A bus on *clock*; a turn ends when the clock is advanced by nothing."""
    return MessageBus(
        epoch="e1", limits=RingLimits(**limits), seconds=clock.seconds, call_soon=TurnQueue(clock).call_soon
    )


def collect(bus: MessageBus) -> None:
    """Let a bus forget what has become too old, in one go."""
    for _ in bus.collect():
        pass


def silent_bus() -> MessageBus:
    """A bus without a clock, which hands out messages when it is told to, by ``flush``."""
    return MessageBus(epoch="e", limits=RingLimits(), seconds=lambda: 0.0, call_soon=lambda call: None)


class RecordingMembers:
    """Takes note of who is put into which group; knows the connection ``known`` only."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str, str]] = []

    def add_to_group(self, connection_id: str, name: str) -> None:
        self._change("add", connection_id, name)

    def remove_from_group(self, connection_id: str, name: str) -> None:
        self._change("remove", connection_id, name)

    def _change(self, change: str, connection_id: str, name: str) -> None:
        if connection_id != "known":
            raise LookupError(connection_id)
        self.changes.append((change, connection_id, name))


def fake_groups_token(connection_id: str, joined: Mapping[str, int]) -> str:
    """The groups, readable."""
    return "+".join(f"{name}@{sequence}" for name, sequence in joined.items())


def build_connection(bus: MessageBus, clock: Clock, connection_id: str = "c1") -> tuple[Connection, Gaps]:
    """A connection that listens to the topic ``everybody``."""
    gaps: Any = Gaps()
    call: Any = None
    connection = Connection(connection_id, gaps, call, bus=bus, seconds=clock.seconds, groups_token=fake_groups_token)
    connection.listen_to(["everybody"])
    return connection, gaps
