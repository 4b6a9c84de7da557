"""
"At the end of this reactor turn": what is published together leaves together, and in order.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

__all__ = ["TurnCall", "TurnQueue"]


class TurnCall(Protocol):
    """
    Something to be done at the end of a reactor turn.

    It may return another such call: then it is not over, and is continued with that one in the next turn.
    """

    def __call__(self) -> TurnCall | None: ...


class TurnQueue:
    """
    A queue of calls for the end of the turn, first in, first out, behind one delayed call.

    Reactors do not promise the order of calls that are due at the same time, and a message must not be overtaken by
    the result of the call that sent it. So a call that is not over keeps those behind it waiting.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._calls: deque[TurnCall] = deque()
        self._scheduled = False

    def call_soon(self, call: TurnCall) -> None:
        """Call *call* when the reactor has done what it is at; a failure of one call does not stop the others."""
        self._calls.append(call)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._clock.callLater(0, self._run)

    def _run(self) -> None:
        # Calls queued meanwhile wait for the next turn: two that queue each other must not starve the reactor.
        self._scheduled = False
        for _ in range(len(self._calls)):
            continuation = self._call(self._calls.popleft())
            if continuation is not None:
                self._calls.appendleft(continuation)
                break
        if self._calls:
            self._schedule()

    def _call(self, call: TurnCall) -> TurnCall | None:
        try:
            return call()
        except Exception:
            self._log.failure("A call at the end of a reactor turn failed: {call!r}", call=call)
            return None
