"""What is done with one server, and the figures that come of it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import Load
from benchmarks.processes import MeasuredProcess, Unusable, free_port, order, running
from benchmarks.servers import HUB, OURS, Server, server_command
from benchmarks.signalr import HandshakeClient, connect_lines

__all__ = ["QUICK", "Bench", "Figures", "Sizes", "faults"]

#: Names and numbers; `report` knows their units.
Figures = dict[str, float]

#: More of them share a core in no sensible way: a tick would take longer than its time.
MAX_TICK_CLIENTS = 2000

TICKS_PER_SECOND = 4
MESSAGES_PER_TICK = 10
MESSAGE_BYTES = 120

#: So many connections make the calls, each with so many unanswered.
_CALLERS, _OUTSTANDING = 4, 64

#: Counts end after this time, whatever is missing.
_MAX_SECONDS = 60


@dataclass(frozen=True)
class Sizes:
    """
    How much is measured.

    Attributes:
        idle_seconds: how long connections are left alone before the server's memory is looked at.
        deliveries: of a burst, to all clients together.
        tick_seconds: how long ticks go on.
        handshakes: how many are made.
        calls: how many a caller makes.
        viewers: of the market.
        market_ticks: how many times all prices move.
    """

    idle_seconds: float = 0.5
    deliveries: int = 200_000
    tick_seconds: float = 3
    handshakes: int = 300
    calls: int = 20_000
    viewers: int = 5000
    market_ticks: int = 20


#: To see whether all works.
QUICK = Sizes(deliveries=50_000, tick_seconds=1, handshakes=100, calls=4000, viewers=1000, market_ticks=8)


@dataclass(frozen=True)
class Bench:
    """
    What all measurements use.

    Attributes:
        programs: the directory of the programs in C.
        server_core: what servers run on.
        load_core: what clients run on.
        sizes: how much is measured.
    """

    programs: Path
    server_core: int
    load_core: int
    sizes: Sizes

    @contextmanager
    def serving(self, server: Server) -> Iterator[tuple[MeasuredProcess, int, Path]]:
        """A server that runs: the process, its port, and a directory that lasts as long as it does."""
        port = free_port()
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            directory = Path(name)
            command = server_command(server, port, self.programs)
            ports = (port, port + 1)
            with running(
                command, core=self.server_core, ports=ports, directory=directory, environment=server.environment
            ) as process:
                yield process, port, directory

    def load(self, port: int, clients: int, transport: str, *options: str) -> Load:
        """Clients of a server."""
        return Load(self.programs / "load", port, clients, transport, *options, core=self.load_core)

    def broadcasts(self, server: Server, clients: int) -> Figures:
        """Connect clients to a server and let it send them all the same."""
        with self.serving(server) as (process, port, directory):
            if server.lines is None:
                options = ["--path", server.path]
            else:
                lines = directory / "paths"
                lines.write_text("\n".join(server.lines(port, clients)) + "\n", encoding="ascii")
                options = ["--paths", str(lines)]
            if server.ready:
                options += ["--ready", server.ready]
            before = process.resident_bytes()
            with self.load(port, clients, server.transport, *options) as load:
                time.sleep(self.sizes.idle_seconds)
                figures = {"kib_per_connection": (process.resident_bytes() - before) / clients / 1024}
                if server.bursts:
                    figures |= self._bursts(process, port, load, clients)
                if server.ticks and clients <= MAX_TICK_CLIENTS:
                    figures |= self._ticks(process, port, load, server.tick_parameters)
                return figures

    def _bursts(self, process: MeasuredProcess, port: int, load: Load, clients: int) -> Figures:
        messages = max(20, self.sizes.deliveries // clients)
        for count in (max(5, messages // 5), messages):  # the first is for warming up
            target = f"/burst?m={count}&size={MESSAGE_BYTES}&yield=1"
            result, cpu_seconds = _count(process, port, load, target, count)
        return {
            "burst_us_per_message": cpu_seconds / max(1, result["delivered"]) * 1e6,
            "burst_messages_per_second": result["messages_per_second"],
            "burst_messages_per_frame": result["delivered"] / max(1, result["frames"]),
            "burst_load_busy": result["load_cpu_seconds"] / max(1e-6, result["seconds"]),
            "burst_faults": faults(result),
        }

    def _ticks(self, process: MeasuredProcess, port: int, load: Load, parameters: str) -> Figures:
        seconds = self.sizes.tick_seconds
        target = f"/tick?hz={TICKS_PER_SECOND}&k={MESSAGES_PER_TICK}&secs={seconds}&size={MESSAGE_BYTES}{parameters}"
        messages = int(TICKS_PER_SECOND * seconds) * MESSAGES_PER_TICK
        result, cpu_seconds = _count(process, port, load, target, messages)
        figures = {
            "tick_us_per_message": cpu_seconds / max(1, result["delivered"]) * 1e6,
            "tick_p99_us": result["latency_us"]["p99"],
            "tick_faults": faults(result),
        }
        if result["polls"]:
            figures["tick_us_per_poll"] = cpu_seconds / result["polls"] * 1e6
        return figures

    def handshakes(self) -> Figures:
        """CPU time of negotiating, connecting a WebSocket and starting, of ours."""
        with self.serving(OURS["ours-websocket"]) as (process, port, _):
            client = HandshakeClient(port, HUB)
            try:
                for _ in range(self.sizes.handshakes // 5):  # for warming up
                    client.shake_hands()
                before = process.cpu_seconds()
                for _ in range(self.sizes.handshakes):
                    client.shake_hands()
                return {"us_per_handshake": (process.cpu_seconds() - before) / self.sizes.handshakes * 1e6}
            finally:
                client.close()

    def calls(self) -> Figures:
        """How many calls with a result our hub answers, over WebSocket."""
        with self.serving(OURS["ours-websocket"]) as (process, port, directory):
            lines = directory / "paths"
            lines.write_text("\n".join(connect_lines(port, _CALLERS, "webSockets", HUB)) + "\n", encoding="ascii")
            call = f'{{"H":"{HUB}","M":"echo","A":[1],"I":{{n}}}}'
            asking = ("--ask", call, "--outstanding", str(_OUTSTANDING), "--marker", '"I":"')
            with self.load(port, _CALLERS, "webSockets", "--paths", str(lines), "--ready", '"S":1', *asking) as load:
                for count in (self.sizes.calls // 5, self.sizes.calls):  # the first is for warming up
                    before = process.cpu_seconds()
                    load.begin_count(count, _MAX_SECONDS)
                    result = load.end_count()
                    cpu_seconds = process.cpu_seconds() - before
        return {
            "calls_per_second": result["messages_per_second"],
            "us_per_call": cpu_seconds / max(1, result["delivered"]) * 1e6,
            "calls_load_busy": result["load_cpu_seconds"] / max(1e-6, result["seconds"]),
            "calls_faults": faults(result),
        }


def _count(process: MeasuredProcess, port: int, load: Load, target: str, messages: int) -> tuple[dict[str, Any], float]:
    """Order messages, and count them: what the load generator tells, and the CPU time of the server in seconds."""
    load.begin_count(messages, _MAX_SECONDS)
    before = process.cpu_seconds()
    order(port, target)
    result = load.end_count()
    cpu_seconds = process.cpu_seconds() - before
    if not result["delivered"]:
        raise Unusable("The server has sent nothing.")
    return result, cpu_seconds


def faults(result: dict[str, Any]) -> int:
    """How much went wrong in a count; 0 is the only good number."""
    kinds = ("lost", "repeated", "disordered", "disconnected", "protocol_errors")
    return sum(int(result[kind]) for kind in kinds)
