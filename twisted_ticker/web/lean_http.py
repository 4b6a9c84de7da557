"""
The lean way from a socket to an endpoint and back: for simple requests below a mapped path, which are served without a
:class:`twisted.web.http.Request`, resources, and headers taken one by one.

A channel reads a request in the lean way only when it has nothing of another one before it; if it is not simple, or not
below a mapped path, Twisted's parser gets every byte of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import RESPONSES, HTTPChannel, datetimeToString
from twisted.web.server import Site
from twisted.web.server import version as server_name

from ..signalr.requests import Headers, Request, Response
from .exchanges import chunk
from .outlet import Outlet
from .simple_requests import SimpleRequest, read_simple_request

__all__ = ["LeanChannel", "LeanExchange", "LeanRoot", "LeanSite"]

#: What a client may send before it has the answer to what it has sent before; then it has to wait.
_MAX_EARLY_BYTES = 16 * 1024

_END = b"0\r\n\r\n"


class LeanRoot(Protocol):
    """What a site's root resource has to be, so that requests can be served in the lean way."""

    def answers_to(self, path: str) -> Callable[[Request, LeanExchange], None] | None:
        """What answers the requests of a path; ``None`` if they are for resources."""


class LeanExchange:
    """
    A request that is served in the lean way; an :class:`.Exchange`.

    Args:
        channel: where it came from.
        request: the request.

    Attributes:
        request: the request.
        began: when it was received, in seconds of the site's clock.
        status: of its response, as soon as that has begun.
        sent_bytes: of the body of its response; 0 if they are not counted.
    """

    __slots__ = ("_channel", "_gone", "_outlet", "began", "request", "sent_bytes", "status")

    def __init__(self, channel: LeanChannel, request: Request, began: float) -> None:
        self._channel = channel
        self._gone: Callable[[], None] | None = None
        self._outlet = Outlet(channel.transport)
        self.request = request
        self.began = began
        self.status = 0
        self.sent_bytes = 0

    def respond(self, response: Response) -> None:
        """See :class:`.Exchange`."""
        self.status, self.sent_bytes = response.status, len(response.body)
        length = b"Content-Length: %d\r\n\r\n" % len(response.body)
        self._outlet.write(self._head(response) + length + response.body)
        self._channel.exchange_over(self)

    def begin(self, response: Response) -> None:
        """See :class:`.Exchange`."""
        self.status = response.status
        self._outlet.write(self._head(response) + b"Transfer-Encoding: chunked\r\n\r\n")

    def _head(self, response: Response) -> bytes:
        date = _date(int(self._channel.seconds()))
        return (
            _head_before_date(response.status, response.reason, response.content_type, tuple(response.headers.items()))
            + date
        )

    def write(self, data: bytes) -> None:
        """See :class:`.Exchange`."""
        self.sent_bytes += len(data)
        self._outlet.write(chunk(data))

    def end(self, data: bytes = b"") -> None:
        """See :class:`.Exchange`."""
        self.sent_bytes += len(data)
        self._outlet.write(chunk(data) + _END if data else _END)
        self._channel.exchange_over(self)

    def abort(self) -> None:
        """See :class:`.Exchange`."""
        self._channel.transport.abortConnection()

    def when_gone(self, call: Callable[[], None]) -> None:
        """See :class:`.Exchange`."""
        self._gone = call

    def register_producer(self, producer: IPushProducer) -> None:
        """See :class:`.Exchange`."""
        self._channel.registerProducer(producer, True)  # type: ignore[no-untyped-call]

    def directly(self) -> tuple[Any, bool]:
        """See :class:`.Exchange`."""
        # What is written past this object is not counted; no number is better than a part of one.
        self.sent_bytes = 0
        self._outlet.give_way()
        return self._channel.transport, True

    def lost(self) -> None:
        """The connection is lost."""
        self._outlet.close()
        gone, self._gone = self._gone, None
        if gone is not None:
            gone()


@lru_cache(maxsize=256)
def _head_before_date(
    status: int, reason: str | None, content_type: str | None, headers: tuple[tuple[str, str], ...]
) -> bytes:
    fields = {"Server": server_name.decode("ascii"), "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    if content_type is not None:
        fields["Content-Type"] = content_type
    fields.update(headers)
    phrase = RESPONSES[status].decode("ascii") if reason is None else reason
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in fields.items())]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


