"""
A bad network: a TCP proxy that cuts connections, loses what is on its way, or lets no WebSocket through.

Two threads for each connection, each carrying bytes one way; they end with the connection.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from enum import Enum

_CHUNK_BYTES = 65536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Upgrades(Enum):
    """What becomes of requests for a WebSocket."""

    PASSED = "passed"
    #: As a proxy answers that knows only HTTP.
    REFUSED = "refused"
    #: As a firewall does that answers nothing.
    SWALLOWED = "swallowed"


class CuttingProxy:
    """
    Forwards connections to a port of this machine, and fails on demand.

    Args:
        target: the port.
        upgrades: what to do with requests for a WebSocket.

    Attributes:
        port: where it listens.
        refused_upgrades: how many requests for a WebSocket were not passed.
    """

    def __init__(self, target: int, upgrades: Upgrades = Upgrades.PASSED) -> None:
        self.refused_upgrades = 0
        self._target = target
        self._upgrades = upgrades
        self._lock = threading.Lock()
        self._links: set[_Link] = set()
        self._threads: list[threading.Thread] = []
        self._is_down = False
        self._is_closed = False
        self._is_losing = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._run(self._accept)

    def lose_everything(self) -> None:
        """From now on take what is sent, either way, and forward nothing, until the connections are cut."""
        self._is_losing = True

    def cut(self, *, down: bool = False) -> int:
        """
        Break all connections that there are.

        Args:
            down: also break new ones, until :meth:`come_up`.

        Returns:
            How many there were.
        """
        with self._lock:
            self._is_down = down
            links, self._links = self._links, set()
        for link in links:
            link.cut()
        self._is_losing = False
        return len(links)

    def come_up(self) -> None:
        """Let new connections through again."""
        self._is_down = False

    def close(self) -> None:
        """Cut everything and listen no more."""
        self._is_closed = True
        # Closing alone would not wake the thread that accepts.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut(down=True)
        for thread in self._threads:
            thread.join(10)

    def _run(self, function: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            link = _Link(client, server)
            with self._lock:
                if not self._is_down:
                    self._links.add(link)
            if self._is_down:
                link.cut()
            self._run(self._forward, link, client, server)
            self._run(self._forward, link, server, client)

    def _forward(self, link: _Link, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK_BYTES):
                if source is link.client and b"upgrade: websocket" in data.lower() and self._stops_upgrade(link):
                    continue
                if not self._is_losing:
                    sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        if link.direction_ended():
            with self._lock:
                self._links.discard(link)

    def _stops_upgrade(self, link: _Link) -> bool:
        if self._upgrades is Upgrades.PASSED:
            return False
        self.refused_upgrades += 1
        if self._upgrades is Upgrades.REFUSED:
            link.client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            link.client.shutdown(socket.SHUT_WR)
        return True


class _Link:
    """The two sockets of a connection; closed when both directions have ended."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self._sockets = (client, server)
        self._open_directions = 2
        self._lock = threading.Lock()

    def cut(self) -> None:
        """Break it, with nothing of what is still on its way."""
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                end.shutdown(socket.SHUT_RDWR)

    def direction_ended(self) -> bool:
        """One direction has nothing more to carry; returns whether that was the last one."""
        with self._lock:
            self._open_directions -= 1
            is_last = self._open_directions == 0
        if is_last:
            for end in self._sockets:
                end.close()
        return is_last
