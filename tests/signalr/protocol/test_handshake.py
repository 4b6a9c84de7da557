"""Tests for `twisted_ticker.signalr.protocol.handshake`; versions and refusals are as recorded from the reference."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.errors import MalformedConnectionData
from twisted_ticker.signalr.protocol import handshake
from twisted_ticker.signalr.protocol.handshake import ProtocolVersion, negotiate_body, parse_connection_data

# What a client sends as clientProtocol, and the ProtocolVersion that it is answered.
VERSIONS = [
    (None, "1.2"),
    ("", "1.2"),
    ("abc", "1.2"),
    ("2", "1.2"),
    ("1337", "1.2"),
    ("0.9", "1.2"),
    ("1.0", "1.2"),
    ("1.1", "1.2"),
    ("1.2", "1.2"),
    ("1.2.5", "1.2.5"),
    ("1.2.3.4", "1.2.3.4"),
    ("1.3", "1.3"),
    ("1.4", "1.4"),
    ("1.5", "1.5"),
    ("01.05", "1.5"),
    ("1.10", "1.10"),
    ("2.0", "2.0"),
    ("2.0.0", "2.0"),
    ("2.1", "2.0"),
    ("2.1.5", "2.0"),
    (" 2.1", "2.0"),
    ("2.1 ", "2.0"),
    ("2.2", "2.0"),
    ("2.10", "2.0"),
    ("3.0", "2.0"),
]

# No versions of two to four parts, each a number that fits 31 bits.
NO_VERSIONS = [".", "1.", ".5", "1..5", "1.2.3.4.5", "1.-5", "1.+5", "1. 5", "1_0.2", "1.٣", "1.²", "1.5\0", "1.4,2.1"]


class ProtocolVersionTests(SynchronousTestCase):
    """Which version is spoken with a client."""

    def test_version_is_the_clients_within_the_range_that_is_spoken(self) -> None:
        """A client gets back what it sent, clamped to 1.2–2.0, and 1.2 if it sent no version."""
        for sent, answered in VERSIONS:
            self.assertEqual(str(ProtocolVersion.resolve(sent)), answered, sent)

    def test_version_is_the_oldest_when_the_text_is_none(self) -> None:
        """What only looks like a version counts as absent."""
        for sent in NO_VERSIONS:
            self.assertEqual(str(ProtocolVersion.resolve(sent)), "1.2", sent)

    def test_numbers_of_a_version_fit_31_bits(self) -> None:
        """The largest number of the reference is one, the next is not, and endless ones are not even converted."""
        self.assertEqual(str(ProtocolVersion.resolve("2147483647.0")), "2.0")
        self.assertEqual(str(ProtocolVersion.resolve("1.2147483647")), "1.2147483647")
        for sent in ("2147483648.0", "1.2147483648", "00000000001.5", "9" * 5000 + ".1"):
            self.assertEqual(str(ProtocolVersion.resolve(sent)), "1.2", sent[:20])

    def test_clients_send_start_from_1_4_on(self) -> None:
        """Older clients, and those of unknown version, are connected by the connect request."""
        for sent in (None, "1.2", "1.3", "1.3.9"):
            self.assertFalse(ProtocolVersion.resolve(sent).sends_start, sent)
        for sent in ("1.4", "1.5", "1.10", "2.0", "2.1"):
            self.assertTrue(ProtocolVersion.resolve(sent).sends_start, sent)


def negotiate(**changes: Any) -> str:
    """The body for the reference's default settings, but for some changes."""
    arguments: dict[str, Any] = {
        "url": "/signalr",
        "connection_token": "a-token_",
        "connection_id": "2f1c7c5e-0f0e-4b8e-9d5e-7a2f3f0a1b2c",
        "keep_alive_timeout": 20.0,
        "disconnect_timeout": 30.0,
        "connection_timeout": 110.0,
        "try_web_sockets": True,
        "protocol_version": ProtocolVersion.resolve("2.1"),
        "transport_connect_timeout": 5.0,
        "long_poll_delay": 0.0,
    }
    return negotiate_body(**{**arguments, **changes}).decode("ascii")


