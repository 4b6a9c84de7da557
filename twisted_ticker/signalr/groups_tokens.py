"""
The groups tokens of a server: made, taken back for a while, and revoked.

A token outlives its making: the client may have had groups taken away since, and present the one from before. As long
as this server knows the connection, that does not matter, because its own memory is right. Of a connection that it
does not know, it remembers until when tokens were revoked, for as long as a token is good.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

from .errors import OutdatedToken
from .protocol.tokens import GroupsToken, Protection

__all__ = ["GroupsTokens"]

#: Revocations that are remembered. With more of them, the oldest is forgotten, and to be safe all tokens from before it
#: are refused, whoever has them.
_MAX_REVOCATIONS = 65536

_MICROSECONDS = 1_000_000


class GroupsTokens:
    """
    Makes groups tokens, and says which are still good.

    Args:
        protection: encrypts and authenticates them.
        epoch: name of this run of the server.
        lifetime: how long a token is good for, in seconds.
        seconds: the time since 1970, which servers that share keys have to agree on.
    """

    def __init__(self, protection: Protection, *, epoch: str, lifetime: float, seconds: Callable[[], float]) -> None:
        self._protection = protection
        self._epoch = epoch
        self._lifetime = round(lifetime * _MICROSECONDS)
        self._seconds = seconds
        self._latest = 0
        # Subjects, each with the time up to which its tokens are revoked; in the order of those times.
        self._revoked: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._all_revoked_until = -1

    def make(self, connection_id: str, joined: Mapping[str, int]) -> str:
        """A token that names the groups, each with the place in the sequence where the connection joined."""
        return GroupsToken(connection_id, self._epoch, self._now(), joined).encode(self._protection)

    def read(self, text: str, connection_id: str, user_name: str) -> GroupsToken:
        """
        Read a token back.

        Args:
            text: the token.
            connection_id: whose it has to be.
            user_name: who presents it; empty for nobody known.

        Raises:
            OutdatedToken: it is too old, or was revoked.
            InvalidToken: not one of ours, or another connection's.
        """
        token = GroupsToken.decode(text, connection_id, self._protection)
        if token.is_outdated(self._now(), self._lifetime):
            raise OutdatedToken("The groups token is too old.", tuple(token.joined))
        if token.issued <= self._revoked_until(connection_id, user_name):
            raise OutdatedToken("The groups token was revoked.", tuple(token.joined))
        return token

    def revoke_connection(self, connection_id: str) -> None:
        """Refuse all tokens that this connection has been given until now."""
        self._revoke(_connection(connection_id))

    def revoke_user(self, user_name: str) -> None:
        """Refuse all tokens that any connection of this user has been given until now."""
        self._revoke(_user(user_name))

    def _revoke(self, subject: tuple[str, str]) -> None:
        now = self._now()
        # Whatever is made from now on is made later, however coarse the clock.
        self._latest = now + 1
        self._revoked.pop(subject, None)
        self._revoked[subject] = now
        while self._oldest_revocation() < now - self._lifetime:
            self._revoked.popitem(last=False)
        if len(self._revoked) > _MAX_REVOCATIONS:
            self._all_revoked_until = self._revoked.popitem(last=False)[1]

    def _oldest_revocation(self) -> int:
        return next(iter(self._revoked.values()))

    def _revoked_until(self, connection_id: str, user_name: str) -> int:
        revoked = self._revoked
        return max(
            self._all_revoked_until,
            revoked.get(_connection(connection_id), -1),
            revoked.get(_user(user_name), -1) if user_name else -1,
        )

    def _now(self) -> int:
        # Never back, even if the clock is set back: what is revoked stays revoked.
        self._latest = max(self._latest, int(self._seconds() * _MICROSECONDS))
        return self._latest


def _connection(connection_id: str) -> tuple[str, str]:
    return "connection", connection_id.lower()


def _user(user_name: str) -> tuple[str, str]:
    return "user", user_name.casefold()
