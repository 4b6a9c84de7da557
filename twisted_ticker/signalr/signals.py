"""
Signals: the names of topics, which say who is addressed by a message.

Source: SignalR 2.4, ``Infrastructure/PrefixHelper.cs``. Names compare by exact case, and so do group names and
user names in them.
"""

from __future__ import annotations

__all__ = [
    "connection_group_topic",
    "connection_topic",
    "group_name",
    "group_topic",
    "hub_connection_topic",
    "hub_topic",
    "hub_user_topic",
    "own_topic",
]


def hub_topic(hub: str) -> str:
    """All connections that list the hub."""
    return f"h-{hub}"


def hub_connection_topic(hub: str, connection_id: str) -> str:
    """One connection's use of the hub."""
    return f"hc-{hub}.{connection_id}"


def hub_user_topic(hub: str, user: str) -> str:
    """All of a user's connections that list the hub."""
    return f"hu-{hub}.{user}"


def group_name(hub: str, group: str) -> str:
    """
    A group of a hub, or of a class of raw connections, as groups tokens name it; neither has a dot in its name, so it
    can be taken apart again.
    """
    return f"{hub}.{group}"


def group_topic(name: str) -> str:
    """The members of a hub's group, which is named as by :func:`group_name`."""
    return f"hg-{name}"


def own_topic(connection_id: str) -> str:
    """One raw connection."""
    return f"c-{connection_id}"


def connection_topic(connection: str) -> str:
    """All raw connections of a class."""
    return f"pc-{connection}"


def connection_group_topic(name: str) -> str:
    """The members of a group of raw connections, which is named as by :func:`group_name`."""
    return f"pcg-{name}"
