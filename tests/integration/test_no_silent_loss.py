"""
Links that fail at random, on every transport: clients get everything, once and in order, or are told that they did not.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.integration.scale import measured, scaled
from tests.integration.support import Client, Server, StockTickerTestCase
from tests.integration.torture.workers import Worker, allow_open_files
from tests.integration.waiting import wait_for

TRANSPORTS = ("webSockets", "serverSentEvents", "foreverFrame", "longPolling")

#: How many clients there are on each transport, each with a link of its own.
CLIENTS = scaled(10, 200)

#: How many numbers everybody is owed; a tenth as many again go to rooms.
MESSAGES = scaled(2_000, 100_000)

ROOMS = 8

#: How many processes the clients are in: one alone could not take the long form's 800,000 numbers in three seconds.
CROWDS = scaled(1, 2)

#: How many numbers are counted in a second, and in how many turns.
PER_SECOND = scaled(500, 300)
TURNS = scaled(20, 2)

#: How long links are up and down, at least and at most, in seconds.
UP = (scaled(5, 20) / 10, scaled(20, 200) / 10)
DOWN = (0.1, scaled(10, 100) / 10)

#: Rings that keep all that is published while a link is down; and the smallest that there are.
LONG_RING, SHORT_RING = 30_000, 32

#: How long the last ones may take to come back and get the rest, in seconds.
END_SECONDS = scaled(20, 90)

#: What has become of the clients of each transport.
Report = dict[str, dict[str, int]]

#: The seed of all that is random; every run meets other moments all the same.
SEED = 6


class LossTests(StockTickerTestCase):
    """Clients behind links that fail."""

    def start_worker(self, module: str) -> Worker:
        """Start a process that lasts until the test is over."""
        worker = Worker(module)
        self.addCleanup(worker.end)
        return worker

    def run_crowd(self, ring: int, rooms: int, messages: int) -> tuple[Server, Report]:
        """Count to a crowd while its links fail, until all have what they can get; returns what they heard."""
        allow_open_files(len(TRANSPORTS) * CLIENTS * 4 + 1000)
        server = self.start_server(
            *("--app", "tests.integration.torture.numbering:serve", "--no-access-log"),
            *("--default-message-buffer-size", str(ring)),
            plugin="signalr",
        )
        network = self.start_worker("network")
        crowds = [self.start_worker("crowd") for _ in range(CROWDS)]
        ports = network.ask("open", target=server.port, links=len(TRANSPORTS) * CLIENTS, seed=SEED)
        for number, crowd in enumerate(crowds):
            its_ports = ports[number::CROWDS]
            links = {transport: its_ports[place :: len(TRANSPORTS)] for place, transport in enumerate(TRANSPORTS)}
            crowd.ask("join", 60, ports=links, rooms=max(rooms, 1), window=ring)
        count = messages * 11 // 10 if rooms else messages
        Client(server.port, "numbering").invoke("begin", count, PER_SECOND, TURNS, rooms)
        network.ask("fail", up=UP, down=DOWN)
        wait_for(
            "all is published",
            lambda: self.progress(server)["published"] == count,
            2 * count / PER_SECOND + END_SECONDS,
        )
        self.cut = network.ask("calm")

        def report_of_all() -> Report:
            totals: dict[str, Counter[str]] = {transport: Counter() for transport in TRANSPORTS}
            for crowd in crowds:
                for transport, figures in crowd.ask("report", latest=count).items():
                    totals[transport].update(figures)
            return {transport: dict(total) for transport, total in totals.items()}

        def finished() -> Report | None:
            report = report_of_all()
            # A poller learns only with the next answer that there is a gap in this one.
            waiting = sum(
                each["behind"] + each["silent"] + each["clients"] - each["connected"] for each in report.values()
            )
            return None if waiting else report

        try:
            report = wait_for("everybody has all that there is", finished, END_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{report_of_all()}") from None
        self.assertEqual([worker.complaints for worker in (network, *crowds)], [""] * (1 + CROWDS))
        return server, report

    def progress(self, server: Server) -> dict[str, Any]:
        """How far the server is."""
        answer: dict[str, Any] = Client(server.port, "numbering").invoke("progress")
        return answer

    def assert_cut(self, report: Report) -> None:
        """All transports were interrupted, nobody gave up, and nothing came twice or in disorder."""
        measured(f"{self.cut['cuts']} cuts of {self.cut['connections']} connections")
        for transport, each in report.items():
            measured(f"{transport}: {each}")
        self.assertGreater(self.cut["cuts"], CLIENTS * len(TRANSPORTS))
        for transport, each in report.items():
            self.assertGreater(each["came_back"], CLIENTS // 2, transport)
            self.assertEqual(
                (each["ended"], each["doubled"], each["disordered"], each["silent"]), (0, 0, 0, 0), transport
            )

    def test_inside_the_window(self) -> None:
        """As long as the server keeps what they miss, clients hear all of it: nothing lost, nothing announced."""
        server, report = self.run_crowd(LONG_RING, ROOMS, MESSAGES)
        self.assert_cut(report)
        for transport, each in report.items():
            self.assertEqual((each["skipped"], each["announcements"]), (0, 0), transport)
            self.assertEqual(each["clients"], CLIENTS)
        progress = self.progress(server)
        self.assertEqual((progress["gaps"], progress["announcements"]), (0, 0))
        self.assertLogClean(server)

    def test_outside_of_the_window(self) -> None:
        """What is no longer kept is lost, and each loss is announced to the hub, which tells the client."""
        server, report = self.run_crowd(SHORT_RING, 0, MESSAGES)
        self.assert_cut(report)
        progress = self.progress(server)
        announced = sum(each["announcements"] for each in report.values())
        self.assertEqual((announced, progress["gaps"]), (progress["announcements"],) * 2)
        for transport, each in report.items():
            self.assertGreater(each["skipped"], 0, transport)
            self.assertGreater(each["announcements"], 0, transport)
        self.assertEqual(server.log.count("has missed messages that are no longer kept"), announced)
