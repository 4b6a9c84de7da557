"""
Processes that do the work of a test while it watches.
"""

from __future__ import annotations

import json
import os
import resource
import select
import subprocess
import sys
import time
from typing import Any

from tests.integration.support import environment, heed_interrupts, new_directory
from tests.integration.waiting import DEADLINE_SECONDS

__all__ = ["Worker", "allow_open_files"]

_CHUNK_BYTES = 65536


def allow_open_files(number: int) -> None:
    """
    Have the processes that are started from now on open *number* files each.

    Raises:
        AssertionError: the system allows fewer.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        raise AssertionError(f"This test needs {number} open files, and the system allows {hard} (ulimit -Hn).")
    if soft != resource.RLIM_INFINITY and soft < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))


class Worker:
    """
    A process that obeys.

    Args:
        module: name of a module here, which calls :func:`.orders.obey`.
    """

    def __init__(self, module: str) -> None:
        self._name = module
        directory = new_directory()
        self._errors = directory / f"{module}.log"
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"tests.integration.torture.{module}"],
                cwd=directory,
                env=environment(directory),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                preexec_fn=heed_interrupts,
            )
        self._answers = b""

    @property
    def complaints(self) -> str:
        """What it has written that was no answer."""
        return self._errors.read_text("utf-8", "replace")

    def ask(self, order: str, seconds: float = DEADLINE_SECONDS, **arguments: Any) -> Any:
        """
        Give an order, and wait for its outcome.

        Args:
            order: its name.
            seconds: how long it may take.
            arguments: what goes with it.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": order, "with": arguments}).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._next_line(f"{self._name} has done {order!r}", seconds))
        if "error" in answer:
            raise AssertionError(f"{self._name} has failed at {order!r}: {answer['error']}")
        return answer["result"]

    def _next_line(self, what: str, seconds: float) -> bytes:
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        deadline = time.monotonic() + seconds
        while b"\n" not in self._answers:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([output], [], [], left)[0]:
                raise AssertionError(f"Not within {seconds} seconds: {what}\n{self.complaints}")
            data = os.read(output, _CHUNK_BYTES)
            if not data:
                raise AssertionError(f"{self._name} has ended.\n{self.complaints}")
            self._answers += data
        line, _, self._answers = self._answers.partition(b"\n")
        return line

    def end(self) -> None:
        """Leave no process behind."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
