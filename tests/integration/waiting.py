"""
How the integration tests wait: never for a fixed time, but for something, with a deadline that a slow machine meets.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

DEADLINE_SECONDS = 20
POLL_SECONDS = 0.02

T = TypeVar("T")


def wait_for(what: str, probe: Callable[[], T], seconds: float = DEADLINE_SECONDS) -> T:
    """Ask until the answer is true, and return it; *what* is what has not happened when it never is."""
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {seconds} seconds: {what} (last answer: {answer!r})")
        time.sleep(POLL_SECONDS)
    return answer
