"""
SignalR clients that others wrote, each in a process of its own, against a real server.

Each connects, calls a method and hears the answer of the hub, gets a result, and is refused. What else they do is what
they were made to do by a genuine server, and what ours has to bear with.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.support import (
    DEADLINE_SECONDS,
    environment,
    free_port,
    heed_interrupts,
    new_directory,
    wait_for,
)

__all__ = ["ForeignClientTests"]

_SCRIPTS = Path(__file__).parent / "foreign"

#: Where ``make integration`` installs the clients.
_INSTALLED = Path(sys.prefix) / "foreign"
_PYTHON = str(_INSTALLED / "bin" / "python")


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


class ForeignClientTests(SynchronousTestCase):
    """Clients that we did not write."""

    def setUp(self) -> None:
        self.assertTrue(_INSTALLED.is_dir(), "The clients are not installed: make .venv/foreign.stamp")
        self._directory = new_directory()
        self._log = self._directory / "server.log"
        self._port = free_port()
        with self._log.open("wb") as output:
            server = subprocess.Popen(
                [sys.executable, str(_SCRIPTS / "server.py"), str(self._port)],
                env=environment(self._directory),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=heed_interrupts,
            )
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)

        def serves() -> bool:
            self.assertIsNone(server.poll(), self._log.read_text("utf-8"))
            return bool(self._noted(serving=self._port))

        wait_for("the server serves", serves)

    def _noted(self, **what: Any) -> list[dict[str, Any]]:
        """What the server has noted that has these members."""
        text = self._log.read_text("utf-8")
        return [line for line in _lines(text) if what.items() <= line.items()]

    def _run_client(self, *command: str, path: str = "/signalr") -> list[dict[str, Any]]:
        """Run a client until it ends; returns what it wrote."""
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{self._port}{path}"],
            env={**os.environ, "NODE_PATH": str(_INSTALLED / "node_modules"), "PYTHONPATH": ""},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}\n{self._log.read_text('utf-8')}")
        return _lines(done.stdout)

    def _requests(self) -> list[tuple[str, str, str | None]]:
        return [(line["request"], line["method"], line["transport"]) for line in self._noted() if "request" in line]

    def test_signalr_client_aio(self) -> None:
        """
        PyPI's ``signalr-client-aio``, over WebSocket: it never sends ``/start``, so there is no ``on_connected``, and
        gets its answers all the same; it sends ids as numbers, and goes without a goodbye.
        """
        wrote = self._run_client(_PYTHON, str(_SCRIPTS / "aio_client.py"))
        self.assertEqual(
            wrote,
            [
                {"connected": True},
                {"said": ["hello from aio"]},
                {"result": 5, "id": "1"},
                {"error": "No."},
                {"closed": 1000},
            ],
        )
        self.assertEqual(self._requests(), [("negotiate", "GET", None), ("connect", "GET", "webSockets")])
        self.assertEqual(self._noted(event="connected"), [])

    def test_signalr_client_over_websocket(self) -> None:
        """
        PyPI's ``signalr-client``: it sends ``/start`` right after opening the WebSocket, without waiting for the
        first message; the blank in its connectionData travels as a plus sign; it goes without a goodbye.
        """
        wrote = self._run_client(_PYTHON, str(_SCRIPTS / "gevent_client.py"))
        self.assertGevent(wrote)
        self.assertEqual(
            self._requests(),
            [("negotiate", "GET", None), ("connect", "GET", "webSockets"), ("start", "GET", "webSockets")],
        )
        [negotiation] = self._noted(request="negotiate")
        self.assertIn("%3A+%22", negotiation["query"])
        self.assertEqual(self._noted(event="connected"), [{"event": "connected", "transport": "webSockets"}])

    def test_signalr_client_over_server_sent_events(self) -> None:
        """
        PyPI's ``signalr-client``, where there are no WebSockets: each answer to ``/send`` is JSON, as it demands, and
        it says goodbye by GET.
        """
        wrote = self._run_client(_PYTHON, str(_SCRIPTS / "gevent_client.py"), path="/streams")
        self.assertGevent(wrote)
        self.assertEqual(
            [request for request in self._requests() if request[0] != "send"],
            [
                ("negotiate", "GET", None),
                ("connect", "GET", "serverSentEvents"),
                ("start", "GET", "serverSentEvents"),
                ("abort", "GET", "serverSentEvents"),
            ],
        )
        self.assertEqual(self._requests().count(("send", "POST", "serverSentEvents")), 3)
        self.assertEqual(self._noted(event="connected"), [{"event": "connected", "transport": "serverSentEvents"}])
        self.assertEqual(self._noted(event="disconnected"), [{"event": "disconnected", "stop_called": True}])

    def assertGevent(self, wrote: list[dict[str, Any]]) -> None:
        """Check what the gevent client had to hear."""
        self.assertEqual(
            wrote,
            [
                {"connected": True},
                {"said": ["hello from gevent"]},
                {"result": 5, "id": "1"},
                {"error": "No."},
                {"closed": True},
            ],
        )

    def test_npm_signalr_client(self) -> None:
        """
        npm's ``signalr-client``, over WebSocket: it knows a result by the id that it sent as a number and gets back
        as a text, and says goodbye on behalf of another transport than its own.
        """
        node = shutil.which("node")
        self.assertIsNotNone(node, "Node.js is needed")
        wrote = self._run_client(str(node), str(_SCRIPTS / "node_client.js"))
        self.assertEqual(
            wrote,
            [
                {"connected": True},
                {"said": ["hello from node"]},
                {"result": 5, "id": "2"},
                {"error": "No."},
                {"closed": True},
            ],
        )
        self.assertEqual(
            self._requests(),
            [
                ("negotiate", "GET", None),
                ("connect", "GET", "webSockets"),
                ("start", "GET", "webSockets"),
                ("abort", "POST", "serverSentEvents"),
            ],
        )
        [negotiation] = self._noted(request="negotiate")
        self.assertEqual(parse_qs(negotiation["query"])["clientProtocol"], ["1.5"])
        self.assertEqual(self._noted(event="disconnected"), [{"event": "disconnected", "stop_called": True}])
