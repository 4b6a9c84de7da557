"""
A source of quotes on the web that behaves as it is told to: well, or as badly as servers can.

One thread for each connection, which ends with it.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable

__all__ = ["BAD_ANSWERS", "POISON", "Answer", "QuoteSource", "quotes", "response"]

#: A price that no good answer ever has: whoever sees it, sees what should not have been believed.
POISON = "666.66"

_PATIENCE_SECONDS = 20
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

#: Answers to one request, over a connection that is closed behind it; given the request's head.
Answer = Callable[[socket.socket, bytes], None]


def response(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """An answer; *length* is what it says of its length, if that is not the truth."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def quotes(**prices: str) -> Answer:
    """Answers with these prices: JSON numbers, or whatever else is written there."""
    return _bytes(response(_body(**prices)))


def _body(**prices: str) -> bytes:
    members = ", ".join(f"{json.dumps(symbol)}: {price}" for symbol, price in prices.items())
    return b"{%b}" % members.encode()


def _bytes(data: bytes) -> Answer:
    return lambda link, head: link.sendall(data)


_POISONED = _body(MSFT=POISON)
_FILLER = b"x" * 65536


def _silent(link: socket.socket, head: bytes) -> None:
    """Nothing comes, until the other side has had enough."""
    link.recv(1)


def _trickling(link: socket.socket, head: bytes) -> None:
    """There always comes a little."""
    link.sendall(response(b"", length=10_000))
    link.settimeout(0.05)
    while True:
        link.sendall(b" ")
        with contextlib.suppress(TimeoutError):
            if not link.recv(1):
                return


def _without_end(begin: bytes, piece: bytes) -> Answer:
    def answer(link: socket.socket, head: bytes) -> None:
        link.sendall(begin)
        while True:
            link.sendall(piece)

    return answer


def _reset(link: socket.socket, head: bytes) -> None:
    """The connection breaks in the middle of the answer."""
    link.sendall(response(_POISONED, length=len(_POISONED) + 1))
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


def _closing(link: socket.socket, head: bytes) -> None:
    """No answer at all."""


def _redirect(status: str) -> Answer:
    """Leads to a place of the same source that gives bad prices."""

    def answer(link: socket.socket, head: bytes) -> None:
        is_elsewhere = head.startswith(b"GET /elsewhere")
        link.sendall(response(_POISONED, "Location: /elsewhere", status="200 OK" if is_elsewhere else status))

    return answer


#: By name.
BAD_ANSWERS: dict[str, Answer] = {
    "silent": _silent,
    "trickling": _trickling,
    "closing": _closing,
    "reset": _reset,
    "500": _bytes(response(_POISONED, status="500 Internal Server Error")),
    "404": _bytes(response(_POISONED, status="404 Not Found")),
    "unasked 304": _bytes(response(b"", status="304 Not Modified")),
    "301": _redirect("301 Moved Permanently"),
    "302": _redirect("302 Found"),
    "307": _redirect("307 Temporary Redirect"),
    "page": _bytes(response(b"<html><p>MSFT 666.66</html>", "Content-Type: text/html")),
    "no HTTP": _bytes(b"220 quotes.example ESMTP\r\n"),
    "too short": _bytes(response(_POISONED, length=len(_POISONED) + 10)),
    "cut by its length": _bytes(response(_POISONED, length=len(_POISONED) - 1)),
    "other encoding": _bytes(response(_POISONED.decode().encode("utf-16"))),
    "deep": _bytes(response(b"[" * 1_000_000)),
    "many numbers": _bytes(response(b"[%b0]" % (b"0," * 500_000))),
    "long": _without_end(response(b"", length=10**10), _FILLER),
    "endless chunks": _without_end(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n%b\r\n" % _FILLER
    ),
    "endless to the end of the connection": _without_end(b"HTTP/1.0 200 OK\r\n\r\n", _FILLER),
    "endless headers": _without_end(b"HTTP/1.1 200 OK\r\n", b"X-Filler: %b\r\n" % (b"x" * 1000) * 64),
    "endless header": _without_end(b"HTTP/1.1 200 OK\r\nX-Filler: ", _FILLER),
    "endless beginnings": _without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "compressed": _bytes(response(gzip.compress(_POISONED), "Content-Encoding: gzip")),
    "bomb": _bytes(response(gzip.compress(bytes(200_000_000)), "Content-Encoding: gzip")),
    "text": quotes(MSFT=f'"{POISON}"'),
    "negative": quotes(MSFT=f"-{POISON}"),
    "zero": quotes(MSFT="0"),
    "part of a cent": quotes(MSFT="666.665"),
    "not a number": quotes(MSFT="NaN", GOOG="Infinity", AAPL="null"),
    "huge": quotes(MSFT="1e400", GOOG="9" * 1000),
    "contradictory": _bytes(response(b'{"MSFT": 666.66, "MSFT": 666.67}')),
    "other stocks": quotes(YHOO=POISON, msft=POISON),
    "other form": _bytes(response(b'{"quotes": [{"symbol": "MSFT", "price": 666.66}]}')),
    "nothing": _bytes(response(b"[]")),
}


class QuoteSource:
    """
    Listens on a free port of this machine, until it is closed.

    Attributes:
        url: of its quotes.
        heads: of the requests that came since it was told how to answer.
    """

    def __init__(self, answer: Answer) -> None:
        self.heads: list[bytes] = []
        self._answer = answer
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/quotes.json"
        self._links: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def answer_with(self, answer: Answer) -> None:
        """From now on, answer so."""
        with self._lock:
            self._answer = answer
            self.heads = []

    def close(self) -> None:
        """Listen no more, and close all connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(_PATIENCE_SECONDS)
        with self._lock:
            for link in self._links:
                with contextlib.suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._links.add(link)
            threading.Thread(target=self._serve, args=[link], daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        # The other side may go at any time.
        with link, contextlib.suppress(OSError):
            link.settimeout(_PATIENCE_SECONDS)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = link.recv(65536)
                if not piece:
                    break
                head += piece
            else:
                with self._lock:
                    self.heads.append(head)
                    answer = self._answer
                answer(link, head)
        with self._lock:
            self._links.discard(link)
