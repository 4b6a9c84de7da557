"""
Those who follow the prices as plain text: a line for each change, to everybody who reads.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.web.server import Request
from zope.interface import implementer

from ..market import Market, Stock
from ..web.exchanges import TwistedExchange
from .lines import price_line, symbol_width

__all__ = ["PriceFollowers"]

#: How often readers are looked after, in seconds.
_SWEEP_SECONDS = 15.0

#: How long nothing may happen until a line says that the server is there, in seconds.
_SILENCE_SECONDS = 30.0

#: How long a reader may take nothing, in seconds.
_PATIENCE_SECONDS = 180.0

#: How long a stop waits for readers to take the end, in seconds.
_DRAIN_SECONDS = 0.5


class PriceFollowers(Service):
    """
    Those who follow the prices, as a :class:`.market.MarketObserver`: each line is written once, for all of them.

    Start it as a service, or nobody can follow; stop it, and everybody's text ends.

    Args:
        market: the market.
        seconds: the time since the epoch, which lines show.
        clock: the reactor.
    """

    def __init__(self, market: Market, *, seconds: Callable[[], float], clock: IReactorTime) -> None:
        self._market = market
        self._seconds = seconds
        self._clock = clock
        self._width = symbol_width(market.stocks)
        self._followers: set[_Follower] = set()
        self._said_at = clock.seconds()
        self._sweep = LoopingCall(self._look_after_followers)
        self._sweep.clock = clock

    def __len__(self) -> int:
        return len(self._followers)

    def startService(self) -> None:
        """Begin to look after those who follow."""
        super().startService()  # type: ignore[no-untyped-call]
        self._sweep.start(_SWEEP_SECONDS, now=False)

    def stopService(self) -> Deferred[None]:
        """
        End all texts.

        Returns:
            Done when readers have had the time to take what ends them.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        if self._sweep.running:
            self._sweep.stop()
        followers, self._followers = self._followers, set()
        for follower in followers:
            follower.end()
        return deferLater(self._clock, _DRAIN_SECONDS if followers else 0, lambda: None)

    def add(self, request: Request, text: bytes) -> None:
        """
        Have the response to a request go on for as long as it is read.

        Args:
            request: the request, whose headers are set.
            text: what its body begins with.
        """
        follower = _Follower(request, self._clock.seconds)
        self._followers.add(follower)
        request.notifyFinish().addBoth(lambda _: self._followers.discard(follower))
        follower.begin(text)

    # What happens in the market

    def prices_changed(self, stocks: Sequence[Stock]) -> None:
        """See :class:`.market.MarketObserver`."""
        self._tell((stock.symbol, price_line(stock, self._width)) for stock in stocks)

    def market_opened(self) -> None:
        """See :class:`.market.MarketObserver`."""
        self._tell([(_News.STATE, "Market opened")])

    def market_closed(self) -> None:
        """See :class:`.market.MarketObserver`."""
        self._tell([(_News.STATE, "Market closed")])

    def market_reset(self) -> None:
        """See :class:`.market.MarketObserver`; all prices follow."""
        self._tell([(_News.RESET, "Market reset")])
        self.prices_changed(self._market.stocks)

    def feed_changed(self, is_stale: bool) -> None:
        """See :class:`.market.MarketObserver`."""
        news = "Prices are out of date: their source is down" if is_stale else "Prices are up to date again"
        self._tell([(_News.SOURCE, news)])

    def _tell(self, news: Iterable[tuple[Hashable, str]]) -> None:
        if not self._followers:
            return
        self._said_at = self._clock.seconds()
        time = datetime.fromtimestamp(self._seconds(), UTC).strftime("%H:%M:%S")
        lines = [(topic, f"{time}  {text}\n".encode()) for topic, text in news]
        together = b"".join(line for _, line in lines)
        for follower in tuple(self._followers):
            follower.tell(lines, together)

    def _look_after_followers(self) -> None:
        now = self._clock.seconds()
        silent = now - self._said_at >= _SILENCE_SECONDS
        if silent:
            self._said_at = now
        for follower in tuple(self._followers):
            if follower.paused_since is not None and now - follower.paused_since >= _PATIENCE_SECONDS:
                follower.cut()
            elif silent:
                follower.show_life()


class _News(Enum):
    """What can be told besides prices, of which the topic is the symbol."""

    STATE = "state"
    RESET = "reset"
    SOURCE = "source"


@implementer(IPushProducer)
class _Follower:
    """
    Somebody who reads what happens. While he takes nothing, only the latest line of each topic is kept for him.

    Args:
        request: the request, whose headers are set.
        seconds: the clock.

    Attributes:
        paused_since: since when he takes nothing; ``None`` while he does.
    """

    _log = Logger()

    #: Who takes nothing is cut off here.
    is_looked_after = True

    def __init__(self, request: Request, seconds: Callable[[], float]) -> None:
        self.paused_since: float | None = None
        self._request = request
        self._seconds = seconds
        self._kept: dict[Hashable, bytes] = {}

    def begin(self, text: bytes) -> None:
        """Write what he is to read first."""
        self._request.write(text)
        self._request.registerProducer(self, True)

    def tell(self, lines: Iterable[tuple[Hashable, bytes]], together: bytes) -> None:
        """
        Tell news.

        Args:
            lines: each with its topic.
            together: the same lines, as one text.
        """
        if self.paused_since is None:
            self._request.write(together)
            return
        for topic, line in lines:
            # What is told later is kept behind.
            self._kept.pop(topic, None)
            self._kept[topic] = line

    def show_life(self) -> None:
        """Write that there is nothing to tell, so that a reader who is gone is noticed."""
        if self.paused_since is None:
            self._request.write(b"#\n")

    def end(self) -> None:
        """End the text."""
        self._request.unregisterProducer()
        self._request.finish()

    def cut(self) -> None:
        """Cut off a reader who takes nothing; to end his text would wait for him."""
        self._log.info("Cut off {peer}, who did not read his prices", peer=self._request.getClientAddress())
        TwistedExchange(self._request).abort()

    def pauseProducing(self) -> None:
        """He takes nothing."""
        if self.paused_since is None:
            self.paused_since = self._seconds()

    def resumeProducing(self) -> None:
        """He takes something again."""
        self.paused_since = None
        kept, self._kept = self._kept, {}
        if kept:
            self._request.write(b"".join(kept.values()))

    def stopProducing(self) -> None:
        """He is gone; the request says so too."""
