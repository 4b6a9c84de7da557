"""
What is counted because somebody will ask: traffic, losses, refusals and failures.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .histogram import Histogram

__all__ = ["Counters"]

#: Bounds of the time that messages take through the bus, in seconds: from what a single reader takes to what viewers
#: would call broken.
_DELIVERY_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


@dataclass(slots=True)
class Counters:
    """
    Counts since the server was made.

    Attributes:
        connects: clients that the application was told of, and took (``on_connected``).
        reconnects: returns of a client that the application was told of (``on_reconnected``).
        disconnects: connections that have ended, of which the application was told (``on_disconnected``).
        receive_requests: requests that were opened to carry messages to a client; each poll is one.
        messages_from_clients: texts that clients have sent: hub calls, and what raw connections get.
        messages_to_clients: messages handed to transports, once for each client that they were for.
        conflated_messages: messages that a client which was behind was spared, because newer ones replaced them.
        dropped_messages: messages that a full ring no longer keeps for those who have not had them.
        gaps: clients found to have missed messages that are no longer kept.
        lost_groups: clients that came back with a groups token that was too old or revoked, and so without its groups.
        refused_requests: requests and messages that broke the protocol.
        unknown_hubs: hub names in requests and calls that are not mapped.
        failed_invocations: hub calls answered with an error.
        failed_events: ``on_connected`` and the like that failed.
        failed_deliveries: envelopes that a transport failed to take.
        stalled_receivers: clients dropped because they read nothing for the disconnect timeout.
        delivery_seconds: for each turn of the bus with messages, the seconds from publishing its oldest message to
            having handed them all to the transports of all live readers.
    """

    connects: int = 0
    reconnects: int = 0
    disconnects: int = 0
    receive_requests: int = 0
    messages_from_clients: int = 0
    messages_to_clients: int = 0
    conflated_messages: int = 0
    dropped_messages: int = 0
    gaps: int = 0
    lost_groups: int = 0
    refused_requests: int = 0
    unknown_hubs: int = 0
    failed_invocations: int = 0
    failed_events: int = 0
    failed_deliveries: int = 0
    stalled_receivers: int = 0
    delivery_seconds: Histogram = field(default_factory=lambda: Histogram(_DELIVERY_SECONDS))
