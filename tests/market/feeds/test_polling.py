"""Tests for `twisted_ticker.market.feeds.polling`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.market.fakes import RecordingObserver
from twisted_ticker.market.feeds.polling import Fetched, PollingFeed, SourceError
from twisted_ticker.market.market import FULL_SAMPLE_LISTING, Market

PERIOD = 2.0


class ScriptedSource:
    """A source that answers when it is told to."""

    def __init__(self) -> None:
        self.tags: list[bytes | None] = []
        self.waiting: list[Deferred[Fetched]] = []
        self.cancelled = 0
        self.closing: Deferred[None] = Deferred()

    def fetch(self, tag: bytes | None) -> Deferred[Fetched]:
        self.tags.append(tag)
        self.waiting.append(Deferred(self._cancel))
        return self.waiting[-1]

    def close(self) -> Deferred[None]:
        return self.closing

    def answer(self, body: str | None, tag: bytes | None = None) -> None:
        self.waiting.pop().callback(Fetched(None if body is None else body.encode(), tag))

    def fail(self, error: Exception | None = None) -> None:
        self.waiting.pop().errback(Failure(error or SourceError("the answer has status 500")))

    def _cancel(self, _: object) -> None:
        self.cancelled += 1


class Always:
    """A random source that always says the same."""

    def __init__(self, number: float) -> None:
        self.number = number

    def random(self) -> float:
        return self.number


class PollingTestCase(SynchronousTestCase):
    """A market whose feed polls a scripted source."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.source = ScriptedSource()
        self.chance = Always(1.0)  # each pause is as long as it may be
        self.feed = PollingFeed(
            self.source,
            [symbol for symbol, _ in FULL_SAMPLE_LISTING],
            name="http://test/quotes",
            period_seconds=PERIOD,
            clock=self.clock,
            random=self.chance,
        )
        self.market = Market(FULL_SAMPLE_LISTING, feed=self.feed)
        self.observer = RecordingObserver(self.market)

    def start(self) -> None:
        self.feed.startService()
        self.addCleanup(self.stop)

    def stop(self) -> None:
        """Stop it; nothing may be left."""
        stopped = self.feed.stopService()
        self.assertNoResult(stopped)
        self.source.closing.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @contextmanager
    def logged(self) -> Iterator[list[str]]:
        """What is logged meanwhile, is there afterwards."""
        lines: list[str] = []
        with capturedLogs() as events:
            yield lines
        lines += [formatEvent(event) for event in events]


class PollingTests(PollingTestCase):
    """When the source is asked, and with what."""

    def test_it_is_a_service(self) -> None:
        """It asks nobody before it is started."""
        verifyObject(IService, self.feed)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.source.tags, [])

    def test_one_question_at_a_time(self) -> None:
        """Asked at once, and then a period after the question before, if that was answered."""
        self.start()
        self.assertEqual(len(self.source.tags), 1)
        self.clock.advance(0.5)
        self.source.answer('{"MSFT": 41.68}')
        self.clock.advance(1.49)
        self.assertEqual(len(self.source.tags), 1)
        self.clock.advance(0.01)
        self.assertEqual(len(self.source.tags), 2)
        self.clock.advance(10 * PERIOD)
        self.assertEqual(len(self.source.tags), 2)
        self.source.answer('{"MSFT": 41.68}')
        self.clock.advance(0)
        self.assertEqual((len(self.source.tags), self.feed.polls, self.feed.failed_polls), (3, 3, 0))

    def test_tags(self) -> None:
        """The tag of the newest good answer comes with the next question, also after an answer that is the same."""
        self.start()
        for answer, tag in (('{"MSFT": 1}', b'"a"'), (None, None), ('{"MSFT": 2}', b'"b"'), ('{"MSFT": 3}', None)):
            self.source.answer(answer, tag)
            self.clock.advance(PERIOD)
        self.assertEqual(self.source.tags, [None, b'"a"', b'"a"', b'"b"', None])

    def test_no_tag_of_a_bad_answer(self) -> None:
        """What was not good is asked for again, and a failure makes us ask for everything."""
        self.start()
        self.source.answer('{"MSFT": 1}', b'"a"')
        self.clock.advance(PERIOD)
        self.source.answer('{"MSFT": -1}', b'"b"')
        self.clock.advance(PERIOD)
        self.assertEqual(self.source.tags, [None, b'"a"', None])

    def test_pauses_grow_and_end(self) -> None:
        """After a failure the next attempt comes in a period; then the pause doubles, up to a minute."""
        self.start()
        pauses = []
        for _ in range(8):
            self.source.fail()
            [call] = self.clock.getDelayedCalls()
            pauses.append(call.getTime() - self.clock.seconds())
            self.clock.advance(pauses[-1])
        self.assertEqual(pauses, [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0])
        self.assertEqual((self.feed.polls, self.feed.failed_polls), (9, 8))
        self.source.answer('{"MSFT": 41.68}')
        self.clock.advance(PERIOD)
        self.source.fail()
        [call] = self.clock.getDelayedCalls()
        self.assertEqual(call.getTime() - self.clock.seconds(), 2.0)

    def test_pauses_are_jittered(self) -> None:
        """By chance, a pause is down to half as long."""
        self.start()
        pauses = []
        for number in (0.0, 0.5, 0.75):
            self.chance.number = number
            self.source.fail()
            [call] = self.clock.getDelayedCalls()
            pauses.append(call.getTime() - self.clock.seconds())
            self.clock.advance(pauses[-1])
        self.assertEqual(pauses, [1.0, 3.0, 7.0])

    def test_long_periods(self) -> None:
        """Who asks every five minutes does not ask more often when that fails; nor does it after very long."""
        feed = PollingFeed(
            self.source, ["MSFT"], name="test", period_seconds=300.0, clock=self.clock, random=self.chance
        )
        feed.startService()
        for _ in range(2000):
            self.source.fail()
            self.clock.advance(299.9)
            self.assertEqual(self.source.waiting, [])
            self.clock.advance(0.1)
        self.source.closing.callback(None)
        self.successResultOf(feed.stopService())

    def test_stop_while_asking(self) -> None:
        """The question is dropped, which is no failure; later nobody is asked."""
        self.feed.startService()
        self.stop()
        self.assertEqual((self.source.cancelled, self.feed.failed_polls), (1, 0))
        self.clock.advance(10 * PERIOD)
        self.assertEqual(len(self.source.tags), 1)

    def test_stop_between_questions(self) -> None:
        """Nobody is asked any more; and a new start asks at once."""
        self.feed.startService()
        self.source.answer('{"MSFT": 41.68}')
        self.stop()
        self.source.closing = Deferred()
        self.start()
        self.assertEqual(len(self.source.tags), 2)

    def test_stop_without_start(self) -> None:
        """What never ran can be stopped."""
        self.stop()


