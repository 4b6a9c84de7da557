"""
Server-sent events: one event for each envelope, on a response that never ends.

Source: SignalR 2.4, ``Transports/ServerSentEventsTransport.cs``.
"""

from __future__ import annotations

from ..signalr.protocol.framing import (
    SERVER_SENT_EVENTS_HEAD,
    SERVER_SENT_EVENTS_KEEP_ALIVE,
    server_sent_events_framing,
)
from ..signalr.requests import ReceiveChannel
from .exchanges import Exchange
from .streaming import StreamReceiver

__all__ = ["open_server_sent_events"]


def open_server_sent_events(exchange: Exchange, channel: ReceiveChannel) -> StreamReceiver:
    """Begin to stream events."""
    return StreamReceiver(
        exchange,
        channel,
        content_type="text/event-stream",
        head=SERVER_SENT_EVENTS_HEAD,
        framing=server_sent_events_framing,
        keep_alive=SERVER_SENT_EVENTS_KEEP_ALIVE,
    )
