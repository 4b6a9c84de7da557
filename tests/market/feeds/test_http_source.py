"""Tests for `twisted_ticker.market.feeds.http_source`: byte by byte, over connections in memory."""

from __future__ import annotations

import gzip
import warnings
from typing import Any

from OpenSSL.SSL import Error
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from twisted_ticker.market.feeds.http_source import HttpSource
from twisted_ticker.market.feeds.polling import Fetched, SourceError

TIMEOUT = 5.0
LIMIT = 1024 * 1024

# Twisted's server looks up a header by str that its client looks up by bytes, in one table. With both in one process,
# "python -b" complains, and lets its option -W not say otherwise.
warnings.filterwarnings("ignore", "Comparison between bytes and string", BytesWarning, r".*http_headers")


class Wire(StringTransport):
    """The client's end of a connection in memory, which can be lost."""

    def __init__(self, clock: MemoryReactorClock) -> None:
        super().__init__()
        self.protocol: Any = None
        self.aborted = self.lost = False
        self._clock = clock

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is no delay here."""

    def abortConnection(self) -> None:
        self.aborted = True
        self._clock.callLater(0, self.lose, ConnectionAborted())

    def loseConnection(self) -> None:
        self._clock.callLater(0, self.lose, ConnectionDone())

    def lose(self, reason: Exception) -> None:
        """The connection is over, if it was not."""
        if not self.lost:
            self.lost = True
            self.protocol.connectionLost(Failure(reason))


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
class Internet:
    """
    Where every URL leads to.

    Attributes:
        wires: the connections that were made.
        uris: whom to.
        outcome: of connecting; made at once if ``None``.
    """

    def __init__(self, clock: MemoryReactorClock) -> None:
        self.wires: list[Wire] = []
        self.uris: list[bytes] = []
        self.outcome: Deferred[Any] | None = None
        self._clock = clock

    def endpointForURI(self, uri: Any) -> IStreamClientEndpoint:
        self.uris.append(uri.toBytes())
        return self

    def connect(self, factory: Any) -> Deferred[Any]:
        if self.outcome is not None:
            return self.outcome
        wire = Wire(self._clock)
        wire.protocol = factory.buildProtocol(None)
        wire.protocol.makeConnection(wire)
        self.wires.append(wire)
        return succeed(wire.protocol)


def response(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """An answer with a length."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return head.encode("latin-1") + b"\r\n\r\n" + body


