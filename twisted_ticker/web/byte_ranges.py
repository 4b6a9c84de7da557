"""
Which bytes of a file a client wants (RFC 9110, 14).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["ByteRange", "ranges_of"]

_UNIT = "bytes"
_SPEC = re.compile(r"([0-9]{0,20})-([0-9]{0,20})")

#: Who wants more pieces than that gets the whole, which is less work.
_MAX_RANGES = 16


@dataclass(frozen=True, slots=True)
class ByteRange:
    """*size* bytes from *offset* on; at least one."""

    offset: int
    size: int


def ranges_of(header: str, total: int) -> list[ByteRange] | None:
    """
    The ranges that a ``Range`` header wants.

    Args:
        header: its value.
        total: size of the file in bytes.

    Returns:
        Those that there are, in the order in which they were asked for; none, if it is nonsense or none of them is
        there, so that the request cannot be satisfied. ``None`` if the whole file shall be sent instead: the unit is
        unknown, or there are so many ranges, or such that overlap, that they would only be work for us.
    """
    unit, equals, wanted = header.partition("=")
    if not equals or unit.strip().lower() != _UNIT:
        return None
    specs = [spec for spec in (part.strip() for part in wanted.split(",")) if spec]
    if len(specs) > _MAX_RANGES:
        return None
    found = []
    for spec in specs:
        bounds = _SPEC.fullmatch(spec)
        if bounds is None or spec == "-" or _is_backwards(bounds[1], bounds[2]):
            return []
        there = _there(bounds[1], bounds[2], total)
        if there is not None:
            found.append(there)
    return None if _overlap(found) else found


def _is_backwards(first: str, last: str) -> bool:
    return bool(first and last) and int(first) > int(last)


def _there(first: str, last: str, total: int) -> ByteRange | None:
    """What there is of one range, whose bounds are empty where they are left open."""
    if first:
        offset, end = int(first), min(int(last or total - 1), total - 1) + 1
    else:
        offset, end = max(total - int(last), 0), total
    return ByteRange(offset, end - offset) if offset < end else None


def _overlap(ranges: Iterable[ByteRange]) -> bool:
    end = 0
    for one in sorted(ranges, key=lambda one: one.offset):
        if one.offset < end:
            return True
        end = one.offset + one.size
    return False
