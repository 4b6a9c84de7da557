"""
How much JSON is, before anybody takes it apart: the time that a client's text takes is bounded by what it holds.

What is counted here is counted by the C library's searches, which go through a mebibyte in less than a millisecond. A
text of that length may hold half a million values, and what converts them needs a microsecond or more for each.
"""

from __future__ import annotations

__all__ = ["holds_more_values", "is_deeper"]

_BRACKETS = b"[]{}"
_ALL_BUT_BRACKETS = bytes(byte for byte in range(256) if byte not in _BRACKETS)
_TO_SQUARE = bytes.maketrans(b"{}", b"[]")


def holds_more_values(text: str, limit: int) -> bool:
    """
    Whether a JSON text holds more values than *limit*: numbers, texts, literals, arrays and objects; an empty array or
    object may count twice. Of what is no JSON, the same is said of what comes before the first error.
    """
    # Each value but the outermost has a comma before it, or the bracket of what it is in.
    if text.count(",") + text.count("[") + text.count("{") < limit:
        return False
    # Many texts are values, or names of values. To count them is cheap, and to cut them out is not.
    raw = _without_escapes(text.encode("utf-8", "replace"))
    if raw.count(b'"') > 4 * limit:
        return True
    outside = _outside_of_texts(raw)
    return outside.count(b",") + outside.count(b"[") + outside.count(b"{") >= limit


def is_deeper(text: bytes, limit: int) -> bool:
    """Whether arrays and objects are nested deeper than *limit* in a text that is JSON."""
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    brackets = _outside_of_texts(_without_escapes(text)).translate(_TO_SQUARE, _ALL_BUT_BRACKETS)
    # Each time, what is innermost goes.
    for _ in range(limit):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _without_escapes(text: bytes) -> bytes:
    return text.replace(rb"\\", b"").replace(rb"\"", b"")


def _outside_of_texts(text: bytes) -> bytes:
    return b"".join(text.split(b'"')[::2])
