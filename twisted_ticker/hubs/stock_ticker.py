"""
The hubs of the tutorial: ``stockTicker`` of its full sample, ``stockTickerMini`` of its first part.

Methods are named as the tutorial's pages call them.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..market import Market, MarketError, MarketState, Stock
from ..signalr import Hub, HubContext, InvocationError, hub_method
from .quotes import FullQuote, MiniQuote, full_quote, mini_quote

__all__ = ["StockTickerBroadcast", "StockTickerHub", "StockTickerMiniBroadcast", "StockTickerMiniHub"]


class _QuotesHub(Hub):
    """
    What both hubs have: the stocks of a market, for everybody to see.

    Args:
        market: the market, which all instances share.
    """

    def __init__(self, market: Market) -> None:
        self._market = market

    def _quote(self, stock: Stock) -> FullQuote | MiniQuote:
        """A stock as this hub's clients see it."""
        raise NotImplementedError

    @hub_method
    def get_all_stocks(self) -> list[FullQuote | MiniQuote]:
        """All stocks as they are now."""
        return [self._quote(stock) for stock in self._market.stocks]

    def on_reconnected(self, *, missed: bool) -> None:
        """Who has missed price changes gets all prices."""
        if missed:
            self._send_picture()

    def on_gap(self) -> None:
        """Who has missed price changes gets all prices."""
        self._send_picture()

    def _send_picture(self) -> None:
        for stock in self._market.stocks:
            self.clients.caller.updateStockPrice(self._quote(stock))


class StockTickerHub(_QuotesHub):
    """The full sample's hub: everybody sees the market, and may open, close and reset it."""

    hub_name = "stockTicker"

    def _quote(self, stock: Stock) -> FullQuote:
        return full_quote(stock)

    @hub_method
    def get_market_state(self) -> str:
        """``Open`` or ``Closed``."""
        return self._market.state.value

    @hub_method
    def open_market(self) -> None:
        """Begin trading."""
        self._market.open_market()

    @hub_method
    def close_market(self) -> None:
        """End trading."""
        self._market.close_market()

    @hub_method
    def reset(self) -> None:
        """Go back to the opening prices; refused while the market is open."""
        try:
            self._market.reset()
        except MarketError as error:
            raise InvocationError(str(error)) from error

    def _send_picture(self) -> None:
        super()._send_picture()
        if self._market.state is MarketState.OPEN:
            self.clients.caller.marketOpened()
        else:
            self.clients.caller.marketClosed()


class StockTickerMiniHub(_QuotesHub):
    """The hub of the tutorial's first part: prices to look at."""

    hub_name = "stockTickerMini"

    def _quote(self, stock: Stock) -> MiniQuote:
        return mini_quote(stock)


class StockTickerMiniBroadcast:
    """
    Tells all clients of ``stockTickerMini`` the prices of its market; a :class:`.market.MarketObserver`.

    Args:
        context: of the hub.
    """

    def __init__(self, context: HubContext) -> None:
        self._everybody = context.clients.all

    def prices_changed(self, stocks: Sequence[Stock]) -> None:
        """See :class:`.market.MarketObserver`."""
        for stock in stocks:
            self._everybody.updateStockPrice(self._quote(stock))

    def _quote(self, stock: Stock) -> FullQuote | MiniQuote:
        return mini_quote(stock)

    def market_opened(self) -> None:
        """The market is always open; its page knows no other state."""

    def market_closed(self) -> None:
        """See :meth:`market_opened`."""

    def market_reset(self) -> None:
        """See :meth:`market_opened`."""

    def feed_changed(self, is_stale: bool) -> None:
        """The tutorial's pages know of no source that could be down."""


class StockTickerBroadcast(StockTickerMiniBroadcast):
    """Tells all clients of ``stockTicker`` what happens in its market, trading hours included."""

    def _quote(self, stock: Stock) -> FullQuote:
        return full_quote(stock)

    def market_opened(self) -> None:
        """See :class:`.market.MarketObserver`."""
        self._everybody.marketOpened()

    def market_closed(self) -> None:
        """See :class:`.market.MarketObserver`."""
        self._everybody.marketClosed()

    def market_reset(self) -> None:
        """See :class:`.market.MarketObserver`."""
        self._everybody.marketReset()
