"""Clients that send or read slowly, or not at all: each has so much time, however many bytes come within it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twisted.internet.interfaces import ISSLTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from tests.web.clients import PollingClient, ServerSentEventsClient, WebSocketClient
from tests.web.support import SiteHarness, our_log
from tests.web.wire import HttpConnection
from twisted_ticker.web import bounded_http
from twisted_ticker.web.deadlines import BODY_SECONDS, HEAD_SECONDS, IDLE_SECONDS, PARTING_SECONDS, UNREAD_SECONDS
from twisted_ticker.web.places import ConnectionLimits, Places

PING = b"GET /signalr/ping HTTP/1.1\r\nHost: test\r\n\r\n"
POST = b"POST /nowhere HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n"
BIG = "big.txt"
BIG_BYTES = 300_000

#: As exact as deadlines are.
SLACK_SECONDS = 2.0


class SlowClientTestCase(SynchronousTestCase):
    """A site with a long page."""

    def setUp(self) -> None:
        pages = Path(self.mktemp()).resolve()
        pages.mkdir()
        (pages / BIG).write_bytes(b"x" * BIG_BYTES)
        self.harness = SiteHarness(self, htdocs=str(pages))
        self.site = self.harness.site
        self.places = self.site.places

    def seconds_until_closed(self, connection: HttpConnection, piece: bytes = b"", every: float = 1.0) -> float:
        """How long a client is borne with that sends a piece every now and then."""
        began = self.harness.clock.seconds()
        while not connection.closed:
            self.assertLess(self.harness.clock.seconds() - began, 1000, "It is not closed.")
            if piece:
                connection.write(piece)
            self.harness.advance(every)
        return self.harness.clock.seconds() - began

    def assertAbout(self, seconds: float, expected: float) -> None:
        """A time is as long as it should be."""
        self.assertGreaterEqual(seconds, expected)
        self.assertLess(seconds, expected + SLACK_SECONDS)

    def assertRefused(self, connection: HttpConnection, status: int, lines: list[str]) -> None:
        """The last answer says why nothing more is served; so does one line in the log."""
        response = connection.responses[-1]
        self.assertEqual((response.status, response.header("Connection")), (status, "close"))
        self.assertTrue(response.complete)
        self.assertTrue(response.body.endswith(b".\n"), response.body)
        [line] = lines
        self.assertEqual(line, f"Refused a request of 192.0.2.1 with {status}: {response.body.decode().strip()}")


class SendingTests(SlowClientTestCase):
    """Clients that do not get to an end."""

    def test_heads(self) -> None:
        """A byte now and then, or header after header, does not make the time any longer."""
        for first, piece, every in (
            (b"G", b"", 1),
            (PING[:10], b"x", 1),
            (PING[:-2], b"X: y\r\n", 0.5),
            (PING[:-2], b"", 1),
        ):
            connection = self.harness.connection()
            connection.write(first)
            with our_log() as lines:
                self.assertAbout(self.seconds_until_closed(connection, piece, every), HEAD_SECONDS)
            self.assertRefused(connection, 408, lines)
            connection.drop()

    def test_heads_without_end(self) -> None:
        """A client that is fast runs out of room before it runs out of time."""
        connection = self.harness.connection()
        connection.write(PING[:-2])
        with our_log() as lines:
            seconds = self.seconds_until_closed(connection, b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 20, 0.5)
        self.assertLess(seconds, HEAD_SECONDS)
        self.assertRefused(connection, 431, lines)

    def test_bodies(self) -> None:
        """They have a time of their own, from the end of the head."""
        chunked = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
        for head, first, piece in (
            (POST % 1000, b"", b"x"),
            (POST % 1000, b"", b""),
            (chunked, b"", b"1\r\nx\r\n"),
            (chunked, b"0\r\n", b"X: y\r\n"),
        ):
            connection = self.harness.connection()
            connection.write(head[:-1])
            self.harness.advance(HEAD_SECONDS - 1)
            connection.write(head[-1:] + first)
            with our_log() as lines:
                self.assertAbout(self.seconds_until_closed(connection, piece), BODY_SECONDS)
            self.assertRefused(connection, 408, lines)
            connection.drop()

    def test_slow_ones_that_get_to_an_end(self) -> None:
        """They are served, again and again."""
        connection = self.harness.connection()
        for _ in range(3):
            for piece in (PING[:5], PING[5:]):
                connection.write(piece)
                self.harness.advance(HEAD_SECONDS - 1)
            connection.write(POST % 2)
            for piece in (b"x", b"y"):
                self.harness.advance(BODY_SECONDS / 2 - 1)
                connection.write(piece)
            self.harness.advance(IDLE_SECONDS - 1)
        self.assertEqual([response.status for response in connection.responses], [200, 404] * 3)
        self.assertFalse(connection.closed)

    def test_silence(self) -> None:
        """Who says nothing is told nothing, nor is the log."""
        connection = self.harness.connection()
        with our_log() as lines:
            self.assertAbout(self.seconds_until_closed(connection), HEAD_SECONDS)
        self.assertEqual((connection.raw, lines), (b"", []))

    def test_silence_between_requests(self) -> None:
        """The time begins anew with each, whoever has served it."""
        for request in (PING, b"GET /nowhere HTTP/1.1\r\nHost: test\r\n\r\n", PING + PING):
            connection = self.harness.connection()
            for _ in range(3):
                connection.write(request)
                self.harness.advance(IDLE_SECONDS - 1)
            connection.write(request)
            with our_log() as lines:
                self.assertAbout(self.seconds_until_closed(connection), IDLE_SECONDS)
            self.assertEqual((len(connection.responses), lines), (4 * request.count(b"GET"), []))

    def test_who_waits_for_an_answer(self) -> None:
        """That may take as long as it takes."""
        client = PollingClient(self.harness)
        client.come()
        call = client.send("slow")
        stream = ServerSentEventsClient(self.harness)
        stream.come()
        socket = WebSocketClient(self.harness)
        socket.come()
        self.harness.advance(100)
        self.harness.journal.slow[0].callback("done")
        self.harness.say("hello")
        answer = client.result_of(call)
        assert answer is not None
        self.assertEqual(answer["R"], "done")
        self.assertEqual((stream.heard(), socket.heard()), (["hello"], ["hello"]))

    def test_one_timer_of_a_kind(self) -> None:
        """However many connections there are."""
        before = len(self.harness.clock.getDelayedCalls())
        for number in range(100):
            connection = self.harness.connection()
            connection.write((b"", PING, PING[:10], POST % 5)[number % 4])
        self.assertLessEqual(len(self.harness.clock.getDelayedCalls()) - before, 3)


class MemoryTests(SlowClientTestCase):
    """What is kept of requests that are on their way."""

    def test_it_is_counted(self) -> None:
        """As long as it is kept, and no longer, however it ends."""
        ends = []
        for number, piece in enumerate((b"x" * 100, b"x" * 99, b"x" * 98)):
            connection = self.harness.connection()
            connection.write(POST % 100 + piece[:90])
            connection.write(piece[90:])
            ends.append(connection)
            self.assertEqual(self.site.held_bytes, (0, 99, 99 + 98)[number])
        ends[1].write(b"x")
        self.assertEqual(self.site.held_bytes, 98)
        ends[2].drop()
        self.assertEqual(self.site.held_bytes, 0)
        connection = self.harness.connection()
        connection.write(PING[:10])
        self.assertEqual(self.site.held_bytes, 10)
        connection.write(b"\n")
        self.assertEqual(self.site.held_bytes, 0)

    def test_it_is_bounded(self) -> None:
        """Whoever brings more than all together may is refused; the others are not, nor are those that bring little."""
        self.patch(bounded_http, "_MAX_HELD_BYTES", 1000)
        self.patch(bounded_http, "_USUAL_BYTES", 100)
        connections = [self.harness.connection() for _ in range(3)]
        for connection in connections:
            connection.write(POST % 500)
        for connection in connections[:2]:
            connection.write(b"x" * 400)
        with our_log() as lines:
            connections[2].write(b"x" * 400)
        self.assertRefused(connections[2], 503, lines)
        connection = self.harness.connection()
        connection.write(POST % 100)
        for _ in range(2):
            connection.write(b"x" * 50)
        self.assertEqual(connection.responses[0].status, 404)
        for connection in connections[:2]:
            connection.write(b"x" * 100)
            self.assertEqual(connection.responses[0].status, 404)
        self.assertEqual(self.site.held_bytes, 0)


class ReadingTests(SlowClientTestCase):
    """Clients that do not read what they have asked for."""

    @contextmanager
    def assertCutOff(self, connection: HttpConnection) -> Iterator[None]:
        """What happens makes the server cut a connection, and say so."""
        with our_log() as lines:
            yield
        self.assertTrue(connection.link.server.aborted)
        self.assertEqual(lines, ["Cut off 192.0.2.1, who has read nothing of a response for 60 seconds"])
        self.assertEqual(self.places.unread, 1)

    def test_a_long_response(self) -> None:
        """It is not borne with for ever; a client that reads slowly is."""
        connection = self.harness.connection()
        server = connection.link.server
        write = server.write

        def write_until_full(data: bytes) -> None:
            write(data)
            server.fill()

        self.patch(server, "write", write_until_full)
        connection.write(f"GET /{BIG} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        for _ in range(3):
            self.harness.advance(UNREAD_SECONDS - 1)
            self.assertFalse(connection.closed)
            server.drain()
        with self.assertCutOff(connection):
            self.assertAbout(self.seconds_until_closed(connection), UNREAD_SECONDS)

    def test_many_requests(self) -> None:
        """They are not acted on while their answers are not read."""
        connection = self.harness.connection()
        server = connection.link.server
        connection.write(PING)
        server.fill()
        self.assertTrue(server.paused)
        server.paused = False
        connection.write(PING * 100)
        self.assertEqual(len(connection.responses), 2)
        server.drain()
        self.harness.flush()
        self.assertEqual(len(connection.responses), 101)
        self.assertFalse(server.paused)

    def test_many_requests_that_are_never_read(self) -> None:
        """Nor does it help to have more of them."""
        connection = self.harness.connection()
        connection.write(PING)
        connection.link.server.fill()
        connection.link.server.paused = False
        connection.write(PING * 2)
        with self.assertCutOff(connection):
            self.assertAbout(self.seconds_until_closed(connection), UNREAD_SECONDS)

    def test_a_short_response(self) -> None:
        """When the connection is to be closed, because nothing comes any more, what is left has its time."""
        connection = self.harness.connection()
        connection.write(PING)
        connection.link.server.fill()
        with our_log() as lines:
            self.assertAbout(self.seconds_until_closed(connection), IDLE_SECONDS)
        self.assertTrue(connection.link.server.aborted)
        self.assertEqual(len(lines), 1)

    def test_a_stream(self) -> None:
        """It is the heartbeat that sees to those."""
        stream = ServerSentEventsClient(self.harness)
        stream.come()
        server = self.harness.links[-2].server
        server.fill()
        self.assertIs(server.protocol._deadline, None)
        server.drain()


class PartingTests(SlowClientTestCase):
    """The end of a connection whose request was refused."""

    def refused(self) -> HttpConnection:
        """A connection on which something was wrong."""
        connection = self.harness.connection()
        connection.write(b"nonsense\r\n\r\n")
        self.assertEqual(connection.responses[0].status, 400)
        return connection

    def test_it_can_be_read(self) -> None:
        """Only one direction is closed at first, and what comes in the other one is thrown away."""
        connection = self.refused()
        self.assertTrue(connection.link.server.has_said_all)
        self.assertFalse(connection.link.lost)
        connection.write(PING * 1000)
        self.assertEqual(len(connection.responses), 1)
        connection.drop()
        self.assertEqual(self.places.taken, 0)

    def test_it_ends(self) -> None:
        """A client that does not close it, or sends on and on, is cut."""
        for piece in (b"", PING):
            connection = self.refused()
            for _ in range(round(PARTING_SECONDS)):
                self.assertFalse(connection.link.lost)
                if piece:
                    connection.write(piece)
                self.harness.advance(1)
            self.harness.advance(1)
            self.assertTrue(connection.link.server.aborted)
            self.assertTrue(connection.link.lost)

    def test_over_tls(self) -> None:
        """There, one direction cannot be closed alone."""
        connection = self.harness.connection()
        alsoProvides(connection.link.server, ISSLTransport)
        connection.write(b"nonsense\r\n\r\n")
        self.assertFalse(connection.link.server.has_said_all)
        self.assertTrue(connection.link.lost)
        self.assertEqual(connection.responses[0].status, 400)

    def test_they_are_counted(self) -> None:
        """All of them."""
        for number in range(3):
            self.refused().drop()
            self.assertEqual(self.places.bad_requests, number + 1)


class PlaceTests(SlowClientTestCase):
    """Connections are given up for others when there are no places left."""

    def setUp(self) -> None:
        super().setUp()
        # As the harness makes its site without limits.
        self.places._limits = ConnectionLimits(total=4)

    def connections(self, *firsts: bytes) -> list[HttpConnection]:
        """Connections that have said something, or nothing."""
        made = []
        for first in firsts:
            connection = self.harness.connection()
            if first:
                connection.write(first)
            made.append(connection)
        self.harness.flush()
        return made

    def test_who_gives_way(self) -> None:
        """First those of whom no request has come, then those that are idle, the longest first; never the others."""
        stream = ServerSentEventsClient(self.harness)
        stream.come()
        self.harness.advance(1)
        # The request that started the stream has gone.
        idle, silent, slow = self.connections(PING, b"", PING[:5])
        self.harness.advance(2)
        gone = []
        for _ in range(3):
            [new] = self.connections(POST % 5)
            gone.append([connection.closed for connection in (silent, slow, idle)])
            self.assertFalse(new.closed)
            self.harness.advance(2)
        self.assertEqual(gone, [[True, False, False], [True, True, False], [True, True, True]])
        [refused] = self.connections(b"")
        self.assertTrue(refused.closed)
        self.assertEqual((self.places.taken, self.places.given_up, self.places.refused), (4, 3, 1))
        self.harness.say("hello")
        self.assertEqual(stream.heard(), ["hello"])

    def test_each_gives_way_once(self) -> None:
        """Two that come in the same turn take the places of two others."""
        silent = self.connections(b"", b"", b"", b"")
        self.harness.advance(2)
        new = self.connections(b"", b"")
        self.assertEqual([connection.closed for connection in silent], [True, True, False, False])
        self.assertEqual([connection.closed for connection in new], [False, False])
        self.assertEqual(self.places.taken, 4)

    def test_who_has_just_come(self) -> None:
        """He is given the time to say something."""
        self.connections(b"", b"", b"", b"")
        self.assertTrue(self.connections(b"")[0].closed)
        self.harness.advance(1)
        self.assertFalse(self.connections(b"")[0].closed)

    def test_all_ways_give_places_back(self) -> None:
        """However a connection is used, and ends."""
        for kind in (WebSocketClient, ServerSentEventsClient, PollingClient):
            for headers in ([], [("TE", "trailers")]):
                client = kind(self.harness)
                client.headers = list(headers)
                client.come()
                self.assertGreater(self.places.taken, 0)
                client.drop()
                self.harness.flush()
                self.assertEqual(self.places.taken, 0, (kind, headers))
        for piece in (b"", PING, PING[:10], b"nonsense\r\n\r\n", POST % 10, b"GET / HTTP/1.0\r\n\r\n"):
            [connection] = self.connections(piece)
            connection.drop()
            self.assertEqual(self.places.taken, 0, piece)

    def test_new_limits(self) -> None:
        """A site can be told its limits when it is made."""
        places = Places(ConnectionLimits(total=1), self.harness.clock.seconds)
        site = type(self.site)(self.site.resource, reactor=self.harness.clock, places=places)
        self.harness.site = site
        first, second = self.connections(PING, PING)
        self.assertEqual((first.closed, second.closed), (False, True))
