"""What runs come to: medians, ratios to the ceiling, and tables. Data in, text out."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Run", "Summary", "Value", "faults", "markdown_table", "report", "summarise"]


@dataclass(frozen=True)
class Run:
    """
    One measurement.

    Attributes:
        entry: what was measured, by its name in the list.
        ceiling: the entry that it is compared with; empty for none.
        clients: how many; 0 where that is not a matter of choice.
        repeat: which repeat it belongs to, from 0 on.
        figures: what came of it.
        error: why nothing did; empty if something did.
    """

    entry: str
    ceiling: str
    clients: int
    repeat: int
    figures: Mapping[str, float]
    error: str = ""


@dataclass(frozen=True)
class Value:
    """A figure's median over all repeats, and that of its ratios to the ceiling, where there is one."""

    median: float
    ratio: float | None = None


#: By number of clients, entry and figure.
Summary = dict[int, dict[str, dict[str, Value]]]


def _ceilings_around(runs: Sequence[Run], index: int) -> list[Run]:
    """The last measurement of a run's ceiling before it, and the first behind it, in the same repeat."""
    run = runs[index]

    def is_ceiling(other: Run) -> bool:
        key = (other.entry, other.clients, other.repeat, other.error)
        return key == (run.ceiling, run.clients, run.repeat, "")

    before = next(filter(is_ceiling, reversed(runs[:index])), None)
    behind = next(filter(is_ceiling, runs[index + 1 :]), None)
    return [ceiling for ceiling in (before, behind) if ceiling is not None]


def _ratios(runs: Sequence[Run], index: int) -> dict[str, float]:
    ceilings = _ceilings_around(runs, index)
    ratios = {}
    for figure, value in runs[index].figures.items():
        known = [ceiling.figures[figure] for ceiling in ceilings if figure in ceiling.figures]
        if known and statistics.mean(known) > 0:
            ratios[figure] = value / statistics.mean(known)
    return ratios


def summarise(runs: Sequence[Run]) -> Summary:
    """Medians and ratios of all runs, which are in the order that they were made in."""
    figures: dict[tuple[int, str, str], list[float]] = {}
    ratios: dict[tuple[int, str, str], list[float]] = {}
    for index, run in enumerate(runs):
        for figure, value in run.figures.items():
            figures.setdefault((run.clients, run.entry, figure), []).append(value)
        for figure, ratio in _ratios(runs, index).items():
            ratios.setdefault((run.clients, run.entry, figure), []).append(ratio)
    summary: Summary = {}
    for (clients, entry, figure), values in figures.items():
        compared = ratios.get((clients, entry, figure))
        median = Value(statistics.median(values), statistics.median(compared) if compared else None)
        summary.setdefault(clients, {}).setdefault(entry, {})[figure] = median
    return summary


def faults(runs: Iterable[Run]) -> list[str]:
    """A sentence for each run that failed or lost something."""
    sentences = []
    for run in runs:
        clients = f", {run.clients:,} clients" if run.clients else ""
        if run.error:
            sentences.append(f"{run.entry}{clients}: {run.error}")
        count = sum(value for figure, value in run.figures.items() if figure.endswith("_faults"))
        if count:
            sentences.append(f"{run.entry}{clients}: {count:,.0f} messages were lost, repeated or out of order.")
    return sentences


# ---- tables ----


def _ratio(value: Value) -> str:
    return "–" if value.ratio is None else f"{value.ratio:.2f}×"


def _microseconds(value: Value) -> str:
    return f"{value.median:.2f} µs" if value.median < 10 else f"{value.median:.0f} µs"


def _milliseconds(value: Value) -> str:
    return f"{value.median / 1000:.1f} ms"


def _ratio_and_microseconds(value: Value) -> str:
    return f"{_ratio(value)} ({_microseconds(value)})"


def _per_second(value: Value) -> str:
    return f"{value.median:,.0f}"


def _kib(value: Value) -> str:
    return f"{value.median:.1f} KiB"


def _percent(value: Value) -> str:
    return f"{value.median:.0%}"


def _decimal(value: Value) -> str:
    return f"{value.median:.1f}"


def _count(value: Value) -> str:
    return f"{value.median:.0f}"


Form = Callable[[Value], str]


@dataclass(frozen=True)
class _Row:
    """
    A row of the table of servers.

    Attributes:
        measure: what it shows.
        figure: of which figure.
        ceiling_form: how the ceiling's is written.
        form: how those of the servers are.
        ceiling: the entry that is in the column of the C program.
        ours: the entry that is in our column; it stands for all that is done in this way, so other servers are in the
            row only where it is our main entry.
    """

    measure: str
    figure: str
    ceiling_form: Form
    form: Form = _ratio
    ceiling: str = "ceiling"
    ours: str = "ours-websocket"


