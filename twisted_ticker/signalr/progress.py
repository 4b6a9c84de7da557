"""
Progress of a hub call: reports to its caller, for as long as it runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from . import serialization
from .protocol.messages import encode_progress
from .state import CallerState

__all__ = ["Progress"]

Value = TypeVar("Value")


class Progress(Generic[Value]):
    """
    What a hub method reports its progress to. Annotate a parameter so, and it is given one::

        @hub_method
        async def count(self, to: int, progress: Progress[int]) -> str: ...

    Clients know nothing of that parameter. Reports take the way of messages to the caller; where results take
    another, such as long polling's, a client may get the last report after the result, and ignores it then.

    Args:
        send: sends a message to the caller.
        id: the call's id.
        state: the caller's state; changes ride on reports.
    """

    __slots__ = ("_completed", "_id", "_send", "_state")

    def __init__(self, send: Callable[[bytes], object], id: str | None, state: CallerState) -> None:
        self._send = send
        self._id = id
        self._state = state
        self._completed = False

    def report(self, value: Value) -> None:
        """
        Tell the caller.

        Raises:
            RuntimeError: the call has completed.
            TypeError: JSON cannot express *value*.
        """
        if self._completed:
            raise RuntimeError("You cannot report progress on a hub method invocation that has already completed.")
        encoded = serialization.encode(value)
        self._send(encode_progress(self._id, encoded, self._state.changes()))

    def complete(self) -> None:
        """No more reports: the library calls this when the method's outcome is there."""
        self._completed = True
