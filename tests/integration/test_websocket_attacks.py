"""Clients that send megabytes of what no client may send: they are closed, and cost neither memory nor others' time."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass

from tests.integration.bystander import Bystander, memory
from tests.integration.scale import scaled
from tests.integration.support import Client, StockTickerTestCase, WebSocket
from tests.integration.waiting import wait_for
from tests.web.frames import BINARY, CLOSE, CONTINUATION, PING, TEXT, close, frame, head

_KIB = 1024
_MIB = 1024 * _KIB

#: What each attacker sends, unless the server lets go of it before.
_ATTACK_BYTES = scaled(32, 512) * _MIB

#: How many attackers of each kind there are at the same time.
_ATTACKERS = scaled(2, 8)

#: What all attackers together may cost. There are some forty sockets with buffers of 64 KiB, and the interpreter's own.
_GROWTH_BYTES = 16 * _MIB

#: How long a bystander's call may take at worst; on a machine that does nothing else it is a few milliseconds.
_SLOWEST_SECONDS = 1.0

_HUB = "stockBoard"

_PIECE = 64 * _KIB

_NORMAL = 1000


@dataclass(frozen=True)
class Attack:
    """
    What an attacker sends: *first* once and *then* again and again.

    Attributes:
        code: what the server closes with.
    """

    name: str
    first: bytes
    then: bytes
    code: int


ATTACKS = (
    Attack("a text without end", head(TEXT, 2**62), b"x", 1009),
    Attack("a ping without end", head(PING, 2**62), b"x", 1002),
    Attack("empty fragments", frame(TEXT, final=False), frame(CONTINUATION, final=False), 1009),
    Attack("tiny fragments", frame(TEXT, b"x", final=False), frame(CONTINUATION, b"x", final=False), 1009),
    Attack("long fragments", frame(TEXT, b"x", final=False), frame(CONTINUATION, b"x" * 60_000, final=False), 1009),
    Attack("no masks", b"", frame(TEXT, b"x" * 1000, masked=False), 1002),
    Attack("compressed", b"", frame(TEXT, b"x" * 1000, reserved=4), 1002),
    Attack("no UTF-8", frame(TEXT, b"\xff", final=False), frame(CONTINUATION, b"x" * 1000, final=False), 1007),
    Attack("binary", b"", frame(BINARY, b"x" * 1000), 1003),
    Attack("all behind a close", close(), frame(TEXT, b"x" * 1000), 1000),
)

_PINGS = frame(PING, b"x" * 125) * 500


class AttackTests(StockTickerTestCase):
    """A server that is attacked, and somebody who makes calls all the time."""

    def setUp(self) -> None:
        super().setUp()
        self.server = self.start_server("--open")
        self.links = contextlib.ExitStack()
        self.addCleanup(self.links.close)
        # What is made when it is needed first is no growth: everything happens once before it is counted.
        self.attack(_MIB, 1)
        self.before = memory(self.server)
        self.bystander = Bystander(self.server.port)
        self.addCleanup(self.bystander.stop)

    def opened(self) -> WebSocket:
        """The socket of a client that has started."""
        return self.links.enter_context(contextlib.closing(Client(self.server.port, _HUB).open_websocket()))

    def attack(self, size: int, number: int) -> None:
        """Let some attackers of each kind send *size* bytes at the same time, and look at how they are closed."""
        attackers = [Attacker(self.opened(), attack, size) for attack in ATTACKS * number]
        ends = [(attacker.attack.name, attacker.end()) for attacker in attackers]
        self.assertEqual(ends, [(attack.name, attack.code) for attack in ATTACKS * number])

    def assert_unharmed(self) -> None:
        """The server has hardly grown, the bystander was always answered, and the log is clean."""
        self.assertLess(memory(self.server) - self.before, _GROWTH_BYTES)
        self.bystander.stop()
        self.assertGreater(len(self.bystander.seconds), 10)
        self.assertLess(max(self.bystander.seconds), _SLOWEST_SECONDS)
        self.assertLogClean(self.server)

    def test_attackers_that_are_closed(self) -> None:
        """Each is closed with the right code, which one line in the log tells."""
        self.attack(_ATTACK_BYTES, _ATTACKERS)
        self.assert_unharmed()
        refused = sum(attack.code != _NORMAL for attack in ATTACKS) * (1 + _ATTACKERS)
        self.assertEqual(self.server.log.count("Closing the WebSocket of"), refused)

    def test_pings_of_who_does_not_read(self) -> None:
        """Who does not read the pongs is not read any more, so that they do not pile up."""
        sent = [0] * _ATTACKERS
        links = [self.opened() for _ in sent]

        def flood(number: int) -> None:
            with contextlib.suppress(OSError):
                while sent[number] < _ATTACK_BYTES:
                    links[number].write(_PINGS)
                    sent[number] += len(_PINGS)

        threads = [threading.Thread(target=flood, args=(number,)) for number in range(len(sent))]
        for thread in threads:
            thread.start()
        wait_for("nothing more is read", lambda: not moved(sent))
        self.assertLess(max(sent), _ATTACK_BYTES)
        self.assert_unharmed()
        for link in links:
            link.shut_down()
        for thread in threads:
            thread.join()


class Attacker:
    """
    Carries out an attack, in threads of its own: one that writes, and one that reads until a close comes.

    Args:
        link: an open socket.
        attack: what is sent.
        size: how many bytes of it, unless the server lets go before.
    """

    def __init__(self, link: WebSocket, attack: Attack, size: int) -> None:
        self.attack = attack
        self._link = link
        self._size = size
        self._code: int | None = None
        self._threads = [threading.Thread(target=target) for target in (self._write, self._read)]
        for thread in self._threads:
            thread.start()

    def end(self) -> int | None:
        """Wait for the end; returns the code that the server has closed with, ``None`` if it has not."""
        for thread in self._threads:
            thread.join()
        return self._code

    def _write(self) -> None:
        piece = self.attack.then * max(1, _PIECE // len(self.attack.then))
        with contextlib.suppress(OSError):
            self._link.write(self.attack.first)
            for _ in range(self._size // len(piece) + 1):
                self._link.write(piece)

    def _read(self) -> None:
        # A socket that is cut or does not say anything ends this by an error.
        with contextlib.suppress(AssertionError, OSError):
            opcode, payload = self._link.frame()
            while opcode != CLOSE:
                opcode, payload = self._link.frame()
            self._code = int.from_bytes(payload[:2], "big")


def moved(sent: list[int]) -> bool:
    """Whether somebody can send something within a while."""
    before = list(sent)
    time.sleep(1)
    return sent != before