class NegotiateBodyTests(SynchronousTestCase):
    """The text of the answer to negotiate."""

    def test_body_is_the_references_by_default(self) -> None:
        """Members, their order and the form of numbers are those recorded; there is no white space."""
        self.assertEqual(
            negotiate(),
            '{"Url":"/signalr","ConnectionToken":"a-token_","ConnectionId":"2f1c7c5e-0f0e-4b8e-9d5e-7a2f3f0a1b2c",'
            '"KeepAliveTimeout":20.0,"DisconnectTimeout":30.0,"ConnectionTimeout":110.0,"TryWebSockets":true,'
            '"ProtocolVersion":"2.0","TransportConnectTimeout":5.0,"LongPollDelay":0.0}',
        )

    def test_keep_alive_is_null_when_it_is_off(self) -> None:
        """A client that reads null waits for no signs of life."""
        self.assertIn('"KeepAliveTimeout":null,"DisconnectTimeout":30.0,', negotiate(keep_alive_timeout=None))

    def test_times_are_written_with_a_fraction(self) -> None:
        """Whole numbers of seconds get one too, as the reference writes doubles."""
        body = negotiate(
            keep_alive_timeout=4,
            disconnect_timeout=6,
            connection_timeout=5,
            transport_connect_timeout=3,
            long_poll_delay=1.5,
        )
        self.assertIn('"KeepAliveTimeout":4.0,"DisconnectTimeout":6.0,"ConnectionTimeout":5.0,', body)
        self.assertTrue(body.endswith('"TransportConnectTimeout":3.0,"LongPollDelay":1.5}'), body)

    def test_web_sockets_can_be_ruled_out(self) -> None:
        """Where no socket can be opened, the client is told not to try."""
        self.assertIn('"TryWebSockets":false,', negotiate(try_web_sockets=False))

    def test_old_version_is_echoed(self) -> None:
        """The version is a string, and the one that the client understands."""
        self.assertIn('"ProtocolVersion":"1.3",', negotiate(protocol_version=ProtocolVersion.resolve("1.3")))

    def test_url_is_escaped(self) -> None:
        """A path cannot break out of its string; the body is ASCII."""
        self.assertTrue(negotiate(url='/a"b\\c/é\u2028').startswith(r'{"Url":"/a\"b\\c/\u00e9\u2028","Conn'))


HUB_LISTS = [
    (None, ()),
    ("", ()),
    ("null", ()),
    ("[]", ()),
    (' [ { "name" : "chat" } ] ', ("chat",)),
    ('[{"name":"chat"},{"name":"stockTicker"}]', ("chat", "stockTicker")),
    ('[{"Name":"Chat"}]', ("Chat",)),
    ('[{"NAME":"CHAT"}]', ("CHAT",)),
    ('[{"other":1,"name":"chat","more":[]}]', ("chat",)),
    ('[{"name":"caf\\u00e9"}]', ("café",)),
]

NO_HUB_LISTS = [
    "garbage",
    "[",
    "1",
    '"chat"',
    '{"a":1}',
    '{"name":"chat"}',
    '["chat"]',
    "[null]",
    "[[]]",
    "[{}]",
    '[{"name":null}]',
    '[{"name":5}]',
    '[{"name":""}]',
    '[{"nam":"chat"}]',
    '[{"name":"chat"},{"name":"chat"}]',
    '[{"name":"oracle"},{"name":"Oracle"}]',
    '[{"name":"chat"}] []',
    "[" * 100_000,
    "[" + "9" * 5000 + "]",
]


class ConnectionDataTests(SynchronousTestCase):
    """Which hubs a client wants to hear of."""

    def test_hubs_are_those_listed(self) -> None:
        """Names come in the client's order and spelling; absent, empty and null mean none."""
        for text, names in HUB_LISTS:
            self.assertEqual(parse_connection_data(text), names, text)

    def test_anything_else_is_refused(self) -> None:
        """What is not a list of different hub names is the client's error, however strange it is."""
        for text in NO_HUB_LISTS:
            self.assertRaises(MalformedConnectionData, parse_connection_data, text)


class FixedTextTests(SynchronousTestCase):
    """Texts that clients and their users know."""

    def test_texts_are_the_references(self) -> None:
        """Each is written as recorded, odd blanks included."""
        self.assertEqual(handshake.UNKNOWN_TRANSPORT, "Protocol error: Unknown transport.")
        self.assertEqual(handshake.MISSING_CONNECTION_TOKEN, "Protocol error: Missing connection token.")
        self.assertEqual(handshake.MALFORMED_CONNECTION_ID, "The ConnectionId is in the incorrect format.")
        self.assertEqual(
            handshake.UNRECOGNIZED_USER,
            "Unrecognized user identity.  The user identity cannot change during an active SignalR connection.",
        )
        self.assertEqual(handshake.INVALID_WEBSOCKET_REQUEST, "Not a valid web socket request.")
        self.assertEqual(
            handshake.PROXIES_DISABLED_SCRIPT,
            "throw new Error('SignalR: JavaScript Hub proxy generation has been disabled.');",
        )
        self.assertEqual(handshake.PING_BODY, b'{ "Response": "pong" }')
        self.assertEqual(handshake.STARTED_BODY, b'{ "Response": "started" }')
