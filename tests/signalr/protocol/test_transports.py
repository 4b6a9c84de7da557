"""Names of transports."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.protocol.transports import ALL_TRANSPORTS, find_transport


class FindTransportTests(SynchronousTestCase):
    """What clients call them."""

    def test_names(self) -> None:
        """Any letter case, and nothing else."""
        for name in ALL_TRANSPORTS:
            for spelled in (name, name.upper(), name.lower()):
                self.assertEqual(find_transport(spelled), name)
        for name in ("", None, "webSocket", "longPolling,longPolling", " longPolling"):
            self.assertIsNone(find_transport(name))
