"""Tests for `twisted_ticker.market.service`."""

from __future__ import annotations

from decimal import Decimal

from twisted.application.service import IService, MultiService
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.market.fakes import CallingObserver, ObserverError, RecordingObserver, fail
from twisted_ticker.market.feeds import PriceMoves, RandomFeed
from twisted_ticker.market.market import Market, MarketState
from twisted_ticker.market.service import MarketService

INTERVAL = 0.25


class Rising:
    """A random source that makes every price rise that may move at all, by 0.18 %."""

    def random(self) -> float:
        return 0.9


class ChanceError(Exception):
    """What a failing random source raises."""


class Failing:
    """A random source that fails."""

    def random(self) -> float:
        raise ChanceError


def rising_market(name: str = "rising") -> Market:
    """An open market of one stock, which rises from 100.00 at every step."""
    return Market(
        [("MSFT", Decimal("100.00"))],
        feed=RandomFeed(Rising(), PriceMoves(chance=1)),
        state=MarketState.OPEN,
        name=name,
    )


def failing_market() -> Market:
    """An open market whose every step fails."""
    return Market([("GOOG", Decimal("5.00"))], feed=RandomFeed(Failing()), state=MarketState.OPEN, name="failing")


class MarketServiceTests(SynchronousTestCase):
    """Tests for `MarketService`."""

    def setUp(self) -> None:
        self.clock = Clock()

    def service_of(self, *markets: Market) -> MarketService:
        return MarketService(iter(markets), interval_seconds=INTERVAL, clock=self.clock)

    def start(self, *markets: Market) -> MarketService:
        """Start a service of these markets; check after the test that it leaves no timer behind."""
        service = self.service_of(*markets)
        service.startService()
        self.addCleanup(self.assertStopsCleanly, service)
        return service

    def assertStopsCleanly(self, service: MarketService) -> None:
        self.successResultOf(service.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_is_a_service(self) -> None:
        """It can be a child of the application."""
        service = self.service_of(rising_market())
        verifyObject(IService, service)
        parent = MultiService()
        service.setServiceParent(parent)
        parent.startService()
        self.assertTrue(service.running)
        self.successResultOf(parent.stopService())
        self.assertFalse(service.running)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothing_happens_before_it_is_started(self) -> None:
        """A new service has no timer, and stopping it is harmless."""
        service = self.service_of(rising_market())
        self.assertStopsCleanly(service)

    def test_markets_are_stepped_once_per_interval(self) -> None:
        """The first step comes one interval after the start, and then one per interval."""
        observer = RecordingObserver(market := rising_market())
        self.start(market)
        self.assertEqual(observer.events, [])
        self.clock.advance(INTERVAL / 2)
        self.assertEqual(observer.events, [])
        self.clock.advance(INTERVAL / 2)
        self.assertEqual(observer.events, ["MSFT 100.18"])
        self.clock.pump([INTERVAL] * 4)
        self.assertEqual(len(observer.events), 5)

    def test_all_markets_share_one_timer(self) -> None:
        """However many markets there are, one delayed call steps them all, in order."""
        told: list[str] = []
        markets = [rising_market() for _ in range(3)]
        for number, market in enumerate(markets):
            market.observe(CallingObserver(lambda number=number: told.append(f"market {number}")))  # type: ignore[misc]
        self.start(*markets)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.pump([INTERVAL])
        self.assertEqual(told, ["market 0", "market 1", "market 2"])

    def test_the_services_run_says_nothing_about_trading_hours(self) -> None:
        """A closed market stays closed and still; once opened it moves at the next interval."""
        observer = RecordingObserver(market := rising_market())
        market.close_market()
        self.start(market)
        self.clock.pump([INTERVAL] * 4)
        market.open_market()
        self.clock.pump([INTERVAL])
        self.assertEqual(observer.events, ["closed", "opened", "MSFT 100.18"])

    def test_steps_end_when_it_is_stopped(self) -> None:
        """After the stop no price moves."""
        observer = RecordingObserver(market := rising_market())
        service = self.start(market)
        self.clock.pump([INTERVAL])
        self.assertStopsCleanly(service)
        self.clock.pump([INTERVAL] * 4)
        self.assertEqual(len(observer.events), 1)

    def test_it_can_be_started_again(self) -> None:
        """A service that was stopped starts anew, one interval before its next step."""
        observer = RecordingObserver(market := rising_market())
        service = self.start(market)
        self.clock.pump([INTERVAL * 0.75])
        self.assertStopsCleanly(service)
        service.startService()
        self.clock.pump([INTERVAL / 2])
        self.assertEqual(observer.events, [])
        self.clock.pump([INTERVAL / 2])
        self.assertEqual(len(observer.events), 1)

    def test_the_stop_waits_for_the_step_in_progress(self) -> None:
        """Stopped by an observer, the service has stopped when the step is over."""
        service = self.service_of(market := rising_market())
        stops = []
        observed = []

        def stop() -> None:
            stops.append(service.stopService())
            observed.append(stops[0].called)

        market.observe(CallingObserver(stop))
        service.startService()
        self.clock.pump([INTERVAL])
        self.assertEqual(observed, [False])
        self.successResultOf(stops[0])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_other_markets_go_on_when_one_fails(self) -> None:
        """A failing step is logged and counted; it stops neither the timer nor the other markets."""
        observer = RecordingObserver(market := rising_market())
        service = self.start(failing_market(), market)
        self.clock.pump([INTERVAL] * 4)
        self.assertEqual(len(observer.events), 4)
        self.assertEqual(service.failed_steps, 4)
        self.assertEqual(len(self.flushLoggedErrors(ChanceError)), 4)

    def test_the_log_names_the_market_that_failed(self) -> None:
        """Whoever reads the log learns which of the markets is in trouble."""
        self.start(rising_market(), failing_market())
        with capturedLogs() as events:
            self.clock.pump([INTERVAL])
        names = [event["market"] for event in events if "log_failure" in event]
        self.assertEqual(names, ["failing"])
        [failure] = self.flushLoggedErrors(ChanceError)
        self.assertIn("in random", failure.getTraceback())

    def test_each_error_of_observers_is_logged(self) -> None:
        """All that observers raised in one step is logged; the step counts as one failure."""
        market = rising_market()
        market.observe(CallingObserver(fail))
        observer = RecordingObserver(market)
        market.observe(CallingObserver(fail))
        service = self.start(market)
        self.clock.pump([INTERVAL] * 2)
        self.assertEqual(len(observer.events), 2)
        self.assertEqual(service.failed_steps, 2)
        self.assertEqual(len(self.flushLoggedErrors(ObserverError)), 4)

    def test_errors_in_groups_of_groups_are_logged(self) -> None:
        """An observer's own group of errors is taken apart, too."""

        def fail_twice() -> None:
            raise ExceptionGroup("both", [ObserverError(), ChanceError()])

        market = rising_market()
        market.observe(CallingObserver(fail_twice))
        service = self.start(market)
        self.clock.pump([INTERVAL])
        self.assertEqual(service.failed_steps, 1)
        logged = self.flushLoggedErrors(ObserverError) + self.flushLoggedErrors(ChanceError)
        self.assertEqual(len(logged), 2)

    def test_impossible_intervals_are_refused(self) -> None:
        """The interval is positive and finite."""
        for interval in (0, -1, float("nan"), float("inf")):
            with self.assertRaises(ValueError, msg=str(interval)):
                MarketService([], interval_seconds=interval, clock=self.clock)
