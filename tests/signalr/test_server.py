"""Assembling a server, and finding who serves a path."""

from __future__ import annotations

from functools import partial

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr import ConfigurationError, Hub, SignalRError, SignalRServer


class PlainHub(Hub):
    """A hub with nothing in it."""


class NamesakeHub(Hub):
    """Another hub that calls itself the same."""

    hub_name = "plainhub"


class ServerTests(SynchronousTestCase):
    """What an application does with a server."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.server = SignalRServer(clock=self.clock)

    def test_paths_match_on_segment_boundaries(self) -> None:
        """The longest mapped path wins, in any letter case."""
        short = self.server.map_hubs("/signalr", [PlainHub])
        long = self.server.map_hubs("/signalr/Deep/", [PlainHub])
        for path, endpoint in (
            ("/signalr", short),
            ("/SIGNALR/negotiate", short),
            ("/signalr/deeper/negotiate", short),
            ("/signalr/deep/negotiate", long),
            ("/signalrx/negotiate", None),
            ("/", None),
        ):
            with self.subTest(path=path):
                self.assertIs(self.server.endpoint_for(path), endpoint)

    def test_what_cannot_be_mapped(self) -> None:
        """A path that is taken or is none, hubs of one name, and what is no hub."""
        self.server.map_hubs("/signalr", [PlainHub])
        for path, hubs in (
            ("/SignalR", [PlainHub]),
            ("signalr", [PlainHub]),
            ("/other", [PlainHub, NamesakeHub]),
            ("/other", [Hub]),
        ):
            with self.subTest(path=path, hubs=hubs):
                self.assertRaises(ConfigurationError, self.server.map_hubs, path, hubs)

    def test_hub_contexts_are_found_by_class(self) -> None:
        """Also of hubs that were mapped by a factory; of others there is none."""
        self.server.map_hubs("/signalr", [partial(PlainHub)])
        self.assertIsNotNone(self.server.hub_context(PlainHub).clients)
        self.assertRaises(ConfigurationError, self.server.hub_context, NamesakeHub)

    def test_groups_of_unknown_connections(self) -> None:
        """Adding somebody who is not there fails."""
        self.server.map_hubs("/signalr", [PlainHub])
        groups = self.server.hub_context(PlainHub).groups
        for change in (groups.add, groups.remove):
            self.failureResultOf(change("nobody", "room"), SignalRError)
            self.failureResultOf(change("nobody", ""), ValueError)

    def test_a_stopped_server_leaves_no_timer(self) -> None:
        """Starting and stopping can be repeated."""
        for _ in range(2):
            self.server.startService()
            stopped = self.server.stopService()
            self.clock.advance(0)
            self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_two_servers_have_different_epochs(self) -> None:
        """A cursor of one means nothing to the other."""
        self.assertNotEqual(self.server.bus.epoch, SignalRServer(clock=self.clock).bus.epoch)
