"""
When Python looks for garbage: seldom through everything there is, because all clients would have to wait for that.

A thousand connections are thirty thousand objects, and to look through them takes eight milliseconds. What our
connections leave behind needs no looking for; what an application leaves behind is looked for when memory has grown.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from time import perf_counter

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

__all__ = ["GarbageCollection"]

#: New objects are looked through at every so many of them, and those that are left at every so many times.
_YOUNG, _MIDDLE = 5_000, 5

#: Stands for "never by itself".
_NEVER = 1_000_000_000

_CHECK_SECONDS = 60.0

#: How much memory has to grow until all objects are looked through.
_GROWTH = 1.5


class GarbageCollection(Service):
    """
    Looks for garbage, while it runs, as suits a process with many clients that wait.

    Args:
        clock: the reactor.
        allocated: how many pieces of memory Python has handed out.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, *, allocated: Callable[[], int] = sys.getallocatedblocks) -> None:
        self._clock = clock
        self._allocated = allocated
        self._known = 0
        self._thresholds: tuple[int, ...] = gc.get_threshold()
        self._loop = LoopingCall(self._check)
        self._loop.clock = clock

    def startService(self) -> None:
        """Begin: what is there now is there to stay, and is not looked at any more."""
        super().startService()  # type: ignore[no-untyped-call]
        self._thresholds = gc.get_threshold()
        gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
        # Not now: this takes a while, and until the reactor runs, nobody handles signals.
        self._settling = self._clock.callLater(0, self._settle)

    def stopService(self) -> None:
        """Leave the collector as it was."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._loop.running:
            self._loop.stop()
        else:
            self._settling.cancel()
        gc.set_threshold(*self._thresholds)
        gc.unfreeze()

    def _settle(self) -> None:
        gc.collect()
        gc.freeze()
        self._known = self._allocated()
        self._loop.start(_CHECK_SECONDS, now=False)

    def _check(self) -> None:
        if self._allocated() < self._known * _GROWTH:
            return
        began = perf_counter()
        found = gc.collect()
        self._known = self._allocated()
        self._log.debug(
            "Looked through all objects in {milliseconds} ms: {count} were garbage",
            milliseconds=round((perf_counter() - began) * 1000),
            count=found,
        )
