"""
Who hears which number: something that server, clients and test agree upon.
"""

from __future__ import annotations

__all__ = ["Audience"]

#: Every so manieth number is for one room.
_ROOM_EVERY = 11


class Audience:
    """
    Ten of eleven numbers are for everybody, the eleventh for one room after the other.

    Args:
        rooms: how many rooms there are; if none, all numbers are for everybody.
    """

    __slots__ = ("_rooms",)

    def __init__(self, rooms: int) -> None:
        self._rooms = rooms

    def room_of(self, number: int) -> int | None:
        """The room that a number is for; ``None`` if it is for everybody."""
        if not self._rooms or number % _ROOM_EVERY:
            return None
        return number // _ROOM_EVERY % self._rooms

    def is_for(self, room: int, number: int) -> bool:
        """Whether who is in a room hears a number."""
        return self.room_of(number) in (None, room)
