"""
An endpoint whose messages are hub calls: which hubs a connection listens to, and what its requests do to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from .calls import Call
from .descriptors import HubDescriptor
from .dispatch import HubDispatcher
from .endpoint import Endpoint, Negotiate
from .errors import NotAuthorized
from .hub import Hub
from .protocol.handshake import PROXIES_DISABLED_SCRIPT, parse_connection_data
from .protocol.proxies import proxy_script
from .requests import JAVASCRIPT, Request, Response
from .settings import EndpointSettings
from .signals import group_name, group_topic, hub_connection_topic, hub_topic, hub_user_topic

if TYPE_CHECKING:
    from .server import SignalRServer

__all__ = ["HubEndpoint"]

Hubs = tuple[HubDescriptor, ...]


class HubEndpoint(Endpoint[Hubs]):
    """
    A path with hubs.

    The hubs that a request lists in ``connectionData`` are those whose messages and events its connection gets; it
    may call any hub of the endpoint.

    Args:
        path: the path, without a slash at its end.
        server: connections, bus and keys.
        settings: this endpoint's own.
        hubs: the hubs, of different names.
        negotiate: may move or refuse clients.
    """

    def __init__(
        self,
        path: str,
        server: SignalRServer,
        settings: EndpointSettings,
        hubs: Sequence[HubDescriptor],
        negotiate: Negotiate | None = None,
    ) -> None:
        super().__init__(path, server, settings, negotiate)
        self._hubs = hubs
        self._dispatcher = HubDispatcher(
            hubs,
            bus=server.bus,
            members=server,
            detailed_errors=settings.enable_detailed_errors,
            counters=server.counters,
            pipeline=server.pipeline,
            max_values=server.settings.max_incoming_values,
        )
        self._pipeline = server.pipeline

    def target_of(self, request: Request) -> Hubs:
        """See :meth:`.Endpoint.target_of`."""
        names = parse_connection_data(request.query.get("connectionData"))
        listed = tuple(self._dispatcher.find(name) for name in names)
        pipeline = self._pipeline
        if not (pipeline.modules or pipeline.authentication_required or any(hub.authorizations for hub in listed)):
            return listed
        user = self._server.user_of(request)
        admitted = tuple(hub for hub in listed if pipeline.admits_to(hub, user, request))
        if listed and not admitted:
            raise NotAuthorized
        return admitted

    def topics(self, call: Call[Hubs]) -> Sequence[str]:
        """See :meth:`.Endpoint.topics`."""
        keys = []
        for hub in call.target:
            keys += [hub_topic(hub.name), hub_connection_topic(hub.name, call.connection_id)]
            if call.user is not None:
                keys.append(hub_user_topic(hub.name, call.user.name))
        return keys

    def group_topic(self, name: str) -> str:
        """See :meth:`.Endpoint.group_topic`."""
        return group_topic(name)

    def rejoin(self, call: Call[Hubs], groups: Sequence[str]) -> Sequence[str]:
        """See :meth:`.Endpoint.rejoin`: groups of hubs that the client no longer lists fall away."""
        return [group for hub in call.target for group in self._rejoin(hub, call.request, groups)]

    def _rejoin(self, hub: HubDescriptor, request: Request, groups: Sequence[str]) -> Sequence[str]:
        of_hub = _groups_of(hub, groups)
        kept = self._pipeline.rejoining_groups(hub, request, list(of_hub))
        # A module can take groups away only: of others, it is not known since when the client is a member.
        return [of_hub[name] for name in kept if name in of_hub]

    def receive(self, call: Call[Hubs], text: str) -> Deferred[bytes | None]:
        """See :meth:`.Endpoint.receive`."""
        return self._dispatcher.invoke(text, call.context)

    def connected(self, call: Call[Hubs]) -> Deferred[None]:
        """See :meth:`.Endpoint.connected`."""
        return self._raise(call, self._pipeline.connect)

    def reconnected(self, call: Call[Hubs], *, missed: bool) -> Deferred[None]:
        """See :meth:`.Endpoint.reconnected`."""
        return self._raise(call, partial(self._pipeline.reconnect, missed=missed))

    def gap_found_by(self, call: Call[Hubs]) -> Deferred[None]:
        """See :meth:`.Endpoint.gap_found_by`."""
        return self._raise(call, lambda hub: hub.on_gap())

    def groups_lost_by(self, call: Call[Hubs], groups: Sequence[str]) -> Deferred[None]:
        """See :meth:`.Endpoint.groups_lost_by`: each hub is told its own."""
        lost = [(hub, list(_groups_of(hub, groups))) for hub in call.target]
        events = [(hub, methodcaller("on_groups_lost", names)) for hub, names in lost if names]
        return self._dispatcher.raise_events(events, call.context)

    def disconnected(self, call: Call[Hubs], *, stop_called: bool) -> Deferred[None]:
        """See :meth:`.Endpoint.disconnected`."""
        return self._raise(call, partial(self._pipeline.disconnect, stop_called=stop_called))

    def _raise(self, call: Call[Hubs], event: Callable[[Hub[Any]], Any]) -> Deferred[None]:
        return self._dispatcher.raise_event(call.target, call.context, event)

    def script(self, request: Request) -> Response:
        """See :meth:`.Endpoint.script`."""
        if not self.settings.enable_javascript_proxies:
            return Response(200, PROXIES_DISABLED_SCRIPT.encode(), JAVASCRIPT)
        # The path as the page asked for it: letter case and what a front end has added included.
        url = request.path.rstrip("/").rpartition("/")[0]
        text = proxy_script(url, {hub.script_name: hub.method_names for hub in self._hubs})
        body = text.encode("ascii")
        etag = f'"{sha256(body).hexdigest()[:32]}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if etag in request.headers.get("if-none-match", ""):
            return Response(304, headers=headers)
        return Response(200, body, JAVASCRIPT, headers=headers)


def _groups_of(hub: HubDescriptor, groups: Sequence[str]) -> dict[str, str]:
    """Those of a hub, by the names that the application uses."""
    prefix = group_name(hub.name, "")
    return {group[len(prefix) :]: group for group in groups if group.lower().startswith(prefix.lower())}
