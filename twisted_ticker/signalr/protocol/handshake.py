"""
What is said before and beside the stream of messages: protocol versions, negotiate, start and ping bodies,
``connectionData``, and the fixed texts of refusals.

Source: SignalR 2.4, ``Infrastructure/ProtocolResolver.cs``, ``PersistentConnection.cs``,
``Hubs/HubDispatcher.cs``; statuses and texts as recorded from the genuine server.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..errors import MalformedConnectionData

__all__ = [
    "INVALID_WEBSOCKET_REQUEST",
    "MALFORMED_CONNECTION_ID",
    "MISSING_CONNECTION_TOKEN",
    "PING_BODY",
    "PROXIES_DISABLED_SCRIPT",
    "STARTED_BODY",
    "UNKNOWN_TRANSPORT",
    "UNRECOGNIZED_USER",
    "ProtocolVersion",
    "negotiate_body",
    "parse_connection_data",
]

UNKNOWN_TRANSPORT = "Protocol error: Unknown transport."
MISSING_CONNECTION_TOKEN = "Protocol error: Missing connection token."
MALFORMED_CONNECTION_ID = "The ConnectionId is in the incorrect format."
# The two blanks are the reference's.
UNRECOGNIZED_USER = "Unrecognized user identity.  The user identity cannot change during an active SignalR connection."
INVALID_WEBSOCKET_REQUEST = "Not a valid web socket request."
PROXIES_DISABLED_SCRIPT = "throw new Error('SignalR: JavaScript Hub proxy generation has been disabled.');"
PING_BODY = b'{ "Response": "pong" }'
STARTED_BODY = b'{ "Response": "started" }'

_MAX_VERSION_PART = 2**31 - 1


@dataclass(frozen=True, slots=True, order=True)
class ProtocolVersion:
    """
    A ``clientProtocol``: dotted numbers, compared part by part.

    Clients insist on getting back what they sent, so an answer echoes it within the range that we speak.
    """

    parts: tuple[int, ...]

    @classmethod
    def resolve(cls, text: str | None) -> ProtocolVersion:
        """
        The version to speak with a client that sent *text*: clamped to 1.2–2.0, and 1.2 when *text* is absent or
        no version of two to four parts.
        """
        parts = (text or "").strip().split(".")
        if not 2 <= len(parts) <= 4 or not all(part.isascii() and part.isdigit() for part in parts):
            return OLDEST_PROTOCOL
        numbers = tuple(int(part) for part in parts if len(part) <= 10)
        if len(numbers) != len(parts) or max(numbers) > _MAX_VERSION_PART:
            return OLDEST_PROTOCOL
        return min(max(cls(numbers), OLDEST_PROTOCOL), NEWEST_PROTOCOL)

    @property
    def sends_start(self) -> bool:
        """Whether such clients send ``/start``; if not, they are connected once ``/connect`` is answered."""
        return self.parts >= (1, 4)

    def __str__(self) -> str:
        return ".".join(map(str, self.parts))


OLDEST_PROTOCOL = ProtocolVersion((1, 2))
NEWEST_PROTOCOL = ProtocolVersion((2, 0))


def negotiate_body(
    *,
    url: str,
    connection_token: str,
    connection_id: str,
    keep_alive_timeout: float | None,
    disconnect_timeout: float,
    connection_timeout: float,
    try_web_sockets: bool,
    protocol_version: ProtocolVersion,
    transport_connect_timeout: float,
    long_poll_delay: float,
) -> bytes:
    """
    The answer to ``/negotiate``. All times are seconds.

    Args:
        url: path of the endpoint as the client sees it, without ``/negotiate``.
        keep_alive_timeout: ``None`` when the server sends no keep-alives.
    """
    answer: dict[str, Any] = {
        "Url": url,
        "ConnectionToken": connection_token,
        "ConnectionId": connection_id,
        "KeepAliveTimeout": None if keep_alive_timeout is None else float(keep_alive_timeout),
        "DisconnectTimeout": float(disconnect_timeout),
        "ConnectionTimeout": float(connection_timeout),
        "TryWebSockets": try_web_sockets,
        "ProtocolVersion": str(protocol_version),
        "TransportConnectTimeout": float(transport_connect_timeout),
        "LongPollDelay": float(long_poll_delay),
    }
    return json.dumps(answer, separators=(",", ":")).encode("ascii")


@lru_cache(maxsize=128)
def parse_connection_data(text: str | None) -> tuple[str, ...]:
    """
    The hub names of a ``connectionData`` parameter, ``[{"name": "chat"}, …]``, as the client wrote them.

    Absent, empty and ``null`` mean no hubs. The key may be in any letter case.

    Raises:
        MalformedConnectionData: not JSON, not a list of objects, an entry without a name, or a name given twice
            in whatever letter case.
    """
    if not text:
        return ()
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedConnectionData(f"connectionData is not JSON: {error}") from error
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise MalformedConnectionData("connectionData is not a list.")
    names = tuple(_hub_name(entry) for entry in entries)
    if len({name.lower() for name in names}) != len(names):
        raise MalformedConnectionData("Duplicate Hub names found.")
    return names


def _hub_name(entry: object) -> str:
    if isinstance(entry, dict):
        for key, value in entry.items():
            if key.lower() == "name" and isinstance(value, str) and value:
                return value
    raise MalformedConnectionData("connectionData has an entry without a hub name.")
