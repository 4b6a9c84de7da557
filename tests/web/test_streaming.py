"""Tests for `twisted_ticker.web.streaming` and the two transports on it: what is particular about streams."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.web.clients import ForeverFrameClient, ServerSentEventsClient, StreamClient
from tests.web.support import SiteHarness
from tests.web.wire import HttpConnection, HttpResponse


class StreamTestCase(SynchronousTestCase):
    """A server."""

    client_class: type[StreamClient] = ServerSentEventsClient

    def setUp(self) -> None:
        self.harness = SiteHarness(self)

    def connected(self) -> StreamClient:
        client = self.client_class(self.harness)
        client.come()
        return client

    def response(self, client: StreamClient) -> HttpResponse:
        assert client.stream.response is not None
        return client.stream.response


class ServerSentEventsTests(StreamTestCase):
    """The bytes of an event stream."""

    def test_every_event_is_a_write_of_its_own(self) -> None:
        """First the one that opens the stream, then one for each envelope, and the keep-alive."""
        client = self.connected()
        self.harness.say("one", "two")
        self.harness.advance(10)
        epoch = self.harness.server.bus.epoch
        self.assertEqual(
            self.response(client).chunks,
            [
                b"data: initialized\n\n",
                b'data: {"C":"%b-0","S":1,"M":[]}\n\n' % epoch.encode(),
                b'data: {"C":"%b-2","M":[%b,%b]}\n\n'
                % (
                    epoch.encode(),
                    b'{"H":"Probe","M":"said","A":["one"]}',
                    b'{"H":"Probe","M":"said","A":["two"]}',
                ),
                b"data: {}\n\n",
            ],
        )

    def test_proxies_are_told_not_to_wait(self) -> None:
        """No buffering, no compression, no cache; the type has no charset, as in the reference."""
        response = self.response(self.connected())
        for name, value in (
            ("Content-Type", "text/event-stream"),
            ("Cache-Control", "no-cache, no-transform"),
            ("X-Accel-Buffering", "no"),
            ("X-Content-Type-Options", "nosniff"),
        ):
            self.assertEqual(response.header(name), value)

    def test_an_old_http_client(self) -> None:
        """HTTP/1.0 has no chunks: the stream ends with the connection."""
        client = ServerSentEventsClient(self.harness)
        client.negotiate()
        connection: HttpConnection = self.harness.connection()
        connection.request("GET", client.target("connect"), version="HTTP/1.0")
        self.harness.flush()
        self.assertNotIn(b"chunked", connection.raw)
        self.assertIn(b"\r\n\r\ndata: initialized\n\ndata: {", connection.raw)
        client.abort()
        self.harness.flush()
        self.assertTrue(connection.closed)


class ForeverFrameTests(StreamTestCase):
    """The bytes of a hidden frame's page."""

    client_class = ForeverFrameClient

    def test_the_page(self) -> None:
        """A head that finds the client around it, and a script for each envelope, out of which no text can break."""
        client = self.connected()
        self.harness.say("</script>")
        self.harness.advance(10)
        head, first, second, keep_alive = self.response(client).chunks
        self.assertTrue(head.startswith(b"<!DOCTYPE html><html><head>"))
        for call in (b"window.parent.jQuery", b"getConnection('7')", b".receive(", b".started(", b"</head><body>"):
            self.assertIn(call, head)
        self.assertRegex(first, rb'^<script>r\(c, \{"C":"[^"]+","S":1,"M":\[\]\}\);</script>\r\n$')
        self.assertIn(rb"\u003c/script\u003e", second)
        self.assertEqual(keep_alive, b"<script>r(c, {});</script>\n\n")

    def test_frame_ids(self) -> None:
        """A number of 32 bits; anything else is refused, and never written into the page."""
        client = ForeverFrameClient(self.harness)
        client.negotiate()
        for frame_id in ("", "x", "-1", "1.5", "4294967296", "9" * 5000, "1');alert(1)//", "١"):
            with self.subTest(frame_id=frame_id[:20]):
                response = client.fetch("connect", frameId=frame_id)
                self.assertEqual((response.status, response.body), (500, b""))


class BackPressureTests(StreamTestCase):
    """A client that reads more slowly than the server writes."""

    def test_a_slow_reader_catches_up(self) -> None:
        """Nothing is written to it meanwhile, keep-alives included; the others go on."""
        slow, quick = self.connected(), self.connected()
        slow.stream.link.server.fill()
        self.harness.flush()
        slow.take()
        for number in range(10):
            self.harness.say(str(number))
        self.harness.advance(10)
        self.assertEqual(quick.heard(), [str(number) for number in range(10)])
        self.assertEqual((slow.heard(), slow.keep_alives), ([], 0))
        slow.stream.link.server.drain()
        self.harness.flush()
        self.assertEqual(slow.heard(), [str(number) for number in range(10)])

    def test_a_client_that_reads_nothing_is_dropped(self) -> None:
        """After the disconnect timeout, without a proper end that it would not read either."""
        slow = self.connected()
        slow.stream.link.server.fill()
        self.harness.advance(40)
        self.assertTrue(slow.stream.closed)
        self.assertTrue(slow.stream.link.server.aborted, "an ordinary close waits for the client to read")
        self.assertEqual(self.harness.server.counters.stalled_receivers, 1)
