"""
The client's ends of receive channels: what they tell their connection, and those made of HTTP responses.

A channel serves from one ``/connect`` or ``/reconnect`` until it ends; it is not used again.

Source: SignalR 2.4, ``jquery.signalR.transports.*.js``, ``Client/Transports/*``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from twisted.web.iweb import IResponse

from .addresses import LONG_POLLING, Addresses, Position
from .errors import HttpStatusError, ProtocolViolation, TransportError
from .frames import Delivery, Frame, parse_frame
from .network import BodyReader, Network, command_of
from .streams import EventStream, ForeverFrame, MessageStream

__all__ = ["ChannelOwner", "ForeverFrameChannel", "LongPollingChannel", "ReceiveChannel", "ServerSentEventsChannel"]


class ChannelOwner(Protocol):
    """The connection that a channel serves. It may call the channel from within each of these."""

    network: Network
    addresses: Addresses
    position: Position

    def channel_opened(self, channel: ReceiveChannel) -> None:
        """The server serves the channel; called once at most."""

    def channel_heard(self, channel: ReceiveChannel) -> None:
        """There was a sign of life."""

    def channel_received(self, channel: ReceiveChannel, frame: Frame) -> None:
        """The server has sent something."""

    def channel_ended(self, channel: ReceiveChannel, failure: Failure) -> None:
        """The channel is over, for whatever reason; called exactly once, as the last of these."""


class ReceiveChannel(ABC):
    """
    One channel.

    Args:
        owner: whom it serves.

    Attributes:
        transport: wire name of the transport.
        duplex: whether texts to the server are sent on the channel itself.
        retry_seconds: how long to wait before the next channel, when this one is lost.
        expects_keep_alive: whether silence means that the server is gone.
    """

    transport: ClassVar[str]
    duplex: ClassVar[bool] = False
    retry_seconds: float = 2.0

    def __init__(self, owner: ChannelOwner) -> None:
        self.expects_keep_alive = True
        self._owner = owner
        self._opened = False
        self._ended = False

    @abstractmethod
    def open(self, command: str) -> None:
        """
        Send the receive request.

        Args:
            command: ``connect`` or ``reconnect``.
        """

    @abstractmethod
    def close(self) -> None:
        """Drop the channel at once; its end is still told, perhaps before this returns."""

    def finish(self) -> None:  # noqa: B027, because most have nothing to do
        """Let the channel end by itself: the server is about to end it."""

    def send(self, text: str) -> None:
        """Send a text to the server; duplex channels that are open only."""
        raise NotImplementedError

    # For subclasses

    def _tell_opened(self) -> None:
        if not self._opened and not self._ended:
            self._opened = True
            self._owner.channel_opened(self)

    def _tell_heard(self) -> None:
        if not self._ended:
            self._owner.channel_heard(self)

    def _tell_received(self, text: bytes) -> Frame | None:
        """Hand a text on; returns ``None`` if it was unusable, which has ended the channel."""
        if self._ended:
            return None
        try:
            frame = parse_frame(text)
        except ProtocolViolation:
            self._fail(Failure())
            return None
        self._owner.channel_received(self, frame)
        return frame

    def _tell_ended(self, failure: Failure) -> None:
        if not self._ended:
            self._ended = True
            self._owner.channel_ended(self, failure)

    def _fail(self, failure: Failure) -> None:
        """End with *failure*, and drop the channel."""
        self._tell_ended(failure)
        self.close()


class _HttpChannel(ReceiveChannel):
    """A channel that is made of responses; one at a time."""

    def __init__(self, owner: ChannelOwner) -> None:
        super().__init__(owner)
        self._request: Deferred[Any] | None = None
        self._reader: BodyReader | None = None

    def _send(self, url: str, form: Mapping[str, str] | None = None) -> None:
        request: Deferred[Any] = self._owner.network.request(url, form)
        self._request = request
        request.addCallback(self._answered, command_of(url))
        request.addErrback(self._failed)

    def _answered(self, response: IResponse, command: str) -> None:
        self._request = None
        reader = self._reader = BodyReader(self._take, self._body_ended)
        try:
            self._check(response, command)
        except TransportError:
            self._tell_ended(Failure())
            reader.abort()
        response.deliverBody(reader)

    def _check(self, response: IResponse, command: str) -> None:
        if response.code != 200:
            raise HttpStatusError(command, response.code)

    def _failed(self, failure: Failure) -> None:
        self._request = None
        self._tell_ended(failure)

    @abstractmethod
    def _take(self, data: bytes) -> None:
        """Take a piece of the body."""

    @abstractmethod
    def _body_ended(self, failure: Failure | None) -> None:
        """The body has ended; ``None`` if it is complete."""

    def close(self) -> None:
        """See :meth:`ReceiveChannel.close`."""
        if self._reader is not None:
            self._reader.abort()
        elif self._request is not None:
            self._request.cancel()
        else:
            self._tell_ended(Failure(TransportError("The channel was closed.")))


class _StreamChannel(_HttpChannel):
    """A channel that is one long response."""

    stream_class: ClassVar[type[MessageStream]]
    content_type: ClassVar[bytes]

    def __init__(self, owner: ChannelOwner) -> None:
        super().__init__(owner)
        self._stream = self.stream_class(owner.network.max_bytes)

    def open(self, command: str) -> None:
        """See :meth:`ReceiveChannel.open`."""
        self._send(self._url(command))

    def _url(self, command: str) -> str:
        return self._owner.addresses.receive(command, self.transport, self._owner.position)

    def _check(self, response: IResponse, command: str) -> None:
        super()._check(response, command)
        headers: list[bytes] = response.headers.getRawHeaders(b"content-type", [])
        content_type = headers[-1] if headers else b""
        if content_type.partition(b";")[0].strip().lower() != self.content_type:
            raise TransportError(f"{command} was answered with {content_type.decode('latin-1') or 'no content type'}.")

    def _take(self, data: bytes) -> None:
        self._tell_heard()
        try:
            messages = self._stream.feed(data)
        except ProtocolViolation:
            self._fail(Failure())
            return
        if self._stream.started or messages:
            self._tell_opened()
        for message in messages:
            self._tell_received(message)

    def _body_ended(self, failure: Failure | None) -> None:
        self._tell_ended(failure or Failure(TransportError("The server has ended the stream.")))


class ServerSentEventsChannel(_StreamChannel):
    """Server-sent events."""

    transport = "serverSentEvents"
    stream_class = EventStream
    content_type = b"text/event-stream"


class ForeverFrameChannel(_StreamChannel):
    """A forever frame, for servers and proxies that know nothing better; nobody here needs the frame."""

    transport = "foreverFrame"
    stream_class = ForeverFrame
    content_type = b"text/html"

    def _url(self, command: str) -> str:
        # The number tells frames of one page apart.
        return f"{super()._url(command)}&frameId=1"


class LongPollingChannel(_HttpChannel):
    """
    Polls, one after the other, each from where the one before has brought the client.

    Args:
        poll_seconds: how long a poll may last.
    """

    transport = LONG_POLLING
    retry_seconds = 3.0

    #: A proxy may hold back even the headers of a reconnecting poll; after this time it is taken to be served (the
    #: .NET client's way).
    _SERVED_SECONDS = 5.0
    #: How much longer than the server's connection timeout a poll is waited for.
    GRACE_SECONDS = 10.0

    def __init__(self, owner: ChannelOwner, poll_seconds: float) -> None:
        super().__init__(owner)
        # Until a blank has come through we cannot know whether blanks do.
        self.expects_keep_alive = False
        self._poll_seconds = poll_seconds
        self._body = bytearray()
        self._finishing = False
        self._timers: list[IDelayedCall] = []

    def open(self, command: str) -> None:
        """See :meth:`ReceiveChannel.open`."""
        self._poll(command)
        if command == "reconnect":
            self._call_later(self._SERVED_SECONDS, self._tell_opened)

    def _poll(self, command: str) -> None:
        self._cancel_timers()
        self._body.clear()
        self.expects_keep_alive = False
        owner = self._owner
        self._call_later(self._poll_seconds, self._time_out)
        self._send(owner.addresses.receive(command, self.transport, owner.position), owner.position.parameters())

    def _call_later(self, seconds: float, function: Any, *arguments: Any) -> None:
        self._timers.append(self._owner.network.clock.callLater(seconds, function, *arguments))

    def _cancel_timers(self) -> None:
        timers, self._timers = self._timers, []
        for timer in timers:
            if timer.active():
                timer.cancel()

    def _time_out(self) -> None:
        self._fail(Failure(TransportError(f"A poll was not answered within {self._poll_seconds} seconds.")))

    def _check(self, response: IResponse, command: str) -> None:
        super()._check(response, command)
        self._tell_heard()
        self._tell_opened()

    def _take(self, data: bytes) -> None:
        if not self._body:
            data = data.lstrip()
            self.expects_keep_alive = not data
        self._body += data
        self._tell_heard()
        if len(self._body) > self._owner.network.max_bytes:
            self._fail(Failure(ProtocolViolation(f"A poll's answer is over {self._owner.network.max_bytes} bytes.")))

    def _body_ended(self, failure: Failure | None) -> None:
        self._reader = None
        if failure is not None:
            self._tell_ended(failure)
            return
        frame = self._tell_received(bytes(self._body))
        if frame is None or self._ended:
            return
        if self._finishing:
            self._tell_ended(Failure(TransportError("The last poll has been answered.")))
        elif isinstance(frame, Delivery) and frame.reconnect:
            self.retry_seconds = 0.0
            self._tell_ended(Failure(TransportError("The server asks to reconnect.")))
        elif isinstance(frame, Delivery) and frame.delay_seconds:
            self._cancel_timers()
            self._call_later(frame.delay_seconds, self._poll, "poll")
        else:
            self._poll("poll")

    def finish(self) -> None:
        """See :meth:`ReceiveChannel.finish`."""
        self._finishing = True
        if self._reader is None and self._request is None:
            self.close()

    def close(self) -> None:
        """See :meth:`ReceiveChannel.close`."""
        self._cancel_timers()
        super().close()

    def _tell_ended(self, failure: Failure) -> None:
        self._cancel_timers()
        super()._tell_ended(failure)
