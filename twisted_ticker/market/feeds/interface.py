"""
What a market asks of a feed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Protocol

from ..stock import Stock

__all__ = ["Feed"]


class Feed(Protocol):
    """
    Where the prices of one market come from.

    The market asks while it is open; what a feed hears from its source meanwhile, it keeps until it is asked, the
    newest price of each stock at least. A feed whose time can wait (a recording) stands still while it is not asked.
    """

    @property
    def is_stale(self) -> bool:
        """Whether prices are out of date, because the source is down. Asked at each step, open or not."""

    def trades(self, stocks: Sequence[Stock], elapsed_seconds: float) -> Iterable[tuple[str, Decimal]]:
        """
        What is traded in one step.

        Args:
            stocks: all stocks as they are now.
            elapsed_seconds: time since the step before.

        Returns:
            Symbol and price of each trade, oldest first: listed symbols, and positive prices in whole cents.
        """

    def restart(self) -> None:
        """Begin again, as on a new day: the market was reset."""
