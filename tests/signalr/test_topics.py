"""Tests for `twisted_ticker.signalr.topics`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr import topics


class TopicNameTests(SynchronousTestCase):
    """Who is addressed by a message."""

    def test_names_are_the_references(self) -> None:
        """Prefixes are those of the reference, and names keep their letter case."""
        self.assertEqual(topics.hub_topic("Chat"), "h-Chat")
        self.assertEqual(topics.hub_connection_topic("Chat", "id-1"), "hc-Chat.id-1")
        self.assertEqual(topics.hub_user_topic("Chat", "DOMAIN.Ann"), "hu-Chat.DOMAIN.Ann")
        self.assertEqual(topics.group_name("Chat", "room 7"), "Chat.room 7")
        self.assertEqual(topics.group_topic(topics.group_name("Chat", "room 7")), "hg-Chat.room 7")

    def test_no_two_audiences_have_one_name(self) -> None:
        """A connection, a user and a group of the same name are different audiences."""
        names = {
            topics.hub_topic("a"),
            topics.hub_topic("A"),
            topics.hub_connection_topic("a", "x"),
            topics.hub_user_topic("a", "x"),
            topics.group_topic(topics.group_name("a", "x")),
            topics.group_topic(topics.group_name("a", "X")),
        }
        self.assertEqual(len(names), 6)