class StalenessTests(PollingTestCase):
    """When prices are out of date."""

    def stale(self, seconds: float = 0.0) -> bool:
        """Whether the market says so, after some time."""
        self.clock.advance(seconds)
        self.market.step()
        return self.market.is_stale

    def test_until_the_first_good_answer(self) -> None:
        """Nothing is known at first."""
        self.assertTrue(self.stale())
        self.start()
        self.assertTrue(self.stale())
        self.source.fail()
        self.assertTrue(self.stale(PERIOD))
        self.source.answer('{"MSFT": 41.68}')
        self.assertFalse(self.stale())
        self.assertEqual(self.observer.events, ["fresh"])

    def test_three_periods(self) -> None:
        """One answer that is missing does no harm; three do, whether the source is slow or fails."""
        self.start()
        for end in (lambda: None, self.source.fail):
            self.source.answer('{"MSFT": 41.68}')
            self.assertFalse(self.stale(PERIOD))
            end()
            self.assertFalse(self.stale(2 * PERIOD))
            self.assertTrue(self.stale(0.01))

    def test_unchanged_is_fresh(self) -> None:
        """A source that says that nothing has changed is up."""
        self.start()
        self.source.answer('{"MSFT": 41.68}', b'"a"')
        for _ in range(10):
            self.clock.advance(PERIOD)
            self.source.answer(None)
            self.assertFalse(self.stale())

    def test_answers_without_a_good_quote(self) -> None:
        """They are failures: nothing is known from them."""
        self.start()
        bad = ("[]", "{}", "5", "<html>", '{"error": 500}', '{"MSFT": -1}')
        for body in bad:
            self.source.answer(body)
            self.assertTrue(self.stale())
            self.clock.advance(100.0)
        self.assertEqual(self.feed.failed_polls, len(bad))


