"""
Requests that are meant to be read in two ways: what is sent on one connection, and the only answers that there may be.

Each case says it all: the statuses of the responses in order, and whether the server closes the connection then. A case
with a request in its body or behind its end would have another answer, or one more, if somebody took those bytes for
something else.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CORPUS", "Case"]


@dataclass(frozen=True)
class Case:
    """
    One of them.

    Attributes:
        name: what it is about.
        sent: on a new connection.
        statuses: of the responses, in order.
        closes: whether the connection is closed then; if not, it goes on being served.
    """

    name: str
    sent: bytes
    statuses: tuple[int, ...]
    closes: bool

    @property
    def is_head_only(self) -> tuple[bool, ...]:
        """For each response, whether it is one to ``HEAD``, which has no body whatever its headers say."""
        return tuple(line.startswith(b"HEAD ") for line in self.sent.split(b"\r\n") if line.endswith(b" HTTP/1.1"))


_HOST = b"Host: test\r\n"
_PING = b"GET /signalr/ping HTTP/1.1\r\n" + _HOST + b"\r\n"
_NOWHERE = b"GET /nowhere HTTP/1.1\r\n" + _HOST + b"\r\n"
#: A form that is taken whatever is in it, and answered by 404.
_POST = b"POST /nowhere HTTP/1.1\r\n" + _HOST
_UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2l4dGVlbg==\r\n"
)

_CASES: list[Case] = []


def _refused(name: str, sent: bytes, status: int = 400) -> None:
    _CASES.append(Case(name, sent, (status,), True))


def _answered(name: str, sent: bytes, *statuses: int, closes: bool = False) -> None:
    _CASES.append(Case(name, sent, statuses, closes))


def _get(line: bytes) -> bytes:
    """A ping with one more header line, as it is."""
    return b"GET /signalr/ping HTTP/1.1\r\n" + _HOST + line + b"\r\n\r\n"


def _chunks(body: bytes) -> bytes:
    """A chunked form, with a ping behind it."""
    return _POST + b"Transfer-Encoding: chunked\r\n\r\n" + body + _PING


# Both a length and chunks, in every spelling

for _spelling in (
    *(b"Transfer-Encoding: chunked", b"transfer-encoding: chunked", b"TRANSFER-ENCODING: CHUNKED"),
    *(b"Transfer-Encoding:chunked", b"Transfer-Encoding:\tchunked", b"Transfer-Encoding: chunked \t"),
):
    _refused(
        f"length and chunks: {_spelling!r}",
        _POST + b"Content-Length: 6\r\n" + _spelling + b"\r\n\r\n0\r\n\r\nX" + _PING,
    )
    _refused(
        f"chunks and length: {_spelling!r}",
        _POST + _spelling + b"\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + _PING,
    )
_refused(
    "length, and a coding that is none", _POST + b"Content-Length: 0\r\nTransfer-Encoding: identity\r\n\r\n" + _PING
)

for _spelling, _status in (
    (b"Transfer-Encoding : chunked", 400),
    (b"Transfer-Encoding\t: chunked", 400),
    (b" Transfer-Encoding: chunked", 400),
    (b"Transfer-Encoding: \x0bchunked", 400),
    (b"Transfer-Encoding: chunked\x00", 400),
    (b"Transfer-Encoding\x00: chunked", 400),
    (b"Transfer\xc2\xadEncoding: chunked", 400),
    (b"Transfer-Encoding:\r\n chunked", 400),
    (b"X: y\rTransfer-Encoding: chunked", 400),
    (b"X: y\nTransfer-Encoding: chunked", 400),
    (b"Transfer-Encoding: xchunked", 501),
    (b"Transfer-Encoding: chunked, identity", 501),
    (b"Transfer-Encoding: identity, chunked", 501),
    (b"Transfer-Encoding: gzip, chunked", 501),
    (b"Transfer-Encoding: chunked, chunked", 501),
    (b"Transfer-Encoding: ,chunked", 501),
    (b'Transfer-Encoding: "chunked"', 501),
    (b"Transfer-Encoding: chunked;x=y", 501),
    (b"Transfer-Encoding: identity", 501),
    (b"Transfer-Encoding:", 501),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 501),
    (b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", 501),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip", 501),
):
    _refused(f"coding: {_spelling!r}", _POST + _spelling + b"\r\n\r\n0\r\n\r\n" + _PING, _status)
# Some programs take an underscore for a hyphen; this one is no header that anybody knows, so there is no body.
_answered("a coding with an underscore", _POST + b"Transfer_Encoding: chunked\r\n\r\n" + _PING, 404, 200)

# Lengths

for _length in (
    *(b"", b"+5", b"-5", b"-0", b"5 5", b"5,5", b"5, 5", b"5, 6", b"0x5", b"5.0", b"5e0", b"five", b"5;", b'"5"'),
    *(
        b"5_0",
        b"\xb2",
        b"\xd9\xa5",
        b"5\r\n 0",
        b"5\x00",
        b"5\x0b",
        b"5\r\nContent-Length: 5",
        b"5\r\ncontent-length: 6",
    ),
):
    _refused(f"length {_length!r}", _POST + b"Content-Length: " + _length + b"\r\n\r\nhello" + _PING)
for _name in (b"Content-Length ", b"Content-Length\t", b" Content-Length", b"Content-Length\x00"):
    _refused(f"a length's name: {_name!r}", _POST + _name + b": 5\r\n\r\nhello" + _PING)
for _length in (b"1048577", b"99999999999999999999", b"9" * 5000):
    _refused(f"length {_length[:30]!r}", _POST + b"Content-Length: " + _length + b"\r\n\r\n", 413)
_answered("a length with zeros before it", _POST + b"Content-Length: 0005\r\n\r\nhello" + _PING, 404, 200)
_answered("a length that ends before a request", _POST + b"Content-Length: 5\r\n\r\nhello" + _PING, 404, 200)
_answered(
    "a request in a body",
    _POST + b"Content-Length: %d\r\n\r\n" % len(_NOWHERE) + _NOWHERE + _PING,
    *(404, 200),
)
_answered("GET with a body", _get(b"Content-Length: %d" % len(_NOWHERE)) + _NOWHERE + _PING, 200, 200)
_answered("a body that nobody has announced", _POST + b"\r\n" + _PING, 404, 200)

# Chunks

_answered("chunks", _chunks(b"5\r\nhello\r\n0\r\n\r\n"), 404, 200)
_answered("a request in a chunk", _chunks(b"%x\r\n%b\r\n0\r\n\r\n" % (len(_NOWHERE), _NOWHERE)), 404, 200)
_answered("chunk extensions", _chunks(b'5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n'), 404, 200)
_answered("sizes with zeros before them", _chunks(b"0005\r\nhello\r\n000\r\n\r\n"), 404, 200)
_answered("sizes in either case", _chunks(b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"), 404, 200)
_answered(
    "trailers, that change nothing", _chunks(b"5\r\nhello\r\n0\r\nContent-Length: 7\r\nHost: evil\r\n\r\n"), 404, 200
)
for _size in (
    *(
        b"",
        b" 5",
        b"5 ",
        b"\t5",
        b"+5",
        b"-5",
        b"0x5",
        b"5_0",
        b"g",
        b"5h",
        b"5,5",
        b"5 ;a",
        b"5\x00",
        b"5\x0b",
        b"\xb5",
    ),
    *(b"100000005", b"ffffffffffffffff5", b"5;a\x00", b"5;a\rb", b"5;" + b"x" * 300),
):
    _refused(f"chunk size {_size[:30]!r}", _chunks(_size + b"\r\nhello\r\n0\r\n\r\n"))
_refused("a chunk size that ends in LF", _chunks(b"5\nhello\r\n0\r\n\r\n"))
_refused("a chunk extension that ends in LF", _chunks(b"5;x\nhello\r\n0\r\n\r\n"))
_refused("a chunk that ends in LF", _chunks(b"5\r\nhello\n0\r\n\r\n"))
_refused("a chunk that is longer than it says", _chunks(b"5\r\nhello!\r\n0\r\n\r\n"))
_refused("a chunk that is shorter than it says", _chunks(b"6\r\nhello\r\n0\r\n\r\n"))
_refused("a chunk that is too long", _chunks(b"ffffffff\r\nhello"), 413)
_refused("a trailer that ends in LF", _chunks(b"0\r\nX: y\n\r\n\r\n"))
_refused("the last line ends in LF", _chunks(b"0\r\nX: y\r\n\n"))
_refused("a trailer that is none", _chunks(b"0\r\nno colon\r\n\r\n"))
_refused("trailers without end", _chunks(b"0\r\n" + b"X: yyyyyyyyyyyyyyyyyyyy\r\n" * 1000))
_refused("more framing than data", _chunks(b"1;xxxxxxxxxxxx\r\nx\r\n" * 2000))

# Lines and their ends

_refused("line feeds only", b"GET /signalr/ping HTTP/1.1\nHost: test\n\n" + _PING)
_refused("a line feed behind the request line", b"GET /signalr/ping HTTP/1.1\nHost: test\r\n\r\n")
_refused("a line feed between headers", _get(b"X: y\nZ: w"))
_refused("a line feed before the end", b"GET /signalr/ping HTTP/1.1\r\nHost: test\n\r\n" + _PING)
_refused("a carriage return in a value", _get(b"X: y\rz"))
_refused("a carriage return before the line end", _get(b"X: y\r"))
_refused("a NUL in a value", _get(b"X: y\x00z"))
_refused("an escape in a value", _get(b"X: \x1b[1m"))
_refused("a folded value", _get(b"X: y\r\n z"))
_refused("a value folded by a tab", _get(b"X: y\r\n\tz"))
_refused("a fold before all headers", b"GET /signalr/ping HTTP/1.1\r\n X: y\r\n" + _HOST + b"\r\n")
_refused("a blank before the colon", _get(b"X : y"))
_refused("no name", _get(b": y"))
_refused("no colon", _get(b"X"))
_refused("a name in brackets", _get(b"(X): y"))
_refused("a name that is not ASCII", _get(b"X\xe4: y"))
_refused("two empty lines first", b"\r\n\r\n" + _PING)
_answered("an empty line first", b"\r\n" + _PING, 200)
_answered("an empty line between two", _POST + b"Content-Length: 5\r\n\r\nhello\r\n" + _PING, 404, 200)
_answered("a value that is not ASCII", _get(b"X: \xe4"), 200)
_answered("an empty value", _get(b"X:"), 200)

# Request lines

for _line in (
    *(b"GET  /signalr/ping HTTP/1.1", b"GET /signalr/ping  HTTP/1.1", b"GET\t/signalr/ping HTTP/1.1"),
    *(b" GET /signalr/ping HTTP/1.1", b"GET /signalr/ping HTTP/1.1 ", b"GET /signalr/ping\x0bHTTP/1.1"),
    *(b"GET /signalr/ping http/1.1", b"GET /signalr/ping HTTP/01.1", b"GET /signalr/ping HTTP/1.10"),
    *(b"GET /signalr/ping", b"GET", b"/signalr/ping HTTP/1.1", b"GET /a b HTTP/1.1", b"GET /\xc3\xa4 HTTP/1.1"),
    *(b"GET /signalr/ping#x HTTP/1.1", b"GET /\x00 HTTP/1.1", b"GET signalr/ping HTTP/1.1", b"GET * HTTP/1.1"),
    *(b"G(T /signalr/ping HTTP/1.1", b"G\xe4T / HTTP/1.1", b"M" * 33 + b" / HTTP/1.1"),
    *(b"CONNECT test:80 HTTP/1.1", b"GET ftp://test/signalr/ping HTTP/1.1", b"GET http:/signalr/ping HTTP/1.1"),
    *(b"GET http://evil/signalr/ping HTTP/1.1", b"GET http://test:81/ HTTP/1.1", b"GET http:// HTTP/1.1"),
    *(b"GET http://test@evil/ HTTP/1.1", b"GET http://evil@test/ HTTP/1.1"),
):
    _refused(f"request line {_line[:40]!r}", _line + b"\r\n" + _HOST + b"\r\n")
_refused("HTTP/0.9", b"GET /signalr/ping\r\n")
_refused("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
_refused("a version that is to come", b"GET /signalr/ping HTTP/1.2\r\n" + _HOST + b"\r\n", 505)
_refused("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
_refused("a long request line", b"GET /" + b"x" * 20_000, 414)
_refused("a long header", _get(b"X: " + b"y" * 20_000), 431)
_refused("many headers", _get(b"\r\n".join(b"X%d: y" % number for number in range(200))), 431)
_answered("an absolute target", b"GET http://test/signalr/ping HTTP/1.1\r\n" + _HOST + b"\r\n" + _PING, 200, 200)
_answered("an absolute target without a path", b"OPTIONS HTTP://TEST HTTP/1.1\r\n" + _HOST + b"\r\n" + _PING, 302, 200)
_answered("methods are not in small letters", b"get /nowhere HTTP/1.1\r\n" + _HOST + b"\r\n" + _PING, 501, 200)
_answered("an unknown method", b"BREW /nowhere HTTP/1.1\r\n" + _HOST + b"\r\n" + _PING, 501, 200)

# Hosts

_refused("no host", b"GET /signalr/ping HTTP/1.1\r\n\r\n")
_refused("two hosts", _get(b"Host: test"))
_refused("two hosts, one of which is odd", _get(b"hOST: evil"))
for _host in (b"test, evil", b"a b", b"te/st", b"test:8o", b"user@test", b"[::1", b"test\t1", b"\xe4", b"te\\st"):
    _refused(f"host {_host!r}", b"GET /signalr/ping HTTP/1.1\r\nHost: " + _host + b"\r\n\r\n")
_answered("an IPv6 address for a host", b"GET /signalr/ping HTTP/1.1\r\nHost: [::1]:80\r\n\r\n" + _PING, 200, 200)

# Connections

_answered("HTTP/1.0", b"GET /signalr/ping HTTP/1.0\r\n\r\n" + _PING, 200, closes=True)
_answered(
    "HTTP/1.0 that would be kept",
    b"GET /signalr/ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + _PING,
    *(200,),
    closes=True,
)
_refused("HTTP/1.0 in chunks", b"POST /nowhere HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _PING)
for _connection in (b"close", b"CLOSE", b"close, x", b"x, close", b"keep-alive,close", b"x\r\nConnection: close"):
    _answered(f"connection {_connection!r}", _get(b"Connection: " + _connection) + _PING, 200, closes=True)
_answered("a header that would be dropped", _get(b"Connection: Host, keep-alive") + _PING, 200, 200)
_refused("expectations", _get(b"Expect: a miracle"), 417)
_answered("an expectation without a body", _get(b"Expect: 100-continue") + _PING, 200, 200)
_answered("TE and Trailer", _get(b"TE: trailers, chunked\r\nTrailer: X\r\nConnection: TE") + _PING, 200, 200)

# Behind what is answered without a body, late, or not as asked

_answered("behind HEAD", b"HEAD /nowhere HTTP/1.1\r\n" + _HOST + b"\r\n" + _PING + _NOWHERE, 404, 200, 404)
_answered("ten at a time", (_PING + _NOWHERE) * 5, *(200, 404) * 5)
_answered("behind a redirection", b"GET / HTTP/1.1\r\n" + _HOST + b"\r\n" + _PING, 302, 200)
_answered("behind a refusal", b"GET /signalr/poll HTTP/1.1\r\n" + _HOST + b"\r\n" + _PING, 400, 200)
_answered("behind an upgrade that is none", _get(_UPGRADE + b"X: y") + _PING, 200, 200)
_answered(
    "behind an upgrade that is refused",
    b"GET /signalr/connect?transport=webSockets HTTP/1.1\r\n" + _HOST + _UPGRADE + b"\r\n" + _PING,
    *(400, 200),
)
_refused("an upgrade with a body", _get(_UPGRADE + b"Content-Length: 5") + b"hello")
_refused("an upgrade in chunks", _get(_UPGRADE + b"Transfer-Encoding: chunked") + b"0\r\n\r\n" + _PING)
_answered("an upgrade to something else", _get(b"Connection: Upgrade\r\nUpgrade: h2c") + _PING, 200, 200)

CORPUS = tuple(_CASES)
