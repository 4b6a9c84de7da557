"""Tests for `twisted_ticker.web.websocket`: what is particular about sockets."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from twisted.trial.unittest import SynchronousTestCase

from tests.web.clients import WebSocketClient
from tests.web.support import SiteHarness, our_log
from tests.web.wire import HttpResponse
from twisted_ticker.signalr import Settings

KEY = base64.b64encode(b"sixteen bytes...").decode()
UPGRADE = (
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", KEY),
    ("Sec-WebSocket-Version", "13"),
)


class WebSocketTestCase(SynchronousTestCase):
    """A server and its clients."""

    def setUp(self) -> None:
        self.harness = SiteHarness(self)

    def connected(self) -> WebSocketClient:
        """A client that is connected."""
        client = WebSocketClient(self.harness)
        client.come()
        return client


class HandshakeTests(WebSocketTestCase):
    """What the upgrade looks like, and what is no upgrade."""

    def request(
        self, headers: Iterable[tuple[str, str]], *, method: str = "GET", **parameters: str
    ) -> tuple[HttpResponse, bytes]:
        """Send a receive request with some headers; returns the response and what is behind it."""
        client = WebSocketClient(self.harness)
        client.negotiate()
        connection = self.harness.connection()
        connection.request(method, client.target("connect", **parameters), headers=headers)
        parsed = HttpResponse.parse(connection.raw, closed=connection.closed)
        assert parsed is not None
        return parsed

    def test_the_answer_to_an_upgrade(self) -> None:
        """101, the accepted key, no sub-protocol and no extension, whatever was offered."""
        response, rest = self.request(
            [
                *UPGRADE,
                ("Sec-WebSocket-Protocol", "chat, superchat"),
                ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
                ("Origin", "https://elsewhere.example"),
            ]
        )
        accepted = base64.b64encode(hashlib.sha1(f"{KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
        self.assertEqual(response.status, 101)
        self.assertEqual(response.header("Sec-WebSocket-Accept"), accepted.decode())
        self.assertEqual(response.header("X-Content-Type-Options"), "nosniff")
        self.assertIsNone(response.header("Sec-WebSocket-Protocol"))
        self.assertIsNone(response.header("Sec-WebSocket-Extensions"))
        self.assertEqual((rest[:1], rest[1], rest[2:5]), (b"\x81", len(rest) - 2, b'{"C'))

    def test_names_in_any_letter_case(self) -> None:
        """The transport's name and the upgrade's are not case-sensitive."""
        response, _ = self.request([("Upgrade", "WebSocket"), *UPGRADE[1:]], transport="WEBSOCKETS")
        self.assertEqual(response.status, 101)

    def test_no_upgrade(self) -> None:
        """Without an upgrade, as behind a proxy that strips it, or by another method, there is no socket."""
        for method, headers in (("GET", ()), ("POST", UPGRADE), ("GET", [("Upgrade", "h2c")])):
            response, _ = self.request(headers, method=method)
            self.assertEqual((response.status, response.body), (400, b"Not a valid web socket request."), method)
            self.assertIsNone(response.header("Content-Type"))

    def test_an_upgrade_for_another_transport(self) -> None:
        """A poll stays a poll, even if it asks for an upgrade."""
        response, _ = self.request(UPGRADE, transport="longPolling")
        self.assertEqual((response.status, response.json["S"]), (200, 1))

    def test_a_broken_handshake(self) -> None:
        """An upgrade that is none is refused, and leaves no connection behind."""
        for broken in (UPGRADE[:2], UPGRADE[:3], [*UPGRADE[:2], ("Sec-WebSocket-Key", "x"), UPGRADE[3]]):
            response, _ = self.request(broken)
            self.assertEqual(response.status // 100, 4)
            self.assertNotIn(b"Traceback", response.body)
        self.assertEqual(self.harness.server.connections, {})


class MessageTests(WebSocketTestCase):
    """What clients send."""

    def test_a_binary_message(self) -> None:
        """It closes the socket with 1003, and leaves one log line; the client may come back."""
        client = self.connected()
        with our_log() as lines:
            client.socket.sendMessage(b"\x00\x01", isBinary=True)
            self.assertEqual(client.ended_with(), 1003)
        self.assertEqual(len(lines), 1)
        client.reconnect()
        self.assertTrue(client.served)

    def invocation(self, size: int) -> str:
        """A call whose text has *size* bytes."""
        head, tail = '{"H":"Probe","M":"add","A":[1,2],"I":0,"X":"', '"}'
        return head + "x" * (size - len(head) - len(tail)) + tail

    def test_the_longest_message(self) -> None:
        """64 KiB are taken, a byte more closes the socket with 1009."""
        client = self.connected()
        client.send_text(self.invocation(65536))
        self.assertEqual(client.results["0"]["R"], 3)
        client.send_text(self.invocation(65537))
        self.assertEqual(client.ended_with(), 1009)

    def test_the_longest_message_in_fragments(self) -> None:
        """The limit is that of the message, not of its fragments."""
        client = self.connected()
        client.socket.sendMessage(self.invocation(65536).encode(), fragmentSize=1000)
        client.take()
        self.assertEqual(client.results["0"]["R"], 3)
        client.socket.sendMessage(self.invocation(65537).encode(), fragmentSize=1000)
        self.assertEqual(client.ended_with(), 1009)

    def test_another_limit(self) -> None:
        """The longest message is a setting, and there may be no limit."""
        self.harness = SiteHarness(self, settings=Settings(max_incoming_websocket_message_size=100))
        client = self.connected()
        client.send_text(self.invocation(101))
        self.assertEqual(client.ended_with(), 1009)
        self.harness = SiteHarness(self, settings=Settings(max_incoming_websocket_message_size=None))
        client = self.connected()
        client.send_text(self.invocation(3_000_000))
        self.assertEqual(client.results["0"]["R"], 3)

    def test_what_is_no_text(self) -> None:
        """Bytes that are no UTF-8 close the socket with 1007."""
        client = self.connected()
        client.socket.sendMessage(b"\xff\xfe")
        self.assertEqual(client.ended_with(), 1007)

    def test_what_is_no_call(self) -> None:
        """It is not answered; the socket lives on, and there is one log line."""
        client = self.connected()
        unusable = [
            "",
            "nonsense",
            "[]",
            "1",
            "null",
            "{}",
            '{"M":"add","I":0}',
            '{"H":"Probe","I":0}',
            '{"H":"noSuchHub","M":"add","A":[1,2],"I":0}',
            '{"H":"Probe","M":"add","A":{},"I":0}',
            '{"H":"Probe","M":"add","A":[1,2],"I":{}}',
            '{"H":"Probe","M":"add","A":[1,2],"I":0,"S":[]}',
            f'{{"H":"Probe","M":"add","A":[1,2],"I":0,"S":{{"x":"{"x" * 4096}"}}}}',
            "[" * 20_000,
        ]
        texts = list(client.texts)
        for text in unusable:
            refused = self.harness.server.counters.refused_requests
            with our_log() as lines:
                client.send_text(text)
            self.assertEqual(len(lines), 1, (text[:50], lines))
            self.assertEqual(self.harness.server.counters.refused_requests, refused + 1)
            self.assertNotIn(client.token, lines[0])
        self.assertEqual(client.texts, texts)
        self.assertEqual(client.invoke("add", 1, 2)["R"], 3)

    def test_results_in_the_order_of_their_making(self) -> None:
        """Of two slow calls the one that is done first is answered first."""
        client = self.connected()
        first, second = client.send("slow"), client.send("slow")
        self.harness.journal.slow[1].callback("b")
        self.assertEqual((client.result_of(first), client.result_of(second)), (None, {"R": "b", "I": second}))
        self.harness.journal.slow[0].callback("a")
        self.assertEqual(client.result_of(first), {"R": "a", "I": first})

    def test_a_result_for_nobody(self) -> None:
        """A result that comes when its socket is gone goes nowhere, not even to the client's next socket."""
        client = self.connected()
        call = client.send("slow")
        client.drop()
        client.reconnect()
        self.harness.journal.slow[0].callback("late")
        self.assertIsNone(client.result_of(call))
        self.assertTrue(client.served)

    def test_a_ping(self) -> None:
        """A protocol ping is answered, though no SignalR client sends any."""
        client = self.connected()
        pongs: list[bytes] = []
        client.socket.onPong = pongs.append
        client.socket.sendPing(b"are you there?")
        self.harness.flush()
        self.assertEqual(pongs, [b"are you there?"])


