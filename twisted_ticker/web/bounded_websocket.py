"""
What keeps a WebSocket's client from costing more than its socket, whatever it sends, or does not.

Autobahn reads frames as RFC 6455 demands, and refuses bad and long ones. What it does not look at is how often, in how
many pieces and how slowly they come, and what comes behind a close.
"""

from __future__ import annotations

from typing import Any

from autobahn.twisted.websocket import WebSocketServerProtocol
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

__all__ = ["MESSAGE_SECONDS", "PARTING_SECONDS", "BoundedWebSocketProtocol"]

#: How long a message, or a frame of any kind, may take to arrive. Slow links bring 64 KiB within that.
MESSAGE_SECONDS = 30.0

#: How long what has been written may take to leave when the client has said goodbye. Who does not read has to go then.
PARTING_SECONDS = 5.0

_POLICY_VIOLATION = 1008

#: Longest payload of control frames, among which is the close that is waited for.
_MAX_CONTROL_BYTES = 125

#: How many heads and payloads of frames are acted on at once, which takes a fraction of a millisecond.
_STEPS_AT_ONCE = 8


class _Errors:
    """Autobahn's log without all that is no error: what a client is to blame for is told here, in one line."""

    def __init__(self, log: Any) -> None:
        self.error, self.critical, self.failure = log.error, log.critical, log.failure

    def debug(self, *args: Any, **values: Any) -> None:
        """Nobody reads this."""

    trace = info = warn = debug


class BoundedWebSocketProtocol(WebSocketServerProtocol):
    """
    A WebSocket with bounds besides those of length, which are Autobahn's options.

    * A message takes the room of its bytes, in however many fragments and pieces they come; an empty fragment counts as
      a byte of it, so that there is an end to them.
    * A message or frame that has begun has to be complete after :data:`MESSAGE_SECONDS`; 1008 otherwise.
    * Many small frames are acted on little by little, and nothing is read meanwhile, so that others get their turn. Its
      factory has the :class:`.FairTurns` for that, as ``turns``.
    * Once the client has done something wrong, what it sends is thrown away, but for its answer to the close.
    * A close frame gets to the client, if the client reads it.
    """

    log = _Errors(WebSocketServerProtocol.log)

    _client_log = Logger()

    transport: Any
    current_frame: Any
    _deadline: IDelayedCall | None = None
    _waits_for_turn = False
    _parting: IDelayedCall | None = None

    @property
    def may_be_read(self) -> bool:
        """Whether more may be read from the client now."""
        return True

    # Reading

    def dataReceived(self, data: bytes) -> None:
        """Take some bytes."""
        # Autobahn's own first makes texts for its log of them.
        self._dataReceived(data)

    def consumeData(self) -> None:
        """Act on what has arrived, or on the first part of it."""
        if self.state == self.STATE_CONNECTING:
            super().consumeData()
            return
        if self._waits_for_turn:
            return
        for _ in range(_STEPS_AT_ONCE):
            if self.state == self.STATE_CLOSED:
                self.data = b""
                return
            if not self.may_be_read:
                # It is not for the client to complete what it has begun.
                self._watch_no_more()
                self.transport.pauseProducing()
                return
            if not self.processData():
                self._watch_for_the_rest()
                return
        self.transport.pauseProducing()
        self._wait_for_turn()

    def read_on(self) -> None:
        """More may be read from the client again."""
        if self.data:
            self._wait_for_turn()
        elif not self._waits_for_turn:
            self.transport.resumeProducing()

    def _wait_for_turn(self) -> None:
        if not self._waits_for_turn:
            self._waits_for_turn = True
            self.factory.turns.put(self._go_on)

    def _go_on(self) -> None:
        # Otherwise the connection has been lost meanwhile.
        if self._waits_for_turn:
            self._waits_for_turn = False
            self.consumeData()
            if not self._waits_for_turn and self.may_be_read:
                self.transport.resumeProducing()

    def _watch_for_the_rest(self) -> None:
        if self.inside_message or self.current_frame is not None or self.data:
            if self._deadline is None:
                self._deadline = self.factory.reactor.callLater(MESSAGE_SECONDS, self._is_late)
        else:
            self._watch_no_more()

    def _watch_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _is_late(self) -> None:
        self._deadline = None
        self._fail_connection(_POLICY_VIOLATION, "a message has not been completed in time")

    # Messages

    def onMessageFrameBegin(self, length: int) -> None:
        """Count a fragment's bytes."""
        super().onMessageFrameBegin(length or 1)

    def onMessageFrameData(self, payload: bytes) -> None:
        """Gather a message: its first piece, which mostly is all of it, as it is, and the others in one buffer."""
        if self.failedByMe or not payload:
            return
        gathered: list[Any] = self.message_data
        if not gathered:
            gathered.append(payload)
        elif len(gathered) == 1:
            gathered.append(bytearray(payload))
        else:
            gathered[1] += payload

    def onMessageEnd(self) -> None:
        """Hand a message on."""
        gathered: list[bytes] = self.message_data
        self.message_data = []
        if self._deadline is not None:
            # There may be a piece of the next one already.
            self._deadline.reset(MESSAGE_SECONDS)
        if not self.failedByMe:
            self.onMessage(gathered[0] if len(gathered) == 1 else b"".join(gathered), self.message_is_binary)

    # The end

    def onFrameData(self, payload: bytes) -> bool | None:
        """Take a piece of a frame, or throw it away."""
        # Autobahn would gather even a ping of many megabytes, when it has refused it.
        if self.failedByMe and self.current_frame.length > _MAX_CONTROL_BYTES:
            return None
        taken: bool | None = super().onFrameData(payload)
        return taken

    def _fail_connection(self, code: int = 1001, reason: str = "going away") -> None:
        if self.state == self.STATE_OPEN:
            self._client_log.info(
                "Closing the WebSocket of {peer} with {code}: {reason}", peer=self.peer, code=code, reason=reason
            )
        super()._fail_connection(code, reason)

    def _closeConnection(self, abort: bool = False) -> None:
        # Autobahn would cut off a client that sends a close with something wrong in it, and with it our own close.
        super()._closeConnection(abort and not self.wasClean)
        self._parting = self.factory.reactor.callLater(PARTING_SECONDS, self._part)

    def _part(self) -> None:
        self._parting = None
        self.transport.abortConnection()

    def _connectionLost(self, reason: Any) -> None:
        for call in (self._deadline, self._parting):
            if call is not None:
                call.cancel()
        self._deadline = self._parting = None
        self._waits_for_turn = False
        super()._connectionLost(reason)
