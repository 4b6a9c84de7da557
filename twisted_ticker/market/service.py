"""
The service that makes time pass in markets: one timer for all of them.

It is the only module of the package that knows Twisted, and decides nothing about prices.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from .market import Market

__all__ = ["MarketService"]


class MarketService(Service):
    """
    Steps all markets at a steady pace while it runs.

    A market whose step fails is logged and counted; it is stepped again next time, and the others at once.

    Args:
        markets: the markets to step, in this order.
        interval_seconds: time between two steps, and before the first one after each start.
        clock: the timer's clock, normally the reactor.

    Raises:
        ValueError: the interval is not a positive, finite number.
    """

    _log = Logger()

    def __init__(self, markets: Iterable[Market], *, interval_seconds: float, clock: IReactorTime) -> None:
        if not 0 < interval_seconds < math.inf:
            raise ValueError(f"interval_seconds must be positive and finite, not {interval_seconds}")
        self.failed_steps = 0
        """How many steps have failed, counted once for each market."""
        self._markets = tuple(markets)
        self._interval_seconds = interval_seconds
        self._loop = LoopingCall(self._step_markets)
        self._loop.clock = clock
        self._clock = clock
        self._last_step = 0.0
        self._stopped: Deferred[LoopingCall] = succeed(self._loop)

    def startService(self) -> None:
        """Begin to step, the first time one interval from now; the markets' states are left as they are."""
        super().startService()  # type: ignore[no-untyped-call]
        self._last_step = self._clock.seconds()
        self._stopped = self._loop.start(self._interval_seconds, now=False)

    def stopService(self) -> Deferred[LoopingCall]:
        """
        Step no more.

        Returns:
            Fires when the last step is over: at once, unless one is in progress further up the stack.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        if self._loop.running:
            self._loop.stop()
        return self._stopped

    def _step_markets(self) -> None:
        now = self._clock.seconds()
        elapsed, self._last_step = now - self._last_step, now
        for market in self._markets:
            self._step(market, elapsed)

    def _step(self, market: Market, elapsed_seconds: float) -> None:
        try:
            market.step(elapsed_seconds)
        except Exception as error:  # What escapes from here stops the loop for good.
            self.failed_steps += 1
            for cause in _causes(error):
                self._log.failure("A step of {market} failed", failure=Failure(cause), market=market.name)


def _causes(error: Exception) -> Iterator[Exception]:
    """The error, or those its group holds, however deep: a Failure of a group shows nothing of them."""
    if not isinstance(error, ExceptionGroup):
        yield error
        return
    for member in error.exceptions:
        yield from _causes(member)
