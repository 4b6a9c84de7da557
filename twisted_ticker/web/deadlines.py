"""
How long clients may take: for a request's head and body, between two requests, and to read what they have asked for.

Each time runs from when it began, however many bytes come meanwhile, so that a byte now and then keeps nothing open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

__all__ = ["BODY_SECONDS", "HEAD_SECONDS", "IDLE_SECONDS", "PARTING_SECONDS", "UNREAD_SECONDS", "Deadlines"]

#: From the connection, or a request's first byte, to the end of its headers; the handshake of TLS is in it.
HEAD_SECONDS = 20.0

#: From the end of the headers to that of the body; slow links bring the longest one within that.
BODY_SECONDS = 60.0

#: Between two requests. Proxies that share connections have to give them up before.
IDLE_SECONDS = 45.0

#: How long nothing of a response may be read. Those of streams have a time of their own.
UNREAD_SECONDS = 60.0

#: How long a client whose request is refused may take to read why.
PARTING_SECONDS = 5.0

#: How many are told in one turn of the reactor that they are late.
_LATE_A_TURN = 10

#: Who is late is told so at most this many seconds later; there is no more than one look at the clock within it.
_LEAST_WAIT = 0.5

Client = TypeVar("Client")


class Deadlines(Generic[Client]):
    """
    A time that runs for many clients, with one timer for all of them.

    Args:
        clock: the reactor.
        seconds: how long it is.
        late: called with each client whose time is over.

    Attributes:
        seconds: how long it is.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, seconds: float, late: Callable[[Client], None]) -> None:
        self._clock = clock
        self.seconds = seconds
        self._late = late
        # When each one's time is over: since it is as long for all, the first that began is the first that ends.
        self._ends: dict[Client, float] = {}
        self._timer: IDelayedCall | None = None

    def begin(self, client: Client) -> None:
        """The time of a client begins; of whom it is running already, it goes on."""
        ends = self._ends
        if client not in ends:
            ends[client] = self._clock.seconds() + self.seconds
            if self._timer is None:
                self._timer = self._clock.callLater(self.seconds, self._look)

    def end(self, client: Client) -> None:
        """A client is in time; nothing happens if its time is not running."""
        self._ends.pop(client, None)

    def longest(self, seconds: float) -> Client | None:
        """Whose time has run for longest, and at least for some *seconds*."""
        for client, end in self._ends.items():
            return client if self._clock.seconds() - (end - self.seconds) >= seconds else None
        return None

    def stop(self) -> None:
        """Forget all of them, and the timer."""
        self._ends.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        late: list[Client] = []
        wait: float | None = None
        for client, end in self._ends.items():
            if end > now:
                wait = max(end - now, _LEAST_WAIT)
                break
            if len(late) == _LATE_A_TURN:
                wait = 0
                break
            late.append(client)
        if wait is not None:
            self._timer = self._clock.callLater(wait, self._look)
        for client in late:
            # One that is late may take others with it.
            if self._ends.pop(client, None) is not None:
                self._tell(client)

    def _tell(self, client: Client) -> None:
        try:
            self._late(client)
        except Exception:
            self._log.failure("A client that is late could not be told so")
