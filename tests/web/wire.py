"""
Connections in memory: the server's end of a simulated socket, and HTTP over it in exact bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.test import iosim
from zope.interface import implementer

if TYPE_CHECKING:
    from tests.web.support import SiteHarness

__all__ = ["HttpConnection", "HttpResponse", "Link", "ServerTransport"]

_log = Logger()

_SERVER = IPv4Address("TCP", "192.0.2.80", 80)
_CLIENT = IPv4Address("TCP", "192.0.2.1", 54321)


@implementer(IPushProducer)
class ServerTransport(iosim.FakeTransport):
    """
    The server's end of a connection. As with real sockets, and unlike its base: it can be paused, what is written after
    a close is still sent, and an abort loses what was not.

    Args:
        protocol: the server's protocol.
        written: where each write is noted.

    Attributes:
        paused: whether the server has asked not to be given more.
        has_said_all: whether the server has closed its direction of the connection.
    """

    def __init__(self, protocol: Any, written: list[bytes]) -> None:
        super().__init__(
            protocol,
            isServer=True,
            hostAddress=_SERVER,
            peerAddress=_CLIENT,
        )
        self.paused = False
        self.has_said_all = False
        self._unread: list[bytes] = []
        self._written = written
        self._aborted = False

    def write(self, data: bytes) -> None:
        if not self._aborted and not self.has_said_all:
            self._written.append(data)
            self.stream.append(data)

    def loseWriteConnection(self) -> None:
        self.has_said_all = True

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self.producer is not None:
            raise RuntimeError("There is a producer already.")
        super().registerProducer(producer, streaming)

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def bufferReceived(self, data: bytes) -> None:
        self._unread.append(data)
        self.read()

    def read(self) -> bool:
        """Give the server what has arrived, unless it is paused; return whether there was anything."""
        if self.paused or not self._unread:
            return False
        data, self._unread = b"".join(self._unread), []
        try:
            self.protocol.dataReceived(data)
        except Exception:
            # As reactors do it; the logged error fails the test.
            _log.failure("A protocol failed")
            self.abortConnection()
        return True

    @property
    def aborted(self) -> bool:
        """Whether the connection was cut, without waiting for what had not been sent."""
        return self._aborted

    def abortConnection(self) -> None:
        self._aborted = True
        self.stream.clear()
        self._unread.clear()
        self.loseConnection()

    # What real sockets do, and the test asks for.

    def fill(self) -> None:
        """The client reads no more: the buffer is full."""
        self.producer.pauseProducing()

    def drain(self) -> None:
        """The client has read everything: the buffer is empty."""
        self.producer.resumeProducing()


class Link:
    """One connection between a client's protocol and the site."""

    def __init__(self, harness: SiteHarness, client: Any) -> None:
        server = harness.site.buildProtocol(_CLIENT)
        self.server = ServerTransport(server, harness.written)
        self._client = iosim.makeFakeClient(client)
        self._pump = iosim.connect(server, self.server, client, self._client, greet=False, clock=harness.clock)
        harness.links.append(self)

    def pump(self) -> bool:
        """Move what there is to move; return whether there was anything."""
        read = self.server.read()
        return self._pump.pump(advanceClock=False) or read

    def drop(self) -> None:
        """The client vanishes without a word."""
        self._client.stream.clear()
        self._client.loseConnection()

    @property
    def lost(self) -> bool:
        """Whether the server knows that the connection is over."""
        return bool(self._client.disconnected)


class _Reader(Protocol):
    def __init__(self) -> None:
        self.data = b""
        self.closed = False

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.closed = True


@dataclass(frozen=True)
class HttpResponse:
    """
    A response, as far as it has arrived.

    Attributes:
        status: three digits.
        reason: the reason phrase.
        headers: in order.
        body: without its chunks' frames.
        chunks: its pieces, where it is chunked.
        complete: whether that was all.
    """

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes
    chunks: list[bytes]
    complete: bool

    def header(self, name: str) -> str | None:
        """The value of a header, ``None`` when there is none; it fails when there are two."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} is there {len(values)} times"
        return values[0] if values else None

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @classmethod
    def parse(cls, data: bytes, *, closed: bool, bodiless: bool = False) -> tuple[HttpResponse, bytes] | None:
        """Read the first response of some bytes; returns what is behind it, too, or ``None`` before its headers end."""
        head, blank, rest = data.partition(b"\r\n\r\n")
        if not blank:
            return None
        status_line, *lines = head.decode("latin-1").split("\r\n")
        _, status, reason = status_line.split(" ", 2)
        headers = [(line.partition(": ")[0], line.partition(": ")[2]) for line in lines]
        by_name = {name.lower(): value for name, value in headers}
        chunks: list[bytes] = []
        if bodiless or status in ("101", "204", "304"):
            body, rest, complete = b"", rest, True
        elif by_name.get("transfer-encoding") == "chunked":
            chunks, rest, complete = _chunks(rest)
            body = b"".join(chunks)
        elif "content-length" in by_name:
            length = int(by_name["content-length"])
            body, rest, complete = rest[:length], rest[length:], len(rest) >= length
        else:
            body, rest, complete = rest, b"", closed
        return cls(int(status), reason, headers, body, chunks, complete), rest


def _chunks(data: bytes) -> tuple[list[bytes], bytes, bool]:
    chunks = []
    while True:
        size_line, end, rest = data.partition(b"\r\n")
        if not end:
            return chunks, data, False
        size = int(size_line, 16)
        if len(rest) < size + 2:
            return chunks, data, False
        assert rest[size : size + 2] == b"\r\n", rest
        if size == 0:
            return chunks, rest[2:], True
        chunks.append(rest[:size])
        data = rest[size + 2 :]


class HttpConnection:
    """A client's HTTP connection: exact bytes there, exact bytes back."""

    def __init__(self, harness: SiteHarness) -> None:
        self._reader = _Reader()
        self._harness = harness
        self.link = Link(harness, self._reader)

    def write(self, data: bytes) -> None:
        """Send bytes to the server."""
        self._reader.transport.write(data)
        self._harness.flush()

    def request(
        self,
        method: str,
        target: str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        version: str = "HTTP/1.1",
    ) -> None:
        """Send a request; a body is announced by its length."""
        lines = [f"{method} {target} {version}", "Host: test", *(f"{name}: {value}" for name, value in headers)]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.write("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))

    @property
    def raw(self) -> bytes:
        """All that has arrived."""
        return self._reader.data

    @property
    def closed(self) -> bool:
        """Whether the server has closed the connection, or at least its direction of it."""
        return self._reader.closed or self.link.server.has_said_all

    @property
    def response(self) -> HttpResponse | None:
        """The first response, as far as it is there; ``None`` before the end of its headers."""
        parsed = HttpResponse.parse(self.raw, closed=self.closed)
        return parsed and parsed[0]

    @property
    def responses(self) -> list[HttpResponse]:
        """All responses on the connection; the last may not be complete."""
        responses = []
        rest = self.raw
        while rest:
            parsed = HttpResponse.parse(rest, closed=self.closed)
            if parsed is None:
                break
            response, rest = parsed
            responses.append(response)
        return responses

    def drop(self) -> None:
        """Vanish."""
        self.link.drop()
        self._harness.flush()
