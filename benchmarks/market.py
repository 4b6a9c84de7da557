"""
The market: 500 stocks that all move four times a second, and viewers over WebSocket. Does every tick reach all viewers
before the next one?

It is the real ``twistd stockticker``. It plays a recording in which the price of every stock is 1000 and the number of
the tick; so all that viewers are sent says which tick it belongs to.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Bench, Figures, faults
from benchmarks.processes import free_port, running
from benchmarks.signalr import connect_lines, send_once

__all__ = ["MARKETS", "Viewing", "judge", "measure_market", "recording", "stock_list"]

STOCKS = 500
PERIOD_SECONDS = 0.25

_OPENING_PRICE = 1000
_MAX_SECONDS = 60


@dataclass(frozen=True)
class Viewing:
    """
    How viewers look at the market.

    Attributes:
        about: what it is, for whoever reads the list.
        hub: what they connect to.
        options: of the load generator, for what they do then.
    """

    about: str
    hub: str
    options: tuple[str, ...]


MARKETS = {
    "market-ticker": Viewing(
        "500 stocks moving at 4 Hz, the tutorial's hub: a call for each price", "stockTicker", ("--ready", '"S":1')
    ),
    "market-board": Viewing(
        "500 stocks moving at 4 Hz, the page's hub: a call for all prices",
        "stockBoard",
        # A viewer is told of changes once it has said how often.
        (
            *("--send", '{"H":"stockBoard","M":"setUpdateRate","A":["all"],"I":0}'),
            *("--ready", '"I":"0"'),
        ),
    ),
}


def stock_list() -> str:
    """The file for ``--stocks``."""
    return "symbol,price\n" + "".join(f"S{index:03},{_OPENING_PRICE}.00\n" for index in range(STOCKS))


def recording(ticks: int) -> str:
    """
    The file for ``--feed replay:``.

    A recording begins with its first trade, and the market takes a step each period. All ticks but the first are half a
    period before their step, so that a step which comes a little early or late plays one tick all the same.
    """
    lines = ["time,symbol,price\n"]
    for tick in range(1, ticks + 1):
        seconds = 0 if tick == 1 else (tick - 0.5) * PERIOD_SECONDS
        lines += [f"{seconds:.3f},S{index:03},{_OPENING_PRICE + tick}.00\n" for index in range(STOCKS)]
    return "".join(lines)


def judge(spreads: Sequence[Mapping[str, float]], viewers: int, ticks: int) -> Figures:
    """
    How the ticks went.

    The time of a tick begins when the market takes its step. Of that moment viewers know only what they are sent: steps
    are one period apart, and begin as early as the first receipt of the promptest tick says.

    Args:
        spreads: of each tick that came, what the load generator tells: the *number* it has, how many *clients* got all
            of it, and when the first and the last of them did (*first_ms*, *last_ms*).
        viewers: how many have to get it.
        ticks: how many there were.

    Returns:
        How many ticks reached everybody in their period; and in milliseconds, of those that came: how long the slowest
        took from its beginning, and from the first viewer to the last.
    """
    period = PERIOD_SECONDS * 1000
    steps = [spread["number"] * period for spread in spreads]
    begin = min((spread["first_ms"] - step for spread, step in zip(spreads, steps, strict=True)), default=0.0)
    took = [spread["last_ms"] - step - begin for spread, step in zip(spreads, steps, strict=True)]
    whole = (spread["clients"] == viewers for spread in spreads)
    return {
        "market_ticks": ticks,
        "market_ticks_in_time": sum(is_whole and time <= period for is_whole, time in zip(whole, took, strict=True)),
        "market_worst_ms": max(took, default=math.inf),
        "market_worst_spread_ms": max((spread["last_ms"] - spread["first_ms"] for spread in spreads), default=math.inf),
    }


def measure_market(bench: Bench, viewing: Viewing) -> Figures:
    """Open the market before the eyes of all viewers, and watch every tick reach them."""
    viewers, ticks = bench.sizes.viewers, bench.sizes.market_ticks
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        (directory / "stocks.csv").write_text(stock_list(), encoding="ascii")
        (directory / "recording.csv").write_text(recording(ticks), encoding="ascii")
        port = free_port()
        with running(
            _command(port), core=bench.server_core, ports=(port,), directory=directory, environment={}
        ) as process:
            lines = directory / "paths"
            lines.write_text(
                "\n".join(connect_lines(port, viewers, "webSockets", viewing.hub)) + "\n", encoding="ascii"
            )
            watching = ("--marker", '"Price":', "--parts", str(STOCKS), "--spreads")
            with bench.load(port, viewers, "webSockets", "--paths", str(lines), *viewing.options, *watching) as load:
                load.begin_count(ticks, _MAX_SECONDS)
                before = process.cpu_seconds()
                send_once(port, "stockTicker", "openMarket")
                result = load.end_count()
                cpu_seconds = process.cpu_seconds() - before
    figures = judge(result["spreads"], viewers, ticks)
    seconds = max(result["seconds"], ticks * PERIOD_SECONDS)
    return {
        **figures,
        "market_server_busy": cpu_seconds / seconds,
        "market_load_busy": result["load_cpu_seconds"] / seconds,
        "market_kib_per_tick": result["bytes"] / max(1, result["delivered"]) / 1024,
        "market_faults": faults(result),
    }


def _command(port: int) -> list[str]:
    """The application, with the market closed."""
    return [
        *(sys.executable, str(Path(sys.executable).parent / "twistd"), "--nodaemon", "--pidfile=", "stockticker"),
        *("--listen", f"tcp:{port}:interface=127.0.0.1:backlog=1000", "--state-dir", "state", "--no-access-log"),
        *("--stocks", "stocks.csv", "--feed", "replay:recording.csv", "--interval", str(PERIOD_SECONDS)),
    ]
