"""
An endpoint of raw connections: texts from clients go to a :class:`.PersistentConnection`, as they are.

Source: SignalR 2.4, ``PersistentConnection.cs``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from .calls import Call
from .endpoint import Endpoint, Negotiate
from .errors import NotAuthorized, RequestError
from .hub import HubCallerContext
from .persistent_connection import ConnectionContext, ConnectionDescriptor, PersistentConnection
from .requests import Request, Response
from .settings import EndpointSettings
from .signals import connection_group_topic, connection_topic, group_name, own_topic

if TYPE_CHECKING:
    from .server import SignalRServer

__all__ = ["ConnectionEndpoint"]


class ConnectionEndpoint(Endpoint[None]):
    """
    A path with raw connections.

    Args:
        path: the path, without a slash at its end.
        server: connections, bus and keys.
        settings: this endpoint's own.
        descriptor: the class of its connections.
        sending: how they send; those of one class on several paths share it.
        negotiate: may move or refuse clients.
    """

    _log = Logger()

    def __init__(
        self,
        path: str,
        server: SignalRServer,
        settings: EndpointSettings,
        descriptor: ConnectionDescriptor,
        sending: ConnectionContext,
        negotiate: Negotiate | None = None,
    ) -> None:
        super().__init__(path, server, settings, negotiate)
        self._descriptor = descriptor
        self._sending = sending

    def target_of(self, request: Request) -> None:
        """See :meth:`.Endpoint.target_of`: nothing, if the application serves the request at all."""
        context = HubCallerContext("", self._server.user_of(request), request, "")
        try:
            allowed = self._create(context).authorize_request(request)
            if not isinstance(allowed, bool):
                # A coroutine is true, whatever it would come to.
                raise TypeError(f"authorize_request returned {allowed!r}, which is neither True nor False.")
        except NotAuthorized:
            raise
        except Exception as error:
            self._log.failure("{name} cannot say whether it serves a request", name=self._descriptor.name)
            raise RequestError("It cannot be said whether the request is authorized.") from error
        if not allowed:
            raise NotAuthorized

    def topics(self, call: Call[None]) -> Sequence[str]:
        """See :meth:`.Endpoint.topics`."""
        return [connection_topic(self._descriptor.name), own_topic(call.connection_id)]

    def group_topic(self, name: str) -> str:
        """See :meth:`.Endpoint.group_topic`."""
        return connection_group_topic(name)

    def rejoin(self, call: Call[None], groups: Sequence[str]) -> Sequence[str]:
        """See :meth:`.Endpoint.rejoin`: groups of other classes of connections fall away."""
        offered = self._own(groups)
        if not offered:
            return []
        try:
            kept = list(self._create(call.context).on_rejoining_groups(offered))
        except Exception:
            # Whoever cannot be told to belong somewhere does not.
            self.lifecycle.event_failed(Failure(), call)
            return []
        return [group_name(self._descriptor.name, group) for group in kept]

    def _own(self, groups: Sequence[str]) -> list[str]:
        prefix = group_name(self._descriptor.name, "")
        return [group.removeprefix(prefix) for group in groups if group.startswith(prefix)]

    def receive(self, call: Call[None], text: str) -> Deferred[bytes | None]:
        """See :meth:`.Endpoint.receive`; there never is a result."""
        return self._raise(call, lambda connection: connection.on_received(text)).addCallback(lambda _: None)

    def connected(self, call: Call[None]) -> Deferred[None]:
        """See :meth:`.Endpoint.connected`."""
        return self._raise(call, lambda connection: connection.on_connected())

    def reconnected(self, call: Call[None], *, missed: bool) -> Deferred[None]:
        """See :meth:`.Endpoint.reconnected`."""
        return self._raise(call, lambda connection: connection.on_reconnected(missed=missed))

    def gap_found_by(self, call: Call[None]) -> Deferred[None]:
        """See :meth:`.Endpoint.gap_found_by`."""
        return self._raise(call, lambda connection: connection.on_gap())

    def groups_lost_by(self, call: Call[None], groups: Sequence[str]) -> Deferred[None]:
        """See :meth:`.Endpoint.groups_lost_by`."""
        lost = self._own(groups)
        return self._raise(call, lambda connection: connection.on_groups_lost(lost) if lost else None)

    def disconnected(self, call: Call[None], *, stop_called: bool) -> Deferred[None]:
        """See :meth:`.Endpoint.disconnected`."""
        return self._raise(call, lambda connection: connection.on_disconnected(stop_called=stop_called))

    def script(self, request: Request) -> Response | None:
        """See :meth:`.Endpoint.script`: there are no hubs to make proxies for."""
        return None

    def _raise(self, call: Call[None], event: Callable[[PersistentConnection], Any]) -> Deferred[None]:
        return maybeDeferred(lambda: event(self._create(call.context)))

    def _create(self, context: HubCallerContext) -> PersistentConnection:
        return self._descriptor.bind(context, self._sending)
