"""Tests for `tools.torture`: which tests have a long form, and what becomes of each."""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tools import torture


class SelectionTests(SynchronousTestCase):
    """Tests for `long_tests` and `selected`."""

    def test_all(self) -> None:
        """Modules are found that ask for their form themselves, or by way of what they use; others are not."""
        found = torture.long_tests()
        self.assertIn("tests.integration.test_slow_readers", found)
        self.assertIn("tests.web.test_websocket_conformance", found)
        self.assertNotIn("tests.integration.test_tutorial", found)
        self.assertNotIn("tests.market.test_stock", found)
        self.assertEqual(torture.selected([]), found)

    def test_some(self) -> None:
        """Parts of their names select them."""
        self.assertEqual(
            torture.selected(["slow_readers", "storm"]),
            ["tests.integration.test_reconnect_storm", "tests.integration.test_slow_readers"],
        )

    def test_unknown(self) -> None:
        """A name that none has is said, and nothing is run."""
        output = StringIO()
        with redirect_stderr(output):
            self.assertEqual(torture.main(["nonsense"]), 2)
        self.assertIn("'nonsense'", output.getvalue())

    def test_list(self) -> None:
        """Nothing is run that is only to be listed."""
        output = StringIO()
        with redirect_stdout(output):
            self.assertEqual(torture.main(["--list", "storm"]), 0)
        self.assertEqual(output.getvalue(), "tests.integration.test_reconnect_storm\n")


class RunTests(SynchronousTestCase):
    """Tests for `run`, with a project of the test's own."""

    def setUp(self) -> None:
        self.project = Path(self.mktemp()).absolute()
        (self.project / "tools").mkdir(parents=True)
        self.patch(torture, "PROJECT", self.project)

    def run_program(self, program: str, seconds: float = 20) -> str:
        """Run this in the place of what runs tests."""
        (self.project / "tools" / "run_tests.py").write_text(f"import os, sys, time\n{program}\n")
        return torture.run("tests.integration.test_x", seconds)

    def test_good(self) -> None:
        """Its exit status says that all is well; it is told the part, the module and that the long form is wanted."""
        told = "sys.exit(sys.argv[1:] != ['integration', 'tests.integration.test_x'] or os.environ['TORTURE'] != '1')"
        self.assertEqual(self.run_program(told), "")

    def test_bad(self) -> None:
        """… or that it is not."""
        self.assertEqual(self.run_program("sys.exit(1)"), "failed")

    def test_too_long(self) -> None:
        """Who takes too long is killed."""
        self.assertEqual(self.run_program("time.sleep(60)", 0.1), "was not over within 0.1 seconds")

    def test_summary(self) -> None:
        """All modules are run although one fails; the end says which, and so does the exit status."""
        self.patch(torture, "selected", lambda names: ["tests.a", "tests.b"])
        self.patch(torture, "run", lambda module, seconds: "failed" if module == "tests.a" else "")
        output = StringIO()
        with redirect_stdout(output):
            self.assertEqual(torture.main([]), 1)
        self.assertIn("tests.b passed", output.getvalue())
        self.assertTrue(output.getvalue().endswith(": tests.a failed\n"))
