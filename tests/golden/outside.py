"""
What a recorded client heard without having caused it: the sessions were recorded beside others like them, and prices
move by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.golden.comparison import messages_of, split_stream
from tests.golden.recording import Scenario

__all__ = ["Outside", "messages_from_outside", "recorded_items"]

_MOMENT = 0.001


@dataclass(frozen=True)
class Outside:
    """
    A message that the scenario's own client did not cause.

    Attributes:
        arrived: when it came to the recorded client.
        send_at: when to send it.
        message: the call that it carries.
    """

    arrived: float
    send_at: float
    message: dict[str, Any]


def recorded_items(scenario: Scenario, token: str, *, polls: bool | None = None) -> list[tuple[float, str]]:
    """
    All that came to a connection, in the order in which it came.

    Args:
        token: the connection's.
        polls: whether by polling; ``None`` for no matter how.
    """
    items = [
        (t, item)
        for exchange in scenario.exchanges
        if exchange.receives and exchange.token == token and polls in (None, exchange.polls)
        for t, text in exchange.pieces
        for item in ([text] if exchange.is_websocket else split_stream(exchange.transport, text))
    ]
    return sorted(items, key=lambda entry: entry[0])


def messages_from_outside(scenario: Scenario) -> Iterator[Outside]:
    """The messages that have to be sent from outside for a client to hear what the recorded one heard."""
    calls = sorted((call for exchange in scenario.exchanges for call in exchange.sent_calls), key=lambda call: call[0])
    own = [(t, until, broadcast) for t, until, call in calls if (broadcast := _broadcast_by(call)) is not None]
    for token in {exchange.token for exchange in scenario.exchanges}:
        heard = [
            (t, message)
            for t, item in recorded_items(scenario, token)
            for message in messages_of(item) or ()
            if isinstance(message, dict) and _is_broadcast(message, [broadcast for _, _, broadcast in own])
        ]
        for start, until, broadcast in own:
            same = [entry for entry in heard if entry[1] == broadcast and entry[0] >= start]
            before_result = [entry for entry in same if entry[0] < until]
            # Equal ones cannot be told apart. Of those that came before the result, the last is taken to be its own.
            mine = before_result[-1:] or same[:1]
            heard = [entry for entry in heard if not any(entry is one for one in mine)]
        for t, message in heard:
            # Ours answers at once: what came while the recorded client waited for an answer has to come before.
            waiting_since = [start for start, until, _ in calls if start <= t < until]
            yield Outside(t, waiting_since[0] - _MOMENT if waiting_since else t, message)


def _is_broadcast(message: dict[str, Any], own: list[dict[str, Any]]) -> bool:
    return message in own or message.get("M") in ("grp", "updateStockPrice")


def _broadcast_by(call: dict[str, Any]) -> dict[str, Any] | None:
    if call["M"] == "All":
        return {"H": "oracle", "M": "msg", "A": call["A"]}
    if call["M"] == "GroupSend":
        return {"H": "oracle", "M": "grp", "A": call["A"]}
    return None
