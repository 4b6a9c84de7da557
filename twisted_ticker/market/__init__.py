"""
The stock market: prices, trading hours, and the service that makes time pass.

It knows no web and no SignalR; whoever wants to show prices observes a `Market`.
"""

from .market import (
    FULL_SAMPLE_LISTING,
    MINI_SAMPLE_LISTING,
    Market,
    MarketError,
    MarketObserver,
    MarketState,
    PriceMoves,
    RandomSource,
)
from .service import MarketService
from .stock import LOWEST_PRICE, Stock, quantize_cents

__all__ = [
    "FULL_SAMPLE_LISTING",
    "LOWEST_PRICE",
    "MINI_SAMPLE_LISTING",
    "Market",
    "MarketError",
    "MarketObserver",
    "MarketService",
    "MarketState",
    "PriceMoves",
    "RandomSource",
    "Stock",
    "quantize_cents",
]
