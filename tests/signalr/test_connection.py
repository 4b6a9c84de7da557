"""Connections: their states, what their receivers are sent, and that nothing is lost or doubled."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.signalr.fakes import RecordingReceiver, build_bus, build_connection
from twisted_ticker.signalr.connection import ConnectionState
from twisted_ticker.signalr.errors import IllegalTransition
from twisted_ticker.signalr.interfaces import IReader, IReceiver


class ConnectionTestCase(SynchronousTestCase):
    """One connection on a bus."""

    ring = 32

    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = build_bus(self.clock, messages=self.ring)
        self.connection, self.gaps = build_connection(self.bus, self.clock)

    def publish(self, *payloads: int, to: str = "everybody") -> None:
        for payload in payloads:
            self.bus.publish(to, b"%d" % payload)
        self.clock.advance(0)

    def attach(self, *, position: int | None = None, initialize: bool = False, **kinds: Any) -> RecordingReceiver:
        receiver = RecordingReceiver(**kinds)
        self.missed = self.connection.attach(receiver, position=position, initialize=initialize)
        self.connection.ready(receiver)
        return receiver


class StreamTests(ConnectionTestCase):
    """A receiver that takes any number of envelopes."""

    def test_the_seams_are_kept(self) -> None:
        """Connections are readers, and the fake is a receiver."""
        verifyObject(IReader, self.connection)
        verifyObject(IReceiver, RecordingReceiver())

    def test_the_first_envelope_initializes(self) -> None:
        """A client that connects is told so at once, and only once."""
        receiver = self.attach(initialize=True)
        self.assertEqual([envelope.json() for envelope in receiver.envelopes], [b'{"C":"e1-0","S":1,"M":[]}'])
        self.publish(1)
        self.assertEqual(receiver.envelopes[1].json(), b'{"C":"e1-1","M":[1]}')

    def test_nothing_is_sent_before_the_application_is_ready(self) -> None:
        """What is published meanwhile comes with the first envelope."""
        receiver = RecordingReceiver()
        self.connection.attach(receiver, position=None, initialize=True)
        self.publish(1)
        self.assertEqual(receiver.envelopes, [])
        self.connection.ready(receiver)
        self.assertEqual([envelope.json() for envelope in receiver.envelopes], [b'{"C":"e1-1","S":1,"M":[1]}'])

    def test_being_ready_twice_changes_nothing(self) -> None:
        """Only the first word counts."""
        receiver = self.attach(initialize=True)
        self.connection.ready(receiver)
        self.assertEqual(len(receiver.envelopes), 1)

    def test_a_reconnect_without_news_sends_nothing(self) -> None:
        """The client knows by the open transport that it is back."""
        self.assertEqual(self.attach(position=0).envelopes, [])
        self.assertFalse(self.missed)

    def test_a_reconnect_brings_what_was_missed(self) -> None:
        """Exactly the messages behind the cursor, in order, and then the new ones."""
        first = self.attach(initialize=True)
        self.publish(1, 2)
        self.connection.detach(first)
        self.publish(3, 4)
        second = self.attach(position=1)
        self.publish(5)
        self.assertEqual(second.texts, [2, 3, 4, 5])

    def test_a_new_receiver_ends_the_old_one(self) -> None:
        """One connection has one receiver; the old one's calls mean nothing any more."""
        old = self.attach(initialize=True)
        new = self.attach(position=0)
        self.assertIsNotNone(old.ended)
        for late_call in (self.connection.detach, self.connection.pause, self.connection.resume):
            late_call(old)
        self.publish(1)
        self.assertEqual((old.texts, new.texts), ([], [1]))

    def test_a_broken_transport_hurts_nobody_else(self) -> None:
        """A write that fails is logged and ends that receiver; the broadcast goes on."""
        other, _ = build_connection(self.bus, self.clock, "c2")
        broken = self.attach(initialize=True)
        healthy = RecordingReceiver()
        other.attach(healthy, position=None, initialize=False)
        other.ready(healthy)
        broken.broken = RuntimeError("boom")
        self.publish(1)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertTrue(broken.aborted)
        self.assertIs(self.connection.state, ConnectionState.DETACHED)
        self.assertEqual(healthy.texts, [1])

    def test_closing_ends_the_receiver_and_leaves_the_topics(self) -> None:
        """A connection that is over gets nothing more, and cannot be used again."""
        receiver = self.attach(initialize=True)
        self.connection.close()
        self.publish(1)
        self.assertIsNotNone(receiver.ended)
        self.assertEqual(receiver.texts, [])
        self.assertRaises(IllegalTransition, self.connection.close)
        self.assertRaises(
            IllegalTransition, self.connection.attach, RecordingReceiver(), position=None, initialize=True
        )

    def test_an_aborted_receiver_is_not_ended_as_well(self) -> None:
        """Who reads nothing cannot be sent a proper end."""
        receiver = self.attach(initialize=True)
        self.connection.abort_receiver()
        self.assertEqual((receiver.aborted, receiver.ended), (True, None))


