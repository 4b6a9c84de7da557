"""
The benchmarks work: their programs compile, the load generator counts what each server sends it, and nothing is lost;
and where something is lost, it notices. How fast anything is, is not looked at.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.build import build
from benchmarks.load import Load
from benchmarks.market import MARKETS, measure_market
from benchmarks.measure import Bench, Sizes
from benchmarks.processes import PROJECT, cores, order
from benchmarks.servers import CEILINGS, OURS, PEERS, Server
from tests.integration.support import DEADLINE_SECONDS, new_directory

__all__ = ["CountingTests", "ServersTests"]

CLIENTS = 20
SIZES = Sizes(
    idle_seconds=0, deliveries=4000, tick_seconds=0.5, handshakes=5, calls=100, viewers=CLIENTS, market_ticks=4
)

#: Where ``make integration`` installs what has other versions of the peers in it.
_FOREIGN, _BROWSER = Path(sys.prefix) / "foreign", Path(sys.prefix) / "browser"


@cache
def programs() -> Path:
    """The directory of the programs in C, which are compiled once."""
    directory = new_directory()
    build(directory)
    return directory


class BenchTestCase(SynchronousTestCase):
    """Has the programs in C."""

    def setUp(self) -> None:
        self.programs = programs()
        self.server_core, self.load_core = cores()


class ServersTests(BenchTestCase):
    """Every server is measured, and sends everybody everything once, in order."""

    def setUp(self) -> None:
        super().setUp()
        self.bench = Bench(self.programs, self.server_core, self.load_core, SIZES)

    def assertBroadcasts(self, server: Server) -> None:
        """Some clients get all that the server was told to send."""
        figures = self.bench.broadcasts(server, CLIENTS)
        if server.bursts:
            self.assertEqual((figures["burst_faults"], figures["burst_messages_per_frame"]), (0, 1))
            self.assertGreater(figures["burst_us_per_message"], 0)
        if server.ticks:
            self.assertEqual(figures["tick_faults"], 0)
            self.assertGreater(figures["tick_us_per_message"], 0)
        self.assertEqual("tick_us_per_poll" in figures, server.transport == "longPolling")

    def test_ceilings(self) -> None:
        """The C program, in all its ways."""
        for server in CEILINGS.values():
            self.assertBroadcasts(server)

    def test_ours(self) -> None:
        """Ours, in all its ways."""
        for server in OURS.values():
            self.assertBroadcasts(server)

    def test_autobahn(self) -> None:
        """Autobahn's broadcast."""
        self.assertBroadcasts(PEERS["autobahn"])

    def test_websockets(self) -> None:
        """That of websockets, of the version which is there for other tests."""
        _, *arguments = PEERS["websockets"].command
        self.assertBroadcasts(replace(PEERS["websockets"], command=(str(_FOREIGN / "bin" / "python"), *arguments)))

    def test_ws(self) -> None:
        """That of ws, of the version which is there for other tests."""
        self.assertBroadcasts(replace(PEERS["ws"], environment={"NODE_PATH": str(_BROWSER / "node_modules")}))

    def test_counts(self) -> None:
        """Exactly what was sent is counted, by each client."""
        for parameters in ("", "&batch=10"):
            with (
                self.bench.serving(CEILINGS["ceiling"]) as (_, port, _),
                Load(self.programs / "load", port, CLIENTS, "webSockets", core=self.load_core) as load,
            ):
                for messages in (25, 1, 50):
                    load.begin_count(messages, DEADLINE_SECONDS)
                    order(port, f"/burst?m={messages}&size=120{parameters}")
                    result = load.end_count()
                    self.assertEqual(
                        {
                            name: result[name]
                            for name in ("reason", "clients", "expected", "delivered", "frames", "bytes")
                        },
                        {
                            "reason": "complete",
                            "clients": CLIENTS,
                            "expected": CLIENTS * messages,
                            "delivered": CLIENTS * messages,
                            "frames": CLIENTS * messages,
                            # A frame of so few bytes has a head of two.
                            "bytes": CLIENTS * messages * 122,
                        },
                    )
                    self.assertEqual(result["latency_us"]["count"], CLIENTS * messages)

    def test_handshakes_and_calls(self) -> None:
        """What only ours has: handshakes, and calls with a result."""
        self.assertGreater(self.bench.handshakes()["us_per_handshake"], 0)
        figures = self.bench.calls()
        self.assertEqual(figures["calls_faults"], 0)
        self.assertGreater(figures["calls_per_second"], 0)

    def test_markets(self) -> None:
        """All ticks of the market come, to all viewers, on both hubs."""
        for viewing in MARKETS.values():
            figures = measure_market(self.bench, viewing)
            self.assertEqual((figures["market_ticks"], figures["market_faults"]), (SIZES.market_ticks, 0))

    def test_runner(self) -> None:
        """The runner tells what it has measured, and writes all figures."""
        figures = new_directory() / "figures.json"
        options = ("--quick", "--clients", str(CLIENTS), "--servers", "ours-handshake", "--json", str(figures))
        result = subprocess.run(
            [sys.executable, "-m", "benchmarks.run", *options],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=6 * DEADLINE_SECONDS,
            check=False,
        )
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stdout)
        self.assertIn("- ours-handshake: ", result.stdout)
        runs = json.loads(figures.read_text(encoding="utf-8"))["runs"]
        self.assertEqual([run["entry"] for run in runs], ["ours-handshake"])