class PriceTests(PollingTestCase):
    """What reaches the market."""

    def prices(self) -> list[str]:
        return [str(stock.price) for stock in self.market.stocks]

    def ask_again(self, body: str) -> None:
        """The answer to the next question."""
        self.clock.advance(PERIOD)
        self.source.answer(body)

    def test_changes_are_trades(self) -> None:
        """In the order of the listing; a quote that is the price already is none."""
        self.market.open_market()
        self.start()
        self.source.answer('{"AAPL": 92.10, "MSFT": 41.68, "GOOG": 544}')
        self.market.step()
        self.assertEqual(self.observer.events[2:], ["GOOG 544.00", "AAPL 92.10"])
        self.market.step()
        self.ask_again('{"AAPL": 92.10, "MSFT": 41.69, "GOOG": 544}')
        self.market.step()
        self.assertEqual(self.observer.events[4:], ["MSFT 41.69"])

    def test_the_newest_counts(self) -> None:
        """Of what came between two steps."""
        self.market.open_market()
        self.start()
        self.source.answer('{"MSFT": 1, "GOOG": 2}')
        self.ask_again('{"MSFT": 3}')
        self.market.step()
        self.assertEqual(self.prices(), ["2.00", "3.00", "92.08"])

    def test_quotes_wait_for_the_opening(self) -> None:
        """While the market is closed nothing is told; then the newest quotes are."""
        self.start()
        self.source.answer('{"MSFT": 42}')
        for price in (43, 44):
            self.market.step()
            self.ask_again(f'{{"MSFT": {price}}}')
        self.assertEqual(self.prices(), ["543.01", "41.68", "92.08"])
        self.market.open_market()
        self.market.step()
        self.assertEqual(self.observer.events, ["fresh", "opened", "MSFT 44.00"])

    def test_reset(self) -> None:
        """A reset market shows its opening prices, until quotes come: all of them, which are asked for anew."""
        self.market.open_market()
        self.start()
        self.source.answer('{"MSFT": 42, "GOOG": 543.01}', b'"a"')
        self.market.step()
        self.market.close_market()
        self.ask_again('{"MSFT": 43}')
        self.market.reset()
        self.market.open_market()
        self.market.step()
        self.assertEqual(self.prices(), ["543.01", "41.68", "92.08"])
        self.clock.advance(PERIOD)
        self.assertEqual(self.source.tags[-1], None)
        self.source.answer('{"MSFT": 43}')
        self.market.step()
        self.assertEqual(self.prices(), ["543.01", "43.00", "92.08"])

    def test_refused_quotes(self) -> None:
        """They are counted and change nothing; the good ones of the same answer hold."""
        self.market.open_market()
        self.start()
        self.source.answer('{"MSFT": 42, "GOOG": -1, "AAPL": "92.09", "YHOO": 5}')
        self.market.step()
        self.assertEqual(self.prices(), ["543.01", "42.00", "92.08"])
        self.assertEqual((self.feed.refused_quotes, self.feed.failed_polls), (3, 0))
        self.ask_again('{"MSFT": 0}')
        self.market.step()
        self.assertEqual(self.prices()[1], "42.00")
        self.assertEqual((self.feed.refused_quotes, self.feed.failed_polls), (4, 1))

    def test_prices_are_exact(self) -> None:
        """They are decimals of whole cents."""
        self.market.open_market()
        self.start()
        self.source.answer('{"MSFT": 41.7}')
        self.assertEqual(self.feed.trades(self.market.stocks, 0.1), [("MSFT", Decimal("41.70"))])
        self.assertEqual(self.feed.trades(self.market.stocks, 0.1), [])


class LogTests(PollingTestCase):
    """What operators are told."""

    def fail_for(self, seconds: float) -> None:
        """The source fails whenever it is asked."""
        for _ in range(round(seconds)):
            if self.source.waiting:
                self.source.fail()
            self.clock.advance(1.0)

    def answer(self, body: str) -> None:
        """Wait for the next question, and answer it."""
        while not self.source.waiting:
            self.clock.advance(1.0)
        self.source.answer(body)

    def test_failures(self) -> None:
        """The first is told, then one in a minute; and the end of it."""
        with self.logged() as lines:
            self.start()
            self.fail_for(70)
            self.answer('{"MSFT": 41.68}')
        self.assertEqual(
            lines,
            [
                "http://test/quotes gives no quotes: the answer has status 500 (failures so far: 1)",
                "http://test/quotes gives no quotes: the answer has status 500 (failures so far: 6)",
                "http://test/quotes gives quotes again",
            ],
        )

    def test_a_source_that_comes_and_goes(self) -> None:
        """Makes no more noise than one that is down."""
        with self.logged() as lines:
            self.start()
            for _ in range(10):
                self.fail_for(1)
                self.answer('{"MSFT": 41.68}')
                self.clock.advance(PERIOD)
        self.assertEqual(len(lines), 2)

    def test_refused_quotes(self) -> None:
        """One in a minute, with the count; nothing that a source sends makes a second line."""
        with self.logged() as lines:
            self.start()
            for _ in range(40):
                self.answer('{"MSFT": 41.68, "GOOG\\n": 5, "X": 1}')
        self.assertEqual(len(lines), 2)
        self.assertEqual(
            lines[0],
            "http://test/quotes gives bad quotes: 2, of which the first: 'GOOG\\n' is not listed (refused so far: 2)",
        )

    def test_our_own_errors(self) -> None:
        """A source that is broken itself is told with its traceback, and asked again."""
        self.start()
        self.source.fail(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.feed.failed_polls, 1)
        self.answer('{"MSFT": 41.68}')
        self.assertFalse(self.feed.is_stale)

    def test_levels(self) -> None:
        """That something is wrong is a warning; that it is over, is not."""
        with capturedLogs() as events:
            self.start()
            self.source.fail()
            self.answer('{"MSFT": 41.68}')
        self.assertEqual([event["log_level"] for event in events], [LogLevel.warn, LogLevel.info])
