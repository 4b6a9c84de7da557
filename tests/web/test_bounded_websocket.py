"""Tests for `twisted_ticker.web.bounded_websocket`: clients that send too much, too little, or what they must not."""

from __future__ import annotations

import itertools
import tracemalloc
import zlib
from collections.abc import Callable, Iterable

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.scale import scaled
from tests.web.clients import WebSocketClient
from tests.web.conformance.client import UPGRADE, RawWebSocket, echoing_harness
from tests.web.frames import BINARY, CONTINUATION, PING, PONG, TEXT, chopped, close, frame, head, message
from tests.web.support import SiteHarness, our_log
from tests.web.turns import TURN_SECONDS, TurnByTurn
from twisted_ticker.signalr import Settings
from twisted_ticker.web.bounded_websocket import MESSAGE_SECONDS, PARTING_SECONDS
from twisted_ticker.web.fair_turns import FairTurns

_MIB = 1024 * 1024
_LIMIT = 65536

#: How long a client may take to answer a close, rounding included.
_CLOSE_SECONDS = 2.5

OFFER = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")


class BoundedTestCase(SynchronousTestCase):
    """A server that echoes, and a bystander, who must not notice what happens in the test."""

    settings: Settings | None = None

    def setUp(self) -> None:
        self.harness = echoing_harness(SiteHarness(self, settings=self.settings))
        self.bystander = WebSocketClient(self.harness)
        self.bystander.come()
        self.addCleanup(self.assert_undisturbed)

    def assert_undisturbed(self) -> None:
        """The bystander is connected, gets what is sent and is answered."""
        self.harness.say("still there?")
        self.assertEqual(self.bystander.heard(), ["still there?"])
        self.assertEqual(self.bystander.invoke("add", 1, 2)["R"], 3)

    def opened(self, headers: Iterable[tuple[str, str]] = UPGRADE) -> RawWebSocket:
        """A new socket; it vanishes at the end of the test, since its client would not answer the server's close."""
        socket = RawWebSocket(self.harness, headers)
        self.addCleanup(lambda: socket.lost or socket.link.drop())
        return socket

    def assert_closed(
        self, code: int, *writes: bytes, socket: RawWebSocket | None = None, can_answer: bool = True
    ) -> RawWebSocket:
        """
        A socket is closed with a code by the last of some writes, which one line in the log tells. Then it is dropped:
        as soon as the client answers, or in time if it cannot, because it is in the midst of a frame.
        """
        socket = socket or self.opened()
        with our_log() as lines:
            for data in writes[:-1]:
                socket.write(data)
            self.assertIsNone(socket.close_code)
            socket.write(writes[-1])
            self.assertEqual(socket.close_code, code)
            self.assertFalse(socket.lost)
            if can_answer:
                socket.write(close(code))
            else:
                self.harness.advance(_CLOSE_SECONDS)
            self.assertTrue(socket.lost)
        self.assertEqual(len(lines), 1, lines)
        self.assertIn(str(code), lines[0])
        self.assertIn("192.0.2.1", lines[0])
        self.assertNotIn("Traceback", lines[0])
        return socket

    def growth(self, act: Callable[[], object]) -> int:
        """How many bytes more are allocated after something has been done; garbage is none."""
        tracemalloc.start()
        try:
            act()
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()


