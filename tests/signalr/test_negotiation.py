"""What an application answers to negotiate instead of serving the client."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr import NegotiateError, Redirect
from twisted_ticker.signalr.protocol.handshake import ProtocolVersion


class AnswerTests(SynchronousTestCase):
    """The bodies."""

    def test_bodies(self) -> None:
        """They have the version that the client spoke, without which it would not look at the rest."""
        version = ProtocolVersion.resolve("2.1")
        for answer, body in (
            (
                Redirect("https://b.example/signalr"),
                b'{"ProtocolVersion":"2.0","RedirectUrl":"https://b.example/signalr"}',
            ),
            (Redirect("/b", "to\u00e9"), b'{"ProtocolVersion":"2.0","RedirectUrl":"/b","AccessToken":"to\\u00e9"}'),
            (NegotiateError("Full."), b'{"ProtocolVersion":"2.0","Error":"Full."}'),
        ):
            with self.subTest(answer=answer):
                self.assertEqual(answer.body(version), body)
