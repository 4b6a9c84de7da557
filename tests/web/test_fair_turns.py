"""Tests for `twisted_ticker.web.fair_turns`: everybody's share, and no more than a slice of each turn."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.web.turns import TurnByTurn
from twisted_ticker.web.fair_turns import FairTurns


class FairTurnsTests(SynchronousTestCase):
    """Calls that wait. Each takes a quarter of a slice."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.reactor = TurnByTurn(self.clock)
        self.now = 0.0
        self.turns = FairTurns(self.reactor, lambda: self.now)  # type: ignore[arg-type]
        self.called: list[str] = []

    def call(self, name: str, times: int = 1) -> Callable[[], None]:
        """A call that comes back until it has been made a number of times."""

        def made() -> None:
            self.now += 0.0000625
            self.called.append(name)
            if times > 1:
                self.turns.put(self.call(name, times - 1))

        return made

    def test_a_call(self) -> None:
        """It is made in the next turn; then there is nothing to do."""
        self.turns.put(self.call("a"))
        self.assertEqual(self.called, [])
        self.reactor.turn()
        self.assertEqual(self.called, ["a"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_turn_is_short(self) -> None:
        """No more calls are made than fit, and the rest in the turns that follow."""
        self.turns.put(self.call("a", 10))
        for made in (4, 8, 10):
            self.reactor.turn()
            self.assertEqual(len(self.called), made)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_shares(self) -> None:
        """Who has much to do waits for those who have little."""
        self.turns.put(self.call("a", 10))
        self.turns.put(self.call("b", 2))
        self.turns.put(self.call("c"))
        self.reactor.turn()
        self.assertEqual("".join(self.called), "abca")
        self.reactor.turn()
        self.assertEqual("".join(self.called), "abcabaaa")

    def test_a_call_that_takes_long(self) -> None:
        """The others are still called, and there is another turn behind it."""

        def long() -> None:
            self.now += 1

        for name in "ab":
            self.turns.put(long)
            self.turns.put(self.call(name))
        for called in ("", "a", "ab"):
            self.reactor.turn()
            self.assertEqual("".join(self.called), called)

    def test_a_failure(self) -> None:
        """It is logged, and nobody else's."""

        def fail() -> None:
            raise RuntimeError("boom")

        self.turns.put(fail)
        self.turns.put(self.call("a"))
        self.reactor.turn()
        self.assertEqual(self.called, ["a"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
