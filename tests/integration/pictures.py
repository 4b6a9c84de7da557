"""
The pictures in the README: the real page on a real server, light and dark, on a desk and on a phone.

The market has been open for some hours by then: its history is made beforehand, the server finds it in its database.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from tests.integration.support import Server
from tests.integration.ticker_page import FULL_PAGE, TickerPage
from tests.integration.waiting import wait_for
from twisted_ticker.market import Market, MarketChanges, MarketState, PriceHistory, PriceMoves, RandomFeed, SqliteStore

__all__ = ["PICTURES", "take_pictures"]

_STOCKS = {
    "AAPL": "92.08",
    "AMZN": "332.39",
    "CSCO": "24.82",
    "GOOG": "543.01",
    "IBM": "184.37",
    "INTC": "27.41",
    "MSFT": "41.68",
    "NFLX": "430.51",
    "ORCL": "41.60",
    "YHOO": "34.76",
}

_TRADED_SECONDS = 3 * 60 * 60
_STEP_SECONDS = 15
_SEED = 11
# By whole seconds of the steps above, prices go further than in a quarter of a second.
_MOVES = PriceMoves(chance=0.8, range_fraction=0.003, up_probability=0.5)

_DESK = {"viewport": {"width": 1080, "height": 720}}
_PHONE = {"viewport": {"width": 390, "height": 780}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}

#: The name of each picture, and what the browser is like in it.
PICTURES: dict[str, dict[str, Any]] = {
    f"ticker-{device}-{scheme}.png": {**options, "color_scheme": scheme}
    for device, options in (("desktop", _DESK), ("phone", _PHONE))
    for scheme in ("light", "dark")
}

_MARGIN = 8

# What a picture should show: curves, and stocks that are up, down, and changing just now.
_IS_GOOD = """() => {
    const rows = Array.from(document.querySelectorAll("#stockTable tbody tr"));
    const seen = rows.filter(row => row.getBoundingClientRect().bottom < innerHeight);
    const has = (rows, selector) => rows.some(row => row.matches(selector));
    return rows.every(row => row.querySelector("td.curve svg[data-points]"))
        && ["up", "down"].every(way => has(seen, `[data-direction=${way}]`) && has(seen, `[data-flash=${way}]`))
        && document.querySelector("#connection").dataset.rtt !== ""
        && document.querySelector("#announcer").textContent === "";
}"""


def _write_stocks(path: Path) -> None:
    path.write_text("symbol,price\n" + "".join(f"{symbol},{price}\n" for symbol, price in _STOCKS.items()))


def _write_history(path: Path) -> None:
    """Let a market trade for some hours, up to now, and keep what has become of it."""
    market = Market(
        [(symbol, Decimal(price)) for symbol, price in _STOCKS.items()],
        feed=RandomFeed(Random(_SEED), _MOVES),
        state=MarketState.OPEN,
        name="stockTicker",
    )
    times: Iterator[float] = iter(range(int(time.time()) - _TRADED_SECONDS, int(time.time()), _STEP_SECONDS))
    now = next(times)
    history = PriceHistory(market, seconds=lambda: now)
    for now in times:  # noqa: B007 - the history asks for it
        market.step(_STEP_SECONDS)
    curves = {symbol: history.curve(symbol).changes_since(None) for symbol in _STOCKS}
    store = SqliteStore(path)
    try:
        store.save([MarketChanges(market.name, market.state, market.stocks, curves, is_whole=True)])
    finally:
        store.close()


def _take(page: TickerPage, path: Path) -> None:
    """Take a picture that ends where the content does, or the screen."""
    page.load()
    page.wait_connected("webSockets")
    page.wait_market("open")
    wait_for("the page shows what it can", lambda: page.page.evaluate(_IS_GOOD))
    box = page.page.locator(".page").bounding_box()
    size = page.page.viewport_size
    assert box is not None and size is not None
    height = min(size["height"], box["y"] + box["height"] + _MARGIN)
    page.page.screenshot(path=path, clip={"x": 0, "y": 0, "width": size["width"], "height": height})


def take_pictures(directory: Path, server_directory: Path) -> None:
    """
    Take all pictures.

    Args:
        directory: where they go.
        server_directory: where the server may leave things.
    """
    stocks, database = server_directory / "stocks.csv", server_directory / "market.sqlite"
    _write_stocks(stocks)
    _write_history(database)
    options = ("--stocks", str(stocks), "--store", f"sqlite:{database}", "--feed", f"random:{_SEED}")
    server = Server(*options, state=server_directory / "state")
    try:
        for name, context in PICTURES.items():
            page = TickerPage(server.url + FULL_PAGE, **context)
            try:
                _take(page, directory / name)
            finally:
                page.close()
    finally:
        server.stop()