_ROWS = (
    _Row("one message a frame: CPU per message", "burst_us_per_message", _microseconds),
    _Row("one message a frame: messages/s", "burst_messages_per_second", _per_second),
    _Row("… messages in one frame", "burst_messages_per_frame", _decimal, _decimal),
    _Row("… load generator busy", "burst_load_busy", _percent, _percent),
    _Row("ten messages a tick: CPU per message", "tick_us_per_message", _microseconds),
    _Row("ten messages a tick: latency, p99", "tick_p99_us", _milliseconds),
    _Row(
        "server-sent events: CPU per message",
        "burst_us_per_message",
        _microseconds,
        ceiling="ceiling-events",
        ours="ours-events",
    ),
    _Row(
        "forever frame: CPU per message",
        "burst_us_per_message",
        _microseconds,
        ceiling="ceiling-events",
        ours="ours-frame",
    ),
    _Row(
        "long polling: CPU per poll",
        "tick_us_per_poll",
        _microseconds,
        _ratio_and_microseconds,
        ceiling="ceiling-poll",
        ours="ours-poll",
    ),
    _Row("memory per idle WebSocket", "kib_per_connection", _kib, _kib),
    _Row("lost, in bursts", "burst_faults", _count, _count),
    _Row("lost, in ticks", "tick_faults", _count, _count),
)


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A table that can be read as it is, too; the first row is its head, the first column is of text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(f"| {first.strip().ljust(widths[0])} | {' | '.join(others)} |")
    rule = "-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])
    return "\n".join([lines[0], f"| {' | '.join(rule)} |", *lines[1:]])


def _cell(summary: Mapping[str, Mapping[str, Value]], entry: str, figure: str, form: Form) -> str:
    value = summary.get(entry, {}).get(figure)
    return "–" if value is None else form(value)


def _servers_table(summary: Mapping[str, Mapping[str, Value]], peers: Sequence[str]) -> str:
    rows = [["", "C program", "ours", *peers]]
    for row in _ROWS:
        cells = [
            _cell(summary, row.ceiling, row.figure, row.ceiling_form),
            _cell(summary, row.ours, row.figure, row.form),
        ]
        is_for_all = row.ours == "ours-websocket"
        cells += [_cell(summary, peer, row.figure, row.form) if is_for_all else "–" for peer in peers]
        if set(cells) != {"–"}:
            rows.append([row.measure, *cells])
    return markdown_table(rows)


_Figures = Mapping[str, Value]


def _market(figures: _Figures) -> str:
    return (
        f"{figures['market_ticks_in_time'].median:.0f} of {figures['market_ticks'].median:.0f} ticks reached every"
        f" viewer in their 250 ms; the slowest took {figures['market_worst_ms'].median:.0f} ms,"
        f" {figures['market_worst_spread_ms'].median:.0f} ms from the first viewer to the last"
        f" ({figures['market_kib_per_tick'].median:.0f} KiB a tick and viewer, server busy"
        f" {_percent(figures['market_server_busy'])}, load {_percent(figures['market_load_busy'])})"
    )


def _calls(figures: _Figures) -> str:
    return (
        f"{figures['calls_per_second'].median:,.0f} calls with a result a second,"
        f" {_microseconds(figures['us_per_call'])} of CPU each"
        f" (load generator busy {_percent(figures['calls_load_busy'])})"
    )


def _handshake(figures: _Figures) -> str:
    return f"{_microseconds(figures['us_per_handshake'])} of CPU for negotiating, connecting a WebSocket and starting"


#: What entries without a number of clients have to tell.
_SENTENCES: dict[str, Callable[[_Figures], str]] = {
    "ours-handshake": _handshake,
    "ours-calls": _calls,
    "ours-market-ticker": _market,
    "ours-market-board": _market,
}


def report(runs: Sequence[Run], peers: Sequence[str], left_out: Mapping[str, str], repeats: int, others: float) -> str:
    """
    The text at the end of a run.

    Args:
        runs: all, in the order that they were made in.
        peers: the servers that have a column, besides the ceiling and ours.
        left_out: which were to have one but could not run, and why.
        repeats: how many of each there are.
        others: which fraction of the cores' time other programs took meanwhile.
    """
    summary = summarise(runs)
    parts = []
    for clients in sorted(number for number in summary if number):
        parts += [
            f"## {clients:,} clients",
            f"Medians of {repeats} interleaved repeats; × is the ratio to the C program, measured before and behind.",
            _servers_table(summary[clients], peers),
        ]
    alone = summary.get(0, {})
    if alone:
        parts.append("## Ours alone")
        parts.append("\n".join(f"- {entry}: {_SENTENCES[entry](figures)}." for entry, figures in alone.items()))
    parts.append(f"Other programs took {others:.0%} of the cores' time; the less, the more these figures are worth.")
    if left_out:
        parts.append("## Left out")
        parts.append("\n".join(f"- {entry}: {reason}." for entry, reason in left_out.items()))
    if sentences := faults(runs):
        parts.append("## What went wrong")
        parts.append("\n".join(f"- {sentence}" for sentence in sentences))
    return "\n\n".join(parts) + "\n"