#: What the load generator tells of a count.
Counted = dict[str, Any]

#: For counts that never become complete: how long to wait for what does not come.
WITHOUT_END = {"idle_seconds": 0.5}


def message(number: int, padding: int = 20) -> bytes:
    """A message as servers make them."""
    return json.dumps({"seq": number, "ts": time.monotonic_ns(), "pad": "x" * padding}).encode()


def frame(payload: bytes, opcode: int = 1, *, is_last: bool = True) -> bytes:
    """A WebSocket frame of a server."""
    length = len(payload)
    if length < 126:
        size = bytes([length])
    else:
        size = struct.pack(">BH", 126, length) if length < 65536 else struct.pack(">BQ", 127, length)
    return bytes([opcode | (0x80 if is_last else 0)]) + size + payload


def chunk(data: bytes) -> bytes:
    """A chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def split(data: bytes, size: int) -> Iterator[bytes]:
    """Data in pieces."""
    return (data[index : index + size] for index in range(0, len(data), size))


class CountingTests(BenchTestCase):
    """The load generator against a server that the test plays itself: awkward streams, and faulty ones."""

    SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

    def setUp(self) -> None:
        super().setUp()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(DEADLINE_SECONDS)
        self.addCleanup(self._listener.close)

    @contextlib.contextmanager
    def connected(self, transport: str, answer: bytes, *options: str) -> Iterator[tuple[Load, socket.socket]]:
        """A client that has asked, in ``self.request``, and was answered; and its server's socket."""
        port = self._listener.getsockname()[1]
        load = Load(self.programs / "load", port, 1, transport, *options, core=self.load_core)
        accepted, _ = self._listener.accept()
        with accepted:
            accepted.settimeout(DEADLINE_SECONDS)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.request = accepted.recv(4096)
            accepted.sendall(answer)
            with load:
                yield load, accepted

    def result(self, load: Load, server: socket.socket, messages: int, *parts: bytes, **options: float) -> Counted:
        """What the load generator counts of what the server sends."""
        load.begin_count(messages, DEADLINE_SECONDS, **{"idle_seconds": DEADLINE_SECONDS, **options})
        for part in parts:
            server.sendall(part)
        return load.end_count()

    def assertCounted(self, result: Counted, **expected: object) -> None:
        """The result says what is expected, and that there is nothing wrong but that."""
        faults = dict.fromkeys(("lost", "missing", "repeated", "disordered", "disconnected", "protocol_errors"), 0)
        wanted = faults | expected
        self.assertEqual({name: result[name] for name in wanted}, wanted)

    def test_in_order(self) -> None:
        """Messages may come one or more at a time, short or long, in fragments, with pings between, byte by byte."""
        fragments = message(6)
        parts = (
            frame(b"[" + b",".join(map(message, (1, 2, 3))) + b"]"),
            frame(message(4, 300)) + frame(message(5, 70_000)),
            frame(fragments[:9], is_last=False) + frame(b"are you there?", 9),
            frame(fragments[9:20], 0, is_last=False) + frame(fragments[20:], 0),
            *split(frame(message(7)) + frame(message(8)), 1),
        )
        with self.connected("webSockets", self.SWITCHING) as (load, server):
            self.assertCounted(self.result(load, server, 8, *parts), reason="complete", delivered=8, frames=6)
            pong = server.recv(4096)
            key = pong[2:6]
            self.assertEqual(pong[:2], bytes([0x80 | 10, 0x80 | 14]))
            self.assertEqual(bytes(byte ^ key[i % 4] for i, byte in enumerate(pong[6:])), b"are you there?")

    def assertNotices(self, numbers: tuple[int, ...], **expected: object) -> None:
        """A stream of messages with these numbers is counted so, over each transport that has a stream."""
        event_stream = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        events = b"".join(b"data: " + message(number) + b"\n\n" for number in numbers)
        with self.connected("serverSentEvents", event_stream) as (load, server):
            self.assertCounted(self.result(load, server, 5, events, **WITHOUT_END), **expected)
        frames = b"".join(map(frame, map(message, numbers)))
        with self.connected("webSockets", self.SWITCHING) as (load, server):
            self.assertCounted(self.result(load, server, 5, frames, **WITHOUT_END), **expected)

    def test_good(self) -> None:
        """It has nothing to complain of a good stream, whatever the first number is."""
        self.assertNotices((1, 2, 3, 4, 5), reason="complete", delivered=5)
        self.assertNotices((41, 42, 43, 44, 45), reason="complete", delivered=5)

    def test_lost_inside(self) -> None:
        """It notices messages that are left out."""
        self.assertNotices((1, 2, 5), reason="idle", delivered=3, lost=2, missing=2)

    def test_lost_at_the_end(self) -> None:
        """It notices that messages do not come any more."""
        self.assertNotices((1, 2, 3), reason="idle", delivered=3, lost=2)

    def test_repeated(self) -> None:
        """It notices a message that comes twice, the last one too."""
        self.assertNotices((1, 2, 2, 3, 4, 5), reason="complete", delivered=5, repeated=1)
        self.assertNotices((1, 2, 3, 4, 5, 5), reason="complete", delivered=5, repeated=1)

    def test_disordered(self) -> None:
        """It notices a message that comes after a later one; it is lost, too."""
        self.assertNotices((1, 2, 4, 3, 5), reason="idle", delivered=4, lost=1, missing=1, disordered=1)

    def test_closed(self) -> None:
        """It notices a connection that ends."""
        closing = frame(struct.pack(">H", 1001), 8)
        with self.connected("webSockets", self.SWITCHING) as (load, server):
            result = self.result(load, server, 5, frame(message(1)) + closing, **WITHOUT_END)
            self.assertCounted(result, reason="idle", delivered=1, lost=4, disconnected=1)
        with self.connected("webSockets", self.SWITCHING) as (load, server):
            load.begin_count(5, DEADLINE_SECONDS, **WITHOUT_END)
            server.sendall(frame(message(1)))
            server.close()
            self.assertCounted(load.end_count(), reason="idle", delivered=1, lost=4, disconnected=1)

    def test_broken(self) -> None:
        """It notices what is no frame of a server."""
        masked = b"\x81\x85" + b"\0" * 4 + b"hello"
        with self.connected("webSockets", self.SWITCHING) as (load, server):
            self.assertCounted(
                self.result(load, server, 5, frame(message(1)) + masked, **WITHOUT_END),
                **{"reason": "idle", "delivered": 1, "lost": 4, "disconnected": 1, "protocol_errors": 1},
            )

    def test_chunks(self) -> None:
        """Chunks may end anywhere, and come in any pieces."""
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        events = b": hello\n\n" + b"".join(b"data: " + message(number) + b"\n\n" for number in range(1, 9))
        body = b"".join(map(chunk, split(events, 13)))
        for size in (1, 7, len(body)):
            with self.connected("foreverFrame", head) as (load, server):
                result = self.result(load, server, 8, *split(body, size))
                self.assertCounted(result, reason="complete", delivered=8, frames=8)

    def test_end_of_chunks(self) -> None:
        """The end of a stream is the end of its connection."""
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        body = chunk(b"data: " + message(1) + b"\n\n") + b"0\r\n\r\n"
        with self.connected("foreverFrame", head) as (load, server):
            self.assertCounted(
                self.result(load, server, 2, body, **WITHOUT_END), reason="idle", delivered=1, lost=1, disconnected=1
            )

    def test_polls(self) -> None:
        """An answer to a poll has any number of messages, in one piece or in chunks; the next poll has its cursor."""
        answers = [
            (b'"d-1,2|3"', []),
            (b'"A"', [1]),
            (b'"B"', []),
            (b'"C"', [2, 3]),
        ]
        bodies = [b'{"C":%b,"M":[%b]}' % (cursor, b",".join(map(message, numbers))) for cursor, numbers in answers]
        plain = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies]
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunked = [head + b"".join(map(chunk, split(body, 9))) + b"0\r\n\r\n" for body in bodies]
        for first, *others in (plain, chunked):
            targets = []
            with self.connected("longPolling", first, "--path", "/connect\t/poll?messageId={C}") as (load, server):
                load.begin_count(3, DEADLINE_SECONDS)
                for answer in others:
                    targets.append(server.recv(4096).split(b" ")[1])
                    for piece in split(answer, 30):
                        server.sendall(piece)
                result = load.end_count()
                self.assertCounted(result, reason="complete", delivered=3)
                self.assertEqual(result["polls"], 3)
            self.assertTrue(self.request.startswith(b"GET /connect HTTP/1.1\r\n"))
            self.assertEqual(targets, [b"/poll?messageId=" + text for text in (b"d-1%2C2%7C3", b"A", b"B")])

    def test_parts(self) -> None:
        """A message of several parts is there when all are; it notices one that lacks a part, and one too many."""
        options = ("--marker", '"Price":', "--parts", "3", "--spreads")

        def prices(*numbers: int) -> bytes:
            return frame(b",".join(b'{"Price":%d.00}' % number for number in numbers))

        with self.connected("webSockets", self.SWITCHING, *options) as (load, server):
            result = self.result(load, server, 2, prices(7, 7), prices(7), prices(8, 8, 8))
            self.assertCounted(result, reason="complete", delivered=2)
            self.assertEqual([(spread["number"], spread["clients"]) for spread in result["spreads"]], [(7, 1), (8, 1)])
            self.assertEqual(result["spreads"][0]["first_ms"], 0)
            result = self.result(load, server, 2, prices(9, 9) + prices(10, 10, 10, 10), **WITHOUT_END)
            self.assertCounted(result, reason="idle", delivered=1, lost=1, missing=1, repeated=1)

    def test_questions(self) -> None:
        """It asks as many questions as may be unanswered, and each answer lets it ask one more, up to the last."""
        options = ("--ask", "question {n}", "--outstanding", "2", "--marker", "answer ")
        with self.connected("webSockets", self.SWITCHING, *options) as (load, server):
            load.begin_count(3, DEADLINE_SECONDS)
            asked = self.received_texts(server, 2)
            server.sendall(frame(b"answer 1"))
            asked += self.received_texts(server, 1)
            server.sendall(frame(b"answer 2") + frame(b"answer 3"))
            self.assertCounted(load.end_count(), reason="complete", delivered=3)
            self.assertEqual(asked, [b"question 1", b"question 2", b"question 3"])

    def received_texts(self, server: socket.socket, count: int) -> list[bytes]:
        """The next messages of the client, which are short."""
        texts, unread = [], b""
        while len(texts) < count:
            unread += server.recv(4096)
            while len(unread) >= 6 and len(unread) >= (end := 6 + (unread[1] & 0x7F)):
                key, payload, unread = unread[2:6], unread[6:end], unread[end:]
                texts.append(bytes(byte ^ key[i % 4] for i, byte in enumerate(payload)))
        self.assertEqual(unread, b"")
        return texts
