"""
Doing something once, however many ask for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.python.failure import Failure

__all__ = ["Once"]

T = TypeVar("T")


class Once(Generic[T]):
    """An asynchronous call that is made once; after a failure it may be tried again."""

    __slots__ = ("_done", "_result", "_waiting")

    def __init__(self) -> None:
        self._done = False
        self._result: T | None = None
        self._waiting: list[Deferred[T]] | None = None

    def call(self, function: Callable[[], Deferred[T]]) -> Deferred[T]:
        """The outcome of *function*, which is called only if no earlier call has succeeded or is under way."""
        if self._done:
            return succeed(self._result)  # type: ignore[arg-type]
        outcome: Deferred[T] = Deferred()
        if self._waiting is not None:
            self._waiting.append(outcome)
            return outcome
        self._waiting = [outcome]
        maybeDeferred(function).addCallbacks(self._succeeded, self._failed)
        return outcome

    def _succeeded(self, result: T) -> None:
        self._done, self._result = True, result
        for outcome in self._take_waiting():
            outcome.callback(result)

    def _failed(self, reason: Failure) -> None:
        for outcome in self._take_waiting():
            outcome.errback(reason)

    def _take_waiting(self) -> list[Deferred[T]]:
        waiting, self._waiting = self._waiting or [], None
        return waiting
