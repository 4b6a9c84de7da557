"""Topics, their bounded rings, and what is handed to whom."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.signalr.fakes import RecordingReader, build_bus, collect
from twisted_ticker.signalr.bus import MessageBus
from twisted_ticker.signalr.interfaces import IReader
from twisted_ticker.signalr.protocol.cursors import Cursor
from twisted_ticker.signalr.topics import Topic


class BusTestCase(SynchronousTestCase):
    """A bus on a clock, with helpers to read it."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = build_bus(self.clock)

    def end_turn(self) -> None:
        self.clock.advance(0)

    def publish(self, key: str, *payloads: bytes) -> None:
        for payload in payloads:
            self.bus.publish(key, payload)

    def live(self, *keys: str, connection_id: str = "reader") -> RecordingReader:
        reader = RecordingReader(connection_id)
        for key in keys:
            self.bus.subscribe(key, reader)
        return reader

    def read(self, joined: dict[Topic, int], position: int) -> tuple[bytes, ...]:
        return self.bus.backlog("reader", joined, position).messages


class DeliveryTests(BusTestCase):
    """Messages to live readers."""

    def test_the_fake_reader_is_one(self) -> None:
        """The recording reader offers what the bus asks of readers."""
        verifyObject(IReader, RecordingReader())

    def test_messages_of_one_turn_leave_in_one_envelope(self) -> None:
        """What is published in one reactor turn is one envelope, in the order of publishing."""
        reader = self.live("a", "b")
        self.publish("a", b"1")
        self.publish("b", b"2")
        self.publish("a", b"3")
        self.assertEqual(reader.envelopes, [])
        self.end_turn()
        self.assertEqual([list(envelope.messages) for envelope in reader.envelopes], [[b"1", b"2", b"3"]])

    def test_readers_with_the_same_messages_share_the_envelope(self) -> None:
        """However many readers a topic has, one envelope is made for all of them."""
        readers = [self.live("a", connection_id=str(number)) for number in range(5)]
        self.publish("a", b"1")
        self.end_turn()
        self.assertEqual(len({id(reader.envelopes[0]) for reader in readers}), 1)

    def test_readers_of_different_topics_get_what_is_theirs(self) -> None:
        """A reader gets the messages of its topics only, and no envelope when there is none."""
        readers = self.live("a"), self.live("b"), self.live("a", "b"), self.live("c")
        self.publish("a", b"1")
        self.publish("b", b"2")
        self.end_turn()
        self.assertEqual([reader.messages for reader in readers], [[b"1"], [b"2"], [b"1", b"2"], []])

    def test_the_cursor_is_the_same_for_all(self) -> None:
        """An envelope's cursor stands behind all that has been published, also on topics of others."""
        reader = self.live("a")
        self.live("b")
        self.publish("a", b"1")
        self.publish("b", b"2")
        self.end_turn()
        self.assertEqual(reader.envelopes[0].cursor, Cursor("e1", 2).encode())
        self.assertEqual(reader.envelopes[0].sequence, 2)

    def test_excluded_readers_get_the_rest(self) -> None:
        """A message's exclusions hold for that message, and the others still share an envelope."""
        first, second, third = (self.live("a", connection_id=name) for name in ("first", "second", "third"))
        self.bus.publish("a", b"1", excluded=["first"])
        self.bus.publish("a", b"2")
        self.end_turn()
        self.assertEqual(first.messages, [b"2"])
        self.assertEqual(second.messages, [b"1", b"2"])
        self.assertIs(second.envelopes[0], third.envelopes[0])

    def test_who_is_excluded_from_everything_gets_no_envelope(self) -> None:
        """No empty envelope is sent."""
        reader = self.live("a", connection_id="left out")
        self.bus.publish("a", b"1", excluded=["left out"])
        self.end_turn()
        self.assertEqual(reader.envelopes, [])

    def test_who_joins_in_the_same_turn_gets_only_what_comes_after(self) -> None:
        """A live reader that joins a topic does not get what was published there before, and the others do."""
        old = self.live("a")
        self.publish("a", b"before")
        new = self.live("a")
        self.publish("a", b"after")
        self.end_turn()
        self.assertEqual(old.messages, [b"before", b"after"])
        self.assertEqual(new.messages, [b"after"])

    def test_who_leaves_in_the_same_turn_gets_what_came_before(self) -> None:
        """A live reader that leaves a topic gets what was published there until then."""
        reader = RecordingReader()
        topic = self.bus.subscribe("a", reader)
        self.publish("a", b"before")
        self.bus.unsubscribe(topic, reader)
        self.publish("a", b"after")
        self.end_turn()
        self.assertEqual(reader.messages, [b"before"])

    def test_what_a_delivery_publishes_waits_for_the_next_flush(self) -> None:
        """Publishing while envelopes are being handed out neither mixes nor loses anything."""
        bus = self.bus

        class Echo(RecordingReader):
            def deliver(self, envelope: object) -> None:
                super().deliver(envelope)  # type: ignore[arg-type]
                if len(self.envelopes) == 1:
                    bus.publish("a", b"echo")
                    bus.flush()

        echo, other = Echo("echo"), RecordingReader("other")
        for reader in (echo, other):
            bus.subscribe("a", reader)
        self.publish("a", b"1")
        self.end_turn()
        self.assertEqual([list(e.messages) for e in other.envelopes], [[b"1"], [b"echo"]])
        self.assertEqual(echo.messages, [b"1", b"echo"])

    def test_a_reader_that_fails_stops_nobody(self) -> None:
        """It is logged; the others get this turn's messages, and everybody those of the next."""

        class Broken(RecordingReader):
            def deliver(self, envelope: object) -> None:
                raise RuntimeError("boom")

            def refresh(self, envelope: object) -> None:
                raise RuntimeError("boom")

        broken, healthy = Broken("broken"), RecordingReader("healthy")
        for reader in (broken, healthy):
            self.bus.subscribe("a", reader)
        for payload in (b"1", b"2"):
            self.bus.request_refresh(broken)
            self.bus.request_refresh(healthy)
            self.publish("a", payload)
            self.end_turn()
        self.assertEqual(healthy.messages, [b"1", b"2"])
        self.assertEqual(len(healthy.refreshed), 2)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 4)

    def test_a_refresh_follows_the_messages(self) -> None:
        """Who asks for a refresh is given an envelope without messages at the end of the turn."""
        reader = self.live("a")
        self.bus.request_refresh(reader)
        self.publish("a", b"1")
        self.end_turn()
        self.assertEqual(reader.messages, [b"1"])
        self.assertEqual([(e.sequence, list(e.messages)) for e in reader.refreshed], [(1, [])])


