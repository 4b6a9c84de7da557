"""
Reading a body that comes in chunks (RFC 9112, 7.1), to the letter.
"""

from __future__ import annotations

import re

from .refusals import RequestRefused

__all__ = ["ChunkedBody"]

#: Longest line between two chunks, extensions included.
_MAX_LINE_BYTES = 256

#: How many bytes there may be that are no data, besides as many as there are data: bytes that come one by one, or with
#: long extensions, cost much more to read than to send.
_MAX_FRAMING_BYTES = 16 * 1024

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[\t -~\x80-\xff]*)?")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*")

_END = b"\r\n"


class ChunkedBody:
    """
    Puts a body together.

    Args:
        max_bytes: the longest that is taken.
    """

    __slots__ = ("_data", "_framing_bytes", "_is_over", "_is_trailer", "_left", "_max_bytes", "_unread")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._data = bytearray()
        self._unread = bytearray()
        # Bytes of the chunk that are still to come; ``None`` between two chunks.
        self._left: int | None = None
        self._is_trailer = False
        self._is_over = False
        self._framing_bytes = 0

    @property
    def data(self) -> bytes:
        """What there is of the body."""
        return bytes(self._data)

    @property
    def held_bytes(self) -> int:
        """How much is kept."""
        return len(self._data) + len(self._unread)

    def feed(self, data: bytes) -> bytes | None:
        """
        Take what has come; returns what lies behind the body if that was all of it.

        Raises:
            RequestRefused: these are no chunks, or they are too long or too small.
        """
        unread = self._unread
        unread += data
        at = 0
        while not self._is_over:
            taken = self._read_line(at) if self._left is None else self._read_data(at, self._left)
            if not taken:
                del unread[:at]
                return None
            at += taken
        return bytes(unread[at:])

    def _read_data(self, at: int, left: int) -> int:
        """Take some of a chunk, or the line end behind it; returns how many bytes."""
        unread = self._unread
        if left:
            data = unread[at : at + left]
            self._data += data
            self._left = left - len(data)
            return len(data)
        end = unread[at : at + 2]
        if not _END.startswith(end):
            raise RequestRefused(400, "A chunk is longer than it says.")
        if end != _END:
            return 0
        self._left = None
        self._count(2)
        return 2

    def _read_line(self, at: int) -> int:
        """Take a line, if it is whole; returns how many bytes."""
        line_end = self._unread.find(_END, at, at + _MAX_LINE_BYTES)
        if line_end < 0:
            if len(self._unread) - at >= _MAX_LINE_BYTES:
                raise RequestRefused(400, "A line between two chunks is too long.")
            return 0
        line = bytes(self._unread[at:line_end])
        taken = len(line) + 2
        self._count(taken)
        if not self._is_trailer:
            self._begin_chunk(line)
        elif not line:
            self._is_over = True
        elif _TRAILER.fullmatch(line) is None:
            raise RequestRefused(400, "A trailer cannot be read.")
        return taken

    def _begin_chunk(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        if match is None:
            raise RequestRefused(400, "The size of a chunk cannot be read.")
        size = int(match[1], 16)
        if len(self._data) + size > self._max_bytes:
            raise RequestRefused(413, f"The body is longer than {self._max_bytes} bytes.")
        self._left = size or None
        self._is_trailer = not size

    def _count(self, framing_bytes: int) -> None:
        self._framing_bytes += framing_bytes
        if self._framing_bytes > _MAX_FRAMING_BYTES + len(self._data):
            raise RequestRefused(400, "There is more around the chunks than in them.")
