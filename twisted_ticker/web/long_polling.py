"""
Long polling: a request that is answered with the first envelope there is, over and over.

Source: SignalR 2.4, ``Transports/LongPollingTransport.cs``.
"""

from __future__ import annotations

from zope.interface import implementer

from ..signalr.connection import Connection
from ..signalr.interfaces import IReceiver
from ..signalr.protocol.framing import LONG_POLLING_KEEP_ALIVE, LongPollingFraming
from ..signalr.protocol.messages import Envelope
from ..signalr.protocol.transports import LONG_POLLING
from ..signalr.requests import JAVASCRIPT, JSON, ReceiveChannel, Response
from .exchanges import Exchange

__all__ = ["LongPollingReceiver"]


@implementer(IReceiver)
class LongPollingReceiver:
    """
    One poll.

    Args:
        exchange: the poll; its status and headers leave at once, so that proxies and clients see that it is being
            served.
        channel: what it carries.
        delay_ms: the pause that clients make between polls.
    """

    __slots__ = ("_exchange", "_framing", "connection")

    transport = LONG_POLLING
    single_use = True
    writable = True

    def __init__(self, exchange: Exchange, channel: ReceiveChannel, *, delay_ms: int) -> None:
        self.connection: Connection | None = None
        self._exchange = exchange
        # Framings of the same values are equal, so polls share what one of them has made.
        self._framing = LongPollingFraming(delay_ms, channel.callback)
        exchange.when_gone(self._gone)
        content_type = JSON if channel.callback is None else JAVASCRIPT
        exchange.begin(Response(200, content_type=content_type, headers=channel.headers))

    def _gone(self) -> None:
        if self.connection is not None:
            self.connection.detach(self)

    def send(self, envelope: Envelope) -> None:
        """See :class:`.IReceiver`."""
        self._exchange.end(envelope.framed[self._framing])

    def keep_alive(self) -> None:
        """See :class:`.IReceiver`; a script gets none, as in the reference."""
        if self._framing.callback is None:
            self._exchange.write(LONG_POLLING_KEEP_ALIVE)

    def end(self, envelope: Envelope) -> None:
        """See :class:`.IReceiver`."""
        self.send(envelope)

    def abort(self) -> None:
        """See :class:`.IReceiver`."""
        self._exchange.abort()
