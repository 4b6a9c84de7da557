"""Tests for `benchmarks.servers`, `benchmarks.signalr` and `benchmarks.build`, as far as they run nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from twisted.trial.unittest import SynchronousTestCase

from benchmarks import servers
from benchmarks.build import BuildError, build
from benchmarks.servers import CEILINGS, SERVERS, server_command
from benchmarks.signalr import connect_line


class ServersTests(SynchronousTestCase):
    """Tests for the list of servers."""

    def test_ceilings(self) -> None:
        """Each server is compared with an entry that there is, which is measured in the same ways."""
        for name, server in SERVERS.items():
            ceiling = CEILINGS[server.ceiling]
            self.assertEqual((server.bursts, server.ticks), (ceiling.bursts, ceiling.ticks), name)

    def test_commands(self) -> None:
        """A command has the port and the programs filled in, and the scripts that it names are here."""
        self.assertEqual(server_command(CEILINGS["ceiling"], 9000, Path("/made")), ["/made/ceiling", "9000"])
        for name, server in SERVERS.items():
            _, script, port = server_command(server, 9000, Path("/made"))
            self.assertTrue(Path(script).is_file(), name)
            self.assertEqual(port, "9000", name)

    def test_missing(self) -> None:
        """What is not installed is left out, each for its own reason; ours and Autobahn are always there."""
        nowhere = Path(self.mktemp())
        self.patch(servers, "_WEBSOCKETS_PYTHON", nowhere)
        self.patch(servers, "_NODE_MODULES", nowhere)
        self.patch(shutil, "which", lambda name: f"/usr/bin/{name}")
        not_installed = "it is not installed: remove .venv/bench.stamp and run make bench"
        reasons = {name: reason for name, server in SERVERS.items() if (reason := server.missing())}
        self.assertEqual(reasons, {"websockets": not_installed, "ws": not_installed})
        self.patch(shutil, "which", lambda name: None if name == "npm" else f"/usr/bin/{name}")
        self.assertEqual(SERVERS["ws"].missing(), "there is no Node.js with npm")

    def test_installed(self) -> None:
        """What is installed is measured."""
        here = Path(__file__).parent
        self.patch(servers, "_WEBSOCKETS_PYTHON", here)
        self.patch(servers, "_NODE_MODULES", here)
        self.patch(shutil, "which", lambda name: f"/usr/bin/{name}")
        self.assertEqual([server.missing() for server in SERVERS.values()], [None] * len(SERVERS))


class ConnectLineTests(SynchronousTestCase):
    """Tests for `connect_line`."""

    def test_query(self) -> None:
        """The path says what a client says that connects, with all that has a meaning in a path escaped."""
        parts = urlsplit(connect_line("a+b/c==", "webSockets", "stockTicker"))
        self.assertEqual(parts.path, "/signalr/connect")
        self.assertEqual(
            parse_qs(parts.query),
            {
                "transport": ["webSockets"],
                "connectionToken": ["a+b/c=="],
                "clientProtocol": ["1.5"],
                "connectionData": ['[{"name":"stockticker"}]'],
            },
        )

    def test_long_polling(self) -> None:
        """Further polls go to another path, with the cursor of the last answer."""
        connect, poll = connect_line("token", "longPolling", "stockTicker").split("\t")
        self.assertEqual(poll, connect.replace("/connect?", "/poll?") + "&messageId={C}")

    def test_forever_frame(self) -> None:
        """A forever frame has a number."""
        self.assertIn("&frameId=1", connect_line("token", "foreverFrame", "stockTicker"))


class BuildTests(SynchronousTestCase):
    """Tests for `build`."""

    def test_no_gcc(self) -> None:
        """Without gcc, a sentence says what to install, and nothing is made."""
        self.patch(shutil, "which", lambda name: None)
        directory = Path(self.mktemp())
        with self.assertRaises(BuildError) as refused:
            build(directory)
        self.assertEqual(
            str(refused.exception),
            "The benchmarks need gcc: install it (on Debian: apt-get install build-essential).",
        )
        self.assertFalse(directory.exists())