class HttpSourceTestCase(SynchronousTestCase):
    """A source whose server is this test."""

    def setUp(self) -> None:
        self.clock = MemoryReactorClock()
        self.internet = Internet(self.clock)
        self.source = HttpSource(
            "http://test/quotes?key=secret", reactor=self.clock, timeout_seconds=TIMEOUT, endpoints=self.internet
        )

    def tearDown(self) -> None:
        """Nothing is left when it is closed."""
        closed = self.source.close()
        self.clock.advance(0)
        self.successResultOf(closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual([wire for wire in self.internet.wires if not wire.lost], [])

    def send(self, data: bytes, piece: int = 65536) -> None:
        """The server sends something over the newest connection, in pieces, as long as there is somebody to read."""
        wire = self.internet.wires[-1]
        for start in range(0, len(data), piece):
            self.clock.advance(0)
            if wire.lost:
                return
            wire.protocol.dataReceived(data[start : start + piece])
        self.clock.advance(0)

    def request(self) -> tuple[bytes, dict[bytes, bytes]]:
        """Request line and headers of what was sent last."""
        wire = self.internet.wires[-1]
        line, *headers = wire.value().split(b"\r\n\r\n")[0].split(b"\r\n")
        wire.clear()
        pairs = (header.split(b": ", 1) for header in headers)
        return line, {name.lower(): value for name, value in pairs}

    def answered(self, data: bytes, tag: bytes | None = None, *, piece: int = 65536) -> Fetched:
        """What comes of an answer."""
        answer = self.source.fetch(tag)
        self.send(data, piece)
        return self.successResultOf(answer)

    def refusal(self, answer: Deferred[Fetched]) -> str:
        """Why there is no answer; no connection is left then."""
        text = str(self.failureResultOf(answer, SourceError).value)
        self.assertNotIn("secret", text)
        self.clock.advance(0)
        self.assertEqual([wire for wire in self.internet.wires if not wire.lost], [])
        return text

    def refused(self, data: bytes, tag: bytes | None = None) -> str:
        """Why an answer is none."""
        answer = self.source.fetch(tag)
        self.send(data)
        return self.refusal(answer)


class AnswerTests(HttpSourceTestCase):
    """Good answers."""

    def test_the_question(self) -> None:
        """A plain GET that wants JSON, not compressed, and from no cache."""
        self.answered(response())
        line, headers = self.request()
        self.assertEqual(line, b"GET /quotes?key=secret HTTP/1.1")
        self.assertEqual(
            headers,
            {
                b"host": b"test",
                b"accept": b"application/json",
                b"accept-encoding": b"identity",
                b"cache-control": b"no-cache",
                b"user-agent": b"twisted-ticker",
            },
        )
        self.assertEqual(self.internet.uris, [b"http://test/quotes?key=secret"])

    def test_bodies(self) -> None:
        """With a length, in chunks, to the end of the connection; however it comes in pieces."""
        chunked = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n3\r\n 1}\r\n0\r\n\r\n'
        for data in (response(b'{"a": 1}'), chunked):
            for piece in (1, 7, 65536):
                self.assertEqual(self.answered(data, piece=piece), Fetched(b'{"a": 1}', None))
        answer = self.source.fetch(None)
        self.send(b"HTTP/1.0 200 OK\r\n\r\n{}")
        self.assertNoResult(answer)
        self.internet.wires[-1].lose(ConnectionDone())
        self.assertEqual(self.successResultOf(answer), Fetched(b"{}", None))

    def test_tags(self) -> None:
        """An ETag is given back as it came, whatever it is; a source that has nothing new says so."""
        for tag in (b'"a"', b'W/"b"', b"\xff not even quoted"):
            data = b"HTTP/1.1 200 OK\r\nETag: %b\r\nContent-Length: 2\r\n\r\n{}" % tag
            self.assertEqual(self.answered(data), Fetched(b"{}", tag))
            self.request()
            self.assertEqual(self.answered(b"HTTP/1.1 304 Not Modified\r\n\r\n", tag), Fetched(None))
            self.assertEqual(self.request()[1][b"if-none-match"], tag)

    def test_connections_are_kept(self) -> None:
        """Next time the same one is used, if it is not older than servers like."""
        self.answered(response())
        self.answered(response())
        self.assertEqual(len(self.internet.wires), 1)
        self.clock.advance(4.1)
        self.answered(response())
        self.assertEqual(len(self.internet.wires), 2)

    def test_a_connection_that_was_just_closed(self) -> None:
        """The question is sent again over another."""
        self.answered(response())
        answer = self.source.fetch(None)
        self.internet.wires[0].lose(ConnectionLost())
        self.assertEqual(len(self.internet.wires), 2)
        self.send(response())
        self.assertEqual(self.successResultOf(answer).body, b"{}")

    def test_no_cookies(self) -> None:
        """What it sets it is not sent again, nor kept."""
        self.answered(response(b"{}", "200 OK", "Set-Cookie: a=b; Path=/"))
        self.request()
        self.answered(response())
        self.assertNotIn(b"cookie", self.request()[1])

    def test_longest_answer(self) -> None:
        """A body may have a mebibyte."""
        body = b"x" * LIMIT
        self.assertEqual(self.answered(response(body)).body, body)


