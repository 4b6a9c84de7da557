"""
Reconnecting: trying to go on where a lost connection was, for as long as the server keeps it.

Source: SignalR 2.4, ``jquery.signalR.transports.common.js`` (``reconnect``), ``Client/Connection.cs``.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from .addresses import LONG_POLLING
from .channels import ReceiveChannel
from .errors import ConnectionLost, text_of
from .line import Line

__all__ = ["Reconnection"]


class Reconnection:
    """
    Opens a channel again and again, until it is told that one is served, or time is over.

    Args:
        line: what is lost; its cursor goes with each attempt.
        retry_seconds: how long to wait before each attempt; as long as the lost channel says when ``None``.
        give_up: called when the server has forgotten the connection by now.
    """

    _log = Logger()

    def __init__(self, line: Line, retry_seconds: float | None, *, give_up: Callable[[ConnectionLost], None]) -> None:
        self._line = line
        self._retry_seconds = retry_seconds
        self._give_up = give_up
        #: When to give up; while there is one, the connection is lost.
        self._deadline: IDelayedCall | None = None
        #: The next attempt, or the end of the present one.
        self._timer: IDelayedCall | None = None

    def lost(self, channel: ReceiveChannel, failure: Failure) -> None:
        """A channel is lost, the one that worked or one of those that were to replace it: try again."""
        self._log.info("Transport {transport} is lost: {why}", transport=channel.transport, why=text_of(failure.value))
        if self._deadline is None:
            self._deadline = self._line.clock.callLater(self._line.negotiated.disconnect_timeout, self._expired)
        seconds = channel.retry_seconds if self._retry_seconds is None else self._retry_seconds
        self._set_timer(seconds, self._attempt)

    def end(self) -> None:
        """Try no more: the line is served, or not wanted any more."""
        self._cancel_timer()
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _attempt(self) -> None:
        channel = self._line.open("reconnect")
        # A poll is opened by a timer of its own, and an attempt that failed at once has been dealt with.
        is_open = channel is self._line.channel and self._deadline is not None
        if is_open and channel.transport != LONG_POLLING:
            seconds = self._line.negotiated.transport_connect_timeout
            self._set_timer(seconds, self._line.drop, f"The transport was not open within {seconds} seconds.")

    def _expired(self) -> None:
        self._deadline = None
        seconds = self._line.negotiated.disconnect_timeout
        self._give_up(ConnectionLost(f"The connection could not be restored in {seconds} seconds."))

    def _set_timer(self, seconds: float, function: Callable[..., None], *arguments: str) -> None:
        self._cancel_timer()
        self._timer = self._line.clock.callLater(seconds, function, *arguments)

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
