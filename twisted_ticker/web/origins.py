"""
Whether a request was made by a page that may act for its visitor.

Browsers send cookies along with what other pages make them ask for: of another port of the same host, say, which
``SameSite`` counts as the same. So who heeds a cookie looks where the request comes from.
"""

from __future__ import annotations

from collections.abc import Collection

from ..signalr.requests import Request

__all__ = ["is_trusted"]


def is_trusted(request: Request, allowed_origins: Collection[str] = ()) -> bool:
    """
    Whether a request was made by a page of this server, by a page of an allowed origin, or by no page at all.

    What tells no origin is trusted: it is no browser, or one that is asked for a page's own files.

    Args:
        request: the request.
        allowed_origins: such as ``https://example.org``; ``*`` is none.
    """
    site = request.headers.get("sec-fetch-site")
    # Browsers know better than we do, who may sit behind a proxy that has changed the host's name.
    if site in ("same-origin", "none"):
        return True
    origin = request.headers.get("origin")
    if origin is None:
        return site is None
    if origin.lower() in {allowed.lower() for allowed in allowed_origins if allowed != "*"}:
        return True
    authority = origin.partition("://")[2].lower()
    return bool(authority) and authority == request.headers.get("host", "").lower()
