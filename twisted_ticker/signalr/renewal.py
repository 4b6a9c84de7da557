"""
New groups tokens for those who are there, long before theirs are too old.

Clients are given a token when their groups change, which for many is once; and they come back with the one they have,
however long they have been there.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from .connection import Connection

__all__ = ["GroupsTokenRenewal"]

#: In seconds. The shorter, the fewer tokens are made at once.
_INTERVAL = 1.0


class GroupsTokenRenewal:
    """
    Goes through all connections again and again, a few at a time.

    A round takes a quarter of a token's life, and renews those that are older than that. So nobody who is there has a
    token that has less than half of its life left, and clients that have come all at once are renewed one by one.

    Args:
        connections: all there are, by id.
        lifetime: how long a token is good for, in seconds.
        clock: the time.
    """

    def __init__(self, connections: Mapping[str, Connection], *, lifetime: float, clock: IReactorTime) -> None:
        self._connections = connections
        self._renewed_at_age = lifetime / 4
        self._turns = max(1, int(self._renewed_at_age / _INTERVAL))
        self._clock = clock
        # Ids of those who have still to be looked at. Whoever comes meanwhile has a new token, or waits for the next.
        self._round: list[str] = []
        self._at_once = 0
        self._loop = LoopingCall(self._go_on)
        self._loop.clock = clock

    def start(self) -> None:
        """Begin, one interval from now."""
        self._loop.start(_INTERVAL, now=False)

    def stop(self) -> None:
        """Renew no more."""
        if self._loop.running:
            self._loop.stop()
        self._round.clear()

    def _go_on(self) -> None:
        if not self._round:
            self._round = list(self._connections)
            self._at_once = ceil(len(self._round) / self._turns)
        oldest = self._clock.seconds() - self._renewed_at_age
        for connection_id in self._round[-self._at_once :]:
            connection = self._connections.get(connection_id)
            if connection is not None:
                connection.renew_groups_token(oldest)
        del self._round[-self._at_once :]
