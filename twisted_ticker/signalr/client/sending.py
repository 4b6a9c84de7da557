"""
Sending texts to the server: on the channel where that carries both ways, else each by a request of its own.

Source: SignalR 2.4, ``jquery.signalR.transports.common.js`` (``ajaxSend``),
``Client/Transports/HttpBasedTransport.cs``.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.python.failure import Failure

from .errors import ClientError, ConnectionLost, NotConnected, text_of
from .line import Line

__all__ = ["Outbox"]


class Outbox:
    """
    Sends texts, and knows which are still on their way.

    Args:
        line: where they are sent.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._sending: set[Deferred[Any]] = set()
        #: Why requests are being cancelled, while they are.
        self._reason: ClientError | None = None

    def send(self, text: str) -> Deferred[bytes | None]:
        """
        Send a text; the connection must be in a state to do so.

        Returns:
            The answer's body, or ``None`` where the answer comes on the channel. It fails with
            :class:`.NotConnected`, :class:`.HttpStatusError` or :class:`.ConnectionLost`, or with what
            :meth:`cancel` was called with.
        """
        line = self._line
        if line.is_duplex:
            if line.channel is None:
                return fail(NotConnected("The connection is reconnecting."))
            line.channel.send(text)
            return succeed(None)
        sent: Deferred[Any] = line.network.fetch(line.addresses.command("send", line.transport), {"data": text})
        self._sending.add(sent)
        sent.addErrback(self._as_client_error)
        return sent.addBoth(self._was_sent, sent)

    def cancel(self, reason: ClientError) -> None:
        """Give up all requests that have not been answered; they fail with *reason*."""
        self._reason = reason
        for sent in list(self._sending):
            sent.cancel()
        self._reason = None

    def _was_sent(self, outcome: Any, sent: Deferred[Any]) -> Any:
        self._sending.discard(sent)
        return outcome

    def _as_client_error(self, failure: Failure) -> Failure:
        """A failure that is one of ours."""
        if self._reason is not None:
            return Failure(self._reason)
        if failure.check(ClientError, CancelledError):
            return failure
        error = ConnectionLost(f"The server could not be reached: {text_of(failure.value)}")
        error.__cause__ = failure.value
        return Failure(error)
