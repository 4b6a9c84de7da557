"""
A connection of a browser, with bounds for what clients may take: time, memory, places, and turns of the reactor.

Requests are read to the letter, one after the other. Twisted's parser gets them when they are whole, alone, and beyond
doubt.
"""

from __future__ import annotations

from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from .deadlines import Deadlines
from .refusals import RequestRefused, refusal
from .request_reader import RequestReader

if TYPE_CHECKING:
    from .bounded_site import BoundedSite

__all__ = ["READY", "BoundedChannel", "Stage"]

#: What a client may send before it has the answer to what it has sent before; then it has to wait.
_MAX_EARLY_BYTES = 16 * 1024

#: What may be kept of requests that are not whole, of all clients together, besides those that are of usual length.
_MAX_HELD_BYTES = 64 * 1024 * 1024
_USUAL_BYTES = 64 * 1024


class Stage(Enum):
    """Where a channel is with a request."""

    __hash__ = object.__hash__

    #: There is none.
    READY = "ready"
    #: It has not come whole.
    READING = "reading"
    #: Twisted has it.
    SERVING = "serving"
    #: What has come behind the last one waits for its turn.
    WAITING = "waiting"
    #: There will be none any more.
    PARTING = "parting"
    #: Nor is there anybody to tell so.
    LOST = "lost"


#: Where most are.
READY = Stage.READY


