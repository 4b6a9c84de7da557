"""Tests for `twisted_ticker.signalr.client.states`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.client.states import ConnectionState, StateEvent, next_state
from twisted_ticker.signalr.errors import IllegalTransition

S, E = ConnectionState, StateEvent

LEGAL = {
    (S.DISCONNECTED, E.START): S.CONNECTING,
    (S.CONNECTING, E.STARTED): S.CONNECTED,
    (S.CONNECTING, E.STOP): S.STOPPING,
    (S.CONNECTED, E.LOST): S.RECONNECTING,
    (S.CONNECTED, E.STOP): S.STOPPING,
    (S.RECONNECTING, E.RESTORED): S.CONNECTED,
    (S.RECONNECTING, E.STOP): S.STOPPING,
    (S.STOPPING, E.ENDED): S.DISCONNECTED,
}


class NextStateTests(SynchronousTestCase):
    """The life cycle."""

    def test_all_pairs(self) -> None:
        """What can happen leads somewhere; anything else is an error that names both."""
        for state in ConnectionState:
            for event in StateEvent:
                if (state, event) in LEGAL:
                    self.assertIs(next_state(state, event), LEGAL[state, event])
                    continue
                error = self.assertRaises(IllegalTransition, next_state, state, event)
                self.assertIn(state.value, str(error))
                self.assertIn(event.value, str(error))
