"""
What the streamed responses have in common: an answer that never ends, written piece by piece, with back-pressure.
"""

from __future__ import annotations

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from ..signalr.connection import Connection
from ..signalr.interfaces import IReceiver
from ..signalr.protocol.messages import Envelope
from ..signalr.requests import ReceiveChannel, Response
from .exchanges import Exchange, Framing, chunk, in_chunks
from .outlet import EnvelopeOutlet

__all__ = ["StreamReceiver"]

#: Proxies that buffer a stream, or wait for enough of it to be worth compressing, would make it useless.
_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


@implementer(IReceiver, IPushProducer)
class StreamReceiver(EnvelopeOutlet):
    """
    One streamed response.

    Args:
        exchange: the request; its status, headers and *head* leave at once.
        channel: what it carries.
        content_type: of the response.
        head: the first bytes.
        framing: makes the bytes of an envelope.
        keep_alive: the sign of life.
    """

    __slots__ = ("_exchange", "_keep_alive", "connection", "transport", "writable")

    single_use = False
    #: The heartbeat sees to clients that read nothing.
    is_looked_after = True

    def __init__(
        self,
        exchange: Exchange,
        channel: ReceiveChannel,
        *,
        content_type: str,
        head: bytes,
        framing: Framing,
        keep_alive: bytes,
    ) -> None:
        self.connection: Connection | None = None
        self.transport = channel.transport
        self.writable = True
        self._exchange = exchange
        exchange.when_gone(self._gone)
        exchange.begin(Response(200, content_type=content_type, headers={**_HEADERS, **channel.headers}))
        exchange.write(head)
        transport, is_chunked = exchange.directly()
        super().__init__(transport, in_chunks(framing) if is_chunked else framing)
        self._keep_alive = chunk(keep_alive) if is_chunked else keep_alive
        exchange.register_producer(self)

    def _gone(self) -> None:
        self.close()
        if self.connection is not None:
            self.connection.detach(self)

    def keep_alive(self) -> None:
        """See :class:`.IReceiver`; who does not read what is written already needs no more of it."""
        if self.writable:
            self.write(self._keep_alive)

    def end(self, envelope: Envelope) -> None:
        """See :class:`.IReceiver`."""
        self.close()
        self._exchange.end()

    def abort(self) -> None:
        """See :class:`.IReceiver`."""
        self._exchange.abort()

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
