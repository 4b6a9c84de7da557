"""Tests for `twisted_ticker.signalr.counters`."""

from __future__ import annotations

from dataclasses import asdict

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.counters import Counters


class CountersTests(SynchronousTestCase):
    """What is counted."""

    def test_counting_begins_at_zero(self) -> None:
        """A new server has lost, refused and failed nothing."""
        self.assertEqual(
            asdict(Counters()),
            {"gaps": 0, "refused_requests": 0, "failed_invocations": 0, "failed_events": 0, "stalled_receivers": 0},
        )
