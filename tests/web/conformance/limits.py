"""Section 9: long messages, in one frame, many fragments or many pieces, and many messages one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tests.integration.scale import scaled
from tests.web.conformance.case import REFUSED_DATA, Case, End, echo
from tests.web.frames import BINARY, TEXT, chopped, frame, message

__all__ = ["LONGEST", "cases"]

_KIB = 1024
_MIB = 1024 * _KIB

#: The suite's sizes are divided by this in the quick form, and its number of messages by something like it.
_DIVISOR = scaled(16, 1)
_MESSAGES = scaled(100, 1000)

_LENGTHS = tuple(length // _DIVISOR for length in (64 * _KIB, 256 * _KIB, _MIB, 4 * _MIB, 8 * _MIB, 16 * _MIB))
_IN_FRAGMENTS = 4 * _MIB // _DIVISOR
_FRAGMENTS = tuple(64 * 4**power for power in range(9))
_IN_PIECES = _MIB // _DIVISOR
_PIECES = (64, 128, 256, 512, 1024, 2048)
_ROUND_TRIPS = (0, 16, 64, 256, 1024, 4096)

#: What a server has to take for these cases.
LONGEST = max(_LENGTHS)

_TEXT = b"*"
_DATA = b"\xfe"


def cases() -> Iterator[Case]:
    """The cases, one at a time: all of them are large."""
    for number, length in enumerate(_LENGTHS, 1):
        yield from _text_and_binary(1, number, length, lambda opcode, data: [frame(opcode, data)])
    for number, size in enumerate(_FRAGMENTS, 1):
        yield from _text_and_binary(
            3,
            number,
            _IN_FRAGMENTS,
            lambda opcode, data, size=size: [b"".join(message(*chopped(data, size), opcode=opcode))],
        )
    for number, size in enumerate(_PIECES, 1):
        yield from _text_and_binary(
            5, number, _IN_PIECES, lambda opcode, data, size=size: chopped(frame(opcode, data), size)
        )
    for number, length in enumerate(_ROUND_TRIPS, 1):
        text = _TEXT * length
        yield Case(f"9.7.{number}", (frame(TEXT, text),) * _MESSAGES, (echo(text),) * _MESSAGES)
        yield Case(f"9.8.{number}", (frame(BINARY, _DATA * length),), end=End.SERVER, codes=(REFUSED_DATA,))


def _text_and_binary(
    section: int, number: int, length: int, sends: Callable[[int, bytes], Iterable[bytes]]
) -> Iterator[Case]:
    """The case of a text, and that of as much binary data, which stands in the section behind."""
    text = _TEXT * length
    yield Case(f"9.{section}.{number}", tuple(sends(TEXT, text)), (echo(text),))
    data = _DATA * length
    yield Case(f"9.{section + 1}.{number}", tuple(sends(BINARY, data)), end=End.SERVER, codes=(REFUSED_DATA,))