class BacklogTests(BusTestCase):
    """Readers that are not live."""

    def subscribe(self, *keys: str) -> dict[Topic, int]:
        return {self.bus.subscribe(key): self.bus.sequence for key in keys}

    def test_messages_of_several_topics_come_in_the_order_of_publishing(self) -> None:
        """A backlog is merged by sequence."""
        joined = self.subscribe("a", "b")
        for number in range(6):
            self.publish("ab"[number % 2], b"%d" % number)
        self.end_turn()
        self.assertEqual(self.read(joined, 0), tuple(b"%d" % number for number in range(6)))

    def test_a_backlog_begins_behind_the_position_and_the_join(self) -> None:
        """Neither what the reader has had, nor what was sent before it joined, is in it."""
        early = self.subscribe("a", "b")
        self.publish("a", b"1", b"2")
        self.publish("b", b"3")
        late = dict.fromkeys(early, self.bus.sequence)
        self.publish("a", b"4")
        self.end_turn()
        self.assertEqual(self.read(early, 2), (b"3", b"4"))
        self.assertEqual(self.read(late, 0), (b"4",))

    def test_what_is_not_handed_out_yet_is_not_in_it(self) -> None:
        """The present turn's messages come with its flush, so that nobody gets them twice."""
        joined = self.subscribe("a")
        self.publish("a", b"1")
        self.assertEqual(self.read(joined, 0), ())
        self.end_turn()
        self.assertEqual(self.read(joined, 0), (b"1",))

    def test_exclusions_hold_for_replays(self) -> None:
        """A message that was not meant for the reader is not replayed to it."""
        joined = self.subscribe("a")
        self.bus.publish("a", b"1", excluded=["reader"])
        self.bus.publish("a", b"2", excluded=["another"])
        self.end_turn()
        self.assertEqual(self.read(joined, 0), (b"2",))

    def test_a_long_backlog_comes_in_pieces(self) -> None:
        """One piece has 250 messages at most, and its position leads to the next one."""
        joined = self.subscribe("a")
        self.publish("a", *(b"%d" % number for number in range(251)))
        self.end_turn()
        first = self.bus.backlog("reader", joined, 0)
        self.assertEqual((len(first.messages), first.complete, first.position), (250, False, 250))
        second = self.bus.backlog("reader", joined, first.position)
        self.assertEqual((second.messages, second.complete, second.position), ((b"250",), True, 251))

    def test_a_piece_is_bounded_in_bytes(self) -> None:
        """A quarter of a mebibyte is one piece's limit; a larger single message is a piece of its own."""
        joined = self.subscribe("a")
        half, large = b"x" * (128 * 1024), b"y" * (300 * 1024)
        self.publish("a", half, half, b"z", large)
        self.end_turn()
        sizes, position, complete = [], 0, False
        while not complete:
            piece = self.bus.backlog("reader", joined, position)
            sizes.append([len(message) for message in piece.messages])
            position, complete = piece.position, piece.complete
        self.assertEqual(sizes, [[len(half), len(half)], [1], [len(large)]])


