"""Each recorded conversation with the genuine server comes out the same with this one."""

from __future__ import annotations

import re
from dataclasses import asdict
from functools import cache
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.golden.comparison import Answer, Piece, join_envelopes
from tests.golden.conditions import lead_seconds_of, settings_of
from tests.golden.differences import ACCEPTED
from tests.golden.hubs import PlainError
from tests.golden.recording import Scenario, scenarios
from tests.golden.replay import Compared, Replay
from tests.golden.site import running_site

__all__ = ["DifferencesTests", "RecordingTests"]

_REPLAYED = [scenario for scenario in scenarios() if scenario.file != "08-proxy-script"]


@cache
def _replay(scenario: Scenario) -> list[Compared]:
    settings = settings_of(scenario)
    with running_site(settings, lead_seconds=lead_seconds_of(scenario, settings)) as site:
        return Replay(scenario, site).run()


def _expected(compared: Compared) -> tuple[Any, set[str]]:
    """What is expected here, and which accepted differences made it that."""
    expected, used = compared.recorded, set()
    for difference in ACCEPTED:
        changed = difference.change(compared.scenario, compared.about, expected)
        if changed != expected:
            used.add(difference.name)
        expected = changed
    return expected, used


def _plain(value: Any) -> Any:
    """In a form whose differences unittest shows well."""
    if isinstance(value, Answer):
        return asdict(value)
    if not isinstance(value, list) or not all(isinstance(piece, Piece) for piece in value):
        return value
    return join_envelopes(piece.text for piece in value if not piece.sent)


class RecordingTests(SynchronousTestCase):
    """A test for each recorded scenario; see :func:`_add_tests`."""

    maxDiff = None

    def assertReplayed(self, scenario: Scenario) -> None:
        """Check that a scenario comes out as recorded, but for the accepted differences."""
        compared = _replay(scenario)
        self.flushLoggedErrors(PlainError)
        self.assertNotEqual(compared, [])
        for one in compared:
            expected, _ = _expected(one)
            self.assertEqual(_plain(one.ours), _plain(expected), f"{scenario}: {one.about}")


def _add_tests() -> None:
    for number, scenario in enumerate(_REPLAYED):

        def test(self: RecordingTests, scenario: Scenario = scenario) -> None:
            self.assertReplayed(scenario)

        test.__name__ = f"test_{number:03}_{re.sub('[^a-z0-9]+', '_', scenario.name.lower()).strip('_')}"
        test.__doc__ = f"{scenario}."
        test.__qualname__ = f"{RecordingTests.__name__}.{test.__name__}"
        setattr(RecordingTests, test.__name__, test)


_add_tests()


class DifferencesTests(SynchronousTestCase):
    """The list of what differs is true."""

    def test_every_accepted_difference_occurs(self) -> None:
        """A difference that is not in any recording is no longer listed."""
        used = set()
        for scenario in _REPLAYED:
            for compared in _replay(scenario):
                used |= _expected(compared)[1]
        self.flushLoggedErrors(PlainError)
        self.assertEqual({difference.name for difference in ACCEPTED} - used, set())

    def test_nothing_is_left_out(self) -> None:
        """All that was recorded is replayed: this many scenarios, with this many exchanges and WebSockets."""
        self.assertEqual(len(scenarios()), 155)
        self.assertEqual(sum(len(scenario.exchanges) for scenario in scenarios()), 735)
