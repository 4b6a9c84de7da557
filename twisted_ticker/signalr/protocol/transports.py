"""
The four transports by their wire names.

Source: SignalR 2.4, ``Transports/TransportManager.cs``.
"""

from __future__ import annotations

__all__ = ["ALL_TRANSPORTS", "FOREVER_FRAME", "LONG_POLLING", "SERVER_SENT_EVENTS", "WEB_SOCKETS", "find_transport"]

WEB_SOCKETS = "webSockets"
SERVER_SENT_EVENTS = "serverSentEvents"
FOREVER_FRAME = "foreverFrame"
LONG_POLLING = "longPolling"

#: In the order in which clients try them.
ALL_TRANSPORTS = (WEB_SOCKETS, SERVER_SENT_EVENTS, FOREVER_FRAME, LONG_POLLING)

_BY_LOWER_NAME = {name.lower(): name for name in ALL_TRANSPORTS}


def find_transport(name: str | None) -> str | None:
    """The transport that a client names, in whatever letter case; ``None`` when there is no such one."""
    return _BY_LOWER_NAME.get((name or "").lower())
