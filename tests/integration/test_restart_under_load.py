"""
Servers that end while clients are busy, killed or told to: all clients come back by themselves and are who they were.

What becomes of the market meanwhile is for ``test_restart.py`` to say.
"""

from __future__ import annotations

import base64
import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.integration.scale import measured, scaled
from tests.integration.support import Client, Server, StockTickerTestCase, WebSocket, new_directory
from tests.integration.torture.workers import Worker, allow_open_files
from tests.integration.waiting import wait_for
from twisted_ticker.signalr.keys import KEY_FILE_NAME, KeyRing
from twisted_ticker.signalr.protocol.tokens import CONNECTION_TOKEN, GROUPS_TOKEN, ConnectionToken, GroupsToken
from twisted_ticker.signalr.signals import group_name

TRANSPORTS = ("webSockets", "serverSentEvents", "foreverFrame", "longPolling")

#: How many clients there are on each transport, and how many rooms they are in.
CLIENTS = scaled(5, 100)
ROOMS = 4

#: How often the server ends in each way.
ROUNDS = scaled(1, 5)

#: How many numbers are counted when all are back, so that each room has some.
NUMBERS = 11 * ROOMS * 2

#: How busy the server is when it ends: numbers and calls a second.
PER_SECOND = scaled(200, 500)
CALLS_PER_SECOND = scaled(100, 200)
BUSY_CALLS = scaled(50, 400)

#: How long all may take to come back, in seconds.
BACK_SECONDS = scaled(20, 30)

#: For how long a key that was replaced is still good, in seconds: longer than the test lasts.
KEY_SECONDS = 3600

COMMANDS = ("connect", "reconnect", "start", "send", "poll", "abort")


def new_key() -> bytes:
    """A secret of the length that keys have."""
    return os.urandom(32)


def write_keys(state: Path, *lines: str) -> None:
    """Write a key ring, in the way that ``docs/hubs.md`` describes."""
    (state / KEY_FILE_NAME).write_text("".join(f"{line}\n" for line in lines))


def line_of(key: bytes, end: float | None = None) -> str:
    """A key as a line of a key ring; with its end, in seconds since 1970."""
    text = base64.urlsafe_b64encode(key).decode("ascii")
    return text if end is None else f"{text} {as_text(end)}"


