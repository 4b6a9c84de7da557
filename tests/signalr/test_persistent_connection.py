"""Tests for `twisted_ticker.signalr.persistent_connection`."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.signalr.fakes import RecordingMembers, TopicListener, silent_bus
from twisted_ticker.signalr import ConfigurationError, Hub, PersistentConnection
from twisted_ticker.signalr.hub import HubCallerContext
from twisted_ticker.signalr.persistent_connection import (
    ConnectionContext,
    ConnectionDescriptor,
    ConnectionGroups,
    Recipients,
)
from twisted_ticker.signalr.requests import Request


class FeedConnection(PersistentConnection):
    """A connection that is given something when it is made."""

    def __init__(self, source: str = "none") -> None:
        self.source = source


class SendingTestCase(SynchronousTestCase):
    """Means to send, and somebody who listens."""

    def setUp(self) -> None:
        self.bus = silent_bus()
        self.members = RecordingMembers()
        self.connection = Recipients(self.bus, "Feed")
        self.groups = ConnectionGroups(self.members, self.bus, "Feed")

    def listener(self, *topics: str, connection_id: str = "reader") -> TopicListener:
        """A reader of some topics."""
        return TopicListener(self.bus, *topics, connection_id=connection_id)


class RecipientsTests(SendingTestCase):
    """Tests for `Recipients`."""

    def test_values_go_out_as_json(self) -> None:
        """Any JSON value is a message, not only objects."""
        cases: list[tuple[Any, str]] = [
            ("text", '"text"'),
            ("", '""'),
            ({"I": 1}, '{"I":1}'),
            ([2, None], "[2,null]"),
            (None, "null"),
            (False, "false"),
            (0, "0"),
            (Decimal("1.50"), "1.50"),
            ("é\u2028", '"é\\u2028"'),
        ]
        listener = self.listener("pc-Feed")
        for value, text in cases:
            self.successResultOf(self.connection.broadcast(value))
            self.assertEqual(listener.take(), [text])

    def test_broadcast_reaches_all_but_some(self) -> None:
        """Everybody of the class gets it, unless left out by connection id."""
        ann, bob = (self.listener("pc-Feed", connection_id=name) for name in ("ann", "bob"))
        stranger = self.listener("pc-Other", "pc-feed", "c-ann", "h-Feed")
        self.connection.broadcast(1)
        self.connection.broadcast(2, "ann")
        self.connection.broadcast(3, "ann", "bob")
        self.assertEqual((ann.take(), bob.take(), stranger.take()), (["1"], ["1", "2"], []))

    def test_send_reaches_connections(self) -> None:
        """One, or several, of those that there are."""
        ann, bob = self.listener("c-ann"), self.listener("c-bob")
        for ids, to_ann, to_bob in (
            ("ann", ["1"], []),
            (["ann", "bob"], ["1"], ["1"]),
            (iter(["bob", "nobody"]), [], ["1"]),
            ([], [], []),
            ("nobody", [], []),
        ):
            self.successResultOf(self.connection.send(ids, 1))
            self.assertEqual((ann.take(), bob.take()), (to_ann, to_bob), ids)

    def test_failures(self) -> None:
        """An id that is no text, and what JSON cannot express, reach nobody, and the awaitable says so."""
        ann = self.listener("c-ann", "pc-Feed")
        self.failureResultOf(self.connection.send("", 1), ValueError)
        self.failureResultOf(self.connection.send(["ann", ""], 1), ValueError)
        self.failureResultOf(self.connection.send("ann", object()), TypeError)
        self.failureResultOf(self.connection.broadcast(object()), TypeError)
        self.assertEqual(ann.take(), [])


class ConnectionGroupsTests(SendingTestCase):
    """Tests for `ConnectionGroups`."""

    def test_membership(self) -> None:
        """A group is known by its class's name and its own."""
        self.successResultOf(self.groups.add("known", "room 7"))
        self.successResultOf(self.groups.remove("known", "Room.7"))
        self.assertEqual(self.members.changes, [("add", "known", "Feed.room 7"), ("remove", "known", "Feed.Room.7")])
        self.failureResultOf(self.groups.add("unknown", "room"), LookupError)
        self.failureResultOf(self.groups.add("known", ""), ValueError)

    def test_send_reaches_members(self) -> None:
        """Those of one group or of several; who is in two of them gets it twice, and who is left out never."""
        ann = self.listener("pcg-Feed.a", "pcg-Feed.b", connection_id="ann")
        bob = self.listener("pcg-Feed.b", connection_id="bob")
        stranger = self.listener("pcg-Feed.A", "hg-Feed.a", "pcg-Other.a")
        for names, excluded, to_ann, to_bob in (
            ("a", (), ["1"], []),
            ("b", ("ann",), [], ["1"]),
            (["a", "b"], (), ["1", "1"], ["1"]),
            (["a", "b"], ("ann", "bob"), [], []),
            ([], (), [], []),
        ):
            self.successResultOf(self.groups.send(names, 1, *excluded))
            self.assertEqual((ann.take(), bob.take()), (to_ann, to_bob), (names, excluded))
        self.failureResultOf(self.groups.send("", 1), ValueError)
        self.failureResultOf(self.groups.send("a", object()), TypeError)
        self.assertEqual(stranger.take(), [])


class PersistentConnectionTests(SynchronousTestCase):
    """Tests for `PersistentConnection`: what happens when a class says nothing about it."""

    def test_defaults(self) -> None:
        """Everybody may come, groups are kept, and events pass."""
        connection = FeedConnection()
        self.assertIs(connection.authorize_request(Request("GET", "/", "/")), True)
        self.assertEqual(connection.on_rejoining_groups(["a", "b"]), ["a", "b"])
        for outcome in (
            connection.on_connected(),
            connection.on_received("text"),
            connection.on_reconnected(missed=True),
            connection.on_gap(),
            connection.on_disconnected(stop_called=True),
        ):
            self.assertIsNone(outcome)


class ConnectionDescriptorTests(SendingTestCase):
    """Tests for `ConnectionDescriptor`."""

    def test_instances_are_bound_when_they_are_made(self) -> None:
        """Each is another one, which knows who is there and how to send."""
        descriptor = ConnectionDescriptor.of(partial(FeedConnection, "file"))
        self.assertEqual((descriptor.name, descriptor.connection_class), ("FeedConnection", FeedConnection))
        context = HubCallerContext("id", None, Request("GET", "/", "/"), "webSockets")
        first, second = (descriptor.bind(context, ConnectionContext(self.connection, self.groups)) for _ in range(2))
        self.assertIsNot(first, second)
        assert isinstance(first, FeedConnection)
        self.assertEqual(first.source, "file")
        self.assertIs(first.context, context)
        self.assertIs(first.connection, self.connection)
        self.assertIs(first.groups, self.groups)

    def test_what_is_no_connection(self) -> None:
        """Hubs are mapped otherwise."""
        wrong: list[Any] = [PersistentConnection, Hub, object, None]
        for factory in wrong:
            self.assertRaises(ConfigurationError, ConnectionDescriptor.of, factory)
