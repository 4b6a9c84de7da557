"""
A bad network, as a process: TCP links to a port of this machine that fail at random, each on its own.

A link that is cut either resets all its connections and refuses new ones, or goes silent: it takes what is sent, either
way, and forwards nothing. When it is up again, what went through it before is gone.
"""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.interfaces import IAddress, IDelayedCall, IListeningPort
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from tests.integration.torture.orders import obey, reactor


class _End(Protocol):
    """One end of a connection through a link; it forwards what it gets to the other end."""

    transport: Any

    def __init__(self, link: _Link) -> None:
        self.link = link
        self.other: _End | None = None

    def join(self, other: _End) -> None:
        """Forward to each other, no faster than either takes it."""
        self.other, other.other = other, self
        self.transport.registerProducer(other.transport, True)
        other.transport.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        if self.other is not None and not self.link.is_down:
            self.other.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.link.ends.discard(self)
        other, self.other = self.other, None
        if other is not None:
            other.other = None
            other.transport.unregisterProducer()
            if not self.link.is_down:
                other.transport.loseConnection()


class _Near(_End):
    """The client's end."""

    def connectionMade(self) -> None:
        self.link.ends.add(self)
        if self.link.refuses:
            self.transport.abortConnection()
        elif not self.link.is_down:
            # Nothing is read before there is somebody to forward it to.
            self.transport.pauseProducing()
            reactor.connectTCP("127.0.0.1", self.link.target, _Far(self))


class _Far(Factory):
    """Makes the server's end of a connection."""

    noisy = False

    def __init__(self, near: _Near) -> None:
        self._near = near

    def startedConnecting(self, connector: object) -> None:
        """Part of what a reactor asks for."""

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return _Joined(self._near)

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        """There is no server at the moment."""
        self._near.transport.abortConnection()

    def clientConnectionLost(self, connector: object, reason: Failure) -> None:
        """Its end knows."""


class _Joined(_End):
    """The server's end."""

    def __init__(self, near: _Near) -> None:
        super().__init__(near.link)
        self._near = near

    def connectionMade(self) -> None:
        if self._near not in self.link.ends:
            # The client has gone, or the link was cut.
            self.transport.abortConnection()
            return
        self.link.ends.add(self)
        self.join(self._near)
        self._near.transport.resumeProducing()


class _Link(Factory):
    """
    One link, with a port of its own.

    Args:
        target: the server's port.
        dice: what is random about it.

    Attributes:
        ends: of the connections that go through it.
        is_down: whether nothing is forwarded.
        refuses: whether connections are refused as long as it is down.
        cuts: how often it was cut.
        cut_connections: how many connections there were then.
    """

    noisy = False

    def __init__(self, target: int, dice: random.Random) -> None:
        self.target = target
        self.ends: set[_End] = set()
        self.is_down = self.refuses = False
        self.cuts = self.cut_connections = 0
        self._dice = dice
        self._up: tuple[float, float] = (0.0, 0.0)
        self._down: tuple[float, float] = (0.0, 0.0)
        self._next: IDelayedCall | None = None
        self.listening: IListeningPort = reactor.listenTCP(0, self, interface="127.0.0.1")

    def buildProtocol(self, addr: IAddress | None) -> _Near:
        return _Near(self)

    def fail(self, up: tuple[float, float], down: tuple[float, float]) -> None:
        """Be up and down by turns from now on, each for a random time between two bounds, in seconds."""
        self._up, self._down = up, down
        # Not all at once: some are just about to fail.
        self._next = reactor.callLater(self._dice.uniform(0, up[1]), self._cut)

    def _cut(self) -> None:
        self.is_down = True
        self.refuses = self._dice.random() < 0.5
        self.cuts += 1
        self.cut_connections += len(self.ends) // 2
        if self.refuses:
            self._reset()
        self._next = reactor.callLater(self._dice.uniform(*self._down), self._restore)

    def _restore(self) -> None:
        self._reset()
        self.is_down = self.refuses = False
        self._next = reactor.callLater(self._dice.uniform(*self._up), self._cut)

    def _reset(self) -> None:
        for end in list(self.ends):
            end.transport.abortConnection()
        # Whoever is on the way to the server is too late.
        self.ends.clear()

    def calm(self) -> None:
        """Be up from now on."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self.is_down:
            self._reset()
            self.is_down = self.refuses = False


class _Network:
    """The orders that there are."""

    def __init__(self) -> None:
        self._links: list[_Link] = []

    def open(self, target: int, links: int, seed: int) -> list[int]:
        """Make links to a port, and return the ports that they begin at."""
        dice = random.Random(seed)
        self._links = [_Link(target, random.Random(dice.random())) for _ in range(links)]
        return [link.listening.getHost().port for link in self._links]

    def fail(self, up: tuple[float, float], down: tuple[float, float]) -> None:
        """Have all links fail at random from now on; see :meth:`_Link.fail`."""
        for link in self._links:
            link.fail(up, down)

    def calm(self) -> dict[str, int]:
        """Have all links work from now on, and tell what was cut."""
        for link in self._links:
            link.calm()
        return {
            "cuts": sum(link.cuts for link in self._links),
            "connections": sum(link.cut_connections for link in self._links),
        }


if __name__ == "__main__":
    network = _Network()
    obey({"open": network.open, "fail": network.fail, "calm": network.calm})
