"""Tests for `benchmarks.report`: runs in, medians, ratios and text out."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.report import Run, Value, faults, markdown_table, report, summarise

OTHERS = "Other programs took {}% of the cores' time; the less, the more these figures are worth."


def ceiling(cpu: float, *, clients: int = 10, repeat: int = 0, error: str = "") -> Run:
    return Run("ceiling", "", clients, repeat, {} if error else {"burst_us_per_message": cpu}, error)


def ours(cpu: float, *, clients: int = 10, repeat: int = 0) -> Run:
    return Run("ours-websocket", "ceiling", clients, repeat, {"burst_us_per_message": cpu})


class SummariseTests(SynchronousTestCase):
    """Tests for `summarise`."""

    def ratio(self, *runs: Run, clients: int = 10) -> float | None:
        return summarise(runs)[clients]["ours-websocket"]["burst_us_per_message"].ratio

    def test_medians(self) -> None:
        """A figure is the median of all repeats."""
        runs = [ours(value, repeat=repeat) for repeat, value in enumerate((3.0, 9.0, 4.0))]
        self.assertEqual(summarise(runs), {10: {"ours-websocket": {"burst_us_per_message": Value(4.0, None)}}})

    def test_ratio_to_both_neighbours(self) -> None:
        """A ratio is to the mean of the ceiling before and the ceiling behind."""
        self.assertEqual(self.ratio(ceiling(2.0), ours(9.0), ceiling(4.0)), 3.0)

    def test_nearest_neighbours(self) -> None:
        """Of several measurements of the ceiling, the nearest count."""
        runs = (ceiling(100.0), ceiling(2.0), ours(9.0), ceiling(4.0), ceiling(100.0))
        self.assertEqual(self.ratio(*runs), 3.0)

    def test_neighbours_of_the_same_kind(self) -> None:
        """A ceiling of another repeat, with other clients or of another kind is none."""
        runs = (
            ceiling(2.0, repeat=1),
            ceiling(2.0, clients=20),
            Run("ceiling-events", "", 10, 0, {"burst_us_per_message": 2.0}),
            ours(9.0),
        )
        self.assertIsNone(self.ratio(*runs))

    def test_failed_ceiling(self) -> None:
        """A ceiling that could not be measured is left out."""
        self.assertEqual(self.ratio(ceiling(3.0), ceiling(0.0, error="It is gone."), ours(9.0)), 3.0)

    def test_median_of_ratios(self) -> None:
        """The ratio is the median of the ratios, not the ratio of the medians."""
        runs = [
            *(ceiling(1.0), ours(2.0)),
            *(ceiling(10.0, repeat=1), ours(30.0, repeat=1)),
            *(ceiling(2.0, repeat=2), ours(20.0, repeat=2)),
        ]
        self.assertEqual(self.ratio(*runs), 3.0)

    def test_nothing_to_divide_by(self) -> None:
        """A ceiling of nothing, such as nothing lost, makes no ratio."""
        runs = [Run("ceiling", "", 10, 0, {"burst_faults": 0}), Run("ws", "ceiling", 10, 0, {"burst_faults": 0})]
        self.assertEqual(summarise(runs)[10]["ws"]["burst_faults"], Value(0, None))


class FaultsTests(SynchronousTestCase):
    """Tests for `faults`."""

    def test_none(self) -> None:
        """A run that lost nothing is no fault."""
        self.assertEqual(faults([Run("ws", "ceiling", 10, 0, {"burst_faults": 0, "tick_faults": 0})]), [])

    def test_lost(self) -> None:
        """What was lost is told, of all counts of a run together."""
        self.assertEqual(
            faults([Run("ws", "ceiling", 1000, 0, {"burst_faults": 1200, "tick_faults": 3})]),
            ["ws, 1,000 clients: 1,203 messages were lost, repeated or out of order."],
        )

    def test_failed(self) -> None:
        """A run that failed is told with its reason."""
        self.assertEqual(faults([Run("ours-calls", "", 0, 0, {}, "It is gone.")]), ["ours-calls: It is gone."])


class MarkdownTableTests(SynchronousTestCase):
    """Tests for `markdown_table`."""

    def test_table(self) -> None:
        """Text is on the left, figures are on the right, of columns that are as wide as they must be."""
        self.assertEqual(
            markdown_table([["", "ours"], ["CPU per message", "1.2×"], ["lost", "0"]]),
            "|                 | ours |\n"
            "| --------------- | ---: |\n"
            "| CPU per message | 1.2× |\n"
            "| lost            |    0 |",
        )


class ReportTests(SynchronousTestCase):
    """Tests for `report`."""

    def test_servers(self) -> None:
        """Each server has a column; what nobody was measured in, is left out."""
        runs = [
            Run("ceiling", "", 1000, 0, {"burst_us_per_message": 4.0, "kib_per_connection": 1.0}),
            Run("ours-websocket", "ceiling", 1000, 0, {"burst_us_per_message": 5.0, "kib_per_connection": 9.0}),
            Run("ws", "ceiling", 1000, 0, {"burst_us_per_message": 8.0, "kib_per_connection": 9.5}),
        ]
        self.assertEqual(
            report(runs, ["ws"], {}, 3, 0.0),
            "## 1,000 clients\n\n"
            "Medians of 3 interleaved repeats; × is the ratio to the C program, measured before and behind.\n\n"
            "|                                      | C program |    ours |      ws |\n"
            "| ------------------------------------ | --------: | ------: | ------: |\n"
            "| one message a frame: CPU per message |   4.00 µs |   1.25× |   2.00× |\n"
            "| memory per idle WebSocket            |   1.0 KiB | 9.0 KiB | 9.5 KiB |\n\n"
            f"{OTHERS.format(0)}\n",
        )

    def test_other_transports(self) -> None:
        """What is done in our other ways is compared with the C program that does it so, and with no peer."""
        runs = [
            Run("ceiling-poll", "", 1000, 0, {"tick_us_per_poll": 8.0}),
            Run("ours-poll", "ceiling-poll", 1000, 0, {"tick_us_per_poll": 40.0}),
        ]
        self.assertIn(
            "| long polling: CPU per poll |   8.00 µs | 5.00× (40 µs) |  – |",
            report(runs, ["ws"], {}, 3, 0.0).splitlines(),
        )

    def test_alone(self) -> None:
        """What only ours has is told in sentences."""
        figures = {
            "market_ticks": 20,
            "market_ticks_in_time": 19,
            "market_worst_ms": 251.4,
            "market_worst_spread_ms": 200.2,
            "market_kib_per_tick": 93.1,
            "market_server_busy": 0.5,
            "market_load_busy": 0.25,
            "market_faults": 0,
        }
        runs = [
            Run("ours-handshake", "", 0, 0, {"us_per_handshake": 512.3}),
            Run("ours-calls", "", 0, 0, {"calls_per_second": 22000.4, "us_per_call": 45.2, "calls_load_busy": 0.1}),
            Run("ours-market-board", "", 0, 0, figures),
        ]
        self.assertEqual(
            report(runs, [], {}, 1, 0.254),
            "## Ours alone\n\n"
            "- ours-handshake: 512 µs of CPU for negotiating, connecting a WebSocket and starting.\n"
            "- ours-calls: 22,000 calls with a result a second, 45 µs of CPU each (load generator busy 10%).\n"
            "- ours-market-board: 19 of 20 ticks reached every viewer in their 250 ms; the slowest took 251 ms, 200 ms"
            " from the first viewer to the last (93 KiB a tick and viewer, server busy 50%, load 25%).\n\n"
            f"{OTHERS.format(25)}\n",
        )

    def test_left_out_and_wrong(self) -> None:
        """Who is left out is told with the reason; so is what went wrong."""
        text = report(
            [Run("ours-calls", "", 0, 0, {}, "It is gone.")], [], {"ws": "there is no Node.js with npm"}, 1, 0.0
        )
        self.assertEqual(
            text,
            f"{OTHERS.format(0)}\n\n## Left out\n\n- ws: there is no Node.js with npm.\n\n"
            "## What went wrong\n\n- ours-calls: It is gone.\n",
        )
