"""
Our client and our server over real sockets, with a bad network between them.

Unlike the other tests here these need no process: server and client share the reactor, and the proxy has its threads.
"""

from __future__ import annotations

import random
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet import reactor, ssl
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from tests.integration.cutting_proxy import CuttingProxy, Upgrades
from twisted_ticker.signalr import Hub, HubException, Settings, SignalRServer, hub_method
from twisted_ticker.signalr.client import (
    ConnectionState,
    HubConnection,
    HubInvocationError,
    NegotiationError,
    NetworkEndpoints,
    StartError,
)
from twisted_ticker.web import build_site

# See tests.signalr.client.support.
warnings.filterwarnings("ignore", "Comparison between bytes and string", BytesWarning, r".*http_headers")
# Twisted 26.10 hands certificates to pyOpenSSL in a form that is deprecated.
warnings.filterwarnings("ignore", "Passing pyOpenSSL", DeprecationWarning, r".*(_sslverify|OpenSSL).*")

_any_reactor: Any = reactor

_DEADLINE_SECONDS = 20

#: How long clients of these tests wait before they come back.
_RETRY_SECONDS = 0.05


async def wait(seconds: float) -> None:
    """Let time pass."""
    await deferLater(_any_reactor, seconds)


async def wait_for(what: str, probe: Any) -> None:
    """Wait until something is so."""
    for _ in range(_DEADLINE_SECONDS * 100):
        if probe():
            return
        await wait(0.01)
    raise AssertionError(f"Not within {_DEADLINE_SECONDS} seconds: {what}")


class CountingHub(Hub):
    """Broadcasts numbers."""

    hub_name = "counting"

    @hub_method
    def add(self, a: int, b: int) -> int:
        return a + b

    @hub_method
    def refuse(self) -> None:
        raise HubException("No.", data=[1])

    @hub_method
    async def join(self, group: str) -> None:
        await self.groups.add(self.context.connection_id, group)


class ServerTestCase:
    """With a server."""

    timeout = _DEADLINE_SECONDS

    def setUp(self) -> None:
        self.server = SignalRServer(Settings(disconnect_timeout=6, keep_alive=2), clock=_any_reactor)
        self.server.map_hubs("/signalr", [CountingHub])
        self.server.startService()
        site = build_site(self.server, "htdocs", start_page="/", clock=_any_reactor)
        self.port = self.listen(site)
        self.clients: list[HubConnection] = []
        self.proxies: list[CuttingProxy] = []
        self.numbers: list[int] = []

    def listen(self, site: Any) -> Any:
        """Serve on a free port."""
        return _any_reactor.listenTCP(0, site, interface="127.0.0.1")

    def tearDown(self) -> Deferred[None]:
        async def end() -> None:
            for client in self.clients:
                await client.stop()
            await self.server.stopService()
            for proxy in self.proxies:
                proxy.close()
            await self.port.stopListening()
            # Sockets that were just closed are with the reactor for another turn, and Autobahn's timer of a WebSocket
            # that the server was closing when it was cut runs out.
            await wait(0.05)
            soon = _any_reactor.seconds() + 2
            while [call for call in _any_reactor.getDelayedCalls() if call.getTime() < soon]:
                await wait(0.05)

        return Deferred.fromCoroutine(end())


