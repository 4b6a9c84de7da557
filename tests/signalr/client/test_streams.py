"""Tests for `twisted_ticker.signalr.client.streams`: each body whole, one byte at a time, and cut anywhere."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.client.errors import ProtocolViolation
from twisted_ticker.signalr.client.streams import EventStream, ForeverFrame, MessageStream

EVENTS: list[tuple[bytes, list[bytes]]] = [
    (b"data: initialized\n\n", []),
    (b'data: initialized\n\ndata: {"C":"c","M":[]}\n\ndata: {}\n\n', [b'{"C":"c","M":[]}', b"{}"]),
    # As a server on Windows ends its lines, and as old Macintoshes did.
    (b"data: initialized\r\n\r\ndata: {}\r\n\r\ndata: 1\r\n\r\n", [b"{}", b"1"]),
    (b"data: initialized\n\ndata: {}\r\rdata: 1\r\r:\n", [b"{}", b"1"]),
    # The rest of the standard: no blank, several lines, comments, other fields, a byte order mark, no data.
    (b"\xef\xbb\xbfdata:a\n\n", [b"a"]),
    (b"data: a\ndata:  b\ndata\ndata: c\n\n", [b"a\n b\n\nc"]),
    (b": hello\nevent: x\nid: 7\nretry: 1\ndata: a\n\n", [b"a"]),
    (b"event: x\n\n\n\ndata: a\n\n", [b"a"]),
    # What is not complete is none.
    (b"data: a\n", []),
    (b"data: a", []),
    ("data: hé€\u2028\n\n".encode(), ["hé€\u2028".encode()]),
]

PRELUDE = (
    b"<!DOCTYPE html><html><head><title>SignalR</title><script type='text/javascript'>\r\n"
    b"var $ = window.parent.jQuery, ff = $ ? $.signalR.transports.foreverFrame : null, c, r;\r\n"
    b"if (ff) { c = ff.getConnection('1'); r = ff.receive; ff.started(c); }\r\n"
    b"</script></head>\r\n<body>\r\n"
)

FRAMES: list[tuple[bytes, list[bytes]]] = [
    (PRELUDE, []),
    (
        PRELUDE + b'<script>r(c, {"C":"c","M":[]});</script>\r\n<script>r(c, {});</script>\n\n',
        [b'{"C":"c","M":[]}', b"{}"],
    ),
    (PRELUDE + b'<SCRIPT type="text/javascript"> r ( c , {"a":"(1, {2});"} ) </SCRIPT>', [b'{"a":"(1, {2});"}']),
    (
        PRELUDE + b'<script>f.receive(c,{"a":"\\u003c/script\\u003e < b"});</script>',
        [b'{"a":"\\u003c/script\\u003e < b"}'],
    ),
    (PRELUDE + b"<script>r(c, {", []),
    (PRELUDE + b"<script>r(c, {});</scrip", []),
    (PRELUDE + b"<p>a < b</p><script>alert(1);</script><script>r(c, {});</script>", [b"{}"]),
    (PRELUDE + '<script>r(c, {"a":"hé"});</script>'.encode(), ['{"a":"hé"}'.encode()]),
]


def read(stream: MessageStream, body: bytes, size: int) -> list[bytes]:
    """The messages of a body that comes in pieces of some size."""
    return [message for start in range(0, len(body), size) for message in stream.feed(body[start : start + size])]


class _Table:
    """What both streams do."""

    make: Callable[[int], MessageStream]
    table: list[tuple[bytes, list[bytes]]]

    def test_pieces_of_any_size(self) -> None:
        """However the body is cut, the messages are the same."""
        for body, messages in self.table:
            for size in (len(body), 1, 2, 3, 7):
                self.assertEqual(read(type(self).make(1000), body, size), messages, (body, size))  # type: ignore[attr-defined]

    def test_any_cut(self) -> None:
        """Two pieces, cut anywhere."""
        for body, messages in self.table:
            for cut in range(len(body)):
                stream = type(self).make(1000)
                self.assertEqual(  # type: ignore[attr-defined]
                    stream.feed(body[:cut]) + stream.feed(body[cut:]), messages, (body, cut)
                )


class EventStreamTests(_Table, SynchronousTestCase):
    """Server-sent events."""

    make = EventStream
    table = EVENTS

    def test_started(self) -> None:
        """The first word opens it."""
        stream = EventStream(1000)
        stream.feed(b"data: initialized\n")
        self.assertFalse(stream.started)
        stream.feed(b"\n")
        self.assertTrue(stream.started)

    def test_bound(self) -> None:
        """A message may be as long as it may be, over one line or several, and no longer."""
        self.assertEqual(EventStream(16).feed(b"data: 0123456789\n\n"), [b"0123456789"])
        for body in (b"data: 0123456789a", b"data: 0123456789a\n\n", b"data: 01\ndata: 23\ndata: 45", b":" * 17):
            self.assertRaises(ProtocolViolation, EventStream(16).feed, body)
            self.assertRaises(ProtocolViolation, read, EventStream(16), body, 1)


class ForeverFrameTests(_Table, SynchronousTestCase):
    """Forever frames."""

    make = ForeverFrame
    table = FRAMES

    def test_started(self) -> None:
        """The first script opens it."""
        stream = ForeverFrame(1000)
        stream.feed(PRELUDE[:-30])
        self.assertFalse(stream.started)
        stream.feed(PRELUDE[-30:])
        self.assertTrue(stream.started)

    def test_bound(self) -> None:
        """A script may be as long as it may be; what is between scripts is not kept."""
        self.assertEqual(ForeverFrame(40).feed(b"<script>r(c, {});</script>"), [b"{}"])
        for size in (100, 1):
            script = b"<script>r(c, {" + b" " * 40
            self.assertRaises(ProtocolViolation, read, ForeverFrame(40), script, size)
        self.assertEqual(read(ForeverFrame(2000), b"<p>" * 10_000 + b"<" * 5000 + FRAMES[1][0], 100), FRAMES[1][1])
