"""
A request that is being answered, as the transports see it; and the one that twisted.web serves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

from autobahn.twisted.resource import WebSocketResource
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IProtocol, IPushProducer
from twisted.python.failure import Failure
from twisted.web.http import NO_BODY_CODES
from twisted.web.server import Request as TwistedRequest

from ..signalr.protocol.messages import Envelope
from ..signalr.requests import Response

__all__ = ["Exchange", "Framing", "TwistedExchange", "chunk", "in_chunks"]

Framing = Callable[[Envelope], bytes]


class Exchange(Protocol):
    """A request that is being answered: at once by :meth:`respond`, or in pieces from :meth:`begin` to :meth:`end`."""

    def respond(self, response: Response) -> None:
        """Send a whole response."""

    def begin(self, response: Response) -> None:
        """Send status and headers now, of a response whose body comes in pieces; its own body counts for nothing."""

    def write(self, data: bytes) -> None:
        """Send a piece of the body."""

    def end(self, data: bytes = b"") -> None:
        """Send the last piece of the body."""

    def abort(self) -> None:
        """Cut the connection at once: to lose it in the ordinary way would wait for a client that reads nothing."""

    def when_gone(self, call: Callable[[], None]) -> None:
        """Call that, if the connection is lost before the end."""

    def register_producer(self, producer: IPushProducer) -> None:
        """Tell that one, from now to the end, when the client cannot take more and when it can again."""

    def directly(self) -> tuple[Any, bool]:
        """
        For who writes so often that every call counts, and makes an outlet of his own for all pieces of the body that
        has begun: the transport under the response, and whether each piece has to be a chunk.
        """

    def become(self, protocol: IProtocol) -> None:
        """Give the transport to *protocol*, with the request as the first that it receives; it says when it is over."""

    def over(self, status: int) -> None:
        """What the exchange has become is over; it was answered with that *status*."""


def chunk(data: bytes) -> bytes:
    """One chunk of a body whose length nobody knows (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@cache
def in_chunks(framing: Framing) -> Framing:
    """A framing with each envelope in a chunk; the same for the same framing, so that envelopes know it again."""
    return lambda envelope: chunk(framing(envelope))


class TwistedExchange:
    """
    A request that twisted.web serves.

    Args:
        request: the request.
    """

    __slots__ = ("_request",)

    def __init__(self, request: TwistedRequest) -> None:
        self._request: Any = request

    def respond(self, response: Response) -> None:
        """See :class:`Exchange`."""
        self._set(response)
        if response.status not in NO_BODY_CODES:
            self._request.setHeader(b"Content-Length", b"%d" % len(response.body))
        self.end(response.body)

    def begin(self, response: Response) -> None:
        """See :class:`Exchange`."""
        self._set(response)
        self._request.write(b"")

    def _set(self, response: Response) -> None:
        request = self._request
        reason = None if response.reason is None else response.reason.encode("ascii")
        request.setResponseCode(response.status, reason)
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        request.setHeader(b"Cache-Control", b"no-store")
        if response.content_type is not None:
            request.setHeader(b"Content-Type", response.content_type.encode("ascii"))
        for name, value in response.headers.items():
            request.setHeader(name.encode("ascii"), value.encode("ascii"))

    def write(self, data: bytes) -> None:
        """See :class:`Exchange`."""
        self._request.write(data)

    def end(self, data: bytes = b"") -> None:
        """See :class:`Exchange`."""
        self._request.write(data)
        self._request.unregisterProducer()
        self._request.finish()

    def abort(self) -> None:
        """See :class:`Exchange`."""
        self._request.transport.abortConnection()

    def when_gone(self, call: Callable[[], None]) -> None:
        """See :class:`Exchange`."""
        self._request.notifyFinish().addErrback(lambda reason: call())

    def register_producer(self, producer: IPushProducer) -> None:
        """See :class:`Exchange`."""
        self._request.registerProducer(producer, True)

    def directly(self) -> tuple[Any, bool]:
        """See :class:`Exchange`."""
        # What is written past the request is not counted; no number is better than a part of one.
        self._request.sentLength = 0
        return self._request.channel.transport, bool(self._request.chunked)

    def become(self, protocol: IProtocol) -> None:
        """See :class:`Exchange`."""
        channel = self._request.channel
        WebSocketResource(_Prepared(protocol)).render(self._request)
        # Channels of sites that are not ours keep what has come behind a request.
        early = channel.take_early() if hasattr(channel, "take_early") else b""
        if early:
            protocol.dataReceived(early)

    def over(self, status: int) -> None:
        """See :class:`Exchange`."""
        # The request is over when what it has become is, of which its channel is not told: its socket was taken away.
        self._request.setResponseCode(status)
        self._request.channel.connectionLost(Failure(ConnectionDone()))


class _Prepared:
    """A factory of one protocol, made already: Autobahn's resource asks a factory, which knows no request."""

    def __init__(self, protocol: IProtocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, address: IAddress) -> IProtocol:
        return self._protocol
