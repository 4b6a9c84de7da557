"""
What connection tokens and groups tokens say; how they are protected is the key ring's business.

Both are self-contained, so that any server with the same keys can serve any request, and bound to their purpose:
one cannot pose as the other. Source: SignalR 2.4, ``Infrastructure/Purposes.cs``, ``PersistentConnection.cs``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from ..errors import InvalidToken

__all__ = ["CONNECTION_TOKEN", "GROUPS_TOKEN", "ConnectionToken", "GroupsToken", "Protection"]

#: Purposes, for :class:`Protection`.
CONNECTION_TOKEN = "SignalR.ConnectionToken"
GROUPS_TOKEN = "SignalR.Groups.v1.1"

_decode_content = msgspec.json.Decoder(tuple[str, int, list[tuple[str, int]]]).decode


class Protection(Protocol):
    """Encrypts and authenticates text for one purpose."""

    def protect(self, text: str) -> str:
        """An opaque, URL-safe token for *text*."""

    def unprotect(self, token: str) -> str:
        """
        The text of a token.

        Raises:
            InvalidToken: not made by this key ring for this purpose.
        """


@dataclass(frozen=True, slots=True)
class ConnectionToken:
    """
    Which connection a request belongs to, and for whom it was negotiated.

    *user_name* is empty for an anonymous user.
    """

    connection_id: str
    user_name: str = ""

    def encode(self, protection: Protection) -> str:
        """The protected ``<connection id>:<user name>``."""
        return protection.protect(f"{self.connection_id}:{self.user_name}")

    @classmethod
    def decode(cls, token: str, protection: Protection) -> ConnectionToken:
        """
        Read a token back.

        Raises:
            InvalidToken: not one of ours.
        """
        connection_id, colon, user_name = protection.unprotect(token).partition(":")
        if not colon or not connection_id:
            raise InvalidToken("The connection token holds no connection id.")
        return cls(connection_id, user_name)


@dataclass(frozen=True, slots=True)
class GroupsToken:
    """
    The groups of a connection, each with the sequence number at which it joined.

    The numbers count in the server run named *epoch*; they keep a replay from handing out what was sent to a group
    before the client was in it.

    *issued* is when the token was made, in microseconds since 1970: it tells tokens that are too old, and those from
    before a group was taken away.
    """

    connection_id: str
    epoch: str
    issued: int
    joined: Mapping[str, int]

    def is_outdated(self, now: int, lifetime: int) -> bool:
        """
        Whether the token is too old at *now*, or from so far in the future that some clock was wrong.

        Args:
            now: microseconds since 1970.
            lifetime: how many of them a token is good for.
        """
        return abs(now - self.issued) > lifetime

    def encode(self, protection: Protection) -> str:
        """The protected ``<connection id>:<JSON of epoch, time and memberships>``."""
        content = json.dumps([self.epoch, self.issued, list(self.joined.items())], separators=(",", ":"))
        return protection.protect(f"{self.connection_id}:{content}")

    @classmethod
    def decode(cls, token: str, connection_id: str, protection: Protection) -> GroupsToken:
        """
        Read a token back, however old it is.

        Raises:
            InvalidToken: not one of ours, or another connection's (ids are compared ignoring case).
        """
        owner, _, content = protection.unprotect(token).partition(":")
        if owner.lower() != connection_id.lower():
            raise InvalidToken("The groups token belongs to another connection.")
        try:
            epoch, issued, joined = _decode_content(content)
        except ValueError as error:
            raise InvalidToken("The groups token holds no list of groups.") from error
        return cls(connection_id, epoch, issued, dict(joined))
