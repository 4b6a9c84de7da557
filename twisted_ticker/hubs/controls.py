"""
The ticker's hubs for markets that not everybody may control: looking is open to all, the buttons to those who are
logged in.
"""

from __future__ import annotations

from ..signalr import authorize, hub_method
from .stock_board import StockBoardHub
from .stock_ticker import StockTickerHub

__all__ = ["GuardedStockBoardHub", "GuardedStockTickerHub"]


class GuardedStockTickerHub(StockTickerHub):
    """The hub of the full sample; it obeys those whom the server knows."""

    @authorize
    @hub_method
    def open_market(self) -> None:
        """Begin trading."""
        super().open_market()

    @authorize
    @hub_method
    def close_market(self) -> None:
        """End trading."""
        super().close_market()

    @authorize
    @hub_method
    def reset(self) -> None:
        """Go back to the opening prices; refused while the market is open."""
        super().reset()


class GuardedStockBoardHub(GuardedStockTickerHub, StockBoardHub):
    """The hub of our own page; it obeys those whom the server knows, and tells the page so."""

    @property
    def _may_control(self) -> bool:
        return self.context.user is not None
