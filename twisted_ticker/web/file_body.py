"""
The body of a response that is a file, or parts of one: what it consists of, and how it is sent.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from io import FileIO
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.web.server import Request
from zope.interface import implementer

from .byte_ranges import ByteRange

__all__ = ["send_file"]

#: How much is read, and written, at once.
_BLOCK_BYTES = 64 * 1024

_Piece = bytes | ByteRange


def send_file(
    request: Request, file: FileIO, ranges: Sequence[ByteRange] | None, *, size: int, content_type: bytes
) -> None:
    """
    Send a file, as fast as the client takes it.

    Args:
        request: to be answered; all headers are set that do not depend on the ranges.
        file: closed when the request is over, however it ends.
        ranges: which bytes of it, in this order, at least one range; ``None`` for all.
        size: of the whole file, in bytes.
        content_type: of the file.
    """
    pieces = _pieces(request, ranges, size, content_type)
    length = sum(piece.size if isinstance(piece, ByteRange) else len(piece) for piece in pieces)
    request.setHeader(b"Content-Length", b"%d" % length)
    _Sending(request, file, pieces).begin()


def _pieces(request: Request, ranges: Sequence[ByteRange] | None, size: int, content_type: bytes) -> Sequence[_Piece]:
    """What is to be sent of a file, once the headers that say so are set."""
    if ranges is None:
        request.setResponseCode(200)
        return [ByteRange(0, size)]
    request.setResponseCode(206)
    if len(ranges) == 1:
        request.setHeader(b"Content-Range", _content_range(ranges[0], size))
        return ranges
    boundary = secrets.token_hex(16).encode("ascii")
    request.setHeader(b"Content-Type", b"multipart/byteranges; boundary=%b" % boundary)
    pieces: list[_Piece] = []
    for one in ranges:
        head = b"\r\n--%b\r\nContent-Type: %b\r\nContent-Range: %b\r\n\r\n"
        pieces += [head % (boundary, content_type, _content_range(one, size)), one]
    return [*pieces, b"\r\n--%b--\r\n" % boundary]


def _content_range(one: ByteRange, size: int) -> bytes:
    return b"bytes %d-%d/%d" % (one.offset, one.offset + one.size - 1, size)


class _FileChanged(Exception):
    """There is less in a file than there was when its size was told."""


@implementer(IPushProducer)
class _Sending:
    """Writes a response's body, as fast as the client takes it."""

    _log = Logger()

    def __init__(self, request: Any, file: FileIO, pieces: Sequence[_Piece]) -> None:
        self._request = request
        self._file = file
        self._blocks = self._read(pieces)
        self._is_paused = False

    def begin(self) -> None:
        """Begin; the file is closed when the request is over, however it ends."""
        self._request.notifyFinish().addBoth(lambda _: self._file.close())
        self._request.registerProducer(self, True)
        self.resumeProducing()

    def _read(self, pieces: Sequence[_Piece]) -> Iterator[bytes]:
        for piece in pieces:
            if isinstance(piece, bytes):
                yield piece
                continue
            self._file.seek(piece.offset)
            left = piece.size
            while left:
                block = self._file.read(min(left, _BLOCK_BYTES))
                if not block:
                    raise _FileChanged("it has become shorter")
                left -= len(block)
                yield block

    def resumeProducing(self) -> None:
        """The client takes more."""
        self._is_paused = False
        while not self._is_paused:
            try:
                block = next(self._blocks, None)
            except (OSError, _FileChanged) as error:
                self._log.warn("{path!r} could not be sent to its end: {error}", path=self._request.path, error=error)
                self._request.unregisterProducer()
                # Shorter than announced: the client knows that it has not got it all.
                self._request.loseConnection()
                return
            if block is None:
                self._request.unregisterProducer()
                self._request.finish()
                return
            self._request.write(block)

    def pauseProducing(self) -> None:
        """The client cannot take more just now."""
        self._is_paused = True

    def stopProducing(self) -> None:
        """The client is gone."""
        self._is_paused = True
