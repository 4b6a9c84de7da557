"""
"At the end of this reactor turn": what is published together leaves together, and in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

__all__ = ["TurnQueue"]


class TurnQueue:
    """
    A queue of calls for the end of the turn, first in, first out, behind one delayed call.

    Reactors do not promise the order of calls that are due at the same time, and a message must not be overtaken by
    the result of the call that sent it.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._calls: deque[Callable[[], None]] = deque()
        self._scheduled = False

    def call_soon(self, call: Callable[[], None]) -> None:
        """Call *call* when the reactor has done what it is at; a failure of one call does not stop the others."""
        self._calls.append(call)
        if not self._scheduled:
            self._scheduled = True
            self._clock.callLater(0, self._run)

    def _run(self) -> None:
        # Calls queued meanwhile wait for the next turn: two that queue each other must not starve the reactor.
        self._scheduled = False
        calls, self._calls = self._calls, deque()
        for call in calls:
            try:
                call()
            except Exception:
                self._log.failure("A call at the end of a reactor turn failed: {call!r}", call=call)
