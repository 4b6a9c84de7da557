"""
Long polling: a request that is answered with the first envelope there is, over and over.

Source: SignalR 2.4, ``Transports/LongPollingTransport.cs``.
"""

from __future__ import annotations

from twisted.python.failure import Failure
from twisted.web.server import Request
from zope.interface import implementer

from ..signalr.connection import Connection
from ..signalr.endpoint import LONG_POLLING
from ..signalr.interfaces import IReceiver
from ..signalr.protocol.framing import LONG_POLLING_KEEP_ALIVE, LongPollingFraming
from ..signalr.protocol.messages import Envelope
from ..signalr.requests import JSON, Response
from .responses import prepare

__all__ = ["LongPollingReceiver"]


@implementer(IReceiver)
class LongPollingReceiver:
    """
    One poll.

    Args:
        request: the poll; its status and headers leave at once, so that proxies and clients see that it is being
            served.
        framing: makes the body; the same object for all polls of a server, so that they share it.
    """

    transport = LONG_POLLING
    single_use = True
    writable = True

    def __init__(self, request: Request, framing: LongPollingFraming) -> None:
        self.connection: Connection | None = None
        self._request = request
        self._framing = framing
        request.notifyFinish().addErrback(self._gone)
        prepare(request, Response(200, content_type=JSON))
        request.write(b"")

    def _gone(self, reason: Failure) -> None:
        if self.connection is not None:
            self.connection.detach(self)

    def send(self, envelope: Envelope) -> None:
        """See :class:`.IReceiver`."""
        self._request.write(envelope.framed(self._framing))
        self._request.finish()

    def keep_alive(self) -> None:
        """See :class:`.IReceiver`."""
        self._request.write(LONG_POLLING_KEEP_ALIVE)

    def end(self, envelope: Envelope) -> None:
        """See :class:`.IReceiver`."""
        self.send(envelope)

    def abort(self) -> None:
        """See :class:`.IReceiver`."""
        self._request.loseConnection()
