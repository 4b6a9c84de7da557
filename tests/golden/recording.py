"""
The recordings: what clients sent to the genuine ASP.NET SignalR 2.4 server, what it answered, and when.

``recordings/`` has a file for each subject, with a JSON object a line: an HTTP exchange, a WebSocket, or a note (see
``recordings/README.md``). A scenario is what one client did on one transport.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

__all__ = ["Exchange", "Frame", "Note", "Scenario", "scenarios"]

_DIRECTORY = Path(__file__).parent / "recordings"

_RECEIVING = ("connect", "reconnect", "poll")

_CALL = '{"H":'

_INSTANT = 1e-6

_EVENTS = re.compile(r"server-side lifecycle events(?: \(ms since first\))?: (.*)")


@dataclass(frozen=True)
class Frame:
    """Something on a WebSocket: *opcode* is ``text`` or ``close``, whose text is the code and the reason."""

    t: float
    sent: bool
    opcode: str
    text: str


@dataclass(frozen=True)
class Note:
    """What was seen beside the wire."""

    t: float
    text: str

    @property
    def events(self) -> list[list[Any]] | None:
        """``[milliseconds since the first, event, argument]`` of each event that the hub saw so far, if it says so."""
        found = _EVENTS.match(self.text)
        if found is None:
            return None
        return [] if found[1] == "none" else list(json.loads(found[1]))


@dataclass(frozen=True, eq=False)
class Exchange:
    """
    A request and what came of it; times are milliseconds.

    Attributes:
        status: ``None`` when the client gave up before there was a response.
        pieces: the body, in the pieces and at the times it came; texts received, on a WebSocket.
        frames: all frames, on a WebSocket.
        ended: ``complete``, ``close-frame``; or ``client-timeout``, ``closed-by-client`` when the client let go.
    """

    is_websocket: bool
    label: str
    t: float
    t_end: float
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: str | None
    status: int | None
    reason: str
    response_headers: dict[str, str]
    pieces: list[tuple[float, str]]
    frames: list[Frame]
    ended: str

    @classmethod
    def of(cls, line: dict[str, Any]) -> Exchange:
        """Read a line of kind ``http`` or ``ws``."""
        request, response = line["request"], line["response"]
        status_line = (response["status_line"] or "").split(" ", 2)
        frames = [
            # Some came within the same tenth of a millisecond; their order is told.
            Frame(t + index * _INSTANT, direction == "send", opcode, text)
            for index, (t, direction, opcode, text) in enumerate(response.get("frames", []))
        ]
        pieces = [(t, text) for t, text in response.get("chunks", [])]
        pieces += [(frame.t, frame.text) for frame in frames if not frame.sent and frame.opcode == "text"]
        return cls(
            is_websocket=line["kind"] == "ws",
            label=line["label"],
            t=line["t"],
            t_end=response["t_end"],
            method=request.get("method", "GET"),
            target=request["target"],
            headers=[(name, value) for name, value in request["headers"]],
            body=request.get("body"),
            status=int(status_line[1]) if len(status_line) > 1 else None,
            reason=status_line[2] if len(status_line) > 2 else "",
            response_headers={name.lower(): value for name, value in response["headers"] or ()},
            pieces=pieces,
            frames=frames,
            ended=response["ended"],
        )

    @property
    def command(self) -> str:
        """The end of the path."""
        return urlsplit(self.target).path.rpartition("/")[2]

    @cached_property
    def query(self) -> dict[str, str]:
        """The query string's parameters, the first of each name."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def transport(self) -> str:
        """The transport that it names."""
        return self.query.get("transport", "")

    @property
    def token(self) -> str:
        """The connection token that it carries."""
        return self.query.get("connectionToken", "")

    @property
    def receives(self) -> bool:
        """Whether it carries messages from the server."""
        return self.is_websocket or self.command in _RECEIVING

    @property
    def polls(self) -> bool:
        """Whether it is answered with the first message there is."""
        return self.receives and self.transport == "longPolling"

    @property
    def text(self) -> str:
        """The response's body."""
        return "".join(text for _, text in self.pieces)

    @property
    def abandoned(self) -> bool:
        """Whether the client let go."""
        return self.ended in ("client-timeout", "closed-by-client")

    @property
    def sent_calls(self) -> list[tuple[float, float, dict[str, Any]]]:
        """The hub calls that it carries to the server, each between the time it was sent and that of its result."""
        if self.is_websocket:
            sent = [frame for frame in self.frames if frame.sent and frame.text.startswith(_CALL)]
            calls = [(frame.t, json.loads(frame.text)) for frame in sent]
            return [(t, self._result_time(call), call) for t, call in calls]
        if self.command == "send" and self.body:
            text = unquote_plus(self.body.partition("data=")[2])
            if text.startswith(_CALL):
                return [(self.t, self.t_end, json.loads(text))]
        return []

    def _result_time(self, call: dict[str, Any]) -> float:
        marker = f'"I":"{call.get("I")}"'
        times = [t for t, text in self.pieces if marker in text and '"C":' not in text]
        return times[0] if times else self.t_end


@dataclass(frozen=True, eq=False)
class Scenario:
    """
    What one client did.

    Attributes:
        file: name of the file, without its ending.
        title: what was tried.
        transport, protocol: where there are several of the same title; else empty.
        exchanges, notes: in the order of their times.
    """

    file: str
    title: str
    transport: str
    protocol: str
    exchanges: list[Exchange] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What identifies it."""
        return " / ".join(part for part in (self.file, self.title, self.transport, self.protocol) if part)

    def __str__(self) -> str:
        return self.name


@cache
def scenarios() -> tuple[Scenario, ...]:
    """All scenarios."""
    found: dict[tuple[str, ...], Scenario] = {}
    for path in sorted(_DIRECTORY.glob("*.jsonl")):
        # Not by splitlines, which also breaks where JSON has a bare U+2028.
        for text in path.read_text("utf-8").rstrip("\n").split("\n"):
            line = json.loads(text)
            key = (path.stem, line["scenario"], line.get("transport") or "", line.get("proto") or "")
            scenario = found.setdefault(key, Scenario(*key))
            if line["kind"] == "note":
                scenario.notes.append(Note(line["t"], line["text"]))
            else:
                scenario.exchanges.append(Exchange.of(line))
    for scenario in found.values():
        scenario.exchanges.sort(key=lambda exchange: exchange.t)
        scenario.notes.sort(key=lambda note: note.t)
    return tuple(found.values())
