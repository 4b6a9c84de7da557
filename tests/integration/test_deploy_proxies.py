"""
The examples for nginx and HAProxy: the files of ``deploy/`` in the real proxies, with our server behind them and our
client in front. All four transports are used at once.
"""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import treq
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.client import Agent
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from tests.integration.deployment import DEPLOY, HAProxy, Nginx, Proxy
from tests.integration.support import DEADLINE_SECONDS, Client, FailureWatch, Server, free_port, new_directory
from tests.integration.test_client import TrustOne, make_certificate, wait
from twisted_ticker.signalr import Settings
from twisted_ticker.signalr.client import ConnectionState, HubConnection, NetworkEndpoints
from twisted_ticker.web.deadlines import IDLE_SECONDS
from twisted_ticker.web.site import MAX_BODY_BYTES

_any_reactor: Any = reactor

TRANSPORTS = ("webSockets", "serverSentEvents", "foreverFrame", "longPolling")

#: How soon a message must be there. A proxy that collects some first would have too few for a minute.
PROMPT_SECONDS = 10

#: How long the proxies wait where the test has them wait for less than in earnest.
PATIENCE_SECONDS = 6

#: A hub that says nothing unless it is asked.
QUIET_HUB = """
from twisted_ticker.signalr import Hub, hub_method

class QuietHub(Hub):
    hub_name = "quiet"

    @hub_method
    def answer(self) -> int:
        return 42
"""


