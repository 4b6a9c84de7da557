"""
The way to one client's socket, and the only place that knows how Twisted buffers what is written.

``transport.write`` puts data into a buffer, asks the reactor to be told when the socket can take it, and sends it in
the reactor's next turn: three times the cost of the system call. Where nothing waits to be sent, an outlet makes that
call at once; the transport gets what the socket does not take, and everything after it until it is gone. So order and
back-pressure are those of the transport.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import tcp

from ..signalr.protocol.messages import Envelope

__all__ = ["EnvelopeOutlet", "Outlet"]


class Outlet:
    """
    Writes to one client: directly where that can be done, which is plain TCP, and by the transport elsewhere.

    From its making on, all that is written to the client has to be written here, until it is closed.

    Args:
        transport: the client's.
    """

    # A broadcast comes by here once for each of thousands of clients, whose objects are in no cache any more. So what
    # it needs to know lies side by side, and the transport is not looked at unless something has been left to it.
    __slots__ = ("_is_clear", "_send", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._send = _direct_send(transport)
        # Whether nothing that was written before can be waiting in the transport.
        self._is_clear = False

    def write(self, data: bytes) -> None:
        """Write some bytes; nothing happens when the outlet is closed."""
        if not self._is_clear and not self._has_become_clear():
            self._leave_to_transport(data)
            return
        try:
            sent = self._send(data)
        except OSError:
            # The socket is full, or broken: which of them, the transport will find out.
            sent = 0
        if sent < len(data):
            self._is_clear = False
            self._leave_to_transport(data[sent:])

    def close(self) -> None:
        """Write nothing more, whatever is asked for. What has been left to the transport stays there."""
        self._transport = None
        self._is_clear = False

    def give_way(self) -> None:
        """Leave all to the transport from now on, because somebody else has an outlet to it."""
        self._send = _by_transport
        self._is_clear = False

    @property
    def is_closed(self) -> bool:
        """Whether it has been closed."""
        return self._transport is None

    def _leave_to_transport(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _has_become_clear(self) -> bool:
        transport = self._transport
        if transport is not None and self._send is not _by_transport:
            self._is_clear = not (transport.dataBuffer or transport._tempDataBuffer)
        return self._is_clear


class EnvelopeOutlet(Outlet):
    """
    Writes envelopes to one client.

    Args:
        transport: see :class:`Outlet`.
        framing: makes the bytes of an envelope.
    """

    __slots__ = ("_framing",)

    def __init__(self, transport: Any, framing: Callable[[Envelope], bytes]) -> None:
        super().__init__(transport)
        self._framing = framing

    def send(self, envelope: Envelope) -> None:
        """Write an envelope; see :class:`.IReceiver`."""
        self.write(envelope.framed[self._framing])


def _by_transport(data: bytes) -> int:
    """Stands for the ``send`` of a socket that must not be used."""
    return 0


def _direct_send(transport: Any) -> Callable[[bytes], int]:
    """
    The ``send`` of a transport's socket, where it may be called past the transport.

    That is a connection that a plain TCP port has accepted, and nothing derived from it (TLS, UNIX sockets), as long as
    it has the two buffers that this module knows.
    """
    if type(transport) is not tcp.Server or transport.TLS:
        return _by_transport
    if not (isinstance(transport.dataBuffer, bytes) and isinstance(getattr(transport, "_tempDataBuffer", None), list)):
        return _by_transport
    send: Callable[[bytes], int] = transport.socket.send
    return send
