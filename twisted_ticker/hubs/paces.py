"""
Paces: how often a viewer is told of price changes, and the conflation that goes with it.

All viewers of one pace get the same messages at the same time, so a slow pace costs the server less, not more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ..market import Stock
from ..signalr import HubContext
from .quotes import FullQuote, full_quote

__all__ = ["UPDATE_RATES", "Pace", "group_of"]

#: The names of the paces, and how many seconds lie between two updates of each.
UPDATE_RATES = {"all": 0.0, "4": 0.25, "1": 1.0, "0.2": 5.0}

# Steps of the market do not come to the millisecond; one that is a little early is not kept for the next time.
_EARLY_SECONDS = 0.025


def group_of(rate: str) -> str:
    """The group of the viewers of a pace."""
    return f"rate {rate}"


class Pace:
    """
    Tells the viewers of one pace the price changes: the latest of each stock, when its time has come.

    Args:
        rate: one of :data:`UPDATE_RATES`.
        context: of the hub.
        clock: the time.

    Attributes:
        conflated: how many price changes were never sent, because a newer one of the same stock replaced them.
    """

    def __init__(self, rate: str, context: HubContext, clock: IReactorTime) -> None:
        self.conflated = 0
        self._interval = UPDATE_RATES[rate]
        self._viewers: Any = context.clients.group(group_of(rate))
        self._clock = clock
        self._due = clock.seconds()
        self._pending: dict[str, Stock] = {}
        self._timer: IDelayedCall | None = None

    def prices_changed(self, stocks: Sequence[Stock]) -> None:
        """Tell the viewers of these changes, now or later."""
        if not self._interval:
            self._send(stocks)
            return
        for stock in stocks:
            self.conflated += stock.symbol in self._pending
            self._pending[stock.symbol] = stock
        wait = self._due - self._clock.seconds()
        if wait <= _EARLY_SECONDS:
            self.flush()
        elif self._timer is None:
            self._timer = self._clock.callLater(wait, self.flush)

    def flush(self) -> None:
        """Tell the viewers all that they have not been told."""
        if self._timer is not None:
            if self._timer.active():
                self._timer.cancel()
            self._timer = None
        pending, self._pending = self._pending, {}
        if pending:
            self._due = self._clock.seconds() + self._interval
            self._send(tuple(pending.values()))

    def forget(self) -> None:
        """Leave the viewers untold of what they have not been told: they are about to be told everything."""
        self._pending.clear()
        self.flush()

    def _send(self, stocks: Sequence[Stock]) -> None:
        quotes: list[FullQuote] = [full_quote(stock) for stock in stocks]
        self._viewers.updateStockPrices(quotes)
