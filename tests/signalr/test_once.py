"""Tests for `twisted_ticker.signalr.once`."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.once import Once


class PlannedFailure(Exception):
    """What fails here, fails with this."""


class Call:
    """An asynchronous call that counts how often it was made, and ends when it is told to."""

    def __init__(self) -> None:
        self.made: list[Deferred[str]] = []

    def __call__(self) -> Deferred[str]:
        self.made.append(Deferred())
        return self.made[-1]


class OnceTests(SynchronousTestCase):
    """Doing something once."""

    def setUp(self) -> None:
        self.once: Once[str] = Once()
        self.call = Call()

    def test_call_is_made_once_while_it_is_under_way(self) -> None:
        """All who ask meanwhile are given the one outcome, in the order in which they asked."""
        order: list[int] = []
        outcomes = [self.once.call(self.call) for _ in range(3)]
        for number, outcome in enumerate(outcomes):
            self.assertNoResult(outcome)
            outcome.addCallback(lambda result, number=number: order.append(number) or result)
        self.call.made[0].callback("done")
        self.assertEqual([self.successResultOf(outcome) for outcome in outcomes], ["done"] * 3)
        self.assertEqual(order, [0, 1, 2])
        self.assertEqual(len(self.call.made), 1)

    def test_outcome_is_remembered(self) -> None:
        """Who asks later is answered at once; another call is not made either."""
        self.assertEqual(self.successResultOf(self.once.call(lambda: succeed("done"))), "done")
        self.assertEqual(self.successResultOf(self.once.call(self.call)), "done")
        self.assertEqual(self.call.made, [])

    def test_nothing_can_be_an_outcome(self) -> None:
        """None is a result like any other."""
        once: Once[None] = Once()
        self.assertIsNone(self.successResultOf(once.call(lambda: succeed(None))))
        self.assertIsNone(self.successResultOf(once.call(lambda: self.fail("called again"))))

    def test_failure_is_told_to_all_who_wait(self) -> None:
        """Each of them fails as the call did."""
        outcomes = [self.once.call(self.call) for _ in range(2)]
        self.call.made[0].errback(PlannedFailure())
        for outcome in outcomes:
            self.failureResultOf(outcome, PlannedFailure)

    def test_failed_call_may_be_tried_again(self) -> None:
        """A failure is not remembered."""
        first = self.once.call(self.call)
        self.call.made[0].errback(PlannedFailure())
        self.failureResultOf(first, PlannedFailure)
        second = self.once.call(self.call)
        self.assertNoResult(second)
        self.call.made[1].callback("done")
        self.assertEqual(self.successResultOf(second), "done")

    def test_who_asks_again_when_told_is_answered(self) -> None:
        """A call made from within an outcome finds it done, or a new try begun."""
        again: list[Deferred[str]] = []
        first = self.once.call(self.call)
        first.addErrback(lambda failure: again.append(self.once.call(self.call)))
        self.call.made[0].errback(PlannedFailure())
        again[0].addCallback(lambda result: again.append(self.once.call(self.call)))
        self.call.made[1].callback("done")
        self.assertEqual(self.successResultOf(again[1]), "done")
        self.assertEqual(len(self.call.made), 2)
