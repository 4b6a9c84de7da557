"""
Recorded and replayed bytes in one normal form: what two runs of the *same* server could differ in is taken out.

That is all that is taken out without being listed in :mod:`tests.golden.differences`:

- tokens are opaque: a connection token says for whom it is, a groups token which groups it names, a cursor nothing;
- connection ids are random;
- how many messages share an envelope, and how many bytes a chunk, is chance: neighbouring envelopes that have nothing
  but a cursor and messages count as one;
- which of several HTTP responses comes first, and how many milliseconds something takes, is chance;
- of an answer 500, everything but the status is the host's, and so are reason phrases, ``Server``, ``Date``, the order
  of headers, and whether a body is chunked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["Answer", "Event", "Piece", "join_envelopes", "messages_of", "neutral", "split_stream"]

#: Headers that are SignalR's, or the CORS middleware's.
_HEADERS = re.compile(r"content-type|x-content-type-options|cache-control|etag|vary|access-control-.*")

#: Reason phrases that are SignalR's.
_REASONS = ("Forbidden: JSONP is disabled.",)

_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_TEXT = r'((?:[^"\\]|\\.)*)'

_ENVELOPE = re.compile(r'(?P<head>.*\{"C":"<cursor>"(?:,"L":\d+)?,"M":\[)(?P<messages>.+)(?P<tail>\]\}.*)', re.DOTALL)

_STREAM_ITEMS = {
    "serverSentEvents": re.compile(r".*?\n\n", re.DOTALL),
    "foreverFrame": re.compile(r"<script>r\(c, .*?</script>(?:\r\n|\n\n)|<!DOCTYPE.*?(?=<script>r\(|\Z)", re.DOTALL),
    "longPolling": re.compile(r" |[^ ].*", re.DOTALL),
}


@dataclass(frozen=True)
class Answer:
    """A response without a stream; all fields in normal form."""

    status: int | None
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    @classmethod
    def of(cls, status: int | None, reason: str, headers: Iterable[tuple[str, str]], body: str) -> Answer:
        """
        The normal form of a response.

        Args:
            body: in normal form.
        """
        if status == 500:
            return cls(500)
        kept = {name.lower(): value for name, value in headers if _HEADERS.fullmatch(name.lower())}
        if "etag" in kept:
            kept["etag"] = "<tag>"
        return cls(status, reason if reason in _REASONS else "", kept, body)

    def with_headers(self, **headers: str) -> Answer:
        """The same with further headers, whose names are written with ``_`` for ``-``."""
        added = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **added})


@dataclass(frozen=True)
class Event:
    """What a hub was told; *about* is when, in milliseconds since the first."""

    about: float
    name: str
    argument: Any

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event):
            return NotImplemented
        return (self.name, self.argument) == (other.name, other.argument) and abs(self.about - other.about) < 200


@dataclass(frozen=True)
class Piece:
    """
    One thing on a channel: an event, a frame, a poll's blank or answer.

    Attributes:
        text: in normal form.
        sent: whether the client sent it.
        outside: whether others caused it.
    """

    text: str
    sent: bool = False
    outside: bool = False


def neutral(text: str, *, user: Callable[[str], str], groups: Callable[[str], list[str]]) -> str:
    """
    A body or message in normal form.

    Args:
        user: for whom a connection token is.
        groups: which groups a groups token names.
    """
    text = re.sub(r'"C":"[^"]*"', '"C":"<cursor>"', text, count=1)
    text = re.sub(f'(?<="ConnectionToken":)"{_TEXT}"', lambda found: f'"<token of {user(found[1])!r}>"', text, count=1)
    text = re.sub(f'"ConnectionId":"{_GUID}"', '"ConnectionId":"<id>"', text, count=1)
    return re.sub(
        f'(?<=,"G":)"{_TEXT}"',
        lambda found: f'"<groups {json.dumps(groups(json.loads(found[0])))}>"',
        text,
        count=1,
    )


def split_stream(transport: str, text: str) -> list[str]:
    """What a body consists of, as far as it is complete: events, scripts, or blanks and a poll's answer."""
    return _STREAM_ITEMS[transport].findall(text)


def messages_of(item: str) -> list[Any] | None:
    """The messages of an envelope, however it is wrapped; ``None`` when it is none."""
    found = re.search(r'\{"C":.*\}(?=\);</script>\r\n$|\n\n$|$)', item, re.DOTALL)
    return None if found is None else list(json.loads(found[0])["M"])


def join_envelopes(items: Iterable[str]) -> list[str]:
    """Items in normal form, with neighbouring envelopes of nothing but a cursor and messages made one."""
    joined: list[str] = []
    for item in items:
        previous = _ENVELOPE.fullmatch(joined[-1]) if joined else None
        this = _ENVELOPE.fullmatch(item)
        if previous and this and (previous["head"], previous["tail"]) == (this["head"], this["tail"]):
            joined[-1] = f"{previous['head']}{previous['messages']},{this['messages']}{this['tail']}"
        else:
            joined.append(item)
    return joined