class ClientTests(ServerTestCase):
    """What works over every transport; subclasses name it."""

    transport: str

    def proxy(self, upgrades: Upgrades = Upgrades.PASSED) -> CuttingProxy:
        """A bad network on the way to the server."""
        proxy = CuttingProxy(self.port.getHost().port, upgrades)
        self.proxies.append(proxy)
        return proxy

    def client(self, port: int, *transports: str) -> HubConnection:
        """A client that notes the numbers it hears."""
        connection = HubConnection(
            f"http://127.0.0.1:{port}/signalr",
            transports=transports or (self.transport,),
            retry_seconds=_RETRY_SECONDS,
        )
        connection.create_hub_proxy("counting").on("counted", self.numbers.append)
        self.clients.append(connection)
        return connection

    def count(self, numbers: range, group: str | None = None) -> None:
        """Broadcast some numbers, or send them to a group."""
        clients = self.server.hub_context(CountingHub).clients
        for number in numbers:
            (clients.all if group is None else clients.group(group)).counted(number)

    async def test_conversation(self) -> None:
        """Connecting, calling, hearing, groups, and a proper end."""
        client = self.client(self.port.getHost().port)
        hub = client.create_hub_proxy("counting")
        await client.start()
        equal: Any = self.assertEqual  # type: ignore[attr-defined]
        equal((client.state, client.transport), (ConnectionState.CONNECTED, self.transport))
        equal(await hub.invoke("add", 1, 2), 3)
        try:
            await hub.invoke("refuse")
        except HubInvocationError as error:
            equal((error.text, error.is_hub_exception, error.data), ("No.", True, [1]))
        else:
            raise AssertionError("The method did not fail.")
        self.count(range(0, 1), group="group")
        await hub.invoke("join", "group")
        self.count(range(1, 50), group="group")
        self.count(range(50, 100))
        await wait_for("all numbers", lambda: len(self.numbers) >= 99)
        equal(self.numbers, list(range(1, 100)))
        await client.stop()
        equal(client.state, ConnectionState.DISCONNECTED)
        await wait_for("the server has let it go", lambda: not self.server.connections)

    async def test_random_cuts(self) -> None:
        """However often connections break while messages flow, the client hears everything, once and in order."""
        dice = random.Random(20)
        proxy = self.proxy()
        client = self.client(proxy.port)
        hub = client.create_hub_proxy("counting")
        reconnects: list[None] = []
        client.events.reconnected.add(lambda: reconnects.append(None))
        await client.start()
        await hub.invoke("join", "group")
        sent = 0
        for _ in range(12):
            for _ in range(dice.randrange(1, 8)):
                size = dice.randrange(1, 30)
                self.count(range(sent, sent + size), dice.choice([None, "group"]))
                sent += size
                await wait(dice.uniform(0, 0.02))
            if dice.random() < 0.3:
                proxy.lose_everything()
                await wait(0.01)
            down = dice.random() < 0.3
            proxy.cut(down=down)
            if down:
                await wait(0.1)
                proxy.come_up()
            await wait(dice.uniform(0, 0.15))
        self.count(range(sent, sent + 1))
        await wait_for("the last number", lambda: self.numbers[-1:] == [sent])
        self.assertEqual(self.numbers, list(range(sent + 1)))  # type: ignore[attr-defined]
        self.assertGreater(len(reconnects), 3)  # type: ignore[attr-defined]
        self.assertEqual(await hub.invoke("add", 1, 2), 3)  # type: ignore[attr-defined]


class WebSocketTests(ClientTests, TestCase):
    """Over WebSocket."""

    transport = "webSockets"

    async def test_fallback(self) -> None:
        """Where no WebSocket gets through, the next transport is used."""
        proxy = self.proxy(Upgrades.REFUSED)
        client = self.client(proxy.port, "webSockets", "serverSentEvents")
        await client.start()
        self.assertEqual(client.transport, "serverSentEvents")
        self.assertEqual(proxy.refused_upgrades, 1)

    async def test_no_transport(self) -> None:
        """Where nothing else is allowed, the start fails."""
        client = self.client(self.proxy(Upgrades.REFUSED).port)
        try:
            await client.start()
        except StartError as error:
            self.assertEqual([transport for transport, _ in error.failures], ["webSockets"])
        else:
            self.fail("It did not fail.")


class ServerSentEventsTests(ClientTests, TestCase):
    """Over server-sent events."""

    transport = "serverSentEvents"


class ForeverFrameTests(ClientTests, TestCase):
    """Over a forever frame."""

    transport = "foreverFrame"


class LongPollingTests(ClientTests, TestCase):
    """By long polling."""

    transport = "longPolling"


def make_certificate() -> ssl.PrivateCertificate:
    """A certificate for ``localhost``, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return ssl.PrivateCertificate.loadPEM(secret + certificate.public_bytes(serialization.Encoding.PEM))


@implementer(IPolicyForHTTPS)
class TrustOne:
    """Trusts one certificate."""

    def __init__(self, certificate: ssl.PrivateCertificate) -> None:
        self._certificate = certificate

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:
        return ssl.optionsForClientTLS(hostname.decode(), trustRoot=self._certificate)


class TlsTests(ServerTestCase, TestCase):
    """Over TLS, with HTTP and WebSocket alike."""

    def listen(self, site: Any) -> Any:
        self.certificate = make_certificate()
        return _any_reactor.listenSSL(0, site, self.certificate.options(), interface="127.0.0.1")

    async def test_trusted(self) -> None:
        """A server whose certificate is trusted is talked to."""
        for transport in ("webSockets", "serverSentEvents", "longPolling"):
            client = HubConnection(
                f"https://localhost:{self.port.getHost().port}/signalr",
                transports=[transport],
                endpoints=NetworkEndpoints(_any_reactor, TrustOne(self.certificate)),
            )
            self.clients.append(client)
            await client.start()
            self.assertEqual(await client.create_hub_proxy("counting").invoke("add", 1, 2), 3)
            await client.stop()

    async def test_untrusted(self) -> None:
        """Any other is not."""
        client = HubConnection(f"https://localhost:{self.port.getHost().port}/signalr")
        self.clients.append(client)
        try:
            await client.start()
        except NegotiationError:
            pass
        else:
            self.fail("It did not fail.")
