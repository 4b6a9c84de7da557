"""
Stopping: telling the server goodbye, and waiting until nothing is left of a connection, for a few seconds at most.

Source: SignalR 2.4, ``jquery.signalR.transports.common.js`` (``ajaxAbort``),
``Client/Transports/TransportAbortHandler.cs``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from .errors import text_of
from .line import Line

__all__ = ["Farewell"]

#: How long a goodbye may take, in seconds, until the connection is just dropped.
_STOP_SECONDS = 5.0


class Farewell:
    """
    Ends a connection: first :meth:`say`, then :meth:`wait`.

    Args:
        line: what is ended.
    """

    _log = Logger()

    def __init__(self, line: Line) -> None:
        self._line = line
        self._goodbye: Deferred[Any] | None = None
        self._timer: IDelayedCall | None = None
        self._gone: Callable[[], None] | None = None

    def say(self, *, goodbye: bool) -> None:
        """
        Begin to end.

        Args:
            goodbye: whether to tell the server, if it knows the connection at all.
        """
        line = self._line
        self._timer = line.clock.callLater(_STOP_SECONDS, self._hurry)
        if goodbye and line.addresses.connection_token and line.transport:
            self._goodbye = request = line.network.fetch(line.addresses.command("abort", line.transport), {})
            request.addCallbacks(self._said, self._failed)
            # The server ends the channel, and we wait for that.
            line.finish()
        else:
            line.close()

    def wait(self, gone: Callable[[], None]) -> None:
        """Have *gone* called, perhaps at once, when nothing is left: no socket, no timer."""
        self._gone = gone
        self.look()

    def look(self) -> None:
        """See whether there is anything left; to be called when a channel has ended."""
        gone = self._gone
        if gone is None or self._line.has_channels or self._goodbye is not None:
            return
        self._gone = None
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._line.network.close().addBoth(lambda _: gone())

    def _said(self, _: bytes) -> None:
        self._goodbye = None
        self.look()

    def _failed(self, failure: Failure) -> None:
        self._goodbye = None
        self._log.info("The server could not be told goodbye: {why}", why=text_of(failure.value))
        self._line.close()
        self.look()

    def _hurry(self) -> None:
        if self._goodbye is not None:
            self._goodbye.cancel()
        self._line.close()
