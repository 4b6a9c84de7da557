"""Tests for `twisted_ticker.garbage`: when all objects are looked through, and that our own need no looking for."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.garbage import GarbageCollection


class Knot:
    """Something that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


class GarbageCollectionTests(SynchronousTestCase):
    """The service that says when garbage is looked for."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.allocated = 1000
        self.before = gc.get_threshold()
        self.service = GarbageCollection(self.clock, allocated=lambda: self.allocated)
        self.service.startService()
        self.clock.advance(0)
        self.addCleanup(self.stop)

    def stop(self) -> None:
        if self.service.running:
            self.service.stopService()

    def old_knot(self) -> Callable[[], object]:
        """A thing that is garbage by now, and was there for so long that nobody looks at it again."""
        knot = Knot()
        gc.collect(1)
        return weakref.ref(knot)

    def test_old_objects_are_let_be(self) -> None:
        """Python itself never looks through all of them, and the service does not while memory does not grow."""
        knot = self.old_knot()
        self.allocated = 1400
        self.clock.pump([30] * 20)
        self.assertIsNotNone(knot())
        self.assertGreater(gc.get_threshold()[2], 1_000_000)

    def test_memory_that_grows(self) -> None:
        """By half, and everything is looked through within a minute; after that, it has to grow by half again."""
        first = self.old_knot()
        self.allocated = 1500
        self.clock.advance(60)
        self.assertIsNone(first())
        second = self.old_knot()
        self.allocated = 2200
        self.clock.advance(60)
        self.assertIsNotNone(second())
        self.allocated = 2300
        self.clock.advance(60)
        self.assertIsNone(second())

    def test_what_is_there_at_the_start_stays(self) -> None:
        """Modules, settings and the like are not looked at any more, until the service stops."""
        self.assertGreater(gc.get_freeze_count(), 1000)
        self.service.stopService()
        self.assertEqual(gc.get_freeze_count(), 0)

    def test_stopping(self) -> None:
        """The collector is as it was."""
        self.assertNotEqual(gc.get_threshold(), self.before)
        self.service.stopService()
        self.assertEqual(gc.get_threshold(), self.before)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopping_at_once(self) -> None:
        """Before the reactor has run, there is nothing to stop but the beginning."""
        service = GarbageCollection(self.clock)
        service.startService()
        service.stopService()
        self.stop()
        self.assertEqual((self.clock.getDelayedCalls(), gc.get_threshold()), ([], self.before))
