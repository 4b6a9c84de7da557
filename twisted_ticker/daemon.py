"""
What a daemon needs beside its services: ports that are checked before it starts, an address for people to open, and
SIGTERM as an ordinary end.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
from collections.abc import Iterable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = ["EndpointUnusable", "ListeningService", "OrdinaryTermination", "check_endpoints"]


class EndpointUnusable(Exception):
    """A server cannot listen there; the text says why in one line."""


def check_endpoints(descriptions: Iterable[str]) -> None:
    """
    Find out whether a server could listen on all of these endpoints at once, without a reactor.

    Args:
        descriptions: each as for ``serverFromString``, such as ``tcp:8080:interface=127.0.0.1``.

    Raises:
        EndpointUnusable: no such kind of endpoint, parameters that are wrong, or an address that is taken.
    """
    with contextlib.ExitStack() as held:
        for description in descriptions:
            _check_endpoint(description, _ProbingReactor(held))


def _check_endpoint(description: str, reactor: _ProbingReactor) -> None:
    try:
        endpoint = serverFromString(reactor, description)
    except Exception as error:
        # Each kind of endpoint parses its own parameters, and they raise what they like.
        raise EndpointUnusable(f"{description!r} is no server endpoint: {error or type(error).__name__}") from error
    failures: list[Failure] = []
    maybeDeferred(endpoint.listen, Factory()).addErrback(failures.append)
    if failures:
        refusal = failures[0].value
        reason = refusal.strerror if isinstance(refusal, OSError) and refusal.strerror else refusal
        raise EndpointUnusable(f"cannot listen on {description!r}: {reason}")


class _ProbingReactor:
    """Stands in for the reactor of an endpoint: holds what it is told to listen on."""

    def __init__(self, held: contextlib.ExitStack) -> None:
        self._held = held

    def listenTCP(self, port: int, factory: object, backlog: int = 50, interface: str = "") -> None:
        family = socket.AF_INET6 if ":" in interface else socket.AF_INET
        probe = self._held.enter_context(contextlib.closing(socket.socket(family)))
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((interface, port))
        # Sockets that are bound only do not exclude each other.
        probe.listen(backlog)

    def listenSSL(
        self, port: int, factory: object, contextFactory: object, backlog: int = 50, interface: str = ""
    ) -> None:
        self.listenTCP(port, factory, backlog, interface)

    def listenUNIX(self, address: str, factory: object, *args: object, **kwargs: object) -> None:
        directory = os.path.dirname(os.path.abspath(address))
        if not os.access(directory, os.W_OK | os.X_OK):
            raise OSError(errno.EACCES, f"No socket can be made in {directory!r}")
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
            probe.settimeout(1)
            try:
                probe.connect(address)
            except FileNotFoundError:
                return
            except ConnectionRefusedError:
                # What a server that crashed has left behind is taken over, if its lock tells that it was one of ours.
                if os.path.islink(f"{address}.lock"):
                    return
                raise OSError(errno.EADDRINUSE, "Nobody answers on that socket; remove it") from None
        raise OSError(errno.EADDRINUSE, "Address already in use")

    def adoptStreamPort(self, descriptor: int, family: int, factory: object) -> None:
        """A port that somebody else has opened, such as systemd. Its endpoint closes the descriptor: it is put back."""
        kept = socket.socket(fileno=os.dup(descriptor))
        self._held.callback(_put_back, kept, descriptor)
        if kept.family != family:
            raise OSError(errno.EAFNOSUPPORT, f"The socket is one of {kept.family.name.removeprefix('AF_')}")


def _put_back(kept: socket.socket, descriptor: int) -> None:
    with kept:
        os.dup2(kept.fileno(), descriptor, inheritable=False)


#: Connections that may wait to be accepted. When a thousand clients come back at once, those for which there is no room
#: try again seconds later; the kernel has a limit of its own (``net.core.somaxconn``).
_BACKLOG = 4096

_ENDPOINTS_WITH_BACKLOG = ("tcp", "tcp6", "ssl", "unix")


def _with_backlog(description: str) -> str:
    kind = description.partition(":")[0]
    if kind in _ENDPOINTS_WITH_BACKLOG and ":backlog=" not in description:
        return f"{description}:backlog={_BACKLOG}"
    return description


class ListeningService(Service):
    """
    Listens on an endpoint, and says where.

    Args:
        reactor: the reactor.
        description: the endpoint, as for ``serverFromString``; unless it says how many connections may wait, those
            that many clients make at once do.
        factory: makes the protocols.
    """

    _log = Logger()

    def __init__(self, reactor: Any, description: str, factory: IProtocolFactory) -> None:
        self._endpoint = serverFromString(reactor, _with_backlog(description))
        self._scheme = "https" if "ssl:" in description else "http"
        self._factory = factory
        self._listening: Deferred[Any] | None = None

    def privilegedStartService(self) -> None:
        """Listen, before privileges are dropped: ports below 1024 need them."""
        self._listening = self._endpoint.listen(self._factory)
        failures: list[Failure] = []
        self._listening.addCallbacks(self._announce, failures.append)
        if failures:
            failures[0].raiseException()

    def startService(self) -> None:
        """Listen, unless that is being done."""
        super().startService()  # type: ignore[no-untyped-call]
        if self._listening is None:
            self.privilegedStartService()

    def stopService(self) -> Any:
        """Listen no more."""
        super().stopService()  # type: ignore[no-untyped-call]
        listening, self._listening = self._listening, None
        if listening is None:
            return None
        return listening.addCallback(_stop_listening)

    def _announce(self, port: IListeningPort) -> IListeningPort:
        address: Any = port.getHost()
        if hasattr(address, "port"):
            host = f"[{address.host}]" if ":" in address.host else address.host
            self._log.info("Serving {url}", url=f"{self._scheme}://{host}:{address.port}/")
        else:
            self._log.info("Serving on {address}", address=address)
        return port


class OrdinaryTermination(Service):
    """
    Makes SIGTERM an ordinary end of the daemon, with exit status 0.

    Twisted would shut down as well, and then kill itself with the same signal so that its parent knows.

    Args:
        reactor: the reactor.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def startService(self) -> None:
        """Handle the signal, once the reactor has installed its own handler."""
        super().startService()  # type: ignore[no-untyped-call]
        self._reactor.callWhenRunning(self._install)

    def _install(self) -> None:
        with contextlib.suppress(ValueError):  # not in the main thread, where no handler of the reactor's is either
            signal.signal(signal.SIGTERM, lambda number, frame: self._reactor.callFromThread(self._stop))

    def _stop(self) -> None:
        with contextlib.suppress(ReactorNotRunning):  # told again, while it stops
            self._reactor.stop()


def _stop_listening(port: IListeningPort | None) -> Any:
    # None: it could not listen in the first place.
    return None if port is None else port.stopListening()
