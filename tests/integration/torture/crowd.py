"""
A crowd of our own clients, as a process: each hears the numbers that are meant for it, and comes back when it is cut
off.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from tests.integration.torture.audience import Audience
from tests.integration.torture.ledger import Ledger
from tests.integration.torture.orders import obey, reactor
from twisted_ticker.signalr.client import ConnectionState, HubConnection

#: How many start at the same time.
_STARTING = 25

#: How long a client waits before it tries to come back.
_RETRY_SECONDS = 0.5


class _Member:
    """
    One client.

    Args:
        port: where its link to the server begins.
        transport: wire name of its only transport.
        room: the room that it joins.
        rooms: how many rooms there are.
        window: see :class:`.Ledger`.

    Attributes:
        reconnects: how often it has come back.
        ends: how often it has given up, or was sent away.
    """

    def __init__(self, port: int, transport: str, room: int, rooms: int, window: int) -> None:
        self.transport = transport
        self.room = room
        self.reconnects = self.ends = 0
        audience = Audience(rooms)
        self.ledger = Ledger(lambda number: audience.is_for(room, number), window=window)
        self.connection = HubConnection(
            f"http://127.0.0.1:{port}/signalr",
            reactor=reactor,
            transports=[transport],
            retry_seconds=_RETRY_SECONDS,
        )
        self.hub = self.connection.create_hub_proxy("numbering")
        self.hub.on("counted", self.ledger.hear)
        self.hub.on("missed", self.ledger.excuse)
        self.connection.events.reconnected.add(self._reconnected)
        self.connection.events.disconnected.add(self._ended)

    def _reconnected(self) -> None:
        self.reconnects += 1

    def _ended(self, reason: BaseException | None) -> None:
        self.ends += 1

    def start(self) -> Deferred[Any]:
        """Connect, and join the room."""
        return self.connection.start().addCallback(lambda _: self.hub.invoke("join", self.room))


class _Crowd:
    """The orders that there are."""

    def __init__(self) -> None:
        self._members: list[_Member] = []
        self._calls = Counter[str]()
        self._caller = 0
        self._calling = LoopingCall(self._call)

    async def join(self, ports: dict[str, list[int]], rooms: int = 1, window: int = 0) -> None:
        """
        Connect, a client for each port.

        Args:
            ports: by transport.
            rooms: how many rooms there are; clients join one after the other.
            window: see :class:`.Ledger`.
        """
        turns = DeferredSemaphore(_STARTING)
        for transport, its_ports in ports.items():
            for number, port in enumerate(its_ports):
                self._members.append(_Member(port, transport, number % rooms, rooms, window))
        await gatherResults([turns.run(member.start) for member in self._members])

    def report(self, latest: int = 0) -> dict[str, dict[str, int]]:
        """
        What has become of the clients of each transport.

        Args:
            latest: the latest number.
        """
        totals: dict[str, Counter[str]] = {}
        for member in self._members:
            total = totals.setdefault(member.transport, Counter())
            total.update(member.ledger.summary())
            total["clients"] += 1
            total["connected"] += member.connection.state is ConnectionState.CONNECTED
            total["behind"] += member.ledger.is_behind(latest)
            total["reconnects"] += member.reconnects
            total["came_back"] += member.reconnects > 0
            total["ended"] += member.ends
        return {transport: dict(total) for transport, total in totals.items()}

    def begin_anew(self) -> None:
        """Forget what was heard, and who has come back, until now: the next server counts from 1 again."""
        for member in self._members:
            member.ledger.begin_anew()
            member.reconnects = 0

    def ids(self) -> list[str]:
        """The connection ids of all clients."""
        return [member.connection.connection_id for member in self._members]

    def call(self, per_second: float) -> None:
        """Have one client after the other call the server; 0 to stop that."""
        if self._calling.running:
            self._calling.stop()
        if per_second:
            self._calling.start(1 / per_second)

    def _call(self) -> None:
        member = self._members[self._caller % len(self._members)]
        self._caller += 1
        number = self._caller

        def answered(answer: int) -> None:
            self._calls["right" if answer == number else "wrong"] += 1

        def failed(failure: Failure) -> None:
            self._calls[failure.type.__name__] += 1

        member.hub.invoke("echo", number).addCallbacks(answered, failed)

    def calls(self) -> dict[str, int]:
        """What came of the calls: how many were answered right and wrong, or have failed, by the error's name."""
        return dict(self._calls)

    async def leave(self) -> None:
        """End all connections."""
        await gatherResults([member.connection.stop() for member in self._members])


if __name__ == "__main__":
    crowd = _Crowd()
    orders = (crowd.join, crowd.report, crowd.begin_anew, crowd.ids, crowd.call, crowd.calls, crowd.leave)
    obey({order.__name__: order for order in orders})
