"""
Random interleavings of everything that can happen to one client: nothing is lost, doubled or swapped in silence.
"""

from __future__ import annotations

import itertools

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.signalr.fakes import RecordingReader, RecordingReceiver, build_bus, build_connection
from twisted_ticker.signalr import bus
from twisted_ticker.signalr.protocol.cursors import Cursor


class TurnClock(Clock):
    """A clock that runs one reactor turn at a time: what is called soon from within one waits for the next."""

    def advance(self, amount: float) -> None:
        self.rightNow += amount
        due = [call for call in self.calls if call.getTime() <= self.rightNow]
        self.calls = [call for call in self.calls if call not in due]
        for call in due:
            call.called = 1
            call.func(*call.args, **call.kw)


class DeliveryMachine(RuleBasedStateMachine):
    """
    One client with a stream or polls, over random interleavings of publishing, turns, full buffers, cuts and
    reconnects: it gets exactly what was meant for it, in order, or the gap is announced.

    Messages are numbers; the model is the list of those that are owed to the client.
    """

    RING = 32
    TOPICS = ("everybody", "everybody", "hg-room", "hg-other")

    @initialize(single_use=st.booleans())
    def connect(self, single_use: bool) -> None:
        self.clock = TurnClock()
        self.bus = build_bus(self.clock, messages=self.RING)
        # Others come before and behind the client in every broadcast, which may be made in slices.
        for topic in ("everybody", "hg-room"):
            self.bus.subscribe(topic, RecordingReader())
        self.connection, self.gaps = build_connection(self.bus, self.clock)
        self.bus.subscribe("everybody", RecordingReader())
        self.single_use = single_use
        self.numbers = itertools.count(1)
        self.owed: list[int] = []
        self.received: list[int] = []
        self.in_room = False
        self.first = 0
        self.cursor: str | None = None
        self.receiver: RecordingReceiver | None = None
        self.open_receiver(initialize=True)
        self.take()

    def open_receiver(self, *, initialize: bool = False, capacity: int | None = None) -> None:
        self.receiver = RecordingReceiver(single_use=self.single_use, capacity=None if self.single_use else capacity)
        position = self.bus.position_of(Cursor.parse(self.cursor))
        if self.connection.attach(self.receiver, position=position, initialize=initialize):
            self.gaps.found += 1
        self.connection.ready(self.receiver)

    def take(self) -> None:
        """The client reads what has been written to it so far."""
        receiver = self.receiver
        if receiver is None:
            return
        for envelope in receiver.envelopes:
            self.received += [int(message) for message in envelope.messages]
            self.cursor = envelope.cursor
        if receiver.ended is not None:
            self.cursor = receiver.ended.cursor
        if receiver.ended is not None or (self.single_use and receiver.envelopes):
            self.receiver = None
        receiver.envelopes.clear()

    def settle(self) -> None:
        """Whatever state the link is in, the client comes back and reads until there is nothing left."""
        quiet = 0
        while quiet < 8:
            before = len(self.received)
            if self.receiver is None:
                self.open_receiver()
            elif not self.single_use:
                self.receiver.drain(None)
            self.clock.advance(0)
            self.take()
            quiet = 0 if len(self.received) > before else quiet + 1

    @rule(count=st.integers(1, 3), topic=st.sampled_from(TOPICS), out=st.booleans(), end=st.booleans())
    def publish(self, count: int, topic: str, out: bool, end: bool) -> None:
        for _ in range(count):
            number = next(self.numbers)
            self.bus.publish(topic, b"%d" % number, ("c1",) if out else ())
            if not out and (topic == "everybody" or (topic == "hg-room" and self.in_room)):
                self.owed.append(number)
        if end:
            self.clock.advance(0)

    @rule(dice=st.integers(1, 6))
    def publish_more_than_the_ring_keeps(self, dice: int) -> None:
        # Seldom: what comes after an announced gap is a new beginning.
        if dice == 6:
            self.publish(self.RING + 1, "everybody", False, True)

    @rule()
    def join_the_room(self) -> None:
        self.in_room = True
        self.connection.add_group("room")

    @rule()
    def leave_the_room(self) -> None:
        if self.in_room:
            # What it was told as a member is still owed to the client.
            self.in_room = False
            self.connection.remove_group("room")

    @precondition(lambda self: self.receiver is not None and not self.single_use)
    @rule()
    def fill(self) -> None:
        assert self.receiver is not None
        self.receiver.fill()

    @precondition(lambda self: self.receiver is not None and not self.single_use)
    @rule(capacity=st.none() | st.integers(1, 3))
    def drain(self, capacity: int | None) -> None:
        assert self.receiver is not None
        self.receiver.drain(capacity)

    @rule()
    def read(self) -> None:
        self.take()

    @precondition(lambda self: self.receiver is not None)
    @rule()
    def cut(self) -> None:
        """The link breaks: what was written and not read is lost."""
        assert self.receiver is not None
        self.connection.detach(self.receiver)
        self.receiver = None

    @precondition(lambda self: self.receiver is not None)
    @rule()
    def time_out(self) -> None:
        self.connection.end_receiver()
        self.take()

    @precondition(lambda self: self.receiver is None)
    @rule(capacity=st.none() | st.integers(0, 3))
    def come_back(self, capacity: int | None) -> None:
        self.open_receiver(capacity=capacity)

    @rule(capacity=st.none() | st.integers(0, 3))
    def take_over(self, capacity: int | None) -> None:
        """A newer request of the same client; what the older one has not read is lost."""
        self.open_receiver(capacity=capacity)

    @invariant()
    def nothing_is_lost_doubled_or_swapped(self) -> None:
        if not hasattr(self, "connection"):
            return
        if self.gaps.found:
            assert self.bus.sequence - self.first > self.RING, "a gap was announced where nothing was lost"
            # The application is told, and sends a fresh picture: begin anew.
            self.settle()
            self.gaps.found = 0
            self.owed.clear()
            self.received.clear()
            self.first = self.bus.sequence
        assert self.received == self.owed[: len(self.received)], (self.received, self.owed)

    def teardown(self) -> None:
        if hasattr(self, "connection"):
            self.settle()
            self.nothing_is_lost_doubled_or_swapped()
            assert self.received == self.owed, (self.received, self.owed)


class RandomInterleavingTests(SynchronousTestCase):
    """Runs :class:`DeliveryMachine`."""

    def test_nothing_is_lost_doubled_or_swapped(self) -> None:
        """However events interleave, the client gets what it is owed or an announced gap."""
        run_state_machine_as_test(
            DeliveryMachine,
            settings=settings(max_examples=300, stateful_step_count=50),
        )

    def test_nor_when_a_broadcast_takes_many_turns(self) -> None:
        """Slices of one reader each, with everything else happening between them."""
        self.patch(bus, "_SLICE_READERS", 1)
        self.patch(bus, "_SLICE_SECONDS", 0)
        self.test_nothing_is_lost_doubled_or_swapped()
