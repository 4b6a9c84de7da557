"""
Where both clients of a replayed connection stand: the recorded one, and ours.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from tests.golden.comparison import Piece, messages_of
from tests.golden.outside import recorded_items
from tests.golden.recording import Scenario
from tests.golden.wire import OurExchange

__all__ = ["Session", "cursor_of", "recorded_positions"]


def cursor_of(item: str) -> str:
    """The cursor of an envelope, however it is wrapped."""
    found = re.search(r'"C":("[^"]*")', item)
    assert found is not None, item
    return str(json.loads(found[1]))


def recorded_positions(scenario: Scenario, token: str) -> list[tuple[float, str, int]]:
    """Of each recorded envelope of a connection: when it came, its cursor, how many messages there had been by then."""
    positions, total = [], 0
    for t, text in recorded_items(scenario, token):
        messages = messages_of(text)
        if messages is not None:
            total += len(messages)
            positions.append((t, cursor_of(text), total))
    return positions


@dataclass
class Session:
    """
    One connection: what is known of it on both sides.

    Attributes:
        our_token, our_id: from our negotiation.
        recorded: of each recorded envelope: when it came, its cursor, how many messages there had been by then.
        ours: of each of our envelopes: its cursor, how many messages there had been by then.
        our_groups: our groups tokens, by the names in them.
        our_latest_groups: the latest of them.
        polls: our polls, in order.
        poll_pieces: what they brought.
    """

    our_token: str
    our_id: str
    recorded: list[tuple[float, str, int]]
    ours: list[tuple[str, int]] = field(default_factory=list)
    our_groups: dict[tuple[str, ...], str] = field(default_factory=dict)
    our_latest_groups: str = ""
    polls: list[OurExchange] = field(default_factory=list)
    poll_pieces: list[Piece] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many messages have come to our client."""
        return self.ours[-1][1] if self.ours else 0

    def recorded_total_at(self, t: float) -> int:
        """How many had come to the recorded client."""
        return max([total for time, _, total in self.recorded if time <= t], default=0)

    def our_cursor(self, cursor: str, t: float) -> str:
        """Our cursor for a recorded one."""
        known = [(text, total) for time, text, total in self.recorded if time <= t]
        if not known or not self.ours or cursor not in dict(known):
            return cursor
        if cursor == known[-1][0]:
            return self.ours[-1][0]
        total = next(total for text, total in known if text == cursor)
        return [text for text, mine in self.ours if mine <= total][-1]
