"""
The lean way from a socket to an endpoint and back: for simple requests below a mapped path, which are served without a
:class:`twisted.web.http.Request`, resources, and headers taken one by one.

A channel reads a request in the lean way only when it has nothing of another one before it; if it is not simple, or not
below a mapped path, it is read in the ordinary way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from twisted.internet.interfaces import IAddress, IProtocol
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure

from ..signalr.requests import Request, Response
from .bounded_http import READY, BoundedChannel
from .bounded_site import BoundedSite
from .lean_exchange import LeanExchange
from .outlet import Outlet
from .simple_requests import SimpleRequest, read_simple_request

__all__ = ["LeanChannel", "LeanExchange", "LeanRoot", "LeanSite"]


class LeanRoot(Protocol):
    """What a site's root resource has to be, so that requests can be served in the lean way."""

    def answers_to(self, path: str) -> Callable[[Request, LeanExchange], None] | None:
        """What answers the requests of a path; ``None`` if they are for resources."""


class LeanChannel(BoundedChannel):
    """
    A connection of a browser: simple requests of mapped paths are served in the lean way, all others by Twisted.

    Attributes:
        root: finds what answers; ``None`` if nothing is to be served in the lean way.
    """

    _own_log = Logger()

    site: LeanSite
    root: LeanRoot | None = None
    _exchange: LeanExchange | None = None
    # The way out for what is served in the lean way, until Twisted writes something.
    _outlet: Outlet | None = None
    _peer: str | None = None

    def dataReceived(self, data: bytes) -> None:
        """Serve what has come, in one way or the other."""
        if self._exchange is not None:
            self.keep_for_later(data)
        elif self.stage is not READY or not self._serve(data):
            super().dataReceived(data)

    def _serve(self, data: bytes) -> bool:
        """Serve *data*, if it is a request for the lean way."""
        simple = None if self.root is None else read_simple_request(data)
        if simple is None:
            return False
        assert self.root is not None
        path = simple.uri.partition(b"?")[0]
        if b"%" in path:
            path = unquote_to_bytes(path)
        request = self._request(simple, path.decode("utf-8", "replace"))
        answer = self.root.answers_to(request.path)
        if answer is None:
            return False
        self.expect(None)
        exchange = self._exchange = LeanExchange(self, request)
        try:
            answer(request, exchange)
        except Exception:
            self._own_log.failure("A request could not be answered")
            if exchange.status:
                exchange.abort()
            else:
                exchange.respond(Response(500))
        return True

    def _request(self, simple: SimpleRequest, path: str) -> Request:
        peer = self._peer
        if peer is None:
            peer = self._peer = getattr(self.transport.getPeer(), "host", "")
        return Request(
            simple.method.decode("ascii"),
            simple.uri.decode("ascii"),
            path,
            simple.headers,
            simple.body,
            remote_address=peer,
            can_upgrade=simple.asks_for_websocket,
            is_secure=self.is_secure,
        )

    def outlet(self) -> Outlet:
        """The way out, for an exchange."""
        if self._outlet is None:
            self._outlet = Outlet(self.transport)
        return self._outlet

    def written_past(self) -> None:
        """The outlet does not know what else is written."""
        self._outlet = None

    def exchange_over(self, exchange: LeanExchange) -> None:
        """A response has been written: go on with what has come meanwhile."""
        if self._outlet is None:
            self.unregisterProducer()
        self._exchange = None
        self.site.log_exchange(exchange)
        self.request_over()

    def hand_over(self, protocol: IProtocol) -> str | None:
        """Let *protocol* have the transport; nothing more comes here. Returns the place, which goes with it."""
        transport, self.transport = self.transport, None
        self.expect(None)
        self._exchange = None
        place, self.place = self.place, None
        if isinstance(transport, ProtocolWrapper):
            transport.wrappedProtocol = protocol
        else:
            transport.protocol = protocol
        protocol.makeConnection(transport)
        return place

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client has gone."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.lost()
        super().connectionLost(reason)


class LeanSite(BoundedSite):
    """A site that serves simple requests in the lean way, if its root resource is a :class:`LeanRoot`."""

    # Twisted's own chooses between HTTP/1.1 and HTTP/2, and speaks the former to all whom this site is for.
    protocol = LeanChannel

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make a channel."""
        channel = super().buildProtocol(addr)
        if hasattr(self.resource, "answers_to"):
            channel.root = self.resource
        return channel

    def log_exchange(self, exchange: LeanExchange) -> None:
        """Called at the end of each request that was served in the lean way, as :meth:`log` is for the others."""
