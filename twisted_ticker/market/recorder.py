"""
The service that saves what happens in markets: in batches, by a thread of its own, so that no disk holds up a price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from .history import CurveMark, PriceHistory
from .market import Market
from .stock import Stock
from .store import MarketChanges, StoreError

__all__ = ["MarketRecorder", "Saving", "Store", "ThreadedSaving"]

#: Half of the longest time for which what has happened may be unsaved: the other half is for the saving.
_INTERVAL_SECONDS = 0.5


class Store(Protocol):
    """What is saved to, in a thread; `SqliteStore` is one."""

    def save(self, batch: Iterable[MarketChanges]) -> None:
        """Save some changes, all of them or none."""

    def close(self) -> None:
        """Save no more."""


class Saving(Protocol):
    """How a recorder saves; `ThreadedSaving` is one."""

    def save(self, batch: Sequence[MarketChanges]) -> Deferred[None]:
        """Save some changes, all of them or none; not before the save before is over."""

    def close(self) -> Deferred[None]:
        """End, once the last save is over. It can be begun again by saving."""


class ThreadedSaving:
    """
    Saves in a thread, which there is from the first save to the end; so it may be made before a daemon forks.

    Args:
        open_store: opens the store, in the thread; called again, if it fails, at the next save.
        reactor: the reactor.
    """

    def __init__(self, open_store: Callable[[], Store], reactor: IReactorFromThreads) -> None:
        self._open_store = open_store
        self._reactor = reactor
        self._pool: ThreadPool | None = None
        self._store: Store | None = None

    def save(self, batch: Sequence[MarketChanges]) -> Deferred[None]:
        """See `Saving`."""
        if self._pool is None:
            self._pool = ThreadPool(1, 1, "market store")
            self._pool.start()
        return deferToThreadPool(self._reactor, self._pool, self._save, batch)

    def close(self) -> Deferred[None]:
        """See `Saving`."""
        pool, self._pool = self._pool, None
        if pool is None:
            return succeed(None)

        def stop(result: Failure | None) -> Failure | None:
            pool.stop()
            return result

        return deferToThreadPool(self._reactor, pool, self._close).addBoth(stop)

    # In the thread

    def _save(self, batch: Sequence[MarketChanges]) -> None:
        if self._store is None:
            self._store = self._open_store()
        self._store.save(batch)

    def _close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()


class _Unsaved:
    """
    What has happened in one market and is not saved; a `MarketObserver`.

    It holds no prices, only which stocks have new ones: however long nothing can be saved, it does not grow.
    """

    def __init__(self, market: Market, history: PriceHistory | None) -> None:
        self._market = market
        self._history = history
        self._symbols: set[str] = set()
        self._is_due = self._is_whole = False
        # How far each curve is saved.
        self._marks: dict[str, CurveMark] = {}
        market.observe(self)

    def take(self) -> MarketChanges | None:
        """All of it, if there is any; it counts as saved until it is given back."""
        if not self._is_due:
            return None
        stocks = [stock for stock in self._market.stocks if self._is_whole or stock.symbol in self._symbols]
        curves = {}
        if self._history is not None:
            for stock in stocks:
                mark = None if self._is_whole else self._marks.get(stock.symbol)
                curves[stock.symbol] = self._history.curve(stock.symbol).changes_since(mark)
        changes = MarketChanges(self._market.name, self._market.state, stocks, curves, self._is_whole)
        self._symbols = set()
        self._is_due = self._is_whole = False
        return changes

    def saved(self, changes: MarketChanges) -> None:
        """What was taken is saved indeed."""
        for symbol, curve in changes.curves.items():
            self._marks[symbol] = curve.mark

    def give_back(self, changes: MarketChanges) -> None:
        """What was taken is not saved."""
        self._is_due = True
        self._is_whole |= changes.is_whole
        self._symbols.update(stock.symbol for stock in changes.stocks)

    def everything(self) -> None:
        """Count nothing as saved."""
        self._is_due = self._is_whole = True

    def prices_changed(self, stocks: Sequence[Stock]) -> None:
        """See `MarketObserver`."""
        self._is_due = True
        self._symbols.update(stock.symbol for stock in stocks)

    def market_opened(self) -> None:
        """See `MarketObserver`."""
        self._is_due = True

    def market_closed(self) -> None:
        """See `MarketObserver`."""
        self._is_due = True

    def market_reset(self) -> None:
        """See `MarketObserver`."""
        self.everything()

    def feed_changed(self, is_stale: bool) -> None:
        """See `MarketObserver`; the next run will find out by itself."""


class MarketRecorder(Service):
    """
    Saves what happens in markets while it runs: twice a second what is new, in one batch, never two at a time.

    A save that fails is counted, and made up for by the next; the first of several is logged, and the end of them. The
    markets go on meanwhile.

    Args:
        markets: the markets, each with its history if that is to be saved as well. A market's observers are told in
            turn: the history must have been made before.
        saving: saves the batches.
        clock: the timer's clock, normally the reactor.
    """

    _log = Logger()

    def __init__(
        self, markets: Iterable[tuple[Market, PriceHistory | None]], *, saving: Saving, clock: IReactorTime
    ) -> None:
        self.failed_saves = 0
        """How many saves have failed."""
        self._unsaved = [_Unsaved(market, history) for market, history in markets]
        self._saving = saving
        self._is_failing = False
        self._loop = LoopingCall(self._save)
        self._loop.clock = clock

    def startService(self) -> None:
        """Begin to save; the first time everything, so that nothing else is stored of the markets."""
        super().startService()  # type: ignore[no-untyped-call]
        for unsaved in self._unsaved:
            unsaved.everything()
        self._stopped: Deferred[LoopingCall] = self._loop.start(_INTERVAL_SECONDS, now=False)

    def stopService(self) -> Deferred[None]:
        """
        Save what is left.

        Returns:
            Fires when it is saved, or that has failed.
        """
        was_running = self.running
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._finish()) if was_running else succeed(None)

    async def _finish(self) -> None:
        self._loop.stop()
        await self._stopped
        # Something may happen while the last batch is saved: others are about to stop, too.
        while await self._save():
            pass
        await self._saving.close()

    async def _save(self) -> bool:
        """Save all that is due; whether there was something, and it is saved. Never fails, or the loop would end."""
        batch = [(unsaved, changes) for unsaved in self._unsaved if (changes := unsaved.take()) is not None]
        if not batch:
            return False
        try:
            await self._saving.save([changes for _, changes in batch])
        except Exception as error:
            for unsaved, changes in batch:
                unsaved.give_back(changes)
            self._failed(error)
            return False
        for unsaved, changes in batch:
            unsaved.saved(changes)
        if self._is_failing:
            self._is_failing = False
            self._log.info("The market is saved again.")
        return True

    def _failed(self, error: Exception) -> None:
        self.failed_saves += 1
        if self._is_failing:
            return
        self._is_failing = True
        text = "The market cannot be saved, and goes on; saving is tried again all the time"
        if isinstance(error, StoreError):
            self._log.error(text + ": {reason}", reason=str(error))
        else:
            self._log.failure(text, failure=Failure(error))
