"""
Makes the feed that was asked for.

It brings twisted.web along. So the package does not import it; whoever wants it has to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from random import Random
from typing import Any

from twisted.logger import Logger

from .http_source import HttpSource
from .interface import Feed
from .polling import PollingFeed
from .random_walk import RandomFeed
from .recording import Recording
from .replay import ReplayFeed
from .specification import FeedSpec, HttpSpec, RandomSpec, ReplaySpec

__all__ = ["prepare_feed"]

_log = Logger()


def prepare_feed(spec: FeedSpec, listed: Collection[str]) -> Callable[[Any], Feed]:
    """
    Check, before anything starts, that there can be such a feed.

    Args:
        spec: which.
        listed: the symbols of its market.

    Returns:
        Makes the feed when it is called with the reactor. If the feed provides `IService`, it has to be started.

    Raises:
        FileError: a recording cannot be played.
    """
    match spec:
        case RandomSpec(seed):
            return lambda reactor: RandomFeed(Random(seed))
        case ReplaySpec(path, speed):
            recording = Recording.read(path, listed)
            return lambda reactor: ReplayFeed(recording, speed=speed, ended=partial(_say_ended, path))
        case HttpSpec(url, every_seconds, timeout_seconds):
            return lambda reactor: PollingFeed(
                HttpSource(url, reactor=reactor, timeout_seconds=timeout_seconds),
                listed,
                name=spec.name,
                period_seconds=every_seconds,
                clock=reactor,
                random=Random(),
            )


def _say_ended(path: str) -> None:
    _log.info("The recording {path} has ended", path=path)
