"""
What a case is: the bytes that a client writes, the answers to them, and how the socket has to end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tests.web.frames import PONG, TEXT

__all__ = [
    "INVALID_DATA",
    "NORMAL",
    "NOT_UTF8",
    "PROTOCOL_ERROR",
    "REFUSED_DATA",
    "Answer",
    "Case",
    "End",
    "echo",
    "pong",
]

NORMAL, PROTOCOL_ERROR, REFUSED_DATA, NOT_UTF8 = 1000, 1002, 1003, 1007

#: What the suite accepts where a close frame itself has text that is not UTF-8.
INVALID_DATA = (PROTOCOL_ERROR, NOT_UTF8)

#: Opcode and payload; the payload of a text is the text that came back in an envelope.
Answer = tuple[int, bytes]


class End(Enum):
    """Who ends the socket."""

    CLIENT = "the client, when it has all answers"
    SENT = "the client, whose close is among what it sends"
    SERVER = "the server, which does not like what it got"


@dataclass(frozen=True)
class Case:
    """
    One case.

    Attributes:
        number: as the suite counts.
        sends: one write after the other; the server acts on each before it gets the next.
        answers: what comes back before any close frame, in order.
        tolerated: other answers, which the suite calls "non-strict".
        end: who ends the socket.
        codes: of the server's close frame, one of these.
        fails_at: number of the write by which the server has to close; the last one, when not given.
    """

    number: str
    sends: tuple[bytes, ...]
    answers: tuple[Answer, ...] = ()
    tolerated: tuple[tuple[Answer, ...], ...] = ()
    end: End = End.CLIENT
    codes: tuple[int, ...] = (NORMAL,)
    fails_at: int | None = None


def echo(text: bytes) -> Answer:
    """A text that comes back."""
    return TEXT, text


def pong(payload: bytes = b"") -> Answer:
    """The answer to a ping."""
    return PONG, payload
