"""Clients that stop reading: they cost little memory and nobody else's time, and they catch up or are let go."""

from __future__ import annotations

from typing import Any

from tests.integration.bystander import memory
from tests.integration.scale import measured, scaled
from tests.integration.support import Client, StockTickerTestCase
from tests.integration.torture.workers import Worker, allow_open_files
from tests.integration.waiting import DEADLINE_SECONDS, wait_for

_KIB = 1024

#: How many clients there are; how many of them stop reading; and how many of these never begin again.
CLIENTS = scaled(60, 1000)
SLOW = scaled(6, 50)
NEVER = scaled(2, 10)

#: Messages of 1 KiB: how many in a second, and in how many turns. The system alone keeps some 5 MiB for who does not
#: read, so there have to be more of them where there is less time.
PER_SECOND = scaled(4000, 1000)
TURNS = scaled(40, 20)
MESSAGE_BYTES = 960

#: How long everybody reads at first, twice; how long the slow ones do not; and how long it goes on then, in seconds.
CALM_SECONDS = scaled(1, 20)
STALL_SECONDS = scaled(3, 60)
END_SECONDS = scaled(4, 30)

#: Longer than those are paused that begin to read again in time, and not longer than those that do not, in seconds.
DISCONNECT_SECONDS = scaled(6, 75)

#: What a client that does not read may cost, and what memory may grow by besides.
SLOW_BYTES = 256 * _KIB
OTHER_SHARE = 0.1

#: Latencies below this are nobody's concern, however much smaller they were before, in seconds.
UNNOTICED_SECONDS = scaled(250, 100) / 1000


class SlowReaderTests(StockTickerTestCase):
    """A crowd that is sent a thousand messages a second, some of which do not read for a while."""

    def setUp(self) -> None:
        super().setUp()
        allow_open_files(2 * CLIENTS + 1000)
        self.server = self.start_server(
            *("--app", "tests.integration.torture.numbering:serve", "--no-access-log"),
            *("--disconnect-timeout", str(DISCONNECT_SECONDS)),
            plugin="signalr",
        )
        self.crowd = Worker("listeners")
        self.addCleanup(self.crowd.end)
        self.most_memory = 0

    def progress(self) -> dict[str, Any]:
        """How far the server is."""
        answer: dict[str, Any] = Client(self.server.port, "numbering").invoke("progress")
        return answer

    def wait_until(self, seconds: int) -> dict[str, float]:
        """
        Wait until all is published that there was to publish in so many seconds, and watch the server's memory.

        Returns:
            How long messages took to those who read.
        """

        def is_published() -> bool:
            self.most_memory = max(self.most_memory, memory(self.server))
            return int(self.progress()["published"]) >= seconds * PER_SECOND

        wait_for(f"all of {seconds} seconds is published", is_published, 3 * seconds + DEADLINE_SECONDS)
        latencies: dict[str, float] = self.crowd.ask("take_latencies")
        return latencies

    def assert_unharmed(self, calm: dict[str, float], now: dict[str, float], memory_before: int) -> None:
        """Others are served as they were, and memory has not grown by more than it may."""
        measured(
            f"99th percentile {calm['p99'] * 1000:.0f} ms before, {now['p99'] * 1000:.0f} ms then; "
            f"memory {memory_before // _KIB} KiB before, {(self.most_memory - memory_before) // _KIB} KiB more then"
        )
        self.assertLess(now["p99"], max(2 * calm["p99"], UNNOTICED_SECONDS))
        self.assertLess(self.most_memory - memory_before, SLOW * SLOW_BYTES + OTHER_SHARE * memory_before)

    def test_slow_readers(self) -> None:
        """Who begins to read in time gets what is still kept, and is told that there was more; others are closed."""
        stall_begins = 2 * CALM_SECONDS
        stall_ends = stall_begins + STALL_SECONDS
        all_ends = stall_ends + END_SECONDS
        count = all_ends * PER_SECOND
        self.crowd.ask("join", 60, port=self.server.port, listeners=CLIENTS)
        Client(self.server.port, "numbering").invoke("begin", count, PER_SECOND, TURNS, 0, MESSAGE_BYTES)
        self.wait_until(CALM_SECONDS)
        calm = self.wait_until(stall_begins)
        memory_before = self.most_memory

        self.crowd.ask("stop_reading", listeners=SLOW)
        self.assert_unharmed(calm, self.wait_until(stall_ends), memory_before)
        self.assertEqual(self.progress()["paused"], SLOW)
        self.crowd.ask("resume_reading", first=NEVER, last=SLOW)
        self.assert_unharmed(calm, self.wait_until(all_ends), memory_before)

        let_go = f"has read nothing for {DISCONNECT_SECONDS:.1f} seconds and is dropped"
        wait_for("those who never read are let go", lambda: self.server.log.count(let_go) == NEVER)
        self.crowd.ask("resume_reading", first=0, last=NEVER)
        wait_for("they notice", lambda: self.report(0, NEVER)["closed"] == NEVER)
        wait_for("all others are up to date", lambda: set(self.report(NEVER, CLIENTS)["last"]) == {count})
        slow, others = self.report(NEVER, SLOW), self.report(SLOW, CLIENTS)
        measured(f"{NEVER} of {SLOW} let go, {slow['announcements']} gaps announced, {slow['repeats']} doubled")
        self.assertEqual((slow["closed"], slow["repeats"], slow["unannounced"]), (0, 0, 0))
        # None could be spared nothing: there was far more than is kept.
        self.assertGreaterEqual(slow["announcements"], SLOW - NEVER)
        self.assertEqual(slow["announcements"], self.progress()["gaps"])
        self.assertEqual((others["closed"], others["repeats"], others["jumps"]), (0, 0, 0))
        self.assertEqual(others["heard"], (CLIENTS - SLOW) * count)

    def report(self, first: int, last: int) -> dict[str, Any]:
        """What has become of some of the clients."""
        report: dict[str, Any] = self.crowd.ask("report", first=first, last=last)
        return report