class FrameTests(WebSocketTestCase):
    """What the server writes."""

    def test_a_broadcast_is_one_object(self) -> None:
        """All clients with the same messages pending are written the very same bytes object."""
        clients = [self.connected() for _ in range(3)]
        del self.harness.written[:]
        self.harness.say("a", "b")
        frames = self.harness.written
        self.assertEqual(len(frames), 3)
        self.assertTrue(all(frame is frames[0] for frame in frames))
        self.assertEqual([client.heard() for client in clients], [["a", "b"]] * 3)

    def test_long_messages_are_not_fragmented(self) -> None:
        """Each message is one final text frame, with the shortest form of its length."""
        self.connected()
        for size, head in ((10, b"\x81"), (1000, b"\x81\x7e"), (70000, b"\x81\x7f")):
            del self.harness.written[:]
            self.harness.say("x" * size)
            [frame] = self.harness.written
            self.assertTrue(frame.startswith(head))
            self.assertTrue(frame.endswith(b'"]}]}'))


class ClosingTests(WebSocketTestCase):
    """The end of a socket."""

    def test_a_close_of_the_client_is_answered(self) -> None:
        """It is no goodbye: the client is missed like one that vanished."""
        client = self.connected()
        client.socket.sendClose(1000)
        self.assertEqual(client.ended_with(), 1000)
        self.assertTrue(client.link.lost)
        self.harness.advance(34.5)
        self.assertEqual(self.harness.journal.of(client), ["connected"])
        self.harness.advance(5.5)
        self.assertEqual(self.harness.journal.of(client), ["connected", "disconnected stop_called=False"])

    def test_a_client_that_does_not_answer_a_close(self) -> None:
        """The close frame is sent, and soon after the connection is dropped."""
        client = self.connected()
        client.link.server.pauseProducing()  # so that the answer does not arrive
        client.abort()
        self.assertFalse(client.link.lost)
        self.assertEqual(self.harness.written[-2:].count(b"\x88\x02\x03\xe8"), 1)
        self.harness.advance(2.5)
        self.assertTrue(client.link.lost)

    def test_nothing_is_written_behind_a_close(self) -> None:
        """Neither results nor messages follow a close frame."""
        client = self.connected()
        client.send("slow")
        client.link.server.pauseProducing()
        client.abort()
        del self.harness.written[:]
        self.harness.journal.slow[0].callback("late")
        self.harness.say("late")
        self.assertEqual(self.harness.written, [])

    def test_a_lost_socket_is_not_held(self) -> None:
        """The connection lets go of the receiver as soon as its socket is lost."""
        client = self.connected()
        [connection] = self.harness.server.connections.values()
        self.assertIsNotNone(connection.receiver)
        client.drop()
        self.assertIsNone(connection.receiver)