async def until(what: str, probe: Callable[[], object], seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until something is so; the reactor runs meanwhile."""
    deadline = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {seconds} seconds: {what}")
        await wait(0.02)


class Viewer:
    """
    A client that notes what happens to it.

    Args:
        url: where the proxy is.
        transport: the only one that it uses.
        hub: whose calls it hears.
    """

    def __init__(self, url: str, transport: str, hub: str = "stockTicker", **options: Any) -> None:
        self.transport = transport
        self.heard: list[str] = []
        self.breaks = 0
        self.connection = HubConnection(f"{url}/signalr", transports=[transport], retry_seconds=0.1, **options)
        self._hub = self.connection.create_hub_proxy(hub)
        for method in ("marketOpened", "marketClosed", "marketReset", "updateStockPrice"):
            self._hub.on(method, lambda *args, method=method: self.heard.append(method))
        self.connection.events.reconnecting.add(self._break)

    def _break(self) -> None:
        self.breaks += 1

    def has_heard(self, message: str) -> Callable[[], bool]:
        """Tells whether it has."""
        return lambda: message in self.heard

    @property
    def is_connected(self) -> bool:
        return self.connection.state is ConnectionState.CONNECTED

    def call(self, method: str) -> Deferred[Any]:
        """Call a method without arguments."""
        return self._hub.invoke(method)


class ProxyTestCase(TestCase):
    """Starts servers, proxies and viewers that do not outlive the test; if it fails, prints what they have logged."""

    timeout = 60

    def setUp(self) -> None:
        self.viewers: list[Viewer] = []
        self.processes: list[Server | Proxy] = []

    def run(self, result: Any) -> None:
        """Run the test, and show what is needed to understand a failure."""
        super().run(FailureWatch(result, self._print_evidence))

    def _print_evidence(self) -> None:
        print(f"\n----- what there is to know about the failure of {self.id()}")
        for process in getattr(self, "processes", ()):
            print(f"--- {type(process).__name__} at port {process.port}", process.log, sep="\n")
        print("-----", flush=True)

    def start_server(self, *options: str, **more: Any) -> Server:
        """Start a server; see :class:`.Server`."""
        server = Server(*options, **more)
        self.processes.append(server)
        self.addCleanup(server.kill)
        return server

    def start_proxy(self, kind: type[Proxy], *args: Any) -> Proxy:
        """Start a proxy; see :class:`.Proxy`."""
        proxy = kind(*args)
        self.processes.append(proxy)
        self.addCleanup(proxy.stop)
        return proxy

    async def connect(self, url: str, **options: Any) -> list[Viewer]:
        """A viewer for each transport, connected."""
        viewers = [Viewer(url, transport, **options) for transport in TRANSPORTS]
        self.viewers += viewers
        await gatherResults([viewer.connection.start() for viewer in viewers], consumeErrors=True)
        return viewers

    async def assert_all_hear(self, viewers: list[Viewer], message: str) -> None:
        """All viewers hear of something, at once."""
        for viewer in viewers:
            await until(f"{viewer.transport} hears {message}", viewer.has_heard(message), PROMPT_SECONDS)

    def tearDown(self) -> Deferred[None]:
        async def end() -> None:
            for viewer in self.viewers:
                await viewer.connection.stop()
            # Sockets that were just closed are with the reactor for another turn.
            await wait(0.05)

        return Deferred.fromCoroutine(end())

    def fetch(
        self, port: int, target: str, method: str = "GET", body: bytes = b"", source: str = "127.0.0.1"
    ) -> http.client.HTTPResponse:
        """Make a request through a proxy; the answer's body has been read, and is its ``body``."""
        link = http.client.HTTPConnection("127.0.0.1", port, DEADLINE_SECONDS, source_address=(source, 0))
        with closing(link):
            link.request(method, target, body)
            response: Any = link.getresponse()
            response.body = response.read()
            return response


class Behind:
    """What works behind each proxy; subclasses name it."""

    kind: type[Proxy]

    async def test_transports(self: Any) -> None:
        """Over each transport: calls are answered, and what the hub says is there at once, however little it is."""
        # One price step in ten years: nothing but what is awaited flows.
        server = self.start_server("--interval", "3e8")
        proxy = self.start_proxy(self.kind, server.port)
        viewers = await self.connect(f"http://127.0.0.1:{proxy.port}")
        for viewer in viewers:
            self.assertEqual(viewer.connection.transport, viewer.transport)
            self.assertEqual(await viewer.call("getMarketState"), "Closed")
        for method, message in (("openMarket", "marketOpened"), ("closeMarket", "marketClosed")):
            await viewers[0].call(method)
            await self.assert_all_hear(viewers, message)
        self.assertEqual([viewer.breaks for viewer in viewers], [0, 0, 0, 0])

    async def test_restart(self: Any) -> None:
        """When the server has restarted, all come back by themselves, and hear of prices; no log has their tokens."""
        # Few stocks move at each step: this makes three updates per second or so, which fill no proxy's buffer.
        server = self.start_server("--interval", "0.1", "--open")
        proxy = self.start_proxy(self.kind, server.port)
        viewers = await self.connect(f"http://127.0.0.1:{proxy.port}")
        await self.assert_all_hear(viewers, "updateStockPrice")
        self.assertEqual(server.stop(), 0)
        for viewer in viewers:
            # HAProxy tries for some seconds to pass on the next poll.
            if viewer.transport != "longPolling":
                await until(f"{viewer.transport} is lost", lambda viewer=viewer: not viewer.is_connected)
        for viewer in viewers:
            viewer.heard.clear()
        self.start_server("--interval", "0.1", "--open", port=server.port, state=server.state)
        for viewer in viewers:
            await until(f"{viewer.transport} is back", lambda viewer=viewer: viewer.is_connected)
        await self.assert_all_hear(viewers, "updateStockPrice")
        for viewer in viewers:
            self.assertEqual(await viewer.call("getMarketState"), "Open")
            await viewer.connection.stop()
        await until("the proxy has logged the last request", lambda: "/signalr/abort" in proxy.log)
        self.assertRegex(proxy.log, r"GET /signalr/connect HTTP/1.1.*\b200\b|\b200\b.*GET /signalr/connect HTTP/1.1")
        self.assertNotIn("connectionToken", proxy.log)

    def test_pages(self: Any) -> None:
        """Pages come through; ``/`` leads to one on the same server; the metrics do not, however they are spelt."""
        server = self.start_server()
        proxy = self.start_proxy(self.kind, server.port)
        page = self.fetch(proxy.port, "/StockTicker.html")
        self.assertEqual(page.status, 200)
        self.assertIn(b"</html>", page.body)
        root = self.fetch(proxy.port, "/")
        self.assertEqual((root.status, root.getheader("Location")), (302, "/StockTicker.html"))
        self.assertEqual(self.fetch(server.port, "/metrics").status, 200)
        for target in ("/metrics", "/METRICS", "/metrics/", "//metrics", "/%6Detrics", "/metrics?a=b"):
            answer = self.fetch(proxy.port, target)
            self.assertEqual(answer.status, 404, target)
            self.assertNotIn(b"# TYPE", answer.body, target)

    def test_plain_text(self: Any) -> None:
        """Who follows the prices as plain text reads each line as soon as it is written."""
        server = self.start_server("--interval", "3e8")
        proxy = self.start_proxy(self.kind, server.port)
        link = http.client.HTTPConnection("127.0.0.1", proxy.port, PROMPT_SECONDS)
        with closing(link):
            link.request("GET", "/prices.txt?follow=1", headers={"Accept-Encoding": "gzip"})
            response = link.getresponse()
            self.assertEqual((response.status, response.getheader("Content-Encoding")), (200, None))
            self.assertIn(b"Market closed", response.readline())
            while not response.readline().startswith(b"AAPL"):
                pass
            Client(server.port).invoke("openMarket")
            while b"Market open" not in (line := response.readline()):
                self.assertNotEqual(line, b"")

    def test_long_bodies(self: Any) -> None:
        """The longest body that the server takes comes through."""
        server = self.start_server()
        proxy = self.start_proxy(self.kind, server.port)
        target = Client(server.port).target("send")
        for size, is_refused in ((MAX_BODY_BYTES, False), (MAX_BODY_BYTES + 1, True)):
            answer = self.fetch(proxy.port, target, "POST", b"d" * size)
            self.assertEqual(answer.status == 413, is_refused, f"{size}: {answer.status}")

    async def test_headers(self: Any) -> None:
        """The server is told what the client has asked for, and from where; not what the client makes up."""
        echo = _any_reactor.listenTCP(0, Site(Echo()), interface="127.0.0.1")
        self.addCleanup(echo.stopListening)
        for scheme in ("http", "https"):
            certificate = make_certificate() if scheme == "https" else None
            arguments = [] if certificate is None else [write(certificate)]
            proxy = self.start_proxy(self.kind, echo.getHost().port, *arguments)
            policy = None if certificate is None else TrustOne(certificate)
            agent = Agent.usingEndpointFactory(_any_reactor, NetworkEndpoints(_any_reactor, policy))
            forged = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "gopher"}
            url = f"{scheme}://localhost:{proxy.port}/signalr/ping"
            response = await treq.get(url, headers=forged, agent=agent, timeout=DEADLINE_SECONDS)
            headers = json.loads(await response.text())
            self.assertEqual(headers["host"], [f"localhost:{proxy.port}"])
            self.assertEqual(headers["x-forwarded-proto"], [scheme])
            self.assertEqual(headers["x-forwarded-for"], ["127.0.0.1"])

    async def test_tls(self: Any) -> None:
        """With the lines for TLS in place, all transports work over it."""
        certificate = make_certificate()
        server = self.start_server("--interval", "3e8")
        proxy = self.start_proxy(self.kind, server.port, write(certificate))
        endpoints = NetworkEndpoints(_any_reactor, TrustOne(certificate))
        viewers = await self.connect(f"https://localhost:{proxy.port}", endpoints=endpoints)
        await viewers[0].call("openMarket")
        await self.assert_all_hear(viewers, "marketOpened")


