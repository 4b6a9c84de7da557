"""Tests for `twisted_ticker.signalr.client.connection`, `…reconnecting` and `…hubs`: what servers do to connections."""

from __future__ import annotations

from typing import Any

from twisted.web.server import Request

from tests.signalr.client.support import NEGOTIATED, ConnectionTestCase, Recorder
from twisted_ticker.signalr.client import (
    Connection,
    ConnectionLost,
    ConnectionState,
    HttpStatusError,
    HubConnection,
    ProtocolViolation,
    ServerRefusal,
)


class ConstructorTests(ConnectionTestCase):
    """Wrong arguments."""

    def test_transports(self) -> None:
        """There must be some, known ones."""
        for transports in ((), ("websockets",), ("webSockets", "jsonp")):
            self.assertRaises(ValueError, HubConnection, "http://test/", reactor=object(), transports=transports)

    def test_url(self) -> None:
        """It must be one."""
        self.assertRaises(ValueError, HubConnection, "signalr", reactor=object())


class ServerTests(ConnectionTestCase):
    """What servers do to connections that work, here by long polling: its answers are easy to make up."""

    def setUp(self) -> None:
        super().setUp()
        self.interposer.body("negotiate", NEGOTIATED % (b"null", b"true"))
        self.interposer.body("connect", b'{"C":"1","S":1,"M":[]}')
        self.interposer.body("start", b'{ "Response": "started" }')
        self.polls = self.interposer.hold("poll")
        self.reconnects = self.interposer.hold("reconnect")
        self.interposer.body("abort", b"")
        self.connection = self.harness.client("longPolling")
        self.hub = self.connection.create_hub_proxy("chat")
        self.heard: list[Any] = []
        self.hub.on("line", lambda *arguments: self.heard.append(arguments))
        self.recorder = Recorder(self.connection)

    def start(self) -> None:
        """Connect, and poll."""
        self.harness.start(self.connection)
        self.assertEqual(len(self.polls), 1)

    def answer(self, body: bytes, waiting: list[Request] | None = None) -> None:
        """Answer the oldest poll."""
        request = (self.polls if waiting is None else waiting).pop(0)
        request.write(body)
        request.finish()
        self.harness.flush()

    def test_positions(self) -> None:
        """Each poll tells in its form where the client stands."""
        self.start()
        self.assertEqual(self.polls[0].content.read(), b"messageId=1")
        self.answer(b' \n {"C":"2","G":"g+","M":[{"H":"Chat","M":"LINE","A":[1,"a"]}]}')
        self.assertEqual(self.polls[0].content.read(), b"groupsToken=g%2B&messageId=2")
        self.assertEqual((self.connection.message_id, self.connection.groups_token), ("2", "g+"))
        self.assertEqual(self.heard, [(1, "a")])

    def test_pauses(self) -> None:
        """The server may ask for a pause between polls."""
        self.start()
        self.answer(b'{"C":"2","L":1500,"M":[]}')
        self.assertEqual(self.polls, [])
        self.harness.advance(1)
        self.assertEqual(self.polls, [])
        self.harness.advance(0.5)
        self.assertEqual(len(self.polls), 1)
        self.answer(b'{"C":"2","L":60000,"M":[]}')
        stopped = self.connection.stop()
        self.harness.flush()
        self.successResultOf(stopped)

    def test_shutdown(self) -> None:
        """A server that says that it is going away is reconnected to at once."""
        self.start()
        self.answer(b'{"C":"2","T":1,"M":[]}')
        self.harness.advance(0.5)
        self.assertEqual(len(self.reconnects), 1)
        self.assertEqual(self.recorder.events, ["connected", "reconnecting"])
        self.answer(b'{"C":"3","M":[]}', self.reconnects)
        self.assertEqual(self.recorder.events, ["connected", "reconnecting", "reconnected"])
        self.assertEqual(len(self.polls), 1)

    def test_unseen_reconnect(self) -> None:
        """A reconnecting poll of which nothing is seen is taken to be served after a while."""
        self.start()
        self.answer(b'{"C":"2","T":1,"M":[]}')
        self.harness.advance(4)
        self.assertIs(self.connection.state, ConnectionState.RECONNECTING)
        self.harness.advance(1.5)
        self.assertIs(self.connection.state, ConnectionState.CONNECTED)

    def test_unanswered_polls(self) -> None:
        """A poll that the server does not answer in its own time is given up."""
        self.start()
        self.harness.advance(119)
        self.assertIs(self.connection.state, ConnectionState.CONNECTED)
        self.harness.advance(4)
        self.assertEqual(len(self.reconnects), 1)

    def test_dismissal(self) -> None:
        """A server can send a client away for good: no goodbye, no coming back."""
        self.start()
        self.answer(b'{"E":"Go away."}')
        self.assertEqual(self.recorder.events, ["connected", "disconnected ServerRefusal"])
        self.assertNotIn("abort", self.interposer.commands())

    def test_dismissal_before_the_start(self) -> None:
        """It can do so at once."""
        self.interposer.body("connect", b'{"E":"Go away."}')
        self.assertFails(self.connection, ServerRefusal)

    def test_nonsense(self) -> None:
        """A server that sends what no server sends is not listened to any more."""
        self.start()
        self.answer(b"<html>")
        self.assertEqual(self.recorder.events, ["connected", "disconnected ProtocolViolation"])
        self.assertIn("abort", self.interposer.commands())

    def test_too_long(self) -> None:
        """An answer may be as long as it may be."""
        connection = self.harness.client("longPolling", max_message_bytes=100)
        recorder = Recorder(connection)
        self.interposer.body("negotiate", b'{"ConnectionToken":"t","ConnectionId":"i","ProtocolVersion":"2.0"}')
        self.harness.start(connection)
        self.answer(b'{"C":"2","M":[]}'.ljust(100))
        self.answer(b'{"C":"2","M":[]}'.ljust(101))
        self.assertEqual(recorder.events, ["connected", "disconnected ProtocolViolation"])

    def test_unknown_messages(self) -> None:
        """A message that is none is told, and the next one is delivered; other hubs' are nobody's."""
        self.start()
        self.answer(
            b'{"C":"2","M":[7,{"H":"other","M":"x","A":[]},{"H":"chat","M":"none"},{"H":"chat","M":"line","A":[1]}]}'
        )
        self.assertEqual(self.heard, [(1,)])
        self.assertEqual([type(error) for error in self.recorder.errors], [ProtocolViolation])

    def test_progress(self) -> None:
        """Reports come until the result is there; those that are late are dropped."""
        self.start()
        sends = self.interposer.hold("send")
        reported: list[Any] = []
        outcome = self.hub.invoke("work", on_progress=reported.append)
        other = self.hub.invoke("work")
        self.harness.flush()
        self.answer(
            b'{"C":"2","M":[{"I":"P|0","P":{"I":"0","D":1},"S":{"a":1}},{"I":"P|1","P":{"I":"1","D":5}},'
            b'{"I":"P|9","P":{"I":"9","D":9}},{"I":"P|0","P":{"I":"0","D":2}}]}'
        )
        self.assertEqual((reported, self.hub.state), ([1, 2], {"a": 1}))
        self.answer(b'{"S":{"b":2},"R":"done","I":"0"}', sends)
        self.assertEqual(self.successResultOf(outcome), "done")
        self.assertEqual(self.hub.state, {"a": 1, "b": 2})
        self.answer(b'{"C":"3","M":[{"I":"P|0","P":{"I":"0","D":3}}]}')
        self.assertEqual(reported, [1, 2])
        self.answer(b'{"I":"1"}', sends)
        self.assertIsNone(self.successResultOf(other))

    def test_calls_that_fail(self) -> None:
        """A call whose request fails is told how, and harms nothing else."""
        self.start()
        self.interposer.status("send", 500)
        outcome = self.hub.invoke("nothing")
        self.harness.flush()
        self.assertEqual(self.failureResultOf(outcome, HttpStatusError).value.status, 500)
        self.interposer.body("send", b"")
        outcome = self.hub.invoke("nothing")
        self.harness.flush()
        self.failureResultOf(outcome, ProtocolViolation)
        self.interposer.hold("send")
        outcome = self.hub.invoke("nothing")
        self.harness.flush()
        self.harness.endpoints.cut()
        self.failureResultOf(outcome, ConnectionLost)
        self.assertIs(self.connection.state, ConnectionState.RECONNECTING)

    def test_early_messages_are_bounded(self) -> None:
        """A server that floods a connection that it does not start is left."""
        self.interposer.hold("start")
        started = self.begin(self.connection)
        self.answer(b'{"C":"2","M":[%b]}' % b",".join([b"1"] * 10_000))
        self.assertNoResult(started)
        self.answer(b'{"C":"3","M":[1]}')
        self.harness.advance(6)
        self.failureResultOf(started, ProtocolViolation)

    def test_raw_connections(self) -> None:
        """They have no hubs: texts go there, values come back."""
        connection = Connection(
            "http://test/echo", reactor=self.harness.clock, endpoints=self.harness.endpoints, transports=["longPolling"]
        )
        received: list[Any] = []
        connection.events.received.add(received.append)
        bodies: list[bytes] = []

        def send(request: Request) -> bytes:
            bodies.append(request.content.read())
            return b""

        self.interposer.answers["send"] = send
        self.harness.start(connection)
        sent = connection.send("hello & bye")
        self.harness.flush()
        self.assertIsNone(self.successResultOf(sent))
        self.assertEqual(bodies, [b"data=hello+%26+bye"])
        self.answer(b'{"C":"2","M":["a",{"I":"x"},null]}')
        self.assertEqual(received, ["a", {"I": "x"}, None])
        self.assertTrue(all("connectionData" not in uri for _, uri in self.interposer.requests))
        self.harness.finish(connection)
