"""Tests for `twisted_ticker.signalr.client.negotiation`."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.client.errors import NegotiationError
from twisted_ticker.signalr.client.negotiation import Negotiated, Redirect, parse_negotiation

# As recorded from the reference server.
ANSWER: dict[str, Any] = {
    "Url": "/signalr",
    "ConnectionToken": "AQ+/==",
    "ConnectionId": "2f1c7c5e-0f0e-4b8e-9d5e-7a2f3f0a1b2c",
    "KeepAliveTimeout": 20.0,
    "DisconnectTimeout": 30.0,
    "ConnectionTimeout": 110.0,
    "TryWebSockets": True,
    "ProtocolVersion": "2.0",
    "TransportConnectTimeout": 5.0,
    "LongPollDelay": 0.0,
}
NEGOTIATED = Negotiated("2f1c7c5e-0f0e-4b8e-9d5e-7a2f3f0a1b2c", "AQ+/==", 20.0, 30.0, 110.0, 5.0, True)


def answer(**changes: Any) -> bytes:
    """The reference's answer, changed; ``...`` takes a member away."""
    return json.dumps({key: value for key, value in {**ANSWER, **changes}.items() if value is not ...}).encode()


class ParseNegotiationTests(SynchronousTestCase):
    """Answers to ``/negotiate``."""

    def test_an_answer(self) -> None:
        """What the reference sends is read."""
        self.assertEqual(parse_negotiation(answer()), NEGOTIATED)
        for version in ("1.4", "1.5", "2.1"):
            self.assertEqual(parse_negotiation(answer(ProtocolVersion=version)), NEGOTIATED)

    def test_times(self) -> None:
        """They may be missing, whole numbers, or, for keep-alives that are off, null."""
        read = parse_negotiation(answer(KeepAliveTimeout=None, DisconnectTimeout=6, ConnectionTimeout=..., Url=...))
        assert isinstance(read, Negotiated)
        self.assertIsNone(read.keep_alive_timeout)
        self.assertEqual((read.disconnect_timeout, read.connection_timeout), (6.0, 110.0))

    def test_web_sockets(self) -> None:
        """Servers may not be able to open any."""
        read = parse_negotiation(answer(TryWebSockets=False))
        assert isinstance(read, Negotiated)
        self.assertFalse(read.try_web_sockets)

    def test_redirects(self) -> None:
        """They are honoured from protocol 2.0 on, with an access token or without."""
        self.assertEqual(
            parse_negotiation(b'{"ProtocolVersion":"2.0","RedirectUrl":"https://x/y","AccessToken":"secret"}'),
            Redirect("https://x/y", "secret"),
        )
        self.assertEqual(parse_negotiation(b'{"ProtocolVersion":"2.1","RedirectUrl":"/y"}'), Redirect("/y", None))
        self.assertEqual(parse_negotiation(answer(ProtocolVersion="1.5", RedirectUrl="/y")), NEGOTIATED)

    def test_errors(self) -> None:
        """The server's reason is told."""
        error = self.assertRaises(NegotiationError, parse_negotiation, b'{"ProtocolVersion":"2.0","Error":"Go away."}')
        self.assertIn("Go away.", str(error))

    def test_no_answers(self) -> None:
        """Anything else is an error of one kind."""
        for body in (
            b"",
            b"<html>",
            b"[]",
            b"null",
            b"{}",
            b"[" * 100_000,
            b'{"availableTransports":[],"ProtocolVersion":"2.0"}',
            answer(ProtocolVersion="1.3"),
            answer(ProtocolVersion="3.0"),
            answer(ProtocolVersion=2.0),
            answer(ProtocolVersion=...),
            answer(ConnectionToken=...),
            answer(ConnectionToken=""),
            answer(ConnectionId=7),
            answer(DisconnectTimeout=None),
            answer(DisconnectTimeout="30"),
            answer(DisconnectTimeout=-1),
            answer(ConnectionTimeout=True),
        ):
            self.assertRaises(NegotiationError, parse_negotiation, body)

    def test_secrets_are_not_shown(self) -> None:
        """Tokens do not get into a log by accident."""
        self.assertNotIn("AQ+/==", repr(NEGOTIATED))
        self.assertNotIn("secret", repr(Redirect("/", "secret")))