class Echo(Resource):
    """Answers with the headers of the request, as a JSON object of lists."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        headers = {
            name.decode().lower(): [value.decode() for value in values]
            for name, values in request.requestHeaders.getAllRawHeaders()
        }
        return json.dumps(headers).encode()


def write(certificate: Any) -> Path:
    """A new file with a certificate and its key."""
    path = new_directory() / "certificate.pem"
    key = certificate.privateKey.original.to_cryptography_key()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(certificate.original.to_cryptography().public_bytes(Encoding.PEM) + secret)
    return path


class NginxTests(Behind, ProxyTestCase):
    """Behind nginx."""

    kind = Nginx


class HAProxyTests(Behind, ProxyTestCase):
    """Behind HAProxy."""

    kind = HAProxy

    async def test_proxy_protocol(self) -> None:
        """With the line for the PROXY protocol in place, our log has the clients' addresses; all transports work."""
        port = free_port()
        server = self.start_server("--interval", "3e8", "--listen", f"haproxy:tcp:{port}:interface=127.0.0.1")
        replacements = {
            HAProxy.server_line: "\n",
            HAProxy.proxy_protocol_line: f"server ticker 127.0.0.1:{port} send-proxy",
        }
        proxy = self.start_proxy(HAProxy, 0, None, replacements)
        self.assertEqual(self.fetch(proxy.port, "/signalr/ping", source="127.0.0.9").status, 200)
        await until("the access log names the client", lambda: re.search(r"127\.0\.0\.9.*/signalr/ping", server.log))
        viewers = await self.connect(f"http://127.0.0.1:{proxy.port}")
        await viewers[0].call("openMarket")
        await self.assert_all_hear(viewers, "marketOpened")


