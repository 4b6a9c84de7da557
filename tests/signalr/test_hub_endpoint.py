"""Tests for `twisted_ticker.signalr.hub_endpoint`: who may listen to which hubs, and what hubs are told of clients."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr import Hub, HubPipelineModule, Request, SignalRServer, User, authorize, hub_method
from twisted_ticker.signalr.calls import Call
from twisted_ticker.signalr.descriptors import HubDescriptor
from twisted_ticker.signalr.errors import HubNotFound, NotAuthorized
from twisted_ticker.signalr.hub_endpoint import HubEndpoint
from twisted_ticker.signalr.requests import Response


class Open(Hub):
    """For everybody; says what it is told."""

    log: list[str] = []

    @hub_method
    def add(self, a: int, b: int) -> int:
        return a + b

    def on_connected(self) -> None:
        self.log.append(f"connected {self.context.connection_id}")

    def on_reconnected(self, *, missed: bool) -> None:
        self.log.append(f"reconnected {missed}")

    def on_gap(self) -> None:
        self.log.append("gap")

    def on_disconnected(self, *, stop_called: bool) -> None:
        self.log.append(f"disconnected {stop_called}")


@authorize
class Members(Hub):
    """For whom the server knows."""


@authorize(users=["ann"])
class ForAnn(Hub):
    """For one user."""


def request(command: str, *hubs: str) -> Request:
    """A request that lists hubs."""
    data = quote(json.dumps([{"name": name} for name in hubs]))
    return Request("GET", f"/signalr/{command}?connectionData={data}", f"/signalr/{command}")


class EndpointTestCase(SynchronousTestCase):
    """Has an endpoint with three hubs."""

    def setUp(self) -> None:
        self.user: User | None = None
        self.asked = 0
        self.server = SignalRServer(user_of=self.user_of, clock=Clock())
        self.endpoint: HubEndpoint = self.server.map_hubs("/signalr", [Open, Members, ForAnn])
        Open.log.clear()

    def user_of(self, request: Request) -> User | None:
        """Whoever is said to ask."""
        self.asked += 1
        return self.user

    def admitted(self, *hubs: str) -> list[str]:
        """The hubs of those that a request may listen to."""
        return [hub.name for hub in self.endpoint.target_of(request("negotiate", *hubs))]

    def call(self, *hubs: str) -> Call[Any]:
        """A request that has passed the checks."""
        asked = request("connect", *hubs)
        return Call(asked, "connect", "webSockets", "id-1", self.user, self.endpoint.target_of(asked))


class AuthorizationTests(EndpointTestCase):
    """Who may listen."""

    def test_hubs_that_may_not_be_heard_are_dropped(self) -> None:
        """Without a word, as long as one remains."""
        every = ("Open", "members", "FORANN")
        self.assertEqual(self.admitted(*every), ["Open"])
        self.user = User("bob")
        self.assertEqual(self.admitted(*every), ["Open", "Members"])
        self.user = User("Ann")
        self.assertEqual(self.admitted(*every), ["Open", "Members", "ForAnn"])

    def test_client_that_may_hear_none_of_its_hubs_is_refused(self) -> None:
        """Known or not."""
        for self.user, hubs in ((None, ["Members"]), (None, ["Members", "ForAnn"]), (User("bob"), ["ForAnn"])):
            self.assertRaises(NotAuthorized, self.admitted, *hubs)

    def test_client_that_lists_no_hubs_is_not_refused(self) -> None:
        """It may still call, where it may."""
        self.server.pipeline.require_authentication()
        self.assertEqual(self.admitted(), [])

    def test_nobody_is_asked_for_where_everybody_may(self) -> None:
        """Finding out who somebody is may be slow."""
        self.assertEqual(self.admitted("Open"), ["Open"])
        self.assertEqual(self.asked, 0)

    def test_unknown_hub_is_no_refusal(self) -> None:
        """It is a mistake."""
        self.assertRaises(HubNotFound, self.admitted, "Open", "nosuch")

    def test_server_may_require_authentication(self) -> None:
        """For all hubs."""
        self.server.pipeline.require_authentication()
        self.assertRaises(NotAuthorized, self.admitted, "Open")
        self.user = User("bob")
        self.assertEqual(self.admitted("Open"), ["Open"])

    def test_modules_may_refuse(self) -> None:
        """A hub, for a request."""

        class Closed(HubPipelineModule):
            def before_authorize_connect(self, hub: HubDescriptor, request: Request) -> bool:
                return hub.hub_class is not Open

        self.server.pipeline.add(Closed())
        self.assertRaises(NotAuthorized, self.admitted, "Open")

    def test_refusals_are_answered_by_status(self) -> None:
        """Whoever is unknown may log in."""
        for self.user, status in ((None, 401), (User("bob"), 403)):
            self.assertEqual(self.endpoint.respond(request("negotiate", "ForAnn")), Response(status))

    def test_dropped_hubs_are_not_heard(self) -> None:
        """Neither messages nor events nor groups of theirs."""
        call = self.call("Open", "Members")
        self.assertEqual(self.endpoint.topics(call), ["h-Open", "hc-Open.id-1"])
        self.assertEqual(self.endpoint.rejoin(call, ["Open.a", "Members.a"]), ["Open.a"])


class RejoinTests(EndpointTestCase):
    """Groups of clients that the server does not know."""

    def test_groups_of_listed_hubs_are_kept(self) -> None:
        """As they are named; hubs are told apart in any letter case."""
        self.user = User("ann")
        groups = ["Open.a", "OPEN.B", "Open.x.y", "Members.a", "Opener.a", "a"]
        self.assertEqual(self.endpoint.rejoin(self.call("Open"), groups), ["Open.a", "OPEN.B", "Open.x.y"])
        self.assertEqual(self.endpoint.rejoin(self.call("members"), groups), ["Members.a"])
        self.assertEqual(self.endpoint.rejoin(self.call(), groups), [])

    def test_modules_may_take_groups_away(self) -> None:
        """They see them as the application names them, and cannot add any."""
        seen: list[tuple[str, str, list[str]]] = []

        class Strict(HubPipelineModule):
            def rejoining_groups(self, hub: HubDescriptor, request: Request, groups: Sequence[str]) -> Sequence[str]:
                seen.append((hub.name, request.path, list(groups)))
                return [*groups[1:], "new"]

        self.user = User("ann")
        self.server.pipeline.add(Strict())
        groups = ["Open.a", "Open.b.c", "Members.d"]
        self.assertEqual(self.endpoint.rejoin(self.call("Open", "Members"), groups), ["Open.b.c"])
        self.assertEqual(seen, [("Open", "/signalr/connect", ["a", "b.c"]), ("Members", "/signalr/connect", ["d"])])


class EventTests(EndpointTestCase):
    """What hubs are told of clients."""

    def raise_all(self) -> list[str]:
        """Raise each event; what the hub was told."""
        call = self.call("Open")
        events: list[Callable[[], Deferred[None]]] = [
            lambda: self.endpoint.connected(call),
            lambda: self.endpoint.reconnected(call, missed=True),
            lambda: self.endpoint.gap_found_by(call),
            lambda: self.endpoint.disconnected(call, stop_called=False),
        ]
        for event in events:
            self.assertIsNone(self.successResultOf(maybeDeferred(event)))
        return Open.log

    def test_hubs_are_told(self) -> None:
        """Of all that happens to their clients."""
        self.assertEqual(self.raise_all(), ["connected id-1", "reconnected True", "gap", "disconnected False"])

    def test_modules_may_keep_hubs_from_being_told(self) -> None:
        """Of what they have a hook for."""

        class Quiet(HubPipelineModule):
            async def before_connect(self, hub: Hub[Any]) -> bool:
                return False

            def before_disconnect(self, hub: Hub[Any], *, stop_called: bool) -> bool:
                return False

        self.server.pipeline.add(Quiet())
        self.assertEqual(self.raise_all(), ["reconnected True", "gap"])


class CallTests(EndpointTestCase):
    """Calls of hubs."""

    def test_any_hub_may_be_called(self) -> None:
        """Listed or not; rules that a hub has for listeners hold for callers too."""
        text = '{"H":"open","M":"add","A":[1,2],"I":1}'
        self.assertEqual(self.successResultOf(self.endpoint.receive(self.call(), text)), b'{"R":3,"I":"1"}')

    def test_modules_of_the_server_see_calls(self) -> None:
        """And what hub contexts send."""
        seen: list[str] = []

        class Witness(HubPipelineModule):
            def before_incoming(self, invocation: Any) -> None:
                seen.append(invocation.method.name)

            def before_outgoing(self, invocation: Any) -> None:
                seen.append(invocation.method)

        self.server.pipeline.add(Witness())
        self.successResultOf(self.endpoint.receive(self.call(), '{"H":"open","M":"ADD","A":[1,2],"I":1}'))
        self.successResultOf(self.server.hub_context(Open).clients.all.said("hi"))
        self.assertEqual(seen, ["add", "said"])
