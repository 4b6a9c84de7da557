"""Tests for `tests.fuzz.explorer`: it finds what chance alone does not."""

from __future__ import annotations

import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.explorer import Explorer


def maze(data: bytes) -> None:
    """Fails for few of all inputs, which are found one step after the other only."""
    for place, letter in enumerate(b"FUZZ"):
        if data[place : place + 1] != bytes([letter]):
            return
        # Each letter has a line of its own.
        if place == 0:
            continue
        if place == 1:
            continue
        if place == 2:
            continue
        raise ZeroDivisionError("found")


class ExplorerTests(SynchronousTestCase):
    """The fuzzer."""

    def explorer(self, seed: int = 1, path: str = __file__) -> Explorer:
        """One for the maze."""
        return Explorer(maze, [b"aaaa"], [b"x"], path=path, seed=seed)

    def test_it_finds_its_way(self) -> None:
        """Four bytes have to be right, of which nobody has told it; the finding names its input."""
        error = self.assertRaises(ZeroDivisionError, self.explorer().explore, 100_000)
        self.assertIn("FUZZ", error.__notes__[0])
        self.assertIsNone(sys.gettrace())

    def test_coverage_leads_it(self) -> None:
        """If it does not look at the code, it finds nothing in the same time."""
        explorer = self.explorer(path="/nowhere")
        explorer.explore(100_000)
        self.assertEqual((explorer.corpus, explorer.reached), ([b"aaaa"], set()))

    def test_the_same_seed_is_the_same_way(self) -> None:
        """So that a finding can be found again."""
        explorers = [self.explorer(seed) for seed in (7, 7, 8)]
        for explorer in explorers:
            explorer.explore(3_000)
        first, again, other = ([*explorer.corpus] for explorer in explorers)
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)
