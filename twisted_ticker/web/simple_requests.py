"""
The requests that clients send all day long, told apart from all others: one that is whole, ordinary, and needs no
judgement. Everything else is for Twisted's parser.

This only ever says yes to what is beyond doubt: a method, path and headers of plain characters, one header a line, none
that says anything about the body but its length, nothing before and nothing behind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["MAX_HEAD_BYTES", "SimpleRequest", "read_simple_request"]

#: Longer heads are for Twisted's parser, which has a limit of its own.
MAX_HEAD_BYTES = 8192

#: As much as Twisted reads from a socket at once, so nothing that is longer is whole.
_MAX_BYTES = 64 * 1024

_HEAD = re.compile(
    rb"(GET|POST) (/[!-~]*) HTTP/1\.1\r\n"
    # Names are tokens (RFC 9110, 5.6.2), of those characters that anybody uses; values are visible, and have no folds.
    rb"((?:[A-Za-z0-9-]+:[\t -~\x80-\xff]*\r\n)+)"
    rb"\r\n"
)

#: What changes how a connection or a body is to be read; and a host, which has to be said once (RFC 9112, 3.2).
_TELLING = re.compile(rb"(?im)^(connection|content-length|transfer-encoding|expect|upgrade|te|trailer|host):([^\r]*)")

_LENGTH = re.compile(rb"[0-9]{1,7}")


@dataclass(frozen=True, slots=True)
class SimpleRequest:
    """
    A whole request that needs no judgement.

    Attributes:
        method: ``GET`` or ``POST``.
        uri: path and query.
        headers: one a line, each with CR and LF behind it.
        body: the body; empty if there is none.
    """

    method: bytes
    uri: bytes
    headers: bytes
    body: bytes = b""


def read_simple_request(data: bytes) -> SimpleRequest | None:
    """
    The request that *data* is, from its first to its last byte; ``None`` for anything else, however good.
    """
    head = _HEAD.match(data, 0, MAX_HEAD_BYTES)
    if head is None or len(data) > _MAX_BYTES:
        return None
    method, uri, headers = head.groups()
    length = None
    hosts = 0
    for name, value in _TELLING.findall(headers):
        kind, value = name.lower(), value.strip()
        if kind == b"host":
            hosts += 1
        elif kind == b"content-length" and length is None and _LENGTH.fullmatch(value):
            length = int(value)
        elif kind != b"connection" or value.lower() != b"keep-alive":
            return None
    # A form says how long its body is, and what is no form has none.
    if hosts != 1 or (length is None) != (method == b"GET") or len(data) - head.end() != (length or 0):
        return None
    return SimpleRequest(method, uri, headers, data[head.end() :])
