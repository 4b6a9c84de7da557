"""
How each transport wraps the JSON it sends.

A framing is a function from an envelope to bytes; an envelope remembers what it returned, so a broadcast is framed
once per transport and not once per client.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from .messages import KEEP_ALIVE, Envelope

__all__ = [
    "LONG_POLLING_KEEP_ALIVE",
    "WEBSOCKET_KEEP_ALIVE",
    "LongPollingFraming",
    "websocket_framing",
    "websocket_text",
]

_FINAL_TEXT = 0x81


def websocket_text(payload: bytes) -> bytes:
    """
    One unfragmented text message from server to client.

    Servers do not mask (RFC 6455, 5.1), so the same frame is good for every client.
    """
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", _FINAL_TEXT, length)
    elif length < 0x10000:
        head = struct.pack("!BBH", _FINAL_TEXT, 126, length)
    else:
        head = struct.pack("!BBQ", _FINAL_TEXT, 127, length)
    return head + payload


def websocket_framing(envelope: Envelope) -> bytes:
    """An envelope as a WebSocket message."""
    return websocket_text(envelope.json())


#: To browsers a protocol ping is invisible, so keep-alive is an ordinary message.
WEBSOCKET_KEEP_ALIVE = websocket_text(KEEP_ALIVE)


@dataclass(frozen=True, slots=True)
class LongPollingFraming:
    """An envelope as the body of a poll's answer; *delay_ms* is the pause that clients make between polls."""

    delay_ms: int = 0

    def __call__(self, envelope: Envelope) -> bytes:
        return envelope.json(long_poll_delay_ms=self.delay_ms)


#: White space is legal before JSON; the .NET client knows a chunk of exactly one blank.
LONG_POLLING_KEEP_ALIVE = b" "
