"""
How copies of a file are told apart, and what a client that has one already is to be sent (RFC 9110, 8.8 and 13).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from twisted.web.http import datetimeToString, stringToDatetime

__all__ = ["NOT_MODIFIED", "PRECONDITION_FAILED", "Validators"]

NOT_MODIFIED, PRECONDITION_FAILED = 304, 412

#: What has changed this recently, in seconds, may change again without its time or size telling: clocks of file
#: systems do not tick all the time.
_UNSETTLED_SECONDS = 2.0

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')

#: Finds a header of a request.
_Header = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Validators:
    """
    Tell one version of a file from all others.

    Attributes:
        etag: with its quotes. Weak (``W/``) while the file may still be changing, so that nobody puts pieces of two
            versions together.
        last_modified: in whole seconds since the epoch.
    """

    etag: str
    last_modified: int

    @classmethod
    def of(cls, size: int, modified_ns: int, now: float) -> Validators:
        """
        Those of a file.

        Args:
            size: in bytes.
            modified_ns: when it was changed, in nanoseconds since the epoch.
            now: in seconds since the epoch.
        """
        seconds = modified_ns / 1e9
        strength = "" if seconds < now - _UNSETTLED_SECONDS else "W/"
        # What will be, has not been: a file may come from a machine whose clock is ahead.
        return cls(f'{strength}"{modified_ns:x}-{size:x}"', int(min(seconds, now)))

    @property
    def date(self) -> bytes:
        """:attr:`last_modified` as headers have it."""
        return bytes(datetimeToString(self.last_modified))

    def outcome(self, header: _Header) -> int | None:
        """
        The status that the conditions of a ``GET`` or ``HEAD`` lead to; ``None`` if the file is to be sent.

        Args:
            header: returns a header of the request, by name.
        """
        match, unmodified = header("If-Match"), header("If-Unmodified-Since")
        if match is not None:
            if match.strip() != "*" and self.etag not in _strong_tags(match):
                return PRECONDITION_FAILED
        elif unmodified is not None and self._is_after(unmodified):
            return PRECONDITION_FAILED
        none_match, modified = header("If-None-Match"), header("If-Modified-Since")
        if none_match is not None:
            # A copy need not be the same byte for byte to be good enough.
            opaque = self.etag.removeprefix("W/")
            known = {tag.removeprefix("W/") for tag in _TAG.findall(none_match)}
            return NOT_MODIFIED if none_match.strip() == "*" or opaque in known else None
        return NOT_MODIFIED if modified is not None and self._is_after(modified) is False else None

    def has_this(self, header: _Header) -> bool:
        """Whether a client that asks for ranges has pieces of this version, or does not say (``If-Range``)."""
        told = header("If-Range")
        if told is None:
            return True
        told = told.strip()
        is_strong = not self.etag.startswith("W/")
        return is_strong and (told == self.etag or _time(told) == self.last_modified)

    def _is_after(self, date: str) -> bool | None:
        """Whether the file was changed after a time; ``None`` if it is no time."""
        time = _time(date)
        return None if time is None else self.last_modified > time


def _strong_tags(header: str) -> list[str]:
    return [tag for tag in _TAG.findall(header) if not tag.startswith("W/")]


def _time(date: str) -> int | None:
    try:
        return int(stringToDatetime(date.encode("ascii")))
    except (ValueError, IndexError, OverflowError):
        return None
