"""
A client's connection: negotiating, choosing a transport, coming back when it is lost, and saying goodbye.

It decides what happens when; what is on the wire is for :mod:`.addresses`, :mod:`.negotiation` and :mod:`.frames` to
know, how it is carried for :mod:`.channels`.

Source: SignalR 2.4, ``jquery.signalR.core.js``, ``jquery.signalR.transports.common.js``, ``Client/Connection.cs``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IAgent, IAgentEndpointFactory

from .addresses import LONG_POLLING, Addresses, Position
from .channels import ForeverFrameChannel, LongPollingChannel, ReceiveChannel, ServerSentEventsChannel
from .errors import (
    ClientError,
    ConnectionClosed,
    ConnectionLost,
    NegotiationError,
    NotConnected,
    ProtocolViolation,
    ServerRefusal,
    StartError,
    TransportError,
)
from .events import Event
from .frames import Delivery, Dismissal, Frame, Result, is_started
from .negotiation import MAX_REDIRECTS, Negotiated, parse_negotiation
from .network import Network
from .states import ConnectionState, StateEvent, next_state
from .watch import KeepAliveWatch
from .websocket import WebSocketChannel

__all__ = ["DEFAULT_MAX_MESSAGE_BYTES", "DEFAULT_TRANSPORTS", "Connection", "ConnectionEvents"]

#: What is tried, in this order. A forever frame is what browsers need that know no server-sent events.
DEFAULT_TRANSPORTS = ("webSockets", "serverSentEvents", "longPolling")

#: Longest message that is taken: what a server may have kept for a client that was away (1000 messages and more) comes
#: in one.
DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024

#: How many messages may come before the connection is started.
_MAX_EARLY_MESSAGES = 10_000

#: How long the server may take to answer ``/negotiate``, in seconds.
_NEGOTIATE_SECONDS = 30.0

#: How long a goodbye may take, in seconds, until the connection is just dropped.
_STOP_SECONDS = 5.0

_STREAMS: Mapping[str, Callable[[Any], ReceiveChannel]] = {
    channel.transport: channel for channel in (WebSocketChannel, ServerSentEventsChannel, ForeverFrameChannel)
}
_TRANSPORTS = (*_STREAMS, LONG_POLLING)


@dataclass(frozen=True)
class ConnectionEvents:
    """
    What happens to a connection.

    Attributes:
        connected: it has been started.
        reconnecting: its transport is lost.
        reconnected: it goes on where it was.
        slow: nothing has been heard of the server for a suspiciously long time.
        received: a message has come: for hubs, the call as it is on the wire.
        error: something went wrong that the connection goes on with, or is about to end with.
        disconnected: it has ended; with the reason, or ``None`` after ``stop()``.
    """

    connected: Event[[]] = field(default_factory=partial(Event, "connected"))
    reconnecting: Event[[]] = field(default_factory=partial(Event, "reconnecting"))
    reconnected: Event[[]] = field(default_factory=partial(Event, "reconnected"))
    slow: Event[[]] = field(default_factory=partial(Event, "slow"))
    received: Event[[Any]] = field(default_factory=partial(Event, "received"))
    error: Event[[BaseException]] = field(default_factory=partial(Event, "error"))
    disconnected: Event[[BaseException | None]] = field(default_factory=partial(Event, "disconnected"))


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
        connection_id: what the server calls it, from the start on; empty before.
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
        unknown = [transport for transport in transports if transport not in _TRANSPORTS]
        if unknown or not transports:
            raise ValueError(f"Transports are {', '.join(_TRANSPORTS)}, not {unknown or 'none'}.")
        self.events = ConnectionEvents()
        self.state = ConnectionState.DISCONNECTED
        self.connection_id = ""
        # What channels ask for.
        self.addresses = Addresses.parse(url, query)
        self.position = Position()
        self.network = Network(reactor, endpoints=endpoints, agent=agent, headers=headers, max_bytes=max_message_bytes)
        self._first_addresses = self.addresses
        self._clock = self.network.clock
        self._transports = tuple(transports)
        self._retry_seconds = retry_seconds
        self._negotiated = Negotiated("", "")
        self._watch = self._make_watch(None)
        #: The one that is listened to.
        self._channel: ReceiveChannel | None = None
        #: All that have not ended.
        self._channels: set[ReceiveChannel] = set()
        self._transport: str | None = None
        self._early: list[Any] = []
        self._timers: list[IDelayedCall] = []
        #: When to give up coming back.
        self._deadline: IDelayedCall | None = None
        self._sending: set[Deferred[Any]] = set()
        # While starting.
        self._starting: Deferred[None] | None = None
        self._initialized: Deferred[None] | None = None
        self._started: Deferred[None] | None = None
        # While stopping.
        self._reason: Failure | None = None
        self._farewell: Deferred[None] | None = None
        self._stopped: list[Deferred[None]] = []
        self._is_clearing = False

    @property
    def transport(self) -> str | None:
        """Wire name of the transport in use, or last used; ``None`` before there was any."""
        return self._transport

    @property
    def message_id(self) -> str | None:
        """The cursor: how far the server's messages have been received."""
        return self.position.message_id

    @property
    def groups_token(self) -> str | None:
        """What the client shows the server to be in the same groups after a reconnect."""
        return self.position.groups_token

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
        self.addresses = self._first_addresses.with_connection_data(self._connection_data())
        self.position = Position()
        self.network.access_token = None
        self._transport, self._reason, self._early = None, None, []
        started: Deferred[None] = Deferred(self._start_cancelled)
        self._started = started
        starting = self._starting = Deferred.fromCoroutine(self._start())
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
        if self.state not in (ConnectionState.CONNECTED, ConnectionState.RECONNECTING) or self._transport is None:
            return fail(NotConnected(f"The connection is {self.state.value}."))
        if self._transport == WebSocketChannel.transport:
            if self._channel is None or self.state is not ConnectionState.CONNECTED:
                return fail(NotConnected("The connection is reconnecting."))
            self._channel.send(text)
            return succeed(None)
        sent: Deferred[Any] = self.network.fetch(self.addresses.command("send", self._transport), {"data": text})
        self._sending.add(sent)
        sent.addErrback(self._as_client_error)
        return sent.addBoth(self._was_sent, sent)

    def _was_sent(self, outcome: Any, sent: Deferred[Any]) -> Any:
        self._sending.discard(sent)
        return outcome

    def _as_client_error(self, failure: Failure) -> Failure:
        """A failure that is one of ours."""
        if self.state is ConnectionState.STOPPING:
            return Failure(self._end_error())
        if failure.check(ClientError, CancelledError):
            return failure
        error = ConnectionLost(f"The server could not be reached: {_text(failure.value)}")
        error.__cause__ = failure.value
        return Failure(error)

    # Starting

    async def _start(self) -> None:
        negotiated = self._negotiated = await self._negotiate()
        self.addresses = self.addresses.with_token(negotiated.connection_token)
        self.connection_id = negotiated.connection_id
        self._watch = self._make_watch(negotiated.keep_alive_timeout)
        transport = await self._open_any()
        url = self.addresses.command("start", transport)
        try:
            body = await self.network.fetch(url).addTimeout(negotiated.connection_timeout, self._clock)
        except CancelledError:
            raise
        except Exception as error:
            raise StartError(f"The server did not start the connection: {error}") from error
        if not is_started(body):
            raise StartError("The server did not say that the connection is started.")

    def _make_watch(self, timeout: float | None) -> KeepAliveWatch:
        return KeepAliveWatch(
            self._clock,
            timeout,
            is_due=lambda: self._channel is not None and self._channel.expects_keep_alive,
            slow=self._slow,
            lost=self._silent,
        )

    async def _negotiate(self) -> Negotiated:
        for _ in range(MAX_REDIRECTS + 1):
            try:
                body = await self.network.fetch(self.addresses.negotiate()).addTimeout(_NEGOTIATE_SECONDS, self._clock)
            except CancelledError:
                raise
            except Exception as error:
                raise NegotiationError(f"The server could not be asked: {_text(error)}") from error
            answer = parse_negotiation(body)
            if isinstance(answer, Negotiated):
                return answer
            try:
                self.addresses = self.addresses.redirected(answer.url)
            except ValueError as error:
                raise NegotiationError(f"The server redirects to nowhere: {error}") from error
            self.network.access_token = answer.access_token
        raise NegotiationError("The server redirects endlessly.")

    async def _open_any(self) -> str:
        """Open a channel by the first transport that works; returns its name."""
        failures: list[tuple[str, Exception]] = []
        for transport in self._transports:
            if transport == WebSocketChannel.transport and not self._negotiated.try_web_sockets:
                continue
            self._transport, self.position = transport, Position()
            try:
                await self._try(transport)
            except CancelledError:
                raise
            except Exception as error:
                failures.append((transport, error))
                self._log.info("Transport {transport} does not work: {why}", transport=transport, why=_text(error))
                self._tell_error(error)
            else:
                return transport
        raise StartError("No transport works", failures)

    async def _try(self, transport: str) -> None:
        initialized = self._initialized = Deferred[None]()
        channel = self._open_channel("connect", transport)
        try:
            await initialized.addTimeout(self._negotiated.transport_connect_timeout, self._clock)
        except CancelledError:
            # The connection is being stopped, and the channel along with it.
            raise
        except Exception:
            self._channel = None
            channel.close()
            raise
        finally:
            self._initialized = None
        self._watch.start()

    def _start_succeeded(self, _: None) -> None:
        self._starting = None
        self._move(StateEvent.STARTED)
        self._watch.heard()
        self.events.connected.happen()
        started, self._started = self._started, None
        if started is not None:
            started.callback(None)
        early, self._early = self._early, []
        self._deliver_all(early)

    def _start_cancelled(self, _: Deferred[None]) -> None:
        # It fails by itself.
        self._started = None
        if self.state is ConnectionState.CONNECTING:
            self._end(None, goodbye=True)

    def _start_failed(self, failure: Failure) -> None:
        self._starting = None
        if self.state is ConnectionState.CONNECTING:
            self._end(failure, goodbye=bool(self.addresses.connection_token))

    # Channels

    def _open_channel(self, command: str, transport: str) -> ReceiveChannel:
        if transport == LONG_POLLING:
            seconds = self._negotiated.connection_timeout + LongPollingChannel.GRACE_SECONDS
            channel: ReceiveChannel = LongPollingChannel(self, seconds)
        else:
            channel = _STREAMS[transport](self)
        self._channel = channel
        self._channels.add(channel)
        channel.open(command)
        return channel

    def channel_opened(self, channel: ReceiveChannel) -> None:
        """See :class:`.ChannelOwner`."""
        if channel is self._channel and self.state is ConnectionState.RECONNECTING:
            self._restored()

    def channel_heard(self, channel: ReceiveChannel) -> None:
        """See :class:`.ChannelOwner`."""
        if channel is self._channel:
            self._watch.heard()

    def channel_received(self, channel: ReceiveChannel, frame: Frame) -> None:
        """See :class:`.ChannelOwner`."""
        if channel is self._channel and self.state is ConnectionState.RECONNECTING:
            # That it is served is beyond doubt, whether or not it says so.
            self._restored()
        if channel is not self._channel or self.state not in (ConnectionState.CONNECTING, ConnectionState.CONNECTED):
            return
        if isinstance(frame, Delivery):
            self._take(frame)
        elif isinstance(frame, Result):
            self._answered(frame)
        elif isinstance(frame, Dismissal):
            reason = ServerRefusal(frame.text or "The server has ended the connection.")
            self._end(Failure(reason), goodbye=False)

    def _take(self, delivery: Delivery) -> None:
        self.position = delivery.after(self.position)
        if self.state is ConnectionState.CONNECTED:
            self._deliver_all(delivery.messages)
            return
        self._early += delivery.messages
        if len(self._early) > _MAX_EARLY_MESSAGES:
            self._end(Failure(ProtocolViolation("Too many messages before the start.")), goodbye=True)
        elif delivery.initialized and self._initialized is not None and not self._initialized.called:
            self._initialized.callback(None)

    def _deliver_all(self, messages: Sequence[Any]) -> None:
        for message in messages:
            if self.state is not ConnectionState.CONNECTED:
                # Somebody has stopped it meanwhile.
                return
            self.events.received.happen(message)
            self._deliver(message)

    def channel_ended(self, channel: ReceiveChannel, failure: Failure) -> None:
        """See :class:`.ChannelOwner`."""
        self._channels.discard(channel)
        self._channel_lost(channel, failure)
        self._clear_if_gone()

    def _channel_lost(self, channel: ReceiveChannel, failure: Failure) -> None:
        if channel is not self._channel or self.state is ConnectionState.STOPPING:
            return
        self._channel = None
        self._watch.stop()
        self._cancel_timers()
        if self._initialized is not None:
            if not self._initialized.called:
                self._initialized.errback(failure)
        elif self.state is ConnectionState.CONNECTING or failure.check(ProtocolViolation):
            self._end(failure, goodbye=True)
        else:
            self._come_back(channel, failure)

    # Reconnecting

    def _come_back(self, channel: ReceiveChannel, failure: Failure) -> None:
        was_connected = self.state is ConnectionState.CONNECTED
        self._log.info("Transport {transport} is lost: {why}", transport=channel.transport, why=_text(failure.value))
        if was_connected:
            self._move(StateEvent.LOST)
            self._deadline = self._clock.callLater(self._negotiated.disconnect_timeout, self._give_up)
        seconds = channel.retry_seconds if self._retry_seconds is None else self._retry_seconds
        self._call_later(seconds, self._reopen, channel.transport)
        if was_connected:
            self._abandon(ConnectionLost("The connection was lost before the answer came."), duplex_only=True)
            if self.state is ConnectionState.RECONNECTING:
                self.events.reconnecting.happen()
        self._tell_error(failure.value)

    def _reopen(self, transport: str) -> None:
        channel = self._open_channel("reconnect", transport)
        # A poll is opened by a timer of its own, and an attempt that failed at once has been dealt with.
        if transport != LONG_POLLING and channel is self._channel and self.state is ConnectionState.RECONNECTING:
            seconds = self._negotiated.transport_connect_timeout
            self._call_later(seconds, self._drop, f"The transport was not open within {seconds} seconds.")

    def _restored(self) -> None:
        self._cancel_timers()
        self._cancel_deadline()
        self._move(StateEvent.RESTORED)
        self._watch.start()
        self.events.reconnected.happen()

    def _give_up(self) -> None:
        self._deadline = None
        seconds = self._negotiated.disconnect_timeout
        self._end(Failure(ConnectionLost(f"The connection could not be restored in {seconds} seconds.")), goodbye=False)

    def _slow(self) -> None:
        if self.state is ConnectionState.CONNECTED:
            self.events.slow.happen()

    def _silent(self) -> None:
        self._drop(f"Nothing was heard of the server for {self._negotiated.keep_alive_timeout} seconds.")

    def _drop(self, why: str) -> None:
        """Take the channel for lost."""
        channel = self._channel
        if channel is not None:
            self._channel_lost(channel, Failure(TransportError(why)))
            channel.close()

    # Ending

    def _end(self, reason: Failure | None, *, goodbye: bool) -> None:
        """
        Begin to end.

        Args:
            reason: why; ``None`` because somebody wants it.
            goodbye: whether to tell the server.
        """
        self._move(StateEvent.STOP)
        self._reason = reason
        self._watch.stop()
        self._cancel_timers()
        self._cancel_deadline()
        self._call_later(_STOP_SECONDS, self._drop_all)
        if goodbye and self.addresses.connection_token and self._transport is not None:
            farewell: Deferred[Any] = self.network.fetch(self.addresses.command("abort", self._transport), {})
            self._farewell = farewell
            farewell.addCallbacks(self._said_goodbye, self._farewell_failed)
            # The server ends the channel, and the connection waits for that.
            for channel in list(self._channels):
                channel.finish()
        else:
            self._drop_channels()
        if self._starting is not None:
            self._starting.cancel()
        self._abandon(self._end_error(), duplex_only=False)
        for sent in list(self._sending):
            sent.cancel()
        self._clear_if_gone()

    def _end_error(self) -> ClientError:
        if self._reason is None:
            return ConnectionClosed("The connection was stopped.")
        error = self._reason.value
        return error if isinstance(error, ClientError) else ConnectionLost(_text(error))

    def _said_goodbye(self, _: bytes) -> None:
        self._farewell = None
        self._clear_if_gone()

    def _farewell_failed(self, failure: Failure) -> None:
        self._farewell = None
        self._log.info("The server could not be told goodbye: {why}", why=_text(failure.value))
        self._drop_channels()
        self._clear_if_gone()

    def _drop_all(self) -> None:
        if self._farewell is not None:
            self._farewell.cancel()
        self._drop_channels()

    def _drop_channels(self) -> None:
        for channel in list(self._channels):
            channel.close()

    def _clear_if_gone(self) -> None:
        gone = not self._channels and self._farewell is None
        if self.state is ConnectionState.STOPPING and gone and not self._is_clearing:
            self._is_clearing = True
            self._cancel_timers()
            self.network.close().addBoth(self._ended)

    def _ended(self, _: object) -> None:
        self._is_clearing = False
        self._channel = None
        self._move(StateEvent.ENDED)
        error = None if self._reason is None else self._end_error()
        started, self._started = self._started, None
        stopped, self._stopped = self._stopped, []
        self.events.disconnected.happen(error)
        if started is not None:
            started.errback(error or self._end_error())
        for waiting in stopped:
            waiting.callback(None)

    # Means

    def _move(self, event: StateEvent) -> None:
        self.state = next_state(self.state, event)

    def _call_later(self, seconds: float, function: Callable[..., object], *arguments: Any) -> None:
        self._timers.append(self._clock.callLater(seconds, function, *arguments))

    def _cancel_timers(self) -> None:
        """Cancel all timers but the deadline."""
        timers, self._timers = self._timers, []
        for timer in timers:
            if timer.active():
                timer.cancel()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _tell_error(self, error: BaseException | None) -> None:
        if error is not None:
            self.events.error.happen(error)


def _text(error: BaseException | None) -> str:
    """An error's text, or its name if it has none; of errors that hold others, the first of those."""
    reasons = getattr(error, "reasons", None)
    if reasons:
        return _text(reasons[0].value)
    return str(error) or type(error).__name__
