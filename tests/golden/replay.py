"""
Replays a recorded scenario: the same requests at the same times, with our tokens and cursors for the recorded ones.

The recorded client is followed literally, with two exceptions, both of which come from what is chance in a recording:

- How many messages a poll brings. Where ours brought more than the recorded one, the recorded client's next poll is the
  one that is still open here; where it brought fewer, our client polls once more.
- What others did meanwhile. The sessions were recorded beside others like them; messages that those sent to everybody
  are sent from outside of any connection, and prices move when they moved.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote_plus

from tests.golden.comparison import Answer, Event, Piece, messages_of, neutral, split_stream
from tests.golden.hubs import OracleHub
from tests.golden.outside import Outside, messages_from_outside, recorded_items
from tests.golden.recording import Exchange, Scenario
from tests.golden.session import Session, cursor_of, recorded_positions
from tests.golden.site import GoldenSite
from tests.golden.wire import OurExchange

__all__ = ["Compared", "Replay"]

_PARAMETER = re.compile(r"(?<![^?&])(connectionToken|messageId|groupsToken)=([^&]*)")

#: Ours, which is expected by an accepted difference.
_OUR_PRELUDE = re.compile(
    r"<!DOCTYPE html><html><head><title>SignalR stream</title>.*getConnection\('(\d+)'\).*", re.DOTALL
)

#: How often a client that is owed messages polls before it gives up.
_MAX_EXTRA_POLLS = 5


@dataclass(frozen=True)
class Compared:
    """
    What was recorded, and what came of the replay.

    Attributes:
        about: which exchange, or what else.
        recorded, ours: an :class:`.Answer`, a list of pieces, or a list of events.
    """

    scenario: Scenario
    about: str
    recorded: Any
    ours: Any


class Replay:
    """
    One scenario on one site.

    Args:
        scenario: the scenario.
        site: the server, which has the scenario's settings.
    """

    def __init__(self, scenario: Scenario, site: GoldenSite) -> None:
        self._scenario = scenario
        self._site = site
        self._sessions: dict[str, Session] = {}
        self._sent: dict[Exchange, OurExchange] = {}
        self._pieces: dict[Exchange, list[Piece]] = {}
        self._events: list[Compared] = []
        self._outside = list(messages_from_outside(scenario))

    def run(self) -> list[Compared]:
        """Do all that the recorded client did, and return what has to be the same."""
        for t, action in sorted(self._timeline(), key=lambda entry: entry[0]):
            self._site.go_to(t)
            self._read()
            action()
            self._site.flush()
            self._read()
        return [*self._answers(), *self._streams(), *self._poll_streams(), *self._events]

    # What happens when

    def _timeline(self) -> Iterator[tuple[float, Callable[[], None]]]:
        for outside in self._outside:
            yield outside.send_at, lambda message=outside.message: self._publish(message)
        for exchange in self._scenario.exchanges:
            yield exchange.t, lambda exchange=exchange: self._send(exchange)
            for frame in exchange.frames:
                if frame.sent and frame.opcode == "text":
                    yield frame.t, lambda e=exchange, text=frame.text: self._send_text(e, text)
            first_close = next((frame for frame in exchange.frames if frame.opcode == "close"), None)
            if first_close is not None and first_close.sent:
                code = int(first_close.text.split()[0])
                yield first_close.t, lambda e=exchange, code=code: self._sent[e].send_close(code)
            if exchange.abandoned:
                yield exchange.t_end, lambda e=exchange: self._let_go(e)
            elif exchange.polls:
                yield exchange.t_end, lambda e=exchange: self._poll_until_even(e)
        for note in self._scenario.notes:
            if note.text == "shutdown signalled":
                yield note.t, self._site.shut_down
            elif note.events is not None:
                yield note.t, lambda note=note: self._compare_events(note.t, note.events)
        # Let what is due be seen.
        yield max(exchange.t_end for exchange in self._scenario.exchanges) + 10, lambda: None

    def _publish(self, message: dict[str, Any]) -> None:
        arguments = message["A"]
        if message["M"] == "updateStockPrice":
            self._site.markets[message["H"]].trade(arguments[0]["Symbol"], Decimal(str(arguments[0]["Price"])))
            return
        clients = self._site.server.hub_context(OracleHub).clients
        audience = clients.group(arguments[0]) if message["M"] == "grp" else clients.all
        getattr(audience, message["M"])(*arguments)

    def _send(self, exchange: Exchange) -> None:
        session = self._sessions.get(exchange.token)
        if exchange.polls and session is not None:
            self._poll(session, exchange)
            return
        ours = self._exchange(exchange)
        if exchange.command == "negotiate":
            self._site.flush()
            self._learn(exchange, ours)

    def _exchange(self, exchange: Exchange) -> OurExchange:
        target = self._translated(exchange.target, exchange)
        body = None if exchange.body is None else self._translated(exchange.body, exchange)
        ours = self._sent[exchange] = OurExchange(self._site, exchange, target, body)
        self._pieces.setdefault(exchange, [])
        return ours

    def _learn(self, exchange: Exchange, ours: OurExchange) -> None:
        response = ours.response
        if response is None or response.status != 200 or "Token" not in exchange.text:
            return
        with suppress(ValueError):
            token, answer = json.loads(exchange.text)["ConnectionToken"], response.json
            self._sessions[token] = Session(
                answer["ConnectionToken"], answer["ConnectionId"], recorded_positions(self._scenario, token)
            )

    def _translated(self, text: str, exchange: Exchange) -> str:
        session = self._sessions.get(exchange.token)
        if session is None:
            return text

        def translate(found: re.Match[str]) -> str:
            name, value = found[1], unquote_plus(found[2])
            if name == "connectionToken":
                value = session.our_token
            elif name == "messageId":
                value = session.our_cursor(value, exchange.t)
            else:
                value = session.our_groups.get(tuple(json.loads(value.partition(":")[2])), value)
            return f"{name}={quote(value, safe='')}"

        return _PARAMETER.sub(translate, text)

    def _send_text(self, exchange: Exchange, text: str) -> None:
        self._pieces[exchange].append(Piece(text, sent=True))
        self._sent[exchange].send_text(text)

    def _let_go(self, exchange: Exchange) -> None:
        # When our server has ended what the recorded client had to let go of, that is seen in the comparison.
        self._read()
        ours = self._sent[exchange]
        if not exchange.is_websocket and ours.over and ours.head[0] == exchange.status:
            self._pieces[exchange].append(Piece("(ended)"))
        ours.drop()

    # Polls

    def _poll(self, session: Session, exchange: Exchange) -> None:
        open_polls = [poll for poll in session.polls if not poll.over and not poll.recorded.abandoned]
        if open_polls and all(poll.recorded.t_end <= exchange.t for poll in open_polls):
            # The recorded client has had an answer, and ours brought the same earlier.
            self._sent[exchange] = open_polls[-1]
            return
        session.polls.append(self._exchange(exchange))

    def _poll_until_even(self, exchange: Exchange) -> None:
        session = self._sessions.get(exchange.token)
        if session is None:
            return
        for _ in range(_MAX_EXTRA_POLLS):
            owed = session.recorded_total_at(exchange.t_end) - session.total
            if owed <= 0 or any(not poll.over for poll in session.polls):
                return
            target, _, query = exchange.target.partition("?")
            position = {"messageId": session.ours[-1][0], "groupsToken": session.our_latest_groups}
            body = "&".join(f"{name}={quote(value)}" for name, value in position.items() if value)
            target = f"{target.rpartition('/')[0]}/poll?{self._translated(f'?{query}', exchange)[1:]}"
            session.polls.append(OurExchange(self._site, exchange, target, body))
            self._site.flush()
            self._read()

    # What comes of it

    def _read(self) -> None:
        for exchange, ours in self._sent.items():
            if exchange.receives and not exchange.polls:
                for text in ours.read():
                    self._note(self._sessions.get(exchange.token), self._pieces[exchange], text)
        for session in self._sessions.values():
            for poll in session.polls:
                for text in poll.read():
                    self._note(session, session.poll_pieces, text)

    def _note(self, session: Session | None, pieces: list[Piece], text: str) -> None:
        if session is not None:
            messages = messages_of(text)
            if messages is not None:
                session.ours.append((cursor_of(text), session.total + len(messages)))
            found = re.search(r',"G":"([^"]*)"', text)
            if found:
                groups = self._site.groups_of_token(found[1], session.our_id)
                session.our_groups[tuple(groups)] = session.our_latest_groups = found[1]
        text = re.sub(_OUR_PRELUDE, r"<prelude of frame \1>", text)
        pieces.append(Piece(self._neutral_ours(text, session)))

    def _neutral_ours(self, text: str, session: Session | None = None) -> str:
        connection_id = "" if session is None else session.our_id
        return neutral(
            text,
            user=self._site.user_of_token,
            groups=lambda token: self._site.groups_of_token(token, connection_id),
        )

    # What is compared

    def _answers(self) -> Iterator[Compared]:
        for exchange, ours in self._sent.items():
            if exchange.receives:
                continue
            status, reason, headers = ours.head
            response = ours.response
            body = response.body.decode() if response is not None else ""
            if body.startswith("/* Hub proxies"):
                body = "<<proxy script>>"
            if exchange.abandoned and response is not None:
                body += "(ended)"
            yield Compared(
                self._scenario,
                exchange.label,
                Answer.of(exchange.status, exchange.reason, exchange.response_headers.items(), _neutral(exchange)),
                Answer.of(status, reason, headers, self._neutral_ours(body)),
            )

    def _streams(self) -> Iterator[Compared]:
        for exchange, ours in self._sent.items():
            if exchange.receives and not exchange.polls:
                yield self._heads(exchange, ours)
                recorded = _recorded_pieces(exchange, self._outside)
                mine = self._pieces[exchange]
                if exchange.ended == "complete":
                    recorded.append(Piece("(ended)"))
                    mine = [*mine, *([Piece("(ended)")] if ours.over else [])]
                yield Compared(self._scenario, f"stream of {exchange.label}", recorded, mine)

    def _poll_streams(self) -> Iterator[Compared]:
        for token, session in self._sessions.items():
            if session.polls:
                for poll in session.polls:
                    yield self._heads(poll.recorded, poll)
                items = recorded_items(self._scenario, token, polls=True)
                recorded = [Piece(_neutral_recorded(text)) for _, text in items]
                yield Compared(self._scenario, "polls", recorded, session.poll_pieces)

    def _heads(self, exchange: Exchange, ours: OurExchange) -> Compared:
        status, reason, headers = ours.head
        return Compared(
            self._scenario,
            exchange.label,
            Answer.of(exchange.status, exchange.reason, exchange.response_headers.items(), ""),
            Answer.of(status, reason, headers, ""),
        )

    def _compare_events(self, t: float, recorded: list[list[Any]]) -> None:
        self._events.append(
            Compared(
                self._scenario,
                f"events until {t:.0f} ms",
                [Event(*event) for event in recorded],
                [Event(*event) for event in self._site.journal.events],
            )
        )


def _neutral_recorded(text: str, user: str = "") -> str:
    def user_of(token: str) -> str:
        # What is encrypted cannot be read; it was made for whoever asked.
        found = re.fullmatch(r"[0-9a-f-]{36}:(.*)", token)
        return user if found is None else found[1]

    return neutral(text, user=user_of, groups=lambda token: list(json.loads(token.partition(":")[2])))


def _neutral(exchange: Exchange) -> str:
    text = re.sub("<<proxy script.*>>", "<<proxy script>>", exchange.text)
    return _neutral_recorded(text, dict(exchange.headers).get("X-User", ""))


def _recorded_pieces(exchange: Exchange, outside: list[Outside]) -> list[Piece]:
    if not exchange.is_websocket:
        items = [item for _, text in exchange.pieces for item in split_stream(exchange.transport, text)]
        assert "".join(items) == exchange.text, exchange.label
        return [Piece(_neutral_recorded(item)) for item in items]
    pieces = []
    for frame in exchange.frames:
        if frame.opcode == "text" and frame.sent:
            pieces.append(Piece(frame.text, sent=True))
        elif frame.opcode == "text":
            by_others = [message for message in outside if message.arrived == frame.t]
            caused = messages_of(frame.text)
            pieces.append(Piece(_neutral_recorded(frame.text), outside=bool(caused) and len(caused) == len(by_others)))
        elif not frame.sent:
            pieces.append(Piece(f"close {frame.text}"))
    return pieces
