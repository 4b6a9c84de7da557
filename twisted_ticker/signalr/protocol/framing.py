"""
How each transport wraps the JSON it sends.

A framing is a function from an envelope to bytes; an envelope remembers what it returned, so a broadcast is framed
once per transport and not once per client.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from .jsonp import wrap
from .messages import KEEP_ALIVE, Envelope

__all__ = [
    "FOREVER_FRAME_KEEP_ALIVE",
    "LONG_POLLING_KEEP_ALIVE",
    "SERVER_SENT_EVENTS_HEAD",
    "SERVER_SENT_EVENTS_KEEP_ALIVE",
    "WEBSOCKET_KEEP_ALIVE",
    "LongPollingFraming",
    "forever_frame_framing",
    "forever_frame_head",
    "script_safe",
    "server_sent_events_framing",
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


def event(payload: bytes) -> bytes:
    """
    One server-sent event.

    JSON has no raw line breaks, so one data line is enough; the .NET client takes each for a message of its own.
    """
    return b"data: %b\n\n" % payload


def server_sent_events_framing(envelope: Envelope) -> bytes:
    """An envelope as a server-sent event."""
    return event(envelope.json())


#: Opens the stream through proxies, and tells the client that it is open.
SERVER_SENT_EVENTS_HEAD = event(b"initialized")
SERVER_SENT_EVENTS_KEEP_ALIVE = event(KEEP_ALIVE)


def script_safe(json: bytes) -> bytes:
    """JSON that stands in a page: nothing in it can end the script element."""
    return json.replace(b"<", rb"\u003c").replace(b">", rb"\u003e")


def forever_frame_head(frame_id: int) -> bytes:
    """
    The beginning of a forever frame's page: finds the client in the page around it, and tells it that the stream is
    open.

    IE 8 has no ``bind``, so the receiving function is a closure. Where jQuery is gone, it does nothing.
    """
    return (
        "<!DOCTYPE html><html><head><title>SignalR stream</title><script>\n"
        "var q=window.parent.jQuery,f=q&&q.signalR&&q.signalR.transports.foreverFrame,\n"
        f"c=f?f.getConnection('{frame_id}'):null,r=function(k,m){{if(f){{f.receive(k,m);}}}};\n"
        "if(f){f.started(c);}\n"
        "</script></head><body>\n"
    ).encode("ascii")


def forever_frame_framing(envelope: Envelope) -> bytes:
    """An envelope as a script of a forever frame."""
    return b"<script>r(c, %b);</script>\r\n" % script_safe(envelope.json())


FOREVER_FRAME_KEEP_ALIVE = b"<script>r(c, %b);</script>\n\n" % KEEP_ALIVE


@dataclass(frozen=True, slots=True)
class LongPollingFraming:
    """
    An envelope as the body of a poll's answer.

    Attributes:
        delay_ms: the pause that clients make between polls.
        callback: the function that a JSONP client wants to have called, which has been checked.
    """

    delay_ms: int = 0
    callback: str | None = None

    def __call__(self, envelope: Envelope) -> bytes:
        json = envelope.json(long_poll_delay_ms=self.delay_ms)
        return json if self.callback is None else wrap(self.callback, json)


#: White space is legal before JSON; the .NET client knows a chunk of exactly one blank.
LONG_POLLING_KEEP_ALIVE = b" "
