"""
``twistd signalr``: any hubs and raw connections, from the command line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from math import isfinite
from typing import Any, TypeVar, cast

from twisted.application.service import IService
from twisted.internet.task import Clock
from twisted.python import usage
from twisted.web.pages import notFound
from twisted.web.resource import IResource

from .serving import ServingOptions, build_application, came_along, global_reactor
from .signalr import ConfigurationError, EndpointSettings, Settings, SignalRServer
from .signalr.references import resolve
from .web import SignalRResource, site_of
from .web.behind_proxy import BehindProxy
from .web.beside import Beside
from .web.health import HealthResource
from .web.metrics import MetricsResource, connection_readings
from .web.pages import Pages
from .web.places import ConnectionLimits, Places

__all__ = ["Options", "makeService"]

_HUBS_PATH = "/signalr"
_VENDOR = "vendor"

#: What switches a setting off.
_NONE = "none"

T = TypeVar("T")


def _conversion(option: str, wanted: str, convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """What converts the text of an option, and names the option where it cannot."""

    def coerce(text: str) -> Any:
        try:
            return convert(text)
        except ValueError:
            raise ValueError(f"--{option} must be {wanted}, not {text!r}.") from None

    coerce.coerceDoc = ""  # type: ignore[attr-defined]
    return coerce


def _seconds(text: str) -> float:
    seconds = float(text)
    if not isfinite(seconds):
        raise ValueError(text)
    return seconds


def _unless_none(convert: Callable[[str], T]) -> Callable[[str], T | str]:
    return lambda text: _NONE if text.lower() == _NONE else convert(text)


def _setting(option: str, wanted: str, convert: Callable[[str], Any], doc: str, default: str = "") -> list[Any]:
    """A row of ``optParameters``; the default is the library's own, so that it is not written twice."""
    value = default or getattr(Settings, option.replace("-", "_"))
    doc = f"{doc} [default: {value:g}]" if isinstance(value, float) else f"{doc} [default: {value}]"
    return [option, None, None, doc, _conversion(option, wanted, convert)]


_SECONDS = ("a number of seconds", _seconds)

_SETTINGS = [
    _setting("disconnect-timeout", *_SECONDS, "Seconds that a client may stay away; at least 6."),
    _setting(
        "keep-alive",
        "a number of seconds, or none",
        _unless_none(_seconds),
        "Seconds between two signs of life, from 2 to a third of --disconnect-timeout; none for no such signs.",
        default="that third",
    ),
    _setting("connection-timeout", *_SECONDS, "Seconds that a poll waits for a message."),
    _setting("transport-connect-timeout", *_SECONDS, "Seconds that a client tries each transport."),
    _setting("long-poll-delay", *_SECONDS, "Seconds that clients wait between two polls."),
    _setting(
        "max-calls-per-second",
        "a number of calls, or none",
        _unless_none(_seconds),
        "How many calls of one client are acted on in a second; those that come sooner wait. none for any number.",
        default=_NONE,
    ),
    _setting(
        "max-pending-calls",
        "a whole number, or none",
        _unless_none(int),
        "How many calls of one client are acted on at the same time; nothing more is read from it until one has ended. "
        "none for any number.",
    ),
    _setting(
        "max-incoming-values",
        "a whole number, or none",
        _unless_none(int),
        "How many JSON values one call may hold; none for any number.",
    ),
    _setting(
        "groups-token-lifetime",
        *_SECONDS,
        "Seconds that what a client carries of its groups is good for; at least four times --disconnect-timeout.",
        default="twenty times it",
    ),
    _setting("default-message-buffer-size", "a whole number", int, "Messages kept for replay in each topic."),
    _setting(
        "max-incoming-websocket-message-size",
        "a whole number of bytes, or none",
        _unless_none(int),
        "Longest message that a client may send over WebSocket, in bytes; none for any length.",
    ),
]


