"""
Reading one request of whoever it comes from, piece by piece, and refusing what could be read in two ways.

What comes out has a form that nobody can misunderstand: one request line, plain header lines, and a body of a length
that is said once. Twisted's parser gets nothing else. So how much room a request takes, which bytes belong to it, and
where the next one begins, is decided here alone.

Source: RFC 9110, 9112.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .chunked_bodies import ChunkedBody
from .refusals import RequestRefused

__all__ = ["HOST", "MAX_BODY_BYTES", "MAX_HEADERS", "MAX_HEAD_BYTES", "RequestReader", "WholeRequest"]

#: Longest request body. The reference has no limit; nothing that a hub method takes comes near this one.
MAX_BODY_BYTES = 1024 * 1024

#: Longest request line with all headers, and how many headers there may be.
MAX_HEAD_BYTES = 16 * 1024
MAX_HEADERS = 100

#: No method that anybody knows is half as long.
_MAX_METHOD_BYTES = 32

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_METHOD_BEGINS = re.compile(_TOKEN + rb"(?: .*)?", re.DOTALL)
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb') ([!"$-~]+) HTTP/([0-9]\.[0-9])')
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([\t -~\x80-\xff]*)")
_ABSOLUTE = re.compile(rb"https?://([^/?]+)(/[^?]*)?(\?.*)?", re.IGNORECASE)
_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")

#: What a ``Host`` header may say (RFC 3986, 3.2.2 and 3.2.3), even if that is nothing.
HOST = re.compile(rb"[0-9A-Za-z._~!$&'()*+;=%-]*(?::[0-9]*)?|\[[0-9A-Fa-f:.]+\](?::[0-9]*)?")

#: More digits than any length that could be taken.
_MAX_LENGTH_DIGITS = 15

#: Headers that say where a request ends, or are for this server alone: they are left out, and said anew where needed.
_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"expect"})


class WholeRequest(NamedTuple):
    """
    A request that has arrived.

    Attributes:
        data: the request, with the length of its body in its headers and its path in its first line.
        rest: what has come behind it.
    """

    data: bytes
    rest: bytes


class _Head(NamedTuple):
    """
    What a head says.

    Attributes:
        lines: request line and headers, without those that frame the body.
        length: of the body; ``None`` if it comes in chunks or there is none.
        is_chunked: whether it comes in chunks.
        expects_word: whether the client waits to be told to go on.
    """

    lines: list[bytes]
    length: int | None
    is_chunked: bool
    expects_word: bool


class RequestReader:
    """
    Reads one request.

    Attributes:
        is_in_body: whether its head has been read.
        expects_word: whether the client waits to be told to go on, before it sends the body.
    """

    __slots__ = ("_body", "_buffer", "_head", "_may_be_blank", "expects_word", "is_in_body")

    def __init__(self) -> None:
        self.is_in_body = False
        self.expects_word = False
        self._buffer = bytearray()
        self._may_be_blank = True
        self._head: _Head | None = None
        self._body: ChunkedBody | None = None

    @property
    def held_bytes(self) -> int:
        """How much of the request is kept."""
        return len(self._buffer) + (0 if self._body is None else self._body.held_bytes)

    def feed(self, data: bytes) -> WholeRequest | None:
        """
        Take what has come; returns the request when that was all of it.

        Raises:
            RequestRefused: this is no request, could be understood in two ways, or is too long.
        """
        if self._head is None:
            body = self._read_head(data)
            if body is None:
                return None
            data = body
        return self._read_body(data)

    def _read_head(self, data: bytes) -> bytes | None:
        """Take what has come; returns what lies behind the head if that was all of it."""
        buffer = self._buffer
        searched = max(0, len(buffer) - 3)
        buffer += data
        if self._may_be_blank and buffer[:2] == b"\r\n":
            # Some clients of old send one behind a form.
            del buffer[:2]
            searched, self._may_be_blank = 0, False
        end = buffer.find(b"\r\n\r\n", searched)
        self._check_beginning(searched, end)
        if end < 0:
            return None
        self._head = _read_head(bytes(buffer[:end]))
        rest = bytes(buffer[end + 4 :])
        buffer.clear()
        self.is_in_body = True
        if self._head.is_chunked:
            self._body = ChunkedBody(MAX_BODY_BYTES)
        self.expects_word = self._head.expects_word
        return rest

    def _check_beginning(self, searched: int, end: int) -> None:
        buffer = self._buffer
        if len(buffer) > MAX_HEAD_BYTES and not 0 <= end <= MAX_HEAD_BYTES - 4:
            if b"\r\n" not in buffer[:MAX_HEAD_BYTES]:
                raise RequestRefused(414, f"The request line is longer than {MAX_HEAD_BYTES} bytes.")
            raise RequestRefused(431, f"The headers are longer than {MAX_HEAD_BYTES} bytes.")
        if not buffer:
            return
        # What is no HTTP will never have an end that could be waited for.
        stop = len(buffer) if end < 0 else end
        if _METHOD_BEGINS.fullmatch(buffer[: _MAX_METHOD_BYTES + 1]) is None and buffer != b"\r":
            raise RequestRefused(400, "This does not begin with a method.")
        if b" " not in buffer[: _MAX_METHOD_BYTES + 1] and len(buffer) > _MAX_METHOD_BYTES:
            raise RequestRefused(400, "There is no such method.")
        if _BARE_LINE_FEED.search(buffer, searched, stop) is not None:
            raise RequestRefused(400, "A line does not end with CR LF.")
        line_end = buffer.find(b"\r\n", searched, stop)
        if line_end >= 0 and end < 0 and buffer.find(b"\r\n") == line_end:
            _read_request_line(bytes(buffer[:line_end]))

    def _read_body(self, data: bytes) -> WholeRequest | None:
        head, body = self._head, self._body
        assert head is not None
        if data:
            self.expects_word = False
        if body is not None:
            rest = body.feed(data)
            return None if rest is None else _whole(head.lines, body.data, rest)
        length = head.length or 0
        self._buffer += data
        if len(self._buffer) < length:
            return None
        content = None if head.length is None else bytes(self._buffer[:length])
        return _whole(head.lines, content, bytes(self._buffer[length:]))


def _whole(lines: list[bytes], body: bytes | None, rest: bytes) -> WholeRequest:
    if body is not None:
        lines = [*lines, b"Content-Length: %d" % len(body)]
    return WholeRequest(b"%b\r\n\r\n%b" % (b"\r\n".join(lines), body or b""), rest)


def _read_request_line(line: bytes) -> tuple[bytes, bytes, bytes]:
    """Method, target and version."""
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise RequestRefused(400, "The request line cannot be read.")
    method, target, version = match.groups()
    if version not in (b"1.1", b"1.0"):
        raise RequestRefused(505, "This server speaks HTTP/1.1.")
    return method, target, version


def _read_head(head: bytes) -> _Head:
    line, *lines = head.split(b"\r\n")
    method, target, version = _read_request_line(line)
    if len(lines) > MAX_HEADERS:
        raise RequestRefused(431, f"There are more than {MAX_HEADERS} headers.")
    values: dict[bytes, list[bytes]] = {}
    kept: list[bytes] = []
    for each in lines:
        field = _FIELD.fullmatch(each)
        if field is None:
            raise RequestRefused(400, "A header cannot be read.")
        name = field[1].lower()
        values.setdefault(name, []).append(field[2].rstrip(b" \t"))
        if name not in _FRAMING:
            kept.append(each)
    host = _host(values, version)
    path = _path(method, target, host)
    is_chunked = _is_chunked(values, version)
    length = _content_length(values)
    has_body = is_chunked or bool(length)
    if has_body and any(value.lower() == b"websocket" for value in values.get(b"upgrade", ())):
        raise RequestRefused(400, "An upgrade has no body.")
    expects_word = _expects_word(values) and has_body and version == b"1.1"
    return _Head([b"%b %b HTTP/%b" % (method, path, version), *kept], length, is_chunked, expects_word)


def _host(values: dict[bytes, list[bytes]], version: bytes) -> bytes | None:
    hosts = values.get(b"host", [])
    if len(hosts) > 1 or (not hosts and version == b"1.1"):
        raise RequestRefused(400, "A request has one Host header.")
    if hosts and HOST.fullmatch(hosts[0]) is None:
        raise RequestRefused(400, "The Host header cannot be read.")
    return hosts[0] if hosts else None


def _path(method: bytes, target: bytes, host: bytes | None) -> bytes:
    """Path and query of a target."""
    if target.startswith(b"/") or (target == b"*" and method == b"OPTIONS"):
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise RequestRefused(400, "The target of the request is no path.")
    authority, path, query = absolute.groups(b"")
    if host is not None and authority.lower() != host.lower():
        raise RequestRefused(400, "Target and Host header name different hosts.")
    return (path or b"/") + query


def _is_chunked(values: dict[bytes, list[bytes]], version: bytes) -> bool:
    codings = values.get(b"transfer-encoding")
    if codings is None:
        return False
    if b"content-length" in values or version == b"1.0":
        raise RequestRefused(400, "The length of the body is ambiguous.")
    if [coding.lower() for coding in codings] != [b"chunked"]:
        raise RequestRefused(501, "No transfer coding but chunked is understood.")
    return True


def _content_length(values: dict[bytes, list[bytes]]) -> int | None:
    lengths = values.get(b"content-length")
    if lengths is None:
        return None
    # Of bytes, isdigit knows ASCII only.
    if len(lengths) > 1 or not lengths[0].isdigit():
        raise RequestRefused(400, "The length of the body is no number, or said twice.")
    if len(lengths[0]) > _MAX_LENGTH_DIGITS or int(lengths[0]) > MAX_BODY_BYTES:
        raise RequestRefused(413, f"The body is longer than {MAX_BODY_BYTES} bytes.")
    return int(lengths[0])


def _expects_word(values: dict[bytes, list[bytes]]) -> bool:
    expectations = values.get(b"expect", [])
    if any(expectation.lower() != b"100-continue" for expectation in expectations):
        raise RequestRefused(417, "Only 100-continue can be expected.")
    return bool(expectations)
