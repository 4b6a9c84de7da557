"""
What is counted because somebody will ask: losses, refusals and failures.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Counters"]


@dataclass(slots=True)
class Counters:
    """
    Counts since the server was made.

    Attributes:
        gaps: clients found to have missed messages that are no longer kept.
        refused_requests: requests and messages that broke the protocol.
        failed_invocations: hub calls answered with an error.
        failed_events: ``on_connected`` and the like that failed.
        stalled_receivers: clients dropped because they read nothing for the disconnect timeout.
    """

    gaps: int = 0
    refused_requests: int = 0
    failed_invocations: int = 0
    failed_events: int = 0
    stalled_receivers: int = 0
