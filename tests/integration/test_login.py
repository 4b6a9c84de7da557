"""Logging in and out, and the prices as text, at a real server over real sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
from base64 import b64encode
from collections.abc import Iterator
from email.message import Message
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlencode

from tests.integration.support import DEADLINE_SECONDS, Client, Server, StockTickerTestCase, WebSocket, new_directory

QUICK = ("--interval", "0.02")
_TEXT = 1


class Visitor(Client):
    """
    A client with the cookies of a browser, of which it has one at most.

    Attributes:
        headers: of all its requests.
    """

    def __init__(self, port: int, headers: dict[str, str] | None = None, hub: str = "stockTicker") -> None:
        self.headers = headers or {}
        super().__init__(port, hub)

    def request(self, method: str, target: str, body: str = "") -> tuple[int, bytes]:
        answer = ask(self.port, method, target, body, **self.headers)
        return answer.status, answer.body

    def call(self, method: str) -> dict[str, Any]:
        """Call a hub's method by a request of its own; returns the answer, which may be an error."""
        status, body = self.request("POST", self.target("send"), urlencode({"data": self.text_of(method)}))
        if status != 200:
            raise AssertionError(f"{method} was answered with {status}: {body!r}")
        answer: dict[str, Any] = json.loads(body)
        return answer

    def text_of(self, method: str) -> str:
        """The text of a call."""
        return json.dumps({"H": self._hub, "M": method, "A": [], "I": 0})

    def call_by_socket(self, method: str) -> dict[str, Any]:
        """Call a hub's method over a WebSocket that is opened for it."""
        with contextlib.closing(WebSocket(self.port, self.target("connect", "webSockets"), self.headers)) as link:
            link.send(_TEXT, self.text_of(method).encode())
            while True:
                opcode, payload = link.frame()
                answer: dict[str, Any] = json.loads(payload) if opcode == _TEXT else {}
                if "I" in answer:
                    return answer


class Answer(NamedTuple):
    """A response that has been read."""

    status: int
    headers: Message
    body: bytes


def ask(port: int, method: str, target: str, body: str = "", **headers: str) -> Answer:
    """Make a request on a connection of its own."""
    if body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)) as link:
        link.request(method, target, body or None, headers)
        response = link.getresponse()
        return Answer(response.status, response.headers, response.read())


