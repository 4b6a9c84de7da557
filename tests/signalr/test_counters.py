"""Tests for `twisted_ticker.signalr.counters`; that things are counted is tested where they happen."""

from __future__ import annotations

from dataclasses import fields

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.counters import Counters


class CountersTests(SynchronousTestCase):
    """What is counted."""

    def test_counting_begins_at_zero(self) -> None:
        """Nothing has happened on a new server; two servers share no histogram."""
        counters = Counters()
        names = [field.name for field in fields(Counters) if field.name != "delivery_seconds"]
        self.assertEqual({name: getattr(counters, name) for name in names}, dict.fromkeys(names, 0))
        self.assertEqual(set(counters.delivery_seconds.cumulative), {0})
        self.assertIsNot(counters.delivery_seconds, Counters().delivery_seconds)
