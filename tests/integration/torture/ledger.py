"""
What one client hears of numbers that are counted out to it, and what is wrong with that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Ledger"]


class Ledger:
    """
    Whether all numbers came that were meant for a listener, each once and in order.

    Args:
        is_meant: says whether a number is meant for the listener.
        window: how many of the latest numbers a server keeps for those who come back. A loss is announced with the
            number that was the latest one then; it explains what was skipped just before the kept ones, not what was
            skipped long ago.

    Attributes:
        last: the greatest number heard; the first is 1.
        heard: how many were heard.
        doubled: how many were heard again.
        disordered: how many came after greater ones.
        announcements: how often the listener was told that it has missed something.
    """

    __slots__ = (
        "_excused",
        "_expected",
        "_is_meant",
        "_jumps",
        "_skipped",
        "_window",
        "announcements",
        "disordered",
        "doubled",
        "heard",
        "last",
    )

    def __init__(self, is_meant: Callable[[int], bool], *, window: int) -> None:
        self._is_meant = is_meant
        self._window = window
        self.begin_anew()

    def begin_anew(self) -> None:
        """Somebody else counts from now on."""
        self.last = self.heard = self.doubled = self.disordered = self.announcements = 0
        self._skipped: set[int] = set()
        # Skipped numbers that nobody has said anything about, by the number that was heard instead of them.
        self._jumps: dict[int, list[int]] = {}
        self._excused = 0
        self._expected = self._after(0)

    def _after(self, number: int) -> int:
        number += 1
        while not self._is_meant(number):
            number += 1
        return number

    def hear(self, number: int) -> None:
        """A number has come."""
        if number != self._expected:
            self._surprise(number)
            if number <= self.last:
                return
        self.heard += 1
        self.last = number
        self._expected = self._after(number)

    def _surprise(self, number: int) -> None:
        if number > self._expected:
            skipped = [each for each in range(self._expected, number) if self._is_meant(each)]
            self._skipped.update(skipped)
            if skipped and skipped[-1] > self._excused:
                self._jumps[number] = skipped
        elif number in self._skipped:
            self._skipped.remove(number)
            self.disordered += 1
        else:
            self.doubled += 1

    def excuse(self, latest: int) -> None:
        """
        The server has said that something was missed.

        Args:
            latest: the latest number at that time.
        """
        self.announcements += 1
        self._excused = max(self._excused, latest)
        for number, skipped in list(self._jumps.items()):
            if skipped[-1] <= latest <= number + self._window:
                del self._jumps[number]

    @property
    def skipped(self) -> int:
        """How many numbers never came, but for those at the end."""
        return len(self._skipped)

    @property
    def silent(self) -> int:
        """How many of these nobody has said anything about."""
        return sum(len(self._skipped.intersection(skipped)) for skipped in self._jumps.values())

    def is_behind(self, latest: int) -> bool:
        """Whether something is still to come, if *latest* was the latest number."""
        return self._expected <= latest

    def summary(self) -> dict[str, Any]:
        """The figures, to be added to those of others."""
        return {
            "heard": self.heard,
            "doubled": self.doubled,
            "disordered": self.disordered,
            "skipped": self.skipped,
            "silent": self.silent,
            "announcements": self.announcements,
        }
