"""
Forever frame: a page in a hidden frame that never ends, with a script for each envelope. For Internet Explorer.

Source: SignalR 2.4, ``Transports/ForeverFrameTransport.cs``.
"""

from __future__ import annotations

from ..signalr.protocol.framing import FOREVER_FRAME_KEEP_ALIVE, forever_frame_framing, forever_frame_head
from ..signalr.requests import ReceiveChannel
from .exchanges import Exchange
from .streaming import StreamReceiver

__all__ = ["open_forever_frame"]


def open_forever_frame(exchange: Exchange, channel: ReceiveChannel) -> StreamReceiver:
    """Begin to stream scripts."""
    return StreamReceiver(
        exchange,
        channel,
        content_type="text/html; charset=UTF-8",
        head=forever_frame_head(channel.frame_id),
        framing=forever_frame_framing,
        keep_alive=FOREVER_FRAME_KEEP_ALIVE,
    )
