"""
The servers that are measured. To add one is to add an entry here; README.md says what it has to do.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.processes import PROJECT
from benchmarks.signalr import connect_lines

__all__ = ["CEILINGS", "HUB", "INSTALLED", "OURS", "SERVERS", "Server", "server_command"]

_PEERS = PROJECT / "benchmarks" / "peers"

#: Where ``make bench`` installs the peers, and where the programs in C are compiled to.
INSTALLED = PROJECT / ".venv" / "bench"

#: The hub of ``server.py``.
HUB = "stockTicker"

WEB_SOCKETS = "webSockets"
LONG_POLLING = "longPolling"


def nothing_missing() -> None:
    """For servers that need nothing but what the runner needs."""


@dataclass(frozen=True)
class Server:
    """
    A server, spoken to in one way.

    Attributes:
        about: what it is, for whoever reads the list.
        command: what runs it; ``{port}`` and ``{programs}``, where the programs in C are, are filled in.
        transport: what the load generator is to speak.
        ceiling: the C program's entry that it is compared with; empty for such an entry itself.
        path: the load generator's ``--path``.
        lines: makes the lines of its ``--paths``, from the port and the number of clients: for servers that want to be
            talked to first. It is used instead of *path*.
        ready: its ``--ready``; empty for none.
        bursts: whether to measure messages that are each an event of their own.
        ticks: whether to measure some messages at a time, four times a second.
        tick_parameters: what to add to the order for those.
        environment: variables to set for it.
        missing: says why it cannot run here; None if it can.
    """

    about: str
    command: tuple[str, ...]
    transport: str = WEB_SOCKETS
    ceiling: str = "ceiling"
    path: str = "/"
    lines: Callable[[int, int], list[str]] | None = None
    ready: str = ""
    bursts: bool = True
    ticks: bool = True
    tick_parameters: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    missing: Callable[[], str | None] = nothing_missing


def server_command(server: Server, port: int, programs: Path) -> list[str]:
    """The command with all filled in."""
    return [part.format(port=port, programs=programs) for part in server.command]


_CEILING = ("{programs}/ceiling", "{port}")

#: A C program that does nothing but send, in all ways that servers are compared in.
CEILINGS = {
    "ceiling": Server(
        "C, one send() per message; ten a tick in one", _CEILING, ceiling="", tick_parameters="&batch=10"
    ),
    "ceiling-events": Server(
        "the same, as server-sent events", _CEILING, "serverSentEvents", ceiling="", path="/sse", ticks=False
    ),
    "ceiling-poll": Server(
        "the same, long polling", _CEILING, LONG_POLLING, ceiling="", path="/poll\t/poll?messageId={C}", bursts=False
    ),
}


def _ours(transport: str, **options: object) -> Server:
    return Server(
        f"this project, {transport}",
        (sys.executable, str(PROJECT / "benchmarks" / "server.py"), "{port}"),
        transport,
        lines=partial(connect_lines, transport=transport, hub=HUB),
        ready='"S":1',
        **options,  # type: ignore[arg-type]
    )


#: Ours, in each way.
OURS = {
    "ours-websocket": _ours(WEB_SOCKETS),
    "ours-events": _ours("serverSentEvents", ceiling="ceiling-events", ticks=False),
    "ours-frame": _ours("foreverFrame", ceiling="ceiling-events", ticks=False),
    "ours-poll": _ours(LONG_POLLING, ceiling="ceiling-poll", bursts=False),
}

_WEBSOCKETS_PYTHON = INSTALLED / "bin" / "python"
_NODE_MODULES = INSTALLED / "node_modules"
_INSTALL_AGAIN = "remove .venv/bench.stamp and run make bench"


def _websockets_missing() -> str | None:
    return None if _WEBSOCKETS_PYTHON.exists() else f"it is not installed: {_INSTALL_AGAIN}"


def _ws_missing() -> str | None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "there is no Node.js with npm"
    return None if _NODE_MODULES.is_dir() else f"it is not installed: {_INSTALL_AGAIN}"


#: Servers that others wrote, each as its documentation has it.
PEERS = {
    "autobahn": Server(
        "Autobahn on Twisted, sendPreparedMessage to each",
        (sys.executable, str(_PEERS / "autobahn_broadcast.py"), "{port}"),
    ),
    "websockets": Server(
        "websockets on asyncio, broadcast()",
        (str(_WEBSOCKETS_PYTHON), str(_PEERS / "websockets_broadcast.py"), "{port}"),
        missing=_websockets_missing,
    ),
    "ws": Server(
        "ws on Node.js, send to each",
        ("node", str(_PEERS / "ws_broadcast.js"), "{port}"),
        environment={"NODE_PATH": str(_NODE_MODULES)},
        missing=_ws_missing,
    ),
}

SERVERS = {**OURS, **PEERS}
