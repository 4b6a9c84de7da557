"""Tests for `twisted_ticker.signalr.client.addresses`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.client.addresses import Addresses, Position, connection_data

CHAT = "%5B%7B%22name%22%3A%22chat%22%7D%5D"


class AddressesTests(SynchronousTestCase):
    """URLs."""

    def setUp(self) -> None:
        self.addresses = Addresses.parse("http://test:81/signalr", {"a b": "c&d"}).with_connection_data(
            connection_data(["chat"])
        )
        self.negotiated = self.addresses.with_token("t/+=")

    def test_negotiate(self) -> None:
        """There is neither a transport nor a token."""
        self.assertEqual(
            self.addresses.negotiate(),
            f"http://test:81/signalr/negotiate?clientProtocol=2.1&a%20b=c%26d&connectionData={CHAT}",
        )

    def test_commands(self) -> None:
        """Tokens are escaped once."""
        self.assertEqual(
            self.negotiated.command("send", "longPolling"),
            "http://test:81/signalr/send?transport=longPolling&clientProtocol=2.1&a%20b=c%26d"
            f"&connectionToken=t%2F%2B%3D&connectionData={CHAT}",
        )

    def test_receive(self) -> None:
        """The position is in the URL, unless it is in the form."""
        position = Position("m-1", "g+")
        self.assertEqual(
            self.negotiated.receive("reconnect", "webSockets", position),
            "http://test:81/signalr/reconnect?transport=webSockets&groupsToken=g%2B&messageId=m-1&clientProtocol=2.1"
            f"&a%20b=c%26d&connectionToken=t%2F%2B%3D&connectionData={CHAT}",
        )
        self.assertNotIn("m-1", self.negotiated.receive("poll", "longPolling", position))
        self.assertEqual(position.parameters(), {"groupsToken": "g+", "messageId": "m-1"})
        self.assertEqual(Position(None, "").parameters(), {})

    def test_raw_connection(self) -> None:
        """Without hubs there is no connection data."""
        self.assertEqual(
            Addresses.parse("https://test/echo/").negotiate(), "https://test/echo/negotiate?clientProtocol=2.1"
        )

    def test_query_of_the_url(self) -> None:
        """It is sent with every request; the separate parameters win."""
        addresses = Addresses.parse("http://test/x?a=1&b=2&c=", {"b": "3"})
        self.assertEqual(addresses.negotiate(), "http://test/x/negotiate?clientProtocol=2.1&a=1&b=3&c=")

    def test_redirected(self) -> None:
        """Another server, with a query string of its own, or another path on this one."""
        self.assertEqual(
            self.addresses.redirected("https://other/hub?x=y").negotiate(),
            f"https://other/hub/negotiate?clientProtocol=2.1&x=y&a%20b=c%26d&connectionData={CHAT}",
        )
        self.assertEqual(self.addresses.redirected("/other").base, "http://test:81/other")

    def test_no_url(self) -> None:
        """What is no absolute HTTP URL is refused, and no parameter is repeated."""
        for url in ("", "test/signalr", "/signalr", "ftp://test/", "http://", "ws://test/signalr"):
            self.assertRaises(ValueError, Addresses.parse, url)
        self.assertNotIn("secret", str(self.assertRaises(ValueError, Addresses.parse, "ftp://test/?token=secret")))

    def test_secrets_are_not_shown(self) -> None:
        """Neither the token nor the application's parameters get into a log by accident."""
        self.assertNotIn("t/+=", repr(self.negotiated))
        self.assertNotIn("c&d", repr(self.negotiated))
