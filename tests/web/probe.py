"""The hubs of the tests: a method for everything that can happen in a call, and a journal of the events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from twisted_ticker.signalr import Hub, HubException, hub_method

if TYPE_CHECKING:
    from tests.web.clients import Client

__all__ = ["BrokenHubError", "Journal", "OtherHub", "ProbeHub"]


class BrokenHubError(Exception):
    """What :class:`ProbeHub` fails with; its text must reach no client."""


class Journal:
    """
    What happened to the hubs of a server.

    Attributes:
        events: ``(connection id, event)`` in order.
        slow: a Deferred for each call of ``slow`` that has not been answered; the test fires it.
        connecting: while set, what ``on_connected`` waits for.
        failing: events that fail.
    """

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.slow: list[Deferred[Any]] = []
        self.connecting: Deferred[None] | None = None
        self.failing: set[str] = set()

    def note(self, connection_id: str, event: str) -> None:
        """Write down an event, and fail if it is to."""
        self.events.append((connection_id, event))
        if event.partition(" ")[0] in self.failing:
            raise BrokenHubError(f"secret of {event}")

    def of(self, client: Client) -> list[str]:
        """The events of one client."""
        return [event for connection_id, event in self.events if connection_id == client.connection_id]


class ProbeHub(Hub):
    """A method for everything that can happen in a call."""

    hub_name = "Probe"

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    @hub_method
    def add(self, a: int, b: int) -> int:
        return a + b

    @hub_method
    def echo(self, value: Any) -> Any:
        return value

    @hub_method
    def nothing(self) -> None:
        pass

    @hub_method
    def fail(self) -> None:
        raise BrokenHubError("secret of a method")

    @hub_method
    def refuse(self, text: str) -> None:
        raise HubException(text, data={"why": "tested"})

    @hub_method
    def call_back(self, text: str) -> str:
        self.clients.caller.said(text)
        return text

    @hub_method
    def broadcast(self, text: str) -> None:
        self.clients.all.said(text)

    @hub_method
    def tell_others(self, text: str) -> None:
        self.clients.others.said(text)

    @hub_method
    def remember(self, value: Any) -> None:
        self.state.memory = value

    @hub_method
    async def join(self, group: str) -> None:
        await self.groups.add(self.context.connection_id, group)

    @hub_method
    async def leave(self, group: str) -> None:
        await self.groups.remove(self.context.connection_id, group)

    @hub_method
    def tell(self, group: str, text: str) -> None:
        self.clients.group(group).said(text)

    @hub_method
    def slow(self) -> Deferred[Any]:
        outcome: Deferred[Any] = Deferred()
        self._journal.slow.append(outcome)
        return outcome

    @hub_method
    def whoami(self) -> str:
        return self.context.user.name if self.context.user else ""

    def on_connected(self) -> Deferred[None] | None:
        self._journal.note(self.context.connection_id, "connected")
        return self._journal.connecting

    def on_reconnected(self, *, missed: bool) -> None:
        self._journal.note(self.context.connection_id, f"reconnected missed={missed}")

    def on_gap(self) -> None:
        self._journal.note(self.context.connection_id, "gap")

    def on_disconnected(self, *, stop_called: bool) -> None:
        self._journal.note(self.context.connection_id, f"disconnected stop_called={stop_called}")


class OtherHub(Hub):
    """A second hub, with an audience of its own."""

    @hub_method
    def shout(self, text: str) -> None:
        self.clients.all.heard(text)
