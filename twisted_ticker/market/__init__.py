"""
The stock market: prices, trading hours, and the service that makes time pass.

It knows no web and no SignalR; whoever wants to show prices observes a `Market`.
"""

from .feeds import Feed, PriceMoves, RandomFeed, RandomSource
from .history import Curve, Point, PriceHistory
from .market import (
    FULL_SAMPLE_LISTING,
    MINI_SAMPLE_LISTING,
    Market,
    MarketError,
    MarketObserver,
    MarketState,
)
from .service import MarketService
from .stock import LOWEST_PRICE, Stock, quantize_cents

__all__ = [
    "FULL_SAMPLE_LISTING",
    "LOWEST_PRICE",
    "Curve",
    "Feed",
    "MINI_SAMPLE_LISTING",
    "Market",
    "MarketError",
    "MarketObserver",
    "MarketService",
    "MarketState",
    "Point",
    "PriceHistory",
    "PriceMoves",
    "RandomFeed",
    "RandomSource",
    "Stock",
    "quantize_cents",
]
