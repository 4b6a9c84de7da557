"""Tests for `twisted_ticker.signalr.call_rate`: calls that come too soon wait."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.call_rate import CallRate


class CallRateTests(SynchronousTestCase):
    """When calls have their turn."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.made: list[str] = []

    def call(self, rate: CallRate, client: str, name: str) -> None:
        """Make a call when it may be made."""
        turn = rate.turn(client)
        if turn is None:
            self.made.append(name)
        else:
            turn.addCallback(lambda _: self.made.append(name))

    def test_any_number(self) -> None:
        """Without a rate nobody waits, and nothing is kept."""
        rate = CallRate(self.clock, None)
        self.assertEqual([rate.turn("ann") for _ in range(1000)], [None] * 1000)
        self.assertEqual(rate._used_until, {})

    def test_a_burst(self) -> None:
        """A second's worth is free; then calls are made at the rate, in order."""
        rate = CallRate(self.clock, 4)
        for number in range(10):
            self.call(rate, "ann", f"{number}")
        made = [len(self.made)]
        for _ in range(8):
            self.clock.advance(0.25)
            made.append(len(self.made))
        self.assertEqual(made, [4, 5, 6, 7, 8, 9, 10, 10, 10])
        self.assertEqual(self.made, [f"{number}" for number in range(10)])

    def test_in_the_long_run(self) -> None:
        """Who calls at the rate, or less often, never waits."""
        rate = CallRate(self.clock, 4)
        for number in range(100):
            self.call(rate, "ann", f"{number}")
            self.assertEqual(len(self.made), number + 1)
            self.clock.advance(0.25)

    def test_low_rates(self) -> None:
        """Less than one a second is a rate, too: the first is free."""
        rate = CallRate(self.clock, 0.5)
        for name in "ab":
            self.call(rate, "ann", name)
        self.assertEqual(self.made, ["a"])
        self.clock.advance(2)
        self.assertEqual(self.made, ["a", "b"])

    def test_others(self) -> None:
        """One client does not use up what another one has."""
        rate = CallRate(self.clock, 1)
        for client in ("ann", "bob", "ann"):
            self.call(rate, client, client)
        self.assertEqual(self.made, ["ann", "bob"])
        self.clock.advance(1)
        self.assertEqual(self.made, ["ann", "bob", "ann"])

    def test_who_is_forgotten(self) -> None:
        """Those who might call at once anyway are not kept; those who have to wait are."""
        rate = CallRate(self.clock, 1)
        for _ in range(100):
            rate.turn("ann")
        for number in range(5000):
            self.clock.advance(0.001)
            rate.turn(f"{number}")
        self.assertLess(len(rate._used_until), 2500)
        self.assertIn("ann", rate._used_until)
        for call in self.clock.getDelayedCalls():
            call.cancel()
