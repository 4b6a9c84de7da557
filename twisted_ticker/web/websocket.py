"""
WebSocket: Autobahn does the handshake and reads frames; ready-made frames are written past it.

Source: SignalR 2.4, ``Transports/WebSocketTransport.cs``, ``Owin/WebSockets/WebSocketHandler.cs``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionRequest
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IPushProducer, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import BAD_REQUEST, SWITCHING
from twisted.web.server import Request
from zope.interface import implementer

from ..signalr.connection import Connection
from ..signalr.interfaces import IReceiver
from ..signalr.protocol.framing import WEBSOCKET_KEEP_ALIVE, websocket_framing, websocket_text
from ..signalr.protocol.messages import Envelope
from ..signalr.protocol.transports import WEB_SOCKETS
from ..signalr.requests import ReceiveChannel
from .idle_websockets import forget_handshake, with_options_of
from .outlet import EnvelopeOutlet

__all__ = ["SignalRWebSocketFactory", "SignalRWebSocketProtocol", "WebSocketReceiver"]

_NORMAL = 1000
_UNSUPPORTED_DATA = 1003

#: How long a close waits for the client's, in seconds. Autobahn's timers round down to whole seconds, so this is
#: anything from the reference's 0.25 on; less than one would be none at all, and cut off the close itself.
_CLOSE_TIMEOUT = 1.25


class SignalRWebSocketProtocol(WebSocketServerProtocol):
    """
    A WebSocket whose request has been checked.

    Attributes:
        channel: where its messages come from and go to, until it is open.
        received: to be called with its messages, once it is open.
        status: of the HTTP response that opens it, or refuses to.
    """

    _own_log = Logger()

    transport: Any
    channel: ReceiveChannel | None
    received: Callable[[str, Callable[[bytes], None]], None]
    status = BAD_REQUEST
    _receiver: WebSocketReceiver | None = None

    def onConnect(self, request: ConnectionRequest) -> tuple[None, dict[str, str]]:
        """Accept, without any of the sub-protocols that are offered."""
        return None, {"X-Content-Type-Options": "nosniff"}

    def onOpen(self) -> None:
        """Open the channel."""
        self.status = SWITCHING
        receiver = self._receiver = WebSocketReceiver(self)
        # The HTTP channel, which the socket has outlived, is still registered.
        self.transport.unregisterProducer()
        self.transport.registerProducer(receiver, True)
        channel, self.channel = self.channel, None
        assert channel is not None
        self.received = channel.received
        try:
            channel.open(receiver)
        except Exception:
            # Autobahn would reduce this to a warning.
            self._own_log.failure("A WebSocket channel could not be opened")
            self.sendClose(_NORMAL)
        forget_handshake(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Hand a text to the channel; clients do not send anything else."""
        if isBinary:
            self._own_log.info("Refused a binary WebSocket message from {peer}", peer=self.peer)
            # sendClose knows only codes that applications may choose.
            self.sendCloseFrame(code=_UNSUPPORTED_DATA)
            return
        try:
            # Autobahn has checked that it is UTF-8.
            self.received(payload.decode("utf-8"), self._send_result)
        except Exception:
            self._own_log.failure("A WebSocket message could not be handled")

    def _send_result(self, result: bytes) -> None:
        # A result is lost with the socket that asked for it; the client knows.
        if self._receiver is not None:
            self._receiver.write(websocket_text(result))

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Write what Autobahn has to say, such as pongs, in its place between our messages."""
        if self._receiver is None or self._receiver.is_closed:
            super().sendData(data, sync, chopsize)
        else:
            self._receiver.write(data)

    def sendCloseFrame(self, *args: Any, **kwargs: Any) -> None:
        """Send a close, after which nothing may come."""
        if self._receiver is not None:
            self._receiver.close()
        super().sendCloseFrame(*args, **kwargs)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The socket is gone, for whatever reason."""
        receiver = self._receiver
        if receiver is not None:
            receiver.close()
            if receiver.connection is not None:
                receiver.connection.detach(receiver)


@implementer(IReceiver, IPushProducer)
class WebSocketReceiver(EnvelopeOutlet):
    """The server's end of an open WebSocket; what it writes are whole frames."""

    __slots__ = ("_protocol", "connection", "writable")

    transport = WEB_SOCKETS
    single_use = False

    def __init__(self, protocol: SignalRWebSocketProtocol) -> None:
        super().__init__(protocol.transport, websocket_framing)
        self.connection: Connection | None = None
        self.writable = True
        self._protocol = protocol

    def keep_alive(self) -> None:
        """See :class:`.IReceiver`; who does not read what is written already needs no more of it."""
        if self.writable:
            self.write(WEBSOCKET_KEEP_ALIVE)

    def end(self, envelope: Envelope) -> None:
        """See :class:`.IReceiver`."""
        self._protocol.sendClose(_NORMAL)

    def abort(self) -> None:
        """See :class:`.IReceiver`."""
        self._protocol.transport.abortConnection()

    def pauseProducing(self) -> None:
        """
        The socket's buffer is full.

        Nothing more is read from the client either: results are not in the rings, and who calls without reading the
        answers must not make them pile up.
        """
        self.writable = False
        self._protocol.transport.pauseProducing()
        if self.connection is not None:
            self.connection.pause(self)

    def resumeProducing(self) -> None:
        """The socket's buffer is empty."""
        self.writable = True
        self._protocol.transport.resumeProducing()
        if self.connection is not None:
            self.connection.resume(self)

    def stopProducing(self) -> None:
        """The socket is lost; ``onClose`` says so too."""


class SignalRWebSocketFactory(WebSocketServerFactory):
    """
    Makes the WebSockets of a server.

    Args:
        clock: the reactor.
        max_message_bytes: longest message that a client may send; ``None`` for no limit.
    """

    protocol: type[SignalRWebSocketProtocol]

    def __init__(self, clock: IReactorTime, *, max_message_bytes: int | None) -> None:
        super().__init__(reactor=clock)  # type: ignore[no-untyped-call]
        limit = max_message_bytes or 0
        self.setProtocolOptions(  # type: ignore[no-untyped-call]
            maxFramePayloadSize=limit,
            maxMessagePayloadSize=limit,
            failByDrop=False,
            webStatus=False,
            closeHandshakeTimeout=_CLOSE_TIMEOUT,
            # Who may call from where is for the endpoint to say, on all transports alike.
            allowedOrigins=["*"],
            allowNullOrigin=True,
        )
        self.protocol = with_options_of(self, SignalRWebSocketProtocol)

    def upgrade(self, request: Request, channel: ReceiveChannel) -> object:
        """Turn an HTTP request into a WebSocket on *channel*; returns what ``render`` has to return."""
        protocol = self.protocol()
        protocol.factory = self
        protocol.channel = channel
        # The request is over when the socket is, which it would not be told: Autobahn takes the socket away from it.
        protocol.is_closed.addCallback(_end_request, request)
        return WebSocketResource(_Prepared(protocol)).render(request)


def _end_request(protocol: SignalRWebSocketProtocol, request: Request) -> None:
    request.setResponseCode(protocol.status)
    request.connectionLost(Failure(ConnectionDone()))


class _Prepared:
    """A factory of one protocol, made already: Autobahn's resource asks a factory, which knows no request."""

    def __init__(self, protocol: SignalRWebSocketProtocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, address: IAddress) -> SignalRWebSocketProtocol:
        return self._protocol
