"""
Messages take a short way to plain TCP sockets, and the ordinary one to all others: clients cannot tell which.
"""

from __future__ import annotations

import datetime
import http.client
import ipaddress
import json
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.integration.support import Client, StockTickerTestCase, WebSocket, free_port, new_directory
from tests.integration.waiting import DEADLINE_SECONDS, wait_for

#: A message, and the cursor of the envelope that it came in.
Received = tuple[str, str]


def certificate(directory: Path) -> tuple[Path, Path]:
    """Make a key, and a certificate for 127.0.0.1 that it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_file, certificate_file = directory / "key.pem", directory / "certificate.pem"
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return key_file, certificate_file


def envelopes_of_socket(link: WebSocket) -> Iterator[str]:
    while True:
        opcode, payload = link.frame()
        assert opcode == 1, payload
        yield payload.decode()


def envelopes_of_stream(link: socket.socket, target: str) -> Iterator[str]:
    link.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    response = http.client.HTTPResponse(link)
    response.begin()
    assert response.status == 200, response.status
    for line in response:
        if line.startswith(b"data: {"):
            yield line[len(b"data: ") :].decode()


def received(envelopes: Iterator[str]) -> Iterator[Received]:
    """The messages of some envelopes, one by one."""
    for envelope in map(json.loads, envelopes):
        for message in envelope.get("M", []):
            yield envelope["C"], json.dumps(message)


class WaysOutTests(StockTickerTestCase):
    """A server that listens on TCP, on a UNIX socket, and on TCP with TLS."""

    def setUp(self) -> None:
        super().setUp()
        directory = new_directory()
        key, self.certificate = certificate(directory)
        self.path, self.tls_port = str(directory / "s"), free_port()
        server = self.start_server(
            "--open",
            *("--interval", "0.02"),
            *("--listen", f"unix:{self.path}"),
            *("--listen", f"ssl:{self.tls_port}:interface=127.0.0.1:privateKey={key}:certKey={self.certificate}"),
        )
        self.port = server.port
        wait_for("the socket is there", lambda: os.path.exists(self.path))

    def by_tcp(self) -> socket.socket:
        return self.connected(socket.create_connection(("127.0.0.1", self.port), DEADLINE_SECONDS))

    def by_unix_socket(self) -> socket.socket:
        link = self.connected(socket.socket(socket.AF_UNIX))
        link.settimeout(DEADLINE_SECONDS)
        link.connect(os.path.relpath(self.path))  # such names may not be long
        return link

    def by_tls(self) -> socket.socket:
        context = ssl.create_default_context(cafile=str(self.certificate))
        plain = socket.create_connection(("127.0.0.1", self.tls_port), DEADLINE_SECONDS)
        return self.connected(context.wrap_socket(plain, server_hostname="127.0.0.1"))

    def connected(self, link: socket.socket) -> socket.socket:
        self.addCleanup(link.close)
        return link

    def websocket(self, connect: Callable[[], socket.socket]) -> Iterator[Received]:
        client = Client(self.port)
        link = WebSocket(self.port, client.target("connect", "webSockets"), link=connect())
        self.addCleanup(link.close)
        self.assertEqual(client.request("GET", client.target("start", "webSockets"))[0], 200)
        return received(envelopes_of_socket(link))

    def stream(self, connect: Callable[[], socket.socket]) -> Iterator[Received]:
        client = Client(self.port)
        envelopes = envelopes_of_stream(connect(), client.target("connect", "serverSentEvents"))
        self.assertIn('"S":1', next(envelopes))
        self.assertEqual(client.request("GET", client.target("start", "serverSentEvents"))[0], 200)
        return received(envelopes)

    def test_everybody_gets_the_same(self) -> None:
        """All messages, in one order, on every kind of socket and both transports that stream."""
        readers = [
            transport(connect)
            for connect in (self.by_tcp, self.by_unix_socket, self.by_tls)
            for transport in (self.websocket, self.stream)
        ]
        first = [next(reader) for reader in readers]
        # What the last to come has seen first, all the others see too.
        start = max(first, key=lambda one: int(one[0].rpartition("-")[2], 16))[0]
        for reader, one in zip(readers, first, strict=True):
            seen = one
            while seen[0] != start:
                seen = next(reader)
        ahead = [[next(reader) for _ in range(60)] for reader in readers]
        cursors = [dict.fromkeys(cursor for cursor, _ in messages) for messages in ahead]
        # The first and the last envelope may have been begun, and not been read to their ends.
        common = [cursor for cursor in cursors[0] if all(cursor in others for others in cursors)][1:-1]
        self.assertGreater(len(common), 5)
        [expected, *others] = [[message for message in messages if message[0] in common] for messages in ahead]
        for other in others:
            self.assertEqual(other, expected)
