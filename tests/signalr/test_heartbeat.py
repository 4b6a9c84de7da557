"""The one timer: signs of life, time-outs, and clients that are gone."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.signalr.fakes import Gaps, RecordingReceiver, build_bus
from twisted_ticker.signalr import heartbeat as heartbeat_module
from twisted_ticker.signalr.connection import Connection
from twisted_ticker.signalr.counters import Counters
from twisted_ticker.signalr.heartbeat import Heartbeat
from twisted_ticker.signalr.settings import Settings


class HeartbeatTests(SynchronousTestCase):
    """The heartbeat of a server with default settings, which beats every five seconds."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = build_bus(self.clock)
        self.connections: dict[str, Connection] = {}
        self.disconnected: list[tuple[str, float]] = []
        self.counters = Counters()
        self.collections = 0

    def start(self, settings: Settings | None = None) -> Heartbeat:
        heartbeat = Heartbeat(
            self.connections.values,
            settings or Settings(),
            clock=self.clock,
            disconnect=self.disconnect,
            collect=self.collect,
            counters=self.counters,
        )
        heartbeat.start()
        self.addCleanup(self.assertEqual, self.clock.getDelayedCalls(), [])
        self.addCleanup(heartbeat.stop)
        return heartbeat

    def one_step_a_turn(self) -> None:
        """As if each step took so long that the reactor has to do something else after it."""
        self.patch(heartbeat_module, "_SLICE_SECONDS", 0)

    def disconnect(self, connection_id: str) -> None:
        self.disconnected.append((connection_id, self.clock.seconds()))
        del self.connections[connection_id]

    def collect(self) -> Iterator[None]:
        self.collections += 1
        yield

    def connect(self, transport: str, connection_id: str = "c1", **kinds: Any) -> RecordingReceiver:
        endpoint: Any = Gaps()
        call: Any = SimpleNamespace(transport=transport)
        connection = self.connections[connection_id] = Connection(
            connection_id,
            endpoint,
            call,
            bus=self.bus,
            seconds=self.clock.seconds,
            groups_token=lambda connection_id, joined: "",
        )
        receiver = RecordingReceiver(**kinds)
        connection.attach(receiver, position=None, initialize=False)
        connection.ready(receiver)
        return receiver

    def pass_seconds(self, seconds: int) -> None:
        self.clock.pump([0.5] * (2 * seconds))

    def test_everybody_gets_a_keep_alive_at_the_same_beat(self) -> None:
        """Every ten seconds of the server's, however old the connection is."""
        self.start()
        early = self.connect("webSockets")
        self.pass_seconds(9)
        late = self.connect("longPolling", "c2", single_use=True)
        self.assertEqual((early.keep_alives, late.keep_alives), (0, 0))
        self.pass_seconds(1)
        self.assertEqual((early.keep_alives, late.keep_alives), (1, 1))
        self.pass_seconds(20)
        self.assertEqual((early.keep_alives, late.keep_alives), (3, 3))

    def test_a_poll_ends_after_the_connection_timeout(self) -> None:
        """With an envelope without messages; a stream goes on."""
        self.start()
        poll = self.connect("longPolling", single_use=True)
        stream = self.connect("webSockets", "c2")
        self.pass_seconds(109)
        self.assertIsNone(poll.ended)
        self.pass_seconds(1)
        self.assertIsNotNone(poll.ended)
        self.assertIsNone(stream.ended)

    def test_without_keep_alive_streams_end_too(self) -> None:
        """Nothing else would tell a dead one from a quiet one."""
        self.start(Settings(keep_alive=None, connection_timeout=20))
        stream = self.connect("webSockets")
        self.pass_seconds(20)
        self.assertIsNotNone(stream.ended)
        self.assertEqual(stream.keep_alives, 0)

    def test_a_lost_stream_is_given_35_seconds(self) -> None:
        """Then its client counts as gone."""
        self.start()
        stream = self.connect("webSockets")
        self.connections["c1"].detach(stream)
        self.pass_seconds(40)
        self.assertEqual(self.disconnected, [("c1", 35.0)])

    def test_a_lost_poller_is_given_30_seconds_and_its_delay(self) -> None:
        """A client that waits between polls by order is not blamed for it."""
        for delay, end in ((0.0, 30.0), (4.0, 35.0)):
            with self.subTest(delay=delay):
                self.setUp()
                self.start(Settings(long_poll_delay=delay))
                poll = self.connect("longPolling", single_use=True)
                self.connections["c1"].detach(poll)
                self.pass_seconds(40)
                self.assertEqual(self.disconnected, [("c1", end)])

    def test_a_client_that_reads_nothing_is_dropped(self) -> None:
        """After the disconnect timeout; it is counted, and no keep-alive is written to it any more."""
        self.start()
        stream = self.connect("webSockets")
        self.pass_seconds(3)
        stream.fill()
        self.pass_seconds(31)
        self.assertFalse(stream.aborted)
        self.pass_seconds(1)
        self.assertTrue(stream.aborted)
        self.assertEqual(self.counters.stalled_receivers, 1)

    def test_one_broken_connection_does_not_stop_the_beat(self) -> None:
        """Its failure is logged, and the others are looked after, at this beat and the following."""
        self.start()
        self.connect("webSockets", "broken").keep_alive = None  # type: ignore[assignment,method-assign]
        healthy = self.connect("webSockets", "healthy")
        self.pass_seconds(20)
        self.assertEqual(healthy.keep_alives, 2)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 2)

    def test_every_beat_collects(self) -> None:
        """Old messages are dropped although nobody publishes."""
        self.start()
        self.pass_seconds(10)
        self.assertEqual(self.collections, 2)

    def test_a_beat_leaves_the_reactor_time_for_other_things(self) -> None:
        """It goes on where it was, and what happens meanwhile is seen."""
        self.one_step_a_turn()
        self.start()
        receivers = [self.connect("webSockets", f"c{number}") for number in range(20)]
        done: list[int] = []

        def something_else() -> None:
            done.append(sum(receiver.keep_alives for receiver in receivers))
            if done[-1] < len(receivers):
                self.clock.callLater(0, something_else)

        self.pass_seconds(9)
        self.clock.callLater(1, something_else)
        self.pass_seconds(1)
        self.assertEqual([receiver.keep_alives for receiver in receivers], [1] * 20)
        self.assertGreaterEqual(len(done), 20)

    def test_a_connection_that_is_closed_during_a_beat(self) -> None:
        """It is not looked after any more: another one may have its id already."""
        self.one_step_a_turn()
        self.start()
        self.connect("webSockets")
        lost = self.connect("webSockets", "c2")
        connection = self.connections["c2"]
        connection.detach(lost)
        self.pass_seconds(34)
        self.clock.callLater(1, connection.close)
        self.pass_seconds(5)
        self.assertEqual(self.disconnected, [])

    def test_a_beat_that_is_under_way_when_it_is_stopped(self) -> None:
        """It goes no further."""
        self.one_step_a_turn()
        heartbeat = self.start()
        receivers = [self.connect("webSockets", f"c{number}") for number in range(20)]
        self.pass_seconds(9)
        self.clock.callLater(1, heartbeat.stop)
        self.pass_seconds(10)
        self.assertLess(sum(receiver.keep_alives for receiver in receivers), 20)
