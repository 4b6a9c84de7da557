"""
A request that is served in the lean way, and how it is answered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IProtocol, IPushProducer
from twisted.web.http import NO_BODY_CODES, RESPONSES, datetimeToString
from twisted.web.server import version as server_name

from ..signalr.requests import Headers, Request, Response
from .exchanges import chunk

if TYPE_CHECKING:
    from .lean_http import LeanChannel

__all__ = ["LeanExchange"]

_END = b"0\r\n\r\n"


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

    __slots__ = ("_channel", "_gone", "_outlet", "_place", "_site", "began", "request", "sent_bytes", "status")

    def __init__(self, channel: LeanChannel, request: Request) -> None:
        self._channel: LeanChannel | None = channel
        self._gone: Callable[[], None] | None = None
        # The place of a connection that has become something else.
        self._place: str | None = None
        self._outlet = channel.outlet()
        self._site = channel.site
        self.request = request
        self.began: float = self._site.reactor.seconds()
        self.status = 0
        self.sent_bytes = 0

    def respond(self, response: Response) -> None:
        """See :class:`.Exchange`."""
        self.status, self.sent_bytes = response.status, len(response.body)
        if response.status in NO_BODY_CODES:
            self._outlet.write(self._head(response) + b"\r\n")
        else:
            length = b"Content-Length: %d\r\n\r\n" % len(response.body)
            self._outlet.write(self._head(response) + length + response.body)
        self._over()

    def begin(self, response: Response) -> None:
        """See :class:`.Exchange`."""
        self.status = response.status
        self._outlet.write(self._head(response) + b"Transfer-Encoding: chunked\r\n\r\n")

    def _head(self, response: Response) -> bytes:
        headers = tuple(response.headers.items()) if response.headers else ()
        now = int(self._site.reactor.seconds())
        return _head(response.status, response.reason, response.content_type, headers, now)

    def write(self, data: bytes) -> None:
        """See :class:`.Exchange`."""
        self.sent_bytes += len(data)
        self._outlet.write(chunk(data))

    def end(self, data: bytes = b"") -> None:
        """See :class:`.Exchange`."""
        self.sent_bytes += len(data)
        self._outlet.write(chunk(data) + _END if data else _END)
        self._over()

    def _over(self) -> None:
        # Who wanted to know has this exchange, and what refers to itself has to wait for the garbage collector.
        self._gone = None
        # The client may not have waited for it.
        if self._channel is not None:
            self._channel.exchange_over(self)

    def abort(self) -> None:
        """See :class:`.Exchange`."""
        if self._channel is not None:
            self._channel.transport.abortConnection()

    def when_gone(self, call: Callable[[], None]) -> None:
        """See :class:`.Exchange`."""
        self._gone = call

    def register_producer(self, producer: IPushProducer) -> None:
        """See :class:`.Exchange`."""
        if self._channel is not None:
            self._channel.registerProducer(producer, True)

    def directly(self) -> tuple[Any, bool]:
        """See :class:`.Exchange`."""
        # What is written past this object is not counted; no number is better than a part of one.
        self.sent_bytes = 0
        self._outlet.give_way()
        return None if self._channel is None else self._channel.transport, True

    def become(self, protocol: IProtocol) -> None:
        """See :class:`.Exchange`."""
        channel, self._channel = self._channel, None
        if channel is not None:
            self._place = channel.hand_over(protocol)
            protocol.dataReceived(_as_received(self.request))

    def over(self, status: int) -> None:
        """See :class:`.Exchange`."""
        self.status = status
        place, self._place = self._place, None
        if place is not None:
            self._site.leave(place)
        self._site.log_exchange(self)

    def lost(self) -> None:
        """The connection is lost."""
        self._channel = None
        self._outlet.close()
        gone, self._gone = self._gone, None
        if gone is not None:
            gone()
        self._site.log_exchange(self)


def _as_received(request: Request) -> bytes:
    assert isinstance(request.headers, Headers)
    # Its query has been read, and would be taken apart for nothing.
    path = request.uri.partition("?")[0]
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (request.method.encode("ascii"), path.encode("ascii"), request.headers.raw)


@lru_cache(maxsize=256)
def _head(
    status: int,
    reason: str | None,
    content_type: str | None,
    headers: tuple[tuple[str, str], ...],
    now: int,
) -> bytes:
    """Status line and headers, all but the one that says how the body is framed; *now* in whole seconds."""
    fields = {"Server": server_name.decode("ascii"), "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    if content_type is not None:
        fields["Content-Type"] = content_type
    fields.update(headers)
    fields["Date"] = datetimeToString(now).decode("ascii")
    phrase = RESPONSES[status].decode("ascii") if reason is None else reason
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in fields.items())]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")
