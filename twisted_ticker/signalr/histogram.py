"""
How long something took, many times over: counts by size, which cost next to nothing to keep.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

__all__ = ["Histogram"]


class Histogram:
    """
    Counts of observed values, by the least of some bounds that they do not exceed.

    Args:
        bounds: the bounds, in ascending order; what exceeds the last of them is counted too.

    Attributes:
        total: the sum of all observed values.

    Raises:
        ValueError: the bounds do not ascend.
    """

    __slots__ = ("_counts", "bounds", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        if any(lower >= upper for lower, upper in zip(self.bounds, self.bounds[1:], strict=False)):
            raise ValueError(f"The bounds must ascend: {self.bounds}")
        self.total = 0.0
        self._counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def cumulative(self) -> list[int]:
        """For each bound, how many values do not exceed it; behind them, how many there are in all."""
        return list(accumulate(self._counts))
