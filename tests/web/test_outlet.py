"""Tests for `twisted_ticker.web.outlet`: on Twisted's own TCP transport, over a pair of connected sockets."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import tcp
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.protocol.messages import Envelope
from twisted_ticker.web.outlet import EnvelopeOutlet, Outlet


class OutletTests(SynchronousTestCase):
    """Directly or not, what was written first arrives first."""

    def setUp(self) -> None:
        self.reactor = MemoryReactor()
        ours, self.theirs = socket.socketpair()
        self.addCleanup(self.theirs.close)
        self.addCleanup(ours.close)
        for end in (ours, self.theirs):
            end.setblocking(False)
        # Its type is what decides: this is what a TCP port makes of each connection.
        self.transport: Any = tcp.Server(ours, Protocol(), ("127.0.0.1", 1), None, 1, self.reactor)
        self.transport.protocol.makeConnection(self.transport)
        self.outlet = Outlet(self.transport)

    def arrived(self) -> bytes:
        """All that can be read at the other end."""
        data = b""
        while True:
            try:
                data += self.theirs.recv(65536)
            except BlockingIOError:
                return data

    def test_what_it_knows_of_twisted_is_still_so(self) -> None:
        """If this fails, Twisted buffers in another way now, and :mod:`.web.outlet` would be slow or wrong."""
        self.transport.write(b"waits")
        self.assertTrue(self.transport._tempDataBuffer)
        self.transport.doWrite()
        self.assertEqual((self.transport._tempDataBuffer, self.transport.dataBuffer), ([], b""))

    def test_nothing_waits(self) -> None:
        """The system call is made at once, and the reactor is not bothered."""
        self.outlet.write(b"now")
        self.assertEqual(self.arrived(), b"now")
        self.assertNotIn(self.transport, self.reactor.writers)

    def test_something_waits_already(self) -> None:
        """What the transport was given before leaves before; when it has left, writes are direct again."""
        self.transport.write(b"head ")
        self.outlet.write(b"body ")
        self.assertEqual(self.arrived(), b"")
        self.transport.doWrite()
        self.outlet.write(b"direct")
        self.assertEqual(self.arrived(), b"head body direct")

    def test_a_full_socket(self) -> None:
        """What did not go waits in the transport, as does everything behind it; nothing is lost or swapped."""
        pieces = [b"%07d," % number * 1000 for number in range(400)]
        for piece in pieces:
            self.outlet.write(piece)
        self.assertIn(self.transport, self.reactor.writers)
        data = b""
        while self.transport.dataBuffer or self.transport._tempDataBuffer:
            data += self.arrived()
            self.transport.doWrite()
        self.outlet.write(b"end")
        data += self.arrived()
        self.assertEqual(data, b"".join(pieces) + b"end")

    def test_a_broken_socket(self) -> None:
        """The transport is left to find out."""
        self.theirs.close()
        self.outlet.write(b"x")
        self.outlet.write(b"y")
        self.assertIsInstance(self.transport.doWrite(), Exception)

    def test_a_closed_outlet(self) -> None:
        """Nothing more is written."""
        self.outlet.write(b"before")
        self.outlet.close()
        self.outlet.write(b"after")
        self.assertTrue(self.outlet.is_closed)
        self.assertEqual((self.arrived(), self.transport._tempDataBuffer), (b"before", []))

    def test_giving_way(self) -> None:
        """Somebody else may leave something to the transport, which this one would not know."""
        self.outlet.write(b"a")
        other = Outlet(self.transport)
        self.outlet.give_way()
        self.transport.write(b"b")
        other.write(b"c")
        self.outlet.write(b"d")
        self.transport.doWrite()
        self.assertEqual(self.arrived(), b"abcd")

    def test_other_transports(self) -> None:
        """What is no plain TCP transport is written to in the ordinary way: TLS, UNIX sockets, derived types."""

        class Derived(tcp.Server):
            """Who knows what this does to what is written."""

        self.transport.__class__ = Derived
        Outlet(self.transport).write(b"x")
        self.assertEqual((self.arrived(), self.transport._tempDataBuffer), (b"", [b"x"]))
        self.transport.__class__ = tcp.Server
        self.transport.TLS = True
        written: list[bytes] = []
        self.transport.write = written.append
        Outlet(self.transport).write(b"y")
        self.assertEqual((self.arrived(), written), (b"", [b"y"]))
        plain = StringTransport()
        Outlet(plain).write(b"z")
        self.assertEqual(plain.value(), b"z")

    def test_envelopes_are_framed_once(self) -> None:
        """However many outlets write them."""
        framed: list[Envelope] = []

        def framing(envelope: Envelope) -> bytes:
            framed.append(envelope)
            return b"framed"

        envelope = Envelope("c", 1)
        for _ in range(2):
            EnvelopeOutlet(self.transport, framing).send(envelope)
        self.assertEqual((self.arrived(), framed), (b"framedframed", [envelope]))
