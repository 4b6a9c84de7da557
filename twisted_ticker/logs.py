"""
How log events are written, as text or as JSON, and without anything secret.

Where they are written is for ``twistd`` or ``twist`` to say, by options of their own: this module changes only what
their observers write.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from twisted.application.service import MultiService
from twisted.logger import (
    FileLogObserver,
    ILogObserver,
    LogEvent,
    eventAsText,
    formatEvent,
    formatEventAsClassicLogText,
)
from twisted.python.components import Componentized
from twisted.python.failure import Failure
from twisted.python.usage import Options
from zope.interface import implementer

from .redaction import REDACTED, is_secret, redacted

__all__ = ["FORMATS", "LoggedApplication", "json_line", "text_line"]

#: What earlier versions of Twisted's log put into an event, which is said by other fields too.
_LEGACY_FIELDS = frozenset({"format", "isError", "message", "system", "time"})

#: What a field of an event holds is not followed deeper than this.
_MAX_DEPTH = 8

Formatter = Callable[[LogEvent], str | None]


def text_line(event: LogEvent) -> str | None:
    """The line that ``twistd`` would write, and the traceback below it, redacted; ``None`` for an empty event."""
    line = formatEventAsClassicLogText(event)
    return line and _encodable(redacted(line))


def _encodable(text: str) -> str:
    # An observer that cannot write is silenced by Twisted for this event, which is no way to treat bad news.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def json_line(event: LogEvent) -> str | None:
    """
    An event as one line with a JSON object, redacted; ``None`` for an empty event.

    Its members are ``time`` (ISO 8601, UTC), ``level``, ``namespace``, ``message``, ``traceback`` where something
    failed, and the fields of the event that JSON can express.
    """
    message, failure = formatEvent(event), event.get("log_failure")
    if not message and failure is None:
        return None
    line = {"time": _time(event), "level": _level(event), "namespace": _namespace(event), "message": redacted(message)}
    if failure is not None:
        line["traceback"] = redacted(_traceback(failure))
    fields = _plain({name: value for name, value in event.items() if _is_field(name)})
    try:
        return json.dumps(fields | line) + "\n"
    except ValueError:
        # A number with more digits than Python converts.
        return json.dumps(line) + "\n"


def _is_field(name: str) -> bool:
    return not name.startswith("log_") and name not in _LEGACY_FIELDS


def _time(event: LogEvent) -> str | None:
    seconds = event.get("log_time")
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _level(event: LogEvent) -> str:
    return getattr(event.get("log_level"), "name", "info")


def _namespace(event: LogEvent) -> str:
    # Events of Twisted's older log come from nowhere, or from a system, as that calls it.
    is_legacy = event.get("log_namespace", "log_legacy") == "log_legacy"
    return str(event.get("log_system", "-") if is_legacy else event["log_namespace"])


def _traceback(failure: Failure) -> str:
    try:
        return failure.getTraceback()
    except Exception as error:
        # Tracebacks show the texts of exceptions, which are anybody's code.
        return f"The traceback of {failure.type!r} cannot be shown: {type(error).__name__}"


class _Unspeakable(Exception):
    """Something that JSON cannot express."""


def _plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON can express it, redacted; of dictionaries, the members that it can."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        return redacted(value)
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if depth < _MAX_DEPTH and isinstance(value, Mapping):
        return dict(_members(value, depth + 1))
    if depth < _MAX_DEPTH and isinstance(value, list | tuple):
        name, *rest = value or [None]
        if isinstance(name, str | bytes) and len(rest) == 1 and _names_secret(name):
            return [_plain(name), REDACTED]
        return [_plain(item, depth + 1) for item in value]
    raise _Unspeakable


def _members(mapping: Mapping[Any, Any], depth: int) -> Any:
    for name, value in mapping.items():
        if not isinstance(name, str | bytes):
            continue
        try:
            yield _plain(name), REDACTED if _names_secret(name) else _plain(value, depth)
        except _Unspeakable:
            continue


def _names_secret(name: str | bytes) -> bool:
    return is_secret(name if isinstance(name, str) else name.decode("latin-1"))


#: The formats to choose from, by name.
FORMATS: Mapping[str, Formatter] = {"text": text_line, "json": json_line}


@implementer(ILogObserver)
class _SyslogObserver:
    """
    Writes events to syslog, which adds the time by itself.

    Args:
        emit: Twisted's own observer for syslog, of its older kind.
        as_json: whether each event is one line of JSON.
    """

    def __init__(self, emit: Callable[[dict[str, Any]], None], *, as_json: bool) -> None:
        self._emit = emit
        self._as_json = as_json

    def __call__(self, event: LogEvent) -> None:
        if self._as_json:
            text = json_line(event)
        else:
            text = _encodable(redacted(eventAsText(event, includeTimestamp=False, includeSystem=False)))
        if text:
            system = f"{_namespace(event)}#{_level(event)}"
            self._emit({"message": (text,), "isError": "log_failure" in event, "system": system})


class LoggedApplication(MultiService):
    """
    An application that brings along how its log is written.

    ``twistd`` takes it from there, unless its own ``--logger`` says otherwise, and goes on to say where: ``--logfile``,
    ``--syslog``, the standard output or ``twistd.log``. With ``twist``, its own ``--log-format`` is the default.

    Args:
        runner: the options of ``twistd`` or ``twist``; ``None`` for another program, whose log is its own business.
        log_format: name of one of :data:`FORMATS`; ``None`` for text, or for what ``twist`` says.
    """

    def __init__(self, runner: Options | None = None, log_format: str | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._runner: dict[str, Any] = {} if runner is None else runner
        self._log_format = log_format

    def setServiceParent(self, parent: Any) -> None:
        """See :class:`~twisted.application.service.IService`; the observer is made for the application."""
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]
        runner = self._runner
        if "fileLogObserverFactory" in runner:
            formatter = FORMATS[self._log_format or runner["logFormat"]]
            runner["fileLogObserverFactory"] = lambda file: FileLogObserver(file, formatter)
        elif "logfile" in runner and runner["logger"] is None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, _twistd_observer(runner, self._log_format or "text"))


def _twistd_observer(runner: dict[str, Any], log_format: str) -> ILogObserver:
    # Imported late: it is there on Unix only, and has been imported where it is needed.
    from twisted.scripts._twistd_unix import UnixAppLogger

    # It has no public name, but everything about where: files that rotate, by size and by SIGUSR1, and the refusal of
    # a daemon to log to the standard output.
    observer = UnixAppLogger(runner)._getLogObserver()
    if not isinstance(observer, FileLogObserver):
        return _SyslogObserver(observer, as_json=log_format == "json")
    observer.formatEvent = FORMATS[log_format]
    return observer
