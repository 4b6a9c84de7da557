"""
What ``--feed`` may say, and the feeds that it means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from urllib.parse import SplitResult, parse_qsl, urlsplit

__all__ = ["FeedSpec", "HttpSpec", "RandomSpec", "ReplaySpec", "parse_feed"]

_FORMS = "random[:SEED], replay:FILE[:SPEED] or http:URL[#every=SECONDS&timeout=SECONDS]"
_MAX_SPEED = 1000.0
_MIN_SECONDS, _MAX_SECONDS = 0.05, 3600.0
#: What URLs are made of; anything else has to be written as %XX, a host as its ASCII name.
_URL = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class RandomSpec:
    """
    Prices by chance.

    Attributes:
        seed: decides which; other prices each time if ``None``.
    """

    seed: str | None = None


@dataclass(frozen=True, slots=True)
class ReplaySpec:
    """
    A recording.

    Attributes:
        path: its file.
        speed: how many of its seconds pass in one of ours; above 0, at most 1000.
    """

    path: str
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class HttpSpec:
    """
    Quotes from the web.

    Attributes:
        url: ``http`` or ``https``, without a fragment.
        every_seconds: time from one question to the next.
        timeout_seconds: how long an answer may take.
    """

    url: str
    every_seconds: float = 1.0
    timeout_seconds: float = 5.0

    @property
    def name(self) -> str:
        """The URL without its query, which may be secret."""
        return self.url.partition("?")[0]


FeedSpec = RandomSpec | ReplaySpec | HttpSpec


def parse_feed(text: str) -> FeedSpec:
    """
    Read the value of ``--feed``.

    Args:
        text: ``random[:SEED]``; ``replay:FILE[:SPEED]``, where the file's name may have colons; or ``http:URL``, also
            just the URL. The URL's fragment, which servers never see, may set ``every`` and ``timeout``.

    Raises:
        ValueError: it is none of these. The text says what is wrong, without "must".
    """
    kind, colon, rest = text.partition(":")
    if kind == "random" and bool(colon) == bool(rest):
        return RandomSpec(rest or None)
    if kind == "replay" and rest:
        return _replay(rest)
    if kind in ("http", "https") and rest:
        return _http(text if rest.startswith("//") else rest)
    raise ValueError(f"must be {_FORMS}, not {text!r}")


def _replay(rest: str) -> ReplaySpec:
    path, _, speed_text = rest.rpartition(":")
    speed = _number(speed_text)
    if not path or speed is None:
        return ReplaySpec(rest)
    if not 0 < speed <= _MAX_SPEED:
        raise ValueError(f"SPEED must be above 0 and at most {_MAX_SPEED:g}, not {speed_text}")
    return ReplaySpec(path, speed)


def _http(text: str) -> HttpSpec:
    url, _, settings = text.partition("#")
    try:
        parts = urlsplit(url)
        is_usable = _is_usable(parts) and bool(_URL.fullmatch(url))
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ValueError(
            f"the URL must begin with http:// or https:// and a host, without a user or spaces, not {url!r}"
        )
    seconds: dict[str, float] = {}
    for name, value in parse_qsl(settings, keep_blank_values=True):
        number = _number(value)
        if name not in ("every", "timeout") or name in seconds:
            raise ValueError(f"after # there may be every=SECONDS and timeout=SECONDS, not {settings!r}")
        if number is None or not _MIN_SECONDS <= number <= _MAX_SECONDS:
            raise ValueError(f"{name} must be from {_MIN_SECONDS:g} to {_MAX_SECONDS:g} seconds, not {value!r}")
        seconds[name] = number
    if settings and not seconds:
        raise ValueError(f"after # there may be every=SECONDS and timeout=SECONDS, not {settings!r}")
    return HttpSpec(url, **{f"{name}_seconds": number for name, number in seconds.items()})


def _is_usable(parts: SplitResult) -> bool:
    # Asking for the port checks it.
    has_port = parts.port != 0
    return parts.scheme in ("http", "https") and bool(parts.hostname) and has_port and "@" not in parts.netloc


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else -1.0
