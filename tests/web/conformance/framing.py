"""Sections 1 to 5 and 10: messages of all lengths, pings, reserved bits and opcodes, fragments."""

from __future__ import annotations

from collections.abc import Iterator

from tests.web.conformance.case import PROTOCOL_ERROR, REFUSED_DATA, Answer, Case, End, echo, pong
from tests.web.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, chopped, frame, message

__all__ = ["CASES"]

#: Lengths on both sides of where a frame's head gets longer.
_LENGTHS = (0, 125, 126, 127, 128, 65535, 65536, 65536)

#: The last of them arrives in pieces of this size.
_ODD_PIECES = 997

_LIVELY = b"Good morning!"


def _cases() -> Iterator[Case]:
    yield from _messages()
    yield from _pings()
    yield from _reserved_bits()
    yield from _reserved_opcodes()
    yield from _fragmented_control_frames()
    yield from _fragments()
    yield from _stray_continuations()
    yield from _fragments_between_pings()
    # Fragments as a library makes them that has a longest frame.
    yield Case("10.1.1", (b"".join(message(*chopped(b"*" * 65536, 1300))),), (echo(b"*" * 65536),))


def _messages() -> Iterator[Case]:
    for section, opcode, filler in (("1.1", TEXT, b"*"), ("1.2", BINARY, b"\xfe")):
        for number, length in enumerate(_LENGTHS, 1):
            data = frame(opcode, filler * length)
            sends = chopped(data, _ODD_PIECES) if number == len(_LENGTHS) else [data]
            if opcode == TEXT:
                yield Case(f"{section}.{number}", tuple(sends), (echo(filler * length),))
            else:
                yield Case(f"{section}.{number}", tuple(sends), end=End.SERVER, codes=(REFUSED_DATA,))


def _pings() -> Iterator[Case]:
    bytes_of_all_kinds = bytes(range(131, 256))
    ten = [b"ping number %d" % number for number in range(10)]
    pings = b"".join(frame(PING, payload) for payload in ten)
    yield Case("2.1", (frame(PING),), (pong(),))
    yield Case("2.2", (frame(PING, _LIVELY),), (pong(_LIVELY),))
    yield Case("2.3", (frame(PING, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),), (pong(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),))
    yield Case("2.4", (frame(PING, bytes_of_all_kinds),), (pong(bytes_of_all_kinds),))
    yield _failing("2.5", frame(PING, bytes_of_all_kinds + b"\xfe"))
    yield Case("2.6", tuple(chopped(frame(PING, bytes_of_all_kinds))), (pong(bytes_of_all_kinds),))
    # A pong that nobody has asked for is a sign of life, which is not answered.
    yield Case("2.7", (frame(PONG),))
    yield Case("2.8", (frame(PONG, b"unasked"),))
    yield Case("2.9", (frame(PONG, b"unasked"), frame(PING, _LIVELY)), (pong(_LIVELY),))
    yield Case("2.10", (pings,), tuple(pong(payload) for payload in ten))
    yield Case("2.11", tuple(chopped(pings)), tuple(pong(payload) for payload in ten))


def _reserved_bits() -> Iterator[Case]:
    yield _failing("3.1", frame(TEXT, _LIVELY, reserved=1))
    yield _failing_after_a_message("3.2", frame(TEXT, _LIVELY, reserved=2))
    yield _failing_after_a_message("3.3", frame(TEXT, _LIVELY, reserved=3), by_frames=True)
    yield _failing_after_a_message("3.4", frame(TEXT, _LIVELY, reserved=4), by_bytes=True)
    yield _failing("3.5", frame(BINARY, b"\x00\xff\xfe", reserved=5))
    yield _failing("3.6", frame(PING, _LIVELY, reserved=6))
    yield _failing("3.7", frame(CLOSE, reserved=7))


