"""Tests for `twisted_ticker.daemon`."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from typing import Any

from twisted.application.service import IService
from twisted.internet import endpoints
from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock, RaisingMemoryReactor
from twisted.logger import capturedLogs, formatEvent
from twisted.python.systemd import ListenFDs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from twisted_ticker.daemon import EndpointUnusable, ListeningService, OrdinaryTermination, check_endpoints


class CheckEndpointTests(SynchronousTestCase):
    """Tests for `check_endpoints`."""

    def taken_port(self) -> int:
        """A TCP port of 127.0.0.1 on which somebody listens."""
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port: int = taken.getsockname()[1]
        return port

    def refusal(self, description: str) -> str:
        """Why an endpoint is refused; always one line."""
        error = self.assertRaises(EndpointUnusable, check_endpoints, [description])
        text = str(error)
        self.assertEqual(len(text.splitlines()), 1, text)
        self.assertIn(repr(description), text)
        return text

    def test_a_taken_port(self) -> None:
        """A port that another server has is refused, in the system's words."""
        port = self.taken_port()
        text = self.refusal(f"tcp:{port}:interface=127.0.0.1")
        self.assertEqual(text, f"cannot listen on 'tcp:{port}:interface=127.0.0.1': Address already in use")

    def test_a_port_that_is_taken_everywhere(self) -> None:
        """All addresses include the one on which the port is taken."""
        self.assertIn("Address already in use", self.refusal(f"tcp:{self.taken_port()}"))

    def test_a_free_port(self) -> None:
        """A port that is free is still free afterwards, and good as often as it is asked for."""
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        description = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
        taken.close()
        for _ in range(2):
            check_endpoints([description])

    def test_any_port(self) -> None:
        """Port 0 is always free."""
        check_endpoints(["tcp:0:interface=127.0.0.1"])
        check_endpoints(["tcp:0"])

    def test_an_address_that_is_not_ours(self) -> None:
        """An interface that this host does not have is refused."""
        self.refusal("tcp:0:interface=192.0.2.1")

    def test_what_is_no_endpoint(self) -> None:
        """Unknown kinds, and parameters that are missing, unknown or wrong, are refused."""
        for description in (
            "",
            "8080",
            "tcp",
            "tcp:",
            "tcp:http-alt-alt",
            "tcp:8080:8081:8082:8083:8084",
            "tcp:8080:colour=blue",
            "tcp:99999:interface=127.0.0.1",
            "tcp:-1:interface=127.0.0.1",
            "carrierpigeon:coop",
            "ssl:0:privateKey=/nowhere/key.pem",
        ):
            self.refusal(description)

    def socket_path(self) -> str:
        """A path short enough for a UNIX socket, wherever the tests run."""
        directory = tempfile.mkdtemp(prefix="ticker-")
        self.addCleanup(os.rmdir, directory)
        return os.path.join(directory, "socket")

    def test_unix_sockets(self) -> None:
        """A path is good when nothing is there, or what a server of Twisted's has left behind; it is left alone."""
        path = self.socket_path()
        check_endpoints([f"unix:{path}"])
        self.assertFalse(os.path.exists(path))

        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        self.addCleanup(os.unlink, path)
        server.listen()
        self.assertIn("Address already in use", self.refusal(f"unix:{path}"))
        server.close()
        self.assertIn("remove it", self.refusal(f"unix:{path}"))
        os.symlink("1", f"{path}.lock")
        self.addCleanup(os.unlink, f"{path}.lock")
        check_endpoints([f"unix:{path}"])
        self.assertTrue(os.path.exists(path))

    def test_a_unix_socket_in_no_directory(self) -> None:
        """A server could not listen where there is no directory for its socket."""
        self.refusal("unix:/nowhere/at/all/socket")

    def inherited_socket(self, *names: str) -> tuple[int, tuple[str, int]]:
        """Listen as systemd does for a daemon, which knows the socket by these names; its descriptor and address."""
        listening = socket.create_server(("127.0.0.1", 0))
        address = listening.getsockname()
        descriptor = listening.detach()
        self.addCleanup(os.close, descriptor)
        inherited = ListenFDs([descriptor] * len(names), names)
        self.patch(endpoints._SystemdParser, "_sddaemon", inherited)
        return descriptor, address

    def test_an_inherited_socket(self) -> None:
        """A socket that systemd has opened is still open afterwards, and the same, with others held in between."""
        descriptor, address = self.inherited_socket("http")
        for description in ("systemd:domain=INET:index=0", "haproxy:systemd:domain=INET:name=http"):
            check_endpoints(["tcp:0:interface=127.0.0.1", description, "tcp:0:interface=127.0.0.1"])
            with socket.socket(fileno=os.dup(descriptor)) as listening:
                self.assertEqual(listening.getsockname(), address)
                self.assertEqual(listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), 1)
            self.assertFalse(os.get_inheritable(descriptor))

    def test_an_inherited_socket_of_another_family(self) -> None:
        """An endpoint that calls the socket what it is not is refused; the socket is left alone."""
        descriptor, address = self.inherited_socket("http")
        self.assertIn("The socket is one of INET", self.refusal("systemd:domain=INET6:index=0"))
        with socket.socket(fileno=os.dup(descriptor)) as listening:
            self.assertEqual(listening.getsockname(), address)

    def test_an_inherited_socket_twice(self) -> None:
        """One socket serves one endpoint."""
        self.inherited_socket("http", "again")
        for description in ("systemd:domain=INET:index=0", "systemd:domain=INET:name=again"):
            check_endpoints([description])
        error = self.assertRaises(
            EndpointUnusable, check_endpoints, ["systemd:domain=INET:index=0", "systemd:domain=INET:name=again"]
        )
        self.assertIn("'systemd:domain=INET:name=again'", str(error))

    def test_no_inherited_socket(self) -> None:
        """Where systemd has opened none, the endpoint is refused."""
        self.patch(endpoints._SystemdParser, "_sddaemon", ListenFDs([], ()))
        self.refusal("systemd:domain=INET:index=0")
        self.refusal("systemd:domain=INET:name=http")


