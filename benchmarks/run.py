"""
Measures this project's server beside a C program that does nothing but send, and beside servers that others wrote.

Each server runs alone on one core, its clients on another. Everything is measured in turns, and the C program before
and behind each server, so that what the machine does meanwhile falls on all alike. The table at the end has ratios to
the C program. benchmarks/README.md says what is measured, and why.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from benchmarks.build import BuildError, build
from benchmarks.market import MARKETS, measure_market
from benchmarks.measure import QUICK, Bench, Figures, Sizes
from benchmarks.processes import Unusable, Usage, cores, others_share, use_core
from benchmarks.report import Run, faults, report
from benchmarks.servers import CEILINGS, INSTALLED, PEERS, SERVERS

__all__ = ["Step", "chosen", "main", "plan"]

#: What only our server has, and what it is.
ALONE: dict[str, str] = {
    "ours-handshake": "negotiate, WebSocket connect and start, one after the other",
    "ours-calls": "hub calls with a result, over WebSocket",
    **{f"ours-{name}": viewing.about for name, viewing in MARKETS.items()},
}

ENTRIES = {**{name: server.about for name, server in SERVERS.items()}, **ALONE}


@dataclass(frozen=True)
class Step:
    """One measurement to make; its attributes are those of :class:`.report.Run`."""

    entry: str
    ceiling: str
    clients: int
    repeat: int


def chosen(names: str) -> list[str]:
    """
    The entries that a list of names, separated by commas, asks for.

    ``ours`` is all of ours.

    Raises:
        ValueError: there is no such entry.
    """
    asked = names.split(",")
    for name in asked:
        if name not in ENTRIES and name != "ours":
            raise ValueError(f"there is no {name!r}; --list tells what there is")
    return [entry for entry in ENTRIES if entry in asked or ("ours" in asked and entry.startswith("ours-"))]


def plan(entries: Sequence[str], clients: Sequence[int], repeats: int) -> Iterator[Step]:
    """
    What to measure, in this order.

    In each repeat all entries have a turn, each time another one of those with the same ceiling first; and there is a
    measurement of that ceiling before and behind each of them.
    """
    for repeat in range(repeats):
        for number in clients:
            for ceiling in CEILINGS:
                group = [entry for entry in entries if entry in SERVERS and SERVERS[entry].ceiling == ceiling]
                if not group:
                    continue
                first = repeat % len(group)
                for entry in (*group[first:], *group[:first]):
                    yield Step(ceiling, "", number, repeat)
                    yield Step(entry, ceiling, number, repeat)
                yield Step(ceiling, "", number, repeat)
        for entry in entries:
            if entry in ALONE:
                yield Step(entry, "", 0, repeat)


def measure(bench: Bench, step: Step) -> Figures:
    """Make a measurement."""
    alone: dict[str, Callable[[], Figures]] = {"ours-handshake": bench.handshakes, "ours-calls": bench.calls}
    for name, viewing in MARKETS.items():
        alone[f"ours-{name}"] = partial(measure_market, bench, viewing)
    if step.entry in alone:
        return alone[step.entry]()
    return bench.broadcasts({**CEILINGS, **SERVERS}[step.entry], step.clients)


def carry_out(bench: Bench, steps: Sequence[Step]) -> list[Run]:
    """Make all measurements, and tell of each."""
    began = time.monotonic()
    runs = []
    for index, step in enumerate(steps, 1):
        figures, error = {}, ""
        try:
            figures = measure(bench, step)
        except (Unusable, OSError, http.client.HTTPException) as problem:
            error = str(problem) or type(problem).__name__
        runs.append(Run(**asdict(step), figures=figures, error=error))
        told = error or "  ".join(f"{name} {value:,.2f}" for name, value in figures.items())
        clients = f"{step.clients:,} clients" if step.clients else ""
        where = f"[{index}/{len(steps)}, {time.monotonic() - began:.0f} s]"
        print(f"{where} {step.entry} {clients}\n    {told}", flush=True)
    return runs


def client_numbers(text: str) -> list[int]:
    """Read ``--clients``."""
    numbers = [int(number) for number in text.split(",")]
    if min(numbers) < 1:
        raise ValueError(text)
    return numbers


def positive(text: str) -> int:
    """Read ``--repeats``."""
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--clients",
        type=client_numbers,
        help="numbers of clients, separated by commas (1000; with --quick 200)",
        metavar="N,…",
    )
    parser.add_argument(
        "--repeats", type=positive, help="how often to measure all of it (3; with --quick 1)", metavar="N"
    )
    parser.add_argument(
        "--servers",
        default=",".join(ENTRIES),
        help="what to measure; ours is all of ours (everything)",
        metavar="NAME,…",
    )
    parser.add_argument("--quick", action="store_true", help="see in a minute whether all works; the figures are rough")
    parser.add_argument("--list", action="store_true", help="tell what can be measured, and measure nothing")
    parser.add_argument("--json", type=Path, help="write all figures of all runs there, too", metavar="FILE")
    options = parser.parse_args(arguments)
    options.clients = options.clients or [200 if options.quick else 1000]
    options.repeats = options.repeats or (1 if options.quick else 3)
    try:
        options.entries = chosen(options.servers)
    except ValueError as error:
        parser.error(str(error))
    return options


def main(arguments: Sequence[str]) -> int:
    """
    Run.

    Returns:
        The exit status: 1 if a server could not be measured, or lost anything.
    """
    options = read_options(arguments)
    if options.list:
        for name, about in ENTRIES.items():
            print(f"{name:<20}{about}")
        return 0
    try:
        programs = build(INSTALLED / "programs")
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    left_out = {entry: reason for entry in options.entries if entry in SERVERS and (reason := SERVERS[entry].missing())}
    entries = [entry for entry in options.entries if entry not in left_out]
    server_core, load_core = cores()
    if server_core == load_core:
        print("There is only one core: the load takes from the servers what it needs, and figures say little.")
    use_core(load_core)
    bench = Bench(programs["load"].parent, server_core, load_core, QUICK if options.quick else Sizes())
    used_cores = {server_core, load_core}
    before = Usage.now(used_cores)
    runs = carry_out(bench, list(plan(entries, options.clients, options.repeats)))
    others = others_share(before, Usage.now(used_cores), used_cores)
    peers = [entry for entry in entries if entry in PEERS]
    print("\n" + report(runs, peers, left_out, options.repeats, others), end="")
    if options.json:
        document = {"left_out": left_out, "runs": [asdict(run) for run in runs]}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 1 if faults(runs) else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