def basic(name: str, password: str) -> dict[str, str]:
    """What a browser sends when it has asked for a password."""
    return {"Authorization": f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"}


class LoginTests(StockTickerTestCase):
    """A server of which only those who are logged in obey."""

    def setUp(self) -> None:
        super().setUp()
        self.server = self.start_guarded()

    def start_guarded(self, **more: Any) -> Server:
        """A server that knows ann."""
        passwords = new_directory() / "passwords"
        passwords.write_text("ann:secret\n", encoding="ascii")
        return self.start_server("--auth", f"file:{passwords}", "--store", "memory:", **more)

    def log_in(self) -> dict[str, str]:
        """The header that a browser sends after a login."""
        response = ask(self.server.port, "GET", "/login", **basic("ann", "secret"))
        self.assertEqual((response.status, response.headers["Location"]), (303, "/StockTicker.html"))
        return {"Cookie": response.headers["Set-Cookie"].partition(";")[0]}

    def test_long_polling_and_websocket(self) -> None:
        """By both, the buttons are refused to those who only look, and work after a login."""
        for call in (Visitor.call, Visitor.call_by_socket):
            stranger = Visitor(self.server.port)
            answer = call(stranger, "openMarket")
            self.assertEqual(answer["E"], "There was an error invoking Hub method 'stockTicker.openMarket'.")
            self.assertEqual(stranger.invoke("getMarketState"), "Closed")
            ann = Visitor(self.server.port, self.log_in())
            self.assertNotIn("E", call(ann, "openMarket"))
            self.assertEqual(stranger.invoke("getMarketState"), "Open")
            self.assertNotIn("E", call(ann, "closeMarket"))
        self.assertLogClean(self.server)

    def test_the_board(self) -> None:
        """The page is told who is logged in, and what that makes of its buttons."""
        for headers, may, name in (({}, False, None), (self.log_in(), True, "ann")):
            board = Visitor(self.server.port, headers, "stockBoard").invoke("getBoard")
            self.assertEqual((board["MayControl"], board["User"]), (may, name))

    def test_a_page_of_another_port(self) -> None:
        """It is refused, on the WebSocket too, and whether the browser sends the cookie or not."""
        cookie, foreign = self.log_in(), {"Origin": f"http://127.0.0.1:{self.server.port + 1}"}
        ann, nobody = Visitor(self.server.port, cookie), Visitor(self.server.port)
        for visitor, headers in ((ann, {**cookie, **foreign}), (nobody, foreign)):
            visitor.headers = headers
            self.assertEqual(visitor.request("GET", visitor.target("negotiate"))[0], 403)
            error = self.assertRaises(AssertionError, visitor.call_by_socket, "openMarket")
            self.assertIn("403", str(error))
        ann.headers = {**cookie, "Origin": f"http://127.0.0.1:{self.server.port}"}
        self.assertNotIn("E", ann.call_by_socket("openMarket"))

    def test_logging_out(self) -> None:
        """The cookie that is left is worth nothing."""
        response = ask(self.server.port, "POST", "/logout", **self.log_in())
        self.assertEqual(response.status, 303)
        left = response.headers["Set-Cookie"].partition(";")[0]
        self.assertIn("E", Visitor(self.server.port, {"Cookie": left}).call("openMarket"))
        self.assertEqual(ask(self.server.port, "GET", "/logout").status, 405)

    def test_passwords_are_not_to_be_guessed(self) -> None:
        """After five failures there is a wait; the log tells of each, and of no password."""
        statuses = [ask(self.server.port, "GET", "/login", **basic("ann", "guessed")).status for _ in range(6)]
        self.assertEqual(statuses, [401] * 5 + [429])
        self.assertEqual(self.server.log.count("A login from 127.0.0.1 has failed"), 5)
        for secret in ("guessed", "secret", basic("ann", "guessed")["Authorization"]):
            self.assertNotIn(secret, self.server.log)

    def test_a_login_survives_a_restart(self) -> None:
        """It is in the cookie, and in the keys; not in the server."""
        headers = self.log_in()
        self.server.stop()
        self.server = self.start_guarded(port=self.server.port, state=self.server.state)
        self.assertNotIn("E", Visitor(self.server.port, headers).call("openMarket"))


class PricesTextTests(StockTickerTestCase):
    """``/prices.txt``, as read by somebody without SignalR."""

    @contextlib.contextmanager
    def following(self, server: Server) -> Iterator[BinaryIO]:
        """What follows the table, as lines; the connection is closed by the server."""
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS) as link:
            link.sendall(b"GET /prices.txt?follow=1 HTTP/1.0\r\n\r\n")
            with link.makefile("rb") as lines:
                self.assertIn(b" 200 ", lines.readline())
                while lines.readline() != b"\r\n":
                    pass
                self.assertRegex(lines.readline(), rb"^Market (open|closed), \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n$")
                self.assertEqual(lines.readline(), b"\n")
                self.assertTrue(lines.readline().startswith(b"Symbol "))
                while lines.readline() != b"\n":
                    pass
                yield lines

    def test_table(self) -> None:
        """It shows the prices that hubs tell."""
        server = self.start_server("--store", "memory:")
        response = ask(server.port, "GET", "/prices.txt")
        rows = [line.split() for line in response.body.decode().splitlines()[3:]]
        self.assertEqual({row[0]: row[1] for row in rows}, Client(server.port).prices())

    def test_following(self) -> None:
        """A line tells of each change and of what happens to the market; the end of the server is the end."""
        server = self.start_server(*QUICK, "--store", "memory:")
        client = Client(server.port)
        with self.following(server) as lines:
            client.invoke("openMarket")
            self.assertRegex(lines.readline(), rb"^\d\d:\d\d:\d\d  Market opened\n$")
            change = re.compile(rb"\d\d:\d\d:\d\d  (GOOG|MSFT|AAPL) +\d+\.\d\d +[+-]\d+\.\d\d +[+-]\d+\.\d\d%\n")
            for _ in range(20):
                self.assertRegex(lines.readline(), change)
            client.invoke("closeMarket")
            while not (line := lines.readline()).endswith(b"  Market closed\n"):
                self.assertRegex(line, change)
            server.terminate()
            self.assertEqual(lines.read(), b"")
        self.assertEqual(server.wait(), 0)
        self.assertLogClean(server)

    def test_a_reader_who_does_not_read(self) -> None:
        """He keeps nobody from anything, and does not keep the server from ending."""
        server = self.start_server("--interval", "0.001", "--open", "--store", "memory:")
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS) as sleeper:
            sleeper.sendall(b"GET /prices.txt?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(sleeper.recv(1))
            with self.following(server) as lines:
                for _ in range(100):
                    self.assertTrue(lines.readline())
                self.assertEqual(server.stop(), 0)
        self.assertLogClean(server)
