"""What clients of our server do before they are measured: negotiating; and whole handshakes, which are."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlencode

from benchmarks.processes import Unusable

__all__ = ["PREFIX", "HandshakeClient", "connection_data", "connect_lines", "send_once"]

PREFIX = "/signalr"

_TIMEOUT_SECONDS = 20

#: The key of the example in RFC 6455.
_UPGRADE = (
    "GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def connection_data(hub: str) -> str:
    """The query parameter that says which hub a client wants."""
    return json.dumps([{"name": hub.lower()}], separators=(",", ":"))


def _query(hub: str, **parameters: str) -> str:
    return urlencode(
        {**parameters, "clientProtocol": "1.5", "connectionData": connection_data(hub)}, safe="", quote_via=quote
    )


def _get(connection: http.client.HTTPConnection, target: str) -> bytes:
    connection.request("GET", target)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise Unusable(f"The server has answered {target.partition('?')[0]} with {answer.status}.")
    return body


@contextmanager
def _connected(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        yield connection
    finally:
        connection.close()


def _negotiate(connection: http.client.HTTPConnection, hub: str) -> str:
    token: str = json.loads(_get(connection, f"{PREFIX}/negotiate?{_query(hub)}"))["ConnectionToken"]
    return token


def connect_lines(port: int, clients: int, transport: str, hub: str) -> list[str]:
    """
    Negotiate for each client.

    Returns:
        What the load generator has in its file of paths.
    """
    with _connected(port) as connection:
        tokens = [_negotiate(connection, hub) for _ in range(clients)]
    return [connect_line(token, transport, hub) for token in tokens]


def connect_line(token: str, transport: str, hub: str) -> str:
    """The path to connect with and, for long polling, behind a tab that to poll with."""
    query = _query(hub, transport=transport, connectionToken=token)
    line = f"{PREFIX}/connect?{query}"
    if transport == "foreverFrame":
        line += "&frameId=1"
    if transport == "longPolling":
        # The load generator puts the cursor in.
        line += f"\t{PREFIX}/poll?{query}&messageId={{C}}"
    return line


def send_once(port: int, hub: str, method: str) -> None:
    """Call a method of a hub, without arguments and without waiting for its result."""
    call = json.dumps({"H": hub, "M": method, "A": [], "I": 0})
    with _connected(port) as connection:
        query = _query(hub, transport="longPolling", connectionToken=_negotiate(connection, hub))
        _get(connection, f"{PREFIX}/connect?{query}")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", f"{PREFIX}/send?{query}", urlencode({"data": call}), form)
        if (status := connection.getresponse().status) != 200:
            raise Unusable(f"The server has answered the call of {method} with {status}.")


class HandshakeClient:
    """
    Makes whole handshakes, one after the other, and keeps the WebSockets; its other requests share one connection,
    as those of a browser do.

    Args:
        port: of the server.
        hub: what is wanted.
    """

    def __init__(self, port: int, hub: str) -> None:
        self._port = port
        self._hub = hub
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
        self._sockets: list[socket.socket] = []

    def shake_hands(self) -> None:
        """Negotiate, connect a WebSocket, and start."""
        token = _negotiate(self._connection, self._hub)
        opened = socket.create_connection(("127.0.0.1", self._port), _TIMEOUT_SECONDS)
        self._sockets.append(opened)
        opened.sendall(_UPGRADE.format(target=connect_line(token, "webSockets", self._hub), port=self._port).encode())
        received = b""
        while b'"S":1' not in received:
            data = opened.recv(4096)
            if not data:
                raise Unusable(f"The server has ended a WebSocket after {received[:200]!r}.")
            received += data
        query = _query(self._hub, transport="webSockets", connectionToken=token)
        _get(self._connection, f"{PREFIX}/start?{query}")

    def close(self) -> None:
        """Close all that it has opened."""
        self._connection.close()
        for opened in self._sockets:
            opened.close()
