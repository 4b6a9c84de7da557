"""What the bus counts, and how long it says that messages took."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.signalr.fakes import RecordingReader, RecordingReceiver, build_bus, build_connection, collect
from twisted_ticker.signalr.protocol.messages import Envelope


class SlowReader(RecordingReader):
    """A live reader that takes its time."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__()
        self._clock = clock
        self._seconds = seconds

    def deliver(self, envelope: Envelope) -> bool:
        self._clock.rightNow += self._seconds
        super().deliver(envelope)
        return True


class FailingReader(RecordingReader):
    """A live reader with a defect."""

    def deliver(self, envelope: Envelope) -> bool:
        raise ValueError("tested")


class BusCountersTests(SynchronousTestCase):
    """What is counted while messages pass the bus."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = build_bus(self.clock, messages=32)
        self.counters = self.bus.counters

    def test_time_from_publishing_to_the_last_reader(self) -> None:
        """It is that of the oldest message of a turn, measured once for each turn with messages."""
        for _ in range(3):
            self.bus.subscribe("a", SlowReader(self.clock, 0.01))
        self.bus.subscribe("b")
        self.bus.publish("a", b"1")
        self.clock.rightNow += 0.25
        self.bus.publish("b", b"2")
        self.bus.publish("a", b"3")
        self.clock.advance(0)
        self.clock.advance(1)
        histogram = self.counters.delivery_seconds
        self.assertAlmostEqual(histogram.total, 0.28)
        self.assertEqual(histogram.cumulative[-1], 1)
        counts = dict(zip(histogram.bounds, histogram.cumulative, strict=False))
        self.assertEqual((counts[0.25], counts[0.5]), (0, 1))
        self.bus.publish("b", b"4")
        self.clock.advance(0)
        self.assertEqual(histogram.cumulative[-1], 2)

    def test_readers_that_fail(self) -> None:
        """Each delivery that fails is counted, once."""
        for reader in (FailingReader("1"), RecordingReader("2"), FailingReader("3")):
            self.bus.subscribe("a", reader)
        self.bus.publish("a", b"1")
        self.clock.advance(0)
        self.assertEqual(self.counters.failed_deliveries, 2)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 2)

    def test_what_a_full_ring_drops(self) -> None:
        """Messages that had to go for newer ones are counted; those that became too old are not."""
        self.bus.subscribe("a")
        for _ in range(34):
            self.bus.publish("a", b"x")
        self.assertEqual(self.counters.dropped_messages, 2)
        self.clock.advance(1000)
        collect(self.bus)
        self.assertEqual(self.counters.dropped_messages, 2)

    def test_topics(self) -> None:
        """A topic is counted until it is forgotten."""
        topic = self.bus.subscribe("a")
        self.bus.subscribe("b")
        self.assertEqual(self.bus.topics, 2)
        self.bus.unsubscribe(topic, RecordingReader())
        self.assertEqual(self.bus.topics, 2)
        self.clock.advance(1000)
        collect(self.bus)
        self.assertEqual(self.bus.topics, 1)


class ConnectionCountersTests(SynchronousTestCase):
    """What is counted while a connection is served."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = build_bus(self.clock)
        self.connection, _ = build_connection(self.bus, self.clock)
        self.counters = self.bus.counters

    def attach(self, capacity: int | None = None) -> RecordingReceiver:
        receiver = RecordingReceiver(capacity=capacity)
        self.connection.attach(receiver, position=None, initialize=False)
        self.connection.ready(receiver)
        return receiver

    def test_messages_to_clients(self) -> None:
        """Each message counts once for each client that it was written to, whether that kept up or was behind."""
        receiver = self.attach()
        other, _ = build_connection(self.bus, self.clock, "c2")
        other_receiver = RecordingReceiver()
        other.attach(other_receiver, position=None, initialize=False)
        other.ready(other_receiver)
        for _ in range(3):
            self.bus.publish("everybody", b"1")
        self.clock.advance(0)
        self.assertEqual(self.counters.messages_to_clients, 6)
        receiver.fill()
        self.bus.publish("everybody", b"2")
        self.clock.advance(0)
        self.assertEqual(self.counters.messages_to_clients, 7)
        receiver.drain(None)
        self.assertEqual(self.counters.messages_to_clients, 8)
        self.assertEqual(receiver.texts, other_receiver.texts)

    def test_transports_that_fail(self) -> None:
        """What a transport does not take is counted, once."""
        receiver = self.attach()
        receiver.broken = ValueError("tested")
        self.bus.publish("everybody", b"1")
        self.clock.advance(0)
        self.assertEqual(self.counters.failed_deliveries, 1)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_what_a_client_that_was_behind_was_spared(self) -> None:
        """A message is counted once, though it is passed over in pieces; one that is newest of its key is sent."""
        receiver = self.attach()
        receiver.fill()
        keys = 300
        for price in range(3):
            for key in range(keys):
                self.bus.publish("everybody", b"%d" % price, conflation_key=key)
        self.bus.publish("everybody", b"9")
        self.clock.advance(0)
        self.assertEqual(self.counters.conflated_messages, 0)
        receiver.drain(1)
        self.assertEqual((len(receiver.texts), self.counters.conflated_messages), (250, 2 * keys))
        receiver.drain(None)
        self.assertEqual((len(receiver.texts), self.counters.conflated_messages), (keys + 1, 2 * keys))
        self.assertEqual(self.counters.messages_to_clients, keys + 1)

    def test_spared_in_the_second_piece(self) -> None:
        """What is replaced behind the first piece is not counted before that has been passed."""
        receiver = self.attach()
        receiver.fill()
        for number in range(250):
            self.bus.publish("everybody", b"%d" % number)
        for _ in range(3):
            self.bus.publish("everybody", b"0", conflation_key="k")
        self.clock.advance(0)
        receiver.drain(1)
        self.assertEqual(self.counters.conflated_messages, 0)
        receiver.drain(None)
        self.assertEqual(self.counters.conflated_messages, 2)
