"""
What attacks do to others: how long somebody waits for answers meanwhile, and how much memory the server takes.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from pathlib import Path

from tests.integration.support import Client, Server
from tests.integration.waiting import DEADLINE_SECONDS
from tests.web.frames import TEXT

__all__ = ["Bystander", "memory"]

_HUB = "stockBoard"
_KIB = 1024


class Bystander:
    """
    Makes a call every few milliseconds until it is stopped.

    Attributes:
        seconds: how long each took.
    """

    def __init__(self, port: int) -> None:
        self.seconds: list[float] = []
        self._link = Client(port, _HUB).open_websocket()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._call)
        self._thread.start()

    def stop(self) -> None:
        """End; it is no error if it has ended already."""
        self._stopped.set()
        self._thread.join(DEADLINE_SECONDS)
        self._link.close()

    def _call(self) -> None:
        for number in itertools.count():
            if self._stopped.wait(0.005):
                return
            began = time.monotonic()
            call = {"H": _HUB, "M": "ping", "A": [], "I": number}
            self._link.send(TEXT, json.dumps(call).encode())
            while json.loads(self._link.frame()[1]).get("I") != str(number):
                pass
            self.seconds.append(time.monotonic() - began)


def memory(server: Server) -> int:
    """How many bytes of memory a server's process has."""
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * _KIB
    raise AssertionError("The server is gone.")
