"""Tests for `twisted_ticker.market.recorder`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from twisted.application.service import IService, MultiService
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from tests.market.fakes import ScriptedFeed
from twisted_ticker.market.feeds import PriceMoves, RandomFeed
from twisted_ticker.market.history import PriceHistory
from twisted_ticker.market.market import Market, MarketState
from twisted_ticker.market.recorder import MarketRecorder, ThreadedSaving
from twisted_ticker.market.store import MarketChanges, SqliteStore, StoredMarket, StoreError

INTERVAL = 0.5
START = 1_700_000_000


class DiskError(Exception):
    """What a failing store raises."""


class ScriptedSaving:
    """Saves into a list, and perhaps into a store, when it is told to."""

    def __init__(self, store: SqliteStore | None = None) -> None:
        self._store = store
        self.batches: list[list[MarketChanges]] = []
        self.closed = 0
        #: Whether saves end by themselves.
        self.is_quick = True
        self.error: Exception | None = None
        self._waiting: Deferred[None] | None = None

    def save(self, batch: Sequence[MarketChanges]) -> Deferred[None]:
        assert self._waiting is None, "two at a time"
        self.batches.append(list(batch))
        self._waiting = saving = Deferred()
        if self.is_quick:
            self.end()
        return saving

    def close(self) -> Deferred[None]:
        assert self._waiting is None, "one is not over"
        self.closed += 1
        return succeed(None)

    def end(self) -> None:
        """End the present save; it fails if there is an error."""
        assert self._waiting is not None
        saving, self._waiting = self._waiting, None
        if self.error is not None:
            saving.errback(self.error)
            return
        if self._store is not None:
            self._store.save(self.batches[-1])
        saving.callback(None)

    def work(self) -> None:
        """From now on, all saves succeed at once; the present one ends."""
        self.error, self.is_quick = None, True
        if self._waiting is not None:
            self.end()


class RecorderTestCase(SynchronousTestCase):
    """A market of two stocks, whose trades the test says, and a recorder."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.saving = ScriptedSaving()
        self.feed = ScriptedFeed()
        listing = [("MSFT", Decimal("41.68")), ("GOOG", Decimal("543.01"))]
        self.market = Market(listing, feed=self.feed, state=MarketState.OPEN, name="full")
        # A curve has a point for each interval.
        self.history = PriceHistory(self.market, seconds=lambda: START + self.clock.seconds() / INTERVAL)

    def recorder_of(self, *others: Market) -> MarketRecorder:
        markets = [(self.market, self.history), *((other, None) for other in others)]
        return MarketRecorder(markets, saving=self.saving, clock=self.clock)

    def start(self, *others: Market) -> MarketRecorder:
        """A recorder that has saved everything once; checks in the end that it leaves no timer behind."""
        recorder = self.recorder_of(*others)
        recorder.startService()
        self.addCleanup(self.assertStopsCleanly, recorder)
        self.pass_time()
        self.saving.batches.clear()
        return recorder

    def assertStopsCleanly(self, recorder: MarketRecorder) -> None:
        self.successResultOf(recorder.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def pass_time(self, intervals: int = 1) -> None:
        self.clock.pump([INTERVAL] * intervals)

    def trade(self, *trades: tuple[str, str]) -> None:
        """One step of the market."""
        self.feed.due = [(symbol, Decimal(price)) for symbol, price in trades]
        self.market.step()

    def saved(self) -> list[list[str]]:
        """What the batches say since this was asked last, of the first market: prices, and how many points."""
        batches, self.saving.batches = self.saving.batches, []
        return [
            [
                changes.state.value,
                *(
                    f"{stock.symbol} {stock.price} {len(changes.curves[stock.symbol].points)}"
                    for stock in changes.stocks
                ),
            ]
            for batch in batches
            for changes in batch
        ]


class MarketRecorderTests(RecorderTestCase):
    """Tests for `MarketRecorder`."""

    def test_it_is_a_service(self) -> None:
        """It can be a child of the application, and harmlessly be stopped before it was started."""
        recorder = self.recorder_of()
        verifyObject(IService, recorder)
        parent = MultiService()
        recorder.setServiceParent(parent)
        self.successResultOf(parent.stopService())
        self.assertEqual((self.saving.batches, self.saving.closed), ([], 0))
        parent.startService()
        self.successResultOf(parent.stopService())
        self.assertEqual((len(self.saving.batches), self.saving.closed), (1, 1))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_first_save_is_of_everything(self) -> None:
        """Half a second after the start all there is is saved, and replaces what is stored; once."""
        other = Market([("AAPL", Decimal("92.08"))], feed=ScriptedFeed(), name="mini")
        recorder = self.recorder_of(other)
        self.addCleanup(self.assertStopsCleanly, recorder)
        recorder.startService()
        self.assertEqual(self.saving.batches, [])
        self.pass_time(3)
        [[full, mini]] = self.saving.batches
        self.assertEqual((full.name, full.state, full.is_whole), ("full", MarketState.OPEN, True))
        self.assertEqual(tuple(full.stocks), self.market.stocks)
        self.assertEqual(
            {symbol: curve.is_whole for symbol, curve in full.curves.items()}, {"MSFT": True, "GOOG": True}
        )
        self.assertEqual(list(full.curves["MSFT"].points), [(START, Decimal("41.68"))])
        self.assertEqual((mini.name, mini.state, mini.is_whole, mini.curves), ("mini", MarketState.CLOSED, True, {}))

    def test_only_what_is_new_is_saved(self) -> None:
        """What happens in half a second is saved in one batch: the latest of each stock that was traded."""
        self.start()
        self.trade(("MSFT", "42.00"))
        self.trade(("MSFT", "43.00"))
        self.assertEqual(self.saved(), [])
        self.pass_time(4)
        [[changes]] = self.saving.batches
        self.assertFalse(changes.is_whole)
        self.assertEqual([str(stock.day_high) for stock in changes.stocks], ["43.00"])
        self.assertEqual(list(changes.curves), ["MSFT"])
        self.assertFalse(changes.curves["MSFT"].is_whole)

    def test_curves_are_saved_from_where_they_were_left(self) -> None:
        """Of a curve, the point that was the last and those after it are saved."""
        self.start()
        for price in (42, 43, 44):
            self.trade(("MSFT", f"{price}.00"))
            self.pass_time(2)
        self.trade(("MSFT", "45.00"))
        self.pass_time()
        newest = self.saving.batches[-1][0].curves["MSFT"]
        self.assertEqual(newest.points, self.history.curve("MSFT").points[-2:])
        self.assertEqual(self.saved(), [["Open", f"MSFT {price}.00 2"] for price in (42, 43, 44, 45)])

    def test_a_long_day(self) -> None:
        """Who keeps what is saved has the whole curve at any time, although points are taken away now and then."""
        self.start()
        copy = dict(self.history.curve("MSFT").points)
        for price in range(600):
            self.trade(("MSFT", f"{price + 1}.00"))
            self.pass_time()
            curve = self.saving.batches.pop()[0].curves["MSFT"]
            copy = {**({} if curve.is_whole else copy), **dict(curve.points)}
            self.assertEqual(list(copy.items()), self.history.curve("MSFT").points)
        self.assertGreater(self.history.curve("MSFT").span_seconds, 2)

    def test_nothing_is_saved_when_nothing_happens(self) -> None:
        """The disk may sleep."""
        self.start()
        self.pass_time(10)
        self.feed.is_stale = True
        self.market.step()
        self.pass_time(10)
        self.assertEqual(self.saving.batches, [])

    def test_trading_hours_are_saved(self) -> None:
        """Whether the market is open is saved even if no price has changed."""
        self.start()
        self.market.close_market()
        self.pass_time(2)
        self.assertEqual(self.saved(), [["Closed"]])
        self.market.open_market()
        self.pass_time(2)
        self.assertEqual(self.saved(), [["Open"]])

    def test_reset_is_saved(self) -> None:
        """After a reset nothing of the day before is left."""
        self.start()
        self.trade(("MSFT", "42.00"))
        self.market.close_market()
        self.market.reset()
        self.pass_time()
        [[changes]] = self.saving.batches
        self.assertTrue(changes.is_whole)
        self.assertEqual([str(stock.price) for stock in changes.stocks], ["41.68", "543.01"])
        self.assertTrue(all(curve.is_whole for curve in changes.curves.values()))

    def test_markets_share_a_batch(self) -> None:
        """What happens in several markets is saved together; one in which nothing happens is left out."""
        feed = ScriptedFeed()
        mini = Market([("MSFT", Decimal("30.31"))], feed=feed, state=MarketState.OPEN, name="mini")
        self.start(mini)
        self.trade(("GOOG", "1.00"))
        feed.due = [("MSFT", Decimal("2.00"))]
        mini.step()
        self.pass_time()
        self.market.close_market()
        self.pass_time()
        self.assertEqual([[each.name for each in batch] for batch in self.saving.batches], [["full", "mini"], ["full"]])

    def test_one_batch_at_a_time(self) -> None:
        """While a slow disk is busy nothing else is saved; then all that happened meanwhile is, in one batch."""
        self.start()
        self.saving.is_quick = False
        self.trade(("MSFT", "42.00"))
        self.pass_time()
        for price in range(50):
            self.trade(("MSFT", f"{50 + price}.00"), ("GOOG", "7.00"))
            self.pass_time()
        self.assertEqual(self.saved(), [["Open", "MSFT 42.00 2"]])
        self.saving.work()
        self.pass_time()
        self.assertEqual(self.saved(), [["Open", "MSFT 99.00 51", "GOOG 7.00 51"]])

    def test_batches_do_not_change(self) -> None:
        """What happens while a batch is saved does not get into it."""
        self.start()
        self.saving.is_quick = False
        self.trade(("MSFT", "42.00"))
        self.pass_time()
        [[changes]] = self.saving.batches
        before = repr(changes)
        self.trade(("MSFT", "43.00"))
        self.market.close_market()
        self.market.reset()
        self.assertEqual(repr(changes), before)
        self.saving.work()


class FailingTests(RecorderTestCase):
    """Saving fails for a while."""

    def test_what_could_not_be_saved_is_saved_later(self) -> None:
        """Once it works again, the latest of all that was due is saved."""
        recorder = self.start()
        self.saving.error = StoreError("'x' cannot be used: disk full.")
        self.trade(("MSFT", "42.00"))
        self.pass_time()
        self.trade(("GOOG", "7.00"))
        self.pass_time(2)
        self.assertEqual(self.saved(), [["Open", "MSFT 42.00 2"], *[["Open", "MSFT 42.00 2", "GOOG 7.00 2"]] * 2])
        self.assertEqual(recorder.failed_saves, 3)
        self.saving.error = None
        self.pass_time(3)
        self.assertEqual(self.saved(), [["Open", "MSFT 42.00 2", "GOOG 7.00 2"]])
        self.assertEqual(recorder.failed_saves, 3)

    def test_everything_is_still_due(self) -> None:
        """If the very first save fails, or that after a reset, everything is saved later."""
        recorder = self.recorder_of()
        self.addCleanup(self.assertStopsCleanly, recorder)
        recorder.startService()
        self.saving.error = StoreError("no")
        self.pass_time(2)
        self.saving.error = None
        self.trade(("MSFT", "42.00"))
        self.pass_time(2)
        self.assertEqual([changes.is_whole for [changes] in self.saving.batches], [True] * 3)
        self.assertEqual(len(self.saving.batches[-1][0].stocks), 2)

    def test_trouble_is_logged_once(self) -> None:
        """The first of several failures is logged, and that saving works again; the next trouble is logged anew."""
        self.start()
        with capturedLogs() as events:
            for _ in range(2):
                self.saving.error = StoreError("'x' cannot be used: disk full.")
                self.trade(("MSFT", "42.00"))
                self.pass_time(5)
                self.saving.error = None
                self.pass_time(5)
        logged = [(event["log_level"], event.get("reason")) for event in events if "log_namespace" in event]
        trouble = (LogLevel.error, "'x' cannot be used: disk full.")
        ours = [each for each in logged if each[0] is LogLevel.error or each[0] is LogLevel.info]
        self.assertEqual(ours, [trouble, (LogLevel.info, None)] * 2)

    def test_defects_are_logged_with_their_traceback(self) -> None:
        """What no store should raise does not end the saving either."""
        self.start()
        self.saving.error = DiskError()
        self.trade(("MSFT", "42.00"))
        self.pass_time(5)
        self.assertEqual(len(self.flushLoggedErrors(DiskError)), 1)
        self.saving.error = None
        self.pass_time()
        self.assertEqual(len(self.saving.batches), 6)

    def test_the_market_goes_on(self) -> None:
        """Nobody in the market notices."""
        self.start()
        self.saving.error = DiskError()
        for price in ("42.00", "43.00"):
            self.trade(("MSFT", price))
            self.pass_time()
        self.assertEqual(str(self.market.stocks[0].price), "43.00")
        self.flushLoggedErrors(DiskError)


class StoppingTests(RecorderTestCase):
    """The end, and what is saved then."""

    def test_the_last_batch(self) -> None:
        """What is unsaved at the stop is saved at once; then nothing more."""
        recorder = self.start()
        self.trade(("MSFT", "42.00"))
        self.successResultOf(recorder.stopService())
        self.assertEqual((self.saved(), self.saving.closed), ([["Open", "MSFT 42.00 2"]], 1))
        self.market.close_market()
        self.pass_time(10)
        self.assertEqual(self.saving.batches, [])

    def test_the_stop_waits(self) -> None:
        """The stop is over when the save in progress, and then the last one, are."""
        recorder = self.start()
        self.saving.is_quick = False
        self.trade(("MSFT", "42.00"))
        self.pass_time()
        self.trade(("MSFT", "43.00"))
        stopped = recorder.stopService()
        self.assertEqual(len(self.saving.batches), 1)
        self.saving.end()
        self.assertEqual(len(self.saving.batches), 2)
        # Others are still stopping.
        self.market.close_market()
        self.assertNoResult(stopped)
        self.saving.end()
        self.assertEqual(self.saving.closed, 0)
        self.saving.end()
        self.successResultOf(stopped)
        self.assertEqual(self.saved(), [["Open", "MSFT 42.00 2"], ["Open", "MSFT 43.00 2"], ["Closed"]])
        self.assertEqual(self.saving.closed, 1)
        self.saving.work()

    def test_the_last_batch_fails(self) -> None:
        """It is tried once; the stop is an ordinary one."""
        recorder = self.start()
        self.saving.error = StoreError("disk full")
        self.trade(("MSFT", "42.00"))
        with capturedLogs() as events:
            self.successResultOf(recorder.stopService())
        self.assertEqual((len(self.saving.batches), self.saving.closed), (1, 1))
        self.assertEqual([event["reason"] for event in events if event["log_level"] is LogLevel.error], ["disk full"])

    def test_it_can_be_started_again(self) -> None:
        """A recorder that was stopped begins with everything again."""
        recorder = self.start()
        self.successResultOf(recorder.stopService())
        recorder.startService()
        self.pass_time(2)
        self.assertEqual([changes.is_whole for [changes] in self.saving.batches], [True])


@st.composite
def days(draw: st.DrawFn) -> list[str]:
    """What happens to a market, a recorder and its disk, in some order."""
    events = ["trade", "trade", "trade", "pass", "pass", "close", "open", "reset", "fail", "slow", "work"]
    return draw(st.lists(st.sampled_from(events), max_size=80))


class RestoringTests(SynchronousTestCase):
    """Recorder and store together, without a thread."""

    @given(days())
    def test_what_is_stored_is_what_there_is(self, events: list[str]) -> None:
        """Whatever happens: once all is saved, a later run finds the market as it was, and its whole history."""
        path = Path(self.mktemp())
        path.parent.mkdir(parents=True, exist_ok=True)
        clock = Clock()
        feed = RandomFeed(Random(len(events)), PriceMoves(chance=0.5, range_fraction=0.5))
        listing = [("MSFT", Decimal("41.68")), ("GOOG", Decimal("543.01"))]
        market = Market(listing, feed=feed, state=MarketState.OPEN, name="full")
        history = PriceHistory(market, seconds=lambda: START + clock.seconds() * 3)
        with closing(SqliteStore(path)) as store:
            saving = ScriptedSaving(store)
            recorder = MarketRecorder([(market, history)], saving=saving, clock=clock)
            acts: dict[str, Callable[[], object]] = {
                "trade": market.step,
                "pass": lambda: clock.advance(INTERVAL),
                "close": market.close_market,
                "open": market.open_market,
                "reset": lambda: market.state is MarketState.OPEN or market.reset(),
                "fail": lambda: setattr(saving, "error", StoreError("no")),
                "slow": lambda: setattr(saving, "is_quick", False),
                "work": saving.work,
            }
            recorder.startService()
            for event in events:
                acts[event]()
            saving.work()
            self.successResultOf(recorder.stopService())
        with closing(SqliteStore(path)) as store:
            stored = store.load()["full"]
        self.assertIs(stored.state, market.state)
        self.assertEqual({stock.symbol: stock for stock in stored.stocks}, {s.symbol: s for s in market.stocks})
        self.assertEqual(stored.points, {symbol: history.curve(symbol).points for symbol, _ in listing})


class ThreadedStore:
    """A store that notes in which thread it is used."""

    def __init__(self) -> None:
        self.threads = {threading.current_thread()}
        self.batches: list[list[MarketChanges]] = []
        self.closed = False
        self.error: Exception | None = None

    def save(self, batch: Iterable[MarketChanges]) -> None:
        self.threads.add(threading.current_thread())
        if self.error is not None:
            raise self.error
        self.batches.append(list(batch))

    def close(self) -> None:
        self.threads.add(threading.current_thread())
        self.closed = True
        if self.error is not None:
            raise self.error


BATCH = [MarketChanges("full", MarketState.OPEN, [], {})]


class ThreadedSavingTests(TestCase):
    """Tests for `ThreadedSaving`, with threads."""

    def setUp(self) -> None:
        self.stores: list[ThreadedStore] = []
        self.refusals: list[Exception] = []
        self.before = set(threading.enumerate())

    def saving(self) -> ThreadedSaving:
        def open_store() -> ThreadedStore:
            if self.refusals:
                raise self.refusals.pop()
            self.stores.append(ThreadedStore())
            return self.stores[-1]

        return ThreadedSaving(open_store, reactor)

    def assertNoThreads(self) -> None:
        self.assertEqual(set(threading.enumerate()) - self.before, set())

    async def test_one_thread_does_it_all(self) -> None:
        """The store is opened, used and closed by one thread, which is not that of the reactor, and then ends."""
        saving = self.saving()
        self.assertNoThreads()
        self.assertEqual(self.stores, [])
        for _ in range(3):
            await saving.save(BATCH)
        [store] = self.stores
        self.assertFalse(store.closed)
        await saving.close()
        self.assertEqual((store.batches, store.closed, len(store.threads)), ([BATCH] * 3, True, 1))
        self.assertNotIn(threading.current_thread(), store.threads)
        self.assertNoThreads()

    async def test_nothing_was_saved(self) -> None:
        """There is nothing to close then."""
        await self.saving().close()
        self.assertEqual(self.stores, [])

    async def test_it_can_be_begun_again(self) -> None:
        """After the end, the store is opened anew."""
        saving = self.saving()
        for _ in range(2):
            await saving.save(BATCH)
            await saving.close()
        self.assertEqual([store.closed for store in self.stores], [True, True])
        self.assertNoThreads()

    async def test_failures(self) -> None:
        """A failure is that of one save; the store stays open."""
        saving = self.saving()
        await saving.save(BATCH)
        [store] = self.stores
        store.error = DiskError()
        with self.assertRaises(DiskError):
            await saving.save(BATCH)
        store.error = None
        await saving.save(BATCH)
        await saving.close()
        self.assertEqual((len(self.stores), len(store.batches), len(store.threads)), (1, 2, 1))

    async def test_a_store_that_cannot_be_opened(self) -> None:
        """It is tried again at the next save."""
        saving = self.saving()
        self.refusals = [DiskError()]
        with self.assertRaises(DiskError):
            await saving.save(BATCH)
        await saving.save(BATCH)
        await saving.close()
        self.assertEqual(len(self.stores), 1)

    async def test_a_store_that_cannot_be_closed(self) -> None:
        """No thread is left even then."""
        saving = self.saving()
        await saving.save(BATCH)
        self.stores[0].error = DiskError()
        with self.assertRaises(DiskError):
            await saving.close()
        self.assertNoThreads()

    async def test_with_a_database(self) -> None:
        """What a recorder saves in this way, a later run finds."""
        path = Path(self.mktemp()).absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        market = Market([("MSFT", Decimal("41.68"))], feed=ScriptedFeed(("MSFT", "42.00")), name="full")
        recorder = MarketRecorder(
            [(market, None)], saving=ThreadedSaving(partial(SqliteStore, path), reactor), clock=Clock()
        )
        recorder.startService()
        market.open_market()
        market.step()
        await recorder.stopService()
        with closing(SqliteStore(path)) as store:
            expected = StoredMarket(MarketState.OPEN, list(market.stocks), {"MSFT": []})
            self.assertEqual(store.load(), {"full": expected})
        self.assertNoThreads()
