"""Tests for `twisted_ticker.web.behind_proxy`: connections count for those whose they are, not for the proxy."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Factory
from twisted.protocols.haproxy import proxyEndpoint
from twisted.trial.unittest import SynchronousTestCase

from tests.web.support import SiteHarness
from tests.web.wire import HttpConnection
from twisted_ticker.web.behind_proxy import BehindProxy
from twisted_ticker.web.places import ConnectionLimits, Places

PING = b"GET /signalr/ping HTTP/1.1\r\nHost: test\r\n\r\n"


class Listening:
    """An endpoint that remembers what listens there."""

    factory: Any

    def listen(self, factory: Any) -> None:
        self.factory = factory


class BehindProxyTests(SynchronousTestCase):
    """A site with two places for each client, behind HAProxy."""

    def setUp(self) -> None:
        self.harness = SiteHarness(self)
        self.site = self.harness.site
        self.places = self.site.places = Places(ConnectionLimits(per_address=2, total=5), self.harness.clock.seconds)
        listening = Listening()
        proxyEndpoint(listening).listen(BehindProxy(self.site))  # type: ignore[arg-type]
        self.harness.site = listening.factory

    def from_client(self, address: str, data: bytes = PING) -> HttpConnection:
        """A connection that the proxy passes on."""
        connection = self.harness.connection()
        connection.write(f"PROXY TCP4 {address} 192.0.2.80 1234 80\r\n".encode() + data)
        return connection

    def test_each_client_has_its_own(self) -> None:
        """One who has all of his is refused; another one, and the proxy, are not."""
        ann = [self.from_client("198.51.100.1") for _ in range(2)]
        self.assertEqual([connection.responses[0].status for connection in ann], [200, 200])
        refused = self.from_client("198.51.100.1")
        self.assertEqual((refused.raw, refused.closed), (b"", True))
        bob = self.from_client("198.51.100.2")
        self.assertEqual(bob.responses[0].status, 200)
        self.assertEqual((self.places.taken, self.places.refused), (3, 1))
        ann[0].drop()
        self.assertEqual(self.from_client("198.51.100.1").responses[0].status, 200)
        # Those that have said nothing yet are nobody's, and count for the whole.
        waiting = [self.harness.connection() for _ in range(3)]
        self.harness.flush()
        self.assertEqual([connection.closed for connection in waiting], [False, False, True])

    def test_both_ways(self) -> None:
        """It does not matter how the first request is read, and that it comes in pieces."""
        for data in (PING, PING + PING, b"GET /nowhere HTTP/1.1\r\nHost: test\r\n\r\n"):
            connection = self.from_client("198.51.100.3", data[:10])
            connection.write(data[10:])
            self.assertEqual(len(connection.responses), data.count(b"GET"))
            self.assertEqual(self.places.take(IPv4Address("TCP", "198.51.100.3", 1)), "198.51.100.3")
            self.assertIsNone(self.places.take(IPv4Address("TCP", "198.51.100.3", 1)))
            self.places.free("198.51.100.3")
            connection.drop()
        self.assertEqual(self.places.taken, 0)

    def test_who_never_says_who_he_is(self) -> None:
        """He has as long as others for his first request."""
        connection = self.harness.connection()
        self.harness.advance(25)
        self.assertTrue(connection.closed)
        self.assertEqual(self.places.taken, 0)

    def test_it_is_a_factory(self) -> None:
        """That can be listened with, and is told apart in no log."""
        factory: Any = BehindProxy(self.site)
        self.assertIsInstance(factory, Factory)
        self.assertFalse(factory.noisy)
        factory.doStart()
        factory.doStop()
