"""What ``tools/websocket_suite.py`` makes of the suite's report, and that our own cases are all of the suite's."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.web.conformance import closing, framing, utf8
from tools.websocket_suite import SECTIONS, complaints


def verdicts(behavior: str, on_close: str = "OK") -> dict[str, Any]:
    """What a report has of a case."""
    return {"behavior": behavior, "behaviorClose": on_close, "remoteCloseCode": 1002, "duration": 1}


class ReportTests(SynchronousTestCase):
    """Tests for `complaints`."""

    def test_good_ones(self) -> None:
        """There is nothing to complain of if a server is good, good enough, or not judged."""
        report = {"1.1.1": verdicts("OK"), "3.2": verdicts("NON-STRICT")}
        report["7.1.6"] = verdicts("INFORMATIONAL", "INFORMATIONAL")
        self.assertEqual(complaints(report), [])

    def test_bad_ones(self) -> None:
        """Bad answers count, and bad closes."""
        report = {
            "1.1.1": verdicts("FAILED"),
            "1.1.2": verdicts("OK"),
            "2.5": verdicts("OK", "WRONG CODE"),
            "7.3.1": verdicts("OK", "UNCLEAN"),
        }
        found = complaints(report)
        self.assertEqual([line.partition(":")[0] for line in found], ["1.1.1", "2.5", "7.3.1"])
        self.assertEqual(found[1], "2.5: OK, closed WRONG CODE (1002)")

    def test_sections(self) -> None:
        """The suite is asked for all sections that we have cases of."""
        for case in (*framing.CASES, *utf8.CASES, *closing.CASES):
            self.assertTrue(any(fnmatch(case.number, section) for section in SECTIONS), case.number)
