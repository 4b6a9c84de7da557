"""Clients that send slowly, too much, or nothing at all, to a real server: closed in time, at no cost to others."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import ssl
import statistics
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.integration.bystander import Bystander, memory
from tests.integration.hasty_twistd import HASTY, SECONDS
from tests.integration.scale import IS_TORTURE, scaled
from tests.integration.slow_clients import SlowClient, SlowClients
from tests.integration.support import FOREGROUND, Client, Server, StockTickerTestCase, free_port
from tests.integration.torture.workers import allow_open_files
from tests.integration.waiting import DEADLINE_SECONDS, wait_for
from twisted_ticker.web.deadlines import BODY_SECONDS, HEAD_SECONDS, IDLE_SECONDS

_MIB = 1024 * 1024

_HEAD = b"GET /signalr/ping HTTP/1.1\r\nHost: test\r\n"
_PING = _HEAD + b"\r\n"
_POST = b"POST /signalr/send HTTP/1.1\r\nHost: test\r\n"

#: How many there are of each kind.
_MANY = scaled(40, 300)

#: Each kind: what is sent at first and then, the status of the answer (``None`` for none), and how long they are borne.
KINDS: dict[str, tuple[bytes, bytes, int | None, float]] = {
    "silent": (b"", b"", None, HEAD_SECONDS),
    "a header byte by byte": (_HEAD + b"X: ", b"y", 408, HEAD_SECONDS),
    "a target byte by byte": (b"GET /", b"x", 408, HEAD_SECONDS),
    "header by header": (_HEAD, b"X: y\r\n", 408, HEAD_SECONDS),
    "a head that stops": (_HEAD, b"", 408, HEAD_SECONDS),
    "a body byte by byte": (_POST + b"Content-Length: 1000000\r\n\r\n", b"x", 408, BODY_SECONDS),
    "a body that stops": (_POST + b"Content-Length: 10\r\n\r\nx", b"", 408, BODY_SECONDS),
    "chunk by chunk": (_POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 408, BODY_SECONDS),
    "idle": (_PING, b"", 200, IDLE_SECONDS),
}

#: Of the longest time that somebody is borne with, how much longer it may take.
_LATE_SECONDS = 15.0

#: What memory may be needed for each of them, kernel apart, and by the interpreter for anything else.
_CLIENT_BYTES = 16 * 1024
_OTHER_BYTES = 16 * _MIB


def temporary_files(server: Server) -> list[str]:
    """Files that a server has open and nobody else could find again, or that lie where temporary ones do."""
    found = []
    for descriptor in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(descriptor))
    # Its own directory may lie there, too.
    others = [name for name in found if not name.startswith(f"{server.directory}/")]
    return [name for name in others if name.startswith(("/tmp", "/var/tmp"))] + [
        name for name in found if "deleted" in name
    ]


class SlowClientTests(StockTickerTestCase):
    """Crowds of them. In the quick form, the server is less patient than ours is."""

    def server(self, *options: str, command: tuple[str, ...] = FOREGROUND if IS_TORTURE else HASTY) -> Server:
        """A server that may have all these connections, unless it is told otherwise."""
        allow_open_files(12 * _MANY + 500)
        return self.start_server("--open", *options, command=command)

    def test_a_crowd_of_each_kind(self) -> None:
        """Each is closed when its time is over, with the right answer; others hardly notice, and nothing is left."""
        port = free_port()
        # Where many can wait to be let in.
        server = self.server("--listen", f"tcp:{port}:interface=127.0.0.1:backlog=1000")
        bystander = Bystander(server.port)
        self.addCleanup(bystander.stop)
        wait_for("the bystander has been answered", lambda: len(bystander.seconds) > 100)
        before, calm = memory(server), len(bystander.seconds)
        clients = {kind: [SlowClient(first, then) for _ in range(_MANY)] for kind, (first, then, _, _) in KINDS.items()}
        crowd = SlowClients(port, [client for several in clients.values() for client in several])
        self.addCleanup(crowd.stop)
        under_attack = len(bystander.seconds)
        self.assertLess(memory(server) - before, _OTHER_BYTES + _CLIENT_BYTES * len(crowd.clients))
        self.assertEqual(temporary_files(server), [])
        longest = max(patience for *_, patience in KINDS.values())
        wait_for("all are closed", lambda: not crowd.borne, seconds=longest + DEADLINE_SECONDS + _LATE_SECONDS)
        attacked = bystander.seconds[under_attack:]
        bystander.stop()
        for kind, (_, _, status, patience) in KINDS.items():
            expected = patience if IS_TORTURE else SECONDS
            for client in clients[kind]:
                answer = client.received.split(b" ")[1] if client.received else None
                self.assertEqual(answer, None if status is None else str(status).encode(), kind)
                assert client.seconds is not None
                self.assertGreaterEqual(client.seconds, expected - 0.5, kind)
                self.assertLess(client.seconds, expected + _LATE_SECONDS, kind)
        self.assertNoSlower(attacked, bystander.seconds[:calm])
        refused = sum(status not in (None, 200) for _, _, status, _ in KINDS.values())
        self.assertEqual(server.log.count("Refused a request of"), refused * _MANY)
        self.assertLogClean(server)

    def assertNoSlower(self, attacked: list[float], calm: list[float]) -> None:
        """Somebody's calls take about as long as they did before; a busy machine has its allowance."""
        self.assertGreater(len(attacked), 100)
        self.assertLess(statistics.median(attacked), 2 * statistics.median(calm) + 0.01)
        self.assertLess(statistics.quantiles(attacked, n=100)[98], 2 * statistics.quantiles(calm, n=100)[98] + 0.1)

    def test_bodies_that_are_too_long(self) -> None:
        """Who sends one is told so, although it goes on sending; it takes neither memory nor files."""
        server = self.server()
        Client(server.port)
        before = memory(server)
        size = scaled(20, 400) * _MIB
        for head in (b"Content-Length: %d\r\n\r\n" % size, b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % size):
            for _ in range(scaled(5, 50)):
                with socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS) as link:
                    sender = threading.Thread(target=self.send, args=(link, _POST + head, size))
                    sender.start()
                    received = self.all_of(link)
                    sender.join()
                self.assertTrue(received.startswith(b"HTTP/1.1 413 "), received)
                self.assertTrue(received.endswith(b"\r\n\r\nThe body is longer than 1048576 bytes.\n"), received)
            self.assertEqual(temporary_files(server), [])
        self.assertLess(memory(server) - before, _OTHER_BYTES)
        self.assertLogClean(server)

    @staticmethod
    def send(link: socket.socket, head: bytes, size: int) -> None:
        """Send a body until the server does not take any more of it."""
        with contextlib.suppress(OSError):
            link.sendall(head)
            for _ in range(size // 65536):
                link.sendall(b"x" * 65536)

    @staticmethod
    def all_of(link: socket.socket) -> bytes:
        """All that is answered before the server has said all."""
        received = b""
        while data := link.recv(65536):
            received += data
        return received

    def test_responses_that_nobody_reads(self) -> None:
        """Who asks for pages again and again and reads nothing is cut off, and nothing piles up."""
        server = self.server()
        Client(server.port)
        before = memory(server)
        request = b"GET /vendor/jquery.min.js HTTP/1.1\r\nHost: test\r\n\r\n"
        links = [socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS) for _ in range(_MANY)]
        for link in links:
            self.addCleanup(link.close)
            link.setblocking(False)
        # Each of them, as much as the server takes.
        for _ in range(20):
            for link in links:
                with contextlib.suppress(BlockingIOError):
                    link.send(request * 1000)
        self.assertLess(memory(server) - before, _OTHER_BYTES + _MANY * 512 * 1024)
        patience = 60 if IS_TORTURE else SECONDS
        wait_for(
            "all are cut off",
            lambda: server.log.count("who has read nothing of a response") == _MANY,
            seconds=patience + DEADLINE_SECONDS + _LATE_SECONDS,
        )
        self.assertLogClean(server)

    def assert_soon_closed(self, link: socket.socket, seconds: float) -> None:
        """A connection ends, by whatever the server does."""
        link.settimeout(seconds)
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while link.recv(65536):
                pass
        self.assertLess(time.monotonic() - began, seconds)

    def test_handshakes_of_tls_that_never_finish(self) -> None:
        """They are closed like silent clients; others are served, and refused, over TLS as anywhere."""
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        port = free_port()
        endpoint = f"ssl:{port}:interface=127.0.0.1:privateKey={make_certificate(directory)}"
        server = self.server("--listen", endpoint, "--max-connections", "3", command=HASTY)
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        for first in (b"", hello, b"GET / HTTP/1.1\r\n"):
            with socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS) as link:
                link.sendall(first)
                self.assert_soon_closed(link, SECONDS + _LATE_SECONDS)
        trusting = ssl.create_default_context(cafile=str(directory / "server.pem"))
        with contextlib.ExitStack() as links:
            for _ in range(3):
                plain = links.enter_context(socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS))
                link = links.enter_context(trusting.wrap_socket(plain, server_hostname="localhost"))
                link.sendall(_PING)
                self.assertIn(b"pong", link.recv(65536))
            with self.assertRaises(OSError):
                plain = links.enter_context(socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS))
                links.enter_context(trusting.wrap_socket(plain, server_hostname="localhost"))
        self.assertNotIn("Traceback", server.log)
        self.assertEqual(server.log.count("(--max-connections)"), 1)


