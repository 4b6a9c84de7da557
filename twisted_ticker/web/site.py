"""
The whole site: pages and SignalR under one roof, with bounded request bodies and a log that tells no secrets.
"""

from __future__ import annotations

import re
from functools import cached_property
from io import BytesIO
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.http import combinedLogFormatter, parse_qs
from twisted.web.iweb import IAccessLogFormatter, IRequest
from twisted.web.resource import IResource
from twisted.web.server import Request, Site
from twisted.web.static import File
from twisted.web.util import Redirect
from zope.interface import provider

from ..signalr.server import SignalRServer
from .endpoints import SignalRResource

__all__ = ["MAX_BODY_BYTES", "Pages", "build_site", "redacted", "site_of"]

#: Longest request body. The reference has no limit; nothing that a hub method takes comes near this one.
MAX_BODY_BYTES = 1024 * 1024

# Whoever holds a token is the client it was made for.
_SECRETS = re.compile(r"(?i)([?&](?:connectionToken|groupsToken|access_token)=)[^&\s\"]*")


def redacted(text: str) -> str:
    """*text*, perhaps with URLs in it, without the tokens of their query strings."""
    return _SECRETS.sub(r"\1…", text)


@provider(IAccessLogFormatter)
def _access_line(timestamp: str, request: IRequest) -> str:
    return redacted(combinedLogFormatter(timestamp, request))


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


class Pages(File):
    """Static files; the root leads to :attr:`start`, and directories are not listed."""

    #: Where ``/`` leads to; its ``index.html`` is served there if this is empty.
    start = b""

    def getChild(self, path: bytes, request: IRequest) -> IResource:
        """Find a file."""
        if path == b"" and request.path == b"/" and self.start:
            return Redirect(self.start)
        if not _is_file_name(path):
            return self.childNotFound
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


def build_site(server: SignalRServer, htdocs: str, *, start_page: str, clock: IReactorTime) -> Site:
    """
    The site of an application.

    Args:
        server: serves the paths that are mapped on it.
        htdocs: directory of the pages.
        start_page: path that ``/`` redirects to.
        clock: the reactor.
    """
    pages = Pages(htdocs)
    pages.start = start_page.encode("ascii")
    return site_of(SignalRResource(server, pages, clock=clock), clock=clock)


def site_of(root: IResource, *, clock: IReactorTime | None = None) -> Site:
    """
    A site that bounds request bodies, and keeps tokens out of its access log.

    Args:
        root: usually a :class:`.SignalRResource`, perhaps behind a guard.
        clock: the reactor; the global one when not given.
    """
    return Site(root, requestFactory=BoundedRequest, reactor=clock, logFormatter=_access_line)
