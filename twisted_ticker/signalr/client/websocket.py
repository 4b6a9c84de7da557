"""
The WebSocket transport: Autobahn's client.

Source: SignalR 2.4, ``jquery.signalR.transports.webSockets.js``, ``Client/Transports/WebSocketTransport.cs``.
"""

from __future__ import annotations

from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from .channels import ChannelOwner, ReceiveChannel
from .errors import ProtocolViolation, TransportError

__all__ = ["WebSocketChannel"]


class _Socket(WebSocketClientProtocol):
    """Tells a channel what happens to a socket."""

    _own_log = Logger()
    _too_long = False

    transport: Any

    def __init__(self, channel: WebSocketChannel) -> None:
        super().__init__()
        self._channel = channel

    def onOpen(self) -> None:
        """The handshake has succeeded."""
        self._guarded(self._channel.opened)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A message has come."""
        if isBinary:
            # Nothing in SignalR 2 is binary; what it holds is looked at all the same.
            self._own_log.debug("A binary WebSocket message")
        self._guarded(self._channel.received, payload)

    def onCloseFrame(self, code: int, reasonRaw: bytes) -> bool | None:
        """The server closes the socket; Autobahn answers, and would then wait for as long as the server likes."""
        failed = super().onCloseFrame(code, reasonRaw)
        self.transport.loseConnection()
        return failed

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The connection is gone."""
        if self.wasMaxFramePayloadSizeExceeded or self.wasMaxMessagePayloadSizeExceeded:
            error: Exception = ProtocolViolation("The server has sent a message that is too long.")
        else:
            error = TransportError(f"The WebSocket was closed: {code} {reason or ''}".rstrip())
        self._guarded(self._channel.closed, error)

    def _guarded(self, function: Any, *arguments: Any) -> None:
        try:
            function(*arguments)
        except Exception:
            # Autobahn would reduce this to a warning.
            self._own_log.failure("A WebSocket event could not be handled")
            self.transport.abortConnection()


class _SocketFactory(WebSocketClientFactory):
    """Makes the socket of one channel."""

    noisy = False

    def __init__(self, channel: WebSocketChannel, url: str, headers: dict[str, str], reactor: Any, limit: int) -> None:
        super().__init__(url, headers=headers, reactor=reactor)  # type: ignore[no-untyped-call]
        self._channel = channel
        self.setProtocolOptions(  # type: ignore[no-untyped-call]
            maxFramePayloadSize=limit,
            maxMessagePayloadSize=limit,
            failByDrop=True,
            # The connection knows better how long to wait for what, and its clock is ours.
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            serverConnectionDropTimeout=0,
        )

    def buildProtocol(self, address: Any) -> _Socket:
        socket = _Socket(self._channel)
        socket.factory = self
        return socket


class WebSocketChannel(ReceiveChannel):
    """A WebSocket."""

    transport = "webSockets"
    duplex = True

    def __init__(self, owner: ChannelOwner) -> None:
        super().__init__(owner)
        self._connecting: Deferred[Any] | None = None
        self._socket: _Socket | None = None
        self._closed = False

    def open(self, command: str) -> None:
        """See :meth:`ReceiveChannel.open`."""
        owner = self._owner
        network = owner.network
        url = owner.addresses.receive(command, self.transport, owner.position)
        factory = _SocketFactory(
            self, f"ws{url.removeprefix('http')}", network.headers(), network.reactor, network.max_bytes
        )
        connecting: Deferred[Any] = network.endpoint(url).connect(factory)
        self._connecting = connecting
        connecting.addCallback(self._connected)
        connecting.addErrback(self._failed)

    def _connected(self, socket: _Socket) -> None:
        self._connecting = None
        self._socket = socket
        if self._closed:
            self.close()

    def _failed(self, failure: Failure) -> None:
        self._connecting = None
        self._tell_ended(failure)

    # What the socket tells

    def opened(self) -> None:
        """The server has accepted it."""
        self._tell_heard()
        self._tell_opened()

    def received(self, payload: bytes) -> None:
        """The server has sent a message."""
        self._tell_heard()
        self._tell_received(payload)

    def closed(self, error: Exception) -> None:
        """It is gone."""
        self._tell_ended(Failure(error))

    # What the connection wants

    def send(self, text: str) -> None:
        """See :meth:`ReceiveChannel.send`."""
        if self._socket is None:
            raise TransportError("The WebSocket is not open.")
        self._socket.sendMessage(text.encode())  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """See :meth:`ReceiveChannel.close`."""
        self._closed = True
        if self._socket is not None:
            self._socket.transport.abortConnection()
        elif self._connecting is not None:
            self._connecting.cancel()
