"""
Thousands of clients made of sockets, as a process: they hear numbers, stop reading, or come back all at once.

They look for numbers in what comes without taking it apart, so that it is the server that is measured, and they know
just enough of the protocol for that: WebSocket and server-sent events, without calls.
"""

from __future__ import annotations

import socket
import time
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults, inlineCallbacks
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.python.failure import Failure

from tests.integration.torture.orders import obey, reactor
from twisted_ticker.signalr.client.addresses import Addresses, Position, connection_data
from twisted_ticker.signalr.client.negotiation import Negotiated, parse_negotiation
from twisted_ticker.signalr.client.network import Network

_TRANSPORTS = ("webSockets", "serverSentEvents")

#: How many connect at the same time, unless they come back all at once.
_CONNECTING = 50

#: Every so manieth client looks at all that comes; it would be too much for one process if all did.
_WATCHED_EVERY = 11

#: What a client's system takes before the client reads: little, so that who does not read is noticed soon.
_RECEIVE_BYTES = 64 * 1024

_NUMBER = b'"counted","A":['
_MISSED = b'"missed","A":['
_CURSOR = b'{"C":"'

#: Longer than any of these with a number and a time behind it.
_SPLIT_BYTES = 80

#: What a stream says as soon as it is served.
_SERVED = {"webSockets": b" 101 ", "serverSentEvents": b"data: initialized"}


class _Listener:
    """
    One client.

    Attributes:
        transport: wire name of its transport.
        connection_id: what the server calls it.
        last: the latest number heard; 0 before.
        heard: how many were heard.
        jumps: how often numbers were skipped.
        repeats: how often one came that was no greater than the one before.
        announcements: how often it was told that something was missed.
        closed: how often its connection ended without its own doing.
        longest_silence: the most seconds without a sign of life.
        cursor: that of the first envelope, before any number.
        is_watched: whether it looks at all that comes, and not only at how the pieces that come fit together.
        is_prompt: whether it has always taken what is sent to it at once.
    """

    def __init__(
        self, crowd: _Listeners, transport: str, addresses: Addresses, connection_id: str, *, is_watched: bool
    ) -> None:
        self.transport = transport
        self.connection_id = connection_id
        self.last = self.heard = self.jumps = self.repeats = self.announcements = self.closed = 0
        self.longest_silence = 0.0
        self.is_watched = is_watched
        self.is_prompt = True
        self.cursor = b""
        self._crowd = crowd
        self._addresses = addresses
        self._socket: _Socket | None = None
        self._served: Deferred[_Listener] | None = None
        self._heard_at = 0.0
        self._rest = b""

    def open(self, command: str) -> Deferred[_Listener]:
        """Connect or reconnect; fires when it is served."""
        position = Position(self.cursor.decode("ascii") or None)
        _, _, target = self._addresses.receive(command, self.transport, position).partition("//")
        host, _, path = target.partition("/")
        head = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n"
        if self.transport == "webSockets":
            head += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            head += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        self._rest = b""
        self._served = Deferred()
        reactor.connectTCP("127.0.0.1", int(host.partition(":")[2]), _Sockets(self, f"{head}\r\n".encode("ascii")))
        return self._served

    def drop(self) -> None:
        """Be cut off."""
        if self._socket is not None:
            self._socket.listener = None
            self._socket.transport.abortConnection()
            self._socket = None

    def stop_reading(self) -> None:
        """Take nothing any more."""
        self.is_prompt = False
        self.is_watched = True
        if self._socket is not None:
            self._socket.transport.pauseProducing()

    def resume_reading(self) -> None:
        """Take everything again."""
        if self._socket is not None:
            self._socket.transport.resumeProducing()

    def watch_silence(self) -> None:
        """Forget all silences until now."""
        self.longest_silence = 0.0
        self._heard_at = time.monotonic()

    def silence(self) -> float:
        """The most seconds without a sign of life, the present ones included."""
        return max(self.longest_silence, time.monotonic() - self._heard_at)

    # What its socket tells

    def connected(self, socket: _Socket) -> None:
        """There is a connection."""
        self._socket = socket
        self._heard_at = time.monotonic()

    def failed(self, reason: Failure) -> None:
        """There is no connection."""
        served, self._served = self._served, None
        if served is not None:
            served.errback(reason)

    def lost(self, reason: Failure) -> None:
        """The connection has ended."""
        self._socket = None
        self.closed += 1
        self.failed(reason)

    def received(self, data: bytes) -> None:
        """Something has come."""
        now = time.monotonic()
        self.longest_silence = max(self.longest_silence, now - self._heard_at)
        self._heard_at = now
        data = self._rest + data
        if self._served is not None and _SERVED[self.transport] in data:
            served, self._served = self._served, None
            served.callback(self)
        self._rest = data[self._look_at(data) :]

    def _look_at(self, data: bytes) -> int:
        """Look for what there is in *data*; returns how much of it is done with."""
        if not self.cursor:
            self._find_cursor(data)
        done = max(0, len(data) - _SPLIT_BYTES)
        first, last = data.find(_NUMBER), data.rfind(_NUMBER)
        if last > done:
            # It may not be whole.
            done = last
            last = data.rfind(_NUMBER, 0, last)
        if last >= 0:
            self._hear(data, first, last)
            done = max(done, last + len(_NUMBER))
        if self.announcements < self.jumps or self.is_watched:
            self.announcements += data.count(_MISSED, 0, done + len(_MISSED) - 1)
        return done

    def _find_cursor(self, data: bytes) -> None:
        begin = data.find(_CURSOR)
        end = data.find(b'"', begin + len(_CURSOR))
        if begin >= 0 and end >= 0:
            self.cursor = data[begin + len(_CURSOR) : end]

    def _hear(self, data: bytes, first: int, last: int) -> None:
        lowest, _ = _number_at(data, first)
        highest, made = _number_at(data, last)
        count = highest - lowest + 1
        if self.is_watched:
            count = data.count(_NUMBER, first, last + len(_NUMBER))
        self.heard += count
        if lowest <= self.last:
            self.repeats += 1
        elif (lowest != self.last + 1 and self.last) or highest - lowest != count - 1:
            self.jumps += 1
        self.last = highest
        if self.is_prompt and made:
            self._crowd.latencies.append(time.monotonic_ns() - made)


