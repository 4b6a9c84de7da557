"""
The process that runs ``probe_server.py``.
"""

from __future__ import annotations

import atexit
import functools
import subprocess
import sys
from pathlib import Path

from tests.integration.support import PROJECT, environment, free_port, heed_interrupts, new_directory
from tests.integration.waiting import wait_for

__all__ = ["probe_port"]


@functools.cache
def probe_port() -> int:
    """The port of the one server of these tests, which ends with this process."""
    directory, port = new_directory(), free_port()
    log = directory / "server.log"
    command = [sys.executable, str(Path(__file__).parent / "probe_server.py"), str(port), f"{PROJECT}/htdocs"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment(directory), stdout=output, stderr=subprocess.STDOUT, preexec_fn=heed_interrupts
        )

    def end() -> None:
        process.kill()
        process.wait()

    atexit.register(end)
    wait_for("the server serves", lambda: "Serving" in log.read_text("utf-8"))
    return port
