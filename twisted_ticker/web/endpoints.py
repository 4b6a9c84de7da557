"""
The resource that puts a SignalR server on the web: each request below a mapped path goes to its endpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.pages import notFound
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET
from twisted.web.server import Request as TwistedRequest
from zope.interface import implementer

from ..signalr.endpoint import Endpoint
from ..signalr.interfaces import IReceiver
from ..signalr.protocol.transports import FOREVER_FRAME, SERVER_SENT_EVENTS, WEB_SOCKETS
from ..signalr.requests import ReceiveChannel, Request, Response, User
from ..signalr.server import SignalRServer
from .beside import child_of
from .exchanges import Exchange, TwistedExchange
from .forever_frame import open_forever_frame
from .long_polling import LongPollingReceiver
from .parameters import request_of
from .responses import respond_later
from .server_sent_events import open_server_sent_events
from .websocket import SignalRWebSocketFactory

__all__ = ["SignalRResource"]

#: What an endpoint says to a request.
Answer = Response | ReceiveChannel | Deferred[Response]


@implementer(IResource)
class SignalRResource:
    """
    The root of a site: mapped paths belong to the SignalR server, all others to another resource.

    It is asked for the whole path of a request, so put it at the root even where a path is mapped deeper down.

    Args:
        server: the server.
        otherwise: what serves all other paths; nothing does, when not given.
        clock: the reactor; the global one when not given.
    """

    isLeaf = False

    def __init__(
        self,
        server: SignalRServer,
        otherwise: IResource | None = None,
        *,
        clock: IReactorTime | None = None,
    ) -> None:
        if clock is None:
            # Imported late: importing it installs it.
            from twisted.internet import reactor

            clock = cast(IReactorTime, reactor)
        self._server = server
        self._otherwise: Any = notFound() if otherwise is None else otherwise
        self._websockets = SignalRWebSocketFactory(
            clock,
            max_message_bytes=server.settings.max_incoming_websocket_message_size,
            max_pending_calls=server.settings.max_pending_calls,
        )
        self._long_poll_delay_ms = round(server.settings.long_poll_delay * 1000)
        self._user: User | None = None

    def as_user(self, user: User) -> SignalRResource:
        """
        The same resource as *user* sees it: the avatar to return from a twisted.cred realm.

        Requests that come by it have *user*, so that hubs know who is calling.
        """
        avatar = copy(self)
        avatar._user = user
        return avatar

    def getChildWithDefault(self, name: bytes, request: TwistedRequest) -> IResource:
        """Find who serves a request."""
        path = unquote_to_bytes(request.path).decode("utf-8", "replace")
        endpoint = self._server.endpoint_for(path)
        if endpoint is None:
            return child_of(self._otherwise, name, request)
        return _EndpointResource(self, endpoint, self._user)

    def answers_to(self, path: str) -> Callable[[Request, Exchange], None] | None:
        """
        What answers the requests of a path; ``None`` if the path is not mapped.

        Args:
            path: the path, percent-decoded.
        """
        endpoint = self._server.endpoint_for(path)
        if endpoint is None:
            return None
        return lambda request, exchange: self.carry_out(endpoint.respond(request), exchange)

    def carry_out(self, answer: Answer, exchange: Exchange) -> None:
        """Send a response, or open a transport."""
        if isinstance(answer, ReceiveChannel) and answer.transport == WEB_SOCKETS:
            self._websockets.open(exchange, answer)
        elif isinstance(answer, ReceiveChannel):
            answer.open(self._receiver(exchange, answer))
        elif isinstance(answer, Deferred):
            respond_later(exchange, answer)
        else:
            exchange.respond(answer)

    def _receiver(self, exchange: Exchange, channel: ReceiveChannel) -> IReceiver:
        if channel.transport == SERVER_SENT_EVENTS:
            return open_server_sent_events(exchange, channel)
        if channel.transport == FOREVER_FRAME:
            return open_forever_frame(exchange, channel)
        return LongPollingReceiver(exchange, channel, delay_ms=self._long_poll_delay_ms)

    def putChild(self, path: bytes, child: IResource) -> None:
        """Put a child beside the mapped paths."""
        self._otherwise.putChild(path, child)

    def render(self, request: TwistedRequest) -> object:
        """Serve the root itself, where it is not asked for a child."""
        return self._otherwise.render(request)


@implementer(IResource)
class _EndpointResource:
    """Hands one request, of whatever method, to its endpoint, and opens the transport that it asks for."""

    isLeaf = True

    def __init__(self, root: SignalRResource, endpoint: Endpoint[Any], user: User | None) -> None:
        self._root = root
        self._endpoint = endpoint
        self._user = user

    def getChildWithDefault(self, name: bytes, request: TwistedRequest) -> IResource:
        raise NotImplementedError("A leaf has no children.")

    def putChild(self, path: bytes, child: IResource) -> None:
        raise NotImplementedError("A leaf has no children.")

    def render(self, request: TwistedRequest) -> object:
        self._root.carry_out(self._endpoint.respond(request_of(request, self._user)), TwistedExchange(request))
        return NOT_DONE_YET
