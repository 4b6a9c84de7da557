"""Tests for `twisted_ticker.signalr.client.stopping`."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.signalr.client.support import ConnectionTestCase
from twisted_ticker.signalr.client import ConnectionState


class FarewellTests(ConnectionTestCase):
    """The end of a connection; what is alike on all transports is tested with these."""

    def test_starting_anew_when_told_of_the_end(self) -> None:
        """Who is told that the connection has been given up can start it again at once."""
        connection = self.harness.client("serverSentEvents", retry_seconds=3.0)
        self.harness.start(connection)
        started: list[Deferred[None]] = []

        def start(_: BaseException | None) -> None:
            connection.events.disconnected.remove(start)
            self.harness.endpoints.is_mute = False
            started.append(connection.start())

        connection.events.disconnected.add(start)
        # Attempts to come back hang; the one from 27 s to 32 s does when time is over.
        self.harness.endpoints.is_mute = True
        self.harness.endpoints.cut()
        self.harness.advance(31)
        self.assertEqual(len(started), 1)
        self.successResultOf(started[0])
        self.assertIs(connection.state, ConnectionState.CONNECTED)
