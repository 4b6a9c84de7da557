"""Tests for `twisted_ticker.web.simple_requests`: it says yes only to what is beyond doubt."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.requests import Headers
from twisted_ticker.web.simple_requests import SimpleRequest, read_simple_request

GET = b"GET /signalr/poll?a=b%20c HTTP/1.1\r\n"
POST = b"POST /signalr/send HTTP/1.1\r\n"
HOST = b"Host: example.org\r\n"


class SimpleRequestTests(SynchronousTestCase):
    """What is a simple request, and what is for Twisted's parser."""

    def test_a_get(self) -> None:
        """Its parts are what was sent."""
        headers = HOST + b"Accept: */*;q=0.1\r\nConnection: Keep-Alive\r\n"
        self.assertEqual(
            read_simple_request(GET + headers + b"\r\n"),
            SimpleRequest(b"GET", b"/signalr/poll?a=b%20c", Headers(headers)),
        )

    def test_a_form(self) -> None:
        """Its body is as long as it says."""
        headers = HOST + b"content-length: 6\r\n"
        self.assertEqual(
            read_simple_request(POST + headers + b"\r\ndata=1"),
            SimpleRequest(b"POST", b"/signalr/send", Headers(headers), b"data=1"),
        )
        empty = HOST + b"Content-Length: 0\r\n"
        self.assertEqual(
            read_simple_request(POST + empty + b"\r\n"), SimpleRequest(b"POST", b"/signalr/send", Headers(empty))
        )

    def test_an_upgrade(self) -> None:
        """A request for a WebSocket is simple too, and says what it is."""
        for options in (b"Upgrade", b"keep-alive, Upgrade", b"upgrade,Keep-Alive"):
            headers = HOST + b"Upgrade: WebSocket\r\nConnection: " + options + b"\r\nSec-WebSocket-Version: 13\r\n"
            request = read_simple_request(GET + headers + b"\r\n")
            assert request is not None, options
            self.assertTrue(request.asks_for_websocket)
            self.assertIsNone(read_simple_request(GET + headers + b"\r\nx"))
            self.assertIsNone(read_simple_request(POST + headers + b"Content-Length: 0\r\n\r\n"))
        plain = read_simple_request(GET + HOST + b"\r\n")
        assert plain is not None
        self.assertFalse(plain.asks_for_websocket)

    def test_what_is_not_whole_or_not_alone(self) -> None:
        """No byte may be missing, and none may follow."""
        whole = POST + HOST + b"Content-Length: 6\r\n\r\ndata=1"
        for length in range(len(whole)):
            self.assertIsNone(read_simple_request(whole[:length]), whole[:length])
        self.assertIsNone(read_simple_request(whole + b"x"))
        self.assertIsNone(read_simple_request(GET + HOST + b"\r\n" + GET + HOST + b"\r\n"))
        self.assertIsNone(read_simple_request(b"\r\n" + GET + HOST + b"\r\n"))

    def test_heads_that_need_judgement(self) -> None:
        """Methods, versions, targets, folds, odd characters, and all that changes how a body or connection is read."""
        lines = [
            b"HEAD / HTTP/1.1\r\n" + HOST,
            b"OPTIONS * HTTP/1.1\r\n" + HOST,
            b"get / HTTP/1.1\r\n" + HOST,
            b"GET / HTTP/1.0\r\n" + HOST,
            b"GET  / HTTP/1.1\r\n" + HOST,
            b"GET http://example.org/ HTTP/1.1\r\n" + HOST,
            b"GET /\xc3\xa4 HTTP/1.1\r\n" + HOST,
            b"GET / HTTP/1.1\n" + HOST,
            GET,
            GET + HOST + HOST,
            GET + HOST + b" folded: x\r\n",
            GET + HOST + b"\tfolded\r\n",
            GET + HOST + b"Name : value\r\n",
            GET + HOST + b"Na_me: value\r\n",
            GET + HOST + b": value\r\n",
            GET + HOST + b"no colon\r\n",
            GET + HOST + b"Name: a\x00b\r\n",
            GET + HOST + b"Name: a\nb\r\n",
            GET + HOST + b"Name: a\rb\r\n",
            GET + HOST + b"Content-Length: 0\r\n",
            GET + HOST + b"Transfer-Encoding: chunked\r\n",
            GET + HOST + b"TRANSFER-ENCODING: identity\r\n",
            GET + HOST + b"Expect: 100-continue\r\n",
            GET + HOST + b"Upgrade: websocket\r\n",
            GET + HOST + b"Upgrade: websocket\r\nConnection: keep-alive\r\n",
            GET + HOST + b"Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n",
            GET + HOST + b"Upgrade: h2c\r\nConnection: Upgrade\r\n",
            GET + HOST + b"Upgrade: websocket\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
            GET + HOST + b"Upgrade: websocket\r\nConnection: Upgrade, close\r\n",
            GET + HOST + b"Upgrade: websocket\r\nConnection: Upgrade, Host\r\n",
            GET + HOST + b"Connection:\r\n",
            GET + HOST + b"Connection: close\r\n",
            GET + HOST + b"Connection: Upgrade\r\n",
            GET + HOST + b"Connection: keep-alive, close\r\n",
            GET + HOST + b"TE: trailers\r\n",
            POST + HOST,
            POST + HOST + b"Content-Length: +0\r\n",
            POST + HOST + b"Content-Length: 0x0\r\n",
            POST + HOST + b"Content-Length: 0, 0\r\n",
            POST + HOST + b"Content-Length: 0\r\nContent-Length: 0\r\n",
            POST + HOST + b"Content-Length:\r\n",
            POST + HOST + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        ]
        for head in lines:
            self.assertIsNone(read_simple_request(head + b"\r\n"), head)

    def test_long_ones_are_for_the_other_parser(self) -> None:
        """It has limits of its own, and answers by them."""
        self.assertIsNone(read_simple_request(GET + HOST + b"Cookie: " + b"x" * 9000 + b"\r\n\r\n"))
        body = b"x" * 70_000
        self.assertIsNone(read_simple_request(POST + HOST + b"Content-Length: 70000\r\n\r\n" + body))

    def test_nothing_takes_long(self) -> None:
        """Blanks in odd places do not make the patterns try everything."""
        started = time.process_time()
        for middle in (b" " * 8000, b"host:" * 1600, b"a: \r\n" * 1600, b"\r\n " * 2000, b"-" * 8000):
            read_simple_request(GET + HOST + b"Connection: a" + middle + b"b\r\n\r\n")
        self.assertLess(time.process_time() - started, 1)

    @given(st.binary(max_size=200))
    def test_never_more_than_there_is(self, tail: bytes) -> None:
        """Whatever stands behind a head, it is taken only if it is just the body that the head announces."""
        request = read_simple_request(POST + HOST + b"Content-Length: 5\r\n\r\n" + tail)
        self.assertEqual(request is not None, len(tail) == 5)
