"""Tests for `twisted_ticker.fairness`, with a reactor of their own, real sockets, and Twisted as it is installed."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.pollreactor import PollReactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.fairness import FairPolling


class Ear:
    """Reads what comes on a socket, a byte at a time."""

    def __init__(self, number: int, heard: list[int]) -> None:
        self._number = number
        self._heard = heard
        self._socket, self._other = socket.socketpair()

    def fileno(self) -> int:
        return self._socket.fileno()

    def say(self, count: int) -> None:
        self._other.send(b"x" * count)

    def doRead(self) -> None:
        self._socket.recv(1)
        self._heard.append(self._number)

    def logPrefix(self) -> str:
        return "ear"

    def close(self) -> None:
        self._socket.close()
        self._other.close()


class FairPollingTests(SynchronousTestCase):
    """What the reactor does between two looks at its timers."""

    def setUp(self) -> None:
        self.heard: list[int] = []
        self.ears = [Ear(number, self.heard) for number in range(10)]
        for ear in self.ears:
            self.addCleanup(ear.close)
        self.reactor: Any = EPollReactor()  # type: ignore[no-untyped-call]
        self.addCleanup(self.close_reactor)
        for ear in self.ears:
            self.reactor.addReader(ear)
        self.fair = FairPolling(self.reactor, sockets=4)

    def close_reactor(self) -> None:
        self.reactor.removeAll()
        self.reactor._poller.close()
        self.reactor.waker.connectionLost(None)

    def heard_in_one_go(self) -> list[int]:
        self.heard.clear()
        self.reactor.doPoll(0)
        return list(self.heard)

    def start(self) -> None:
        self.fair.startService()
        self.addCleanup(lambda: self.fair.running and self.fair.stopService())

    def test_a_few_at_a_time(self) -> None:
        """Whoever has something to say is heard in turn, and nobody twice before all others."""
        self.start()
        for ear in self.ears:
            ear.say(2)
        first = self.heard_in_one_go() + self.heard_in_one_go() + self.heard_in_one_go()
        self.assertEqual(len(first), 12)
        self.assertEqual(set(first), set(range(10)))
        rest = self.heard_in_one_go() + self.heard_in_one_go()
        self.assertEqual(sorted(first + rest), sorted([*range(10)] * 2))

    def test_sockets_come_and_go(self) -> None:
        """What the reactor is interested in reaches the kernel."""
        self.start()
        self.reactor.removeReader(self.ears[0])
        for ear in self.ears[:2]:
            ear.say(1)
        self.assertEqual(self.heard_in_one_go(), [1])
        self.reactor.addReader(self.ears[0])
        self.assertEqual(self.heard_in_one_go(), [0])

    def test_without_it(self) -> None:
        """All are served at once: before it starts, and after it has stopped."""
        for ear in self.ears:
            ear.say(2)
        self.assertEqual(len(self.heard_in_one_go()), 10)
        self.fair.startService()
        self.fair.stopService()
        self.assertEqual(len(self.heard_in_one_go()), 10)

    def test_other_reactors(self) -> None:
        """They are left as they are."""
        others: list[Any] = [Clock(), PollReactor()]  # type: ignore[no-untyped-call]
        self.addCleanup(others[1].waker.connectionLost, None)
        for reactor in others:
            before = dict(vars(reactor))
            fair = FairPolling(reactor)
            fair.startService()
            self.assertEqual(vars(reactor), before)
            fair.stopService()
            self.assertEqual(vars(reactor), before)
