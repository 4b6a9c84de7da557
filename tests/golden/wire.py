"""
Our side of an exchange: a recorded request is sent to the site in memory, and what comes is read as it comes.
"""

from __future__ import annotations

import struct
from typing import Any, cast

from tests.golden.comparison import split_stream
from tests.golden.recording import Exchange
from tests.golden.site import GoldenSite
from tests.web.support import SiteHarness
from tests.web.wire import HttpConnection, HttpResponse

__all__ = ["OurExchange"]

_MASK = b"\x12\x34\x56\x78"
_TEXT, _CLOSE = 1, 8


class OurExchange:
    """
    A recorded request, sent to our server.

    Args:
        site: the server.
        recorded: the exchange that is replayed.
        target: path and query, with our tokens.
        body: the form, with our tokens.

    Attributes:
        items: what has come on a receive channel so far, each as a text; a close frame is ``close`` and its code.
    """

    def __init__(self, site: GoldenSite, recorded: Exchange, target: str, body: str | None) -> None:
        self.recorded = recorded
        self.items: list[str] = []
        self._frames = b""
        self._seen = 0
        self._closing = False
        # All that a connection needs of a harness, the site has.
        self._connection = HttpConnection(cast(SiteHarness, site))
        headers = list(recorded.headers)
        content = body.encode() if body is not None else b"" if recorded.method == "POST" else None
        if recorded.is_websocket:
            headers += [
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ]
        self._connection.request(recorded.method, target, headers=headers, body=content)

    @property
    def response(self) -> HttpResponse | None:
        """The response, as far as it is there; ``None`` before the end of its headers."""
        parsed = HttpResponse.parse(
            self._connection.raw, closed=self._connection.closed, bodiless=self.recorded.method == "HEAD"
        )
        return parsed and parsed[0]

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        response = self.response
        if self.recorded.is_websocket and response is not None and response.status == 101:
            return self._closing
        return response is not None and response.complete

    def read(self) -> list[str]:
        """What has come on the channel since it was last asked."""
        response = self.response
        if response is None or response.status not in (101, 200):
            return []
        if self.recorded.is_websocket:
            new = self._read_frames()
        else:
            items = split_stream(self.recorded.transport, response.body.decode())
            new = items[len(self.items) :]
        self.items += new
        return new

    def _read_frames(self) -> list[str]:
        parsed = HttpResponse.parse(self._connection.raw, closed=False)
        assert parsed is not None
        data = parsed[1][self._seen :]
        texts = []
        while len(data) >= 2:
            opcode, length, start = data[0] & 0x0F, data[1], 2
            if length == 126:
                length, start = struct.unpack("!H", data[2:4])[0], 4
            elif length == 127:
                length, start = struct.unpack("!Q", data[2:10])[0], 10
            payload, data = data[start : start + length], data[start + length :]
            self._seen += start + length
            texts.append(self._text_of(opcode, payload))
        return texts

    def _text_of(self, opcode: int, payload: bytes) -> str:
        if opcode == _TEXT:
            return payload.decode()
        assert opcode == _CLOSE, (opcode, payload)
        if not self._closing:
            self.send_frame(_CLOSE, payload)
        self._closing = True
        return f"close {struct.unpack('!H', payload[:2])[0]} {payload[2:].decode()}"

    def send_text(self, text: str) -> None:
        """Send a text on the WebSocket."""
        self.send_frame(_TEXT, text.encode())

    def send_close(self, code: int) -> None:
        """Close the WebSocket."""
        self._closing = True
        self.send_frame(_CLOSE, struct.pack("!H", code))

    def send_frame(self, opcode: int, payload: bytes) -> None:
        """Send a frame on the WebSocket."""
        length = len(payload)
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | length) if length < 126 else b""
        head = head or struct.pack("!BBH", 0x80 | opcode, 0xFE, length)
        masked = bytes(byte ^ _MASK[index % 4] for index, byte in enumerate(payload))
        self._connection.write(head + _MASK + masked)

    def drop(self) -> None:
        """Let go."""
        self._connection.drop()

    @property
    def head(self) -> tuple[int | None, str, list[Any]]:
        """Status, reason and headers of the response; a status of ``None`` before there is one."""
        response = self.response
        return (None, "", []) if response is None else (response.status, response.reason, response.headers)
