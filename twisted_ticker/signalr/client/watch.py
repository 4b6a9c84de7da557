"""
Keeping an eye on the server's signs of life.

Source: SignalR 2.4, ``jquery.signalR.transports.common.js`` (``checkIfAlive``), ``Client/HeartBeatMonitor.cs``.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["KeepAliveWatch"]

_CHECKS = 9
_SLOW = 2 / 3


class KeepAliveWatch:
    """
    Notices silence.

    Args:
        clock: the time.
        timeout: how long a silence may last, in seconds; ``None`` if the server may be silent for ever.
        is_due: whether signs of life are to be expected at all; asked at each check.
        slow: called when two thirds of the time have passed in silence, once for each silence.
        lost: called when all of it has; nothing is watched any more then.
    """

    def __init__(
        self,
        clock: IReactorTime,
        timeout: float | None,
        *,
        is_due: Callable[[], bool],
        slow: Callable[[], None],
        lost: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._timeout = timeout
        self._is_due = is_due
        self._slow = slow
        self._lost = lost
        self._heard_at = 0.0
        self._is_slow = False
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Watch from now on."""
        self.stop()
        self.heard()
        if self._timeout:
            self._call = self._clock.callLater(self._timeout / _CHECKS, self._check, self._timeout)

    def heard(self) -> None:
        """There was a sign of life."""
        self._heard_at = self._clock.seconds()
        self._is_slow = False

    def stop(self) -> None:
        """Watch no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _check(self, timeout: float) -> None:
        self._call = self._clock.callLater(timeout / _CHECKS, self._check, timeout)
        if not self._is_due():
            self.heard()
            return
        silence = self._clock.seconds() - self._heard_at
        if silence >= timeout:
            self.stop()
            self._lost()
        elif silence >= timeout * _SLOW and not self._is_slow:
            self._is_slow = True
            self._slow()
