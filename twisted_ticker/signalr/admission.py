"""
Which requests an endpoint turns away because of the page that has made them.

The reference leaves that to the application; most applications forget WebSockets, to which browsers do not apply the
same-origin rule, and which they send cookies with.
"""

from __future__ import annotations

from dataclasses import replace

from .origins import ANY_ORIGIN, Page, page_of
from .requests import CaseInsensitive, Request
from .settings import EndpointSettings

__all__ = ["admitted"]

_COOKIE, _AUTHORIZATION = "cookie", "authorization"

#: Browsers send no such authorization by themselves.
_BEARER = "bearer "


def admitted(request: Request, settings: EndpointSettings) -> Request | None:
    """
    A request as an endpoint may serve it: as it is; or, where pages of any origin are allowed, without what the
    browser has added of its visitor's; or ``None``, if it is to be refused.

    Where nothing tells who the visitor is, there is nothing that a foreign page could abuse, and so no page is refused,
    unless the settings say so.

    Args:
        request: the request.
        settings: the endpoint's.
    """
    if not settings.strict_origins and not _carries_credentials(request):
        return request
    page = page_of(request, settings.allowed_origins)
    # A script may be of any page. That of an old browser may not say so, so there have to be good signs.
    if page is Page.TRUSTED or (page is Page.UNTOLD and not request.query.get("callback")):
        return request
    return _without_credentials(request) if ANY_ORIGIN in settings.allowed_origins else None


def _carries_credentials(request: Request) -> bool:
    """Whether a browser may have sent something along that tells who its visitor is, without having asked him."""
    if request.user is not None:
        return True
    headers = request.headers
    return headers.has(_COOKIE, _AUTHORIZATION) and bool(headers.get(_COOKIE) or _ambient_authorization(headers))


def _ambient_authorization(headers: CaseInsensitive) -> bool:
    value: str = headers.get(_AUTHORIZATION, "")
    return bool(value) and not value.lower().startswith(_BEARER)


def _without_credentials(request: Request) -> Request:
    gone = {_COOKIE, _AUTHORIZATION} if _ambient_authorization(request.headers) else {_COOKIE}
    kept = CaseInsensitive({name: value for name, value in request.headers.items() if name not in gone})
    return replace(request, headers=kept, user=None)