@lru_cache(maxsize=1)
def _date(seconds: int) -> bytes:
    return b"Date: %b\r\n" % datetimeToString(seconds)


class LeanChannel(HTTPChannel):
    """
    A connection of a browser: simple requests of mapped paths are served in the lean way, all others by Twisted.

    Attributes:
        root: finds what answers; ``None`` if nothing is to be served in the lean way.
    """

    _own_log = Logger()

    transport: Any
    site: Any
    root: LeanRoot | None = None
    _exchange: LeanExchange | None = None
    # What has come behind a request that is being served.
    _early = b""
    # Whether Twisted's parser has had bytes of a request that is not over.
    _is_parsing = False

    def seconds(self) -> float:
        """The time of the site's clock."""
        seconds: float = self.site.reactor.seconds()
        return seconds

    def dataReceived(self, data: bytes) -> None:
        """Serve what has come, in one way or the other."""
        if self._exchange is not None:
            self._keep_for_later(data)
        elif self._is_parsing or not self._serve(data):
            self._is_parsing = True
            super().dataReceived(data)  # type: ignore[no-untyped-call]

    def _keep_for_later(self, data: bytes) -> None:
        self._early += data
        if len(self._early) > _MAX_EARLY_BYTES:
            self.transport.pauseProducing()

    def _serve(self, data: bytes) -> bool:
        """Serve *data*, if it is a request for the lean way."""
        simple = None if self.root is None else read_simple_request(data)
        if simple is None:
            return False
        assert self.root is not None
        path = unquote_to_bytes(simple.uri.partition(b"?")[0]).decode("utf-8", "replace")
        answer = self.root.answers_to(path)
        if answer is None:
            return False
        self.resetTimeout()  # type: ignore[no-untyped-call]
        exchange = self._exchange = LeanExchange(self, self._request(simple, path), self.seconds())
        try:
            answer(exchange.request, exchange)
        except Exception:
            self._own_log.failure("A request could not be answered")
            if exchange.status:
                exchange.abort()
            else:
                exchange.respond(Response(500))
        return True

    def _request(self, simple: SimpleRequest, path: str) -> Request:
        return Request(
            method=simple.method.decode("ascii"),
            uri=simple.uri.decode("ascii"),
            path=path,
            headers=Headers(simple.headers),
            body=simple.body,
            remote_address=getattr(self.transport.getPeer(), "host", ""),
        )

    def exchange_over(self, exchange: LeanExchange) -> None:
        """A response has been written: go on with what has come meanwhile."""
        if exchange is not self._exchange:
            return  # The client did not wait for it.
        self.unregisterProducer()  # type: ignore[no-untyped-call]
        self._exchange = None
        self.site.log_exchange(exchange)
        self.resetTimeout()  # type: ignore[no-untyped-call]
        early, self._early = self._early, b""
        if early:
            self.transport.resumeProducing()
            self.dataReceived(early)

    def requestDone(self, request: Any) -> None:
        """Twisted has served a request."""
        super().requestDone(request)  # type: ignore[no-untyped-call]
        if not self.requests and self.persistent:
            rest = self.clearLineBuffer()  # type: ignore[no-untyped-call]
            self._is_parsing = False
            if rest:
                self.dataReceived(rest)

    def timeoutConnection(self) -> None:
        """Nothing has come for a long time; who waits for an answer may do so."""
        if self._exchange is None:
            super().timeoutConnection()  # type: ignore[no-untyped-call]
        else:
            self.setTimeout(self.timeOut)  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client has gone."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.lost()
            self.site.log_exchange(exchange)
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


class LeanSite(Site):
    """A site that serves simple requests in the lean way, if its root resource is a :class:`LeanRoot`."""

    # Twisted's own chooses between HTTP/1.1 and HTTP/2, and speaks the former to all whom this site is for.
    protocol = LeanChannel  # type: ignore[assignment]

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make a channel."""
        channel: Any = super().buildProtocol(addr)  # type: ignore[no-untyped-call]
        if hasattr(self.resource, "answers_to"):
            channel.root = self.resource
        return channel

    def log_exchange(self, exchange: LeanExchange) -> None:
        """Called at the end of each request that was served in the lean way, as :meth:`log` is for the others."""
