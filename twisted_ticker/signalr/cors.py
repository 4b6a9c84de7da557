"""
Which pages of other origins may call an endpoint, and how their browsers are told.

Source: Microsoft.Owin.Cors, as recorded in front of the genuine server.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from .origins import ANY_ORIGIN, canonical_origin
from .requests import Request, Response

__all__ = ["allow_headers", "preflight"]

#: Names of headers, with commas between them (RFC 9110, 5.6.1 and 5.6.2).
_NAMES = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")


def allow_headers(request: Request, allowed_origins: Collection[str]) -> dict[str, str]:
    """
    The headers that let the page that sent a request read its answer; none for a page that may not.

    An origin is never answered with ``*`` and credentials: that would let any page act as its visitor.

    Args:
        request: the request.
        allowed_origins: see :func:`.canonical_origins`.
    """
    origin = request.headers.get("origin") if allowed_origins else None
    if not origin:
        return {}
    if canonical_origin(origin) in allowed_origins:
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Vary": "Origin",
        }
    return {"Access-Control-Allow-Origin": "*"} if ANY_ORIGIN in allowed_origins else {}


def preflight(request: Request, allowed_origins: Collection[str]) -> Response | None:
    """The answer to a browser that asks before it sends a request; ``None`` when that is not what it does."""
    if request.method != "OPTIONS" or not request.headers.get("access-control-request-method"):
        return None
    headers = allow_headers(request, allowed_origins)
    if not headers:
        return None
    headers["Access-Control-Allow-Methods"] = "GET, POST"
    wanted = request.headers.get("access-control-request-headers")
    if wanted and _NAMES.fullmatch(wanted):
        headers["Access-Control-Allow-Headers"] = wanted
    return Response(200, headers=headers)
