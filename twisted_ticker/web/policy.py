"""
What browsers are told about the pages that come along: load nothing from elsewhere, run no script inside of a page,
show no page inside of somebody else's.
"""

from __future__ import annotations

import re

from twisted.web.iweb import IRequest

__all__ = ["page_headers"]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'{sockets}; "
    "frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)

# A name or an IPv4 address, perhaps with a port; policies have no way to write an IPv6 address.
_HOST = re.compile(rb"(?=.{1,253}(?::|\Z))[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")


def page_headers(request: IRequest) -> dict[bytes, bytes]:
    """The headers of a page, to which nothing but files of its own site and the server's own WebSocket belong."""
    host = request.getHeader(b"host") or b""
    # 'self' is all that today's browsers need; older ones, Safari's above all, do not count WebSockets.
    sockets = " ws://{0} wss://{0}".format(host.decode("ascii")) if _HOST.fullmatch(host) else ""
    return {
        b"Content-Security-Policy": _POLICY.format(sockets=sockets).encode("ascii"),
        # For browsers that do not know frame-ancestors.
        b"X-Frame-Options": b"SAMEORIGIN",
        # With "no-referrer", browsers would say that our own forms come from nowhere.
        b"Referrer-Policy": b"same-origin",
    }
