"""
Turns of a reactor: what is to be done as soon as possible is done in the next one, not at once as simulated clocks do.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

__all__ = ["TURN_SECONDS", "TurnByTurn"]

TURN_SECONDS = 0.01


class TurnByTurn:
    """
    A clock of which each turn takes a little time.

    Args:
        clock: the simulated one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def callLater(self, delay: float, *call: Any) -> Any:
        return self._clock.callLater(delay or TURN_SECONDS, *call)

    def seconds(self) -> float:
        return self._clock.seconds()

    def turn(self) -> None:
        """Let a turn go by."""
        self._clock.advance(TURN_SECONDS)
