"""
What is fuzzed: each takes any bytes, and raises if what it calls raises what it must not, or says what is not so.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.testing import StringTransport
from twisted.web.http import HTTPChannel
from twisted.web.http import Request as TwistedRequest

from tests.signalr.hostile import HostileHub
from twisted_ticker.redaction import redacted
from twisted_ticker.signalr import KeyRing
from twisted_ticker.signalr.arguments import MAX_DEPTH
from twisted_ticker.signalr.descriptors import HubDescriptor
from twisted_ticker.signalr.errors import (
    ArgumentError,
    InvalidToken,
    MalformedConnectionData,
    MalformedInvocation,
    MethodNotFound,
    RequestError,
)
from twisted_ticker.signalr.excerpts import excerpt
from twisted_ticker.signalr.protocol.cursors import Cursor
from twisted_ticker.signalr.protocol.framing import LongPollingFraming, forever_frame_framing, script_safe
from twisted_ticker.signalr.protocol.handshake import ProtocolVersion, parse_connection_data
from twisted_ticker.signalr.protocol.jsonp import check_callback
from twisted_ticker.signalr.protocol.messages import Envelope, encode_error, encode_result, parse_invocation
from twisted_ticker.signalr.protocol.tokens import ConnectionToken, GroupsToken
from twisted_ticker.signalr.requests import Headers, Request
from twisted_ticker.signalr.serialization import encode
from twisted_ticker.signalr.state import CallerState
from twisted_ticker.web.refusals import RequestRefused
from twisted_ticker.web.request_reader import RequestReader, WholeRequest
from twisted_ticker.web.simple_requests import read_simple_request

__all__ = ["TARGETS", "Target"]

_PROTECTION = KeyRing([b"k" * 32]).protection("fuzz")
_HUB = HubDescriptor.of(HostileHub)
_MAX_VALUES = 100

_OUR_TOKEN = _PROTECTION.protect("secret")

_ID = "2f1c7c5e-0f0e-4b8e-9d5e-7a2f3f0a1b2c"


@dataclass(frozen=True)
class Target:
    """
    One of the things to be fuzzed.

    Attributes:
        call: takes any bytes.
        seeds: inputs to begin with.
        words: what inputs are made of.
    """

    call: Callable[[bytes], None]
    seeds: Sequence[bytes]
    words: Sequence[bytes]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _simple_request(data: bytes) -> None:
    """What the lean way takes for a whole request, Twisted's parser takes for the same one, and for no more."""
    lean = read_simple_request(data)
    if lean is not None:
        assert _found_by_twisted(data) == [(lean.method, lean.uri, lean.body)]
        assert RequestReader().feed(data) is not None


def _request(data: bytes) -> None:
    """What is read to the letter is one request for Twisted's parser, with the same body; and pieces change nothing."""
    outcomes: list[WholeRequest | int | None] = []
    for size in (len(data) or 1, 1 if len(data) < 100 else 17):
        reader = RequestReader()
        outcome: WholeRequest | int | None = None
        for at in range(0, len(data), size):
            try:
                whole = reader.feed(data[at : at + size])
            except RequestRefused as refused:
                outcome = refused.status
                break
            if whole is not None:
                outcome = WholeRequest(whole.data, whole.rest + data[at + size :])
                break
        outcomes.append(outcome)
    whole_at_once, bytewise = outcomes
    # The reasons may be others: there may be several, and the first that is found is told.
    assert whole_at_once == bytewise or all(isinstance(outcome, int) for outcome in outcomes), outcomes
    if isinstance(whole_at_once, WholeRequest):
        [(method, uri, body)] = _found_by_twisted(whole_at_once.data)
        assert whole_at_once.data.startswith(b"%b %b HTTP/1." % (method, uri))
        assert whole_at_once.data.partition(b"\r\n\r\n")[2] == body


