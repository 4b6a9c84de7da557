"""Tests for `twisted_ticker.signalr.client.watch`."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.client.watch import KeepAliveWatch


class KeepAliveWatchTests(SynchronousTestCase):
    """Silence of a server whose signs of life are due within nine seconds."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[str] = []
        self.is_due = True

    def watch(self, timeout: float | None = 9.0) -> KeepAliveWatch:
        watch = KeepAliveWatch(
            self.clock,
            timeout,
            is_due=lambda: self.is_due,
            slow=lambda: self.told.append(f"slow {self.clock.seconds():.0f}"),
            lost=lambda: self.told.append(f"lost {self.clock.seconds():.0f}"),
        )
        watch.start()
        return watch

    def test_silence(self) -> None:
        """It is noticed after two thirds of the time, once, and after all of it, and then no more."""
        self.watch()
        self.clock.pump([1] * 20)
        self.assertEqual(self.told, ["slow 6", "lost 9"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_signs_of_life(self) -> None:
        """They begin the silence anew."""
        watch = self.watch()
        self.clock.pump([1] * 7)
        watch.heard()
        self.clock.pump([1] * 5)
        watch.heard()
        self.clock.pump([1] * 7)
        self.assertEqual(self.told, ["slow 6", "slow 18"])
        watch.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_sleep(self) -> None:
        """Who has slept over all of it is told so at once."""
        self.watch()
        self.clock.advance(1000)
        self.assertEqual(self.told, ["lost 1000"])

    def test_nothing_due(self) -> None:
        """Where no signs of life are due, none is missed."""
        self.is_due = False
        watch = self.watch()
        self.clock.pump([1] * 20)
        self.is_due = True
        self.clock.pump([1] * 5)
        self.assertEqual(self.told, [])
        watch.stop()
        self.watch(None)
        self.watch(0.0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
