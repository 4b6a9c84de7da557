"""
Calling the application back, and what it is told of a connection: its errors are logged, and harm nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

__all__ = ["ConnectionEvents", "Event", "call_back"]

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., object])

_log = Logger()


def call_back(what: str, callback: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """
    Call *callback*, and log its failure as that of *what*.

    If it returns a coroutine, that is run; nobody waits for it, or for a Deferred.
    """
    try:
        outcome = callback(*args, **kwargs)
    except Exception:
        _log.failure("{what} failed", what=what)
        return
    if isinstance(outcome, Coroutine):
        outcome = Deferred.fromCoroutine(outcome)
    if isinstance(outcome, Deferred):
        later: Deferred[Any] = outcome
        later.addErrback(lambda failure: _log.failure("{what} failed", failure, what=what))


class Event(Generic[P]):
    """Something that happens now and then, and who wants to know."""

    __slots__ = ("_callbacks", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._callbacks: list[Callable[P, object]] = []

    def add(self, callback: Callable[P, object]) -> Callable[P, object]:
        """Call *callback*, which may be a coroutine function, whenever it happens; can be used as a decorator."""
        self._callbacks.append(callback)
        return callback

    def remove(self, callback: Callable[P, object]) -> None:
        """
        Do so no more.

        Raises:
            ValueError: it was not added.
        """
        self._callbacks.remove(callback)

    def happen(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Tell everybody."""
        for callback in list(self._callbacks):
            call_back(f"A callback of the event {self._name!r}", callback, *args, **kwargs)


@dataclass(frozen=True)
class ConnectionEvents:
    """
    What happens to a connection.

    Attributes:
        connected: it has been started.
        reconnecting: its transport is lost.
        reconnected: it goes on where it was.
        slow: nothing has been heard of the server for a suspiciously long time.
        received: a message has come: for hubs, the call as it is on the wire.
        error: something went wrong that the connection goes on with, or is about to end with.
        disconnected: it has ended; with the reason, or ``None`` after ``stop()``.
    """

    connected: Event[[]] = field(default_factory=partial(Event, "connected"))
    reconnecting: Event[[]] = field(default_factory=partial(Event, "reconnecting"))
    reconnected: Event[[]] = field(default_factory=partial(Event, "reconnected"))
    slow: Event[[]] = field(default_factory=partial(Event, "slow"))
    received: Event[[Any]] = field(default_factory=partial(Event, "received"))
    error: Event[[BaseException]] = field(default_factory=partial(Event, "error"))
    disconnected: Event[[BaseException | None]] = field(default_factory=partial(Event, "disconnected"))