def _number_at(data: bytes, place: int) -> tuple[int, int]:
    """A number, and the time at which it was made (``time.monotonic_ns()``), or 0."""
    begin = place + len(_NUMBER)
    fields = data[begin : begin + _SPLIT_BYTES - len(_NUMBER)].partition(b"]")[0].split(b",")
    return int(fields[0]), int(fields[1]) if len(fields) > 1 else 0


class _Socket(Protocol):
    """A connection."""

    transport: Any

    def __init__(self, listener: _Listener, request: bytes) -> None:
        self.listener: _Listener | None = listener
        self._request = request

    def connectionMade(self) -> None:
        self.transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        self.transport.write(self._request)
        assert self.listener is not None
        self.listener.connected(self)

    def dataReceived(self, data: bytes) -> None:
        if self.listener is not None:
            self.listener.received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.listener is not None:
            self.listener.lost(reason)


class _Sockets(ClientFactory):
    """Makes a connection."""

    noisy = False

    def __init__(self, listener: _Listener, request: bytes) -> None:
        self._listener = listener
        self._request = request

    def buildProtocol(self, addr: IAddress | None) -> _Socket:
        return _Socket(self._listener, self._request)

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        self._listener.failed(reason)


class _Listeners:
    """
    The orders that there are.

    Attributes:
        latencies: from when a message was made to when a prompt client has got it, in nanoseconds; the last one of
            what came at a time.
    """

    def __init__(self) -> None:
        self.latencies: list[int] = []
        self._listeners: list[_Listener] = []
        self._network = Network(reactor, max_bytes=1024)

    def join(self, port: int, listeners: int) -> Deferred[Any]:
        """Connect so many more clients, on one transport after the other."""
        turns = DeferredSemaphore(_CONNECTING)
        return gatherResults([turns.run(self._join, port, number) for number in range(listeners)]).addCallback(len)

    @inlineCallbacks
    def _join(self, port: int, number: int) -> Any:
        transport = _TRANSPORTS[number % len(_TRANSPORTS)]
        addresses = Addresses.parse(f"http://127.0.0.1:{port}/signalr").with_connection_data(
            connection_data(["numbering"])
        )
        negotiated = parse_negotiation((yield self._network.fetch(addresses.negotiate())))
        assert isinstance(negotiated, Negotiated)
        addresses = addresses.with_token(negotiated.connection_token)
        is_watched = number % _WATCHED_EVERY == 0
        listener = _Listener(self, transport, addresses, negotiated.connection_id, is_watched=is_watched)
        yield listener.open("connect")
        yield self._network.fetch(addresses.command("start", transport))
        self._listeners.append(listener)

    def stop_reading(self, listeners: int) -> None:
        """The first ones take nothing any more."""
        for listener in self._listeners[:listeners]:
            listener.stop_reading()

    def resume_reading(self, first: int, last: int) -> None:
        """Some take everything again."""
        for listener in self._listeners[first:last]:
            listener.resume_reading()

    def take_latencies(self) -> dict[str, float]:
        """What has become of the latencies since the last time, in seconds."""
        taken, self.latencies = sorted(self.latencies), []
        if not taken:
            return {"count": 0}
        shares = {"p50": 0.5, "p99": 0.99, "worst": 1.0}
        figures = {name: taken[min(len(taken) - 1, int(len(taken) * share))] / 1e9 for name, share in shares.items()}
        return {"count": len(taken), **figures}

    def report(self, first: int, last: int) -> dict[str, Any]:
        """What has become of some of the clients."""
        some = self._listeners[first:last]
        return {
            "clients": len(some),
            "last": [listener.last for listener in some],
            "heard": sum(listener.heard for listener in some),
            "jumps": sum(listener.jumps for listener in some),
            "repeats": sum(listener.repeats for listener in some),
            "unannounced": sum(max(0, listener.jumps - listener.announcements) for listener in some),
            "announcements": sum(listener.announcements for listener in some),
            "closed": sum(listener.closed for listener in some),
            "longest_silence": max(listener.silence() for listener in some),
        }

    def ids(self, first: int, last: int) -> list[str]:
        """The connection ids of some of the clients."""
        return [listener.connection_id for listener in self._listeners[first:last]]

    def watch_silence(self) -> None:
        """Forget all silences until now."""
        for listener in self._listeners:
            listener.watch_silence()

    def storm(self, first: int, last: int) -> Deferred[list[float]]:
        """
        Some clients are cut off at once, and come back at once.

        Returns:
            How long each was away, in seconds, in the order in which they have tried to come back.
        """
        some = self._listeners[first:last]
        for listener in some:
            listener.drop()
        began = time.monotonic()
        back = [listener.open("reconnect").addCallback(lambda _: time.monotonic() - began) for listener in some]
        return gatherResults(back)


if __name__ == "__main__":
    crowd = _Listeners()
    orders = (
        *(crowd.join, crowd.stop_reading, crowd.resume_reading, crowd.take_latencies, crowd.report),
        *(crowd.ids, crowd.watch_silence, crowd.storm),
    )
    obey({order.__name__: order for order in orders})