class BackPressureTests(ConnectionTestCase):
    """A receiver that is full."""

    def test_nothing_is_written_to_a_full_receiver(self) -> None:
        """It catches up from the rings when it drains, in order and without a gap."""
        receiver = self.attach(initialize=True, capacity=2)
        self.publish(1)
        self.publish(2)
        self.publish(3)
        self.assertEqual(receiver.texts, [1])
        receiver.drain(1)
        self.assertEqual(receiver.texts, [1, 2, 3])
        self.publish(4)
        receiver.drain(None)
        self.publish(5)
        self.assertEqual(receiver.texts, [1, 2, 3, 4, 5])
        self.assertEqual(self.gaps.found, 0)

    def test_falling_behind_the_ring_is_announced(self) -> None:
        """The endpoint is told once, and the client goes on with what is left."""
        receiver = self.attach(initialize=True)
        receiver.fill()
        self.publish(*range(40))
        receiver.drain(None)
        self.assertEqual(self.gaps.found, 1)
        self.assertEqual(receiver.texts, list(range(8, 40)))

    def test_it_is_known_since_when_a_receiver_is_full(self) -> None:
        """Further pauses do not start the clock anew; draining stops it."""
        receiver = self.attach(initialize=True)
        self.clock.advance(3)
        receiver.fill()
        self.clock.advance(4)
        receiver.fill()
        self.assertEqual(self.connection.paused_since, 3)
        receiver.drain(None)
        self.assertIsNone(self.connection.paused_since)

    def test_a_receiver_that_is_full_from_the_start_waits(self) -> None:
        """Even the first envelope is not written before there is room."""
        receiver = self.attach(initialize=True, capacity=0)
        self.assertEqual(receiver.envelopes, [])
        receiver.drain(None)
        self.assertTrue(receiver.envelopes[0].initialized)


class LongBacklogTests(ConnectionTestCase):
    """More to catch up with than fits into one envelope."""

    ring = 1000

    def test_a_long_backlog_stops_where_the_receiver_is_full(self) -> None:
        """Catching up goes on, piece by piece, as there is room."""
        receiver = self.attach(capacity=0)
        self.publish(*range(600))
        receiver.drain(1)
        self.assertEqual(len(receiver.texts), 250)
        receiver.drain(None)
        self.publish(600)
        self.assertEqual(receiver.texts, list(range(601)))

    def test_polls_take_a_long_backlog_piece_by_piece(self) -> None:
        """Each answer leads to the next, and nothing is left out between them."""
        self.publish(*range(600))
        texts: list[Any] = []
        position = 0
        while len(texts) < 600:
            poll = self.attach(single_use=True, position=position)
            texts += poll.texts
            position = poll.envelopes[0].sequence
        self.assertEqual(texts, list(range(600)))


