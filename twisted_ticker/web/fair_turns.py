"""
What clients have sent too much of to be acted on at once: some of it in each turn of the reactor, from each its share.

However much one client sends, and however many do, others wait for no more than a slice of time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

__all__ = ["FairTurns"]

#: How long one turn may be taken up with it, in seconds. What a turn costs besides is a fifth of that.
_SLICE_SECONDS = 0.00025


class FairTurns:
    """
    Calls that are made as soon as it is fair.

    Args:
        clock: the reactor.
        seconds: a clock that runs while a call does.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, seconds: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._seconds = seconds
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_scheduled = False

    def put(self, call: Callable[[], None]) -> None:
        """
        Make a call in a later turn. It should do a small piece of what there is to do, and come back for the rest:
        others that wait are called in between.
        """
        self._waiting.append(call)
        self._schedule()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._clock.callLater(0, self._take_turn)

    def _take_turn(self) -> None:
        end = self._seconds() + _SLICE_SECONDS
        # At least one call is made, even if the time has gone by before.
        while self._waiting:
            self._call(self._waiting.popleft())
            if self._seconds() >= end:
                break
        self._is_scheduled = False
        if self._waiting:
            self._schedule()

    def _call(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:
            self._log.failure("What a client has sent could not be acted on")
