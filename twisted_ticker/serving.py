"""
What the commands for ``twistd`` have in common: options that say where to listen and where to keep state, checks that
are made before anything starts, and the order in which services start and stop.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet.interfaces import IProtocolFactory
from twisted.python import usage

from .daemon import EndpointUnusable, ListeningService, OrdinaryTermination, check_endpoints
from .signalr import ConfigurationError, KeyRing, SignalRServer

__all__ = ["ServingOptions", "build_application", "came_along", "global_reactor"]

_DEFAULT_LISTEN = "tcp:8080:interface=127.0.0.1"


def came_along(*parts: str) -> str:
    """The path of something in ``htdocs``: of the installed one, or that of the checkout."""
    package = Path(__file__).resolve().parent
    installed, checkout = package / "htdocs", package.parent / "htdocs"
    return str(Path(installed if installed.is_dir() else checkout, *parts))


class ServingOptions(usage.Options):
    """
    Where to listen and where to keep state; subclasses add what they serve.

    The result has ``listen`` (descriptions of endpoints), ``state-dir`` (absolute) and ``keys`` (a key ring).

    Attributes:
        program: name of the state directory that is used when none is given.
    """

    program: str

    optParameters: list[list[Any]] = [["state-dir", None, None, ""]]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.docs["state-dir"] = (
            "Directory of the secret key ring, made when missing. "
            f"[default: $XDG_STATE_HOME/{self.program}, else ~/.local/state/{self.program}]"
        )
        self["listen"] = []

    def opt_listen(self, description: str) -> None:
        """
        Twisted endpoint to listen on, such as tcp:9000:interface=0.0.0.0; may be given several times.
        [default: tcp:8080:interface=127.0.0.1]
        """
        self["listen"].append(description)

    def postOptions(self) -> None:
        """Fill in the defaults that depend on the environment, and refuse what could not be served."""
        self["listen"] = self["listen"] or [_DEFAULT_LISTEN]
        self["state-dir"] = os.path.abspath(self["state-dir"] or self._default_state_directory())
        try:
            self["keys"] = KeyRing.open(self["state-dir"])
        except ConfigurationError as error:
            raise usage.UsageError(f"--state-dir: {error}") from error
        if not os.access(self["state-dir"], os.W_OK | os.X_OK):
            raise usage.UsageError(f"--state-dir: {self['state-dir']!r} cannot be written to.")
        try:
            check_endpoints(self["listen"])
        except EndpointUnusable as error:
            raise usage.UsageError(f"--listen: {error}.") from error

    def _default_state_directory(self) -> str:
        base = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
        return os.path.join(base, self.program)

    def directory(self, option: str) -> str:
        """
        The absolute path of the directory that an option names.

        Raises:
            UsageError: there is none.
        """
        path: str = os.path.abspath(self[option])
        if not os.path.isdir(path):
            raise usage.UsageError(f"--{option}: {path!r} is no directory.")
        return path


def build_application(
    options: ServingOptions, reactor: Any, server: SignalRServer, site: IProtocolFactory, *others: IService
) -> MultiService:
    """
    Put an application together; nothing starts before it does.

    Args:
        options: parsed options.
        reactor: the reactor.
        server: the connections.
        site: makes the protocols that serve them.
        others: what else runs.
    """
    # Services stop in reverse order: no new requests, then the others, and then the connections that there are.
    services = [
        OrdinaryTermination(reactor),
        server,
        *others,
        *(ListeningService(reactor, description, site) for description in options["listen"]),
    ]
    application = MultiService()
    for service in services:
        service.setServiceParent(application)
    return application


def global_reactor() -> Any:
    """The reactor, which is installed by asking for it."""
    from twisted.internet import reactor

    return reactor