class ConflationTests(BusTestCase):
    """Messages of which who is behind needs only the newest."""

    def publish_keyed(self, *messages: tuple[str | None, bytes]) -> None:
        for key, payload in messages:
            self.bus.publish("a", payload, conflation_key=key)
        self.end_turn()

    def test_who_is_behind_gets_the_newest_of_each_key(self) -> None:
        """At its own place, and with all messages that have no key."""
        joined = {self.bus.subscribe("a"): 0}
        self.publish_keyed(("x", b"x1"), (None, b"1"), ("y", b"y1"), ("x", b"x2"), (None, b"2"))
        self.assertEqual(self.read(joined, 0), (b"1", b"y1", b"x2", b"2"))
        self.assertEqual(self.read(joined, 4), (b"2",))

    def test_who_is_live_gets_everything(self) -> None:
        """Nothing is kept from a reader that keeps up."""
        reader = self.live("a")
        self.publish_keyed(("x", b"x1"), ("x", b"x2"))
        self.assertEqual(reader.messages, [b"x1", b"x2"])

    def test_a_newer_message_for_others_does_not_replace(self) -> None:
        """What is not meant for the reader is not the newest that it needs."""
        joined = {self.bus.subscribe("a"): 0}
        self.publish_keyed(("x", b"x1"))
        self.bus.publish("a", b"x2", excluded=["reader"], conflation_key="x")
        self.end_turn()
        self.assertEqual(self.read(joined, 0), (b"x1",))


class GapTests(SynchronousTestCase):
    """Bounds of the rings, and that nothing is lost without being noticed."""

    def setUp(self) -> None:
        self.clock = Clock()

    def ring(self, *payloads: bytes, **limits: float) -> tuple[MessageBus, dict[Topic, int]]:
        """A bus with these messages on a topic, and a reader who has had none of them."""
        bus = build_bus(self.clock, **limits)
        joined = {bus.subscribe("a"): 0}
        for payload in payloads:
            bus.publish("a", payload)
        self.clock.advance(0)
        return bus, joined

    def kept(self, bus: MessageBus, joined: dict[Topic, int]) -> list[bytes]:
        return list(bus.backlog("reader", joined, 0).messages)

    def test_nothing_is_missed_within_the_ring(self) -> None:
        """As many messages as the ring keeps can be missed and made up for."""
        bus, joined = self.ring(*[b"x"] * 40, messages=40)
        self.assertFalse(bus.pass_gaps(joined, 0))
        self.assertEqual(len(self.kept(bus, joined)), 40)

    def test_one_message_more_is_a_gap(self) -> None:
        """The message that falls out of the ring is missed, once; the rest is still there."""
        bus, joined = self.ring(*[b"x"] * 41, messages=40)
        self.assertTrue(bus.pass_gaps(joined, 0))
        self.assertFalse(bus.pass_gaps(joined, 0))
        self.assertEqual(len(self.kept(bus, joined)), 40)

    def test_who_stands_behind_the_gap_has_missed_nothing(self) -> None:
        """A gap concerns only those who had not had the lost messages."""
        bus, joined = self.ring(*[b"x"] * 41, messages=40)
        self.assertFalse(bus.pass_gaps(joined, 1))

    def test_a_ring_keeps_32_messages_at_least(self) -> None:
        """A smaller buffer size counts as 32."""
        for count, missed in ((32, False), (33, True)):
            bus, joined = self.ring(*[b"x"] * count, messages=0)
            self.assertEqual(bus.pass_gaps(joined, 0), missed)

    def test_rings_are_bounded_in_bytes(self) -> None:
        """Payload beyond the limit pushes old messages out; the newest stays whatever its size."""
        for payloads, kept in (
            ([b"12345", b"67890"], 2),
            ([b"12345", b"67890", b"x"], 2),
            ([b"12345", b"x" * 11], 1),
        ):
            with self.subTest(payloads=payloads):
                bus, joined = self.ring(*payloads, bytes=10)
                self.assertEqual(self.kept(bus, joined), payloads[-kept:])
                self.assertEqual(bus.pass_gaps(joined, 0), kept < len(payloads))

    def test_rings_are_bounded_in_age(self) -> None:
        """A message of exactly the age is kept; an older one goes at the next collection."""
        bus, joined = self.ring(b"old", seconds=100)
        self.clock.advance(100)
        collect(bus)
        self.assertEqual(self.kept(bus, joined), [b"old"])
        self.clock.advance(0.5)
        collect(bus)
        self.assertEqual(self.kept(bus, joined), [])
        self.assertTrue(bus.pass_gaps(joined, 0))

    def test_old_messages_go_when_a_new_one_comes(self) -> None:
        """A topic that is used drops them by itself."""
        bus, joined = self.ring(b"old", seconds=100)
        self.clock.advance(100.5)
        bus.publish("a", b"new")
        self.clock.advance(0)
        self.assertEqual(self.kept(bus, joined), [b"new"])

    def test_publishing_to_nobody_is_a_gap_for_who_comes_back(self) -> None:
        """A message to a topic that is not there is not kept, and a reader from before it is told."""
        bus = build_bus(self.clock)
        bus.publish("a", b"lost")
        self.assertTrue(bus.pass_gaps({bus.subscribe("a"): 0}, 0))

    def test_a_new_reader_has_missed_nothing(self) -> None:
        """Who joins now has no claim to what was lost before."""
        bus = build_bus(self.clock)
        bus.publish("a", b"lost")
        self.assertFalse(bus.pass_gaps({bus.subscribe("a"): bus.sequence}, bus.position))


