"""Tests for `twisted_ticker.signalr.histogram`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.histogram import Histogram


class HistogramTests(SynchronousTestCase):
    """Counts by size."""

    def test_values_at_the_bounds(self) -> None:
        """A value belongs to the least bound that it does not exceed; beyond the last, it is in the whole only."""
        histogram = Histogram([1.0, 2.0])
        self.assertEqual((histogram.cumulative, histogram.total), ([0, 0, 0], 0.0))
        for value in (0.0, 1.0, 1.5, 2.0, 2.5):
            histogram.observe(value)
        self.assertEqual((histogram.cumulative, histogram.total), ([2, 4, 5], 7.0))

    @given(st.sets(st.integers(-5, 5), min_size=1), st.lists(st.integers(-6, 6)))
    def test_counts_are_those_of_the_values(self, bounds: set[int], values: list[int]) -> None:
        """For each bound, as many as do not exceed it."""
        histogram = Histogram(sorted(bounds))
        for value in values:
            histogram.observe(value)
        expected = [sum(value <= bound for value in values) for bound in sorted(bounds)]
        self.assertEqual(histogram.cumulative, [*expected, len(values)])
        self.assertEqual(histogram.total, sum(values))

    def test_bounds_ascend(self) -> None:
        """Others would make nonsense of the counts."""
        for bounds in ([2.0, 1.0], [1.0, 1.0]):
            self.assertRaises(ValueError, Histogram, bounds)
