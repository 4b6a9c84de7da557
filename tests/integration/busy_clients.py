"""
Clients that never let a server rest, over WebSocket and by long polling, whatever becomes of it.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import struct
import threading
import time
from collections.abc import Callable

from tests.integration.support import Client

_TEXT = 1
_RETRY_SECONDS = 0.05
# The clients shall load the server, but leave something of a small machine to the test.
_PAUSE_SECONDS = 0.01

# What a client may come across when the server is killed, at whatever moment.
_GONE = (OSError, AssertionError, ValueError, struct.error, http.client.HTTPException)


class BusyClients:
    """
    Clients in threads of their own, each of which makes some eighty calls a second.

    Args:
        port: the server's; there need not always be one.
        websockets: how many clients use a WebSocket.
        pollers: how many use long polling.
    """

    def __init__(self, port: int, *, websockets: int, pollers: int) -> None:
        self._port = port
        self._answers = itertools.count()
        self._stopped = threading.Event()
        lives = [self._call_by_websocket] * websockets + [self._call_by_polling] * pollers
        self._threads = [threading.Thread(target=self._live, args=(life,), daemon=True) for life in lives]
        self.calls = 0
        """How many calls have been answered so far."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; the server must be gone."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _live(self, life: Callable[[Client], None]) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(*_GONE):
                life(Client(self._port))
            time.sleep(_RETRY_SECONDS)

    def _answered(self) -> None:
        # Unlike an addition, this loses none of the other threads' answers.
        self.calls = next(self._answers) + 1
        time.sleep(_PAUSE_SECONDS)

    def _call_by_websocket(self, client: Client) -> None:
        with contextlib.closing(client.open_websocket()) as link:
            for number in itertools.count():
                call = {"H": "stockTicker", "M": "GetAllStocks", "A": [], "I": number}
                link.send(_TEXT, json.dumps(call).encode())
                while True:
                    opcode, payload = link.frame()
                    if opcode != _TEXT:
                        raise AssertionError("closed")
                    if json.loads(payload).get("I") == str(number):
                        break
                self._answered()

    def _call_by_polling(self, client: Client) -> None:
        with contextlib.closing(client.open_poll()) as poll:
            while True:
                client.invoke("GetAllStocks")
                self._answered()
                cursor = json.loads(poll.getresponse().read())["C"]
                poll.request("GET", client.target("poll", messageId=cursor))
