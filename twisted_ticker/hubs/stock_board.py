"""
The hub of our own page: all that the tutorial's full sample has, and what people expect of a ticker today: an update
rate of the viewer's choice, price curves, and news of the source of prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypedDict

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime

from ..market import Market, PriceHistory, Stock
from ..signalr import HubContext, HubException, hub_method
from .paces import UPDATE_RATES, Pace, group_of
from .quotes import FullQuote, full_quote
from .stock_ticker import StockTickerHub

__all__ = ["Board", "PriceCurve", "StockBoardBroadcast", "StockBoardHub"]

_MAX_CURVES = 100


class Board(TypedDict):
    """
    All that the page shows, as it is at one moment.

    *MarketState* is ``Open`` or ``Closed``; *User* is the name of who is logged in, and *MayControl* whether the caller
    may open, close and reset the market.
    """

    Stocks: list[FullQuote]
    MarketState: str
    IsFeedStale: bool
    MayControl: bool
    User: str | None


class PriceCurve(TypedDict):
    """The course of a stock since the day began: times in whole seconds since the epoch, and the price at each."""

    Symbol: str
    Times: list[int]
    Prices: list[Decimal]


class StockBoardHub(StockTickerHub):
    """
    The page's hub. A viewer is told of price changes once it has chosen an update rate.

    Args:
        market: the market, which all instances share.
        history: the market's.
    """

    hub_name = "stockBoard"

    def __init__(self, market: Market, history: PriceHistory) -> None:
        super().__init__(market)
        self._history = history

    @hub_method
    def get_board(self) -> Board:
        """All that the page shows, as it is now."""
        user = self.context.user
        return {
            "Stocks": [full_quote(stock) for stock in self._market.stocks],
            "MarketState": self._market.state.value,
            "IsFeedStale": self._market.is_stale,
            "MayControl": self._may_control,
            "User": None if user is None else user.name,
        }

    @property
    def _may_control(self) -> bool:
        return True

    @hub_method
    def get_curves(self, symbols: list[str]) -> list[PriceCurve]:
        """The curves of some stocks, at most 100; symbols that are not listed are left out."""
        if len(symbols) > _MAX_CURVES:
            raise HubException(f"At most {_MAX_CURVES} curves can be had at once.")
        listed = {stock.symbol for stock in self._market.stocks}
        return [self._curve(symbol) for symbol in symbols if symbol in listed]

    def _curve(self, symbol: str) -> PriceCurve:
        points = self._history.curve(symbol).points
        return {"Symbol": symbol, "Times": [at for at, _ in points], "Prices": [price for _, price in points]}

    @hub_method
    async def set_update_rate(self, rate: str) -> None:
        """
        Choose how often the caller is told of price changes.

        What the viewer has not been told yet at the old rate, it is not told: ask for the board afterwards.

        Args:
            rate: updates per second: ``all``, ``4``, ``1`` or ``0.2``.
        """
        if rate not in UPDATE_RATES:
            raise HubException(f"The update rate must be one of {', '.join(UPDATE_RATES)}.")
        for other in UPDATE_RATES:
            if other != rate:
                await self.groups.remove(self.context.connection_id, group_of(other))
        await self.groups.add(self.context.connection_id, group_of(rate))

    async def on_groups_lost(self, groups: Sequence[str]) -> None:
        """An update rate is nothing that a viewer could be denied: it has the one again that it had."""
        for group in groups:
            await self.groups.add(self.context.connection_id, group)
        self._send_picture()

    @hub_method
    def ping(self) -> None:
        """Answer, so that the viewer can tell how long that takes."""

    def _send_picture(self) -> None:
        self.clients.caller.boardChanged()


class StockBoardBroadcast(Service):
    """
    Tells the viewers what happens in the market; a :class:`.market.MarketObserver`.

    Stop it as a service, and the viewers are told what they have not been told yet.

    Args:
        context: of the hub.
        clock: the time.
    """

    def __init__(self, context: HubContext, clock: IReactorTime) -> None:
        self._everybody: Any = context.clients.all
        self._paces = [Pace(rate, context, clock) for rate in UPDATE_RATES]

    def stopService(self) -> None:
        """Leave nothing untold."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._flush()

    @property
    def conflated(self) -> int:
        """How many price changes were never sent to the viewers of a rate, because newer ones replaced them."""
        return sum(pace.conflated for pace in self._paces)

    def prices_changed(self, stocks: Sequence[Stock]) -> None:
        """See :class:`.market.MarketObserver`."""
        for pace in self._paces:
            pace.prices_changed(stocks)

    def market_opened(self) -> None:
        """See :class:`.market.MarketObserver`."""
        self._everybody.marketOpened()

    def market_closed(self) -> None:
        """See :class:`.market.MarketObserver`; the last prices come first."""
        self._flush()
        self._everybody.marketClosed()

    def _flush(self) -> None:
        for pace in self._paces:
            pace.flush()

    def market_reset(self) -> None:
        """See :class:`.market.MarketObserver`."""
        for pace in self._paces:
            pace.forget()
        self._everybody.boardChanged()

    def feed_changed(self, is_stale: bool) -> None:
        """See :class:`.market.MarketObserver`."""
        self._everybody.feedChanged(is_stale)
