"""
Carries out cases: a client that writes exact bytes, against an endpoint that sends back what it receives.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable

from tests.web.clients import WebSocketClient
from tests.web.conformance.case import Answer, Case, End
from tests.web.frames import CLOSE, TEXT, Frame, close, read_frames
from tests.web.support import SiteHarness
from tests.web.wire import HttpResponse
from twisted_ticker.signalr import PersistentConnection

__all__ = ["UPGRADE", "CaseFailure", "EchoConnection", "RawWebSocket", "carry_out", "echoing_harness", "failures_of"]

ECHO_PATH = "/echo"

UPGRADE = (
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", base64.b64encode(b"sixteen bytes...").decode()),
    ("Sec-WebSocket-Version", "13"),
)


class EchoConnection(PersistentConnection):
    """Sends back what it receives, to who has sent it."""

    def on_received(self, data: str) -> None:
        self.connection.send(self.context.connection_id, data)


def echoing_harness(harness: SiteHarness) -> SiteHarness:
    """The same server, with the endpoint that cases are for."""
    harness.server.map_connection(ECHO_PATH, EchoConnection)
    return harness


class _Negotiator(WebSocketClient):
    path = ECHO_PATH


class RawWebSocket:
    """
    An open WebSocket to the echoing endpoint, whose client writes whatever bytes it likes.

    Args:
        harness: where the server is.
        headers: of the request that opens it.

    Attributes:
        response: to the request that opened it.
        link: its connection.
    """

    def __init__(self, harness: SiteHarness, headers: Iterable[tuple[str, str]] = UPGRADE) -> None:
        negotiator = _Negotiator(harness)
        negotiator.negotiate()
        self._connection = harness.connection()
        self._connection.request("GET", negotiator.target("connect"), headers=headers)
        parsed = HttpResponse.parse(self._connection.raw, closed=self._connection.closed)
        assert parsed is not None and parsed[0].status == 101, self._connection.raw
        self.response, _ = parsed
        self.link = self._connection.link
        self._frames_at = self._connection.raw.index(b"\r\n\r\n") + 4
        assert negotiator.start().status == 200
        [initial] = self.frames
        assert json.loads(initial.payload)["S"] == 1, initial

    def write(self, data: bytes) -> None:
        """Send some bytes, and let the server act on them."""
        if not self.lost:
            self._connection.write(data)

    @property
    def frames(self) -> list[Frame]:
        """All that has come; fails if the last frame is not whole."""
        frames, rest = read_frames(self._connection.raw[self._frames_at :])
        assert rest == b"", f"Half a frame: {rest[:20]!r}"
        return frames

    @property
    def lost(self) -> bool:
        """Whether the server has let go of the connection."""
        return self.link.lost

    @property
    def close_code(self) -> int | None:
        """The code of the server's close frame, which has to be the last that has come; ``None`` if there is none."""
        closes = [number for number, each in enumerate(self.frames) if each.opcode == CLOSE]
        if not closes:
            return None
        assert closes == [len(self.frames) - 1], f"Something behind a close frame: {self.frames[closes[0] :]}"
        return self.frames[-1].code

    @property
    def answers(self) -> tuple[Answer, ...]:
        """What has come, texts without the envelopes around them; neither keep-alives nor the close frame."""
        answers: list[Answer] = []
        for each in self.frames:
            assert each.final, each
            if each.opcode == TEXT:
                answers += [(TEXT, text.encode()) for text in json.loads(each.payload).get("M", [])]
            elif each.opcode != CLOSE:
                answers.append((each.opcode, each.payload))
        return tuple(answers)


class CaseFailure(AssertionError):
    """The server does not do what a case asks of it."""


def carry_out(case: Case, harness: SiteHarness) -> bool:
    """
    Carry out a case; returns whether the server did what it should, and not only what is tolerated.

    Raises:
        CaseFailure: it did neither.
    """
    socket = RawWebSocket(harness)
    failed_at = None
    for number, data in enumerate(case.sends):
        socket.write(data)
        if failed_at is None and case.end is End.SERVER and socket.close_code is not None:
            failed_at = number
    answers = socket.answers
    _check(answers in (case.answers, *case.tolerated), f"answered with {_brief(answers)}")
    if case.end is End.SERVER:
        last = len(case.sends) - 1 if case.fails_at is None else case.fails_at
        _check(failed_at is not None, "not closed")
        _check(failed_at <= last, f"closed after write {failed_at}, not by {last}")
    if case.end is not End.SENT:
        _check(case.end is End.SERVER or socket.close_code is None, f"closed with {socket.close_code}")
        socket.write(close())
    _check(socket.close_code in case.codes, f"closed with {socket.close_code}")
    _check(socket.answers == answers, f"answered with {_brief(socket.answers)} in the end")
    _check(socket.lost, "not dropped")
    return answers == case.answers


def failures_of(cases: Iterable[Case], harness: SiteHarness) -> tuple[dict[str, str], list[str]]:
    """Carry out many cases; returns why some failed, and which did only what is tolerated, both by their numbers."""
    failures: dict[str, str] = {}
    tolerated = []
    for case in cases:
        try:
            if not carry_out(case, harness):
                tolerated.append(case.number)
        except AssertionError as error:
            failures[case.number] = str(error)
    return failures, tolerated


def _check(condition: bool, otherwise: str) -> None:
    if not condition:
        raise CaseFailure(otherwise)


def _brief(answers: Iterable[Answer]) -> list[tuple[int, bytes, int]]:
    return [(opcode, payload[:20], len(payload)) for opcode, payload in answers]
