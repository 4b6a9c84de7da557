"""
The end of logins on connections that stay open: a WebSocket is asked for its cookie once, and may live for days.
"""

from __future__ import annotations

from twisted.application.internet import TimerService
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..signalr import SignalRServer
from ..signalr.connection import Connection

__all__ = ["LoginExpiry"]

#: How often connections are looked at, in seconds.
_INTERVAL = 30.0


class LoginExpiry(TimerService):
    """
    Ends the streams of those whose login is over. Such a client is refused when it comes back, and starts anew as
    nobody.

    Args:
        server: whose connections are looked at.
        clock: the time.
    """

    _log = Logger()

    def __init__(self, server: SignalRServer, clock: IReactorTime) -> None:
        super().__init__(_INTERVAL, self._end_streams)  # type: ignore[no-untyped-call]
        self.clock = clock
        self._server = server

    def _end_streams(self) -> None:
        for connection in list(self._server.connections.values()):
            try:
                self._end_stream(connection)
            except Exception:
                # What escapes from here ends the timer for good.
                self._log.failure("The stream of connection {id} could not be ended", id=connection.connection_id)

    def _end_stream(self, connection: Connection) -> None:
        user = connection.call.user
        if user is None or connection.receiver is None:
            return
        if self._server.user_of(connection.call.request) != user:
            self._log.info("The login of {name!r} is over", name=user.name)
            connection.end_receiver()
