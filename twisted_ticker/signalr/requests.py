"""
HTTP as the library sees it: a request and a response as plain values, whatever server carries them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from .percent import percent_decoded

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from .interfaces import IReceiver

__all__ = ["JAVASCRIPT", "JSON", "CaseInsensitive", "Headers", "ReceiveChannel", "Request", "Response", "User"]

JSON = "application/json; charset=UTF-8"
JAVASCRIPT = "application/javascript; charset=UTF-8"

#: More parameters than this are refused by parsing none: no client sends a tenth of it.
_MAX_PARAMETERS = 200


#: Longer values are not remembered, and longer names are passed over.
_MAX_REMEMBERED = 200

#: Of a poll, what is new each time: where the client stands, and what is there to keep caches from answering.
_CHANGING = ("messageId=", "tid=", "_=")

#: Queries of polls are remembered without those, as long as they are no longer than this and there are no more.
_MAX_REPEATED_QUERY = 1024
_MAX_REPEATED_QUERIES = 16384


class CaseInsensitive(Mapping[str, str]):
    """A read-only mapping that finds its keys in any letter case and iterates over them in lower case."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, str] | None = None) -> None:
        self._items = {name.lower(): value for name, value in (items or {}).items()}

    @classmethod
    def from_form(cls, encoded: str) -> CaseInsensitive:
        """
        The parameters of a query string or form. A repeated name has its values joined with commas; ``+`` is a
        blank, and bytes that are no UTF-8 become U+FFFD.
        """
        if not encoded or encoded.count("&") >= _MAX_PARAMETERS:
            return _EMPTY
        values: dict[str, str] = {}
        repeated: dict[str, list[str]] = {}
        for piece in encoded.split("&"):
            name, _, value = piece.partition("=")
            # There is none that is longer, and to find it in any letter case would take its time.
            if piece and len(name) <= _MAX_REMEMBERED:
                key = _decoded(name).lower()
                value = _decoded(value)
                if key in values:
                    repeated.setdefault(key, [values[key]]).append(value)
                else:
                    values[key] = value
        values.update((key, ",".join(several)) for key, several in repeated.items())
        return cls._of(values)

    @classmethod
    def from_repeated_query(cls, encoded: str) -> CaseInsensitive:
        """
        As :meth:`from_form`, for a query that a client sends again and again with little of it changed; what is the
        same is remembered.
        """
        if len(encoded) > _MAX_REPEATED_QUERY:
            return cls.from_form(encoded)
        changing: list[str] = []
        steady: list[str] = []
        for piece in encoded.split("&"):
            (changing if piece.startswith(_CHANGING) else steady).append(piece)
        values = dict(_steady_parameters("&".join(steady))._items)
        for piece in changing:
            name, _, value = piece.partition("=")
            key = name.lower()
            if key in values:
                return cls.from_form(encoded)
            values[key] = _decoded(value)
        return cls._of(values)

    @classmethod
    def _of(cls, items: dict[str, str]) -> CaseInsensitive:
        """The mapping of *items*, whose keys are in lower case already."""
        mapping = cls.__new__(cls)
        mapping._items = items
        return mapping

    def __getitem__(self, name: str) -> str:
        return self._items[name.lower()]

    def compact(self) -> CaseInsensitive:
        """The same mapping, as it is best kept for long."""
        return self

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a name, or *default*."""
        # That of Mapping lets a lookup fail, which costs ten times as much.
        return self._items.get(name.lower(), default)

    def has(self, *names: str) -> bool:
        """Whether one of some names, written in lower case, is there."""
        items = self._items
        return any(name in items for name in names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        # Values may be tokens, and what can be printed ends up in a log.
        return f"<CaseInsensitive {', '.join(self._items)}>"


@lru_cache(_MAX_REPEATED_QUERIES)
def _steady_parameters(encoded: str) -> CaseInsensitive:
    return CaseInsensitive.from_form(encoded)


def _decoded(text: str) -> str:
    # Few parameters have anything to decode, and most of those are the same for all clients.
    if "+" in text:
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    return _unquoted(text) if len(text) <= _MAX_REMEMBERED else percent_decoded(text)


@lru_cache(maxsize=512)
def _unquoted(text: str) -> str:
    return unquote(text, errors="replace")


_EMPTY = CaseInsensitive()


class Headers(CaseInsensitive):
    """
    The headers of a request, kept as they came and taken apart when somebody asks for one.

    Requests are kept as long as their connections, and few are ever asked.

    Args:
        raw: one header a line, such as ``b"Host: example.org"``; a repeated name has its values joined with commas.
    """

    __slots__ = ("_parsed", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._parsed: dict[str, str] | None = None

    @property
    def _items(self) -> dict[str, str]:  # type: ignore[override]
        items = self._parsed
        if items is None:
            items = self._parsed = {}
            for line in self._raw.decode("latin-1").split("\n"):
                name, _, value = line.partition(":")
                key = name.lower()
                items[key] = f"{items[key]},{value.strip()}" if key in items else value.strip()
        return items

    @property
    def raw(self) -> bytes:
        """The headers as they came."""
        return self._raw

    def compact(self) -> Headers:
        """The same headers, taking less room until somebody asks."""
        return self if self._parsed is None else Headers(self._raw)


@dataclass(frozen=True, slots=True)
class User:
    """Who sends a request: a *name*, and the *roles* that he has."""

    name: str
    roles: Collection[str] = ()


@dataclass(frozen=True)
class Request:
    """
    One HTTP request.

    Attributes:
        method: ``GET``, ``POST``…
        uri: path and query as they were sent.
        path: the path, percent-decoded.
        headers: by name, in any letter case.
        query: parameters of the query string, by name in any letter case.
        body: the whole body.
        remote_address: the peer's address, without its port.
        can_upgrade: whether the request asks for a WebSocket, and the server can open one.
        is_secure: whether it came by TLS to this server itself.
        user: who sends it, as far as the web server knows: the twisted.cred avatar.
    """

    method: str
    # Tokens travel in it, and what can be printed ends up in a log.
    uri: str = field(repr=False)
    path: str
    headers: CaseInsensitive = field(default_factory=CaseInsensitive, repr=False)
    body: bytes = field(default=b"", repr=False)
    remote_address: str = ""
    can_upgrade: bool = False
    is_secure: bool = False
    user: User | None = None

    @property
    def query(self) -> CaseInsensitive:
        """The query string's parameters."""
        query: CaseInsensitive | None = vars(self).get("_query")
        if query is None:
            encoded = self.uri.partition("?")[2]
            repeats = self.path.endswith("/poll")
            query = (CaseInsensitive.from_repeated_query if repeats else CaseInsensitive.from_form)(encoded)
            vars(self)["_query"] = query
        return query

    @property
    def form(self) -> CaseInsensitive:
        """The body's parameters, whatever its content type says: old clients say nothing, or JSON."""
        if not self.body:
            return _EMPTY
        form: CaseInsensitive | None = vars(self).get("_form")
        if form is None:
            form = vars(self)["_form"] = CaseInsensitive.from_form(self.body.decode("utf-8", "replace"))
        return form

    def release(self) -> None:
        """
        Let go of the body, and of what can be had again: the request has been acted on, and is kept for as long as its
        connection, to tell who sent it.
        """
        attributes = vars(self)
        attributes["body"] = b""
        attributes["headers"] = self.headers.compact()
        attributes.pop("_query", None)
        attributes.pop("_form", None)


@dataclass(frozen=True, slots=True)
class Response:
    """
    One HTTP response.

    Attributes:
        status: three digits.
        body: the whole body.
        content_type: ``None`` for a response without that header.
        reason: the reason phrase, where it is not the status's usual one.
        headers: further ones.
    """

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    reason: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReceiveChannel:
    """
    What a receive request is answered with: no response, but a channel for the server's messages.

    Attributes:
        transport: wire name of the transport to open.
        open: to be called once with the open transport's receiver.
        received: to be called with each text that the client sends on the channel itself, and with what shall send
            the result of it back. What it returns fires when that text has been acted on; ``None`` if it never will be.
        frame_id: number of a forever frame in the page around it.
        callback: the function that a JSONP client wants to have called.
        headers: further ones of the response that carries the channel.
    """

    transport: str
    open: Callable[[IReceiver], None]
    received: Callable[[str, Callable[[bytes], None]], Deferred[None] | None]
    frame_id: int = 0
    callback: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
