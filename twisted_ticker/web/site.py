"""
The whole site: pages and SignalR under one roof, with bounded request bodies and a log that tells no secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from io import BytesIO
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.http import parse_qs
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource
from twisted.web.server import Request, Site
from twisted.web.static import File
from twisted.web.util import Redirect

from ..signalr.server import SignalRServer
from .access_log import LoggedRequest, LoggingSite, SilentSite
from .endpoints import SignalRResource

__all__ = ["MAX_BODY_BYTES", "Pages", "build_site", "site_of"]

#: Longest request body. The reference has no limit; nothing that a hub method takes comes near this one.
MAX_BODY_BYTES = 1024 * 1024


class BoundedRequest(Request):
    """
    A request whose body is kept in memory and may not grow beyond :data:`MAX_BODY_BYTES`.

    Twisted would keep a large body in a file, and parse forms by their content type, of which SignalR clients are
    careless.
    """

    _log = Logger()

    content: BytesIO
    #: A response without a content type has none.
    defaultContentType = None
    _refused = False

    def gotLength(self, length: int | None) -> None:
        """Refuse a body that says it is too long."""
        self.content = BytesIO()
        if length is not None and length > MAX_BODY_BYTES:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        """Take a piece of the body, and refuse one that turns out too long."""
        if self._refused:
            return
        self.content.write(data)
        if self.content.tell() > MAX_BODY_BYTES:
            self._refuse()

    def _refuse(self) -> None:
        self._refused = True
        self._log.info("Refused a body of over {limit} bytes from {peer}", limit=MAX_BODY_BYTES, peer=self.client)
        self.content = BytesIO()
        # Who has asked whether to go on has been answered.
        self.requestHeaders.removeHeader(b"Expect")
        transport: Any = self.channel.transport
        transport.write(b"HTTP/1.1 413 Request Entity Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        self.channel.loseConnection()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Serve a request that is complete."""
        if self._refused:
            return
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


class _LoggedBoundedRequest(LoggedRequest, BoundedRequest):
    """A request with all that this module and the access log want of it."""


class Pages(File):
    """Static files; the root leads to :attr:`start`, and directories are not listed."""

    #: Where ``/`` leads to; its ``index.html`` is served there if this is empty.
    start = b""

    #: Makes headers of all pages, besides those that any site's have.
    headers_for: Callable[[IRequest], Mapping[bytes, bytes]] | None = None

    def getChild(self, path: bytes, request: IRequest) -> IResource:
        """Find a file."""
        if path == b"" and request.path == b"/" and self.start:
            return Redirect(self.start)
        if not _is_file_name(path):
            return self.childNotFound
        headers = {} if self.headers_for is None else self.headers_for(request)
        for name, value in headers.items():
            request.setHeader(name, value)
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        # A browser asks whether its copy is still right, so that a new version is seen at once.
        request.setHeader(b"Cache-Control", b"no-cache")
        child: IResource = super().getChild(path, request)  # type: ignore[no-untyped-call]
        return child

    def directoryListing(self) -> IResource:
        """Show nobody what files there are."""
        return self.childNotFound


def _is_file_name(path: bytes) -> bool:
    try:
        name = path.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not name.startswith(".") and "\0" not in name


def build_site(
    server: SignalRServer,
    htdocs: str,
    *,
    start_page: str,
    clock: IReactorTime,
    page_headers: Callable[[IRequest], Mapping[bytes, bytes]] | None = None,
    resources: Mapping[str, IResource] | None = None,
    access_log: bool = True,
) -> Site:
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
    """
    pages = Pages(htdocs)
    pages.start = start_page.encode("ascii")
    pages.headers_for = page_headers
    for name, resource in (resources or {}).items():
        pages.putChild(name.encode("ascii"), resource)
    return site_of(SignalRResource(server, pages, clock=clock), clock=clock, access_log=access_log)


def site_of(root: IResource, *, clock: IReactorTime | None = None, access_log: bool = True) -> Site:
    """
    A site that bounds request bodies, and has an access log without tokens.

    The log is that of Twisted: one event for each request when it is over, with the level ``info`` and the namespace
    ``twisted_ticker.web.access_log``.

    Args:
        root: usually a :class:`.SignalRResource`, perhaps behind a guard.
        clock: the reactor; the global one when not given.
        access_log: whether requests are logged.
    """
    if access_log:
        return LoggingSite(root, requestFactory=_LoggedBoundedRequest, reactor=clock)  # type: ignore[no-untyped-call]
    return SilentSite(root, requestFactory=BoundedRequest, reactor=clock)  # type: ignore[no-untyped-call]
