"""Tests for `twisted_ticker.signalr.client.starting`."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.web.server import Request

from tests.signalr.client.support import NEGOTIATED, ConnectionTestCase, Recorder
from twisted_ticker.signalr.client import (
    ConnectionState,
    HttpStatusError,
    NegotiationError,
    ProtocolViolation,
    StartError,
    TransportError,
)


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
