"""
The resource that puts a SignalR server on the web: each request below a mapped path goes to its endpoint.
"""

from __future__ import annotations

from copy import copy
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.pages import notFound
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from ..signalr.endpoint import Endpoint
from ..signalr.interfaces import IReceiver
from ..signalr.protocol.transports import FOREVER_FRAME, SERVER_SENT_EVENTS, WEB_SOCKETS
from ..signalr.requests import ReceiveChannel, User
from ..signalr.server import SignalRServer
from .forever_frame import open_forever_frame
from .long_polling import LongPollingReceiver
from .parameters import request_of
from .responses import respond, respond_later
from .server_sent_events import open_server_sent_events
from .websocket import SignalRWebSocketFactory

__all__ = ["SignalRResource"]


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
            clock, max_message_bytes=server.settings.max_incoming_websocket_message_size
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

    def getChildWithDefault(self, name: bytes, request: Request) -> IResource:
        """Find who serves a request."""
        path = unquote_to_bytes(request.path).decode("utf-8", "replace")
        endpoint = self._server.endpoint_for(path)
        if endpoint is None:
            return self._other(name, request)
        return _EndpointResource(endpoint, self._websockets, self._long_poll_delay_ms, self._user)

    def _other(self, name: bytes, request: Request) -> IResource:
        if self._otherwise.isLeaf:
            # It has no children to be asked for, and finds the whole path where it would be as the root.
            prepath, postpath = cast("list[bytes]", request.prepath), cast("list[bytes]", request.postpath)
            postpath.insert(0, prepath.pop())
            return cast(IResource, self._otherwise)
        return cast(IResource, self._otherwise.getChildWithDefault(name, request))

    def putChild(self, path: bytes, child: IResource) -> None:
        """Put a child beside the mapped paths."""
        self._otherwise.putChild(path, child)

    def render(self, request: Request) -> object:
        """Serve the root itself, where it is not asked for a child."""
        return self._otherwise.render(request)


@implementer(IResource)
class _EndpointResource:
    """Hands one request, of whatever method, to its endpoint, and opens the transport that it asks for."""

    isLeaf = True

    def __init__(
        self,
        endpoint: Endpoint[Any],
        websockets: SignalRWebSocketFactory,
        long_poll_delay_ms: int,
        user: User | None,
    ) -> None:
        self._endpoint = endpoint
        self._websockets = websockets
        self._long_poll_delay_ms = long_poll_delay_ms
        self._user = user

    def getChildWithDefault(self, name: bytes, request: Request) -> IResource:
        raise NotImplementedError("A leaf has no children.")

    def putChild(self, path: bytes, child: IResource) -> None:
        raise NotImplementedError("A leaf has no children.")

    def render(self, request: Request) -> object:
        answer = self._endpoint.respond(request_of(request, self._user))
        if isinstance(answer, ReceiveChannel):
            return self._open(request, answer)
        if isinstance(answer, Deferred):
            respond_later(request, answer)
        else:
            respond(request, answer)
        return NOT_DONE_YET

    def _open(self, request: Request, channel: ReceiveChannel) -> object:
        if channel.transport == WEB_SOCKETS:
            return self._websockets.upgrade(request, channel)
        channel.open(self._receiver(request, channel))
        return NOT_DONE_YET

    def _receiver(self, request: Request, channel: ReceiveChannel) -> IReceiver:
        if channel.transport == SERVER_SENT_EVENTS:
            return open_server_sent_events(request, channel)
        if channel.transport == FOREVER_FRAME:
            return open_forever_frame(request, channel)
        return LongPollingReceiver(request, channel, delay_ms=self._long_poll_delay_ms)