class PollTests(ConnectionTestCase):
    """A receiver that takes one envelope."""

    def test_a_connect_is_answered_at_once(self) -> None:
        """The initializing envelope ends the request."""
        poll = self.attach(single_use=True, initialize=True)
        self.assertEqual(len(poll.envelopes), 1)
        self.assertIs(self.connection.state, ConnectionState.DETACHED)

    def test_a_poll_waits_for_the_first_envelope(self) -> None:
        """It ends with it, and what comes later is for the next poll."""
        poll = self.attach(single_use=True, position=0)
        self.assertEqual(poll.envelopes, [])
        self.publish(1)
        self.publish(2)
        self.assertEqual(poll.texts, [1])
        following = self.attach(single_use=True, position=poll.envelopes[0].sequence)
        self.assertEqual(following.texts, [2])

    def test_a_lost_answer_is_sent_again(self) -> None:
        """The client's cursor decides, not what the server believes to have sent."""
        self.attach(single_use=True, position=0)
        self.publish(1)
        again = self.attach(single_use=True, position=0)
        self.assertEqual(again.texts, [1])

    def test_a_newer_poll_ends_the_older_with_an_empty_envelope(self) -> None:
        """Its cursor covers what the client has been sent, and nothing of the present turn."""
        self.publish(1)
        poll = self.attach(single_use=True, position=1)
        self.bus.publish("everybody", b"2")
        newer = self.attach(single_use=True, position=1)
        self.assertEqual(poll.ended and poll.ended.json(), b'{"C":"e1-1","M":[]}')
        self.clock.advance(0)
        self.assertEqual(newer.texts, [2])

    def test_absence_is_measured_from_the_answer(self) -> None:
        """Between two polls the connection was last seen when the last one ended."""
        self.attach(single_use=True, position=0)
        self.clock.advance(7)
        self.publish(1)
        self.assertEqual(self.connection.last_seen, 7)


class GroupTests(ConnectionTestCase):
    """Groups, and how the client learns of them."""

    def test_a_member_gets_what_is_sent_from_now_on(self) -> None:
        """Joining is effective at once; what was sent before is not delivered."""
        receiver = self.attach(initialize=True)
        self.bus.publish("hg-room", b"1")
        self.connection.add_group("room")
        self.bus.publish("hg-room", b"2")
        self.clock.advance(0)
        self.assertEqual(receiver.texts, [2])

    def test_a_new_token_rides_on_the_turns_messages(self) -> None:
        """Where a message is going out anyhow, it brings the token."""
        receiver = self.attach(initialize=True)
        self.connection.add_group("room")
        self.publish(1)
        self.assertEqual([e.json() for e in receiver.envelopes[1:]], [b'{"C":"e1-1","G":"room@0","M":[1]}'])

    def test_a_new_token_is_sent_without_messages_too(self) -> None:
        """The client learns of its groups in the same turn."""
        receiver = self.attach(initialize=True)
        self.connection.add_group("room")
        self.clock.advance(0)
        self.assertEqual([e.json() for e in receiver.envelopes[1:]], [b'{"C":"e1-0","G":"room@0","M":[]}'])

    def test_joining_twice_changes_nothing(self) -> None:
        """Neither membership nor token."""
        receiver = self.attach(initialize=True)
        self.connection.add_group("room")
        self.clock.advance(0)
        self.connection.add_group("room")
        self.clock.advance(0)
        self.assertEqual(len(receiver.envelopes), 2)

    def test_leaving_sends_the_remaining_groups(self) -> None:
        """Also when none is left; leaving a group that one is not in changes nothing."""
        receiver = self.attach(initialize=True)
        self.connection.add_group("room")
        self.clock.advance(0)
        self.connection.remove_group("room")
        self.connection.remove_group("another")
        self.bus.publish("hg-room", b"1")
        self.clock.advance(0)
        self.assertEqual(receiver.envelopes[-1].json(), b'{"C":"e1-1","G":"","M":[]}')
        self.assertEqual(receiver.texts, [])

    def test_a_poll_is_answered_by_a_change_of_groups(self) -> None:
        """A client that polls learns at once, also if the change came between two polls."""
        waiting = self.attach(single_use=True, position=0)
        self.connection.add_group("room")
        self.clock.advance(0)
        self.assertEqual(waiting.envelopes[0].groups_token, "room@0")
        self.connection.add_group("hall")
        following = self.attach(single_use=True, position=0)
        self.assertEqual(following.envelopes[0].groups_token, "room@0+hall@0")

    def test_a_terminal_envelope_brings_the_token(self) -> None:
        """A poll that ends for another reason still tells."""
        waiting = self.attach(single_use=True, position=0)
        self.connection.add_group("room")
        self.connection.end_receiver()
        self.assertEqual(waiting.ended and waiting.ended.groups_token, "room@0")

    def test_restored_groups_are_replayed_from_where_they_were_joined(self) -> None:
        """A group's messages from before the join stay out of the replay."""
        self.connection.restore_groups({"room": None})
        self.publish(1, 2, to="hg-room")
        back, _ = build_connection(self.bus, self.clock, "c2")
        back.restore_groups({"room": 1})
        receiver = RecordingReceiver()
        back.attach(receiver, position=0, initialize=False)
        back.ready(receiver)
        self.assertEqual(receiver.texts, [2])

    def test_a_client_that_knows_its_groups_is_not_told_again(self) -> None:
        """Only a difference is announced."""
        self.connection.restore_groups({"room": 0})
        self.connection.announce_groups_unless({"room": 0})
        receiver = self.attach(position=0)
        self.clock.advance(0)
        self.assertEqual(receiver.envelopes, [])
        self.connection.announce_groups_unless({})
        self.clock.advance(0)
        self.assertEqual(receiver.envelopes[0].groups_token, "room@0")


