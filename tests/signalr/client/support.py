"""
Clients in memory: endpoints that lead to a site of :mod:`tests.web.support`, and a place to answer in its stead.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IAgentEndpointFactory
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from tests.web.support import SiteHarness
from tests.web.wire import Link
from twisted_ticker.signalr.client import Connection, ConnectionState, HubConnection

__all__ = ["NEGOTIATED", "ClientHarness", "ConnectionTestCase", "Interposer", "MemoryEndpoints", "Recorder"]

#: An answer to ``/negotiate``, but for its keep-alive timeout and whether it offers WebSockets.
NEGOTIATED = (
    b'{"ConnectionToken":"tok","ConnectionId":"id","KeepAliveTimeout":%b,"DisconnectTimeout":30,"ConnectionTimeout":110,'
    b'"TryWebSockets":%b,"ProtocolVersion":"2.0","TransportConnectTimeout":5}'
)

# Twisted's server looks up a header by str that its client looks up by bytes, in one table. With both in one process,
# "python -b" complains, and lets its option -W not say otherwise.
warnings.filterwarnings("ignore", "Comparison between bytes and string", BytesWarning, r".*http_headers")

Answer = Callable[[Request], object]


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
class MemoryEndpoints:
    """
    Reach a site in memory, whatever the URL.

    Attributes:
        is_down: whether connections are refused.
        is_mute: whether connections are never made.
        links: the connections that were made.
        uris: what was asked for.
    """

    def __init__(self, harness: SiteHarness) -> None:
        self.is_down = False
        self.is_mute = False
        self.links: list[Link] = []
        self.uris: list[bytes] = []
        self._harness = harness

    def endpointForURI(self, uri: Any) -> IStreamClientEndpoint:
        self.uris.append(uri.toBytes())
        return self

    def connect(self, factory: Any) -> Deferred[Any]:
        if self.is_mute:
            return Deferred()
        if self.is_down:
            return fail(ConnectionRefusedError())
        protocol = factory.buildProtocol(None)
        self.links.append(Link(self._harness, protocol))
        return succeed(protocol)

    def cut(self) -> None:
        """Break all connections that there are."""
        for link in self.links:
            if not link.lost:
                link.drop()
        self._harness.flush()


@implementer(IResource)
class Interposer:
    """
    Answers some commands instead of the server.

    Attributes:
        answers: by command, in lower case: renders the request, or returns ``None`` to leave it to the server.
        requests: all that have come: command and URI.
    """

    isLeaf = True

    def __init__(self, root: Any) -> None:
        self._root = root
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, str]] = []

    def getChildWithDefault(self, name: bytes, request: Request) -> IResource:
        raise NotImplementedError("A leaf has no children.")

    def putChild(self, path: bytes, child: IResource) -> None:
        raise NotImplementedError("A leaf has no children.")

    def commands(self) -> list[str]:
        """The commands of all requests, in order."""
        return [command for command, _ in self.requests]

    def render(self, request: Request) -> object:
        command = request.path.rpartition(b"/")[2].decode().lower()
        self.requests.append((command, request.uri.decode()))
        answer = self.answers.get(command)
        outcome = answer(request) if answer is not None else None
        if outcome is None:
            child = self._root.getChildWithDefault(b"", request)
            return child.render(request)
        return outcome

    def status(self, command: str, status: int) -> None:
        """Answer a command with a status and no more."""

        def render(request: Request) -> bytes:
            request.setResponseCode(status)
            return b""

        self.answers[command] = render

    def body(self, command: str, *bodies: bytes, content_type: bytes = b"application/json") -> None:
        """Answer a command with one body after the other, then with the last one for ever."""
        waiting = list(bodies)

        def render(request: Request) -> bytes:
            request.setHeader(b"Content-Type", content_type)
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]

        self.answers[command] = render

    def hold(self, command: str) -> list[Request]:
        """Answer a command not yet; returns the list of those that wait."""
        held: list[Request] = []

        def render(request: Request) -> object:
            held.append(request)
            return NOT_DONE_YET

        self.answers[command] = render
        return held


class Recorder:
    """
    What a client tells its user, in order.

    Attributes:
        events: names of events; of ``disconnected`` with the error's class, if any.
        errors: what the event ``error`` has brought.
    """

    def __init__(self, connection: HubConnection) -> None:
        self.events: list[str] = []
        self.errors: list[BaseException] = []
        events = connection.events
        for name in ("connected", "reconnecting", "reconnected", "slow"):
            getattr(events, name).add(lambda name=name: self.events.append(name))
        events.error.add(self.errors.append)
        events.disconnected.add(self._disconnected)

    def _disconnected(self, error: BaseException | None) -> None:
        self.events.append("disconnected" + (f" {type(error).__name__}" if error else ""))


class ClientHarness(SiteHarness):
    """
    A server in memory, with clients of ours.

    Attributes:
        endpoints: how the clients reach it.
        interposer: answers in its stead.
    """

    def __init__(self, case: SynchronousTestCase, **options: Any) -> None:
        super().__init__(case, **options)
        self.endpoints = MemoryEndpoints(self)
        self.interposer = Interposer(self.site.resource)
        self.site.resource = self.interposer

    def client(self, *transports: str, url: str = "http://test/signalr", **options: Any) -> HubConnection:
        """A client that has not been started; it is stopped at the end of the test."""
        if transports:
            options["transports"] = transports
        connection = HubConnection(url, reactor=self.clock, endpoints=self.endpoints, **options)
        self._case.addCleanup(self.finish, connection)
        return connection

    def finish(self, connection: HubConnection) -> None:
        """Stop a client, and wait until it has stopped."""
        stopped = connection.stop()
        self.advance(10)
        self._case.successResultOf(stopped)

    def start(self, connection: HubConnection) -> None:
        """Start a client, which must succeed at once."""
        started = connection.start()
        self.flush()
        self._case.successResultOf(started)


class ConnectionTestCase(SynchronousTestCase):
    """With a server in memory that can be made to answer anything."""

    def setUp(self) -> None:
        self.harness = ClientHarness(self)
        self.interposer = self.harness.interposer

    def begin(self, connection: Connection) -> Deferred[None]:
        """Start, and return what that comes to."""
        started = connection.start()
        self.harness.flush()
        return started

    def assertFails(self, connection: Connection, *kinds: type[Exception]) -> Any:
        """Starting fails, and leaves nothing behind; returns the error."""
        started = self.begin(connection)
        self.harness.advance(60)
        error = self.failureResultOf(started, *kinds).value
        self.assertIs(connection.state, ConnectionState.DISCONNECTED)
        self.assertTrue(all(link.lost for link in self.harness.endpoints.links))
        return error
