"""Tests for `twisted_ticker.signalr.protocol.framing`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.protocol.framing import (
    LONG_POLLING_KEEP_ALIVE,
    WEBSOCKET_KEEP_ALIVE,
    LongPollingFraming,
    forever_frame_framing,
    server_sent_events_framing,
    websocket_framing,
    websocket_text,
)
from twisted_ticker.signalr.protocol.messages import Envelope


def read_frame(frame: bytes) -> tuple[int, bytes]:
    """First byte and payload of exactly one unmasked frame, read as RFC 6455, 5.2 says."""
    length, start = frame[1], 2
    assert length < 128, "servers do not mask"
    if length == 126:
        length, start = int.from_bytes(frame[2:4], "big"), 4
        assert length > 125, "the shortest form is required"
    elif length == 127:
        length, start = int.from_bytes(frame[2:10], "big"), 10
        assert length > 65535, "the shortest form is required"
    assert len(frame) == start + length
    return frame[0], frame[start:]


class WebSocketFramingTests(SynchronousTestCase):
    """Text messages of a WebSocket."""

    def test_length_is_written_in_the_shortest_form(self) -> None:
        """One, three or nine bytes, with the borders where the RFC has them."""
        heads = [
            (0, "8100"),
            (1, "8101"),
            (125, "817d"),
            (126, "817e007e"),
            (65535, "817effff"),
            (65536, "817f0000000000010000"),
        ]
        for length, head in heads:
            payload = b"x" * length
            self.assertEqual(websocket_text(payload).removesuffix(payload).hex(), head)

    def test_frame_is_read_back(self) -> None:
        """A reader that knows only the RFC gets one final text message."""
        for length in (0, 1, 125, 126, 127, 128, 65534, 65535, 65536, 65537, 200_000):
            payload = b"ab" * (length // 2) + b"c" * (length % 2)
            self.assertEqual(read_frame(websocket_text(payload)), (0x81, payload))

    def test_envelope_is_one_message(self) -> None:
        """Its text goes out as it is, in UTF-8."""
        envelope = Envelope("e-1", 1, (b'"\xc3\xa9"',), initialized=True)
        self.assertEqual(websocket_framing(envelope), b'\x81\x1c{"C":"e-1","S":1,"M":["\xc3\xa9"]}')

    def test_keep_alive_is_an_ordinary_message(self) -> None:
        """It is the empty object, since browsers show no pings to script."""
        self.assertEqual(WEBSOCKET_KEEP_ALIVE, b"\x81\x02{}")


class LongPollingFramingTests(SynchronousTestCase):
    """Bodies of answered polls."""

    def test_envelope_is_the_body(self) -> None:
        """Without a delay there is nothing to add to it."""
        self.assertEqual(LongPollingFraming()(Envelope("e-1", 1, (b"1",))), b'{"C":"e-1","M":[1]}')

    def test_delay_rides_on_every_answer(self) -> None:
        """Clients are told in milliseconds, before the messages."""
        self.assertEqual(LongPollingFraming(1500)(Envelope("e-1", 1)), b'{"C":"e-1","L":1500,"M":[]}')

    def test_equal_framings_share_their_frames(self) -> None:
        """Two polls of servers with the same delay are given the same bytes."""
        envelope = Envelope("e-1", 1)
        self.assertIs(envelope.framed[LongPollingFraming(5)], envelope.framed[LongPollingFraming(5)])
        self.assertEqual(envelope.framed[LongPollingFraming(6)], b'{"C":"e-1","L":6,"M":[]}')

    def test_keep_alive_is_one_blank(self) -> None:
        """It is legal before JSON, and the .NET client knows it."""
        self.assertEqual(LONG_POLLING_KEEP_ALIVE, b" ")


class StreamFramingTests(SynchronousTestCase):
    """Envelopes on responses that never end."""

    def test_an_event_is_one_line_of_data(self) -> None:
        """With an empty line behind it."""
        envelope = Envelope("e-1", 1, (b'"x"',))
        self.assertEqual(server_sent_events_framing(envelope), b'data: {"C":"e-1","M":["x"]}\n\n')

    def test_a_script_cannot_be_left(self) -> None:
        """Angle brackets of user data are written as escapes, in a forever frame."""
        envelope = Envelope("e-1", 1, (b'"</script><b>"',))
        self.assertEqual(
            forever_frame_framing(envelope),
            b'<script>r(c, {"C":"e-1","M":["' + rb"\u003c/script\u003e\u003cb\u003e" + b'"]});</script>\r\n',
        )

    def test_framings_of_equal_values_are_equal(self) -> None:
        """So polls of different clients share the body that one of them had made."""
        self.assertEqual(LongPollingFraming(5, "cb"), LongPollingFraming(5, "cb"))
        envelope = Envelope("e-1", 1)
        self.assertIs(envelope.framed[LongPollingFraming(5, "cb")], envelope.framed[LongPollingFraming(5, "cb")])
        self.assertEqual(envelope.framed[LongPollingFraming(5, "cb")], b'cb({"C":"e-1","L":5,"M":[]});')
