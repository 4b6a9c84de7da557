"""Tests for `twisted_ticker.signalr.renewal`."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.signalr.fakes import RecordingReceiver, build_bus, build_connection
from twisted_ticker.signalr.connection import Connection
from twisted_ticker.signalr.renewal import GroupsTokenRenewal

LIFETIME = 600.0


class RenewalTests(SynchronousTestCase):
    """New tokens for those who are there."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1e9)
        self.bus = build_bus(self.clock)
        self.connections: dict[str, Connection] = {}
        self.renewal = GroupsTokenRenewal(self.connections, lifetime=LIFETIME, clock=self.clock)
        self.renewal.start()
        self.addCleanup(self.renewal.stop)

    def come(self, *groups: str) -> RecordingReceiver:
        """A client that listens, in some groups."""
        name = f"c{len(self.connections)}"
        connection, _ = build_connection(self.bus, self.clock, name)
        self.connections[name] = connection
        receiver = RecordingReceiver()
        connection.attach(receiver, position=None, initialize=False)
        connection.ready(receiver)
        for group in groups:
            connection.add_group(group)
        self.clock.advance(0)
        return receiver

    def wait(self, seconds: float) -> None:
        """Let time pass as it does, in small steps."""
        for _ in range(round(seconds * 2)):
            self.clock.advance(0.5)

    def tokens(self, receiver: RecordingReceiver) -> list[Any]:
        """The groups tokens that a client was sent since it was last asked."""
        tokens = [envelope.groups_token for envelope in receiver.envelopes]
        receiver.envelopes.clear()
        return tokens

    def test_nobody_has_a_token_with_less_than_half_of_its_life_left(self) -> None:
        """Whoever is in a group is sent a token again and again, without any message, and not all the time."""
        receivers = [self.come("room") for _ in range(7)]
        for receiver in receivers:
            self.assertEqual(self.tokens(receiver), ["room@0"])
        youngest = oldest = 0.0
        latest = dict.fromkeys(range(7), self.clock.seconds())
        for _ in range(4000):
            self.wait(0.5)
            for number, receiver in enumerate(receivers):
                if self.tokens(receiver):
                    youngest = min(youngest or LIFETIME, self.clock.seconds() - latest[number])
                    latest[number] = self.clock.seconds()
                oldest = max(oldest, self.clock.seconds() - latest[number])
        self.assertLessEqual(oldest, LIFETIME / 2 + 1)
        self.assertGreaterEqual(youngest, LIFETIME / 4)

    def test_whoever_is_in_no_group_is_left_alone(self) -> None:
        """There is nothing to be lost."""
        receiver = self.come()
        self.wait(2 * LIFETIME)
        self.assertEqual(receiver.envelopes, [])

    def test_many_are_renewed_one_by_one(self) -> None:
        """Clients that have come at once do not get their new tokens at once."""
        receivers = [self.come("room") for _ in range(1500)]
        for receiver in receivers:
            self.tokens(receiver)
        most = 0
        for _ in range(700):
            self.clock.advance(0.5)
            most = max(most, sum(len(self.tokens(receiver)) for receiver in receivers))
        self.assertEqual(most, 10)

    def test_whoever_is_away_gets_it_when_he_is_back(self) -> None:
        """A token that is due waits for the client."""
        receiver = self.come("room")
        connection = self.connections["c0"]
        connection.detach(receiver)
        self.wait(LIFETIME / 2)
        back = RecordingReceiver()
        connection.attach(back, position=self.bus.position, initialize=False)
        connection.ready(back)
        self.assertEqual(self.tokens(back), ["room@0"])

    def test_whoever_is_gone_is_passed_over(self) -> None:
        """Connections may end during a round."""
        self.come("room")
        gone = self.come("room")
        self.tokens(gone)
        self.wait(2)
        self.connections.pop("c1").close()
        self.wait(LIFETIME)
        self.assertEqual(self.tokens(gone), [])

    def test_client_that_says_how_old_its_token_is(self) -> None:
        """Of a token that it was sent and does not have, nothing is believed."""
        receiver = self.come("room")
        self.tokens(receiver)
        connection = self.connections["c0"]
        connection.announce_groups_unless(connection.groups, self.clock.seconds() - LIFETIME / 2)
        self.wait(LIFETIME / 4 + 1)
        self.assertEqual(self.tokens(receiver), ["room@0"])