class SlowReaderTests(WebSocketTestCase):
    """Clients that read more slowly than the server writes."""

    def setUp(self) -> None:
        self.harness = SiteHarness(self, settings=Settings(default_message_buffer_size=32))
        self.slow = self.connected()
        self.quick = self.connected()
        self.slow.link.server.fill()

    def test_nothing_is_written_to_a_full_buffer(self) -> None:
        """While the buffer is full there is nothing new in it; others are not held up."""
        written = len(self.harness.written)
        for number in range(20):
            self.harness.say(str(number))
        self.assertEqual(self.slow.heard(), [])
        self.assertEqual(len(self.quick.heard()), 20)
        self.assertEqual(len(self.harness.written), written + 20)

    def test_it_catches_up_in_order(self) -> None:
        """As soon as there is room it gets what it has not had, in order, and then what comes."""
        for number in range(20):
            self.harness.say(str(number))
        self.slow.link.server.drain()
        self.harness.say("20")
        self.assertEqual(self.slow.heard(), [str(number) for number in range(21)])
        self.harness.say("21")
        self.assertEqual(self.slow.heard(), ["21"])
        self.assertEqual(self.harness.journal.of(self.slow), ["connected"])
        self.assertEqual(self.harness.server.counters.gaps, 0)

    def test_it_fills_up_again_while_catching_up(self) -> None:
        """Catching up stops at a full buffer, and goes on from there."""
        self.harness = SiteHarness(self, settings=Settings())
        client = self.connected()
        server = client.link.server
        server.fill()
        texts = [str(number) for number in range(600)]
        self.harness.say(*texts)

        write = server.write

        def write_and_fill(data: bytes) -> None:
            write(data)
            server.fill()

        server.write = write_and_fill
        received = []
        for _ in range(3):
            server.drain()
            received.append(client.heard())
        self.assertEqual(received, [texts[:250], texts[250:500], texts[500:]])
        self.harness.say("last")
        self.assertEqual(client.heard(), [])
        server.drain()
        self.assertEqual(client.heard(), ["last"])

    def test_what_is_lost_is_announced(self) -> None:
        """When its ring has turned, the hub is told of the gap, once; the client goes on with what is left."""
        for number in range(33):
            self.harness.say(str(number))
        with our_log() as lines:
            self.slow.link.server.drain()
        self.assertEqual(self.slow.heard(), [str(number) for number in range(1, 33)])
        self.assertEqual(self.harness.journal.of(self.slow), ["connected", "gap"])
        self.assertEqual((self.harness.server.counters.gaps, len(lines)), (1, 1))
        self.slow.link.server.fill()
        self.slow.link.server.drain()
        self.assertEqual(self.harness.server.counters.gaps, 1)
        self.assertEqual(self.harness.journal.of(self.quick), ["connected"])

    def test_every_loss_is_announced(self) -> None:
        """A second gap is another gap."""
        for _ in range(2):
            for number in range(33):
                self.harness.say(str(number))
            self.slow.link.server.drain()
            self.slow.link.server.fill()
        self.assertEqual(self.harness.journal.of(self.slow), ["connected", "gap", "gap"])

    def test_results_are_not_lost(self) -> None:
        """A result is written whatever the state of the buffer: it is in no ring."""
        self.slow.link.server.drain()
        call = self.slow.send("slow")
        self.slow.link.server.fill()
        self.harness.journal.slow[0].callback("done")
        self.assertEqual(self.slow.result_of(call), {"R": "done", "I": call})

    def test_who_does_not_read_is_not_read(self) -> None:
        """Calls of a client whose buffer is full wait, so that their results cannot pile up."""
        call = self.slow.send("add", 1, 2)
        self.assertIsNone(self.slow.result_of(call))
        self.slow.link.server.drain()
        self.assertEqual(self.slow.result_of(call), {"R": 3, "I": call})

    def test_no_signs_of_life(self) -> None:
        """A full buffer holds signs of life enough; others get theirs."""
        self.harness.advance(25)
        self.assertEqual((self.slow.keep_alives, self.quick.keep_alives), (0, 2))
        self.slow.link.server.drain()
        self.harness.advance(10)
        self.assertEqual((self.slow.keep_alives, self.quick.keep_alives), (1, 3))

    def test_a_group_joined_meanwhile(self) -> None:
        """The groups token is sent when there is room again."""
        self.harness.hub.groups.add(self.slow.connection_id, "g")
        self.harness.hub.clients.group("g").said("hello")
        self.assertEqual(self.slow.take(), [])
        self.slow.link.server.drain()
        [envelope] = self.slow.take()
        self.assertEqual((list(envelope), envelope["M"][0]["A"]), (["C", "G", "M"], ["hello"]))

    def test_a_client_that_has_stopped_reading(self) -> None:
        """After the disconnect timeout it is dropped, which is logged and counted; later the hub misses it."""
        self.harness.advance(29.5)
        self.assertFalse(self.slow.link.lost)
        with our_log() as lines:
            self.harness.advance(5.5)
        self.assertEqual((len(lines), self.harness.server.counters.stalled_receivers), (1, 1))
        self.assertEqual(self.slow.ended_with(), 1006)
        self.assertTrue(self.slow.link.lost)
        self.assertEqual(self.harness.journal.of(self.slow), ["connected"])
        self.harness.advance(40)
        self.assertEqual(self.harness.journal.of(self.slow), ["connected", "disconnected stop_called=False"])
        self.assertEqual(self.harness.journal.of(self.quick), ["connected"])

    def test_reading_now_and_then_is_enough(self) -> None:
        """A client that empties its buffer in time is not dropped, however often it is full."""
        for _ in range(5):
            self.harness.advance(28)
            self.slow.link.server.drain()
            self.slow.link.server.fill()
        self.assertTrue(self.slow.served)

    def test_a_dropped_client_may_come_back(self) -> None:
        """On its next socket it gets what it did not read."""
        self.harness.advance(35)
        self.assertTrue(self.slow.link.lost)
        self.harness.say("missed")
        self.slow.reconnect()
        self.assertEqual(self.slow.heard(), ["missed"])

    def test_an_abort_of_a_slow_reader(self) -> None:
        """It need not read to be gone."""
        self.slow.abort()
        self.assertEqual(self.harness.journal.of(self.slow), ["connected", "disconnected stop_called=True"])
        self.harness.advance(2.5)
        self.assertTrue(self.slow.link.lost)

    def test_stopping_the_server_with_a_slow_reader(self) -> None:
        """It does not hold up the stop."""
        self.harness.stop()
        self.harness.advance(2.5)
        self.assertTrue(self.slow.link.lost)
