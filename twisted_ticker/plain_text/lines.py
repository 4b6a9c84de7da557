"""
Prices as lines of plain text, in columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from ..market import Market, Stock

__all__ = ["price_line", "price_table", "symbol_width"]

_HEADS = ("Price", "Open", "High", "Low", "Change", "%")

# A price of many digits needs more, and is still apart from its neighbours.
_NUMBER_WIDTH = 11


def price_table(market: Market, at: float) -> str:
    """
    All prices of a market, one line each, below a line that says how the market is.

    Args:
        market: the market.
        at: the time now, in seconds since the epoch.
    """
    width = symbol_width(market.stocks)
    now = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    lines = [
        f"Market {market.state.value.lower()}, {now} UTC",
        *(["Prices are out of date: their source is down."] if market.is_stale else []),
        "",
        _columns("Symbol", _HEADS, width),
        *(_row(stock, width) for stock in market.stocks),
    ]
    return "".join(f"{line}\n" for line in lines)


def symbol_width(stocks: Iterable[Stock]) -> int:
    """How much room symbols and their heading need."""
    return max(len("Symbol"), *(len(stock.symbol) for stock in stocks))


def _row(stock: Stock, width: int) -> str:
    prices = (stock.price, stock.day_open, stock.day_high, stock.day_low)
    numbers = [*(str(price) for price in prices), f"{stock.change:+}", f"{stock.percent_change:+.2%}"]
    return _columns(stock.symbol, numbers, width)


def price_line(stock: Stock, width: int) -> str:
    """
    What a change of one price looks like: symbol, price, how far it has moved, and how far it is from the day's open.

    Args:
        stock: as it is now.
        width: see :func:`symbol_width`.
    """
    numbers = (str(stock.price), f"{stock.last_change:+}", f"{stock.percent_change:+.2%}")
    return _columns(stock.symbol, numbers, width)


def _columns(symbol: str, numbers: Sequence[str], width: int) -> str:
    return " ".join([f"{symbol:{width}}", *(f"{number:>{_NUMBER_WIDTH}}" for number in numbers)])
