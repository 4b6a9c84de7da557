"""
The feed that asks a source for quotes, again and again. How it is asked, and what over, the source knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ..stock import Stock
from .answers import read_quotes
from .random_walk import RandomSource

__all__ = ["Fetched", "PollingFeed", "QuoteSource", "SourceError"]

#: After so many periods without a good answer, prices are out of date: one bad answer alone does no harm.
_STALE_AFTER_PERIODS = 3
#: The longest pause after failures; with a longer period, that.
_MAX_PAUSE_SECONDS = 60.0
#: Of each kind of complaint there is one in so much time.
_COMPLAINT_SECONDS = 60.0


class SourceError(Exception):
    """The source has not answered as it should; the text, which goes to the log, says how. It tells no secrets."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """
    What a source has answered.

    Attributes:
        body: the quotes; ``None`` if they are those that came with the tag it was asked with.
        tag: what to ask with next time, if anything.
    """

    body: bytes | None
    tag: bytes | None = None


class QuoteSource(Protocol):
    """Whom the feed asks."""

    def fetch(self, tag: bytes | None) -> Deferred[Fetched]:
        """
        Ask for quotes.

        Args:
            tag: that of the newest quotes known, if they had one.

        Returns:
            The answer, or a failure, within bounded time and of bounded size. It can be cancelled, and is over then.
        """

    def close(self) -> Deferred[None]:
        """Keep nothing open; the outcome comes when all is closed."""


class PollingFeed(Service):
    """
    Asks a source for quotes while it runs as a service; a `Feed`.

    It is stale while there has been no good answer for three periods, and before the first. A good answer has a good
    quote at least, or says that nothing has changed since one that had. After a failure the next attempt comes after
    half a period to one; after each further one the pause doubles, up to a minute.

    Of each stock the newest quote is kept until the market asks for it, which it does while it is open.

    Args:
        source: whom to ask.
        listed: the symbols of the market.
        name: what the log calls the source.
        period_seconds: time from one question to the next.
        clock: the time.
        random: decides how long pauses are, so that not all come back to a source at once.

    Attributes:
        polls: how often the source was asked.
        failed_polls: how often it gave no good answer.
        refused_quotes: how many single quotes were bad; see `read_quotes`.
    """

    _log = Logger()

    def __init__(
        self,
        source: QuoteSource,
        listed: Iterable[str],
        *,
        name: str,
        period_seconds: float,
        clock: IReactorTime,
        random: RandomSource,
    ) -> None:
        self.polls = self.failed_polls = self.refused_quotes = 0
        self._source = source
        self._listed = frozenset(listed)
        self._source_name = name
        self._period = period_seconds
        self._clock = clock
        self._random = random
        self._tag: bytes | None = None
        self._pending: dict[str, Decimal] = {}
        self._good_at: float | None = None
        self._failures = 0
        self._failure_complaints, self._quote_complaints = _Seldom(clock), _Seldom(clock)
        self._has_complained = False
        self._polling: Deferred[None] = succeed(None)

    @property
    def is_stale(self) -> bool:
        """See `Feed`."""
        return self._good_at is None or self._clock.seconds() - self._good_at > _STALE_AFTER_PERIODS * self._period

    def trades(self, stocks: Sequence[Stock], elapsed_seconds: float) -> list[tuple[str, Decimal]]:
        """See `Feed`; a quote that is the stock's price is no trade."""
        pending, self._pending = self._pending, {}
        return [(stock.symbol, pending[stock.symbol]) for stock in stocks if _is_news(stock, pending)]

    def restart(self) -> None:
        """See `Feed`; what is known is forgotten, and asked for anew."""
        self._pending = {}
        self._tag = None

    def startService(self) -> None:
        """Ask at once, and then go on."""
        super().startService()  # type: ignore[no-untyped-call]
        self._polling = Deferred.fromCoroutine(self._poll_forever())

    def stopService(self) -> Deferred[None]:
        """
        Ask no more.

        Returns:
            Fires when nothing of it is left.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        self._polling.cancel()
        stopped = self._polling.addErrback(lambda failure: failure.trap(CancelledError))
        return stopped.addCallback(lambda _: self._source.close())

    async def _poll_forever(self) -> None:
        while True:
            asked_at = self._clock.seconds()
            await self._poll()
            pause = self._pause() if self._failures else self._period - (self._clock.seconds() - asked_at)
            await deferLater(self._clock, max(0.0, pause), lambda: None)

    async def _poll(self) -> None:
        self.polls += 1
        try:
            self._take(await self._source.fetch(self._tag))
        except CancelledError:
            raise
        except SourceError as error:
            if self._failed():
                self._log.warn(
                    "{source} gives no quotes: {reason} (failures so far: {count})",
                    source=self._source_name,
                    reason=str(error),
                    count=self.failed_polls,
                )
        except Exception:  # Ours is the error then; it must not end the polling.
            if self._failed():
                self._log.failure("Asking {source} failed", source=self._source_name)
        else:
            self._succeeded()

    def _take(self, fetched: Fetched) -> None:
        if fetched.body is None:
            return
        try:
            quotes = read_quotes(fetched.body, self._listed)
        except ValueError as error:
            raise SourceError(f"the answer is {error}") from error
        if quotes.refused:
            self.refused_quotes += quotes.refused
            self._complain_of_quotes(quotes.refused, quotes.reason)
        if not quotes.prices:
            raise SourceError("there is no good quote in the answer")
        self._pending.update(quotes.prices)
        self._tag = fetched.tag

    def _succeeded(self) -> None:
        self._good_at = self._clock.seconds()
        if self._has_complained:
            self._log.info("{source} gives quotes again", source=self._source_name)
        self._failures, self._has_complained = 0, False

    def _failed(self) -> bool:
        """Note a failure; whether it is time to complain of it."""
        self.failed_polls += 1
        self._failures += 1
        # What we ask with may be why.
        self._tag = None
        is_time = self._failure_complaints.is_time()
        self._has_complained = self._has_complained or is_time
        return is_time

    def _complain_of_quotes(self, refused: int, reason: str) -> None:
        if self._quote_complaints.is_time():
            self._log.warn(
                "{source} gives bad quotes: {refused}, of which the first: {reason} (refused so far: {count})",
                refused=refused,
                source=self._source_name,
                reason=reason,
                count=self.refused_quotes,
            )

    def _pause(self) -> float:
        # Nobody waits for longer than 2 ** 30 periods.
        doubled = self._period * 2.0 ** min(self._failures - 1, 30)
        return min(doubled, max(_MAX_PAUSE_SECONDS, self._period)) * (0.5 + self._random.random() / 2)


def _is_news(stock: Stock, pending: dict[str, Decimal]) -> bool:
    return pending.get(stock.symbol, stock.price) != stock.price


class _Seldom:
    """Tells when it is time for another complaint: at once, and then once in a minute."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._next = float("-inf")

    def is_time(self) -> bool:
        now = self._clock.seconds()
        if now < self._next:
            return False
        self._next = now + _COMPLAINT_SECONDS
        return True
