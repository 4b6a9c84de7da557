"""
Very many clients that send slowly, in one thread.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.integration.waiting import DEADLINE_SECONDS

__all__ = ["SlowClient", "SlowClients"]

_LOOK_SECONDS = 0.005


@dataclass
class SlowClient:
    """
    One of them.

    Attributes:
        first: what it sends when it is connected.
        then: what it sends again and again.
        every: how often, in seconds.
        received: what has come.
        seconds: for how long it was borne with; ``None`` while it is.
    """

    first: bytes
    then: bytes = b""
    every: float = 0.3
    received: bytes = b""
    seconds: float | None = None
    began: float = field(default_factory=time.monotonic)
    due: float = 0.0


class SlowClients:
    """
    Connects some clients and lets them send until the server closes their connections.

    Args:
        port: the server's.
        clients: the clients.
        address: that they come from.
    """

    def __init__(self, port: int, clients: Iterable[SlowClient], address: str = "127.0.0.1") -> None:
        self.clients = list(clients)
        self._selector = selectors.DefaultSelector()
        self._stopped = threading.Event()
        for client in self.clients:
            self._connect(client, port, address)
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def _connect(self, client: SlowClient, port: int, address: str) -> None:
        client.began = time.monotonic()
        client.due = client.began + client.every
        try:
            link = socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS, (address, 0))
        except ConnectionError:
            # It was closed as soon as it was there.
            client.seconds = 0.0
            return
        with contextlib.suppress(OSError):
            link.sendall(client.first)
        link.setblocking(False)
        self._selector.register(link, selectors.EVENT_READ, client)

    @property
    def borne(self) -> int:
        """How many are connected."""
        return sum(client.seconds is None for client in self.clients)

    def stop(self) -> None:
        """Let all of them go; it is no error if they have gone already."""
        self._stopped.set()
        self._thread.join()

    def _live(self) -> None:
        while not self._stopped.is_set() and self._selector.get_map():
            for key, _ in self._selector.select(_LOOK_SECONDS):
                self._read(key.fileobj, key.data)
            now = time.monotonic()
            for key in list(self._selector.get_map().values()):
                if key.data.then and key.data.due <= now:
                    key.data.due = now + key.data.every
                    # Who is not to send any more is told so when it reads.
                    with contextlib.suppress(OSError):
                        key.fileobj.send(key.data.then)  # type: ignore[union-attr]
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _read(self, link: socket.socket, client: SlowClient) -> None:  # type: ignore[override]
        try:
            data = link.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        client.received += data
        if not data:
            client.seconds = time.monotonic() - client.began
            self._selector.unregister(link)
            link.close()
