"""
WebSocket: Autobahn does the handshake and reads frames; ready-made frames are written past it.

Source: SignalR 2.4, ``Transports/WebSocketTransport.cs``, ``Owin/WebSockets/WebSocketHandler.cs``.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory
from autobahn.websocket.types import ConnectionRequest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import BAD_REQUEST, SWITCHING
from zope.interface import implementer

from ..signalr.connection import Connection
from ..signalr.interfaces import IReceiver
from ..signalr.protocol.framing import WEBSOCKET_KEEP_ALIVE, websocket_framing, websocket_text
from ..signalr.protocol.messages import Envelope
from ..signalr.protocol.transports import WEB_SOCKETS
from ..signalr.requests import ReceiveChannel
from .bounded_websocket import BoundedWebSocketProtocol
from .exchanges import Exchange
from .fair_turns import FairTurns
from .idle_websockets import forget_handshake, with_options_of
from .outlet import EnvelopeOutlet

__all__ = ["SignalRWebSocketFactory", "SignalRWebSocketProtocol", "WebSocketReceiver"]

_NORMAL = 1000
_UNSUPPORTED_DATA = 1003

#: How long a close waits for the client's, in seconds. Autobahn's timers round down to whole seconds, so this is
#: anything from the reference's 0.25 on; less than one would be none at all, and cut off the close itself.
_CLOSE_TIMEOUT = 1.25


class SignalRWebSocketProtocol(BoundedWebSocketProtocol):
    """
    A WebSocket whose request has been checked.

    Attributes:
        channel: where its messages come from and go to, until it is open.
        exchange: the request that it was.
        received: to be called with its messages, once it is open; what that returns fires when it has acted on one.
        status: of the HTTP response that opens it, or refuses to.
    """

    _own_log = Logger()

    transport: Any
    channel: ReceiveChannel | None
    exchange: Exchange
    received: Callable[[str, Callable[[bytes], None]], Deferred[None] | None]
    factory: Any
    status = BAD_REQUEST
    _receiver: WebSocketReceiver | None = None

    def onConnect(self, request: ConnectionRequest) -> tuple[None, dict[str, str]]:
        """Accept, without any of the sub-protocols that are offered."""
        return None, {"X-Content-Type-Options": "nosniff"}

    @property
    def may_be_read(self) -> bool:
        """
        See :class:`.BoundedWebSocketProtocol`.

        Who does not read answers, or has many calls to which there is none yet, is not read either: results are not in
        the rings, and must not pile up.
        """
        receiver = self._receiver
        return receiver is None or (receiver.writable and receiver.pending_calls < self.factory.max_pending_calls)

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
            self._fail_connection(_UNSUPPORTED_DATA, "binary messages are not understood")
            return
        try:
            # Autobahn has checked that it is UTF-8.
            outcome = self.received(payload.decode("utf-8"), self._send_result)
        except Exception:
            self._own_log.failure("A WebSocket message could not be handled")
            return
        receiver = self._receiver
        if outcome is not None and receiver is not None:
            receiver.pending_calls += 1
            outcome.addErrback(self._failed).addCallback(self._call_over)

    def _failed(self, failure: Failure) -> None:
        self._own_log.failure("A WebSocket message could not be handled", failure)

    def _call_over(self, _: None) -> None:
        receiver = self._receiver
        if receiver is not None:
            had_too_many = receiver.pending_calls == self.factory.max_pending_calls
            receiver.pending_calls -= 1
            if had_too_many and self.may_be_read:
                self.read_on()

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
        receiver, self._receiver = self._receiver, None
        # Autobahn's future has this protocol as its result, and what refers to itself waits for the garbage collector.
        self.is_closed.addCallback(lambda _: None)
        if receiver is not None:
            receiver.close()
            if receiver.connection is not None:
                receiver.connection.detach(receiver)
        exchange = self.exchange
        del self.exchange
        exchange.over(self.status)


@implementer(IReceiver, IPushProducer)
class WebSocketReceiver(EnvelopeOutlet):
    """The server's end of an open WebSocket; what it writes are whole frames."""

    __slots__ = ("_protocol", "connection", "pending_calls", "writable")

    transport = WEB_SOCKETS
    single_use = False

    def __init__(self, protocol: SignalRWebSocketProtocol) -> None:
        super().__init__(protocol.transport, websocket_framing)
        self.connection: Connection | None = None
        self.writable = True
        self.pending_calls = 0
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
        """The socket's buffer is full; nothing more is read from the client either."""
        self.writable = False
        self._protocol.transport.pauseProducing()
        if self.connection is not None:
            self.connection.pause(self)

    def resumeProducing(self) -> None:
        """The socket's buffer is empty."""
        self.writable = True
        if self._protocol.may_be_read:
            self._protocol.read_on()
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
        max_pending_calls: how many calls of one client are acted on at the same time; ``None`` for any number.

    Attributes:
        max_pending_calls: the same.
        turns: what clients have sent too much of to be acted on at once.
    """

    protocol: type[SignalRWebSocketProtocol]

    def __init__(
        self, clock: IReactorTime, *, max_message_bytes: int | None, max_pending_calls: int | None = None
    ) -> None:
        super().__init__(reactor=clock)  # type: ignore[no-untyped-call]
        limit = max_message_bytes or 0
        self.setProtocolOptions(  # type: ignore[no-untyped-call]
            maxFramePayloadSize=limit,
            maxMessagePayloadSize=limit,
            failByDrop=False,
            webStatus=False,
            closeHandshakeTimeout=_CLOSE_TIMEOUT,
            # All of the request is there when the handshake begins.
            openHandshakeTimeout=0,
            # Who may call from where is for the endpoint to say, on all transports alike.
            allowedOrigins=["*"],
            allowNullOrigin=True,
        )
        self.protocol = with_options_of(self, SignalRWebSocketProtocol)
        self.max_pending_calls = inf if max_pending_calls is None else max_pending_calls
        self.turns = FairTurns(clock)

    def open(self, exchange: Exchange, channel: ReceiveChannel) -> None:
        """Turn an exchange into a WebSocket on *channel*."""
        protocol = self.protocol()
        protocol.factory = self
        protocol.channel = channel
        protocol.exchange = exchange
        exchange.become(protocol)
