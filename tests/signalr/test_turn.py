"""Tests for `twisted_ticker.signalr.turn`."""

from __future__ import annotations

from functools import partial

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.turn import TurnCall, TurnQueue


class PlannedFailure(Exception):
    """What fails here, fails with this."""


def fail() -> None:
    raise PlannedFailure


class TurnQueueTests(SynchronousTestCase):
    """What happens at the end of a turn."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.turn = TurnQueue(self.clock)
        self.calls: list[str] = []

    def queue(self, name: str) -> None:
        """Queue a call that takes note of its name."""
        self.turn.call_soon(lambda: self.calls.append(name))

    def test_calls_wait_for_the_end_of_the_turn(self) -> None:
        """Nothing is called at once, and everything in order."""
        for name in "abc":
            self.queue(name)
        self.assertEqual(self.calls, [])
        self.clock.advance(0)
        self.assertEqual(self.calls, ["a", "b", "c"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_all_calls_share_one_delayed_call(self) -> None:
        """However many calls a turn queues, the reactor sees one."""
        for name in "abc":
            self.queue(name)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_each_call_is_made_once(self) -> None:
        """The next turn begins with an empty queue."""
        self.queue("a")
        self.clock.advance(0)
        self.queue("b")
        self.clock.advance(0)
        self.clock.advance(0)
        self.assertEqual(self.calls, ["a", "b"])

    def test_calls_queued_by_a_call_wait_for_the_next_turn(self) -> None:
        """Two that queue each other do not keep the reactor from its work."""
        self.turn.call_soon(lambda: self.queue("nested"))
        self.queue("a")
        self.clock.callLater(0, self.calls.append, "the reactor's work")
        self.clock.advance(0)
        self.assertEqual(self.calls, ["a", "the reactor's work", "nested"])

    def test_failing_call_is_logged_and_does_not_stop_the_others(self) -> None:
        """What was queued behind it is called in the same turn."""
        self.turn.call_soon(fail)
        self.queue("a")
        self.clock.advance(0)
        self.assertEqual(len(self.flushLoggedErrors(PlannedFailure)), 1)
        self.assertEqual(self.calls, ["a"])

    def test_a_call_that_is_not_over_goes_on_in_the_next_turn(self) -> None:
        """Those behind it wait, as their order is the point of the queue; the reactor gets its turn meanwhile."""

        def slices(*names: str) -> TurnCall | None:
            self.calls.append(names[0])
            return partial(slices, *names[1:]) if names[1:] else None

        self.queue("before")
        self.turn.call_soon(partial(slices, "1", "2", "3"))
        self.queue("after")
        self.clock.callLater(0, self.calls.append, "reactor")
        self.clock.advance(0)
        self.assertEqual(self.calls, ["before", "1", "reactor", "2", "3", "after"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_slice_that_fails_ends_its_call_only(self) -> None:
        """What is behind it is called."""
        self.turn.call_soon(lambda: fail)  # type: ignore[arg-type, return-value]
        self.queue("after")
        self.clock.advance(0)
        self.assertEqual(self.calls, ["after"])
        self.assertEqual(len(self.flushLoggedErrors(PlannedFailure)), 1)
