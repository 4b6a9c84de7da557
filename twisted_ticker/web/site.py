"""
The whole site: pages and SignalR under one roof, with bounded request bodies and a log that tells no secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from io import BytesIO

from twisted.internet.interfaces import IReactorTime
from twisted.web.http import parse_qs
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource
from twisted.web.server import Request

from ..signalr.server import SignalRServer
from .access_log import LoggedRequest, LoggingSite, SilentSite
from .endpoints import SignalRResource
from .lean_http import LeanSite
from .pages import Pages
from .places import Places
from .request_reader import MAX_BODY_BYTES

__all__ = ["MAX_BODY_BYTES", "build_site", "site_of"]


class InMemoryRequest(Request):
    """
    A request whose body is kept in memory, which :class:`.LeanChannel` has seen to be bounded.

    Twisted would keep a large body in a file, and parse forms by their content type, of which SignalR clients are
    careless.
    """

    content: BytesIO
    #: A response without a content type has none.
    defaultContentType = None

    def gotLength(self, length: int | None) -> None:
        """A body begins."""
        self.content = BytesIO()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Serve a request that is complete."""
        self.content.seek(0)
        self.method, self.uri, self.clientproto = command, path, version
        self.path = path.partition(b"?")[0]
        self.process()  # type: ignore[no-untyped-call]

    @cached_property
    def args(self) -> dict[bytes, list[bytes]]:  # type: ignore[override]
        """Parameters of query string and form; ours are read elsewhere, so they are parsed for other resources only."""
        parameters: dict[bytes, list[bytes]] = parse_qs(self.uri.partition(b"?")[2], True)
        content_type = (self.getHeader(b"content-type") or b"").partition(b";")[0].strip().lower()
        if content_type == b"application/x-www-form-urlencoded":
            for name, values in parse_qs(self.content.getvalue(), True).items():
                parameters.setdefault(name, []).extend(values)
        return parameters


class _LoggedInMemoryRequest(LoggedRequest, InMemoryRequest):
    """A request with all that this module and the access log want of it."""


def build_site(
    server: SignalRServer,
    htdocs: str,
    *,
    start_page: str,
    clock: IReactorTime,
    page_headers: Callable[[IRequest], Mapping[bytes, bytes]] | None = None,
    resources: Mapping[str, IResource] | None = None,
    access_log: bool = True,
    places: Places | None = None,
) -> LeanSite:
    """
    The site of an application.

    Args:
        server: serves the paths that are mapped on it.
        htdocs: directory of the pages.
        start_page: path that ``/`` redirects to.
        clock: the reactor.
        page_headers: makes further headers of the pages, such as :func:`.policy.page_headers`.
        resources: what else there is, by its name below the root.
        access_log: whether requests are logged.
        places: how many connections there may be; any number, when not given.
    """
    pages = Pages(htdocs)
    pages.start = start_page.encode("ascii")
    pages.headers_for = page_headers
    for name, resource in (resources or {}).items():
        pages.putChild(name.encode("ascii"), resource)
    return site_of(SignalRResource(server, pages, clock=clock), clock=clock, access_log=access_log, places=places)


def site_of(
    root: IResource, *, clock: IReactorTime | None = None, access_log: bool = True, places: Places | None = None
) -> LeanSite:
    """
    A site with bounds for all that clients can take up of it, and an access log without tokens.

    The log is that of Twisted: one event for each request when it is over, with the level ``info`` and the namespace
    ``twisted_ticker.web.access_log``.

    Args:
        root: usually a :class:`.SignalRResource`, perhaps behind a guard.
        clock: the reactor; the global one when not given.
        access_log: whether requests are logged.
        places: how many connections there may be; any number, when not given.
    """
    if access_log:
        return LoggingSite(root, requestFactory=_LoggedInMemoryRequest, reactor=clock, places=places)
    return SilentSite(root, requestFactory=InMemoryRequest, reactor=clock, places=places)
