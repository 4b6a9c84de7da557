"""
The systemd units: looked at by systemd's own tools, and their service run as systemd runs it, with the socket that it
inherits, the environment that it gets, and the system calls that it may use.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.deployment import DEPLOY, adapted
from tests.integration.support import (
    DEADLINE_SECONDS,
    PROJECT,
    SCRIPTS,
    Client,
    environment,
    new_directory,
    updates,
    wait_for,
)
from tools.require_debian import find_program

LAUNCHER = Path(__file__).with_name("as_systemd.py")
INSTALLED = "/opt/stockticker/bin/twistd"

#: Of ten; systemd calls up to 2.0 safe. A server on the internet cannot have none.
MAX_EXPOSURE = 1.5

_CLOSE, _NORMAL = 8, b"\x03\xe8"


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze."""
    return subprocess.run(
        [find_program("systemd") or "systemd-analyze", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def directives(name: str) -> dict[str, list[str]]:
    """What a unit says: values by directive."""
    said: dict[str, list[str]] = {}
    text = (DEPLOY / name).read_text(encoding="utf-8")
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if "=" in line and not line.startswith(("#", ";")):
            directive, value = line.split("=", 1)
            said.setdefault(directive, []).append(value)
    return said


@functools.cache
def system_calls(group: str) -> frozenset[str]:
    """The system calls of a group such as ``@system-service``."""
    listed = analyze("syscall-filter", group)
    members = [line.strip() for line in listed.stdout.splitlines()[1:]]
    calls = {member for member in members if member and member[0] not in "@#"}
    return frozenset(calls).union(*(system_calls(member) for member in members if member.startswith("@")))


def allowed_system_calls() -> list[str]:
    """Those that the service may use."""
    allowed: set[str] = set()
    for value in directives("stockticker.service")["SystemCallFilter"]:
        calls = {call for group in value.removeprefix("~").split() for call in system_calls(group)}
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    return sorted(allowed)


def expanded(command: str, variables: dict[str, str]) -> list[str]:
    """The words of a command line, with variables as systemd puts them in: ``$NAME`` is split, ``${NAME}`` is not."""
    words: list[str] = []
    for word in shlex.split(command):
        if whole := re.fullmatch(r"\$(\w+)", word):
            words += variables.get(whole[1], "").split()
        else:
            words.append(re.sub(r"\$\{(\w+)\}", lambda found: variables[found[1]], word))
    return words


class UnitTests(SynchronousTestCase):
    """The units, as systemd sees them."""

    def setUp(self) -> None:
        self.directory = new_directory()
        for name, replacements in (
            ("stockticker.service", {INSTALLED: str(SCRIPTS / "twistd")}),
            ("stockticker.socket", {}),
        ):
            (self.directory / name).write_text(adapted(name, replacements), encoding="utf-8")

    def test_verified(self) -> None:
        """systemd understands every line, and finds what it would start."""
        done = analyze("verify", *self.directory.iterdir())
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_exposure(self) -> None:
        """What the service could do to the machine, if somebody took it over, is little."""
        service = self.directory / "stockticker.service"
        done = analyze("security", "--offline=true", f"--threshold={MAX_EXPOSURE * 10:.0f}", service)
        self.assertEqual(done.returncode, 0, done.stdout)


class ServiceTests(SynchronousTestCase):
    """The service, on a socket that outlives it."""

    def setUp(self) -> None:
        self.directory = new_directory()
        unit = directives("stockticker.socket")
        [address] = unit["ListenStream"]
        host, _ = address.rsplit(":", 1)
        [backlog] = unit["Backlog"]
        self.socket = socket.create_server((host, 0), backlog=int(backlog))
        self.addCleanup(self.socket.close)
        self.port = self.socket.getsockname()[1]
        self.log = self.directory / "journal"

    def launcher(self) -> list[str]:
        """What stands in for systemd."""
        service = directives("stockticker.service")
        [families] = service["RestrictAddressFamilies"]
        specification = {
            "socket": self.socket.fileno(),
            "name": directives("stockticker.socket")["FileDescriptorName"][0],
            "system_calls": allowed_system_calls(),
            "address_families": [getattr(socket, family) for family in families.split()],
            "writable_code": service["MemoryDenyWriteExecute"] != ["yes"],
        }
        return [sys.executable, str(LAUNCHER), json.dumps(specification)]

    def start(self, options: str = "") -> subprocess.Popen[bytes]:
        """
        Start it.

        Args:
            options: what the administrator has added.
        """
        [command] = directives("stockticker.service")["ExecStart"]
        variables = {"STATE_DIRECTORY": str(self.directory / "state"), "STOCKTICKER_OPTIONS": options}
        program, *arguments = expanded(command, variables)
        self.assertEqual(program, INSTALLED)
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                [*self.launcher(), sys.executable, str(SCRIPTS / "twistd"), *arguments],
                cwd="/",
                env={**environment(self.directory), **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[self.socket.fileno()],
            )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    @contextlib.contextmanager
    def waiting_visitor(self) -> Iterator[socket.socket]:
        """Somebody who has asked for a page before anybody is there to serve it."""
        with socket.create_connection(("127.0.0.1", self.port), DEADLINE_SECONDS) as link:
            link.sendall(b"GET /StockTicker.html HTTP/1.1\r\nHost: ticker\r\nConnection: close\r\n\r\n")
            yield link

    def assertServed(self, visitor: socket.socket) -> None:
        """A visitor gets the page."""
        with visitor.makefile("rb") as stream:
            answer = stream.read()
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer[:200] + self.log.read_bytes())
        self.assertIn(b"</html>", answer)

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Stop it as systemd does."""
        process.send_signal(signal.SIGTERM)
        [patience] = directives("stockticker.service")["TimeoutStopSec"]
        self.assertEqual(process.wait(float(patience)), 0)

    def test_restart(self) -> None:
        """
        Whoever comes while it is down waits until it is back, and is served; whoever was there is told goodbye, and is
        known again.
        """
        with self.waiting_visitor() as visitor:
            process = self.start("--open --interval 0.02")
            self.assertServed(visitor)
        client = Client(self.port)
        link = client.open_websocket()
        self.addCleanup(link.close)
        self.assertTrue(next(updates(link))["Symbol"])
        process.send_signal(signal.SIGTERM)
        while (frame := link.frame())[0] != _CLOSE:
            pass
        self.assertEqual(frame[1], _NORMAL)
        link.send(_CLOSE, _NORMAL)
        self.stop(process)
        with self.waiting_visitor() as visitor:
            process = self.start()
            self.assertServed(visitor)
        self.assertEqual(client.invoke("getMarketState"), "Open")
        self.stop(process)
        self.assertLogClean()

    def assertLogClean(self) -> None:
        """Every line for the journal is JSON, and nothing was forbidden."""
        text = self.log.read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.splitlines()]
        self.assertIn("Serving http://127.0.0.1:", text)
        self.assertEqual([line for line in lines if line.get("level") not in ("info", "debug")], [])
        self.assertNotIn("not permitted", text)

    def test_feed(self) -> None:
        """A source of prices on the network, which is asked by name, can be asked from inside."""
        asked = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(asked.close)
        asked.settimeout(DEADLINE_SECONDS)
        process = self.start(f"--feed http:http://localhost:{asked.getsockname()[1]}/quotes")
        link, _ = asked.accept()
        with link:
            self.assertTrue(link.recv(4096).startswith(b"GET /quotes "))
        wait_for("it serves", lambda: Client(self.port).invoke("getMarketState"))
        self.stop(process)

    def test_confined(self) -> None:
        """What stands in for systemd does keep a process from what the unit forbids."""
        attempts = """
            import mmap, os, socket
            def attempt(what):
                try:
                    what()
                except PermissionError:
                    print("refused")
                else:
                    print("done")
            attempt(lambda: os.setuid(os.getuid()))
            attempt(lambda: os.setpriority(os.PRIO_PROCESS, 0, 1))
            attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
            attempt(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC))
            attempt(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC))
            attempt(lambda: socket.socket(socket.AF_INET))
        """
        program = "\n".join(line[12:] for line in attempts.splitlines())
        done = subprocess.run(
            [*self.launcher(), sys.executable, "-c", program],
            pass_fds=[self.socket.fileno()],
            capture_output=True,
            encoding="utf-8",
            cwd=PROJECT,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        self.assertEqual(done.stdout.split(), ["refused"] * 4 + ["done"] * 2, done.stderr)
