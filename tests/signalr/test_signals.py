"""Tests for `twisted_ticker.signalr.signals`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr import signals


class TopicNameTests(SynchronousTestCase):
    """Who is addressed by a message."""

    def test_names_are_the_references(self) -> None:
        """Prefixes are those of the reference, and names keep their letter case."""
        self.assertEqual(signals.hub_topic("Chat"), "h-Chat")
        self.assertEqual(signals.hub_connection_topic("Chat", "id-1"), "hc-Chat.id-1")
        self.assertEqual(signals.hub_user_topic("Chat", "DOMAIN.Ann"), "hu-Chat.DOMAIN.Ann")
        self.assertEqual(signals.group_name("Chat", "room 7"), "Chat.room 7")
        self.assertEqual(signals.group_topic(signals.group_name("Chat", "room 7")), "hg-Chat.room 7")
        self.assertEqual(signals.own_topic("id-1"), "c-id-1")
        self.assertEqual(signals.connection_topic("Echo"), "pc-Echo")
        self.assertEqual(signals.connection_group_topic(signals.group_name("Echo", "a.b")), "pcg-Echo.a.b")

    def test_no_two_audiences_have_one_name(self) -> None:
        """A connection, a user and a group of the same name are different audiences, of hubs and of raw connections."""
        names = {
            signals.hub_topic("a"),
            signals.hub_topic("A"),
            signals.hub_connection_topic("a", "x"),
            signals.hub_user_topic("a", "x"),
            signals.group_topic(signals.group_name("a", "x")),
            signals.group_topic(signals.group_name("a", "X")),
            signals.own_topic("a"),
            signals.connection_topic("a"),
            signals.connection_group_topic(signals.group_name("a", "x")),
        }
        self.assertEqual(len(names), 9)
