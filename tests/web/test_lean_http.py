"""Tests for `twisted_ticker.web.lean_http`: the lean way and Twisted's on one connection."""

from __future__ import annotations

from twisted.logger import capturedLogs, formatEvent
from twisted.protocols.policies import WrappingFactory
from twisted.trial.unittest import SynchronousTestCase

from tests.web.clients import PollingClient, WebSocketClient
from tests.web.support import ACCESS_LOG, SiteHarness
from tests.web.wire import HttpConnection
from twisted_ticker.web.lean_http import LeanChannel

PING = b"GET /signalr/ping HTTP/1.1\r\nHost: test\r\n\r\n"
#: The same for the endpoint, but not simple: Twisted's parser gets it.
PING_BY_TWISTED = b"GET /signalr/ping HTTP/1.1\r\nHost: test\r\nTE: trailers\r\n\r\n"
NOWHERE = b"GET /nowhere HTTP/1.1\r\nHost: test\r\n\r\n"
PONG = b'{ "Response": "pong" }'


class LeanHttpTests(SynchronousTestCase):
    """What a client sees is the same either way."""

    def setUp(self) -> None:
        self.harness = SiteHarness(self)
        self.served: list[bytes] = []
        serve = LeanChannel._serve

        def spy(channel: LeanChannel, data: bytes) -> bool:
            is_lean = serve(channel, data)
            if is_lean:
                self.served.append(data)
            return is_lean

        self.patch(LeanChannel, "_serve", spy)

    def bodies(self, *pieces: bytes) -> list[tuple[int, bytes]]:
        """Status and body of each response to what is sent, piece by piece, on one connection."""
        connection = self.harness.connection()
        for piece in pieces:
            connection.write(piece)
        return [(response.status, response.body) for response in connection.responses]

    def waiting_poll(self) -> HttpConnection:
        """A connection whose poll waits for a message, and is served in the lean way."""
        client = PollingClient(self.harness)
        client.come()
        client.take(again=False)
        target = client.target("poll", messageId=client.cursor or "")
        self.served.clear()
        connection = self.harness.connection()
        connection.write(f"GET {target} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        self.assertEqual((len(self.served), [response.complete for response in connection.responses]), (1, [False]))
        return connection

    def test_both_ways_answer_alike(self) -> None:
        """Status, headers and body; only the order of headers is another."""
        connection = self.harness.connection()
        connection.write(PING)
        connection.write(PING_BY_TWISTED)
        self.assertEqual(self.served, [PING])
        lean, ordinary = connection.responses
        self.assertEqual((lean.status, lean.reason, lean.body), (ordinary.status, ordinary.reason, ordinary.body))
        self.assertEqual(
            {name.lower(): value for name, value in lean.headers} | {"date": ""},
            {name.lower(): value for name, value in ordinary.headers} | {"date": ""},
        )
        self.assertEqual(lean.header("Date"), "Mon, 12 Jan 1970 13:46:40 GMT")

    def test_ways_take_turns(self) -> None:
        """A connection is lean again when what was not simple is over."""
        pieces = [PING, NOWHERE, PING, PING_BY_TWISTED, PING]
        statuses = [status for status, _ in self.bodies(*pieces)]
        self.assertEqual(statuses, [200, 404, 200, 200, 200])
        self.assertEqual(self.served, [PING] * 3)

    def test_pieces_of_a_request(self) -> None:
        """A request that does not come at once is Twisted's, whole."""
        for cut in range(1, len(PING)):
            self.assertEqual(self.bodies(PING[:cut], PING[cut:], PING), [(200, PONG), (200, PONG)], cut)

    def test_requests_that_come_together(self) -> None:
        """They are answered in order, whoever serves which."""
        for together in ([PING, PING], [PING_BY_TWISTED, PING], [PING, NOWHERE, PING], [NOWHERE, PING, PING[:20]]):
            expected = [404 if piece is NOWHERE else 200 for piece in together if piece != PING[:20]]
            self.assertEqual([status for status, _ in self.bodies(b"".join(together))], expected, together)

    def test_what_comes_while_a_poll_waits(self) -> None:
        """It waits, too: answers keep the order of the requests."""
        connection = self.waiting_poll()
        connection.write(PING)
        connection.write(NOWHERE)
        self.harness.say("hello")
        first, second, third = connection.responses
        self.assertIn(b"hello", first.body)
        self.assertEqual((second.body, third.status), (PONG, 404))

    def test_too_much_comes_while_a_poll_waits(self) -> None:
        """The client has to wait, and is read again afterwards."""
        connection = self.waiting_poll()
        count = 600
        connection.write(PING * count)
        self.assertTrue(connection.link.server.paused)
        self.harness.say("hello")
        self.assertFalse(connection.link.server.paused)
        self.assertEqual(len(connection.responses), 1 + count)

    def test_a_client_that_leaves_its_poll(self) -> None:
        """Its connection knows that there is no receiver any more."""
        connection = self.waiting_poll()
        [known] = self.harness.server.connections.values()
        self.assertIsNotNone(known.receiver)
        connection.drop()
        self.assertIsNone(known.receiver)

    def test_idle_connections_are_closed(self) -> None:
        """After the time that Twisted gives them, which does not run while a poll waits."""
        connection = self.harness.connection()
        connection.write(PING)
        self.harness.advance(70)
        self.assertTrue(connection.closed)

    def test_a_waiting_poll_is_not_idle(self) -> None:
        """It waits for as long as the settings say."""
        connection = self.waiting_poll()
        self.harness.advance(100)
        self.assertFalse(connection.closed)
        self.harness.say("hello")
        self.assertIn(b"hello", connection.responses[0].body)

    def test_an_endpoint_that_fails(self) -> None:
        """The client gets a 500, the log the reason, and the connection goes on."""

        def fail(*arguments: object) -> None:
            raise RuntimeError("boom")

        [endpoint] = self.harness.server._endpoints
        self.patch(endpoint, "respond", fail)
        self.assertEqual([status for status, _ in self.bodies(PING, NOWHERE)], [500, 404])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_websocket_either_way(self) -> None:
        """It works and is logged alike, whoever has read its request."""
        for way in ({}, {"TE": "trailers"}):
            client = WebSocketClient(self.harness)
            client.headers = list(way.items())
            self.served.clear()
            client.come()
            self.assertEqual(any(b"/connect?" in data for data in self.served), not way)
            self.harness.say("hello")
            self.assertEqual(client.take()[-1]["M"][0]["A"], ["hello"])
            with capturedLogs() as events:
                client.drop()
            [line] = [formatEvent(event) for event in events if event["log_namespace"] == ACCESS_LOG]
            self.assertIn('HTTP/1.1" 101 ', line)

    def test_a_websocket_behind_a_wrapper(self) -> None:
        """Such as TLS: the wrapper is told whom it has to call."""
        self.harness.site = WrappingFactory(self.harness.site)  # type: ignore[assignment]
        client = WebSocketClient(self.harness)
        client.come()
        self.harness.say("hello")
        self.assertEqual(client.take()[-1]["M"][0]["A"], ["hello"])
        client.drop()
        self.assertEqual([known.receiver for known in self.harness.server.connections.values()], [None])

    def test_a_websocket_that_is_refused(self) -> None:
        """Autobahn says why, and the access log that it did."""
        client = WebSocketClient(self.harness)
        client.negotiate()
        self.served.clear()
        connection = self.harness.connection()
        with capturedLogs() as events:
            connection.write(
                f"GET {client.target('connect')} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n"
                "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            self.harness.flush()
        self.assertEqual(len(self.served), 1)
        self.assertEqual((connection.responses[0].status, connection.closed), (400, True))
        [line] = [formatEvent(event) for event in events if event["log_namespace"] == ACCESS_LOG]
        self.assertIn('HTTP/1.1" 400 ', line)

    def test_heartbeats_and_timeouts_of_an_upgraded_connection(self) -> None:
        """Nothing of the HTTP connection that it was is left to close it."""
        client = WebSocketClient(self.harness)
        client.come()
        self.harness.advance(200)
        self.assertIsNone(client.ended_with())
        self.assertGreater(client.keep_alives, 10)
