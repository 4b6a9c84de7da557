"""Tests for `twisted_ticker.signalr.protocol.tokens`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.errors import InvalidToken
from twisted_ticker.signalr.protocol.tokens import CONNECTION_TOKEN, GROUPS_TOKEN, ConnectionToken, GroupsToken

CONNECTION_ID = "2f1c7c5e-0f0e-4b8e-9d5e-7a2f3f0a1b2c"


class MemoryProtection:
    """Protects by remembering: it accepts the tokens that it made itself."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def protect(self, text: str) -> str:
        self.texts.append(text)
        return f"token{len(self.texts) - 1}"

    def unprotect(self, token: str) -> str:
        try:
            return self.texts[int(token.removeprefix("token"))]
        except (ValueError, IndexError):
            raise InvalidToken(token) from None


class TokenTestCase(SynchronousTestCase):
    """Has a protection."""

    def setUp(self) -> None:
        self.protection = MemoryProtection()


class ConnectionTokenTests(TokenTestCase):
    """Which connection a request belongs to."""

    def test_token_says_connection_and_user(self) -> None:
        """The text is the reference's; an anonymous user has an empty name."""
        cases = [
            (ConnectionToken(CONNECTION_ID), f"{CONNECTION_ID}:"),
            (ConnectionToken(CONNECTION_ID, "alice"), f"{CONNECTION_ID}:alice"),
            (ConnectionToken(CONNECTION_ID, "DOMAIN:alice é"), f"{CONNECTION_ID}:DOMAIN:alice é"),
        ]
        for token, text in cases:
            encoded = token.encode(self.protection)
            self.assertEqual(self.protection.texts[-1], text)
            self.assertEqual(ConnectionToken.decode(encoded, self.protection), token)

    def test_foreign_token_is_refused(self) -> None:
        """What the protection does not know is none of ours."""
        self.assertRaises(InvalidToken, ConnectionToken.decode, "token7", self.protection)

    def test_token_without_connection_is_refused(self) -> None:
        """A protected text that names no connection is not accepted."""
        for text in ("", ":", ":alice", CONNECTION_ID):
            self.assertRaises(InvalidToken, ConnectionToken.decode, self.protection.protect(text), self.protection)


class GroupsTokenTests(TokenTestCase):
    """Which groups a connection is in."""

    def decode(self, text: str, connection_id: str = CONNECTION_ID) -> GroupsToken:
        return GroupsToken.decode(self.protection.protect(text), connection_id, self.protection)

    def test_token_says_groups_and_where_they_were_joined(self) -> None:
        """The text is bound to the connection, compact, and in the order of joining."""
        cases = [
            (GroupsToken(CONNECTION_ID, "9f", 5, {}), f'{CONNECTION_ID}:["9f",5,[]]'),
            (
                GroupsToken(CONNECTION_ID, "9f", 1_700_000_000_123_456, {"chat.b": 17, "chat.a:1": 0}),
                f'{CONNECTION_ID}:["9f",1700000000123456,[["chat.b",17],["chat.a:1",0]]]',
            ),
        ]
        for token, text in cases:
            encoded = token.encode(self.protection)
            self.assertEqual(self.protection.texts[-1], text)
            self.assertEqual(GroupsToken.decode(encoded, CONNECTION_ID, self.protection), token)

    def test_connection_ids_are_compared_ignoring_case(self) -> None:
        """The token is good for the connection however its id is written."""
        token = self.decode(f'{CONNECTION_ID.upper()}:["9f",0,[["chat.a",1]]]')
        self.assertEqual(token, GroupsToken(CONNECTION_ID, "9f", 0, {"chat.a": 1}))

    def test_token_gets_too_old(self) -> None:
        """It is good for its lifetime to the microsecond; and as long before, for clocks differ."""
        token = GroupsToken(CONNECTION_ID, "9f", 1000, {})
        for now in (900, 999, 1000, 1100):
            self.assertFalse(token.is_outdated(now, 100), now)
        for now in (0, 899, 1101, 10**18):
            self.assertTrue(token.is_outdated(now, 100), now)

    def test_token_of_another_connection_is_refused(self) -> None:
        """Nobody gets into groups with somebody else's token."""
        self.assertRaises(InvalidToken, self.decode, '00000000-0f0e-4b8e-9d5e-7a2f3f0a1b2c:["9f",0,[]]')

    def test_foreign_token_is_refused(self) -> None:
        """What the protection does not know is none of ours."""
        self.assertRaises(InvalidToken, GroupsToken.decode, "token7", CONNECTION_ID, self.protection)

    def test_token_without_groups_is_refused(self) -> None:
        """Neither the reference's list nor any other text is taken for ours."""
        contents = [
            "",
            '["chat.a"]',
            '["a","b"]',
            "null",
            "1",
            "[]",
            '["9f",[]]',
            '["9f",null,[]]',
            '["9f","soon",[]]',
            '["9f",1e999,[]]',
            '["9f",0,null]',
            '["9f",0,[["a"]]]',
            '["9f",0,[["a","x"]]]',
            '["9f",0,[["a",1e999]]]',
            '["9f",%s,[]]' % ("9" * 5000),
            "[" * 10000,
        ]
        for content in contents:
            self.assertRaises(InvalidToken, self.decode, f"{CONNECTION_ID}:{content}")
        self.assertRaises(InvalidToken, self.decode, CONNECTION_ID)


class PurposeTests(SynchronousTestCase):
    """What keeps the two kinds of tokens apart."""

    def test_purposes_are_the_references(self) -> None:
        """Tokens outlive a release of the server, so their purposes do not change."""
        self.assertEqual((CONNECTION_TOKEN, GROUPS_TOKEN), ("SignalR.ConnectionToken", "SignalR.Groups.v1.1"))
