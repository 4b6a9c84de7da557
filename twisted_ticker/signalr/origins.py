"""
Whose page has made a request: one of ours, one of an origin that is allowed, or somebody else's.

Browsers send cookies and passwords along with what other pages make them ask for: of another port of the same host,
say, which ``SameSite`` counts as the same. So whoever heeds them looks where a request comes from. No page can forge
what is looked at here: its browser writes it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import Enum

from .errors import ConfigurationError
from .requests import Request

__all__ = ["ANY_ORIGIN", "Page", "came_by_tls", "canonical_origin", "canonical_origins", "is_trusted", "page_of"]

#: Stands for all origins, where origins are allowed.
ANY_ORIGIN = "*"

#: Scheme, host and port, in lower case.
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[a-z0-9._~-]+)(?::([0-9]{1,5}))?")

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Page(Enum):
    """
    Whose page has made a request.

    Attributes:
        TRUSTED: one of ours or of an allowed origin, or the visitor himself has gone there.
        UNTOLD: the request does not say: it comes from a program, or from a browser that is too old.
        FOREIGN: somebody else's.
    """

    TRUSTED = 1
    UNTOLD = 2
    FOREIGN = 3


def canonical_origin(text: str) -> str | None:
    """
    An origin as browsers write it: in lower case, without the scheme's own port.

    Args:
        text: such as ``https://Example.org:443``. Letters beyond ASCII have to be written as ``xn--…`` already, because
            there are several ways to do it, which lead to different hosts.

    Returns:
        ``None`` if it is no origin; ``null`` is none either: any page can bring itself to have that.
    """
    match = _ORIGIN.fullmatch(text.lower()) if text.isascii() else None
    if match is None:
        return None
    scheme, host, port = match[1], match[2], int(match[3] or -1)
    if port == -1 or port == _DEFAULT_PORTS.get(scheme):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{port}" if 0 < port < 0x10000 else None


def canonical_origins(origins: Collection[str]) -> frozenset[str]:
    """
    Allowed origins as they are compared.

    Args:
        origins: each such as ``https://example.org``, or ``*`` for any.

    Raises:
        ConfigurationError: one of them is neither.
    """
    if isinstance(origins, str):
        raise ConfigurationError("allowed_origins is a list of origins, not a text.")
    canonical = set()
    for origin in origins:
        known = origin if origin == ANY_ORIGIN else canonical_origin(origin)
        if known is None:
            raise ConfigurationError(f"{origin!r} is no origin of the form 'https://example.org', nor '*'.")
        canonical.add(known)
    return frozenset(canonical)


def came_by_tls(request: Request) -> bool:
    """
    Whether a request was protected on its way, as far as we or the proxy in front of us can tell.

    The proxy's word is taken: who only claims to be one deceives himself, and no page can have its visitor claim it.
    """
    if request.is_secure:
        return True
    told: str = request.headers.get("x-forwarded-proto", "")
    return told.partition(",")[0].strip().lower() == "https"


def page_of(request: Request, allowed_origins: Collection[str] = ()) -> Page:
    """
    Whose page has made a request.

    Ours are those of the host and port that the request names itself, and of the scheme that it came by.

    Args:
        request: the request.
        allowed_origins: see :func:`canonical_origins`; ``*`` makes nobody trusted.
    """
    site = request.headers.get("sec-fetch-site")
    # Browsers know better than we do, who may sit behind a proxy that has changed the host's name.
    if site in ("same-origin", "none"):
        return Page.TRUSTED
    told = request.headers.get("origin")
    if told is not None:
        origin = canonical_origin(told)
        # A browser has nothing to gain from calling itself a stranger, so this may be ours whatever the site is.
        is_ours = origin is not None and origin == _own_origin(request)
        return Page.TRUSTED if is_ours or origin in allowed_origins else Page.FOREIGN
    # Scripts, frames and images are asked for without an origin.
    referer: str = request.headers.get("referer", "")
    if not referer:
        return Page.UNTOLD if site is None else Page.FOREIGN
    origin = canonical_origin("/".join(referer.split("/", 3)[:3]))
    is_ours = origin is not None and site is None and origin == _own_origin(request)
    return Page.TRUSTED if is_ours or origin in allowed_origins else Page.FOREIGN


def is_trusted(request: Request, allowed_origins: Collection[str] = ()) -> bool:
    """Whether a request was made by a page that may act for its visitor, or by no page at all; see :func:`page_of`."""
    return page_of(request, allowed_origins) is not Page.FOREIGN


def _own_origin(request: Request) -> str | None:
    scheme = "https" if came_by_tls(request) else "http"
    return canonical_origin(f"{scheme}://{request.headers.get('host', '')}")
