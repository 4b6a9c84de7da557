"""
A client that remembers every picture of the market that it was shown, and when.
"""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.integration.support import Client
from twisted_ticker.market import MarketState, Stock

_TEXT = 1


@dataclass(frozen=True)
class Picture:
    """The market at one moment: whether it is open, and all stocks by symbol."""

    state: MarketState
    stocks: Mapping[str, Stock]

    def may_follow(self, other: Picture) -> bool:
        """Whether one step of an open market leads from another picture to this one."""
        moved = [symbol for symbol, stock in self.stocks.items() if stock != other.stocks[symbol]]
        return (
            bool(moved)
            and self.state is other.state is MarketState.OPEN
            and all(other.stocks[symbol].moved_to(self.stocks[symbol].price) == self.stocks[symbol] for symbol in moved)
        )


def stock_of(quote: dict[str, Any]) -> Stock:
    """The stock that a hub has told, its numbers having been read as decimal ones."""
    money = ("Price", "DayOpen", "DayHigh", "DayLow", "LastChange")
    return Stock(quote["Symbol"], *(Decimal(quote[name]) for name in money))


class Witness:
    """
    Follows an open market over a WebSocket of its own, in a thread of its own, until the server is gone.

    Args:
        port: the server's.
        symbols: all stocks of the market. Pictures begin when each of them has moved.
    """

    def __init__(self, port: int, symbols: Sequence[str]) -> None:
        self._symbols = symbols
        self._stocks: dict[str, Stock] = {}
        self._state = MarketState.OPEN
        #: Each picture, and when it came, in seconds of the monotonic clock.
        self.seen: list[tuple[float, Picture]] = []
        client = Client(port, "stockBoard")
        self._link = client.open_websocket()
        client.invoke("SetUpdateRate", "all")
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Read what is left; the server must be gone."""
        self._thread.join()
        self._link.close()

    def current_since(self, moment: float) -> list[Picture]:
        """All pictures that were current at that moment or later, oldest first."""
        first = max((number for number, (at, _) in enumerate(self.seen) if at <= moment), default=0)
        return [picture for _, picture in self.seen[first:]]

    def _watch(self) -> None:
        while True:
            try:
                opcode, payload = self._link.frame()
                messages = json.loads(payload, parse_float=Decimal, parse_int=Decimal).get("M", [])
            except (OSError, AssertionError, ValueError, struct.error):
                return
            if opcode != _TEXT:
                return
            for message in messages:
                self._hear(message["M"], message["A"])

    def _hear(self, name: str, arguments: list[Any]) -> None:
        if name == "updateStockPrices":
            self._stocks = {**self._stocks, **{quote["Symbol"]: stock_of(quote) for quote in arguments[0]}}
        elif name in ("marketOpened", "marketClosed"):
            self._state = MarketState.OPEN if name == "marketOpened" else MarketState.CLOSED
        if self._stocks.keys() == set(self._symbols):
            self.seen.append((time.monotonic(), Picture(self._state, self._stocks)))
