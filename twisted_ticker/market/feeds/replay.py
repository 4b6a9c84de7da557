"""
The feed that plays a recording.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from ..stock import Stock
from .recording import Recording

__all__ = ["ReplayFeed"]


class ReplayFeed:
    """
    Plays a recording, beginning with its first trade; a `Feed`. At its end it stays there.

    Its time is that of the steps: while the market is closed, it waits.

    Args:
        recording: what is played.
        speed: how many of its seconds pass in one of ours.
        ended: called when the last trade was played.
    """

    is_stale = False

    def __init__(self, recording: Recording, *, speed: float = 1.0, ended: Callable[[], None] = lambda: None) -> None:
        self._recording = recording
        self._speed = speed
        self._ended = ended
        self.restart()

    def restart(self) -> None:
        """See `Feed`; the recording is wound back."""
        self._seconds = 0.0
        self._next = 0

    def trades(self, stocks: Sequence[Stock], elapsed_seconds: float) -> list[tuple[str, Decimal]]:
        """See `Feed`."""
        first, end = self._next, len(self._recording)
        if first == end:
            return []
        self._seconds += elapsed_seconds * self._speed
        while self._next < end and self._recording.seconds(self._next) <= self._seconds:
            self._next += 1
        if self._next == end:
            self._ended()
        return [self._recording[index] for index in range(first, self._next)]
