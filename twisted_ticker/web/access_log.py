"""
The access log: one event for each request when it is over, with the text that other web servers write.

A stream or WebSocket is over when the client has gone, or was sent away.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import OK, datetimeToLogString
from twisted.web.http import Request as HTTPRequest
from twisted.web.server import Request

from ..redaction import redacted
from .lean_http import LeanExchange, LeanSite

__all__ = ["LoggedRequest", "LoggingSite", "SilentSite"]

_log = Logger()

#: What nginx calls the status of a request that nobody waited for.
_NOBODY_WAITED = 499


class _OwnLogSite(LeanSite):
    """A site whose access log needs neither Twisted's file nor the timer that goes with it."""

    def startFactory(self) -> None:
        """Listen on a first port."""

    def stopFactory(self) -> None:
        """Listen on no port any more."""


class SilentSite(_OwnLogSite):
    """A site without an access log."""

    def log(self, request: HTTPRequest) -> None:
        """Called at the end of each request."""


class LoggingSite(_OwnLogSite):
    """A site with an access log; its requests have to be :class:`LoggedRequest`."""

    def log(self, request: Any) -> None:
        """Log a request that is over."""
        self._write(
            client=getattr(request.getClientAddress(), "host", "-"),
            method=request.method,
            uri=request.uri,
            protocol=request.clientproto,
            status=request.code,
            sent=request.sentLength,
            began=request.began,
            referrer=request.getHeader(b"referer"),
            agent=request.getHeader(b"user-agent"),
        )

    def log_exchange(self, exchange: LeanExchange) -> None:
        """Log a request that was served in the lean way, and is over."""
        request = exchange.request
        self._write(
            client=request.remote_address or "-",
            method=request.method.encode("ascii"),
            uri=request.uri.encode("ascii"),
            protocol=b"HTTP/1.1",
            status=exchange.status or _NOBODY_WAITED,
            sent=exchange.sent_bytes,
            began=exchange.began,
            referrer=request.headers.get("referer", "").encode("latin-1"),
            agent=request.headers.get("user-agent", "").encode("latin-1"),
        )

    def _write(
        self,
        *,
        client: str,
        method: bytes,
        uri: bytes,
        protocol: bytes,
        status: int,
        sent: int,
        began: float,
        referrer: bytes | None,
        agent: bytes | None,
    ) -> None:
        now = self.reactor.seconds()
        _log.info(
            f'"{{client}}" - - {datetimeToLogString(now)} '
            f'"{{method}} {{uri}} {{protocol}}" {{status}} {sent or "-"} "{{referrer}}" "{{agent}}"',
            client=client,
            method=_on_one_line(method),
            uri=redacted(_on_one_line(uri)),
            protocol=_on_one_line(protocol),
            status=status,
            bytes=sent,
            seconds=round(now - began, 6),
            referrer=redacted(_on_one_line(referrer or b"-")),
            agent=redacted(_on_one_line(agent or b"-")),
        )


class LoggedRequest(Request):
    """
    A request that is logged, however it ends.

    Attributes:
        began: when it had been received, in seconds of the site's clock.
    """

    began: float | None = None
    channel: Any
    site: Any

    def process(self) -> None:
        """Begin to serve it."""
        self.began = self.channel.site.reactor.seconds()
        super().process()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure) -> None:
        """The client has gone; nothing more can be sent to it."""
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        if self.began is None or self.finished:
            return
        if not self.startedWriting and self.code == OK:
            self.code = _NOBODY_WAITED
        self.site.log(self)


def _on_one_line(value: bytes) -> str:
    """Bytes from a client, as they can stand between quotes."""
    return repr(value)[2:-1].replace("\\'", "'").replace('"', '\\"')
