"""
Stocks as clients see them.

Members are named as the tutorial's pages read them; so their scripts run against this server unchanged.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict

from ..market import Stock

__all__ = ["FullQuote", "MiniQuote", "full_quote", "mini_quote"]


class FullQuote(TypedDict):
    """A stock as the full sample shows it; money in dollars, *PercentChange* as a fraction."""

    Symbol: str
    DayOpen: Decimal
    DayLow: Decimal
    DayHigh: Decimal
    LastChange: Decimal
    Change: Decimal
    PercentChange: Decimal
    Price: Decimal


class MiniQuote(TypedDict):
    """A stock as the tutorial's first part shows it."""

    Symbol: str
    Price: Decimal
    DayOpen: Decimal
    Change: Decimal
    PercentChange: Decimal


def full_quote(stock: Stock) -> FullQuote:
    """*stock* for clients of ``stockTicker``."""
    return {
        "Symbol": stock.symbol,
        "DayOpen": stock.day_open,
        "DayLow": stock.day_low,
        "DayHigh": stock.day_high,
        "LastChange": stock.last_change,
        "Change": stock.change,
        "PercentChange": stock.percent_change,
        "Price": stock.price,
    }


def mini_quote(stock: Stock) -> MiniQuote:
    """*stock* for clients of ``stockTickerMini``."""
    return {
        "Symbol": stock.symbol,
        "Price": stock.price,
        "DayOpen": stock.day_open,
        "Change": stock.change,
        "PercentChange": stock.percent_change,
    }
