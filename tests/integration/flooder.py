"""
A client that sends as much as a server takes: ``python -m tests.integration.flooder PORT KIND``, until it is killed.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from urllib.parse import urlencode

from tests.integration.support import PROJECT, Client, WebSocket
from tests.integration.waiting import DEADLINE_SECONDS
from tests.web.frames import PING, TEXT, frame

__all__ = ["KINDS", "Flooder"]

#: What can be sent.
KINDS = ("calls", "pings", "sends", "requests", "negotiations")

_HUB = "stockBoard"
_CALL = json.dumps({"H": _HUB, "M": "ping", "A": [], "I": 0})

#: How often in one write.
_TIMES = 500


class Flooder:
    """
    The process.

    Args:
        port: the server's.
        kind: what it sends.
    """

    def __init__(self, port: int, kind: str) -> None:
        command = [sys.executable, "-m", "tests.integration.flooder", str(port), kind]
        self._process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            self.stop()
            raise AssertionError("The flood could not begin.")

    def stop(self) -> None:
        """End it; it is no error if it has ended already."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _request(method: str, target: str, body: str = "") -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {target} HTTP/1.1\r\nHost: test\r\n{length}\r\n{body}".encode()


def _flood(port: int, kind: str) -> None:
    client = Client(port, _HUB)
    link = socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS)
    if kind in ("calls", "pings"):
        WebSocket(port, client.target("connect", "webSockets"), link=link)
        client.request("GET", client.target("start", "webSockets"))
        piece = frame(TEXT, _CALL.encode()) if kind == "calls" else frame(PING, b"x")
    else:
        piece = {
            "sends": _request("POST", client.target("send"), urlencode({"data": _CALL})),
            "requests": _request("GET", "/signalr/ping"),
            "negotiations": _request("GET", client.target("negotiate")),
        }[kind]
    link.settimeout(None)
    threading.Thread(target=_read, args=(link,), daemon=True).start()
    pieces = piece * _TIMES
    link.sendall(pieces)
    print("flooding", flush=True)
    with contextlib.suppress(OSError):
        while True:
            link.sendall(pieces)


def _read(link: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while link.recv(1 << 20):
            pass


if __name__ == "__main__":
    _flood(int(sys.argv[1]), sys.argv[2])
