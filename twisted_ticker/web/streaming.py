"""
What the streamed responses have in common: an answer that never ends, written piece by piece, with back-pressure.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from twisted.web.server import Request
from zope.interface import implementer

from ..signalr.connection import Connection
from ..signalr.interfaces import IReceiver
from ..signalr.protocol.messages import Envelope
from ..signalr.requests import ReceiveChannel, Response
from .responses import drop, prepare

__all__ = ["StreamReceiver"]

#: Proxies that buffer a stream, or wait for enough of it to be worth compressing, would make it useless.
_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


@implementer(IReceiver, IPushProducer)
class StreamReceiver:
    """
    One streamed response.

    Args:
        request: the request; its status, headers and *head* leave at once.
        channel: what it carries.
        content_type: of the response.
        head: the first bytes.
        framing: makes the bytes of an envelope.
        keep_alive: the sign of life.
    """

    __slots__ = ("_framing", "_keep_alive", "_request", "connection", "transport", "writable")

    single_use = False

    def __init__(
        self,
        request: Request,
        channel: ReceiveChannel,
        *,
        content_type: str,
        head: bytes,
        framing: Callable[[Envelope], bytes],
        keep_alive: bytes,
    ) -> None:
        self.connection: Connection | None = None
        self.transport = channel.transport
        self.writable = True
        self._request = request
        self._framing = framing
        self._keep_alive = keep_alive
        request.notifyFinish().addErrback(self._gone)
        prepare(request, Response(200, content_type=content_type, headers={**_HEADERS, **channel.headers}))
        request.write(head)
        request.registerProducer(self, True)

    def _gone(self, reason: Failure) -> None:
        if self.connection is not None:
            self.connection.detach(self)

    def send(self, envelope: Envelope) -> None:
        """See :class:`.IReceiver`."""
        self._request.write(envelope.framed(self._framing))

    def keep_alive(self) -> None:
        """See :class:`.IReceiver`; who does not read what is written already needs no more of it."""
        if self.writable:
            self._request.write(self._keep_alive)

    def end(self, envelope: Envelope) -> None:
        """See :class:`.IReceiver`."""
        self._request.unregisterProducer()
        self._request.finish()

    def abort(self) -> None:
        """See :class:`.IReceiver`."""
        drop(self._request)

    def pauseProducing(self) -> None:
        """The socket's buffer is full."""
        self.writable = False
        if self.connection is not None:
            self.connection.pause(self)

    def resumeProducing(self) -> None:
        """The socket's buffer is empty."""
        self.writable = True
        if self.connection is not None:
            self.connection.resume(self)

    def stopProducing(self) -> None:
        """The socket is lost; the request says so too."""