def as_text(seconds: float) -> str:
    """A time, in seconds since 1970, as key rings have it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


class NumberingTestCase(StockTickerTestCase):
    """With servers that count."""

    def start_numbering(self, **more: Any) -> Server:
        """Start a server."""
        return self.start_server(
            *("--app", "tests.integration.torture.numbering:serve", "--no-access-log"), plugin="signalr", **more
        )

    def ask(self, server: Server, method: str, *arguments: Any) -> Any:
        """Call a server."""
        return Client(server.port, "numbering").invoke(method, *arguments)


class RestartTests(NumberingTestCase):
    """Busy clients on all transports, and servers that take each other's place."""

    def setUp(self) -> None:
        super().setUp()
        allow_open_files(len(TRANSPORTS) * CLIENTS * 2 + 1000)
        self.server = self.start_numbering()
        self.crowd = Worker("crowd")
        self.addCleanup(self.crowd.end)
        ports = {transport: [self.server.port] * CLIENTS for transport in TRANSPORTS}
        self.crowd.ask("join", 60, ports=ports, rooms=ROOMS)
        self.ids = sorted(self.crowd.ask("ids"))

    def load(self) -> None:
        """Make the server busy, and wait until it is."""
        self.crowd.ask("call", per_second=CALLS_PER_SECOND)
        self.ask(self.server, "begin", 10**6, PER_SECOND, 20, ROOMS)
        enough = self.crowd.ask("calls").get("right", 0) + BUSY_CALLS
        wait_for("calls are answered", lambda: self.crowd.ask("calls").get("right", 0) >= enough)
        wait_for("everybody hears numbers", lambda: self.total()["behind"] == 0)

    def total(self, latest: int = 1) -> Counter[str]:
        """What has become of all clients; see the crowd's ``report``."""
        total = Counter[str]()
        for figures in self.crowd.ask("report", latest=latest).values():
            total.update(figures)
        return total

    def replace(self, end: Callable[[Server], None]) -> float:
        """
        End the server while it is busy and start another; all clients come back, and nothing is amiss.

        Returns:
            How long the last one was away, the start of the server included, in seconds.
        """
        self.load()
        began = time.monotonic()
        end(self.server)
        self.server = self.start_numbering(port=self.server.port, state=self.server.state)
        everybody = len(self.ids)

        def are_back() -> bool:
            # They come from another server, so each of them is told that it may have missed something.
            total = self.total()
            return total["connected"] == everybody and self.ask(self.server, "progress")["announcements"] == everybody

        wait_for("all are back", are_back, BACK_SECONDS)
        seconds = time.monotonic() - began
        self.crowd.ask("call", per_second=0)
        self.assertEqual(sorted(self.ask(self.server, "connected")), self.ids)

        self.crowd.ask("begin_anew")
        self.ask(self.server, "begin", NUMBERS, 1000, 20, ROOMS)
        wait_for("everybody hears what is for it", lambda: self.total(NUMBERS)["behind"] == 0)
        total = self.total(NUMBERS)
        self.assertEqual((total["ended"], total["skipped"], total["doubled"], total["disordered"]), (0, 0, 0, 0))
        # Members of no room would hear too little, those of several too much.
        self.assertEqual(total["heard"], everybody * (NUMBERS - NUMBERS // 11 + NUMBERS // 11 // ROOMS))
        self.assertEqual(self.crowd.ask("calls").get("wrong", 0), 0)
        self.assertEqual(self.crowd.complaints, "")
        self.crowd.ask("begin_anew")
        return seconds

    def replace_often(self, what: str, end: Callable[[Server], None]) -> None:
        """Do that again and again."""
        seconds = [self.replace(end) for _ in range(ROUNDS)]
        measured(f"{what}: {len(self.ids)} clients back within {max(seconds):.1f} s, {self.crowd.ask('calls')} calls")

    def test_killed(self) -> None:
        """``kill -9``."""
        self.replace_often("kill -9", Server.kill)

    def test_stopped(self) -> None:
        """SIGTERM: the server says goodbye to all of them, and ends in order."""

        def stop(server: Server) -> None:
            self.assertEqual(server.stop(), 0)
            self.assertLogClean(server)

        self.replace_often("SIGTERM", stop)

    def test_keys_replaced(self) -> None:
        """Clients come back with tokens of a key that was replaced, as long as it is good, and never after that."""
        [old] = (self.server.state / KEY_FILE_NAME).read_text().split()
        new = line_of(new_key())

        def replace_key(server: Server) -> None:
            self.assertEqual(server.stop(), 0)
            write_keys(server.state, new, f"{old} {as_text(time.time() + KEY_SECONDS)}")

        self.replace_often("new key", replace_key)

        self.assertEqual(self.server.stop(), 0)
        write_keys(self.server.state, new, f"{old} {as_text(time.time())}")
        self.server = self.start_numbering(port=self.server.port, state=self.server.state)
        attempts = 2 * len(self.ids)
        wait_for("all have tried", lambda: self.ask(self.server, "progress")["refused"] >= attempts)
        self.assertEqual(self.ask(self.server, "connected"), [])


class ForgedTokenTests(NumberingTestCase):
    """Tokens of keys that the server does not know, or knows no more."""

    def setUp(self) -> None:
        super().setUp()
        self.good, self.expired, self.unknown = new_key(), new_key(), new_key()
        state = new_directory()
        write_keys(state, line_of(self.good), line_of(self.expired, time.time() - 1))
        self.server = self.start_numbering(state=state)

    def client_of(self, key: bytes, connection_id: str = "") -> Client:
        """Somebody whose connection token a key has protected."""
        client = Client(self.server.port, "numbering")
        token = ConnectionToken(connection_id or str(uuid.uuid4()))
        client.token = token.encode(KeyRing([key]).protection(CONNECTION_TOKEN))
        return client

    def test_connection_tokens(self) -> None:
        """No command takes them, on any transport."""
        refusal = (400, b"The ConnectionId is in the incorrect format.")
        for key in (self.expired, self.unknown):
            client = self.client_of(key)
            for command in COMMANDS:
                for transport in TRANSPORTS:
                    target = client.target(command, transport, messageId="d-0,0", data="{}")
                    self.assertEqual(client.request("GET", target), refusal, (command, transport))
        self.assertEqual(self.ask(self.server, "connected"), [])
        self.assertEqual(self.client_of(self.good).invoke("echo", 1), 1)

    def test_groups_tokens(self) -> None:
        """Nobody is in the groups that they name."""
        links = {}
        for key in (self.good, self.expired, self.unknown):
            connection_id = str(uuid.uuid4())
            client = self.client_of(self.good, connection_id)
            room = {group_name("numbering", "room 0"): 0}
            groups = GroupsToken(connection_id, "elsewhere", int(time.time() * 1e6), room)
            token = groups.encode(KeyRing([key]).protection(GROUPS_TOKEN))
            links[key] = WebSocket(client.port, client.target("reconnect", "webSockets", groupsToken=token))
            self.addCleanup(links[key].close)
        wait_for("all are there", lambda: len(self.ask(self.server, "connected")) == len(links))
        self.ask(self.server, "begin", 12, 100, 100, 1)
        for_everybody = [*range(1, 11), 12]
        self.assertEqual(numbers_until(links[self.good], 12), list(range(1, 13)))
        self.assertEqual(numbers_until(links[self.expired], 12), for_everybody)
        self.assertEqual(numbers_until(links[self.unknown], 12), for_everybody)


def numbers_until(link: WebSocket, last: int) -> list[int]:
    """The numbers that come until a certain one."""
    numbers: list[int] = []
    while last not in numbers:
        messages = json.loads(link.frame()[1]).get("M", [])
        numbers += [message["A"][0] for message in messages if message["M"] == "counted"]
    return numbers
