"""
What the integration tests share: a real ``twistd stockticker``, a client made of sockets, and pages in a browser.

Nothing here sleeps for a fixed time; whatever is waited for has a deadline that a slow machine meets.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from twisted.trial.reporter import TestResultDecorator
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.ticker_page import TickerPage
from tests.integration.waiting import DEADLINE_SECONDS, wait_for

PROJECT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(sys.executable).parent

OPENING_PRICES = {"GOOG": "543.01", "MSFT": "41.68", "AAPL": "92.08"}


def free_port() -> int:
    with socket.socket() as chooser:
        chooser.bind(("127.0.0.1", 0))
        return int(chooser.getsockname()[1])


def is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS):
        return True
    return False


def new_directory() -> Path:
    """A new directory inside of trial's own, which is the current one."""
    return Path(tempfile.mkdtemp(prefix="stockticker-", dir=".")).absolute()


def tcp(port: int) -> str:
    """The endpoint that servers under test listen on."""
    return f"tcp:{port}:interface=127.0.0.1"


def environment(state: Path) -> dict[str, str]:
    """Of a process that runs the checkout and keeps its default state in a directory of the test's."""
    return {**os.environ, "PYTHONPATH": str(PROJECT), "XDG_STATE_HOME": str(state)}


def heed_interrupts() -> None:
    """Undo what a shell does to its background jobs, from which the tests may have been started: ignoring Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def twistd(*arguments: str) -> list[str]:
    """The command of the checkout's ``twistd``."""
    return [sys.executable, str(SCRIPTS / "twistd"), *arguments]


FOREGROUND = tuple(twistd("-n", "--pidfile="))


class Server:
    """
    A ``stockticker``, or another of our commands, that serves on a free port until it is stopped.

    Args:
        options: of the command, besides where to listen and where to keep state.
        command: what runs the plugin in the foreground.
        port: the port, when it must be a certain one.
        state: the state directory; a new one when not given.
        plugin: the command.
        cwd: the directory it runs in; a new one when not given.
    """

    def __init__(
        self,
        *options: str,
        command: tuple[str, ...] = FOREGROUND,
        port: int | None = None,
        state: Path | None = None,
        plugin: str = "stockticker",
        cwd: Path | None = None,
    ) -> None:
        self.directory = new_directory()
        self.state = state or self.directory / "state"
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._log = self.directory / "server.log"
        arguments = (plugin, "--listen", tcp(self.port), "--state-dir", str(self.state), *options)
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, *arguments],
                cwd=cwd or self.directory,
                env=environment(self.directory),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=heed_interrupts,
            )
        try:
            wait_for(f"the server serves {self.url}", self._serves)
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.log}") from None

    def _serves(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"The server exited with {self.process.returncode}.")
        return f"Serving {self.url}" in self.log

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for the end; returns the exit status."""
        try:
            return self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"The server did not end when told to.\n{self.log}") from None

    def stop(self) -> int:
        """Send SIGTERM and wait for the end."""
        self.terminate()
        return self.wait()

    def kill(self) -> None:
        """Leave no process behind, whatever it is doing."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


# A client made of sockets


class WebSocket:
    """
    The client's end of a WebSocket that speaks only when it is told to.

    Args:
        port: the server's.
        target: path and query.
        headers: further ones of the request that opens it.
        link: a connection to the server, if it is not to be made by TCP.
    """

    def __init__(
        self, port: int, target: str, headers: Mapping[str, str] | None = None, link: socket.socket | None = None
    ) -> None:
        self._socket = link or socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS)
        self._stream = self._socket.makefile("rb")
        try:
            self._upgrade(port, target, headers or {})
        except BaseException:
            self.close()
            raise

    def _upgrade(self, port: int, target: str, headers: Mapping[str, str]) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        further = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._socket.sendall(
            f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{further}\r\n".encode()
        )
        status = self._stream.readline()
        if b" 101 " not in status:
            raise AssertionError(f"The WebSocket was refused: {status!r}")
        while self._stream.readline() not in (b"\r\n", b""):
            pass

    def frame(self) -> tuple[int, bytes]:
        """The next frame's opcode and payload."""
        head = self._stream.read(2)
        if len(head) < 2:
            raise AssertionError("The WebSocket ended without a close frame.")
        length = head[1]
        if length == 126:
            [length] = struct.unpack("!H", self._stream.read(2))
        elif length == 127:
            [length] = struct.unpack("!Q", self._stream.read(8))
        return head[0] & 0x0F, self._stream.read(length)

    def send(self, opcode: int, payload: bytes) -> None:
        """Send a short frame, masked as clients must."""
        mask = os.urandom(4)
        masked = bytes(byte ^ key for byte, key in zip(payload, itertools.cycle(mask), strict=False))
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else struct.pack("!BH", 0xFE, len(payload))
        self._socket.sendall(bytes([0x80 | opcode]) + length + mask + masked)

    def write(self, data: bytes) -> None:
        """Send bytes as they are, whatever they mean."""
        self._socket.sendall(data)

    def ended(self) -> bool:
        """Wait for the end of the TCP connection; false if there is something else to read."""
        try:
            return self._stream.read(1) == b""
        except ConnectionResetError:
            return True

    def shut_down(self) -> None:
        """End whatever other threads are reading or writing."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the TCP connection, without ceremony."""
        self._stream.close()
        self._socket.close()


