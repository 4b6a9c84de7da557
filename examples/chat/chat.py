"""
A chat with rooms: a hub with groups, errors in words for people, and pages that come back by themselves.

Run it in this directory: ``twistd -n signalr --hub chat:ChatHub --static .``
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted_ticker.signalr import Hub, HubException, hub_method

LONGEST_NAME = 24
LONGEST_TEXT = 500


@dataclass(frozen=True)
class Person:
    """Somebody in a room."""

    name: str
    room: str


#: Who is there, by connection id. A hub object lives for one call only, so this is kept outside.
people: dict[str, Person] = {}


def names_in(room: str) -> list[str]:
    """Everybody in a room, sorted."""
    return sorted((person.name for person in people.values() if person.room == room), key=str.casefold)


def is_taken(person: Person, connection_id: str) -> bool:
    """Whether somebody else in the room has the same name, in whatever letter case."""
    return any(
        other.room == person.room and other.name.casefold() == person.name.casefold()
        for other_id, other in people.items()
        if other_id != connection_id
    )


def checked(what: str, text: str, longest: int) -> str:
    """*text* without the blanks around it, if it is of a sensible length; else its sender is told."""
    text = text.strip()
    if not text:
        raise HubException(f"Please write a {what}.")
    if len(text) > longest:
        raise HubException(f"A {what} has {longest} characters at most.")
    return text


class ChatHub(Hub):
    """What pages can call; they have the methods ``said``, ``noted`` and ``peopleChanged``."""

    hub_name = "chat"

    @hub_method
    async def join(self, name: str, room: str) -> None:
        """
        Enter a room, and leave the one before. It does no harm to be called again.

        Who is in the room is not returned but told like all changes of it, so that the newest list comes last.
        """
        me = Person(checked("name", name, LONGEST_NAME), checked("room", room, LONGEST_NAME))
        if people.get(self.context.connection_id) == me:
            self.clients.caller.peopleChanged(names_in(me.room))
            return
        if is_taken(me, self.context.connection_id):
            raise HubException(f"There is another {me.name} in this room. Please take another name.")
        await self.leave()
        await self.groups.add(self.context.connection_id, me.room)
        people[self.context.connection_id] = me
        self.clients.others_in_group(me.room).noted(f"{me.name} has come in.")
        self.clients.group(me.room).peopleChanged(names_in(me.room))

    @hub_method
    async def leave(self) -> None:
        """Go out of the room, if there is one."""
        if self.context.connection_id in people:
            await self.groups.remove(self.context.connection_id, people[self.context.connection_id].room)
            self.say_goodbye()

    @hub_method
    def say(self, text: str) -> None:
        """Say something to everybody in the room, oneself included."""
        me = people.get(self.context.connection_id)
        if me is None:
            raise HubException("Please enter a room first.")
        self.clients.group(me.room).said(me.name, checked("message", text, LONGEST_TEXT))

    def on_disconnected(self, *, stop_called: bool) -> None:
        """Whoever closes the page is not in the room any more."""
        self.say_goodbye()

    def say_goodbye(self) -> None:
        """Tell those who stay."""
        me = people.pop(self.context.connection_id, None)
        if me is not None:
            self.clients.group(me.room).noted(f"{me.name} has gone.")
            self.clients.group(me.room).peopleChanged(names_in(me.room))