class RefusalTests(HttpSourceTestCase):
    """Everything else."""

    def test_statuses(self) -> None:
        """Only 200 is an answer; redirects are not followed."""
        for status in ("204 No Content", "206 Partial", "301 Moved", "302 Found", "404 Not Found", "500 X", "503 X"):
            before = len(self.internet.wires)
            text = self.refused(response(b"{}", status, "Location: http://other/"))
            self.assertEqual(text, f"the answer has status {status[:3]}")
            self.assertEqual(len(self.internet.wires), before + 1)
        self.assertEqual(set(self.internet.uris), {b"http://test/quotes?key=secret"})

    def test_unchanged_since_when(self) -> None:
        """304 is no answer to somebody who knows nothing."""
        self.assertEqual(self.refused(b"HTTP/1.1 304 Not Modified\r\n\r\n"), "the answer has status 304")

    def test_long_bodies(self) -> None:
        """At one byte more than a mebibyte the connection is dropped, whatever was announced."""
        text = f"the answer is longer than {LIMIT} bytes"
        self.assertEqual(self.refused(response(b"x" * (LIMIT + 1))), text)
        endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"10000\r\n%b\r\n" % (b"x" * 65536) * 32
        self.assertEqual(self.refused(endless), text)
        self.assertTrue(self.internet.wires[-1].aborted)

    def test_endless_headers(self) -> None:
        """What is no body has a limit too."""
        headers = b"HTTP/1.1 200 OK\r\n" + b"X-Filler: %b\r\n" % (b"x" * 8000) * 400
        self.assertIn("broken off", self.refused(headers))
        self.assertTrue(self.internet.wires[-1].aborted)
        interim = b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000
        self.assertIn("broken off", self.refused(interim))

    def test_the_limit_is_that_of_one_answer(self) -> None:
        """Many answers over one connection may be longer than one."""
        for _ in range(5):
            self.answered(response(b"x" * (LIMIT - 1)))
        self.assertEqual(len(self.internet.wires), 1)

    def test_compression(self) -> None:
        """We have not asked for it; a bomb is not even looked at."""
        bomb = gzip.compress(b"x" * 50_000_000)
        for encoding in ("gzip", "deflate", "identity, gzip", "GZIP"):
            text = self.refused(response(bomb, "200 OK", f"Content-Encoding: {encoding}"))
            self.assertEqual(text, "the answer is compressed, which we have not asked for")

    def test_slow_answers(self) -> None:
        """The whole has its time, from connecting to the last byte, even if there always comes a little."""
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
        for begin, little in (
            (b"", b""),
            (head[:-2], b""),
            (head, b""),
            (response()[:-1], b""),
            (head, b"x"),
            (b"", b"H"),
        ):
            answer = self.source.fetch(None)
            self.send(begin)
            for _ in range(4):
                self.clock.advance(1.0)
                self.send(little)
            self.clock.advance(0.9)
            self.assertNoResult(answer)
            self.clock.advance(0.1)
            self.assertEqual(self.refusal(answer), "no answer within 5 seconds")
            self.assertTrue(self.internet.wires[-1].aborted)

    def test_answers_that_break_off(self) -> None:
        """Part of an answer is none."""
        for begin in (b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", b"HTTP/1.1 200 OK\r\n"):
            answer = self.source.fetch(None)
            self.send(begin)
            self.internet.wires[-1].lose(ConnectionLost())
            self.assertIn("the answer is broken off", self.refusal(answer))
        chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"
        answer = self.source.fetch(None)
        self.send(chunks)
        self.internet.wires[-1].lose(ConnectionDone())
        self.assertIn("the answer is broken off", self.refusal(answer))

    def test_no_http(self) -> None:
        """Servers of other kinds."""
        for data in (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"\x15\x03\x01\x00\x02\x02\x46" * 9 + b"\r\n",
            b"HTTP/1.1 two hundred\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
        ):
            self.assertIn("no HTTP", self.refused(data), data)

    def test_no_trust(self) -> None:
        """A certificate that is not accepted can be told from a server that is out of order."""
        answer = self.source.fetch(None)
        self.internet.wires[-1].lose(Error([("SSL routines", "", "certificate verify failed")]))
        self.assertIn("certificate verify failed", self.refusal(answer))

    def test_what_is_told_of_an_answer(self) -> None:
        """One short line, whatever it was."""
        text = self.refused(b"HTTP/1.1 \xff\n" + b"x" * 9000 + b"\r\n\r\n")
        self.assertTrue(text.isascii() and text.isprintable() and len(text) < 300, text)

    def test_no_connection(self) -> None:
        """A server that is not there."""
        self.internet.outcome = fail(ConnectionRefusedError())
        text = self.refusal(self.source.fetch(None))
        self.assertEqual(text, "it cannot be reached: Connection was refused by other side.")

    def test_a_connection_that_is_never_made(self) -> None:
        """It is given up."""
        self.internet.outcome = Deferred()
        answer = self.source.fetch(None)
        self.clock.advance(TIMEOUT)
        self.assertEqual(self.refusal(answer), "no answer within 5 seconds")

    def test_cancelling(self) -> None:
        """Whoever wants no answer any more leaves nothing behind."""
        for begin in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"):
            answer = self.source.fetch(None)
            self.send(begin)
            answer.cancel()
            self.failureResultOf(answer, CancelledError)
            self.clock.advance(0)
            self.assertTrue(self.internet.wires[-1].lost)

    def test_after_a_failure(self) -> None:
        """The next answer is read over a new connection."""
        self.refused(response(b"{}", "500 X"))
        self.assertEqual(self.answered(response()).body, b"{}")
        self.assertEqual(len(self.internet.wires), 2)


class DefaultEndpointTests(SynchronousTestCase):
    """How servers are reached if nobody says otherwise."""

    def fetch(self, url: str, seconds: float) -> tuple[MemoryReactorClock, Deferred[Fetched]]:
        clock = MemoryReactorClock()
        source = HttpSource(url, reactor=clock, timeout_seconds=seconds)
        return clock, source.fetch(None)

    def test_tcp(self) -> None:
        """To the URL's host and port; connecting has less time than the answer."""
        clock, answer = self.fetch("http://127.0.0.1:8888/quotes", 10.0)
        [(host, port, _, timeout, _)] = clock.tcpClients
        self.assertEqual((host, port, timeout), ("127.0.0.1", 8888, 3.0))
        answer.cancel()
        self.failureResultOf(answer, CancelledError)

    def test_short_times(self) -> None:
        """Nor more than the answer."""
        clock, answer = self.fetch("http://127.0.0.1/", 0.5)
        self.assertEqual(clock.tcpClients[0][1:4:2], (80, 0.5))
        answer.cancel()
        self.failureResultOf(answer, CancelledError)

    def test_tls(self) -> None:
        """With ``https``, the first that is sent is a TLS hello that names the server."""
        clock, answer = self.fetch("https://127.0.0.1/quotes", 10.0)
        host, port, factory, _, _ = clock.tcpClients[0]
        self.assertEqual((host, port), ("127.0.0.1", 443))
        protocol = factory.buildProtocol(None)
        transport = Wire(clock)
        transport.protocol = protocol
        protocol.makeConnection(transport)
        self.assertEqual(transport.value()[:2], b"\x16\x03")
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertTrue(transport.aborted)
