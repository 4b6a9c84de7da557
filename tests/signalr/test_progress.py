"""Tests for `twisted_ticker.signalr.progress`; messages are as recorded from the reference."""

from __future__ import annotations

from decimal import Decimal

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.progress import Progress
from twisted_ticker.signalr.state import CallerState


class ProgressTests(SynchronousTestCase):
    """Tests for `Progress`."""

    def setUp(self) -> None:
        self.sent: list[bytes] = []
        self.state = CallerState({"name": "ann"})
        self.progress = Progress[object](self.sent.append, "4", self.state)

    def test_reports_are_sent_at_once(self) -> None:
        """Each carries the id of the call, and a value as everywhere."""
        for value in (1, 0.25, Decimal("7"), None, {"done": [1]}):
            self.progress.report(value)
        self.assertEqual(
            self.sent,
            [
                b'{"I":"P|4","P":{"I":"4","D":1}}',
                b'{"I":"P|4","P":{"I":"4","D":0.25}}',
                b'{"I":"P|4","P":{"I":"4","D":7.0}}',
                b'{"I":"P|4","P":{"I":"4","D":null}}',
                b'{"I":"P|4","P":{"I":"4","D":{"done":[1]}}}',
            ],
        )

    def test_changed_state_rides_on_a_report(self) -> None:
        """On every one, as on every call."""
        self.state.step = 1
        self.progress.report("a")
        self.progress.report("b")
        self.assertEqual(
            self.sent,
            [
                b'{"S":{"step":1},"I":"P|4","P":{"I":"4","D":"a"}}',
                b'{"S":{"step":1},"I":"P|4","P":{"I":"4","D":"b"}}',
            ],
        )

    def test_value_that_json_cannot_express_is_an_error(self) -> None:
        """Nothing is sent, and no change of state is lost."""
        self.state.step = 1
        self.assertRaises(TypeError, self.progress.report, object())
        self.assertEqual(self.sent, [])
        self.assertEqual(self.state.changes(), b'{"step":1}')

    def test_no_reports_after_the_end(self) -> None:
        """The method is told so, in the reference's words."""
        self.progress.complete()
        error = self.assertRaises(RuntimeError, self.progress.report, 1)
        self.assertEqual(
            str(error), "You cannot report progress on a hub method invocation that has already completed."
        )
        self.assertEqual(self.sent, [])
