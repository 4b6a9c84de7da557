"""
The ticker's hubs, and what they tell their clients: the only package that knows both markets and SignalR.
"""

from .controls import GuardedStockBoardHub, GuardedStockTickerHub
from .quotes import FullQuote, MiniQuote
from .stock_board import Board, PriceCurve, StockBoardBroadcast, StockBoardHub
from .stock_ticker import StockTickerBroadcast, StockTickerHub, StockTickerMiniBroadcast, StockTickerMiniHub

__all__ = [
    "Board",
    "FullQuote",
    "GuardedStockBoardHub",
    "GuardedStockTickerHub",
    "MiniQuote",
    "PriceCurve",
    "StockBoardBroadcast",
    "StockBoardHub",
    "StockTickerBroadcast",
    "StockTickerHub",
    "StockTickerMiniBroadcast",
    "StockTickerMiniHub",
]
