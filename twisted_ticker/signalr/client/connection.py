"""
The connection that users hold: what it is told to do, what state that brings it into, and what it tells of it.

How it starts is for :mod:`.starting` to know, how it comes back for :mod:`.reconnecting`, how it ends for
:mod:`.stopping`; what it receives on is the :mod:`.line`.

Source: SignalR 2.4, ``jquery.signalR.core.js``, ``Client/Connection.cs``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IAgent, IAgentEndpointFactory

from .addresses import Addresses
from .channels import ReceiveChannel
from .errors import (
    ClientError,
    ConnectionClosed,
    ConnectionLost,
    NotConnected,
    ProtocolViolation,
    ServerRefusal,
    text_of,
)
from .events import ConnectionEvents
from .frames import Delivery, Dismissal, Frame, Result
from .line import TRANSPORTS, Line
from .network import Network
from .reconnecting import Reconnection
from .sending import Outbox
from .starting import Startup
from .states import ConnectionState, StateEvent, next_state
from .stopping import Farewell

__all__ = ["DEFAULT_MAX_MESSAGE_BYTES", "DEFAULT_TRANSPORTS", "Connection"]

#: What is tried, in this order. A forever frame is what browsers need that know no server-sent events.
DEFAULT_TRANSPORTS = ("webSockets", "serverSentEvents", "longPolling")

#: Longest message that is taken: what a server may have kept for a client that was away (1000 messages and more) comes
#: in one.
DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024


class Connection:
    """
    A connection to a raw (hubless) endpoint; see :class:`.HubConnection` for hubs.

    Args:
        url: the endpoint's URL, such as ``https://example.org/signalr``; its query string is sent with every request.
        reactor: the reactor; the global one when not given.
        transports: wire names of the transports to try, in this order.
        query: parameters to send with every request.
        headers: headers to send with every request.
        agent: sends all HTTP requests; when not given, one over *endpoints*.
        endpoints: how servers are reached, for HTTP and WebSocket alike; TCP and TLS when not given.
        max_message_bytes: longest message that is taken from the server; a longer one ends the connection.
        retry_seconds: how long to wait before coming back; when not given, 2 s, or 3 s when polling, as in the
            reference's client.

    Attributes:
        events: what happens to it.
        state: see :class:`.ConnectionState`.
    """

    _log = Logger()

    def __init__(
        self,
        url: str,
        *,
        reactor: Any = None,
        transports: Sequence[str] = DEFAULT_TRANSPORTS,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        agent: IAgent | None = None,
        endpoints: IAgentEndpointFactory | None = None,
        max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
        retry_seconds: float | None = None,
    ) -> None:
        if reactor is None:
            # Imported late: importing it installs it.
            from twisted.internet import reactor
        unknown = [transport for transport in transports if transport not in TRANSPORTS]
        if unknown or not transports:
            raise ValueError(f"Transports are {', '.join(TRANSPORTS)}, not {unknown or 'none'}.")
        self.events = ConnectionEvents()
        self.state = ConnectionState.DISCONNECTED
        self._line = Line(
            Network(reactor, endpoints=endpoints, agent=agent, headers=headers, max_bytes=max_message_bytes),
            Addresses.parse(url, query),
            opened=self._line_opened,
            received=self._line_received,
            slow=self._line_slow,
            lost=self._line_lost,
            ended=lambda: self._farewell.look(),
        )
        self._startup = Startup(self._line, transports, failed=self.events.error.happen)
        self._reconnection = Reconnection(self._line, retry_seconds, give_up=self._give_up)
        self._outbox = Outbox(self._line)
        self._farewell = Farewell(self._line)
        #: Who waits for the start.
        self._started: Deferred[None] | None = None
        #: Who waits for the end.
        self._stopped: list[Deferred[None]] = []
        #: Why it ends, or has ended; ``None`` because somebody wanted it.
        self._reason: BaseException | None = None

    @property
    def connection_id(self) -> str:
        """What the server calls it, from the start on; empty before."""
        return self._line.negotiated.connection_id

    @property
    def transport(self) -> str | None:
        """Wire name of the transport in use, or last used; ``None`` before there was any."""
        return self._line.transport or None

    @property
    def message_id(self) -> str | None:
        """The cursor: how far the server's messages have been received."""
        return self._line.position.message_id

    @property
    def groups_token(self) -> str | None:
        """What the client shows the server to be in the same groups after a reconnect."""
        return self._line.position.groups_token

    def start(self) -> Deferred[None]:
        """
        Connect. A connection that has ended can be started anew; the server takes it for another one.

        Returns:
            Fires when the connection is connected. It fails, when everything is cleared away, with
            :class:`.NegotiationError`, :class:`.StartError`, :class:`.ProtocolViolation`, :class:`.ServerRefusal` or
            :class:`.TransportError`; with :class:`.ConnectionClosed` if the connection is stopped meanwhile; at once
            with :class:`.NotConnected` if it has been started already. Cancelling it stops the connection.
        """
        if self.state is not ConnectionState.DISCONNECTED:
            return fail(NotConnected(f"The connection is {self.state.value}; it can be started once it has ended."))
        self._move(StateEvent.START)
        self._line.reset(self._connection_data())
        self._reason = None
        started: Deferred[None] = Deferred(self._start_cancelled)
        self._started = started
        starting = self._startup.begin()
        starting.addCallbacks(self._start_succeeded, self._start_failed)
        starting.addErrback(lambda failure: self._log.failure("A connection could not be started", failure))
        return started

    def stop(self) -> Deferred[None]:
        """
        Tell the server goodbye, and end the connection; no messages are delivered from now on.

        Returns:
            Fires when it has ended and nothing is left of it: no socket, no timer. It does not fail.
        """
        if self.state is ConnectionState.DISCONNECTED:
            return succeed(None)
        stopped: Deferred[None] = Deferred()
        self._stopped.append(stopped)
        if self.state is not ConnectionState.STOPPING:
            self._end(None, goodbye=True)
        return stopped

    def send(self, text: str) -> Deferred[None]:
        """
        Send a text to the server.

        Returns:
            Fires when it has been sent, or, over HTTP, taken. It fails with :class:`.NotConnected`,
            :class:`.HttpStatusError` or :class:`.ConnectionLost`.
        """
        return self._transmit(text).addCallback(lambda _: None)

    # For subclasses

    def _connection_data(self) -> str | None:
        """``connectionData`` of all requests."""
        return None

    def _deliver(self, message: Any) -> None:
        """Act on a message."""

    def _answered(self, result: Result) -> None:
        """Act on the result of a call."""

    def _abandon(self, error: ClientError, *, duplex_only: bool) -> None:
        """
        Give up what waits for an answer, as none will come.

        Args:
            duplex_only: whether answers still come that have requests of their own.
        """

    def _transmit(self, text: str) -> Deferred[bytes | None]:
        """Send a text; fires with the answer's body, or with ``None`` where the answer comes on the channel."""
        # A request of its own reaches the server also while the channel is lost.
        is_reachable = self.state is ConnectionState.RECONNECTING and not self._line.is_duplex
        if self.state is not ConnectionState.CONNECTED and not is_reachable:
            return fail(NotConnected(f"The connection is {self.state.value}."))
        return self._outbox.send(text)

    # Starting

    def _start_succeeded(self, _: None) -> None:
        self._move(StateEvent.STARTED)
        self._line.watch.heard()
        self.events.connected.happen()
        started, self._started = self._started, None
        if started is not None:
            started.callback(None)
        self._deliver_all(self._startup.take_back())

    def _start_cancelled(self, _: Deferred[None]) -> None:
        # It fails by itself.
        self._started = None
        if self.state is ConnectionState.CONNECTING:
            self._end(None, goodbye=True)

    def _start_failed(self, failure: Failure) -> None:
        if self.state is ConnectionState.CONNECTING:
            self._end(failure.value, goodbye=True)

    # What the line tells

    def _line_opened(self) -> None:
        if self.state is ConnectionState.RECONNECTING:
            self._reconnection.end()
            self._move(StateEvent.RESTORED)
            self._line.watch.start()
            self.events.reconnected.happen()

    def _line_received(self, frame: Frame) -> None:
        if self.state not in (ConnectionState.CONNECTING, ConnectionState.CONNECTED):
            return
        if isinstance(frame, Delivery):
            self._take(frame)
        elif isinstance(frame, Result):
            self._answered(frame)
        elif isinstance(frame, Dismissal):
            self._end(ServerRefusal(frame.text or "The server has ended the connection."), goodbye=False)

    def _take(self, delivery: Delivery) -> None:
        self._line.position = delivery.after(self._line.position)
        if self.state is ConnectionState.CONNECTED:
            self._deliver_all(delivery.messages)
            return
        try:
            self._startup.take(delivery)
        except ProtocolViolation as error:
            self._end(error, goodbye=True)

    def _deliver_all(self, messages: Sequence[Any]) -> None:
        for message in messages:
            if self.state is not ConnectionState.CONNECTED:
                # Somebody has stopped it meanwhile.
                return
            self.events.received.happen(message)
            self._deliver(message)

    def _line_slow(self) -> None:
        if self.state is ConnectionState.CONNECTED:
            self.events.slow.happen()

    def _line_lost(self, channel: ReceiveChannel, failure: Failure) -> None:
        if self.state is ConnectionState.STOPPING or self._startup.lost(failure):
            return
        if self.state is ConnectionState.CONNECTING or failure.check(ProtocolViolation):
            self._end(failure.value, goodbye=True)
        else:
            self._come_back(channel, failure)

    # Reconnecting

    def _come_back(self, channel: ReceiveChannel, failure: Failure) -> None:
        was_connected = self.state is ConnectionState.CONNECTED
        if was_connected:
            self._move(StateEvent.LOST)
        self._reconnection.lost(channel, failure)
        if was_connected:
            self._abandon(ConnectionLost("The connection was lost before the answer came."), duplex_only=True)
            if self.state is ConnectionState.RECONNECTING:
                self.events.reconnecting.happen()
        if failure.value is not None:
            self.events.error.happen(failure.value)

    def _give_up(self, error: ConnectionLost) -> None:
        self._end(error, goodbye=False)

    # Ending

    def _end(self, reason: BaseException | None, *, goodbye: bool) -> None:
        """
        Begin to end.

        Args:
            reason: why; ``None`` because somebody wants it.
            goodbye: whether to tell the server.
        """
        self._move(StateEvent.STOP)
        self._reason = reason
        self._line.watch.stop()
        self._reconnection.end()
        self._farewell.say(goodbye=goodbye)
        self._startup.cancel()
        error = self._end_error()
        self._abandon(error, duplex_only=False)
        self._outbox.cancel(error)
        # Only now: who is told of the end may start anew, and must not have that cancelled.
        self._farewell.wait(self._ended)

    def _end_error(self) -> ClientError:
        reason = self._reason
        if reason is None:
            return ConnectionClosed("The connection was stopped.")
        return reason if isinstance(reason, ClientError) else ConnectionLost(text_of(reason))

    def _ended(self) -> None:
        self._move(StateEvent.ENDED)
        error = None if self._reason is None else self._end_error()
        started, self._started = self._started, None
        stopped, self._stopped = self._stopped, []
        self.events.disconnected.happen(error)
        if started is not None:
            started.errback(error or ConnectionClosed("The connection was stopped."))
        for waiting in stopped:
            waiting.callback(None)

    def _move(self, event: StateEvent) -> None:
        self.state = next_state(self.state, event)