class DepartureTests(ConnectionTestCase):
    """What a client was told as a member of a group that it has left."""

    def leave_a_room(self) -> RecordingReceiver:
        """Send something to a member, who then leaves; the link may still lose it."""
        receiver = self.attach(initialize=True)
        self.connection.add_group("room")
        self.publish(1, to="hg-room")
        self.connection.remove_group("room")
        self.publish(2, to="hg-room")
        return receiver

    def test_it_is_replayed(self) -> None:
        """A client that comes back from before gets it, and nothing from after it left."""
        self.connection.detach(self.leave_a_room())
        self.assertEqual(self.attach(position=0).texts, [1])
        self.assertFalse(self.missed)

    def test_what_was_written_is_not_what_has_arrived(self) -> None:
        """Also after the receiver was full in between: only the client's cursor says what it has had."""
        receiver = self.leave_a_room()
        receiver.fill()
        receiver.drain(None)
        self.connection.detach(receiver)
        self.assertEqual(self.attach(position=0).texts, [1])

    def test_what_the_client_has_confirmed_is_let_go(self) -> None:
        """It is not replayed to one that has had it, and a lying cursor later is no reason to keep it."""
        self.connection.detach(self.leave_a_room())
        self.assertEqual(self.attach(position=2).texts, [])
        self.assertEqual(self.attach(position=0).texts, [])

    def test_too_many_are_a_possible_gap(self) -> None:
        """32 groups that were left are remembered; a client that comes back from before the next one is told."""
        for count, missed in ((32, False), (33, True)):
            self.setUp()
            receiver = self.attach(initialize=True)
            for number in range(count):
                self.connection.add_group(f"room {number}")
                self.publish(number, to=f"hg-room {number}")
                self.connection.remove_group(f"room {number}")
            self.connection.detach(receiver)
            self.attach(position=0)
            self.assertEqual(self.missed, missed)


class TopicChangeTests(ConnectionTestCase):
    """Topics that come and go with what a client lists."""

    def test_a_topic_can_be_taken_up_from_a_position(self) -> None:
        """Who is back after the server forgot him gets what the ring has kept since."""
        self.publish(1, 2, 3)
        back, _ = build_connection(self.bus, self.clock, "c2")
        back.listen_to([])
        back.listen_to(["everybody"], since=1)
        receiver = RecordingReceiver()
        self.assertFalse(back.attach(receiver, position=1, initialize=False))
        back.ready(receiver)
        self.assertEqual(receiver.texts, [2, 3])

    def test_topics_that_are_not_listed_any_more_are_left(self) -> None:
        """A client gets nothing of a hub that it has dropped."""
        receiver = self.attach(initialize=True)
        self.connection.listen_to(["other"])
        self.publish(1)
        self.publish(2, to="other")
        self.assertEqual(receiver.texts, [2])
