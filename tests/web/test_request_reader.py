"""Tests for `twisted_ticker.web.request_reader`: how requests are put together, and who else reads them so."""

from __future__ import annotations

import time
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import HTTPChannel
from twisted.web.http import Request as TwistedRequest

from tests.web.request_corpus import CORPUS
from twisted_ticker.web.refusals import RequestRefused
from twisted_ticker.web.request_reader import MAX_BODY_BYTES, MAX_HEAD_BYTES, RequestReader, WholeRequest
from twisted_ticker.web.simple_requests import read_simple_request

HOST = b"Host: test\r\n"
GET = b"GET /a?b HTTP/1.1\r\n" + HOST
POST = b"POST /a HTTP/1.1\r\n" + HOST

#: What a request is made of, and what makes it odd.
WORDS = [
    *(b"GET /a HTTP/1.1\r\n", b"POST /a HTTP/1.1\r\n", b"GET /a HTTP/1.0\r\n", b"Host: a\r\n", b"Host: b\r\n"),
    *(
        b"Content-Length: 3\r\n",
        b"content-length: 5\r\n",
        b"Content-Length: 3, 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
    ),
    *(
        b"Transfer-Encoding: identity\r\n",
        b"Connection: close\r\n",
        b"Upgrade: websocket\r\n",
        b"Expect: 100-continue\r\n",
    ),
    *(
        b"abc",
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
        b"0\r\nX: y\r\n\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b":",
        b"\x00",
        b"\xff",
    ),
    *(b"X: y", b" X: y", b"X : y", b"3;a=b\r\nabc\r\n", b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n"),
]

pieces = st.lists(st.sampled_from(WORDS), max_size=12).map(b"".join)
ordinary = st.builds(
    lambda line, headers, body: line + b"".join(headers) + b"\r\n" + body,
    st.sampled_from(WORDS[:2]),
    st.lists(st.sampled_from([word for word in WORDS if word.endswith(b"\r\n") and b":" in word]), max_size=4),
    pieces,
)
requests = pieces | ordinary


def read(*data: bytes) -> WholeRequest | int | None:
    """What comes of some pieces: a request, with all pieces behind it; the status of a refusal; or nothing yet."""
    reader = RequestReader()
    for number, piece in enumerate(data):
        try:
            request = reader.feed(piece)
        except RequestRefused as refused:
            return refused.status
        if request is not None:
            return WholeRequest(request.data, request.rest + b"".join(data[number + 1 :]))
    return None


def by_twisted(data: bytes) -> tuple[list[tuple[bytes, bytes, bytes]], bytes]:
    """Method, target and body of the requests that Twisted finds in some bytes; and what it has answered."""
    found: list[tuple[bytes, bytes, bytes]] = []

    class Recorded(TwistedRequest):
        def process(self) -> None:
            assert self.content is not None
            found.append((self.method, self.uri, self.content.read()))

    transport = StringTransport()
    channel = HTTPChannel()  # type: ignore[no-untyped-call]
    channel.requestFactory = Recorded
    channel.timeOut = None
    channel.makeConnection(transport)  # type: ignore[no-untyped-call]
    channel.dataReceived(data)  # type: ignore[no-untyped-call]
    return found, transport.value()


class RequestReaderTests(SynchronousTestCase):
    """What comes out."""

    def test_without_a_body(self) -> None:
        """It is what was sent, and what is behind it is told apart."""
        self.assertEqual(read(GET + b"\r\n"), WholeRequest(GET + b"\r\n", b""))
        self.assertEqual(read(GET + b"\r\nGET"), WholeRequest(GET + b"\r\n", b"GET"))

    def test_with_a_body(self) -> None:
        """However its length was told, it is told in the same way."""
        expected = WholeRequest(POST + b"X: y\r\nContent-Length: 5\r\n\r\nhello", b"rest")
        for sent in (
            b"Content-Length: 5\r\nX: y\r\n\r\nhello",
            b"X: y\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x\r\nllo\r\n0\r\nY: z\r\n\r\n",
            b"Content-Length: 0005\r\nX: y\r\nExpect: 100-continue\r\n\r\nhello",
        ):
            self.assertEqual(read(POST + sent + b"rest"), expected, sent)
        for sent in (b"Content-Length: 0\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"):
            self.assertEqual(read(POST + sent), WholeRequest(POST + b"Content-Length: 0\r\n\r\n", b""), sent)

    def test_absolute_targets(self) -> None:
        """They become paths."""
        for target, path in (
            (b"http://test", b"/"),
            (b"HTTPS://Test/", b"/"),
            (b"http://test?a", b"/?a"),
            (b"http://test/a//b?c?http://d", b"/a//b?c?http://d"),
        ):
            expected = b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n"
            self.assertEqual(
                read(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n"), WholeRequest(expected, b""), target
            )

    def test_the_word_to_go_on(self) -> None:
        """A client is waited for that waits itself; not one that does not."""
        for head, body, expects in (
            (POST + b"Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n", b"", True),
            (POST + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n", b"", True),
            (POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", b"x", False),
            (POST + b"Content-Length: 1\r\n\r\n", b"", False),
            (b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", b"", False),
        ):
            reader = RequestReader()
            self.assertFalse(reader.is_in_body)
            self.assertIsNone(reader.feed(head + body))
            self.assertEqual((reader.is_in_body, reader.expects_word), (True, expects), head)

    def test_limits(self) -> None:
        """The longest head and body are taken, and a byte more is not."""
        line = b"GET / HTTP/1.1\r\n" + HOST
        padding = MAX_HEAD_BYTES - len(line) - len(b"X: \r\n\r\n")
        longest = line + b"X: " + b"y" * padding + b"\r\n\r\n"
        self.assertEqual(len(longest), MAX_HEAD_BYTES)
        self.assertEqual(read(longest), WholeRequest(longest, b""))
        self.assertEqual(read(longest[:-1], longest[-1:]), WholeRequest(longest, b""))
        self.assertEqual(read(longest.replace(b"X: ", b"XX: ")), 431)
        self.assertEqual(read(longest[:-4] + b"y"), None)
        self.assertEqual(read(longest[:-4] + b"y" * 5), 431)
        body = b"x" * MAX_BODY_BYTES
        chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        for sent, status in (
            (POST + b"Content-Length: %d\r\n\r\n" % len(body) + body, None),
            (POST + b"Content-Length: %d\r\n\r\n" % (len(body) + 1), 413),
            (chunked + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body), None),
            (chunked + b"%x\r\n" % (len(body) + 1), 413),
            (chunked + b"%x\r\n%b\r\n1\r\n" % (len(body), body), 413),
        ):
            request = read(sent)
            if status is None:
                assert isinstance(request, WholeRequest)
                self.assertEqual(request.data.partition(b"\r\n\r\n")[2], body)
            else:
                self.assertEqual(request, status)

    def test_what_is_kept(self) -> None:
        """It is as much as has come, and no more."""
        reader = RequestReader()
        for sent, held in ((POST, len(POST)), (b"Content-Length: 9\r\n\r\n", 0), (b"12345", 5), (b"678", 8)):
            reader.feed(sent)
            self.assertEqual(reader.held_bytes, held)
        reader = RequestReader()
        for sent, held in ((POST + b"Transfer-Encoding: chunked\r\n\r\n", 0), (b"5\r\n1234", 4), (b"5\r\n1", 6)):
            reader.feed(sent)
            self.assertEqual(reader.held_bytes, held)

    def test_nothing_takes_long(self) -> None:
        """64 KiB of anything, and a head that comes byte by byte, are read in milliseconds."""
        many = 64 * 1024
        chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        for sent in (
            b"x" * many,
            GET + b"X: " + b" " * many,
            GET + b"X:\r\n" * (many // 4),
            chunked + b"1\r\nx\r\n" * (many // 6),
            chunked + b"5;" + b"x" * many,
            chunked + b"0\r\n" + b"X:\r\n" * (many // 4),
            POST + b"Content-Length: " + b"1" * many,
        ):
            started = time.process_time()
            read(sent)
            self.assertLess(time.process_time() - started, 0.1, sent[:50])
        longest = GET + b"X: " + b"y" * (MAX_HEAD_BYTES - 100) + b"\r\n\r\n"
        started = time.process_time()
        self.assertIsInstance(read(*(longest[at : at + 1] for at in range(len(longest)))), WholeRequest)
        self.assertLess(time.process_time() - started, 1)


class AgreementTests(SynchronousTestCase):
    """Whoever reads a request, however it comes, reads the same."""

    @given(requests, st.lists(st.integers(1, 20), max_size=10))
    def test_pieces_make_no_difference(self, data: bytes, sizes: Sequence[int]) -> None:
        """A request that comes in pieces is the same; or is refused, for one of the reasons that there are."""
        parts = []
        rest = data
        for size in sizes:
            parts.append(rest[:size])
            rest = rest[size:]
        at_once = read(data)
        for in_pieces in (read(*parts, rest), read(*(data[at : at + 1] for at in range(len(data))))):
            if not isinstance(in_pieces, int) or not isinstance(at_once, int):
                self.assertEqual(in_pieces, at_once)

    @given(requests)
    def test_twisted_agrees(self, data: bytes) -> None:
        """Twisted finds exactly one request in what is handed to it, with the body that was read."""
        request = read(data)
        if isinstance(request, WholeRequest):
            found, answered = by_twisted(request.data)
            line, _, _ = request.data.partition(b"\r\n")
            self.assertEqual([each[:2] for each in found], [tuple(line.split(b" ")[:2])])
            self.assertEqual(found[0][2], request.data.partition(b"\r\n\r\n")[2])
            self.assertEqual(answered, b"")
            self.assertEqual(read(request.data), WholeRequest(request.data, b""))

    @given(requests)
    def test_the_lean_way_agrees(self, data: bytes) -> None:
        """What is simple is one whole request for the other reader, too."""
        simple = read_simple_request(data)
        if simple is not None:
            request = read(data)
            assert isinstance(request, WholeRequest), request
            self.assertEqual(request.rest, b"")
            self.assertEqual(by_twisted(request.data)[0], [(simple.method, simple.uri, simple.body)])

    def test_requests_are_found(self) -> None:
        """The properties above are not about refusals only: every case that is answered is read by all."""
        answered = [case for case in CORPUS if case.statuses[0] in (200, 302, 404, 501) and not case.closes]
        self.assertGreater(len(answered), 20)
        for case in answered:
            request = read(case.sent)
            assert isinstance(request, WholeRequest), case.name
            self.assertEqual(len(by_twisted(request.data)[0]), 1, case.name)
