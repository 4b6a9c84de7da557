"""
The stock market: prices, trading hours, and the service that makes time pass.

It knows no web and no SignalR; whoever wants to show prices observes a `Market`.
"""

from .feeds import Feed, PriceMoves, RandomFeed, RandomSource
from .history import Curve, CurveChanges, CurveMark, Point, PriceHistory
from .listing import FileError, Listing, read_listing
from .market import (
    FULL_SAMPLE_LISTING,
    MINI_SAMPLE_LISTING,
    Market,
    MarketError,
    MarketObserver,
    MarketState,
)
from .recorder import MarketRecorder, Saving, Store, ThreadedSaving
from .service import MarketService
from .stock import LOWEST_PRICE, Stock, quantize_cents
from .store import MarketChanges, SqliteStore, StoredMarket, StoreError

__all__ = [
    "FULL_SAMPLE_LISTING",
    "LOWEST_PRICE",
    "Curve",
    "CurveChanges",
    "CurveMark",
    "Feed",
    "FileError",
    "Listing",
    "MINI_SAMPLE_LISTING",
    "Market",
    "MarketChanges",
    "MarketError",
    "MarketObserver",
    "MarketRecorder",
    "MarketService",
    "MarketState",
    "Point",
    "PriceHistory",
    "PriceMoves",
    "RandomFeed",
    "RandomSource",
    "Saving",
    "SqliteStore",
    "Stock",
    "Store",
    "StoreError",
    "StoredMarket",
    "ThreadedSaving",
    "quantize_cents",
    "read_listing",
]
