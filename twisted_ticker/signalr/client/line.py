"""
The line to the server: channels one after the other, of which the latest is listened to, and where they stand.

It knows which channel speaks for the connection, and notices when that falls silent; what follows from that is for its
connection to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from .addresses import LONG_POLLING, Addresses, Position
from .channels import ForeverFrameChannel, LongPollingChannel, ReceiveChannel, ServerSentEventsChannel
from .errors import TransportError
from .frames import Frame
from .negotiation import Negotiated
from .network import Network
from .watch import KeepAliveWatch
from .websocket import WebSocketChannel

__all__ = ["TRANSPORTS", "Line"]

_STREAMS: Mapping[str, Callable[[Any], ReceiveChannel]] = {
    channel.transport: channel for channel in (WebSocketChannel, ServerSentEventsChannel, ForeverFrameChannel)
}

#: Wire names of all transports that there are.
TRANSPORTS = (*_STREAMS, LONG_POLLING)


class Line:
    """
    What one connection receives on; a :class:`.ChannelOwner`.

    Args:
        network: what requests are sent through.
        addresses: where they go, before anything is negotiated.
        opened: called when the server serves the channel that is listened to; perhaps more than once.
        received: called with each frame that comes on it.
        slow: called when nothing has been heard on it for a suspiciously long time.
        lost: called when it has ended; nothing is listened to any more then.
        ended: called when any channel has ended, behind *lost*.

    Attributes:
        network: see there.
        addresses: where requests go.
        position: the cursor: how far the server's messages have been received.
        negotiated: what the server offers; the latest, if there have been several starts.
        transport: wire name of the transport in use, or last used; empty before there was any.
        channel: the one that is listened to, if any.
        watch: expects signs of life on it.
    """

    def __init__(
        self,
        network: Network,
        addresses: Addresses,
        *,
        opened: Callable[[], None],
        received: Callable[[Frame], None],
        slow: Callable[[], None],
        lost: Callable[[ReceiveChannel, Failure], None],
        ended: Callable[[], None],
    ) -> None:
        self.network = network
        self.addresses = addresses
        self.position = Position()
        self.negotiated = Negotiated("", "")
        self.transport = ""
        self.channel: ReceiveChannel | None = None
        self._first_addresses = addresses
        self._opened = opened
        self._received = received
        self._slow = slow
        self._lost = lost
        self._ended = ended
        self._channels: set[ReceiveChannel] = set()
        self.watch = self._make_watch(None)

    @property
    def clock(self) -> IReactorTime:
        """What tells the time."""
        return self.network.clock

    @property
    def is_duplex(self) -> bool:
        """Whether texts to the server are sent on the channel itself."""
        return self.transport == WebSocketChannel.transport

    @property
    def has_channels(self) -> bool:
        """Whether there are channels that have not ended, listened to or not."""
        return bool(self._channels)

    def reset(self, connection_data: str | None) -> None:
        """Forget whom we were to the server, and begin at the first address; there are no channels."""
        self.addresses = self._first_addresses.with_connection_data(connection_data)
        self.position = Position()
        self.transport = ""
        self.network.access_token = None

    def adopt(self, negotiated: Negotiated) -> None:
        """Be the connection that the server offers."""
        self.negotiated = negotiated
        self.addresses = self.addresses.with_token(negotiated.connection_token)
        self.watch = self._make_watch(negotiated.keep_alive_timeout)

    def _make_watch(self, timeout: float | None) -> KeepAliveWatch:
        return KeepAliveWatch(
            self.clock,
            timeout,
            is_due=lambda: self.channel is not None and self.channel.expects_keep_alive,
            slow=self._slow,
            lost=lambda: self.drop(f"Nothing was heard of the server for {timeout} seconds."),
        )

    # Channels

    def open(self, command: str) -> ReceiveChannel:
        """
        Open a channel, and listen to that from now on.

        Args:
            command: ``connect`` or ``reconnect``.

        Returns:
            The channel; it may have ended already.
        """
        if self.transport == LONG_POLLING:
            seconds = self.negotiated.connection_timeout + LongPollingChannel.GRACE_SECONDS
            channel: ReceiveChannel = LongPollingChannel(self, seconds)
        else:
            channel = _STREAMS[self.transport](self)
        self.channel = channel
        self._channels.add(channel)
        channel.open(command)
        return channel

    def drop(self, why: str) -> None:
        """Take the channel for lost."""
        channel = self.channel
        if channel is not None:
            self._lose(channel, Failure(TransportError(why)))
            channel.close()

    def dismiss(self, channel: ReceiveChannel) -> None:
        """Close a channel, and do not call it a loss."""
        if channel is self.channel:
            self.channel = None
        channel.close()

    def finish(self) -> None:
        """Let all channels end by themselves: the server is about to end them."""
        for channel in list(self._channels):
            channel.finish()

    def close(self) -> None:
        """Drop all channels."""
        for channel in list(self._channels):
            channel.close()

    # What channels tell

    def channel_opened(self, channel: ReceiveChannel) -> None:
        """See :class:`.ChannelOwner`."""
        if channel is self.channel:
            self._opened()

    def channel_heard(self, channel: ReceiveChannel) -> None:
        """See :class:`.ChannelOwner`."""
        if channel is self.channel:
            self.watch.heard()

    def channel_received(self, channel: ReceiveChannel, frame: Frame) -> None:
        """See :class:`.ChannelOwner`."""
        # That it is served is beyond doubt, whether or not it says so.
        self.channel_opened(channel)
        if channel is self.channel:
            self._received(frame)

    def channel_ended(self, channel: ReceiveChannel, failure: Failure) -> None:
        """See :class:`.ChannelOwner`."""
        self._channels.discard(channel)
        if channel is self.channel:
            self._lose(channel, failure)
        self._ended()

    def _lose(self, channel: ReceiveChannel, failure: Failure) -> None:
        self.channel = None
        self.watch.stop()
        self._lost(channel, failure)