class Options(ServingOptions):
    """The command line of ``twistd signalr``; what can be checked before the start, is."""

    program = "signalr"
    synopsis = "[options]"
    longdesc = (
        "Serves hubs and raw connections to SignalR 2 clients: those that the options name, whose modules are looked "
        "for in the current directory too. jQuery and the SignalR client are at /vendor/jquery.min.js and "
        "/vendor/jquery.signalR.min.js, unless --static has a directory vendor of its own."
    )

    optFlags = [
        ["enable-jsonp", None, "Allow answers as scripts, for pages of other origins in old browsers."],
        ["enable-detailed-errors", None, "Tell clients the texts of all exceptions."],
        ["disable-javascript-proxies", None, "Serve no proxy script."],
    ]
    optParameters = [
        ["static", None, None, "Directory of pages to serve, with its index.html at /."],
        [
            "app",
            None,
            None,
            "Function, as PACKAGE.MODULE:FUNCTION, that is called with the SignalRServer: it maps what it likes, and "
            "may return an IResource that serves all other paths.",
        ],
        *_SETTINGS,
    ]

    def __init__(self) -> None:
        super().__init__()
        self["hub"] = []
        self["connection"] = []

    def opt_hub(self, reference: str) -> None:
        """
        Hub to serve at /signalr, as PACKAGE.MODULE:CLASS; may be given several times.
        """
        self["hub"].append(reference)

    def opt_connection(self, mapping: str) -> None:
        """
        Raw connection to serve, as /PATH=PACKAGE.MODULE:CLASS; may be given several times.
        """
        self["connection"].append(mapping)

    def postOptions(self) -> None:
        """See :class:`.ServingOptions`; whatever is named is imported, and mapped for a trial."""
        if self["static"] is not None:
            self["static"] = self.directory("static")
        try:
            self["settings"] = Settings(**self._given_settings())
        except ConfigurationError as error:
            raise usage.UsageError(str(error)) from error
        self._find_applications()
        self.map_on(SignalRServer(self["settings"], clock=Clock()))
        super().postOptions()

    def _given_settings(self) -> dict[str, Any]:
        given = {row[0]: self[row[0]] for row in _SETTINGS if self[row[0]] is not None}
        return {name.replace("-", "_"): None if value == _NONE else value for name, value in given.items()}

    def _find_applications(self) -> None:
        if not (self["hub"] or self["connection"] or self["app"]):
            raise usage.UsageError("There is nothing to serve: give --hub, --connection or --app.")
        directory = os.getcwd()
        if directory not in sys.path:
            sys.path.insert(0, directory)
        self["hubs"] = [_resolved("hub", reference) for reference in self["hub"]]
        self["connections"] = [_path_and_class(mapping) for mapping in self["connection"]]
        self["application"] = None if self["app"] is None else _resolved("app", self["app"])
        if self["app"] is not None and not callable(self["application"]):
            raise usage.UsageError(f"--app: {self['app']!r} is no function.")

    def map_on(self, server: SignalRServer) -> None:
        """
        Map the hubs and raw connections on a server.

        Raises:
            UsageError: that cannot be done.
        """
        settings = EndpointSettings(
            enable_detailed_errors=bool(self["enable-detailed-errors"]),
            enable_javascript_proxies=not self["disable-javascript-proxies"],
            enable_jsonp=bool(self["enable-jsonp"]),
            allowed_origins=tuple(self["origin"]),
        )
        try:
            if self["hubs"]:
                server.map_hubs(_HUBS_PATH, self["hubs"], settings)
        except ConfigurationError as error:
            raise usage.UsageError(f"--hub: {error}") from error
        try:
            for path, connection in self["connections"]:
                server.map_connection(path, connection, settings)
        except ConfigurationError as error:
            raise usage.UsageError(f"--connection: {error}") from error


def _resolved(option: str, reference: str) -> Any:
    try:
        return resolve(reference)
    except ConfigurationError as error:
        raise usage.UsageError(f"--{option}: {error}") from error


def _path_and_class(mapping: str) -> tuple[str, Any]:
    path, equals, reference = mapping.partition("=")
    if not equals:
        raise usage.UsageError(f"--connection: {mapping!r} is not of the form /PATH=PACKAGE.MODULE:CLASS.")
    return path, _resolved("connection", reference)


def makeService(options: Options, reactor: Any = None) -> IService:
    """
    Put the application together; nothing starts before the service does.

    Args:
        options: parsed options.
        reactor: the reactor; the global one when not given.

    Raises:
        SystemExit: what ``--app`` has done does not go with the other options.
    """
    reactor = global_reactor() if reactor is None else reactor
    server = SignalRServer(options["settings"], keys=options["keys"], clock=reactor)
    options.map_on(server)
    application = options["application"]
    try:
        resource = None if application is None else application(server)
    except ConfigurationError as error:
        raise SystemExit(f"--app: {error}") from error
    limits = ConnectionLimits(total=options["max-connections"], per_address=options["max-connections-per-address"])
    places = Places(limits, reactor.seconds)
    metrics = MetricsResource(server, connection_readings(places))
    operations = {"healthz": HealthResource(server), "metrics": metrics}
    root = SignalRResource(server, Beside(_other_paths(options, resource), operations), clock=reactor)
    site = site_of(root, clock=reactor, access_log=not options["no-access-log"], places=places)
    return build_application(options, reactor, server, site, behind_proxy=BehindProxy(site))


def _other_paths(options: Options, resource: Any) -> IResource:
    """What serves paths that nothing is mapped on: the application's resource, or pages."""
    if resource is None:
        return _pages(options["static"])
    if not IResource.providedBy(resource):
        raise SystemExit(f"--app: {options['app']!r} returned {resource!r}, which is no IResource.")
    if options["static"] is not None:
        raise SystemExit(f"--static: {options['app']!r} serves all other paths itself.")
    return resource


def _pages(directory: str | None) -> IResource:
    pages: Any = notFound() if directory is None else Pages(directory)
    if directory is None or not os.path.isdir(os.path.join(directory, _VENDOR)):
        pages.putChild(_VENDOR.encode("ascii"), Pages(came_along(_VENDOR)))
    return cast(IResource, pages)
