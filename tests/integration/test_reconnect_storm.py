"""Thousands of clients that are cut off and come back, all at once: they are served soon, and nobody else suffers."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.integration.scale import measured, scaled
from tests.integration.support import Client, StockTickerTestCase
from tests.integration.torture.workers import Worker, allow_open_files
from tests.integration.waiting import wait_for

#: How many clients are cut off, and how many are not.
CLIENTS = scaled(300, 5000)
STEADY = scaled(20, 100)

#: How soon all have to be back, in seconds.
BACK_SECONDS = 15.0

#: How often the server gives signs of life; none may be later than half of that, in seconds.
KEEP_ALIVE_SECONDS = 2
LONGEST_SILENCE = 1.5 * KEEP_ALIVE_SECONDS

#: For how long CPU time is measured, a multiple of the above, and what it may differ by, as a share of a core.
LOAD_SECONDS = scaled(2, 10)
LOAD_TOLERANCE = 0.05

#: The most CPU time between two looks of the server at its timers, in seconds.
LONGEST_TURN = 0.05


def waiting_room() -> int:
    """How many connections the system lets wait for the server; others try again a second later, behind the rest."""
    return min(4096, int(Path("/proc/sys/net/core/somaxconn").read_text()))


def longest_rise(numbers: Sequence[int]) -> int:
    """How many of these can be left so that they rise from each to the next."""
    ends: list[int] = []
    for number in numbers:
        place = bisect_left(ends, number)
        ends[place : place + 1] = [number]
    return len(ends)


class ReconnectStormTests(StockTickerTestCase):
    """A server with clients that leave and return together."""

    def setUp(self) -> None:
        super().setUp()
        allow_open_files(CLIENTS + STEADY + 1000)
        self.server = self.start_server(
            *("--app", "tests.integration.torture.numbering:serve", "--no-access-log"),
            *("--keep-alive", str(KEEP_ALIVE_SECONDS)),
            plugin="signalr",
        )
        self.crowd = Worker("listeners")
        self.addCleanup(self.crowd.end)

    def ask(self, method: str, *arguments: Any) -> Any:
        """Call the server."""
        return Client(self.server.port, "numbering").invoke(method, *arguments)

    def load(self) -> float:
        """How much of a core the server needs."""
        schedule = Path(f"/proc/{self.server.process.pid}/schedstat")
        began, spent = time.monotonic(), int(schedule.read_text().split()[0])
        time.sleep(LOAD_SECONDS)
        return (int(schedule.read_text().split()[0]) - spent) / 1e9 / (time.monotonic() - began)

    def test_storm(self) -> None:
        """All are back soon, first come, first served; others hear of the server all along; then it rests as before."""
        self.crowd.ask("join", 60, port=self.server.port, listeners=STEADY)
        self.crowd.ask("join", 120, port=self.server.port, listeners=CLIENTS)
        load_before = self.load()
        places = {each: place for place, each in enumerate(self.crowd.ask("ids", first=STEADY, last=STEADY + CLIENTS))}
        self.ask("watch")
        self.crowd.ask("watch_silence")

        away: list[float] = self.crowd.ask("storm", 60, first=STEADY, last=STEADY + CLIENTS)
        self.assertLess(max(away), BACK_SECONDS)
        progress = self.ask("progress")
        self.assertEqual((progress["reconnects"], progress["connections"]), (CLIENTS, CLIENTS + STEADY))
        self.assertLess(progress["longest_turn"], LONGEST_TURN)

        served = [places[each] for each in self.ask("returned")]
        self.assertLessEqual(CLIENTS - longest_rise(served), max(0, CLIENTS - waiting_room()))

        loads = [load_before]

        def is_at_rest() -> bool:
            loads.append(self.load())
            return loads[-1] <= load_before + LOAD_TOLERANCE

        wait_for("the server rests again", is_at_rest)
        self.ask("begin", 1, 1, 1)
        wait_for("everybody hears a number", lambda: set(self.report(0, CLIENTS + STEADY)["last"]) == {1})
        steady, others = self.report(0, STEADY), self.report(STEADY, STEADY + CLIENTS)
        self.assertEqual((steady["closed"], others["closed"], others["jumps"], others["repeats"]), (0, 0, 0, 0))
        self.assertLess(steady["longest_silence"], LONGEST_SILENCE)
        measured(
            f"{CLIENTS} clients back within {max(away):.1f} s; "
            f"others heard nothing for {steady['longest_silence']:.1f} s at most; "
            f"load before and after {' '.join(f'{load:.1%}' for load in loads)}; "
            f"longest turn {progress['longest_turn'] * 1000:.0f} ms"
        )
        self.assertLogClean(self.server)

    def report(self, first: int, last: int) -> dict[str, Any]:
        """What has become of some of the clients."""
        report: dict[str, Any] = self.crowd.ask("report", first=first, last=last)
        return report