class RefusalTests(BoundedTestCase):
    """Frames that are refused, as soon as their head is there."""

    def test_a_frame_without_a_mask(self) -> None:
        """1002, whatever it is; nothing of it is acted on."""
        for opcode in (TEXT, BINARY, PING, PONG):
            self.assertEqual(self.assert_closed(1002, frame(opcode, b"hello", masked=False)).answers, ())

    def test_a_long_frame(self) -> None:
        """1009, before any of its payload has come."""
        for length in (_LIMIT + 1, 2**31, 2**63 - 1):
            self.assert_closed(1009, head(TEXT, length), can_answer=False)

    def test_an_impossible_length(self) -> None:
        """A length of 64 bits, or one in a longer form than there need be, is against the protocol."""
        for data in (head(TEXT, 2**63), head(TEXT, 125, form=126), head(TEXT, 65535, form=127)):
            self.assert_closed(1002, data, can_answer=False)

    def test_a_long_message(self) -> None:
        """1009, with the head of the fragment that makes it too long."""
        first, second = frame(TEXT, b"x" * 40_000, final=False), frame(CONTINUATION, b"x" * 25_536, final=False)
        self.assert_closed(1009, first, second, frame(CONTINUATION, b"x"))

    def test_a_long_control_frame(self) -> None:
        """1002 with its head, in any form."""
        for opcode in (PING, PONG):
            for length in (126, 65536, 2**62):
                self.assert_closed(1002, head(opcode, length), can_answer=False)

    def test_a_compressed_message(self) -> None:
        """Compression is not accepted if it is offered, so that there is nothing to inflate: 1002."""
        bomb = zlib.compress(bytes(scaled(1, 16) * _MIB))[2:-4]
        socket = self.opened([*UPGRADE, OFFER])
        self.assertIsNone(socket.response.header("Sec-WebSocket-Extensions"))
        self.assert_closed(1002, frame(TEXT, bomb, reserved=4), socket=socket)

    def test_a_close_with_a_fault(self) -> None:
        """The client that says goodbye in a wrong way is told so, before it is dropped."""
        socket = self.opened()
        with our_log() as lines:
            socket.write(close(1005))
        self.assertEqual((socket.close_code, socket.lost, len(lines)), (1002, True, 1))

    def test_what_comes_afterwards(self) -> None:
        """Nothing that comes behind a bad frame is acted on, however good it is."""
        socket = self.opened()
        socket.write(frame(TEXT, b"bad", reserved=1) + frame(TEXT, b"good") + frame(PING) + frame(TEXT, b"\xff"))
        self.assertEqual((socket.close_code, socket.answers), (1002, ()))

    def test_megabytes_afterwards(self) -> None:
        """What comes behind is not kept either: neither the rest of a bad frame nor other frames."""
        size = scaled(4, 64) * _MIB
        for bad in (head(PING, 2**62), head(TEXT, 2**62), frame(TEXT, masked=False) + head(BINARY, 2**62)):
            socket = self.opened()
            socket.write(bad)
            # Past the simulated network, which keeps what it carries.
            protocol = socket.link.server.protocol

            def flood(protocol=protocol) -> None:
                for _ in range(size // _LIMIT):
                    protocol.dataReceived(b"x" * _LIMIT)

            self.assertLess(self.growth(flood), 64 * 1024)
            self.assertFalse(socket.lost)
            self.harness.advance(_CLOSE_SECONDS)
            self.assertTrue(socket.lost)


class FragmentTests(BoundedTestCase):
    """Messages in many pieces."""

    settings = Settings(max_incoming_websocket_message_size=1000)

    def test_as_many_fragments_as_bytes(self) -> None:
        """The longest message may come in fragments of one byte, and empty ones in between count as if they had one."""
        socket = self.opened()
        socket.write(b"".join(message(*[b"x"] * 1000)))
        socket.write(b"".join(message(*[b"x", b""] * 500)))
        self.assertEqual([len(payload) for _, payload in socket.answers], [1000, 500])

    def test_endless_empty_fragments(self) -> None:
        """1009, when there have been as many as the longest message has bytes."""
        empty = frame(CONTINUATION, final=False)
        self.assert_closed(1009, frame(TEXT, final=False) + empty * 999, empty)

    def test_endless_small_fragments(self) -> None:
        """1009, when there have been too many bytes."""
        one = frame(CONTINUATION, b"x", final=False)
        self.assert_closed(1009, frame(TEXT, b"x", final=False) + one * 999, one)

    def test_an_empty_message(self) -> None:
        """It is one as any other, in one frame or in several."""
        socket = self.opened()
        for frames in (message(b""), message(b"", b"")):
            socket.write(b"".join(frames))
        self.assertEqual(socket.answers, ((TEXT, b""),) * 2)


class GatheringTests(BoundedTestCase):
    """What an unfinished message takes."""

    def gather(self, pieces: list[bytes]) -> int:
        """How much the server keeps of some pieces."""
        socket = self.opened()
        protocol = socket.link.server.protocol

        def send() -> None:
            for piece in pieces:
                protocol.dataReceived(piece)

        kept = self.growth(send)
        self.assertIsNone(socket.close_code)
        return kept

    def test_small_fragments(self) -> None:
        """A message takes hardly more than its bytes, and not an object for each of its fragments."""
        fragments = [frame(CONTINUATION, b"xx", final=False)] * (scaled(8_000, 32_000))
        length = 2 * len(fragments)
        self.assertLess(self.gather([frame(TEXT, final=False), *fragments]), 1.5 * length + 8192)

    def test_small_pieces(self) -> None:
        """The same holds for a frame that comes in small pieces."""
        data = frame(TEXT, b"x" * _LIMIT)[: scaled(16_000, _LIMIT)]
        self.assertLess(self.gather(chopped(data, 2)), 1.5 * len(data) + 8192)

    def test_the_message(self) -> None:
        """What has been gathered is the message, whatever pieces it has come in."""
        text = b"".join(b"%d, " % number for number in range(2000))
        for size in (1, 2, 7, 4096):
            socket = self.opened()
            socket.write(frame(TEXT, text[:100], final=False))
            for piece in chopped(frame(CONTINUATION, text[100:]), size):
                socket.link.server.bufferReceived(piece)
            self.harness.flush()
            self.assertEqual(socket.answers, ((TEXT, text),))


class TurnTests(BoundedTestCase):
    """Many frames at once."""

    many = 2000

    def opened(self, headers: Iterable[tuple[str, str]] = UPGRADE) -> RawWebSocket:
        socket = super().opened(headers)
        factory = socket.link.server.protocol.factory
        # A call takes a tenth of a turn.
        seconds = itertools.count(step=0.000025).__next__
        self.patch(factory, "turns", FairTurns(TurnByTurn(self.harness.clock), seconds))  # type: ignore[arg-type]
        return socket

    def test_others_get_their_turn(self) -> None:
        """Frames that came together are acted on in several turns, and nothing is read meanwhile."""
        server = self.opened().link.server
        pings = [b"%d" % number for number in range(self.many)]
        del self.harness.written[:]
        server.bufferReceived(b"".join(frame(PING, payload) for payload in pings))
        turns = [len(self.harness.written)]
        while server.paused:
            self.harness.clock.advance(TURN_SECONDS)
            turns.append(len(self.harness.written) - sum(turns))
        self.assertLess(max(turns), 128)
        self.assertEqual([pong[2:] for pong in self.harness.written], pings)

    def test_others_are_served_in_between(self) -> None:
        """Somebody else is answered before all of them have been acted on."""
        server = self.opened().link.server
        server.bufferReceived(frame(PING) * self.many)
        self.assertEqual(self.bystander.invoke("add", 1, 2)["R"], 3)
        self.assertTrue(server.paused)

    def test_who_does_not_read(self) -> None:
        """Nothing of what a client has sent is acted on while its buffer is full."""
        socket = self.opened()
        server = socket.link.server
        server.bufferReceived(frame(PING) * self.many)
        server.fill()
        self.harness.advance(1, step=TURN_SECONDS)
        self.assertLess(len(socket.answers), 20)
        self.assertTrue(server.paused)
        server.drain()
        self.harness.advance(1, step=TURN_SECONDS)
        self.assertEqual(len(socket.answers), self.many)
        self.assertFalse(server.paused)
        socket.write(frame(PING, b"again"))
        self.assertEqual(socket.answers[-1], (PONG, b"again"))

    def test_who_reads_again_in_between(self) -> None:
        """What arrives in between stands behind what is there."""
        socket = self.opened()
        server = socket.link.server
        server.bufferReceived(frame(PING) * self.many)
        server.fill()
        server.drain()
        server.bufferReceived(frame(PING, b"last"))
        self.harness.advance(1, step=TURN_SECONDS)
        self.assertEqual(socket.answers, (*[(PONG, b"")] * self.many, (PONG, b"last")))

    def test_a_client_that_vanishes_in_between(self) -> None:
        """The rest is forgotten."""
        socket = self.opened()
        socket.link.server.bufferReceived(frame(PING) * self.many)
        socket.link.drop()
        self.harness.advance(1, step=TURN_SECONDS)
        self.assertTrue(socket.lost)


class UnfinishedTests(BoundedTestCase):
    """Clients that begin and do not end."""

    #: A byte of a head, a head, part of a payload, one of a message's fragments, part of a ping; and what is missing.
    unfinished = (
        (frame(TEXT, b"unfinished")[:1], frame(TEXT, b"unfinished")[1:]),
        (frame(TEXT, b"unfinished")[:6], frame(TEXT, b"unfinished")[6:]),
        (frame(TEXT, b"unfinished")[:-1], frame(TEXT, b"unfinished")[-1:]),
        (frame(TEXT, b"unfini", final=False), frame(CONTINUATION, b"shed")),
        (frame(PING, b"unfinished")[:-1], frame(PING, b"unfinished")[-1:]),
    )

    def test_an_unfinished_message(self) -> None:
        """After a while the socket is closed with 1008, which one line in the log tells; soon after it is dropped."""
        for data, _ in self.unfinished:
            socket = self.opened()
            socket.write(data)
            self.harness.advance(MESSAGE_SECONDS - 1)
            self.assertIsNone(socket.close_code)
            with our_log() as lines:
                self.harness.advance(1)
                self.assertEqual(socket.close_code, 1008)
                self.harness.advance(_CLOSE_SECONDS)
            self.assertTrue(socket.lost)
            self.assertEqual(len(lines), 1, lines)

    def test_it_need_only_be_complete(self) -> None:
        """A message that took its time is taken like any other, and then there is no hurry."""
        for data, missing in self.unfinished:
            socket = self.opened()
            socket.write(data)
            self.harness.advance(MESSAGE_SECONDS - 1)
            socket.write(missing)
            [(_, payload)] = socket.answers
            self.assertEqual(payload, b"unfinished")
            self.harness.advance(2 * MESSAGE_SECONDS)
            self.assertIsNone(socket.close_code)

    def test_signs_of_life_in_between(self) -> None:
        """Pings and new fragments do not make a message any more complete."""
        socket = self.opened()
        socket.write(frame(TEXT, b"to be ", final=False))
        for _ in range(round(MESSAGE_SECONDS) - 1):
            self.harness.advance(1)
            socket.write(frame(PING) + frame(CONTINUATION, b"continued", final=False))
        self.assertIsNone(socket.close_code)
        self.harness.advance(1)
        self.assertEqual(socket.close_code, 1008)

    def test_one_after_the_other(self) -> None:
        """A client that always has begun the next message, but completes each, is all right."""
        socket = self.opened()
        text = frame(TEXT, b"hello")
        socket.write(text[:3])
        for _ in range(3 * round(MESSAGE_SECONDS)):
            self.harness.advance(1)
            socket.write(text[3:] + text[:3])
        self.assertIsNone(socket.close_code)
        self.assertEqual(len(socket.answers), 3 * round(MESSAGE_SECONDS))

    def test_an_unfinished_handshake(self) -> None:
        """It is dropped in time as well, like any request that does not end."""
        connection = self.harness.connection()
        connection.write(b"GET /echo/connect?transport=webSockets HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n")
        self.harness.advance(75)
        self.assertTrue(connection.link.lost)


class PartingTests(BoundedTestCase):
    """Clients that do not let go."""

    def test_a_refusal_that_is_not_answered(self) -> None:
        """The connection is dropped soon after the close, and nothing more is logged."""
        socket = self.opened()
        with our_log() as lines:
            socket.write(frame(TEXT, masked=False))
            self.assertFalse(socket.lost)
            self.harness.advance(_CLOSE_SECONDS)
        self.assertTrue(socket.lost)
        self.assertEqual(len(lines), 1)

    def test_a_goodbye_of_who_does_not_read(self) -> None:
        """A client that says goodbye and does not read what is left for it is cut off after a while."""
        socket = self.opened()
        server = socket.link.server
        # Nothing leaves: what is written stays in the buffer.
        self.harness.links.remove(socket.link)
        server.bufferReceived(close())
        self.harness.advance(PARTING_SECONDS - 1)
        self.assertFalse(server.aborted)
        self.harness.advance(1)
        self.assertTrue(server.aborted)
        self.harness.links.append(socket.link)

    def test_no_traces(self) -> None:
        """When it has been dropped, no call is left that would keep the socket."""
        for data in (close(), frame(TEXT, b"\xff"), frame(TEXT, b"x")[:-1], close(1005)):
            before = len(self.harness.clock.getDelayedCalls())
            socket = self.opened()
            socket.write(data)
            socket.link.drop()
            self.harness.advance(_CLOSE_SECONDS)
            self.assertEqual(len(self.harness.clock.getDelayedCalls()), before)
