"""
How often one client may call: calls that come too soon wait, in order, until it is their time.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

__all__ = ["CallRate"]

#: How many seconds' worth of calls may come at once.
_BURST_SECONDS = 1.0

#: So many clients are remembered before those are forgotten that might call again at once.
_MANY = 1024


class CallRate:
    """
    A rate for each client.

    Args:
        clock: the reactor.
        per_second: how many calls; ``None`` for any number.
    """

    def __init__(self, clock: IReactorTime, per_second: float | None) -> None:
        self._clock = clock
        self._interval = 0.0 if per_second is None else 1 / per_second
        # For each client, when it would have made its calls at this rate.
        self._used_until: dict[str, float] = {}
        self._many = _MANY

    def turn(self, connection_id: str) -> Deferred[None] | None:
        """The turn of a call of a client; ``None`` if that is now."""
        if not self._interval:
            return None
        now = self._clock.seconds()
        until = max(self._used_until.get(connection_id, now), now) + self._interval
        self._used_until[connection_id] = until
        if len(self._used_until) > self._many:
            self._forget(now)
        # One call is always free, however low the rate is.
        wait = until - now - max(_BURST_SECONDS, self._interval)
        return deferLater(self._clock, wait, lambda: None) if wait > 0 else None

    def _forget(self, now: float) -> None:
        self._used_until = {client: until for client, until in self._used_until.items() if until > now}
        self._many = max(_MANY, 2 * len(self._used_until))
