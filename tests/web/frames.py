"""
WebSocket frames as bytes, good and bad: what a client writes, and what it reads (RFC 6455, section 5).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "Frame",
    "chopped",
    "close",
    "frame",
    "head",
    "message",
    "read_frames",
]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

_MASK = b"\x37\xfa\x21\x3d"


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, reserved: int = 0, masked: bool = True) -> bytes:
    """
    One frame of a client.

    Args:
        opcode: of four bits, whether it means something or not.
        payload: as it is before it is masked; its length is written in the shortest form.
        final: whether it ends its message.
        reserved: the three reserved bits, RSV1 the highest.
        masked: clients must; with ``False``, one that does not.
    """
    start = head(opcode, len(payload), final=final, reserved=reserved, masked=masked)
    return start + (_masked(payload) if masked else payload)


def head(
    opcode: int,
    length: int,
    *,
    final: bool = True,
    reserved: int = 0,
    masked: bool = True,
    form: int | None = None,
) -> bytes:
    """
    What stands before a frame's payload, the mask included.

    Args:
        form: 126 or 127 for a longer form of the length than there need be. The others are those of :func:`frame`.
    """
    bit = 0x80 if masked else 0
    if form is None:
        form = length if length < 126 else 126 if length < 0x10000 else 127
    extended = {126: struct.pack("!H", length & 0xFFFF), 127: struct.pack("!Q", length)}.get(form, b"")
    return bytes([final << 7 | reserved << 4 | opcode, bit | form]) + extended + (_MASK if masked else b"")


def message(*pieces: bytes, opcode: int = TEXT) -> list[bytes]:
    """The frames of one message, one for each piece."""
    last = len(pieces) - 1
    return [frame(CONTINUATION if n else opcode, piece, final=n == last) for n, piece in enumerate(pieces)]


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """A close frame of a client; without *code* it is empty."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def chopped(data: bytes, size: int = 1) -> list[bytes]:
    """Some bytes in pieces of *size*."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def _masked(payload: bytes) -> bytes:
    # One exclusive-or of two huge numbers is a hundred times as fast as one of every byte.
    key = (_MASK * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")


@dataclass(frozen=True)
class Frame:
    """A frame of the server's; :func:`read_frames` lets no other than unmasked ones through."""

    opcode: int
    payload: bytes
    final: bool = True

    @property
    def code(self) -> int | None:
        """The code of a close frame; ``None`` if it has none."""
        return struct.unpack("!H", self.payload[:2])[0] if self.payload else None


def read_frames(data: bytes) -> tuple[list[Frame], bytes]:
    """
    The whole frames at the beginning of some bytes of a server, and what is behind them.

    Fails if one is masked, has a reserved bit set, or a length in a longer form than there need be.
    """
    frames = []
    at = 0
    while len(data) - at >= 2:
        first, length = data[at], data[at + 1]
        assert not first & 0x70, f"Reserved bits in {data[at : at + 10]!r}"
        assert not length & 0x80, f"A masked frame: {data[at : at + 10]!r}"
        size = {126: 4, 127: 10}.get(length, 2)
        if len(data) - at < size:
            break
        if size > 2:
            length = int.from_bytes(data[at + 2 : at + size], "big")
            assert length > (125 if size == 4 else 0xFFFF), f"A length in a long form: {data[at : at + 10]!r}"
        end = at + size + length
        if len(data) < end:
            break
        frames.append(Frame(first & 0x0F, data[at + size : end], bool(first & 0x80)))
        at = end
    return frames, data[at:]
