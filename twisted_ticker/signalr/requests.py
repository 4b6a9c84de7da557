"""
HTTP as the library sees it: a request and a response as plain values, whatever server carries them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from .interfaces import IReceiver

__all__ = ["JAVASCRIPT", "JSON", "CaseInsensitive", "ReceiveChannel", "Request", "Response", "User"]

JSON = "application/json; charset=UTF-8"
JAVASCRIPT = "application/javascript; charset=UTF-8"

#: More parameters than this are refused by parsing none: no client sends a tenth of it.
_MAX_PARAMETERS = 200


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
        try:
            pairs = parse_qsl(encoded, keep_blank_values=True, errors="replace", max_num_fields=_MAX_PARAMETERS)
        except ValueError:
            return cls()
        values: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            values[key] = f"{values[key]},{value}" if key in values else value
        return cls(values)

    def __getitem__(self, name: str) -> str:
        return self._items[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        # Values may be tokens, and what can be printed ends up in a log.
        return f"<CaseInsensitive {', '.join(self._items)}>"


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
    user: User | None = None

    @cached_property
    def query(self) -> CaseInsensitive:
        """The query string's parameters."""
        return CaseInsensitive.from_form(self.uri.partition("?")[2])

    def without_body(self) -> Request:
        """The request as it is kept for later: with all that says who sent it, and nothing of what was sent."""
        return replace(self, body=b"") if self.body else self

    @cached_property
    def form(self) -> CaseInsensitive:
        """The body's parameters, whatever its content type says: old clients say nothing, or JSON."""
        return CaseInsensitive.from_form(self.body.decode("utf-8", "replace"))


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
            the result of it back.
        frame_id: number of a forever frame in the page around it.
        callback: the function that a JSONP client wants to have called.
        headers: further ones of the response that carries the channel.
    """

    transport: str
    open: Callable[[IReceiver], None]
    received: Callable[[str, Callable[[bytes], None]], None]
    frame_id: int = 0
    callback: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