class IdleTopicTests(BusTestCase):
    """Topics that nobody listens to any more."""

    def leave(self, key: str) -> None:
        self.bus.unsubscribe(self.bus.subscribe(key), RecordingReader())

    def test_a_topic_waits_for_those_who_come_back(self) -> None:
        """Messages are kept although nobody listens at the moment."""
        self.leave("a")
        self.publish("a", b"1")
        self.end_turn()
        self.clock.advance(100)
        collect(self.bus)
        back = {self.bus.subscribe("a"): 0}
        self.assertEqual(self.read(back, 0), (b"1",))
        self.assertFalse(self.bus.pass_gaps(back, 0))

    def test_a_topic_is_forgotten_in_the_end(self) -> None:
        """After its time, a topic is gone, and who comes back is told that he missed something."""
        self.leave("a")
        self.publish("a", b"1")
        self.end_turn()
        self.clock.advance(100.5)
        collect(self.bus)
        back = {self.bus.subscribe("a"): 0}
        self.assertEqual(self.read(back, 0), ())
        self.assertTrue(self.bus.pass_gaps(back, 0))

    def test_a_topic_that_is_used_again_is_not_forgotten(self) -> None:
        """Coming back in time starts the clock anew."""
        self.leave("a")
        self.clock.advance(60)
        topic = self.bus.subscribe("a")
        self.clock.advance(60)
        collect(self.bus)
        self.assertIs(self.bus.subscribe("a"), topic)

    def test_there_are_at_most_1000_idle_topics(self) -> None:
        """Beyond that the one that has been idle for longest goes first."""
        for number in range(1001):
            self.leave(str(number))
        self.publish("0", b"to nobody")
        self.publish("1", b"kept")
        self.end_turn()
        self.assertEqual(self.read({self.bus.subscribe("0"): 0}, 0), ())
        self.assertEqual(self.read({self.bus.subscribe("1"): 0}, 0), (b"kept",))


class PositionTests(BusTestCase):
    """What cursors mean."""

    def test_positions_of_cursors(self) -> None:
        """Only a cursor of this run, and of something that has been published, names a position."""
        self.publish("a", b"1", b"2")
        for cursor, position in (
            (None, None),
            (Cursor("e1", 0), 0),
            (Cursor("e1", 2), 2),
            (Cursor("e1", 3), None),
            (Cursor("e2", 1), None),
        ):
            with self.subTest(cursor=cursor):
                self.assertEqual(self.bus.position_of(cursor), position)
