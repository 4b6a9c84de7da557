"""
From twisted.web's request to the library's: bytes to text, and nothing decided.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from twisted.web import server

from ..signalr.requests import Headers, Request, User

__all__ = ["request_of"]


def request_of(request: server.Request, user: User | None = None) -> Request:
    """
    The library's view of a request, whose body has been received.

    Args:
        user: who sends it, where the web server knows.
    """
    headers = b"\n".join(
        b"%b:%b" % (name, b",".join(values)) for name, values in request.requestHeaders.getAllRawHeaders()
    )
    host = getattr(request.getClientAddress(), "host", "")
    return Request(
        method=request.method.decode("ascii", "replace"),
        uri=request.uri.decode("utf-8", "replace"),
        path=unquote_to_bytes(request.path).decode("utf-8", "replace"),
        headers=Headers(headers),
        body=request.content.read() if request.content else b"",
        remote_address=host,
        can_upgrade=_asks_for_websocket(request),
        is_secure=request.isSecure(),
        user=user,
    )


def _asks_for_websocket(request: server.Request) -> bool:
    upgrade = request.getHeader(b"upgrade") or b""
    return request.method == b"GET" and upgrade.strip().lower() == b"websocket"
