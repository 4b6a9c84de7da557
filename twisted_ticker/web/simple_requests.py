"""
The requests that clients send all day long, told apart from all others: one that is whole, ordinary, and needs no
judgement. Everything else is read by :class:`.RequestReader`.

This only ever says yes to what is beyond doubt: a method, path and headers of plain characters, one header a line, none
that says anything about the body but its length, nothing before and nothing behind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from ..signalr.requests import Headers
from .request_reader import HOST, MAX_HEADERS

__all__ = ["MAX_HEAD_BYTES", "SimpleRequest", "read_simple_request"]

#: Longer heads are for the other reader, which has a limit of its own.
MAX_HEAD_BYTES = 8192

#: As much as Twisted reads from a socket at once, so nothing that is longer is whole.
_MAX_BYTES = 64 * 1024

#: Header blocks that are remembered: a client says the same with each of its requests.
_MAX_REMEMBERED = 1024

_REQUEST_LINE = re.compile(rb'(GET|POST) (/[!"$-~]*) HTTP/1\.1\r\n')

# Names are tokens (RFC 9110, 5.6.2), of those characters that anybody uses; values are visible, and have no folds.
_FIELDS = re.compile(rb"(?:[A-Za-z0-9-]+:[\t -~\x80-\xff]*\r\n)+")

#: What changes how a connection or a body is to be read; and a host, which has to be said once (RFC 9112, 3.2).
_TELLING = re.compile(rb"(?im)^(connection|content-length|transfer-encoding|expect|upgrade|te|trailer|host):([^\r]*)")

_LENGTH = re.compile(rb"[0-9]{1,7}")

#: What a ``Connection`` header may say, with which the connection is read as it would be without.
_ORDINARY_OPTIONS = {b"keep-alive"}
_UPGRADE = b"upgrade"


class SimpleRequest(NamedTuple):
    """
    A whole request that needs no judgement.

    Attributes:
        method: ``GET`` or ``POST``.
        uri: path and query.
        headers: the headers.
        body: the body; empty if there is none.
        asks_for_websocket: whether the connection is to become a WebSocket.
    """

    method: bytes
    uri: bytes
    headers: Headers
    body: bytes = b""
    asks_for_websocket: bool = False


@dataclass(frozen=True, slots=True)
class _Fields:
    """What a block of headers says; *content_length* is ``None`` where it does not say."""

    headers: Headers
    content_length: int | None
    asks_for_websocket: bool


def read_simple_request(data: bytes) -> SimpleRequest | None:
    """
    The request that *data* is, from its first to its last byte; ``None`` for anything else, however good.
    """
    line = _REQUEST_LINE.match(data, 0, MAX_HEAD_BYTES)
    # The last header's line end is the first of the two.
    end = data.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES) + 2
    if line is None or end < line.end() or len(data) > _MAX_BYTES:
        return None
    fields = _read_fields(data[line.end() : end])
    if fields is None:
        return None
    method, uri = line.groups()
    body = data[end + 2 :]
    is_get = method == b"GET"
    # A form says how long its body is, and what is no form has none.
    if (fields.content_length is None) != is_get or len(body) != (fields.content_length or 0):
        return None
    if fields.asks_for_websocket and not is_get:
        return None
    return SimpleRequest(method, uri, fields.headers, body, fields.asks_for_websocket)


@lru_cache(_MAX_REMEMBERED)
def _read_fields(block: bytes) -> _Fields | None:
    if _FIELDS.fullmatch(block) is None or block.count(b"\n") > MAX_HEADERS:
        return None
    length = None
    hosts = 0
    options: set[bytes] = set()
    upgrades: list[bytes] = []
    for name, value in _TELLING.findall(block):
        kind, value = name.lower(), value.strip()
        if kind == b"host" and HOST.fullmatch(value):
            hosts += 1
        elif kind == b"content-length" and length is None and _LENGTH.fullmatch(value):
            length = int(value)
        elif kind == b"connection":
            options.update(option.strip() for option in value.lower().split(b","))
        elif kind == b"upgrade":
            upgrades.append(value.lower())
        else:
            return None
    asks = bool(upgrades)
    if hosts != 1 or (_UPGRADE in options) != asks or not options <= _ORDINARY_OPTIONS | {_UPGRADE}:
        return None
    if asks and upgrades != [b"websocket"]:
        return None
    return _Fields(Headers(block), length, asks)
