"""
What the ticker tells Prometheus beside what the library does.
"""

from __future__ import annotations

from collections.abc import Callable

from .market import Feed, Market, MarketRecorder, MarketService, MarketState
from .market.feeds.polling import PollingFeed
from .web.metrics import Reading

__all__ = ["ticker_readings"]


def ticker_readings(
    market: Market,
    *,
    feed: Feed,
    service: MarketService,
    recorder: MarketRecorder | None,
    conflated_quotes: Callable[[], int],
    followers: Callable[[], int],
) -> list[Reading]:
    """
    The application's numbers.

    Args:
        market: the market of the full sample.
        feed: where its prices come from.
        service: steps the markets.
        recorder: saves them, if they are saved.
        conflated_quotes: how many price changes were never sent to the viewers of an update rate.
        followers: how many follow the prices as plain text.
    """
    readings = [
        Reading("stockticker_market_open", "Whether the market is open.", lambda: _is_open(market), counts=False),
        Reading(
            "stockticker_market_steps_failed",
            "Price steps that have failed, once for each market.",
            lambda: service.failed_steps,
        ),
        Reading(
            "stockticker_quotes_conflated",
            "Price changes that the viewers of an update rate were spared, because newer ones replaced them.",
            conflated_quotes,
        ),
        Reading("stockticker_followers", "Readers of the prices as plain text.", followers, counts=False),
        Reading(
            "stockticker_feed_stale",
            "Whether the source of prices is down.",
            lambda: market.is_stale,
            counts=False,
        ),
    ]
    if recorder is not None:
        readings.append(
            Reading("stockticker_saves_failed", "Saves of the markets that have failed.", lambda: recorder.failed_saves)
        )
    if isinstance(feed, PollingFeed):
        readings += [
            Reading("stockticker_feed_polls", "Questions to the source of prices.", lambda: feed.polls),
            Reading(
                "stockticker_feed_polls_failed",
                "Questions to the source of prices without a good answer.",
                lambda: feed.failed_polls,
            ),
            Reading(
                "stockticker_feed_quotes_refused",
                "Quotes of the source that were bad, and were not used.",
                lambda: feed.refused_quotes,
            ),
        ]
    return readings


def _is_open(market: Market) -> bool:
    return market.state is MarketState.OPEN
