"""
The one timer that watches all connections: signs of life, polls that have waited long enough, clients that are gone.

A beat takes as many of the reactor's turns as it needs, and leaves it time for other things in between.

Source: SignalR 2.4, ``Transports/TransportHeartBeat.cs``; periods as recorded from the genuine server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import monotonic

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Cooperator, LoopingCall
from twisted.logger import Logger

from .connection import Connection, ConnectionState
from .counters import Counters
from .protocol.transports import LONG_POLLING
from .settings import Settings

__all__ = ["Heartbeat"]

#: How long a beat may keep the reactor from other things.
_SLICE_SECONDS = 0.004


def _slice_over() -> Callable[[], bool]:
    end = monotonic() + _SLICE_SECONDS
    return lambda: monotonic() >= end


class Heartbeat:
    """
    Looks after every connection at every beat.

    Args:
        connections: all there are at the moment.
        settings: the periods.
        clock: the time.
        disconnect: ends a connection that has been away for too long.
        collect: drops what has become too old, step by step.
        counters: where stalled clients are counted.
    """

    _log = Logger()

    def __init__(
        self,
        connections: Callable[[], Iterable[Connection]],
        settings: Settings,
        *,
        clock: IReactorTime,
        disconnect: Callable[[str], None],
        collect: Callable[[], Iterator[None]],
        counters: Counters,
    ) -> None:
        self._connections = connections
        self._settings = settings
        self._clock = clock
        self._disconnect = disconnect
        self._collect = collect
        self._counters = counters
        self._beats = 0
        # The next beat waits for the end of the one before.
        self._loop = LoopingCall(self._beat)
        self._loop.clock = clock
        self._cooperator = Cooperator(_slice_over, lambda call: clock.callLater(0, call))

    def start(self) -> None:
        """Begin to beat, one period from now."""
        self._loop.start(self._settings.heartbeat_interval, now=False)

    def stop(self) -> None:
        """Beat no more."""
        if self._loop.running:
            self._loop.stop()

    def _beat(self) -> Deferred[Iterator[None]]:
        self._beats += 1
        return self._cooperator.coiterate(self._steps())

    def _steps(self) -> Iterator[None]:
        now = self._clock.seconds()
        # Everybody is sent a sign of life at the same beat, however old the connection and whatever was just sent.
        keep_alive = self._settings.keep_alive is not None and self._beats % 2 == 0
        for connection in list(self._connections()):
            if not self._loop.running:
                return
            try:
                self._look_after(connection, now, keep_alive=keep_alive)
            except Exception:
                # An exception would stop the loop for good, and with it every connection's clock.
                self._log.failure("Looking after connection {id} failed", id=connection.connection_id)
            yield
        yield from self._collect()

    def _look_after(self, connection: Connection, now: float, *, keep_alive: bool) -> None:
        receiver = connection.receiver
        if connection.state is ConnectionState.CLOSED:
            return  # Since the beat began.
        if receiver is None:
            if now - connection.last_seen >= self._absence_allowed(connection):
                self._disconnect(connection.connection_id)
        elif self._stalled(connection, now):
            self._counters.stalled_receivers += 1
            self._log.warn(
                "Connection {id} has read nothing for {seconds} seconds and is dropped",
                id=connection.connection_id,
                seconds=self._settings.disconnect_timeout,
            )
            connection.abort_receiver()
        elif self._timed_out(connection, now):
            connection.end_receiver()
        elif keep_alive:
            receiver.keep_alive()

    def _absence_allowed(self, connection: Connection) -> float:
        poller = connection.call.transport == LONG_POLLING
        threshold = self._settings.long_poll_delay if poller else self._settings.stream_disconnect_threshold
        return threshold + self._settings.disconnect_timeout

    def _stalled(self, connection: Connection, now: float) -> bool:
        paused_since = connection.paused_since
        return paused_since is not None and now - paused_since >= self._settings.disconnect_timeout

    def _timed_out(self, connection: Connection, now: float) -> bool:
        ends = connection.call.transport == LONG_POLLING or self._settings.keep_alive is None
        return ends and now - connection.attached_since >= self._settings.connection_timeout
