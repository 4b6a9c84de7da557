"""Section 7: the client ends the socket, and what it sends behind, within or instead of a close frame."""

from __future__ import annotations

from collections.abc import Iterator

from tests.web.conformance.case import INVALID_DATA, NORMAL, PROTOCOL_ERROR, Answer, Case, End, echo
from tests.web.frames import CLOSE, PING, TEXT, close, frame, message

__all__ = ["CASES", "REGISTERED_CODES", "UNUSABLE_CODES"]

_PARTING = b"Good bye!"

#: Codes that a client may send (RFC 6455, 7.4), in the suite's order.
REGISTERED_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)

#: Codes that nobody may send: below the range, reserved, or not given to anybody.
UNUSABLE_CODES = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)

_LONGEST_REASON = 123


def _cases() -> Iterator[Case]:
    yield Case("7.1.1", (frame(TEXT, _PARTING), close()), (echo(_PARTING),), end=End.SENT)
    # Nothing that comes behind a close frame is answered.
    yield _closing("7.1.2", close() + close())
    yield _closing("7.1.3", close() + frame(PING))
    yield _closing("7.1.4", close() + frame(TEXT, _PARTING))
    begun, rest = message(b"never to ", b"be ended")
    yield _closing("7.1.5", begun + close() + rest)
    # The suite sends 256 KiB here, and does not judge whether they come back; that is more than we take.
    long = b"BAsd7&jh23" * 6553
    answers = (echo(long), echo(_PARTING))
    sends = frame(TEXT, long) + frame(TEXT, _PARTING) + close() + frame(PING)
    yield Case("7.1.6", (sends,), answers, tolerated=((), answers[:1]), end=End.SENT)

    yield _closing("7.3.1", close(None))
    yield _failing("7.3.2", frame(CLOSE, b"\x03"))
    yield _closing("7.3.3", close())
    yield _closing("7.3.4", close(1000, b"That is all."))
    yield _closing("7.3.5", close(1000, b"*" * _LONGEST_REASON))
    yield _failing("7.3.6", close(1000, b"*" * (_LONGEST_REASON + 1)))
    yield _failing("7.5.1", close(1000, "κόσμε".encode() + b"\xed\xa0\x80edited"), codes=INVALID_DATA)

    for number, code in enumerate(REGISTERED_CODES, 1):
        yield _closing(f"7.7.{number}", close(code), codes=(NORMAL, code))
    for number, code in enumerate(UNUSABLE_CODES, 1):
        yield _failing(f"7.9.{number}", close(code))
    # Beyond all ranges; the suite does not judge these.
    for number, code in enumerate((5000, 65535), 1):
        yield _failing(f"7.13.{number}", close(code))


def _closing(number: str, data: bytes, *, answers: tuple[Answer, ...] = (), codes: tuple[int, ...] = (NORMAL,)) -> Case:
    return Case(number, (data,), answers, end=End.SENT, codes=codes)


def _failing(number: str, data: bytes, *, codes: tuple[int, ...] = (PROTOCOL_ERROR,)) -> Case:
    return Case(number, (data,), end=End.SERVER, codes=codes)


CASES = tuple(_cases())
