"""Tests for `twisted_ticker.signalr.proxies`; the script itself is tested where it is made."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from functools import partial
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr import Hub, Request, SignalRServer, hub_method
from twisted_ticker.signalr.proxies import main

PROJECT = Path(__file__).resolve().parents[2]
HERE = __name__


class ChatHub(Hub):
    """Has a method."""

    @hub_method
    def say_it(self, text: str) -> None:
        """Is called ``sayIt`` in script."""


class AdminHub(Hub):
    """Has a name of its own, and needs something."""

    hub_name = "admin"

    def __init__(self, secret: str) -> None:
        """Is made by the factory below."""


make_admin = partial(AdminHub, "x")


def run(*arguments: str) -> tuple[int, str, str]:
    """Run the command; its exit status, what it has written, and what it has complained about."""
    output, complaints = io.StringIO(), io.StringIO()
    status = 0
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(complaints):
        try:
            main(arguments)
        except SystemExit as end:
            assert isinstance(end.code, int)
            status = end.code
    return status, output.getvalue(), complaints.getvalue()


class ProxiesTests(SynchronousTestCase):
    """Tests for `main`."""

    def served(self, path: str) -> str:
        """What a server has there."""
        server = SignalRServer(clock=Clock())
        server.map_hubs("/signalr", [ChatHub, make_admin])
        server.map_hubs("/deep/signalr", [ChatHub, make_admin])
        endpoint = server.endpoint_for(path)
        assert endpoint is not None
        response = endpoint.script(Request("GET", path, path))
        assert response is not None
        return response.body.decode()

    def test_it_is_the_script_that_is_served(self) -> None:
        """Byte for byte, in whatever order the hubs are named."""
        hubs = [f"{HERE}:ChatHub", f"{HERE}:make_admin"]
        for order in (hubs, hubs[::-1]):
            self.assertEqual(run(*order), (0, self.served("/signalr/hubs"), ""))
        self.assertEqual(run("--url", "/deep/signalr/", *hubs), (0, self.served("/deep/signalr/hubs"), ""))

    def test_a_whole_address(self) -> None:
        """For pages that another server delivers."""
        status, script, _ = run("--url=https://push.example.org/signalr", f"{HERE}:ChatHub")
        self.assertEqual(status, 0)
        self.assertIn('jq.hubConnection("https://push.example.org/signalr",', script)

    def test_what_cannot_be_done(self) -> None:
        """One line says why, and nothing is written."""
        chat = f"{HERE}:ChatHub"
        cases: list[tuple[list[str], str]] = [
            ([], "the following arguments are required: PACKAGE.MODULE:CLASS"),
            (["chat"], "'chat' is not of the form PACKAGE.MODULE:NAME."),
            ([chat, "nowhere:Hub"], "The module 'nowhere' cannot be imported: No module named 'nowhere'."),
            ([chat, chat], "Two hubs have the same name: chathub, chathub."),
            ([f"{HERE}:AdminHub"], "cannot be called without arguments: missing a required argument: 'secret'."),
            ([f"{HERE}:PROJECT"], "makes no Hub: map subclasses of twisted_ticker.signalr.Hub."),
            (["--ur", "/x", chat], "unrecognized arguments: --ur"),
        ]
        for arguments, text in cases:
            status, script, complaint = run(*arguments)
            self.assertEqual((status, script), (2, ""), arguments)
            self.assertTrue(complaint.startswith("python -m twisted_ticker.signalr.proxies: "), complaint)
            self.assertIn(text, complaint)
            self.assertEqual(len(complaint.splitlines()), 1, complaint)

    def test_help(self) -> None:
        """It names what can be given."""
        status, text, _ = run("--help")
        self.assertEqual(status, 0)
        for part in ("PACKAGE.MODULE:CLASS", "--url URL", "[default: /signalr]"):
            self.assertIn(part, " ".join(text.split()))

    def test_it_runs_as_a_module(self) -> None:
        """Without a warning, and it finds hubs in the current directory."""
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "chat.py").write_text("from twisted_ticker.signalr import Hub\n\n\nclass ChatHub(Hub): ...\n")
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "twisted_ticker.signalr.proxies", "chat:ChatHub"],
            cwd=directory,
            env={"PYTHONPATH": str(PROJECT)},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn('addProxy(this, proxies, "chatHub", {});', done.stdout)