class Client:
    """
    A SignalR client without a browser: one token, with which the test does what it likes.

    Args:
        port: the server's.
        hub: the one hub it is interested in.
    """

    def __init__(self, port: int, hub: str = "stockTicker") -> None:
        self.port = port
        self._hub = hub
        self._connection_data = json.dumps([{"name": hub.lower()}])
        status, body = self.request("GET", self.target("negotiate"))
        if status != 200:
            raise AssertionError(f"negotiate was answered with {status}: {body!r}")
        self.token = json.loads(body)["ConnectionToken"]

    def target(self, command: str, transport: str = "longPolling", **parameters: str) -> str:
        """The request target of a command."""
        query = {"clientProtocol": "2.1", "connectionData": self._connection_data, **parameters}
        if command != "negotiate":
            query |= {"transport": transport, "connectionToken": self.token}
        return f"/signalr/{command}?{urlencode(query, quote_via=quote)}"

    def request(self, method: str, target: str, body: str = "") -> tuple[int, bytes]:
        """Make a request on a connection of its own; returns status and body."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)) as link:
            link.request(method, target, body, {"Content-Type": "application/x-www-form-urlencoded"} if body else {})
            response = link.getresponse()
            return response.status, response.read()

    def invoke(self, method: str, *arguments: Any) -> Any:
        """Call a hub method over ``/send``; returns its result."""
        call = json.dumps({"H": self._hub, "M": method, "A": arguments, "I": 0})
        status, body = self.request("POST", self.target("send"), urlencode({"data": call}))
        answer = json.loads(body) if status == 200 else {}
        if "I" not in answer or "E" in answer:
            raise AssertionError(f"{method} was answered with {status}: {body!r}")
        return answer.get("R")

    def prices(self) -> dict[str, str]:
        """All prices as pages show them."""
        return {stock["Symbol"]: f"{stock['Price']:.2f}" for stock in self.invoke("GetAllStocks")}

    def open_websocket(self) -> WebSocket:
        """Connect, and start, over a WebSocket."""
        with contextlib.ExitStack() as unless_started:
            link = WebSocket(self.port, self.target("connect", "webSockets"))
            unless_started.callback(link.close)
            opcode, payload = link.frame()
            if opcode != 1 or json.loads(payload).get("S") != 1:
                raise AssertionError(f"The first frame is no initialization: {payload!r}")
            status, body = self.request("GET", self.target("start", "webSockets"))
            if status != 200:
                raise AssertionError(f"start was answered with {status}: {body!r}")
            unless_started.pop_all()
        return link

    def open_poll(self) -> http.client.HTTPConnection:
        """Connect, and start, by long polling; returns a connection on which a poll waits for its answer."""
        _, body = self.request("GET", self.target("connect"))
        self.request("GET", self.target("start"))
        with contextlib.ExitStack() as unless_sent:
            link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
            unless_sent.callback(link.close)
            link.request("GET", self.target("poll", messageId=json.loads(body)["C"]))
            unless_sent.pop_all()
        return link


def updates(link: WebSocket) -> Iterator[dict[str, Any]]:
    """The stocks of the price updates that come over a WebSocket."""
    while True:
        opcode, payload = link.frame()
        if opcode != 1:
            raise AssertionError(f"The WebSocket got a frame with opcode {opcode}: {payload!r}")
        for message in json.loads(payload).get("M", []):
            if message["M"] == "updateStockPrice":
                yield message["A"][0]


class FailureWatch(TestResultDecorator):
    """Calls somebody at each failure, while there still is something to look at."""

    def __init__(self, original: Any, failed: Callable[[], None]) -> None:
        super().__init__(original)
        self._failed = failed

    def addFailure(self, test: Any, failure: Any) -> None:
        self._failed()
        self._originalReporter.addFailure(test, failure)

    def addError(self, test: Any, error: Any) -> None:
        self._failed()
        self._originalReporter.addError(test, error)


class StockTickerTestCase(SynchronousTestCase):
    """Starts servers and pages that do not outlive the test; if it fails, prints what they have said."""

    def setUp(self) -> None:
        self.servers: list[Server] = []
        self.pages: list[TickerPage] = []

    def run(self, result: Any) -> None:
        """Run the test, and show what is needed to understand a failure."""
        super().run(FailureWatch(result, self._print_evidence))

    def _print_evidence(self) -> None:
        print(f"\n----- what there is to know about the failure of {self.id()}")
        for page in getattr(self, "pages", ()):
            print(f"--- page {page.url}", *page.errors, *page.console, sep="\n")
        for server in getattr(self, "servers", ()):
            print(f"--- server {server.url}", server.log, sep="\n")
        print("-----", flush=True)

    def start_server(self, *options: str, **more: Any) -> Server:
        """Start a server; see :class:`Server`."""
        server = Server(*options, **more)
        self.servers.append(server)
        self.addCleanup(server.kill)
        return server

    def make_page(self, url: str, **options: Any) -> TickerPage:
        """Make a page, which the test then loads; see :class:`TickerPage`."""
        page = TickerPage(url, **options)
        self.pages.append(page)
        self.addCleanup(page.close)
        return page

    def open_page(self, url: str, **options: Any) -> TickerPage:
        """Make a page and load it."""
        return self.make_page(url, **options).load()

    def assertNoComplaints(self) -> None:
        """No page had an error, and no server a traceback or a warning."""
        for page in self.pages:
            self.assertEqual(page.complaints(), [], page.url)
        for server in self.servers:
            self.assertLogClean(server)

    def assertLogClean(self, server: Server) -> None:
        """A server's log holds nothing alarming."""
        alarming = ("Traceback", "#warn]", "#error]", "#critical]", "Unhandled")
        lines = [line for line in server.log.splitlines() if any(word in line for word in alarming)]
        self.assertEqual(lines, [])
