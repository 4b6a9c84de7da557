"""Tests for `benchmarks.run`: what is measured, and in which order."""

from __future__ import annotations

import sys
from io import StringIO

from twisted.trial.unittest import SynchronousTestCase

from benchmarks import run
from benchmarks.run import Step, chosen, plan, read_options


class ChosenTests(SynchronousTestCase):
    """Tests for `chosen`."""

    def test_names(self) -> None:
        """Entries come in the order of the list, each once."""
        self.assertEqual(chosen("ws,autobahn,ws"), ["autobahn", "ws"])

    def test_ours(self) -> None:
        """``ours`` is all that begins with it."""
        entries = chosen("ours,ws")
        self.assertEqual(entries.pop(entries.index("ws")), "ws")
        self.assertEqual(set(entries), {entry for entry in run.ENTRIES if entry.startswith("ours-")})

    def test_unknown(self) -> None:
        """A name that is not in the list is refused."""
        for names in ("nginx", "", "ws,"):
            self.assertRaises(ValueError, chosen, names)


class PlanTests(SynchronousTestCase):
    """Tests for `plan`."""

    def test_ceilings_around(self) -> None:
        """Before and behind each server there is its own ceiling, with the same clients in the same repeat."""
        steps = list(plan(list(run.ENTRIES), [10, 20], 2))
        for before, step, behind in zip(steps, steps[1:], steps[2:], strict=False):
            if step.ceiling:
                expected = Step(step.ceiling, "", step.clients, step.repeat)
                self.assertEqual([before, behind], [expected, expected])
        self.assertEqual(sum(step.ceiling != "" for step in steps), len(run.SERVERS) * 2 * 2)

    def test_interleaved(self) -> None:
        """All have a turn before one has the next, and in each repeat another one is the first."""
        steps = plan(["autobahn", "ws"], [10], 3)
        turns = [(step.repeat, step.entry) for step in steps if step.ceiling]
        self.assertEqual(turns, [(0, "autobahn"), (0, "ws"), (1, "ws"), (1, "autobahn"), (2, "autobahn"), (2, "ws")])

    def test_alone(self) -> None:
        """What has no number of clients is measured once in each repeat, without a ceiling."""
        self.assertEqual(
            list(plan(["ours-calls"], [10, 20], 2)), [Step("ours-calls", "", 0, 0), Step("ours-calls", "", 0, 1)]
        )


class OptionsTests(SynchronousTestCase):
    """Tests for `read_options` and `main`."""

    def setUp(self) -> None:
        self.output = StringIO()
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "stderr", self.output)

    def test_defaults(self) -> None:
        """Everything, three times, with 1,000 clients."""
        options = read_options([])
        self.assertEqual((options.clients, options.repeats, options.entries), ([1000], 3, list(run.ENTRIES)))

    def test_quick(self) -> None:
        """A quick run has fewer clients and no repeats, unless they are asked for."""
        options = read_options(["--quick"])
        self.assertEqual((options.clients, options.repeats), ([200], 1))
        options = read_options(["--quick", "--clients", "10,20", "--repeats", "2"])
        self.assertEqual((options.clients, options.repeats), ([10, 20], 2))

    def test_wrong(self) -> None:
        """What makes no sense is refused before anything is measured."""
        for arguments in (["--clients", "0"], ["--clients", "x"], ["--repeats", "0"], ["--servers", "nginx"]):
            with self.assertRaises(SystemExit) as refused:
                read_options(arguments)
            self.assertEqual(refused.exception.code, 2, arguments)
        self.assertIn("there is no 'nginx'; --list tells what there is", self.output.getvalue())

    def test_list(self) -> None:
        """The list has every entry, and what it is."""
        self.assertEqual(run.main(["--list"]), 0)
        lines = self.output.getvalue().splitlines()
        self.assertEqual([line.split(maxsplit=1) for line in lines], [list(entry) for entry in run.ENTRIES.items()])
