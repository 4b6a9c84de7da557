"""
A server that counts: ``twistd signalr --app tests.integration.torture.numbering:serve``.

Most numbers go to everybody, some to one room each, which is a group; see :class:`Audience`.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from twisted.internet.task import LoopingCall

from tests.integration.torture.audience import Audience
from twisted_ticker.signalr import Hub, SignalRServer, hub_method

__all__ = ["Numbering", "NumberingHub", "serve"]

_LOOK_SECONDS = 0.002


class Numbering:
    """
    Counts, and watches how long the reactor takes to look at its timers.

    Args:
        server: whose clients hear the numbers.

    Attributes:
        published: the latest number.
        announcements: how often clients were told that they have missed some.
        returned: ids of the connections that have come back, in that order.
        longest_turn: the most seconds of CPU time between two looks at the timers.
    """

    def __init__(self, server: SignalRServer) -> None:
        self.published = 0
        self.announcements = 0
        self.returned: list[str] = []
        self.longest_turn = 0.0
        self.server = server
        self._last = 0
        self._audience = Audience(0)
        self._pad = ""
        self._counting = LoopingCall(self._count)
        self._per_turn = 0
        self._looked_at: float | None = None
        LoopingCall(self._look).start(_LOOK_SECONDS)

    def begin(self, count: int, per_second: float, turns: float, rooms: int, size: int) -> None:
        """Count so many more numbers, at a pace; see :meth:`NumberingHub.begin`."""
        self._audience = Audience(rooms)
        self._last = self.published + count
        self._per_turn = max(1, round(per_second / turns))
        self._pad = "x" * size
        self._counting.start(self._per_turn / per_second)

    def _count(self) -> None:
        clients = self.server.hub_context(NumberingHub).clients
        for _ in range(min(self._per_turn, self._last - self.published)):
            self.published += 1
            room = self._audience.room_of(self.published)
            whom = clients.all if room is None else clients.group(f"room {room}")
            if self._pad:
                whom.counted(self.published, time.monotonic_ns(), self._pad)
            else:
                whom.counted(self.published)
        if self.published >= self._last:
            self._counting.stop()

    def _look(self) -> None:
        now = time.thread_time()
        if self._looked_at is not None:
            self.longest_turn = max(self.longest_turn, now - self._looked_at)
        self._looked_at = now


class NumberingHub(Hub):
    """
    Where clients hear numbers (``counted``) and that some are missing (``missed``), and where a test gives orders.

    Args:
        numbering: what counts.
    """

    hub_name = "numbering"

    def __init__(self, numbering: Numbering) -> None:
        super().__init__()
        self._numbering = numbering

    @hub_method
    async def join(self, room: int) -> None:
        """Hear what is counted in a room."""
        await self.groups.add(self.context.connection_id, f"room {room}")

    @hub_method
    def echo(self, value: int) -> int:
        """The value."""
        return value

    @hub_method
    def begin(self, count: int, per_second: float, turns: float, rooms: int = 0, size: int = 0) -> None:
        """
        Begin to count.

        Args:
            count: how many numbers.
            per_second: the pace.
            turns: how many times a second; the numbers of each time leave in one envelope.
            rooms: how many rooms there are.
            size: of each message, in bytes; 0 for messages that have nothing but the number.
        """
        self._numbering.begin(count, per_second, turns, rooms, size)

    @hub_method
    def progress(self) -> dict[str, Any]:
        """How far it is, and what the server has counted."""
        counters, connections = self._numbering.server.counters, self._numbering.server.connections
        return {
            "published": self._numbering.published,
            "announcements": self._numbering.announcements,
            "longest_turn": self._numbering.longest_turn,
            "gaps": counters.gaps,
            "lost_groups": counters.lost_groups,
            "refused": counters.refused_requests,
            "stalled": counters.stalled_receivers,
            "reconnects": counters.reconnects,
            "connections": len(connections),
            "paused": sum(connection.paused_since is not None for connection in connections.values()),
        }

    @hub_method
    def watch(self) -> None:
        """Forget how long turns were, and who has come back, until now."""
        self._numbering.longest_turn = 0.0
        self._numbering.returned.clear()

    @hub_method
    def connected(self) -> list[str]:
        """Ids of the connections that the server knows."""
        return list(self._numbering.server.connections)

    @hub_method
    def returned(self) -> list[str]:
        """Ids of the connections that have come back, in that order."""
        return self._numbering.returned

    def on_reconnected(self, *, missed: bool) -> None:
        """Tell a client what it has missed."""
        self._numbering.returned.append(self.context.connection_id)
        if missed:
            self.on_gap()

    def on_gap(self) -> None:
        """Tell a client what it has missed."""
        self._numbering.announcements += 1
        self.clients.caller.missed(self._numbering.published)


def serve(server: SignalRServer) -> None:
    """Map the hub; called by ``twistd signalr``."""
    server.map_hubs("/signalr", [partial(NumberingHub, Numbering(server))])
