"""Tests for `benchmarks.messages`."""

from __future__ import annotations

import json
import resource
import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from benchmarks.messages import Messages, Order, allow_many_files


class MessagesTests(SynchronousTestCase):
    """Tests for `Messages`."""

    @given(st.integers(min_value=60, max_value=5000))
    def test_size(self, size: int) -> None:
        """A message is as long as it was asked to be."""
        self.assertEqual(len(Messages().make_text(size)), size)

    def test_too_small(self) -> None:
        """A message that has no room for padding has none."""
        self.assertEqual(json.loads(Messages().make_text(10))["pad"], "")

    def test_numbers_and_times(self) -> None:
        """Numbers rise by one, and each message tells when it was made."""
        messages, before = Messages(), time.monotonic_ns()
        made = [messages.make(120), json.loads(messages.make_text(120))]
        self.assertEqual([message["seq"] for message in made], [1, 2])
        self.assertTrue(before <= made[0]["ts"] <= made[1]["ts"] <= time.monotonic_ns())


class OrderTests(SynchronousTestCase):
    """Tests for `Order.read`."""

    def test_orders(self) -> None:
        """What a request to the control port means."""
        cases = {
            "/burst?m=1000&size=120&yield=1": Order(1000, 1, 120, 0),
            "/burst?m=1000&size=120": Order(1000, 1, 120, 0),
            "/burst?m=1000&size=120&yield=0": Order(1, 1000, 120, 0),
            "/tick?hz=4&k=10&secs=5&size=120": Order(20, 10, 120, 0.25),
            "/tick?hz=0.5&k=1&secs=4&size=99": Order(2, 1, 99, 2.0),
        }
        for target, expected in cases.items():
            self.assertEqual(Order.read(target), expected, target)


class AllowManyFilesTests(SynchronousTestCase):
    """Tests for `allow_many_files`."""

    def test_limit(self) -> None:
        """The limit becomes the highest that is allowed."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard - 1, hard))
        allow_many_files()
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (hard, hard))
