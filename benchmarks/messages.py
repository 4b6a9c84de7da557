"""
What all servers here have in common: the message that they send, and what they are told on their control port.

It imports nothing but the standard library, as some servers live in an environment of their own.
"""

from __future__ import annotations

import json
import resource
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Messages", "Order", "allow_many_files"]


class Messages:
    """
    Makes messages.

    Each has a number, ``"seq"``, and the time at which it was made, ``"ts"``, of ``time.monotonic_ns()``.
    """

    def __init__(self) -> None:
        self._sequence = 0

    def make(self, size: int) -> dict[str, Any]:
        """The next message; it is *size* bytes of JSON, if it is not longer without padding."""
        self._sequence += 1
        message = {"seq": self._sequence, "ts": time.monotonic_ns(), "pad": ""}
        message["pad"] = "x" * (size - len(as_json(message)))
        return message

    def make_text(self, size: int) -> str:
        """The same as JSON."""
        return as_json(self.make(size))


def as_json(message: dict[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"))


@dataclass(frozen=True)
class Order:
    """
    What a server is told to send.

    Attributes:
        count: how many events.
        messages: how many messages are sent to everybody in each of them.
        size: of a message, in bytes.
        seconds: from one event to the next; 0: in the next turn of the event loop.
    """

    count: int
    messages: int
    size: int
    seconds: float

    @classmethod
    def read(cls, target: str) -> Order:
        """
        Read the target of a request to the control port::

            /burst?m=1000&size=120&yield=1     so many messages, each an event of its own (yield=0: all in one)
            /tick?hz=4&k=10&secs=5&size=120    ten messages at a time, four times a second
        """
        parts = urlsplit(target)
        given = dict(parse_qsl(parts.query))
        size = int(given["size"])
        if parts.path == "/tick":
            per_second = float(given["hz"])
            return cls(int(per_second * float(given["secs"])), int(given["k"]), size, 1 / per_second)
        if given.get("yield", "1") == "0":
            return cls(1, int(given["m"]), size, 0)
        return cls(int(given["m"]), 1, size, 0)


def allow_many_files() -> None:
    """Let this process have as many connections as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