class CrowdedTests(StockTickerTestCase):
    """Servers that take only so many connections."""

    def counted(self, server: Server) -> dict[str, float]:
        """The numbers of a server's connections."""
        _, body = Client(server.port).request("GET", "/metrics")
        return {name: float(value) for name, value in re.findall(r"(?m)^(web_\S+) (\S+)$", body.decode())}

    def borne(self, crowd: SlowClients, expected: Callable[[int], bool]) -> int:
        """How many of a crowd are connected, when that is as expected."""
        wait_for("the others have been closed", lambda: expected(crowd.borne))
        return crowd.borne

    def test_one_address(self) -> None:
        """A thousand connections of one are stopped at the limit; another one is served, and the log says it once."""
        limit, many = 50, scaled(300, 1000)
        allow_open_files(many + 500)
        server = self.start_server("--open", "--max-connections-per-address", str(limit))
        crowd = SlowClients(server.port, [SlowClient(_PING) for _ in range(many)], "127.0.0.2")
        self.addCleanup(crowd.stop)
        self.assertEqual(self.borne(crowd, lambda borne: borne <= limit), limit)
        Client(server.port).open_websocket().close()
        self.assertEqual(self.counted(server)["web_connections_refused_total"], many - limit)
        self.assertEqual(server.log.count("127.0.0.2 has 50 connections"), 1)
        crowd.stop()
        wait_for("they have gone", lambda: self.counted(server)["web_connections_current"] < 5)
        again = SlowClients(server.port, [SlowClient(_PING) for _ in range(limit)], "127.0.0.2")
        self.addCleanup(again.stop)
        wait_for("they are answered", lambda: all(client.received for client in again.clients))
        self.assertEqual(again.borne, limit)

    def test_all_together(self) -> None:
        """Connections without a request give way to new ones; those that are used do not."""
        limit = 40
        server = self.start_server("--open", "--max-connections", str(limit))
        with contextlib.closing(Client(server.port).open_websocket()) as link:
            for _ in range(3):
                crowd = SlowClients(server.port, [SlowClient(b"") for _ in range(limit)])
                self.addCleanup(crowd.stop)
                self.borne(crowd, lambda borne: borne < limit)
                # Who has just come is not sent away at once.
                wait_for("somebody else is served", lambda: self.is_served(server))
            counted = self.counted(server)
            self.assertGreater(counted["web_connections_given_up_total"], 20)
            self.assertLessEqual(counted["web_connections_current"], limit)
            self.assertTrue(link.frame())
        self.assertLess(server.log.count("(--max-connections)"), 3)

    @staticmethod
    def is_served(server: Server) -> bool:
        """Whether a new client is."""
        try:
            Client(server.port)
        except OSError:
            return False
        return True


def make_certificate(directory: Path) -> Path:
    """A certificate for ``localhost``, with its key in the same file; returns the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = directory / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file
