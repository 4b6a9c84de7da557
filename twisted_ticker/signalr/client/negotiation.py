"""
What a server answers to ``/negotiate``, and where that leads.

Source: SignalR 2.4, ``Client/NegotiationResponse.cs``, ``Client/Connection.cs``, ``jquery.signalR.core.js``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import serialization
from .errors import NegotiationError

__all__ = ["MAX_REDIRECTS", "Negotiated", "Redirect", "parse_negotiation"]

#: How many redirects are followed (the reference clients' number).
MAX_REDIRECTS = 100

_ACCEPTED_PROTOCOLS = ("1.4", "1.5", "2.0", "2.1")
#: Those that know redirects and errors.
_REDIRECTING_PROTOCOLS = ("2.0", "2.1")


@dataclass(frozen=True, slots=True)
class Negotiated:
    """
    A connection that the server offers. All times are seconds.

    Attributes:
        connection_id: shown to applications.
        connection_token: to be sent with every request.
        keep_alive_timeout: how long silence may last; ``None`` when the server sends no keep-alives.
        disconnect_timeout: how long to try to come back.
        connection_timeout: how long a poll may last.
        transport_connect_timeout: how long a transport may take until it works.
        try_web_sockets: whether the server can open WebSockets.
    """

    connection_id: str
    connection_token: str = field(repr=False)
    keep_alive_timeout: float | None = 20.0
    disconnect_timeout: float = 30.0
    connection_timeout: float = 110.0
    transport_connect_timeout: float = 5.0
    try_web_sockets: bool = True


@dataclass(frozen=True, slots=True)
class Redirect:
    """
    Another server to negotiate with.

    Attributes:
        url: its endpoint, perhaps with a query string, perhaps relative.
        access_token: to be sent to it as ``Authorization: Bearer``, if any.
    """

    url: str
    access_token: str | None = field(default=None, repr=False)


def parse_negotiation(body: bytes) -> Negotiated | Redirect:
    """
    Read the answer to ``/negotiate``.

    Raises:
        NegotiationError: it is not JSON, or lacks what is needed; the server refuses; it speaks another version of
            the protocol, or is an ASP.NET Core server.
    """
    try:
        answer = serialization.decode(body, Any)
    except (ValueError, RecursionError) as error:
        raise NegotiationError(f"The answer to negotiate is not JSON: {error}") from error
    if not isinstance(answer, dict):
        raise NegotiationError("The answer to negotiate is not an object.")
    if "availableTransports" in answer:
        raise NegotiationError("This is an ASP.NET Core SignalR server, which speaks another protocol.")
    version = answer.get("ProtocolVersion")
    if version not in _ACCEPTED_PROTOCOLS:
        raise NegotiationError(f"The server speaks protocol {version!r}, not one of {', '.join(_ACCEPTED_PROTOCOLS)}.")
    if version in _REDIRECTING_PROTOCOLS:
        if answer.get("Error"):
            raise NegotiationError(f"The server refuses: {answer['Error']}")
        if answer.get("RedirectUrl"):
            access_token = answer.get("AccessToken")
            return Redirect(str(answer["RedirectUrl"]), None if access_token is None else str(access_token))
    return Negotiated(
        connection_id=_text(answer, "ConnectionId"),
        connection_token=_text(answer, "ConnectionToken"),
        keep_alive_timeout=_seconds(answer, "KeepAliveTimeout", 20.0, nullable=True),
        disconnect_timeout=_seconds(answer, "DisconnectTimeout", 30.0) or 0.0,
        connection_timeout=_seconds(answer, "ConnectionTimeout", 110.0) or 0.0,
        transport_connect_timeout=_seconds(answer, "TransportConnectTimeout", 5.0) or 0.0,
        try_web_sockets=answer.get("TryWebSockets") is not False,
    )


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise NegotiationError(f"The answer to negotiate has no {name}.")
    return value


def _seconds(answer: Mapping[str, Any], name: str, default: float | None, *, nullable: bool = False) -> float | None:
    value = answer.get(name, default)
    if value is None and nullable:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise NegotiationError(f"The answer to negotiate has {value!r} as {name}.")
    return float(value)