class IdleTests(ProxyTestCase):
    """When nothing happens for long."""

    async def test_signs_of_life(self) -> None:
        """
        A connection on which nothing happens is kept for longer than the proxies wait.

        Server and proxies run with short times that have the same order as theirs in earnest: signs of life and ends
        of polls come before the proxy's patience ends.
        """
        (directory := new_directory()).joinpath("quiet.py").write_text(QUIET_HUB, encoding="utf-8")
        server = self.start_server(
            *("--hub", "quiet:QuietHub", "--keep-alive", "3", "--disconnect-timeout", "9", "--connection-timeout", "3"),
            plugin="signalr",
            cwd=directory,
        )
        viewers = []
        for kind in (Nginx, HAProxy):
            shorter = {line: changed.format(PATIENCE_SECONDS) for line, changed in kind.read_timeouts.items()}
            proxy = self.start_proxy(kind, server.port, None, shorter)
            viewers += await self.connect(f"http://127.0.0.1:{proxy.port}", hub="quiet")
        await wait(PATIENCE_SECONDS + 1)
        self.assertEqual([(viewer.transport, viewer.breaks) for viewer in viewers if viewer.breaks], [])
        for viewer in viewers:
            self.assertEqual(await viewer.call("answer"), 42)


class TimeTests(SynchronousTestCase):
    """The times in the examples fit those of the server."""

    def seconds(self, name: str, pattern: str) -> list[int]:
        """All times of a file that a pattern finds."""
        text = (DEPLOY / name).read_text(encoding="utf-8")
        return [int(found) for found in re.findall(rf"(?m)^ *{pattern} (\d+)s;?$", text)]

    def test_patience(self) -> None:
        """The proxies wait for longer than the longest silence of the server, which is a poll's."""
        settings = Settings()
        longest = max(settings.connection_timeout, settings.keep_alive or 0)
        patience = [
            *self.seconds("nginx.conf", "proxy_read_timeout"),
            *self.seconds("haproxy.cfg", "timeout (?:client|server|tunnel)"),
        ]
        self.assertEqual(len(patience), 4)
        self.assertGreater(min(patience), longest + 10)

    def test_shared_connections(self) -> None:
        """nginx gives up idle connections to the server before the server does, which would lose a request."""
        [kept] = self.seconds("nginx.conf", "keepalive_timeout")
        self.assertLess(kept, IDLE_SECONDS)
