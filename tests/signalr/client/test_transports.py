"""What users of the client see, whatever the transport: one set of tests, run over each of them in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.signalr.client.support import ClientHarness, Recorder
from twisted_ticker.signalr import Settings
from twisted_ticker.signalr.client import (
    ConnectionClosed,
    ConnectionLost,
    ConnectionState,
    HubConnection,
    HubInvocationError,
    HubProxy,
    NotConnected,
    NotSubscribed,
)


class TransportTests:
    """
    Behaviour of every transport; subclasses name it.

    Attributes:
        transport: its wire name.
        retry_seconds: how long after a loss the client tries to come back.
    """

    transport: str
    retry_seconds = 2.0

    harness: ClientHarness
    connection: HubConnection
    hub: HubProxy
    recorder: Recorder
    heard: list[str]

    def setUp(self) -> None:
        self.make()

    def make(self, **options: Any) -> None:
        """A server and a client that listens to its hub, not started."""
        self.harness = ClientHarness(self, **options)  # type: ignore[arg-type]
        self.connection = self.harness.client(self.transport)
        self.hub = self.connection.create_hub_proxy("probe")
        self.heard = []
        self.hub.on("said", self.heard.append)
        self.recorder = Recorder(self.connection)

    def start(self) -> None:
        """Connect."""
        self.harness.start(self.connection)

    def invoke(self, method: str, *arguments: Any) -> Any:
        """Call the hub; the answer must come at once."""
        outcome = self.hub.invoke(method, *arguments)
        self.harness.flush()
        return self.successResultOf(outcome)  # type: ignore[attr-defined]

    def events(self) -> list[str]:
        """What the server's hub was told."""
        return [event for _, event in self.harness.journal.events]

    # Starting and stopping

    def test_start(self) -> None:
        """The client is connected when the hub knows it, and says how."""
        self.start()
        self.assertIs(self.connection.state, ConnectionState.CONNECTED)
        self.assertEqual(self.connection.transport, self.transport)
        self.assertEqual(self.harness.journal.events, [(self.connection.connection_id, "connected")])
        self.assertEqual(self.recorder.events, ["connected"])
        self.assertTrue(self.connection.message_id)
        self.assertIsNone(self.connection.groups_token)

    def test_stop(self) -> None:
        """The hub learns that the client has gone, and nothing of it is left."""
        self.start()
        stopped = self.connection.stop()
        self.harness.flush()
        self.successResultOf(stopped)
        self.assertEqual(self.events(), ["connected", "disconnected stop_called=True"])
        self.assertEqual(self.recorder.events, ["connected", "disconnected"])
        self.assertIs(self.connection.state, ConnectionState.DISCONNECTED)
        self.assertTrue(all(link.lost for link in self.harness.endpoints.links))

    def test_start_again(self) -> None:
        """A client that was stopped can be started anew, as another connection."""
        self.start()
        first = self.connection.connection_id
        self.harness.finish(self.connection)
        self.start()
        self.assertNotEqual(self.connection.connection_id, first)
        self.harness.say("again")
        self.assertEqual(self.heard, ["again"])

    def test_stop_while_starting(self) -> None:
        """A start that is interrupted fails, and the server is told goodbye."""
        self.harness.journal.connecting = Deferred()
        started = self.connection.start()
        self.harness.flush()
        stopped = self.connection.stop()
        self.harness.flush()
        self.successResultOf(stopped)
        self.failureResultOf(started, ConnectionClosed)
        self.harness.journal.connecting.callback(None)
        self.assertEqual(self.recorder.events, ["disconnected"])

    def test_stop_without_server(self) -> None:
        """A server that does not answer delays the end by a few seconds only."""
        self.start()
        self.harness.interposer.hold("abort")
        stopped = self.connection.stop()
        self.harness.advance(4.5)
        self.assertNoResult(stopped)
        self.harness.advance(1)
        self.successResultOf(stopped)
        self.assertTrue(all(link.lost for link in self.harness.endpoints.links))

    def test_hub_ends_the_connection(self) -> None:
        """A connection that the server ends comes back, as the reference's does."""
        self.start()
        self.harness.server.disconnect(self.connection.connection_id, stop_called=True)
        self.harness.advance(self.retry_seconds + 6)
        self.harness.say("back")
        self.assertEqual(self.heard, ["back"])

    # Calls

    def test_results(self) -> None:
        """Results are plain JSON values."""
        self.start()
        for value in (None, False, 0, "", "hé€😀", 1.5, [1, [2]], {"a": {"B": None}}, "</script>\u2028"):
            self.assertEqual(self.invoke("echo", value), value)
        self.assertEqual(self.invoke("ADD", 1, 2), 3)
        self.assertIsNone(self.invoke("nothing"))

    def test_errors(self) -> None:
        """Failures of the method arrive as errors, with what the hub's author tells."""
        self.start()
        outcome = self.hub.invoke("refuse", "No.")
        self.harness.flush()
        error = self.failureResultOf(outcome, HubInvocationError).value
        self.assertEqual((error.text, error.is_hub_exception, error.data), ("No.", True, {"why": "tested"}))
        outcome = self.hub.invoke("noSuch")
        self.harness.flush()
        error = self.failureResultOf(outcome, HubInvocationError).value
        self.assertEqual((error.is_hub_exception, error.data), (False, None))
        self.assertIn("probe.noSuch", str(error))

    def test_calls_overlap(self) -> None:
        """A slow call does not delay the next one."""
        self.start()
        slow = self.hub.invoke("slow")
        self.assertEqual(self.invoke("add", 1, 2), 3)
        self.assertNoResult(slow)
        self.harness.journal.slow[0].callback("at last")
        self.harness.flush()
        self.assertEqual(self.successResultOf(slow), "at last")

    def test_state(self) -> None:
        """State goes there and back."""
        self.start()
        self.hub.state["mine"] = 1
        self.invoke("remember", [1, 2])
        self.assertEqual(self.hub.state, {"mine": 1, "memory": [1, 2]})

    def test_too_much_state(self) -> None:
        """State that no server takes is refused before it is sent."""
        self.start()
        self.hub.state["much"] = "x" * 5000
        self.failureResultOf(self.hub.invoke("nothing")).trap(Exception)
        self.assertEqual(self.harness.interposer.commands().count("send"), 0)

    def test_not_json(self) -> None:
        """Arguments that JSON cannot express are the caller's error."""
        self.start()
        self.failureResultOf(self.hub.invoke("echo", object()), TypeError)

    def test_calls_need_a_connection(self) -> None:
        """Without a connection nothing is sent."""
        self.failureResultOf(self.hub.invoke("nothing"), NotConnected)
        self.start()
        self.failureResultOf(self.connection.start(), NotConnected)
        self.harness.finish(self.connection)
        self.failureResultOf(self.hub.invoke("nothing"), NotConnected)

    def test_stopping_ends_calls(self) -> None:
        """Who waits for an answer when the connection is stopped learns that none will come."""
        self.start()
        slow = self.hub.invoke("slow")
        self.harness.flush()
        self.harness.finish(self.connection)
        self.failureResultOf(slow, ConnectionClosed)
        self.harness.journal.slow[0].callback(None)

    def test_cancelling_forgets_a_call(self) -> None:
        """An answer that nobody waits for any more does no harm."""
        self.start()
        slow = self.hub.invoke("slow")
        self.harness.flush()
        slow.cancel()
        self.failureResultOf(slow)
        self.harness.journal.slow[0].callback(None)
        self.assertEqual(self.invoke("add", 1, 2), 3)
        self.assertEqual(self.recorder.errors, [])

    # Messages

    def test_messages_come_in_order(self) -> None:
        """A burst over many turns arrives complete, once, and in order."""
        self.start()
        texts = [str(number) for number in range(300)]
        for start in range(0, 300, 10):
            self.harness.say(*texts[start : start + 10])
        self.assertEqual(self.heard, texts)

    def test_messages_precede_the_result(self) -> None:
        """What a method sends to its caller is there when its result is."""
        self.start()
        self.assertEqual(self.invoke("callBack", "first"), "first")
        self.assertEqual(self.heard, ["first"])

    def test_messages_before_the_start_are_kept(self) -> None:
        """What is sent between connecting and starting comes behind the event of being connected."""
        self.connection.events.connected.add(lambda: self.heard.append("connected"))
        self.harness.journal.connecting = Deferred()
        started = self.connection.start()
        self.harness.flush()
        self.harness.say("early", "bird")
        self.assertEqual(self.heard, [])
        self.harness.journal.connecting.callback(None)
        self.harness.flush()
        self.successResultOf(started)
        self.assertEqual(self.heard, ["connected", "early", "bird"])

    def test_groups(self) -> None:
        """Messages to a group come while the client is in it."""
        self.start()
        self.invoke("join", "room")
        self.invoke("tell", "room", "one")
        self.assertTrue(self.connection.groups_token)
        self.invoke("leave", "room")
        self.invoke("tell", "room", "two")
        self.harness.say("all")
        self.assertEqual(self.heard, ["one", "all"])

    def test_handlers_are_found_in_any_letter_case(self) -> None:
        """All handlers are called, in the order in which they were added, until they are removed."""
        second: list[str] = []
        self.hub.on("SAID", second.append)
        self.start()
        self.harness.say("a")
        self.hub.off("Said", self.heard.append)
        self.harness.say("b")
        self.hub.off("said")
        self.harness.say("c")
        self.assertEqual((self.heard, second), (["a"], ["a", "b"]))

    def test_a_failing_handler_harms_nobody(self) -> None:
        """What handlers raise, at once or later, is logged; everybody else gets the message, and the next one."""

        def fails(text: str) -> None:
            raise ZeroDivisionError(text)

        async def fails_later(text: str) -> None:
            raise KeyError(text)

        connection = self.harness.client(self.transport)
        hub = connection.create_hub_proxy("probe")
        heard: list[str] = []
        for handler in (fails, fails_later, lambda: None, heard.append):
            hub.on("said", handler)
        self.harness.start(connection)
        self.harness.say("a", "b")
        self.assertEqual(heard, ["a", "b"])
        for kind in (ZeroDivisionError, KeyError, TypeError):
            self.assertEqual(len(self.flushLoggedErrors(kind)), 2, kind)  # type: ignore[attr-defined]

    def test_stopping_in_a_handler(self) -> None:
        """After ``stop()`` nothing is delivered, not even what came in the same envelope."""
        self.hub.on("said", lambda _: self.connection.stop())
        self.start()
        self.harness.say("a", "b")
        self.harness.say("c")
        self.assertEqual(self.heard, ["a"])
        self.assertEqual(self.recorder.events, ["connected", "disconnected"])

    def test_hubs_without_handlers_are_not_listened_to(self) -> None:
        """Unless it is asked for, the server sends no messages of such hubs; handlers must be there at the start."""
        other = self.connection.create_hub_proxy("OtherHub")
        third = self.connection.create_hub_proxy("third")
        self.assertIs(self.connection.create_hub_proxy("otherhub", subscribe=True), other)
        self.start()
        self.assertRaises(NotSubscribed, third.on, "heard", self.heard.append)
        self.assertRaises(NotSubscribed, self.connection.create_hub_proxy, "third", subscribe=True)
        other.on("heard", self.heard.append)
        outcome = other.invoke("shout", "loud")
        self.harness.flush()
        self.successResultOf(outcome)
        self.assertEqual(self.heard, ["loud"])

    def test_received(self) -> None:
        """Who wants to can see all messages as they are on the wire."""
        received: list[Any] = []
        self.connection.events.received.add(received.append)
        self.start()
        self.harness.say("a")
        self.assertEqual(received, [{"H": "Probe", "M": "said", "A": ["a"]}])

    # Reconnecting

    def lose(self) -> None:
        """Lose all connections."""
        self.harness.endpoints.cut()

    def test_reconnect(self) -> None:
        """A lost client comes back, with what it has missed, once and in order, and in its groups."""
        self.start()
        self.invoke("join", "room")
        self.harness.say("before")
        self.lose()
        self.assertEqual(self.recorder.events, ["connected", "reconnecting"])
        self.assertIs(self.connection.state, ConnectionState.RECONNECTING)
        self.harness.say("a", "b")
        self.harness.hub.clients.group("room").said("c")
        self.harness.advance(self.retry_seconds - 0.5)
        self.assertEqual(self.heard, ["before"])
        self.harness.advance(1)
        self.assertEqual(self.recorder.events, ["connected", "reconnecting", "reconnected"])
        self.assertEqual(self.heard, ["before", "a", "b", "c"])
        self.assertEqual(self.events(), ["connected", "reconnected missed=False"])
        self.harness.say("after")
        self.harness.hub.clients.group("room").said("group")
        self.harness.flush()
        self.assertEqual(self.heard[4:], ["after", "group"])
        self.assertEqual(self.invoke("add", 1, 2), 3)

    def test_reconnect_often(self) -> None:
        """Attempts that fail are repeated, until the server is there again."""
        self.start()
        self.harness.endpoints.is_down = True
        self.lose()
        self.harness.say("a")
        self.harness.advance(20)
        self.assertIs(self.connection.state, ConnectionState.RECONNECTING)
        self.harness.endpoints.is_down = False
        self.harness.advance(self.retry_seconds + 0.5)
        self.assertIs(self.connection.state, ConnectionState.CONNECTED)
        self.assertEqual(self.heard, ["a"])
        self.assertEqual(self.recorder.events, ["connected", "reconnecting", "reconnected"])

    def test_giving_up(self) -> None:
        """After the server's disconnect timeout there is no more hope."""
        self.start()
        self.harness.endpoints.is_down = True
        self.lose()
        self.harness.advance(29)
        self.assertIs(self.connection.state, ConnectionState.RECONNECTING)
        self.harness.advance(1.5)
        self.assertIs(self.connection.state, ConnectionState.DISCONNECTED)
        self.assertEqual(self.recorder.events, ["connected", "reconnecting", "disconnected ConnectionLost"])

    def test_stop_while_reconnecting(self) -> None:
        """Who stops a lost connection does not wait for it to come back."""
        self.start()
        self.lose()
        stopped = self.connection.stop()
        self.harness.flush()
        self.successResultOf(stopped)
        self.assertEqual(self.events(), ["connected", "disconnected stop_called=True"])

    def test_refused_reconnects(self) -> None:
        """A server that has forgotten its keys refuses, and the client gives up in time."""
        self.start()
        for command in ("reconnect", "poll"):
            self.harness.interposer.status(command, 400)
        self.lose()
        self.harness.advance(31)
        self.assertIs(self.connection.state, ConnectionState.DISCONNECTED)

    def test_restart_of_the_server(self) -> None:
        """A connection that the server ends because it stops is tried again."""
        self.start()
        self.harness.stop()
        self.assertIs(self.connection.state, ConnectionState.RECONNECTING)

    def test_silence(self) -> None:
        """When nothing is heard of the server any more, that is told, and then the connection is made anew."""
        self.make(settings=Settings(disconnect_timeout=9, keep_alive=3, connection_timeout=20))
        self.start()
        self.harness.advance(8)
        self.assertEqual(self.recorder.events, ["connected"])
        # The server is suspended, with all its sockets open.
        for link in self.harness.endpoints.links:
            link.server.stream = _Sink()  # type: ignore[assignment]
        self.harness.endpoints.is_mute = True
        began = self.harness.clock.seconds()
        seconds: dict[str, float] = {}
        while len(self.recorder.events) < 3:
            self.harness.advance(0.5)
            seconds.setdefault(self.recorder.events[-1], self.harness.clock.seconds() - began)
        self.assertEqual(self.recorder.events, ["connected", "slow", "reconnecting"])
        # The last sign of life was at most three seconds before.
        self.assertTrue(1 <= seconds["slow"] <= 5, seconds)
        self.assertTrue(1.5 <= seconds["reconnecting"] - seconds["slow"] <= 2.5, seconds)
        self.harness.endpoints.is_mute = False


class _Sink(list[bytes]):
    """A buffer that nothing comes out of."""

    def append(self, data: bytes) -> None:
        pass


class WebSocketTests(TransportTests, SynchronousTestCase):
    """Over WebSocket."""

    transport = "webSockets"

    def test_answers_are_lost_with_the_socket(self) -> None:
        """Calls that wait for their answers when the socket is lost fail: the outcome is unknown."""
        self.start()
        slow = self.hub.invoke("slow")
        self.harness.flush()
        self.lose()
        self.failureResultOf(slow, ConnectionLost)
        self.failureResultOf(self.hub.invoke("nothing"), NotConnected)
        self.harness.journal.slow[0].callback(None)


class LongPollingTests(TransportTests, SynchronousTestCase):
    """By long polling."""

    transport = "longPolling"
    retry_seconds = 3.0


class ServerSentEventsTests(TransportTests, SynchronousTestCase):
    """Over server-sent events."""

    transport = "serverSentEvents"


class ForeverFrameTests(TransportTests, SynchronousTestCase):
    """Over a forever frame."""

    transport = "foreverFrame"