class BoundedChannel(HTTPChannel):
    """
    A connection on which nothing takes longer, or more room, than it may.

    Attributes:
        place: what it has taken of the site's places.
        stage: where it is.
    """

    _own_log = Logger()

    transport: Any
    site: BoundedSite
    place: str | None = None
    stage = READY
    # What has come behind a request that is being served.
    _early = b""
    _reader: RequestReader | None = None
    # Of what is read, how much the site knows to be kept.
    _held_bytes = 0
    # Of those of the site, the one that runs.
    _deadline: Deadlines[BoundedChannel] | None = None
    # Whether the client cannot take more, and whether somebody else will see to that.
    _is_full = False
    _is_looked_after = False

    @cached_property
    def is_secure(self) -> bool:
        """Whether it is a connection by TLS to this server itself."""
        return bool(self.isSecure())  # type: ignore[no-untyped-call]

    # Reading

    def connectionMade(self) -> None:
        """Somebody has come, who is going to say something."""
        super().connectionMade()  # type: ignore[no-untyped-call]
        self.expect(self.site.heads)

    def dataReceived(self, data: bytes) -> None:
        """Take what has come."""
        stage = self.stage
        if stage is READY or stage is Stage.READING:
            self._read(data)
        elif stage is Stage.SERVING or stage is Stage.WAITING:
            self.keep_for_later(data)

    def keep_for_later(self, data: bytes) -> None:
        """Keep what has come behind a request that is being served."""
        self._early += data
        self._regulate()

    def take_early(self) -> bytes:
        """What has come behind the request that is being served; it is for what the connection has become."""
        early, self._early = self._early, b""
        return early

    def _regulate(self) -> None:
        """Read more, or do not."""
        if self._is_full or len(self._early) > _MAX_EARLY_BYTES:
            self.transport.pauseProducing()
        else:
            self.transport.resumeProducing()

    def expect(self, deadline: Deadlines[BoundedChannel] | None) -> None:
        """From now on, one of the site's deadlines runs, or none."""
        running = self._deadline
        if running is not deadline:
            if running is not None:
                running.end(self)
            self._deadline = deadline
            if deadline is not None:
                deadline.begin(self)

    def _read(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:
            reader = self._reader = RequestReader()
            self.stage = Stage.READING
            self.expect(self.site.heads)
        try:
            request = reader.feed(data)
        except RequestRefused as refused:
            self._refuse(refused)
            return
        if request is not None:
            self._forget_reader()
            self.expect(None)
            self._early = request.rest
            self.stage = Stage.SERVING
            self.written_past()
            self._regulate()
            super().dataReceived(request.data)  # type: ignore[no-untyped-call]
            return
        if reader.is_in_body:
            self.expect(self.site.bodies)
        if reader.expects_word:
            reader.expects_word = False
            self.written_past()
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._hold(reader.held_bytes)
        if self._held_bytes > _USUAL_BYTES and self.site.held_bytes > _MAX_HELD_BYTES:
            self._refuse(RequestRefused(503, "Too many requests are on their way to this server."))

    def _hold(self, held_bytes: int) -> None:
        self.site.held_bytes += held_bytes - self._held_bytes
        self._held_bytes = held_bytes

    def _forget_reader(self) -> None:
        self._reader = None
        self._hold(0)

    def checkPersistence(self, request: Any, version: bytes) -> bool:
        """Whether a connection goes on behind a request."""
        # Twisted's own reads the first of such headers, if there are blanks between its options.
        headers = request.requestHeaders.getRawHeaders(b"Connection", [])
        options = {option.strip() for option in b",".join(headers).lower().split(b",")}
        if version == b"HTTP/1.1" and b"close" not in options:
            return True
        request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        return False

    def requestDone(self, request: Any) -> None:
        """Twisted has served a request."""
        # What Twisted gives back, it gives to dataReceived.
        self.stage = Stage.WAITING
        super().requestDone(request)  # type: ignore[no-untyped-call]
        if self.stage is Stage.WAITING:
            # Twisted reads on whenever it has served a request.
            self._regulate()
            self.stage = READY
            self.request_over()

    def request_over(self) -> None:
        """Go on with what has come behind a request."""
        if not self._early:
            self.expect(self.site.idle)
            return
        # Who sends many at a time must not keep others waiting.
        self.stage = Stage.WAITING
        self.expect(self.site.unread if self._is_full else None)
        self.site.turns.put(self._take_turn)

    def _take_turn(self) -> None:
        # Who does not read the answers is asked for no more of them.
        if self.stage is Stage.WAITING and not self._is_full:
            early = self.take_early()
            self.stage = READY
            self._regulate()
            self.dataReceived(early)

    # Writing

    def written_past(self) -> None:
        """Something is written to the transport, which whoever writes there in another way has to know."""

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Tell a producer when the client cannot take more."""
        self.written_past()
        self._is_looked_after = getattr(producer, "is_looked_after", False)
        super().registerProducer(producer, streaming)  # type: ignore[no-untyped-call]

    def unregisterProducer(self) -> None:
        """The producer has nothing more to write."""
        self._is_looked_after = False
        super().unregisterProducer()  # type: ignore[no-untyped-call]

    def pauseProducing(self) -> None:
        """The client cannot take more just now."""
        self._is_full = True
        super().pauseProducing()  # type: ignore[no-untyped-call]
        if self._deadline is None and not self._is_looked_after:
            self.expect(self.site.unread)

    def resumeProducing(self) -> None:
        """The client has taken all there was."""
        self._is_full = False
        if self._deadline is self.site.unread:
            self.expect(None)
        super().resumeProducing()  # type: ignore[no-untyped-call]
        self._regulate()
        if self.stage is Stage.WAITING:
            self.site.turns.put(self._take_turn)

    # The end

    def _refuse(self, refused: RequestRefused) -> None:
        """Say why a request is not served, and that it was the last one."""
        self.site.places.bad_requests += 1
        self._own_log.info(
            "Refused a request of {peer} with {status}: {text}",
            peer=getattr(self.transport.getPeer(), "host", "-"),
            status=refused.status,
            text=refused.text,
        )
        self._forget_reader()
        self.stage = Stage.PARTING
        self._early = b""
        self.written_past()
        self.transport.write(refusal(refused.status, refused.text))
        self._part()

    def _part(self) -> None:
        """Close the connection when the client knows why."""
        self.transport.unregisterProducer()
        if self.is_secure or not hasattr(self.transport, "loseWriteConnection"):
            self.transport.loseConnection()
        else:
            # To close it while more is coming would make the client's system throw away what was written.
            self.transport.loseWriteConnection()
            self.transport.resumeProducing()
        self.expect(self.site.parting)

    def loseConnection(self) -> None:
        """Close the connection when all has been written and read; but do not wait for ever."""
        super().loseConnection()  # type: ignore[no-untyped-call]
        if self.stage is not Stage.LOST:
            self.stage = Stage.PARTING
            self._early = b""
            self.expect(self.site.unread)

    def idle_is_over(self) -> None:
        """No further request has come; what is left of the last one's response had its time, too."""
        if self._is_full:
            self.is_unread()
        else:
            self.loseConnection()
            self.expect(self.site.parting)

    def head_is_late(self) -> None:
        """No request has come, or only some of its head."""
        if self._reader is None:
            self.loseConnection()
        else:
            self._refuse(RequestRefused(408, f"The headers have not come within {self.site.heads.seconds:g} seconds."))

    def body_is_late(self) -> None:
        """A request's body has not come."""
        self._refuse(RequestRefused(408, f"The body has not come within {self.site.bodies.seconds:g} seconds."))

    def is_unread(self) -> None:
        """The client has not read what it has asked for."""
        self.site.places.unread += 1
        self._own_log.info(
            "Cut off {peer}, who has read nothing of a response for {seconds:g} seconds",
            peer=getattr(self.transport.getPeer(), "host", "-"),
            seconds=self.site.unread.seconds,
        )
        self.transport.abortConnection()

    def cut(self) -> None:
        """Close the connection now, whatever has not been read."""
        self.transport.abortConnection()

    def give_way(self) -> None:
        """Close the connection now, for another one that is to have its place."""
        self.expect(None)
        self.give_up_place()
        self.cut()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client has gone."""
        self.stage = Stage.LOST
        self._early = b""
        self._forget_reader()
        self.expect(None)
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        self.give_up_place()

    def give_up_place(self) -> None:
        """Let somebody else have the place."""
        place, self.place = self.place, None
        if place is not None:
            self.site.leave(place)
