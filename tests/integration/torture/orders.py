"""
How the processes of these tests are told what to do: orders come on the standard input, answers leave on the standard
output, one JSON object a line each.

:mod:`.workers` has the other end.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import deferLater
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

__all__ = ["obey", "pause", "reactor"]

reactor: Any = installed_reactor


def pause(seconds: float) -> Deferred[None]:
    """Let time pass."""
    return deferLater(reactor, seconds, lambda: None)


def obey(orders: Mapping[str, Callable[..., Any]]) -> None:
    """
    Carry out orders until there are no more.

    Args:
        orders: what can be ordered: functions of keyword arguments, whose results, perhaps Deferred, can be JSON.
    """
    seen = LogLevelFilterPredicate(defaultLogLevel=LogLevel.warn)
    observer = FilteringLogObserver(textFileLogObserver(sys.stderr), [seen])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    StandardIO(_Orders(orders))
    reactor.run()


class _Orders(LineOnlyReceiver):
    """The standard input and output."""

    delimiter = b"\n"
    MAX_LENGTH = 1 << 24

    def __init__(self, orders: Mapping[str, Callable[..., Any]]) -> None:
        self._orders = orders

    def lineReceived(self, line: bytes) -> None:
        order = json.loads(line)
        done: Deferred[Any] = maybeDeferred(self._orders[order["do"]], **order["with"])
        done.addCallbacks(lambda result: {"result": result}, lambda failure: {"error": failure.getTraceback()})
        done.addCallback(lambda answer: self.sendLine(json.dumps(answer).encode()))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        # Who gave the orders is gone.
        if reactor.running:
            reactor.stop()
