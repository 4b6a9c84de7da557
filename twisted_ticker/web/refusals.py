"""
Requests that are answered with an error before anybody has seen them, and are the last of their connection.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["RequestRefused", "refusal"]

_PHRASES = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}


class RequestRefused(Exception):
    """
    This is no request that could be served.

    Attributes:
        status: of the response, one of those that are listed above.
        text: why, for the client and the log; it quotes nothing.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


@lru_cache(maxsize=64)
def refusal(status: int, text: str) -> bytes:
    """The whole response, after which the connection is closed."""
    body = f"{text}\n".encode("ascii")
    lines = [
        f"HTTP/1.1 {status} {_PHRASES[status]}",
        "Connection: close",
        "Content-Type: text/plain; charset=utf-8",
        "X-Content-Type-Options: nosniff",
        "Cache-Control: no-store",
        f"Content-Length: {len(body)}",
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii") + body
