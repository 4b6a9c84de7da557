"""
Where this server is known to differ from the recorded one, and why that is accepted.

Each difference turns what was recorded into what is expected here. So it is not merely tolerated: when it no longer
occurs, the tests fail, and they also fail when it changes nothing in any recording.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from tests.golden.comparison import Answer, Event, Piece
from tests.golden.recording import Scenario

__all__ = ["ACCEPTED", "Difference"]


@dataclass(frozen=True)
class Difference:
    """
    An accepted difference.

    Attributes:
        name: what differs.
        reason: why it may.
        change: makes of what was recorded (an answer, a list of pieces, a list of events) what is expected.
    """

    name: str
    reason: str
    change: Callable[[Scenario, str, Any], Any]


def _on_answers(change: Callable[[Answer], Answer]) -> Callable[[Scenario, str, Any], Any]:
    return lambda scenario, about, recorded: change(recorded) if isinstance(recorded, Answer) else recorded


def _on_pieces(change: Callable[[list[Piece]], list[Piece]]) -> Callable[[Scenario, str, Any], Any]:
    def apply(scenario: Scenario, about: str, recorded: Any) -> Any:
        has_pieces = isinstance(recorded, list) and bool(recorded) and isinstance(recorded[0], Piece)
        return change(recorded) if has_pieces else recorded

    return apply


def _on_texts(change: Callable[[str], str]) -> Callable[[Scenario, str, Any], Any]:
    def apply(scenario: Scenario, about: str, recorded: Any) -> Any:
        if isinstance(recorded, Answer):
            return replace(recorded, body=change(recorded.body))
        return _on_pieces(lambda pieces: [replace(piece, text=change(piece.text)) for piece in pieces])(
            scenario, about, recorded
        )

    return apply


def _caching(answer: Answer) -> Answer:
    if answer.status in (None, 101, 500):
        return answer
    kind = answer.headers.get("content-type", "")
    if kind.startswith(("text/event-stream", "text/html")):
        return answer.with_headers(cache_control="no-cache, no-transform")
    if kind.startswith("application/javascript") and not re.match(r"[\w.]+\(|throw ", answer.body):
        return answer.with_headers(cache_control="no-cache", etag="<tag>")
    return answer.with_headers(cache_control="no-store")


def _cors(answer: Answer) -> Answer:
    if "access-control-allow-origin" not in answer.headers:
        return answer
    answer = answer.with_headers(vary="Origin")
    if "access-control-allow-headers" in answer.headers:
        answer = answer.with_headers(access_control_allow_methods="GET, POST", x_content_type_options="nosniff")
    return answer


def _no_null(answer: Answer) -> Answer:
    if answer.headers.get("access-control-allow-origin") != "null":
        return answer
    kept = {name: value for name, value in answer.headers.items() if not name.startswith("access-control-")}
    return replace(answer, headers=kept)


def _refused_jsonp(answer: Answer) -> Answer:
    return answer.with_headers(x_content_type_options="nosniff") if answer.reason else answer


def _results_behind_messages(pieces: list[Piece]) -> list[Piece]:
    ordered: list[Piece] = []
    after_result: int | None = None
    for piece in pieces:
        if piece.sent:
            after_result = None
        elif after_result is None and re.match(r"\{(?!\"C\").*\"I\":", piece.text):
            after_result = len(ordered)
        elif after_result is not None and piece.text.startswith('{"C"') and not piece.outside:
            ordered.insert(after_result, piece)
            after_result += 1
            continue
        ordered.append(piece)
    return ordered


def _in_order_of_listing(text: str) -> str:
    if not text.startswith('{"R":[{"Symbol"'):
        return text
    answer = json.loads(text, parse_float=Decimal)
    listing = ["MSFT", "APPL", "GOOG"] if "DayLow" not in text else ["GOOG", "MSFT", "AAPL"]
    answer["R"].sort(key=lambda stock: listing.index(stock["Symbol"]))
    # As text again, with all its digits.
    members = [
        "{" + ",".join(f'"{name}":{_literal(value)}' for name, value in stock.items()) + "}" for stock in answer["R"]
    ]
    return f'{{"R":[{",".join(members)}],"I":"{answer["I"]}"}}'


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def _our_prelude(text: str) -> str:
    found = re.match(r"<!DOCTYPE.*getConnection\('(\d+)'\).*", text, re.DOTALL)
    return text if found is None else f"<prelude of frame {found[1]}>"


#: Scenarios whose client says goodbye while nothing of it is open.
_ABORTS_WITHOUT_STREAM = (
    "long polling: second poll while first is open",
    "client vanishes, reconnects after 15 s (after DisconnectTimeout=6)",
    "idle 14 s, KeepAlive=null ConnectionTimeout=5",
)


def _abort_without_stream(scenario: Scenario, about: str, recorded: Any) -> Any:
    if not about.startswith("events") or scenario.title not in _ABORTS_WITHOUT_STREAM:
        return recorded
    if any(event.name == "hub.OnDisconnected" and event.argument for event in recorded):
        return recorded
    start, abort = (
        next(exchange.t for exchange in scenario.exchanges if exchange.command == command)
        for command in ("start", "abort")
    )
    return [*recorded, Event(abort - start, "hub.OnDisconnected", True)]


def _refused_while_stopping(scenario: Scenario, about: str, recorded: Any) -> Any:
    if not scenario.title.startswith("host shuts down"):
        return recorded
    if about in ("reconnect", "poll after shutdown"):
        return Answer(503, headers={"x-content-type-options": "nosniff"})
    return [] if about == "stream of reconnect" else recorded


ACCEPTED = [
    Difference(
        "receive requests while the server stops are refused",
        "clients go to another server, or come back when this one is there again",
        _refused_while_stopping,
    ),
    Difference(
        "caching headers",
        "the recorded server sent none, and left caching to chance and to proxies; scripts can be asked for again",
        _on_answers(_caching),
    ),
    Difference(
        "an origin that is none is not allowed",
        "any page can bring itself to have it, so it stands for all; the recorded server allowed all",
        _on_answers(_no_null),
    ),
    Difference(
        "a cross-origin answer says on what it depends, and which methods are allowed",
        "the former keeps caches from mixing up origins, and the latter is what the JavaScript client uses",
        _on_answers(_cors),
    ),
    Difference(
        "a refusal of JSONP has X-Content-Type-Options",
        "all answers have it; there is no body to sniff at",
        _on_answers(_refused_jsonp),
    ),
    Difference(
        "results never overtake the messages that their call caused",
        "on the recorded server, now and then they did",
        _on_pieces(_results_behind_messages),
    ),
    Difference(
        "stocks are in the order in which they were listed",
        "the recorded server had the order of a hash table",
        _on_texts(_in_order_of_listing),
    ),
    Difference(
        "the prelude of foreverFrame",
        "its text is ours; what it does is the same",
        _on_texts(_our_prelude),
    ),
    Difference(
        "an abort takes effect at once, also between two polls and when no stream is open",
        "the client did say goodbye; the recorded server noticed at the next poll, or not at all",
        _abort_without_stream,
    ),
]