def _found_by_twisted(data: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Method, target and body of the requests that Twisted's parser finds."""
    requests: list[tuple[bytes, bytes, bytes]] = []

    class Recorded(TwistedRequest):
        def process(self) -> None:
            assert self.content is not None
            requests.append((self.method, self.uri, self.content.read()))
            self.finish()

    transport = StringTransport()
    channel = HTTPChannel()  # type: ignore[no-untyped-call]
    channel.requestFactory = Recorded
    channel.timeOut = None
    channel.makeConnection(transport)  # type: ignore[no-untyped-call]
    channel.dataReceived(data)  # type: ignore[no-untyped-call]
    return requests


def _parameters(data: bytes) -> None:
    """Queries, forms and headers are taken apart, and whoever asks for a name gets a text."""
    request = Request("POST", "/x?" + _text(data), "/x", headers=Headers(data), body=data)
    for mapping in (request.query, request.form, request.headers):
        for name in [*mapping, "data", "groupstoken", "host"]:
            assert isinstance(mapping.get(name.upper(), ""), str)
            assert name in mapping or mapping.get(name) is None
    request.release()


def _invocation(data: bytes) -> None:
    """A call is refused, or its arguments are, or it is carried out and has an answer that is JSON."""
    text = _text(data)
    try:
        invocation = parse_invocation(text, _MAX_VALUES)
        state = CallerState(invocation.state)
    except MalformedInvocation:
        return
    state.seen = invocation.hub
    changes = state.changes()
    answer = encode_result(invocation.id, result=encode(text), state=changes)
    try:
        method = _HUB.find_method(invocation.method, len(invocation.arguments))
        arguments: list[Any] = method.bind(invocation.arguments)
    except (MethodNotFound, ArgumentError) as error:
        answer = encode_error(invocation.id, str(error), state=changes)
    else:
        with contextlib.suppress(TypeError, ValueError):
            answer = encode_result(invocation.id, result=encode(arguments), state=changes)
    json.loads(answer)
    assert b"<" not in script_safe(answer)
    assert len(excerpt(text)) <= 350


def _argument(data: bytes) -> None:
    """An argument of any type is converted or refused; if it is converted, it is JSON that is not too deep."""
    for methods in _HUB.methods.values():
        for method in methods:
            if method.parameters:
                with contextlib.suppress(ArgumentError):
                    method.bind([data])  # type: ignore[list-item]
                    assert _depth(json.loads(data)) <= MAX_DEPTH


def _depth(value: Any) -> int:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if members is None else 1 + max(map(_depth, members), default=0)


def _tokens(data: bytes) -> None:
    """No bytes are a token; and what was protected is taken for a token only if it is spelled as ours are."""
    text = _text(data)
    with contextlib.suppress(InvalidToken):
        raise AssertionError(_PROTECTION.unprotect(text))
    protected = _PROTECTION.protect(text)
    with contextlib.suppress(InvalidToken):
        connection = ConnectionToken.decode(protected, _PROTECTION)
        assert f"{connection.connection_id}:{connection.user_name}" == text
    with contextlib.suppress(InvalidToken):
        groups = GroupsToken.decode(protected, _ID, _PROTECTION)
        assert text.lower().startswith(f"{_ID}:")
        assert all(type(place) is int for place in groups.joined.values())
        groups.is_outdated(0, 1)


def _cursor(data: bytes) -> None:
    """A cursor is what it was read from, and safe wherever it stands."""
    text = _text(data)
    cursor = Cursor.parse(text)
    if cursor is not None:
        assert cursor.encode() == text
        assert cursor.sequence >= 0


def _scripts(data: bytes) -> None:
    """A callback is a name and nothing else; JSON in a page ends no script element."""
    text = _text(data)
    with contextlib.suppress(RequestError):
        check_callback(text)
        assert text.replace(".", "").replace("$", "_").isidentifier() and text.isascii(), text
        assert LongPollingFraming(callback=text)(Envelope("c", 1)).startswith(text.encode() + b"({")
    message = encode(text)
    assert json.loads(message) == text
    for line_end in ("\u2028", "\u2029", "\u0085"):
        assert line_end not in message.decode()
    frame = forever_frame_framing(Envelope("c", 1, (message,)))
    assert frame.count(b"<") == 2 and frame.count(b">") == 2, frame


def _handshake(data: bytes) -> None:
    """Hub names are texts, each once; versions are two to four short numbers."""
    text = _text(data)
    with contextlib.suppress(MalformedConnectionData):
        names = parse_connection_data(text)
        assert len({name.lower() for name in names}) == len(names)
        assert all(type(name) is str and name for name in names)
    version = str(ProtocolVersion.resolve(text)).split(".")
    assert 2 <= len(version) <= 4 and all(part.isascii() and part.isdigit() and len(part) <= 10 for part in version)


def _redaction(data: bytes) -> None:
    """Whatever stands around a token of ours, it does not get into the log."""
    text = _text(data)
    middle = len(text) // 2
    assert _OUR_TOKEN not in redacted(text[:middle] + _OUR_TOKEN + text[middle:])


def _words(text: str) -> tuple[bytes, ...]:
    """Words with blanks between them, written as in a literal of bytes."""
    return tuple(word.encode("latin-1").decode("unicode_escape").encode("latin-1") for word in text.split())


_JSON_WORDS = (
    *_words(r"""[ ] { } , : " \\ \\u \\ud800 \\udc00 \\" 0 - 1 9 e E . + 1e400 1e-400 NaN Infinity null true false"""),
    *_words(r"""\xc3\xa9 \xf0\x9f\x98\x80 99999999999999999999 [] {} "" "a" /Date(0)/ P1D 00:00 \x20 \x00 \xff"""),
    *_words("[[[[[[[[[[[ ]]]]]]]]]]]"),
)
_CALL = b'{"H":"probe","M":"%b","A":[%b],"I":"7","S":{"a":1}}'
_CALL_WORDS = (
    *_JSON_WORDS,
    *_words('"H" "M" "A" "I" "S" "P" "probe" "hello" "echo" "symbol" "parts"'),
)
_ARGUMENTS = (
    *_words(
        '1 1.5 "1e3" "x" true null [1,2.5] [1,"a","2020-01-02T03:04:05Z"] "1.02:03:04.5" {"a":[1.0,"2"]} "read,write"'
    ),
    *_words(
        '{"symbol":"A","price":1.10,"side":"buy","parts":[{"symbol":"B"}]} "AAAA" "/Date(1+0200)/" "PT5M" "12:30:00"'
    ),
    *_words('"2f1c7c5e-0f0e-4b8e-9d5e-7a2f3f0a1b2c" [[[[]]]] 1e400'),
)
_FORM_WORDS = _words(r"& = % %2 %41 %C3%A9 %00 %25 + ; data groupsToken messageId \xc3 \xff \r\n : a")
_HTTP_WORDS = (
    *_words(
        r"GET\x20 POST\x20 \x20HTTP/1.1\r\n \x20HTTP/1.0\r\n Host:a\r\n Content-Length:3\r\n content-length:\x203\r\n"
    ),
    *_words(
        r"Transfer-Encoding:chunked\r\n Connection:keep-alive\r\n Connection:close\r\n Connection:Upgrade\r\n abc _"
    ),
    *_words(r"Expect:100-continue\r\n Upgrade:websocket\r\n \r\n \n \r \x20 \t : 0\r\n\r\n \x00 \xff \x0b \x0c"),
    *_words(r"/?a=b # http://a/ * +3 3,3 0x3"),
)

TARGETS: dict[str, Target] = {
    "simple_request": Target(
        _simple_request,
        [
            b"GET /signalr/ping?a=b HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
            b"POST /signalr/send HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc",
            b"GET /c HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n",
        ],
        _HTTP_WORDS,
    ),
    "request": Target(
        _request,
        [
            b"GET http://a/ping HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n",
            b"POST /send HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
            b"POST /send HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nX: y\r\n\r\n",
        ],
        (*_HTTP_WORDS, *_words(r"3\r\nabc\r\n 0\r\nX:y\r\n\r\n ;x HEAD\x20 OPTIONS\x20*")),
    ),
    "parameters": Target(
        _parameters, [b"data=%7B%22a%22%7D&x=1&X=2", b"host: a\nx:1\nX: 2", b"a=+%C3%A9"], _FORM_WORDS
    ),
    "invocation": Target(
        _invocation,
        [_CALL % (b"hello", b""), *(_CALL % (b"untyped", argument) for argument in _ARGUMENTS)],
        _CALL_WORDS,
    ),
    "argument": Target(_argument, _ARGUMENTS, _JSON_WORDS),
    "tokens": Target(
        _tokens,
        [b"id:ann", _ID.encode() + b':["e",5,[["chat.a",1]]]', b"gAAAAABo" + b"-_aZ" * 30],
        (*_JSON_WORDS, _ID.encode(), *_words("- _ gAAAAA")),
    ),
    "cursor": Target(_cursor, [b"9f-1a", b"e-0"], _words(r"- 0x _ + 0 f F \x20 \xd9\xa3")),
    "scripts": Target(
        _scripts,
        [b"jQuery1.cb_2", b"a", b"</script><script>alert(1)</script>", "\u2028\u2029\u0085".encode()],
        _words(r". $ _ ( ) <!-- </script> delete new \xe2\x80\xa8 \x85 \\ [0]"),
    ),
    "handshake": Target(
        _handshake,
        [b'[{"name":"chat"},{"Name":"news"}]', b"2.1", b"null"],
        (*_JSON_WORDS, *_words('{"name":"a"} "name":')),
    ),
    "redaction": Target(
        _redaction,
        [b"GET /a?connectionToken=x&b HTTP/1.1", b"{'cookie': ['a', 'b']}", b"https://ann:secret@a/", b'"token": "x"'],
        (
            *_words(r"""token cookie Authorization = %3D %253D : " ' b' \\ [ ( , \x20 :// @ & %26 \xe2\x80\xa6"""),
            b"gAAAAAbcdefghijklmnop",
        ),
    ),
}
