"""Tests for `benchmarks.processes`, as far as they run nothing."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.processes import Usage, busy_seconds, cores, others_share

STAT = """\
cpu  111 111 111 111 0 0 0 0 0 0
cpu0 {0} {1} {2} 999 999 999 999 0 0 0
cpu1 {3} 0 0 999 999 999 999 0 0 0
cpu10 {3} 0 0 999 999 999 999 0 0 0
intr 5 6 7
"""


class BusySecondsTests(SynchronousTestCase):
    """Tests for `busy_seconds`."""

    def test_cores(self) -> None:
        """What programs used on the cores that are asked for; waiting and interrupts are not theirs."""
        second = os.sysconf("SC_CLK_TCK")
        stat = STAT.format(second, 2 * second, 4 * second, 8 * second)
        for wanted, expected in (({0}, 7), ({1}, 8), ({0, 1}, 15), ({2}, 0)):
            self.assertEqual(busy_seconds(stat, wanted), expected, wanted)


class OthersShareTests(SynchronousTestCase):
    """Tests for `others_share`."""

    def share(self, busy: float, own: float) -> float:
        """That of ten seconds on two cores, on which all programs and ours used so much."""
        return others_share(Usage(100, 1000, 50), Usage(110, 1000 + busy, 50 + own), {0, 1})

    def test_nobody_else(self) -> None:
        """What our own processes use, is no other's."""
        self.assertEqual(self.share(12, 12), 0)

    def test_others(self) -> None:
        """What remains is others', as a fraction of the time of all cores."""
        self.assertEqual(self.share(16, 12), 0.2)

    def test_rounding(self) -> None:
        """Where the kernel counts less for the cores than for processes, nothing is left for others."""
        self.assertEqual(self.share(8, 8.5), 0)


class CoresTests(SynchronousTestCase):
    """Tests for `cores`."""

    def test_cores(self) -> None:
        """Servers and load have a core each, or the only one."""
        for usable, expected in (({0, 1, 2}, (0, 2)), ({3}, (3, 3))):
            self.patch(os, "sched_getaffinity", lambda process, usable=usable: usable)
            self.assertEqual(cores(), expected)
