"""The load generator, ``load.c``, as a process that is told what to count."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.processes import Unusable, use_core

__all__ = ["Load"]

_LIFETIME_SECONDS = 300
_CONNECT_SECONDS = 60
_IDLE_SECONDS = 3.0


class Load:
    """
    Clients of a server; in a ``with`` statement they are connected.

    Args:
        program: the load generator.
        port: of the server.
        clients: how many.
        transport: of SignalR.
        options: of the load generator, besides; its head has them all.
        core: what it runs on.

    Raises:
        Unusable: not all of them could be connected.
    """

    def __init__(self, program: Path, port: int, clients: int, transport: str, *options: str, core: int) -> None:
        arguments = ("--port", str(port), "--clients", str(clients), "--transport", transport)
        deadlines = ("--connect-seconds", str(_CONNECT_SECONDS), "--lifetime-seconds", str(_LIFETIME_SECONDS))
        self._clients = clients
        self._process = subprocess.Popen(
            [str(program), *arguments, *deadlines, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: use_core(core),
        )
        self._unread = b""

    def __enter__(self) -> Load:
        try:
            ready = self._read(_CONNECT_SECONDS + 10)
            if ready["connected"] < self._clients:
                raise Unusable(f"Only {ready['connected']} of {self._clients} clients could connect.")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def begin_count(self, messages: int, seconds: float, idle_seconds: float = _IDLE_SECONDS) -> None:
        """
        Count from now on.

        Args:
            messages: how many each client has to get for the count to end.
            seconds: it ends after this time at the latest,
            idle_seconds: and when nothing came for this time since the last message.
        """
        assert self._process.stdin is not None
        self._seconds = seconds
        self._process.stdin.write(b"count %d %d %d\n" % (messages, idle_seconds * 1000, seconds * 1000))
        self._process.stdin.flush()
        self._read(10)

    def end_count(self) -> dict[str, Any]:
        """Wait for the end of the count; returns what ``load.c`` tells of it."""
        return self._read(self._seconds + 10)

    def _read(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(seconds):
                    raise Unusable(f"The load generator has said nothing for {seconds:.0f} s.")
                data = os.read(self._process.stdout.fileno(), 65536)
                if not data:
                    raise Unusable(f"The load generator has ended with {self._process.wait()}.")
                self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        event: dict[str, Any] = json.loads(line)
        return event