class ListeningServiceTests(SynchronousTestCase):
    """Tests for `ListeningService`."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()

    def announcements(self, service: ListeningService) -> list[str]:
        """Start a service; returns what it logs."""
        with capturedLogs() as events:
            service.privilegedStartService()
            service.startService()
        return [formatEvent(event) for event in events if event["log_namespace"].startswith("twisted_ticker.")]

    def test_it_is_a_service(self) -> None:
        """It can be a child of the application, and does nothing before it starts."""
        service = ListeningService(self.reactor, "tcp:8080", Factory())
        verifyObject(IService, service)
        self.assertEqual(self.reactor.tcpServers, [])
        self.assertIsNone(service.stopService())

    def test_it_listens_and_announces_it(self) -> None:
        """It listens once, before privileges are dropped, and logs an address for people to open."""
        # Of any IPv4 address the reactor in memory tells only that it is one.
        for description, announcement in (
            ("tcp:8080:interface=127.0.0.1", "Serving http://0.0.0.0:8080/"),
            (r"tcp:9001:interface=\:\:1", "Serving http://[::1]:9001/"),
        ):
            reactor = self.reactor = MemoryReactorClock()
            factory = Factory()
            service = ListeningService(reactor, description, factory)
            self.assertEqual(self.announcements(service), [announcement])
            [(_, listening, _, _)] = reactor.tcpServers
            self.assertIs(listening, factory)

    def test_it_starts_without_privileges(self) -> None:
        """Where nobody starts it in two steps, one does."""
        service = ListeningService(self.reactor, "tcp:8080", Factory())
        service.startService()
        self.assertEqual(len(self.reactor.tcpServers), 1)

    def test_a_unix_socket(self) -> None:
        """There is no address to open, but a path."""
        service = ListeningService(self.reactor, "unix:/run/ticker", Factory())
        [line] = self.announcements(service)
        self.assertIn("/run/ticker", line)

    def test_many_may_wait(self) -> None:
        """More than Twisted's 50, so that nobody has to try again in a storm; unless the endpoint says how many."""
        for description, backlog in (("tcp:8080:interface=127.0.0.1", 4096), ("tcp:8080:backlog=7", 7)):
            reactor = MemoryReactorClock()
            ListeningService(reactor, description, Factory()).startService()
            self.assertEqual([port[2] for port in reactor.tcpServers], [backlog])
        ListeningService(self.reactor, "unix:/run/ticker", Factory()).startService()
        self.assertEqual([port[2] for port in self.reactor.unixServers], [4096])

    def test_it_stops(self) -> None:
        """It stops listening, can be stopped twice, and can start again."""
        service = ListeningService(self.reactor, "tcp:8080", Factory())
        service.startService()
        stopped = service.stopService()
        self.assertIsNone(self.successResultOf(stopped) if stopped is not None else None)
        self.assertIsNone(service.stopService())
        service.startService()
        self.assertEqual(len(self.reactor.tcpServers), 2)
        self.assertTrue(service.running)

    def test_it_cannot_listen(self) -> None:
        """The failure is raised, so that the daemon does not start; stopping is harmless then."""
        taken = CannotListenError("127.0.0.1", 8080, OSError(98, "Address already in use"))
        service = ListeningService(RaisingMemoryReactor(listenException=taken), "tcp:8080", Factory())
        self.assertRaises(CannotListenError, service.privilegedStartService)
        stopped = service.stopService()
        if stopped is not None:
            self.successResultOf(stopped)


class OrdinaryTerminationTests(SynchronousTestCase):
    """Tests for `OrdinaryTermination`."""

    def setUp(self) -> None:
        before = signal.getsignal(signal.SIGTERM)
        self.addCleanup(signal.signal, signal.SIGTERM, before)

    def test_the_signal_stops_the_reactor(self) -> None:
        """Once the reactor runs, SIGTERM stops it from its own thread; another one while it stops does no harm."""
        installed = signal.getsignal(signal.SIGTERM)
        reactor: Any = MemoryReactorClock()
        calls: list[Any] = []
        stops: list[None] = []
        reactor.callFromThread = calls.append

        def stop() -> None:
            if stops:
                raise ReactorNotRunning
            stops.append(None)

        reactor.stop = stop
        OrdinaryTermination(reactor).startService()
        self.assertEqual(signal.getsignal(signal.SIGTERM), installed)
        for call, arguments, keywords in reactor.whenRunningHooks:
            call(*arguments, **keywords)
        for _ in range(2):
            signal.raise_signal(signal.SIGTERM)
            self.assertEqual(len(calls), 1)
            calls.pop()()
            self.assertEqual(stops, [None])
