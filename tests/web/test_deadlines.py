"""Tests for `twisted_ticker.web.deadlines`: one timer, however many clients."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.web.turns import TurnByTurn
from twisted_ticker.web.deadlines import Deadlines


class DeadlinesTests(SynchronousTestCase):
    """Who is late, and when he is told so."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.late: list[str] = []
        self.deadlines: Deadlines[str] = Deadlines(self.clock, 10, self.late.append)

    def test_who_is_late(self) -> None:
        """Each one's time is his own; it runs on, whatever is said again."""
        self.deadlines.begin("ann")
        self.clock.advance(4)
        self.deadlines.begin("bob")
        self.deadlines.begin("ann")
        self.clock.advance(5.9)
        self.assertEqual(self.late, [])
        self.clock.advance(0.1)
        self.assertEqual(self.late, ["ann"])
        self.clock.advance(4)
        self.assertEqual(self.late, ["ann", "bob"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_who_is_in_time(self) -> None:
        """Nothing happens to him; later, he may begin again."""
        self.deadlines.begin("ann")
        self.deadlines.end("ann")
        self.deadlines.end("bob")
        self.clock.advance(9)
        self.deadlines.begin("ann")
        self.clock.advance(9)
        self.assertEqual(self.late, [])
        self.clock.advance(1)
        self.assertEqual(self.late, ["ann"])

    def test_one_timer(self) -> None:
        """There is one for all, none for nobody, and it looks at the clock no more than twice a second."""
        looks = 0
        for number in range(1000):
            self.deadlines.begin(f"{number}")
            self.clock.advance(0.001)
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        while self.clock.getDelayedCalls():
            self.clock.advance(max(0, self.clock.getDelayedCalls()[0].getTime() - self.clock.seconds()))
            looks += 1
        self.assertEqual(len(self.late), 1000)
        self.assertLess(self.clock.seconds(), 12.1)
        # Those that are late at the same time are told in several turns.
        self.assertLess(looks, 1000 // 10 + 10)

    def test_many_at_once(self) -> None:
        """They do not keep the reactor from other things."""
        reactor = TurnByTurn(self.clock)
        deadlines: Deadlines[str] = Deadlines(reactor, 10, self.late.append)  # type: ignore[arg-type]
        for number in range(500):
            deadlines.begin(f"{number}")
        self.clock.advance(9.99)
        told: list[int] = []
        while self.clock.getDelayedCalls():
            reactor.turn()
            told.append(len(self.late) - sum(told))
        self.assertLess(max(told), 20)
        self.assertEqual(self.late, [f"{number}" for number in range(500)])

    def test_one_that_takes_another_along(self) -> None:
        """Who has been forgotten meanwhile is not told."""
        deadlines: Deadlines[str] = Deadlines(self.clock, 10, lambda client: deadlines.end("bob"))
        self.patch(self, "deadlines", deadlines)
        deadlines.begin("ann")
        deadlines.begin("bob")
        self.clock.advance(10)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_failure(self) -> None:
        """It is logged, and the others are told."""

        def fail(client: str) -> None:
            self.late.append(client)
            raise RuntimeError(client)

        deadlines: Deadlines[str] = Deadlines(self.clock, 10, fail)
        deadlines.begin("ann")
        deadlines.begin("bob")
        self.clock.advance(10)
        self.assertEqual(self.late, ["ann", "bob"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_who_has_waited_for_longest(self) -> None:
        """He has, if that is long enough."""
        self.assertIsNone(self.deadlines.longest(0))
        self.deadlines.begin("ann")
        self.clock.advance(1)
        self.deadlines.begin("bob")
        self.assertEqual(self.deadlines.longest(1), "ann")
        self.assertIsNone(self.deadlines.longest(1.1))
        self.deadlines.end("ann")
        self.assertEqual(self.deadlines.longest(0), "bob")
        self.assertIsNone(self.deadlines.longest(1))

    def test_the_end(self) -> None:
        """Everybody is forgotten, and there is no timer."""
        self.deadlines.stop()
        self.deadlines.begin("ann")
        self.deadlines.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertIsNone(self.deadlines.longest(0))
