"""
A site whose connections have bounds: how long each may take for what, how many there may be, and how they share turns.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol
from twisted.web.server import Site

from .bounded_http import BoundedChannel
from .deadlines import BODY_SECONDS, HEAD_SECONDS, IDLE_SECONDS, PARTING_SECONDS, UNREAD_SECONDS, Deadlines
from .fair_turns import FairTurns
from .places import ConnectionLimits, Places

__all__ = ["BoundedSite"]

#: Of whom nothing has come for so long, in seconds, somebody else may get the place.
_GIVES_WAY_AFTER = 1.0


class _TurnedAway(Protocol):
    """Somebody for whom there is no place."""

    place: str | None = None

    def connectionMade(self) -> None:
        """Close the connection."""
        transport: Any = self.transport
        transport.abortConnection()


class BoundedSite(Site):
    """
    A site whose connections are :class:`BoundedChannel`.

    Args:
        places: what connections take; any number of them, when not given.

    Attributes:
        places: what connections take.
        heads, bodies, idle, unread, parting: the times that run for channels; see :mod:`.deadlines`.
        turns: what channels have to do that can wait.
        held_bytes: how much is kept of requests that are not whole.
    """

    # Twisted's own chooses between HTTP/1.1 and HTTP/2, and speaks the former to all whom this site is for.
    protocol = BoundedChannel  # type: ignore[assignment]

    def __init__(self, *args: Any, places: Places | None = None, **options: Any) -> None:
        super().__init__(*args, **options)  # type: ignore[no-untyped-call]
        clock = self.reactor
        self.places = places or Places(ConnectionLimits(), clock.seconds)
        self.places.make_room = self._make_room
        self.heads = Deadlines(clock, HEAD_SECONDS, BoundedChannel.head_is_late)
        self.bodies = Deadlines(clock, BODY_SECONDS, BoundedChannel.body_is_late)
        self.idle = Deadlines(clock, IDLE_SECONDS, BoundedChannel.idle_is_over)
        self.unread = Deadlines(clock, UNREAD_SECONDS, BoundedChannel.is_unread)
        self.parting = Deadlines(clock, PARTING_SECONDS, BoundedChannel.cut)
        self.turns = FairTurns(clock)
        self.held_bytes = 0

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make a channel, if there is a place for it."""
        place = self.places.take(addr)
        if place is None:
            # Wrappers such as TLS cannot be told that there is no protocol.
            return _TurnedAway()
        channel: Any = super().buildProtocol(addr)  # type: ignore[no-untyped-call]
        channel.place = place
        # Times are the site's business.
        channel.timeOut = None
        return channel

    def leave(self, place: str) -> None:
        """A connection is over."""
        self.places.free(place)
        if not self.places.taken:
            for deadlines in (self.heads, self.bodies, self.idle, self.unread, self.parting):
                deadlines.stop()

    def _make_room(self) -> bool:
        channel = self.heads.longest(_GIVES_WAY_AFTER) or self.idle.longest(_GIVES_WAY_AFTER)
        if channel is None:
            return False
        channel.give_way()
        return True
