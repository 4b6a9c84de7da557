"""
What the commands for ``twistd`` have in common: options that say where to listen and where to keep state, checks that
are made before anything starts, and the order in which services start and stop.
"""

from __future__ import annotations

import os
import resource
from math import inf
from pathlib import Path
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet.interfaces import IProtocolFactory
from twisted.python import usage

from .daemon import EndpointUnusable, ListeningService, OrdinaryTermination, check_endpoints
from .fairness import FairPolling
from .garbage import GarbageCollection
from .logs import FORMATS, LoggedApplication
from .signalr import ConfigurationError, KeyRing, SignalRServer
from .signalr.origins import canonical_origins

__all__ = ["ServingOptions", "build_application", "came_along", "global_reactor"]

_DEFAULT_LISTEN = "tcp:8080:interface=127.0.0.1"

#: How descriptions of endpoints begin that take the PROXY protocol.
_PROXIED = "haproxy:"


def came_along(*parts: str) -> str:
    """The path of something in ``htdocs``: of the installed one, or that of the checkout."""
    package = Path(__file__).resolve().parent
    installed, checkout = package / "htdocs", package.parent / "htdocs"
    return str(Path(installed if installed.is_dir() else checkout, *parts))


def _log_format(text: str) -> str:
    if text not in FORMATS:
        raise ValueError(f"--log-format must be {' or '.join(FORMATS)}, not {text!r}.")
    return text


_log_format.coerceDoc = ""  # type: ignore[attr-defined]

#: Of the files that the process may have open, those that connections leave for all else: a share, and at least some.
_OTHER_FILES_SHARE = 10
_OTHER_FILES = 64

#: What switches a limit off.
_NONE = "none"


def _connections(text: str) -> float:
    if text.lower() == _NONE:
        return inf
    # More digits than a number of connections can have would take their time.
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise ValueError(f"It must be a whole number above 0, or {_NONE}, not {text!r}.")
    return int(text)


_connections.coerceDoc = ""  # type: ignore[attr-defined]


def _connections_that_fit() -> float:
    """How many connections leave some files for other things."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return inf
    return max(1, files - max(_OTHER_FILES, files // _OTHER_FILES_SHARE))


class ServingOptions(usage.Options):
    """
    Where to listen, where to keep state and what to log; subclasses add what they serve.

    The result has ``listen`` (descriptions of endpoints), ``state-dir`` (absolute), ``keys`` (a key ring),
    ``origin`` (as :class:`.EndpointSettings` wants them), ``log-format`` (``None`` when not given),
    ``no-access-log``, and ``max-connections`` and ``max-connections-per-address`` (infinite for any
    number).

    Attributes:
        program: name of the state directory that is used when none is given.
    """

    program: str

    optFlags: list[list[Any]] = [["no-access-log", None, "Log no requests. [default: one line each]"]]
    optParameters: list[list[Any]] = [
        ["state-dir", None, None, ""],
        [
            "log-format",
            None,
            None,
            "How the log is written: text, or json for one object a line. [default: text; with twist, as it says]",
            _log_format,
        ],
        [
            "max-connections",
            None,
            None,
            "How many connections there may be at the same time, or none for any number. "
            "[default: nine tenths of the files that the process may have open]",
            _connections,
        ],
        [
            "max-connections-per-address",
            None,
            None,
            "How many of them one client may have, which is an IPv4 address or an IPv6 network of 64 bits, or none for "
            "any number. Behind a proxy, all clients have the proxy's address, unless it speaks the PROXY protocol "
            "(--listen haproxy:tcp:8080): without it, let the proxy do this. [default: none]",
            _connections,
        ],
    ]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.docs["state-dir"] = (
            "Directory of the secret key ring, made when missing. "
            f"[default: $XDG_STATE_HOME/{self.program}, else ~/.local/state/{self.program}]"
        )
        self["listen"] = []
        self["origin"] = []

    def opt_listen(self, description: str) -> None:
        """
        Twisted endpoint to listen on, such as tcp:9000:interface=0.0.0.0; may be given several times.
        [default: tcp:8080:interface=127.0.0.1]
        """
        self["listen"].append(description)

    def opt_origin(self, origin: str) -> None:
        """
        Other origin, such as https://example.org, whose pages may call, or * for any; may be given several times.
        [default: same origin only]
        """
        _check_origin(origin)
        self["origin"].append(origin)

    def postOptions(self) -> None:
        """Fill in the defaults that depend on the environment, and refuse what could not be served."""
        if self["log-format"] is not None and self.parent is not None and self.parent.get("logger") is not None:
            raise usage.UsageError("--log-format: the --logger that twistd was given writes the log in its own way.")
        if self["max-connections"] is None:
            self["max-connections"] = _connections_that_fit()
        if self["max-connections-per-address"] is None:
            self["max-connections-per-address"] = inf
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


def _check_origin(origin: str) -> None:
    try:
        canonical_origins([origin])
    except ConfigurationError:
        reason = f"--origin: {origin!r} is not of the form https://example.org, nor *."
        if not origin.isascii():
            reason += " Write its name as browsers do, in ASCII: xn--…"
        raise usage.UsageError(reason) from None


def build_application(
    options: ServingOptions,
    reactor: Any,
    server: SignalRServer,
    site: IProtocolFactory,
    *others: IService,
    behind_proxy: IProtocolFactory | None = None,
) -> MultiService:
    """
    Put an application together; nothing starts before it does.

    Args:
        options: parsed options.
        reactor: the reactor.
        server: the connections.
        site: makes the protocols that serve them.
        others: what else runs.
        behind_proxy: the same as *site*, for endpoints where a proxy tells whose connections it passes on; *site*
            itself, when not given.
    """

    def site_at(description: str) -> IProtocolFactory:
        return site if behind_proxy is None or not description.startswith(_PROXIED) else behind_proxy

    # Services stop in reverse order: no new requests, then the others, and then the connections that there are.
    services = [
        OrdinaryTermination(reactor),
        GarbageCollection(reactor),
        FairPolling(reactor),
        server,
        *others,
        *(ListeningService(reactor, description, site_at(description)) for description in options["listen"]),
    ]
    application = LoggedApplication(options.parent, options["log-format"])
    for service in services:
        service.setServiceParent(application)
    return application


def global_reactor() -> Any:
    """The reactor, which is installed by asking for it."""
    from twisted.internet import reactor

    return reactor
