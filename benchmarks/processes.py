"""Processes that are measured: started on a core of their own, looked at while they run, and ended."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "PROJECT",
    "MeasuredProcess",
    "Unusable",
    "Usage",
    "busy_seconds",
    "cores",
    "free_port",
    "order",
    "others_share",
    "running",
    "use_core",
]

PROJECT = Path(__file__).resolve().parent.parent

_START_SECONDS = 20
_END_SECONDS = 5
_LOG_LINES = 8


class Unusable(Exception):
    """A server or the load generator does not do what it should; in a sentence."""


def cores() -> tuple[int, int]:
    """A core for servers and one for the load; the same if there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def use_core(core: int) -> None:
    """Stay on one core."""
    os.sched_setaffinity(0, {core})


def busy_seconds(stat: str, cores: set[int]) -> float:
    """
    CPU time that programs have used.

    Args:
        stat: what ``/proc/stat`` says.
        cores: on which cores.
    """
    wanted = {f"cpu{core}" for core in cores}
    lines = (line.split() for line in stat.splitlines())
    ticks = sum(sum(map(int, counts[:3])) for name, *counts in lines if name in wanted)  # user, nice, system
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """
    What was used up to a moment, in seconds.

    Attributes:
        time: the moment.
        busy: CPU time of all programs on the cores of the benchmark.
        own: that of this one, and of the processes which it has ended.
    """

    time: float
    busy: float
    own: float

    @classmethod
    def now(cls, cores: set[int]) -> Usage:
        """Up to now, on these cores."""
        stat = Path("/proc/stat").read_text(encoding="ascii")
        return cls(time.monotonic(), busy_seconds(stat, cores), sum(os.times()[:4]))


def others_share(before: Usage, after: Usage, cores: set[int]) -> float:
    """Which fraction of the cores' time other programs took from one moment to another."""
    others = (after.busy - before.busy) - (after.own - before.own)
    # The kernel counts processes more exactly than cores.
    return max(0.0, others / (after.time - before.time) / len(cores))


def free_port() -> int:
    """A port that is free, and so is the next one."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            with suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port


class MeasuredProcess:
    """
    A process and what it has used.

    Args:
        process: it.
        log: the file of its output.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    def cpu_seconds(self) -> float:
        """CPU time so far, of all its threads; to the nanosecond where the kernel counts them."""
        tasks = Path("/proc", str(self._process.pid), "task")
        try:
            return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9
        except OSError:
            return self._cpu_seconds_by_ticks()

    def _cpu_seconds_by_ticks(self) -> float:
        try:
            fields = Path("/proc", str(self._process.pid), "stat").read_text().rpartition(")")[2].split()
        except OSError:
            raise self.gone() from None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        """The memory that it has in use."""
        try:
            pages = Path("/proc", str(self._process.pid), "statm").read_text().split()[1]
        except OSError:
            raise self.gone() from None
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def gone(self) -> Unusable:
        """What to say when it does not run."""
        last_lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
        return Unusable("\n".join([f"The server has ended with {self._process.poll()}:", *last_lines]))

    def wait_for_port(self, port: int) -> None:
        """Wait until it listens on a port."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise self.gone()
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.02)
        raise Unusable(f"The server does not listen on port {port} after {_START_SECONDS} s.")

    def end(self) -> None:
        """End it, by force if it does not heed."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def running(
    command: Sequence[str], *, core: int, ports: Sequence[int], directory: Path, environment: Mapping[str, str]
) -> Iterator[MeasuredProcess]:
    """
    A server, from when it listens until it was ended.

    Args:
        command: what runs it.
        core: what it runs on.
        ports: what it listens on.
        directory: where it runs, and leaves its output.
        environment: variables besides ours.

    Raises:
        Unusable: it does not listen.
    """
    log = directory / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: use_core(core),
        )
    measured = MeasuredProcess(process, log)
    try:
        for port in ports:
            measured.wait_for_port(port)
        yield measured
    finally:
        measured.end()


def order(port: int, target: str) -> None:
    """Tell the server on a port what to send; see :mod:`.messages`."""
    connection = http.client.HTTPConnection("127.0.0.1", port + 1, timeout=_START_SECONDS)
    try:
        connection.request("POST", target)
        if (status := connection.getresponse().status) != 200:
            raise Unusable(f"The control port has answered {target} with {status}.")
    finally:
        connection.close()
