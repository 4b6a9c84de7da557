"""Tests for `twisted_ticker.web.failed_logins`."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.web.failed_logins import FailedLogins

HERE, THERE = "192.0.2.1", "192.0.2.2"


class FailedLoginsTests(SynchronousTestCase):
    """Tests for `FailedLogins`."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000.6)
        self.failed = FailedLogins(self.clock.seconds, free=3, recovery_seconds=10, max_addresses=4)

    def fail(self, address: str, times: int) -> None:  # type: ignore[override]
        """Fail so often, each time at once."""
        for _ in range(times):
            self.assertEqual(self.failed.begin(address), 0)

    def test_some_may_fail(self) -> None:
        """After so many failures there is a wait, which gets shorter as time passes, for this address only."""
        self.fail(HERE, 3)
        self.assertEqual(self.failed.begin(HERE), 10)
        self.clock.advance(4)
        self.assertAlmostEqual(self.failed.begin(HERE), 6)
        self.fail(THERE, 3)

    def test_one_after_a_while(self) -> None:
        """A wait is followed by one try, and asking meanwhile does not make it longer."""
        self.fail(HERE, 3)
        for _ in range(100):
            self.assertTrue(self.failed.begin(HERE))
        self.clock.advance(10.01)
        self.fail(HERE, 1)
        self.assertAlmostEqual(self.failed.begin(HERE), 10, 1)

    def test_all_is_forgotten(self) -> None:
        """After a rest, as many may fail as at first."""
        self.fail(HERE, 3)
        self.clock.advance(30)
        self.fail(HERE, 3)
        self.assertTrue(self.failed.begin(HERE))

    def test_success(self) -> None:
        """Who gets in, however often, has not failed; but that does not pay for failures before."""
        for _ in range(100):
            self.fail(HERE, 1)
            self.failed.succeeded(HERE)
        self.assertEqual(len(self.failed), 0)
        self.fail(HERE, 2)
        self.fail(HERE, 1)
        self.failed.succeeded(HERE)
        self.fail(HERE, 1)
        self.assertTrue(self.failed.begin(HERE))

    def test_tries_at_once(self) -> None:
        """Those that are not decided yet count as failures."""
        self.fail(HERE, 3)
        self.assertTrue(self.failed.begin(HERE))
        self.failed.succeeded(HERE)
        self.fail(HERE, 1)

    def test_memory_is_bounded(self) -> None:
        """Of too many addresses, the one that was heard of first is forgotten."""
        self.fail(HERE, 3)
        for number in range(3):
            self.fail(f"198.51.100.{number}", 1)
        self.assertTrue(self.failed.begin(HERE))
        for number in range(3, 1000):
            self.fail(f"198.51.{number % 250}.{number // 250}", 1)
            self.assertLessEqual(len(self.failed), 4)
        self.fail(HERE, 3)

    def test_networks(self) -> None:
        """A customer's IPv6 network is one address; IPv4 in IPv6's clothes is IPv4; what is no address is itself."""
        self.fail("2001:db8::1", 2)
        self.fail("2001:db8::ffff:2", 1)
        self.assertTrue(self.failed.begin("2001:db8:0:0:1::"))
        self.fail("2001:db8:0:1::1", 1)
        self.fail(f"::ffff:{HERE}", 3)
        self.assertTrue(self.failed.begin(HERE))
        self.fail("", 3)
        self.assertTrue(self.failed.begin(""))

    def test_a_clock_that_goes_back(self) -> None:
        """Nothing is forgotten, and nothing gets longer."""
        times = [1000.0]
        failed = FailedLogins(lambda: times[0], free=1, recovery_seconds=10)
        self.assertEqual(failed.begin(HERE), 0)
        times[0] = 0.0
        self.assertEqual(failed.begin(HERE), 10)
