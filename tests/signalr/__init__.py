"""Tests of the SignalR library, and what they share: a bus whose messages can be looked at."""

from __future__ import annotations

from zope.interface import implementer

from twisted_ticker.signalr.bus import MessageBus, RingLimits
from twisted_ticker.signalr.interfaces import IReader
from twisted_ticker.signalr.protocol.messages import Envelope


def silent_bus() -> MessageBus:
    """A bus without a clock, which hands out messages when it is told to, by ``flush``."""
    return MessageBus(epoch="e", limits=RingLimits(), seconds=lambda: 0.0, call_soon=lambda call: None)


@implementer(IReader)
class RecordingReader:
    """A live reader of some topics that keeps the texts of the messages it is handed."""

    def __init__(self, bus: MessageBus, *topics: str, connection_id: str = "reader") -> None:
        self.connection_id = connection_id
        self._bus = bus
        self._messages: list[str] = []
        for topic in topics:
            bus.subscribe(topic, self)

    def deliver(self, envelope: Envelope) -> None:
        self._messages += [message.decode() for message in envelope.messages]

    def refresh(self, envelope: Envelope) -> None:
        """Not asked for."""

    def take(self) -> list[str]:
        """What was published since the last time."""
        self._bus.flush()
        messages, self._messages = self._messages, []
        return messages


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
