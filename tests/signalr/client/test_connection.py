"""Tests for `twisted_ticker.signalr.client.connection` and `…hubs`: what goes wrong, or is alike on all transports."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Request

from tests.signalr.client.support import ClientHarness, Recorder
from twisted_ticker.signalr.client import (
    Connection,
    ConnectionLost,
    ConnectionState,
    HttpStatusError,
    HubConnection,
    NegotiationError,
    ProtocolViolation,
    ServerRefusal,
    StartError,
    TransportError,
)

NEGOTIATED = (
    b'{"ConnectionToken":"tok","ConnectionId":"id","KeepAliveTimeout":%b,"DisconnectTimeout":30,"ConnectionTimeout":110,'
    b'"TryWebSockets":%b,"ProtocolVersion":"2.0","TransportConnectTimeout":5}'
)


class ConnectionTestCase(SynchronousTestCase):
    """With a server in memory that can be made to answer anything."""

    def setUp(self) -> None:
        self.harness = ClientHarness(self)
        self.interposer = self.harness.interposer

    def begin(self, connection: Connection) -> Deferred[None]:
        """Start, and return what that comes to."""
        started = connection.start()
        self.harness.flush()
        return started

    def assertFails(self, connection: Connection, *kinds: type[Exception]) -> Any:
        """Starting fails, and leaves nothing behind; returns the error."""
        started = self.begin(connection)
        self.harness.advance(60)
        error = self.failureResultOf(started, *kinds).value
        self.assertIs(connection.state, ConnectionState.DISCONNECTED)
        self.assertTrue(all(link.lost for link in self.harness.endpoints.links))
        return error


class ConstructorTests(ConnectionTestCase):
    """Wrong arguments."""

    def test_transports(self) -> None:
        """There must be some, known ones."""
        for transports in ((), ("websockets",), ("webSockets", "jsonp")):
            self.assertRaises(ValueError, HubConnection, "http://test/", reactor=object(), transports=transports)

    def test_url(self) -> None:
        """It must be one."""
        self.assertRaises(ValueError, HubConnection, "signalr", reactor=object())


class NegotiationTests(ConnectionTestCase):
    """Before there is a connection."""

    def test_refused(self) -> None:
        """A status other than 200 ends the start; nobody is told goodbye."""
        self.interposer.status("negotiate", 403)
        error = self.assertFails(self.harness.client(), NegotiationError)
        self.assertIn("403", str(error))
        self.assertIsInstance(error.__cause__, HttpStatusError)
        self.assertEqual(self.interposer.commands(), ["negotiate"])

    def test_unreachable(self) -> None:
        """So does a server that is not there, or does not answer."""
        self.harness.endpoints.is_down = True
        self.assertFails(self.harness.client(), NegotiationError)
        self.harness.endpoints.is_down = False
        self.harness.endpoints.is_mute = True
        self.assertFails(self.harness.client(), NegotiationError)
        self.harness.endpoints.is_mute = False
        self.interposer.hold("negotiate")
        self.assertFails(self.harness.client(), NegotiationError)

    def test_nonsense(self) -> None:
        """So does an answer that is none, or too long."""
        self.interposer.body("negotiate", b"<html>")
        self.assertFails(self.harness.client(), NegotiationError)
        self.interposer.body("negotiate", b" " * 1001)
        error = self.assertFails(self.harness.client(max_message_bytes=1000), NegotiationError)
        self.assertIsInstance(error.__cause__, ProtocolViolation)

    def test_redirects(self) -> None:
        """They are followed, with the access token from then on."""
        self.interposer.body(
            "negotiate", b'{"ProtocolVersion":"2.0","RedirectUrl":"http://else/signalr?x=y","AccessToken":"secret"}'
        )
        seen: list[tuple[str, bytes | None]] = []
        redirect = self.interposer.answers["negotiate"]

        def once(request: Request) -> object:
            seen.append((request.uri.decode(), request.getHeader(b"authorization")))
            return redirect(request) if len(seen) == 1 else None

        def see(request: Request) -> None:
            seen.append((request.uri.decode(), request.getHeader(b"authorization")))

        self.interposer.answers["negotiate"] = once
        self.interposer.answers["connect"] = self.interposer.answers["start"] = see
        for transport in ("webSockets", "serverSentEvents", "longPolling"):
            del seen[:]
            self.harness.start(self.harness.client(transport, headers={"X-User": "ann"}))
            self.assertEqual([header for _, header in seen], [None, *[b"Bearer secret"] * 3], transport)
            self.assertTrue(all("&x=y" in uri for uri, _ in seen[1:]), seen)

    def test_endless_redirects(self) -> None:
        """A hundred are followed, and no more."""
        self.interposer.body("negotiate", b'{"ProtocolVersion":"2.0","RedirectUrl":"/signalr"}')
        self.assertFails(self.harness.client(), NegotiationError)
        self.assertEqual(len(self.interposer.requests), 101)

    def test_redirect_to_nowhere(self) -> None:
        """A redirect to what is no web server is an error."""
        self.interposer.body("negotiate", b'{"ProtocolVersion":"2.0","RedirectUrl":"ftp://else/"}')
        self.assertFails(self.harness.client(), NegotiationError)

    def test_headers_and_query(self) -> None:
        """They go with every request."""
        seen: list[tuple[bytes | None, bool]] = []

        def see(request: Request) -> None:
            seen.append((request.getHeader(b"x-user"), b"room=7" in request.uri))

        for command in ("negotiate", "connect", "start", "send", "abort"):
            self.interposer.answers[command] = see
        for transport in ("webSockets", "serverSentEvents"):
            connection = self.harness.client(transport, headers={"X-User": "ann"}, query={"room": "7"})
            hub = connection.create_hub_proxy("probe")
            self.harness.start(connection)
            outcome = hub.invoke("nothing")
            self.harness.flush()
            self.successResultOf(outcome)
            self.harness.finish(connection)
        self.assertEqual(seen, [(b"ann", True)] * 9)


class FallbackTests(ConnectionTestCase):
    """Choosing a transport."""

    def refuse(self, *transports: str) -> None:
        """Let the server refuse to connect by some transports."""

        def answer(request: Request) -> object:
            if any(f"transport={transport}&".encode() in request.uri for transport in transports):
                request.setResponseCode(400)
                return b""
            return None

        self.interposer.answers["connect"] = answer

    def test_order(self) -> None:
        """Transports are tried in the order that is asked for, with the same token, until one works."""
        self.refuse("webSockets", "serverSentEvents")
        connection = self.harness.client()
        recorder = Recorder(connection)
        self.harness.start(connection)
        self.assertEqual(connection.transport, "longPolling")
        self.assertEqual([type(error) for error in recorder.errors], [TransportError, HttpStatusError])
        self.assertEqual(self.interposer.commands()[:5], ["negotiate", "connect", "connect", "connect", "start"])

    def test_silent_transports(self) -> None:
        """A transport has the server's time to come up; what comes of it later is not listened to."""
        self.interposer.hold("connect")
        connection = self.harness.client("webSockets", "serverSentEvents", "longPolling")
        started = self.begin(connection)
        self.harness.advance(9.5)
        self.interposer.answers.clear()
        self.assertEqual(connection.transport, "serverSentEvents")
        self.harness.advance(1)
        self.successResultOf(started)
        self.assertEqual(connection.transport, "longPolling")

    def test_none_works(self) -> None:
        """When all have failed, the error tells how; the server is told goodbye."""
        self.refuse("webSockets", "serverSentEvents", "foreverFrame", "longPolling")
        transports = ("foreverFrame", "longPolling", "serverSentEvents", "webSockets")
        error = self.assertFails(self.harness.client(*transports), StartError)
        self.assertEqual([transport for transport, _ in error.failures], list(transports))
        self.assertEqual(self.interposer.commands()[-1], "abort")

    def test_server_without_websockets(self) -> None:
        """It is not asked for one."""
        self.interposer.body("negotiate", NEGOTIATED % (b"20", b"false"))
        self.assertFails(self.harness.client("webSockets"), StartError)
        self.assertEqual(self.interposer.commands(), ["negotiate"])

    def test_nonsense(self) -> None:
        """A transport that brings something else does not work."""
        self.interposer.body("connect", b"<html>Welcome!", content_type=b"text/html")
        transports = ("foreverFrame", "longPolling", "serverSentEvents", "webSockets")
        error = self.assertFails(self.harness.client(*transports), StartError)
        self.assertEqual(
            [type(failure) for _, failure in error.failures],
            [TransportError, ProtocolViolation, TransportError, TransportError],
        )

    def test_failing_start(self) -> None:
        """A server that refuses to start ends it: no other transport is tried."""
        for prepare in (
            lambda: self.interposer.status("start", 500),
            lambda: self.interposer.body("start", b"<html>"),
            lambda: self.interposer.body("start", b'{ "Response": "pong" }'),
        ):
            prepare()
            del self.interposer.requests[:]
            self.assertFails(self.harness.client(), StartError)
            self.assertEqual(self.interposer.commands(), ["negotiate", "connect", "start", "abort"])

    def test_transport_lost_before_the_start(self) -> None:
        """A transport that is lost while the server starts the connection ends it, too."""
        self.interposer.hold("start")
        connection = self.harness.client()
        started = self.begin(connection)
        self.harness.endpoints.cut()
        self.harness.advance(10)
        self.failureResultOf(started, TransportError, StartError)
        self.assertIs(connection.state, ConnectionState.DISCONNECTED)

    def test_cancelling(self) -> None:
        """Who cancels the start stops the connection."""
        for command in ("negotiate", "connect", "start"):
            self.interposer.answers.clear()
            self.interposer.hold(command)
            connection = self.harness.client("longPolling")
            started = self.begin(connection)
            started.cancel()
            self.failureResultOf(started, CancelledError)
            self.harness.advance(10)
            self.assertIs(connection.state, ConnectionState.DISCONNECTED)


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