def _reserved_opcodes() -> Iterator[Case]:
    for section, opcodes in (("4.1", (3, 4, 5, 6, 7)), ("4.2", (11, 12, 13, 14, 15))):
        first, second, third, fourth, fifth = opcodes
        yield _failing(f"{section}.1", frame(first))
        yield _failing(f"{section}.2", frame(second, b"reserved"))
        yield _failing_after_a_message(f"{section}.3", frame(third), by_frames=True)
        yield _failing_after_a_message(f"{section}.4", frame(fourth, b"reserved"), by_frames=True)
        yield _failing_after_a_message(f"{section}.5", frame(fifth, b"reserved"), by_bytes=True)


def _fragmented_control_frames() -> Iterator[Case]:
    for number, opcode in (("5.1", PING), ("5.2", PONG)):
        yield _failing(number, *message(b"in two ", b"fragments", opcode=opcode), fails_at=0)


def _fragments() -> Iterator[Case]:
    yield from _three_ways(3, message(b"in two ", b"fragments"), [echo(b"in two fragments")])
    first, second = message(b"in two ", b"fragments")
    yield from _three_ways(6, [first, frame(PING, b"between"), second], [pong(b"between"), echo(b"in two fragments")])


def _stray_continuations() -> Iterator[Case]:
    good = frame(TEXT, _LIVELY)
    for number, final in ((9, True), (12, False)):
        stray = frame(CONTINUATION, b"continues nothing", final=final)
        yield _failing(f"5.{number}", stray + good)
        yield _failing(f"5.{number + 1}", stray, good, fails_at=0)
        yield _failing(f"5.{number + 2}", *chopped(stray + good))
    whole = b"".join(message(b"in two ", b"fragments"))
    stray = frame(CONTINUATION, b"continues nothing", final=False)
    yield _failing("5.15", whole + stray + good, answers=[echo(b"in two fragments")], tolerated=[()])
    yield _failing("5.16", *[stray, whole] * 2, fails_at=0)
    yield _failing("5.17", *[frame(CONTINUATION, b"continues nothing"), whole] * 2, fails_at=0)
    # The second is no continuation, but begins a message within a message.
    yield _failing("5.18", frame(TEXT, b"first", final=False) + frame(TEXT, b"second"))


def _fragments_between_pings() -> Iterator[Case]:
    frames = message(b"one ", b"two ", b"three ", b"four ", b"five")
    frames.insert(4, frame(PING, b"after four"))
    frames.insert(2, frame(PING, b"after two"))
    answers = (pong(b"after two"), pong(b"after four"), echo(b"one two three four five"))
    # The suite waits a second after the first ping, and writes what it has in one piece, or frame by frame.
    yield Case("5.19", (b"".join(frames[:3]), b"".join(frames[3:])), answers)
    yield Case("5.20", tuple(frames), answers)


def _three_ways(number: int, frames: list[bytes], answers: list[Answer]) -> Iterator[Case]:
    """The same frames in one piece, one by one, and byte by byte."""
    for way, sends in enumerate(([b"".join(frames)], frames, chopped(b"".join(frames)))):
        yield Case(f"5.{number + way}", tuple(sends), tuple(answers))


def _failing(
    number: str,
    *sends: bytes,
    answers: list[Answer] | None = None,
    tolerated: list[tuple[Answer, ...]] | None = None,
    fails_at: int | None = None,
) -> Case:
    """A case in which the client breaks the protocol."""
    return Case(
        number,
        sends,
        tuple(answers or ()),
        tuple(tolerated or ()),
        end=End.SERVER,
        codes=(PROTOCOL_ERROR,),
        fails_at=fails_at,
    )


def _failing_after_a_message(number: str, bad: bytes, *, by_frames: bool = False, by_bytes: bool = False) -> Case:
    """A good message, a bad frame, and a ping that must not be answered any more."""
    frames = [frame(TEXT, _LIVELY), bad, frame(PING)]
    data = b"".join(frames)
    sends = frames if by_frames else chopped(data) if by_bytes else [data]
    # A server may act on the bad frame before it answers the good one.
    return _failing(number, *sends, answers=[echo(_LIVELY)], tolerated=[()], fails_at=1 if by_frames else None)


CASES = tuple(_cases())
