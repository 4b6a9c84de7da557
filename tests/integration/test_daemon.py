"""The program as an administrator knows it: its options, its errors, its start and its end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import time
from itertools import islice
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.support import (
    DEADLINE_SECONDS,
    FOREGROUND,
    OPENING_PRICES,
    SCRIPTS,
    Client,
    Server,
    StockTickerTestCase,
    WebSocket,
    environment,
    free_port,
    is_listening,
    new_directory,
    tcp,
    twistd,
    updates,
    wait_for,
)
from twisted_ticker.market import SqliteStore

QUICK = ("--interval", "0.02")
TWIST = (str(SCRIPTS / "twist"), "--log-format=text")

_TEXT, _CLOSE = 1, 8
_NORMAL = b"\x03\xe8"


class CommandLineTests(SynchronousTestCase):
    """What is said about the options, and what is said when they are wrong; nothing is left running."""

    def setUp(self) -> None:
        self.directory = new_directory()

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start it; it has the state directory ``state`` unless the options say otherwise."""
        defaults = [] if "--state-dir" in options else ["--state-dir", "state"]
        process = subprocess.Popen(
            [*FOREGROUND, "stockticker", *defaults, *options],
            cwd=self.directory,
            env=environment(self.directory),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self.addCleanup(process.kill)
        return process

    def finish(self, process: subprocess.Popen[str]) -> str:
        """Wait for the end; returns the output."""
        try:
            output, _ = process.communicate(timeout=DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            raise AssertionError(f"{process.args} did not end:\n{output}") from None
        return output

    def assertRefused(self, *cases: tuple[tuple[str, ...], str]) -> None:
        """
        Options are refused: one line below the usage says why, and the exit status is not 0.

        Args:
            cases: options, and what the line is like, as a regular expression.
        """
        for process, (options, complaint) in [(self.start(*case[0]), case) for case in cases]:
            output = self.finish(process)
            self.assertNotEqual(process.returncode, 0, f"{options}\n{output}")
            self.assertNotIn("Traceback", output, options)
            usage, _, error = output.rstrip().rpartition("\n")
            self.assertRegex(error, complaint)
            self.assertIn("--listen", usage, options)
            self.assertNotRegex(usage, complaint)

    def test_help(self) -> None:
        """``--help`` shows each option with its default."""
        process = self.start("--help")
        text = " ".join(self.finish(process).split())
        self.assertEqual(process.returncode, 0, text)
        for option, default in (
            ("--listen=", "[default: tcp:8080:interface=127.0.0.1]"),
            ("--state-dir=", "[default: $XDG_STATE_HOME/stockticker, else ~/.local/state/stockticker]"),
            ("--interval=", "[default: 0.25]"),
            ("--open", "[default: closed, as in the sample]"),
            ("--htdocs=", "[default: the installed ones]"),
            ("--feed=", "[default: random]"),
            ("--store=", "[default: sqlite:]"),
        ):
            self.assertIn(option, text)
            described = text.partition(option)[2].partition(" --")[0]
            self.assertIn(default, described, option)

    def test_listen_refused(self) -> None:
        """Endpoints of unknown kinds, and ones that are not written as they must be."""
        self.assertRefused(
            *(
                (("--listen", description), rf"--listen: .*{re.escape(repr(description))}")
                for description in ("nonsense:1", "tcp:http-alt-x", "tcp:8080:no=thing", "tcp:99999")
            )
        )

    def test_port_in_use(self) -> None:
        """A port that is taken, the first or not; an address that this machine does not have; one port twice."""
        free, foreign = tcp(free_port()), "tcp:8080:interface=192.0.2.1"  # of a network in documentation only
        with socket.create_server(("127.0.0.1", 0)) as holder:
            taken = tcp(holder.getsockname()[1])
            self.assertRefused(
                (("--listen", taken), rf"--listen: .*{re.escape(taken)}.*[Aa]ddress already in use"),
                (("--listen", free, "--listen", taken), rf"--listen: .*{re.escape(taken)}.*[Aa]ddress already in use"),
                (("--listen", foreign), rf"--listen: .*{re.escape(foreign)}"),
            )

    def test_same_port_twice(self) -> None:
        """Two endpoints that exclude each other."""
        listen = tcp(free_port())
        self.assertRefused((("--listen", listen, "--listen", listen), "[Aa]ddress already in use"))

    def test_interval_refused(self) -> None:
        """Intervals that are no time span."""
        self.assertRefused(
            *(
                ((f"--interval={text}",), rf"must be a number of seconds above 0, not '{re.escape(text)}'")
                for text in ("0", "-1", "soon", "inf", "nan")
            )
        )

    def test_state_directory_refused(self) -> None:
        """A state directory that cannot be made, or whose key ring is damaged."""
        (self.directory / "file").touch()
        (self.directory / "damaged").mkdir()
        (self.directory / "damaged" / "keyring").write_text("no key\n", encoding="ascii")
        self.assertRefused(
            (("--state-dir", "file"), "--state-dir: .*file"),
            (("--state-dir", "file/state"), "--state-dir: .*file/state"),
            (("--state-dir", "damaged"), r"--state-dir: .*keyring.* is damaged"),
        )

    def test_store_refused(self) -> None:
        """Databases that are none, or damaged, or of a newer version, stay as they are; a store of no known kind."""
        (self.directory / "notes").write_text("not yours\n", encoding="ascii")
        for name in ("damaged", "newer"):
            SqliteStore(self.directory / name).close()
            with contextlib.closing(sqlite3.connect(self.directory / name, isolation_level=None)) as database:
                database.execute("PRAGMA user_version = 2" if name == "newer" else "DROP TABLE point")
        files = {name: (self.directory / name).read_bytes() for name in ("notes", "damaged", "newer")}
        self.assertRefused(
            (("--store=sqlite:notes",), r"--store: '/.*/notes' is no database of this program; move it away, or "),
            (("--store=sqlite:damaged",), r"--store: '/.*/damaged' is damaged \(.*\); move it away, or "),
            (("--store=sqlite:newer",), r"--store: '/.*/newer' was written by a newer version of this program; use "),
            (("--store=sqlite:missing/market",), r"--store: '/.*/missing/market' cannot be made"),
            (("--store=file",), "must be sqlite:, sqlite:PATH or memory:, not 'file'"),
        )
        self.assertEqual({name: (self.directory / name).read_bytes() for name in files}, files)

    def test_store_in_use(self) -> None:
        """Of two servers with one database, the second does not start."""
        with contextlib.closing(SqliteStore(self.directory / "mine")):
            self.assertRefused((("--store=sqlite:mine",), "--store: '/.*/mine' is in use by another server; give "))

    def test_access_refused(self) -> None:
        """Passwords that are not there, kinds of them that there are not, and origins that are none."""
        self.assertRefused(
            (("--auth", "file:missing"), "--auth: .*missing.* cannot be read: No such file or directory"),
            (("--auth", "nonsense:x"), "--auth: .* must be one of file, memory, unix"),
            (("--origin", "example.org"), "--origin: 'example.org' is not of the form"),
        )

    def test_others_refused(self) -> None:
        """Pages and files that are not there, feeds of unknown kinds, a missing seed, and what is no option at all."""
        self.assertRefused(
            (("--htdocs", "missing"), "--htdocs: .*missing.* is no directory"),
            *(
                ((f"--feed={text}",), rf"--feed: must be random\[:SEED\], .*, not '{re.escape(text)}'")
                for text in ("foo", "random:")
            ),
            (("--feed", "replay:missing"), "--feed: missing: cannot be read: No such file or directory"),
            (("--stocks", "missing"), "--stocks: missing: cannot be read: No such file or directory"),
            (("--nonsense",), "nonsense"),
            (("nonsense",), "nonsense|[Aa]rgument"),
        )


class OptionTests(StockTickerTestCase):
    """What the options do."""

    def updates_after_opening(self, *options: str, late: bool = False) -> list[dict[str, Any]]:
        """
        The first price updates of a new server.

        Args:
            late: whether to open the market only after other prices have moved: those of the mini page always do.
        """
        server = self.start_server(*QUICK, *options)
        client, mini = Client(server.port), Client(server.port, "stockTickerMini")
        if late:
            before = mini.prices()
            wait_for("the mini page's prices move", lambda: mini.prices() != before)
        link = client.open_websocket()
        self.addCleanup(link.close)
        client.invoke("OpenMarket")
        return list(islice(updates(link), 8))

    def test_closed_at_first(self) -> None:
        """Without ``--open`` the market waits, at the sample's prices."""
        client = Client(self.start_server(*QUICK).port)
        self.assertEqual(client.invoke("GetMarketState"), "Closed")
        self.assertEqual(client.prices(), OPENING_PRICES)

    def test_open(self) -> None:
        """With ``--open`` prices move though nobody has pressed anything."""
        client = Client(self.start_server(*QUICK, "--open").port)
        self.assertEqual(client.invoke("GetMarketState"), "Open")
        wait_for("all prices have moved", lambda: not client.prices().items() & OPENING_PRICES.items())

    def test_feed(self) -> None:
        """The same seed means the same prices, whenever the market is opened; another seed, or none, means others."""
        first = self.updates_after_opening("--feed", "random:7")
        self.assertEqual(self.updates_after_opening("--feed", "random:7", late=True), first)
        known = [first]
        for options in (("--feed", "random:8"), ("--feed", "random"), (), ()):
            others = self.updates_after_opening(*options)
            self.assertNotIn(others, known)
            known.append(others)

    def test_interval(self) -> None:
        """A long interval means long waiting."""
        client = Client(self.start_server("--interval", "1e6", "--open").port)
        self.assertEqual(client.invoke("GetMarketState"), "Open")
        self.assertEqual(client.prices(), OPENING_PRICES)

    def test_two_endpoints(self) -> None:
        """With two ``--listen`` one market is served at both addresses, and the log names them."""
        second_port = free_port()
        server = self.start_server("--listen", tcp(second_port))
        for port in (server.port, second_port):
            self.assertIn(f"Serving http://127.0.0.1:{port}/\n", server.log)
        Client(second_port).invoke("OpenMarket")
        self.assertEqual(Client(server.port).invoke("GetMarketState"), "Open")
        self.assertEqual(server.stop(), 0)
        self.assertFalse(is_listening(second_port))

    def test_any_free_port(self) -> None:
        """Port 0 is any that is free; the log says which."""
        server = self.start_server("--listen", "tcp:0:interface=127.0.0.1")
        ports = {int(port) for port in re.findall(r"Serving http://127\.0\.0\.1:(\d+)/", server.log)}
        [chosen] = ports - {server.port}
        self.assertEqual(Client(chosen).prices(), OPENING_PRICES)

    def test_unix_socket(self) -> None:
        """A Unix socket serves as well, also in the place of one that a server left behind when it was killed."""
        path = str(new_directory() / "s")
        killed = self.start_server("--listen", f"unix:{path}")
        wait_for("the socket is there", lambda: os.path.exists(path))
        killed.kill()
        self.assertTrue(os.path.exists(path))
        self.start_server("--listen", f"unix:{path}")
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(DEADLINE_SECONDS)
            link.connect(os.path.relpath(path))  # such names may not be long
            link.sendall(b"GET /signalr/ping HTTP/1.0\r\n\r\n")
            with link.makefile("rb") as answer:
                self.assertRegex(answer.read(), rb'(?s)^HTTP/1\.[01] 200 .*\{ ?"Response": ?"pong" ?\}$')

    def test_htdocs(self) -> None:
        """``--htdocs`` serves other pages beside the same hubs."""
        pages = new_directory()
        (pages / "StockTicker.html").write_text("ours", encoding="ascii")
        client = Client(self.start_server("--htdocs", str(pages)).port)
        self.assertEqual(client.request("GET", "/StockTicker.html"), (200, b"ours"))
        self.assertEqual(client.request("GET", "/StockTickerMini.html")[0], 404)


class LifeTests(StockTickerTestCase):
    """Start and end."""

    def assertEndsAtSigterm(self, server: Server) -> None:
        self.assertEqual(server.stop(), 0)
        self.assertFalse(is_listening(server.port))
        self.assertLogClean(server)

    def test_end(self) -> None:
        """SIGTERM is an ordinary end, with exit status 0."""
        self.assertEndsAtSigterm(self.start_server())

    def test_interrupt(self) -> None:
        """Ctrl-C is an ordinary end as well, without a traceback."""
        server = self.start_server()
        server.process.send_signal(signal.SIGINT)
        server.wait()
        self.assertFalse(is_listening(server.port))
        self.assertLogClean(server)

    def test_twist(self) -> None:
        """``twist``, the newer runner, serves it too."""
        server = self.start_server("--open", *QUICK, command=TWIST)
        client = Client(server.port)
        wait_for("prices move", lambda: client.prices() != OPENING_PRICES)
        self.assertEndsAtSigterm(server)

    def test_clients_at_the_end(self) -> None:
        """SIGTERM ends a poll with a complete empty answer and a WebSocket with a close of 1000."""
        server = self.start_server()
        polling, streaming = Client(server.port), Client(server.port)
        poll, link = polling.open_poll(), streaming.open_websocket()
        self.addCleanup(poll.close)
        self.addCleanup(link.close)
        # The poll has been received when a request that was made after it has been answered.
        polling.request("GET", "/signalr/ping")

        server.terminate()
        response = poll.getresponse()
        self.assertEqual(response.status, 200)
        answer = json.loads(response.read())
        self.assertEqual((set(answer), answer["M"]), ({"C", "M"}, []))
        self.assertEqual(link.frame(), (_CLOSE, _NORMAL))
        link.send(_CLOSE, _NORMAL)
        self.assertTrue(link.ended())
        self.assertEqual(server.wait(), 0)
        self.assertFalse(is_listening(server.port))
        self.assertLogClean(server)

    def test_close_is_waited_for(self) -> None:
        """A client that takes a tenth of a second to answer the close has the time, whatever the clock shows."""
        for fraction in (0.1, 0.5):
            server = self.start_server()
            link = Client(server.port).open_websocket()
            self.addCleanup(link.close)
            # Autobahn's timers are rounded down to whole seconds of the clock, so its fraction matters.
            time.sleep((fraction - time.time()) % 1)
            server.terminate()
            self.assertEqual(link.frame(), (_CLOSE, _NORMAL))
            time.sleep(0.1)
            link.send(_CLOSE, _NORMAL)
            self.assertTrue(link.ended())
            self.assertEqual(server.wait(), 0)
            self.assertLogClean(server)

    def test_client_that_does_not_answer(self) -> None:
        """A WebSocket whose client says nothing does not keep the server from ending."""
        server = self.start_server()
        link = Client(server.port).open_websocket()
        self.addCleanup(link.close)
        self.assertEqual(server.stop(), 0)
        self.assertNotIn("Traceback", server.log)

    def test_client_that_closes(self) -> None:
        """A client that closes its WebSocket is answered with 1000, and nothing alarming is logged."""
        server = self.start_server()
        link = Client(server.port).open_websocket()
        self.addCleanup(link.close)
        link.send(_CLOSE, _NORMAL)
        self.assertEqual(link.frame(), (_CLOSE, _NORMAL))
        self.assertTrue(link.ended())
        self.assertEndsAtSigterm(server)

    def test_pages_at_the_end(self) -> None:
        """Open pages of all kinds are no reason for a warning either."""
        server = self.start_server("--open", *QUICK)
        pages = [
            self.open_page(f"{server.url}StockTicker.html?transport={transport}")
            for transport in ("webSockets", "longPolling")
        ]
        pages[0].wait_connected("webSockets")
        pages[1].wait_connected("longPolling")
        self.assertEndsAtSigterm(server)

    def test_tokens_survive_a_restart(self) -> None:
        """A connection token from before a restart is good after it; the key ring is for its owner only."""
        first = self.start_server()
        client = Client(first.port)
        self.assertEqual(client.invoke("GetMarketState"), "Closed")
        first.stop()
        mode = (first.state / "keyring").stat().st_mode & 0o777
        self.assertEqual(mode, 0o600)

        self.start_server("--open", port=first.port, state=first.state)
        self.assertEqual(client.invoke("GetMarketState"), "Open")
        link = WebSocket(first.port, client.target("reconnect", "webSockets", messageId="0-0"))
        self.addCleanup(link.close)
        self.assertEqual(link.frame()[0], _TEXT)

    def test_tokens_of_others(self) -> None:
        """With another key ring, the same token is refused."""
        first = self.start_server()
        client = Client(first.port)
        first.stop()
        self.start_server(port=first.port)
        status, _ = client.request("GET", client.target("start"))
        self.assertEqual(status, 400)


class DaemonTests(SynchronousTestCase):
    """In the background, with a pid file."""

    def test_daemon(self) -> None:
        """It goes to the background once it serves, and at SIGTERM leaves neither process nor pid file nor port."""
        directory = new_directory()
        port = free_port()
        pid_file, log = directory / "twistd.pid", directory / "twistd.log"
        command = twistd("--pidfile", str(pid_file), "--logfile", str(log), "stockticker")
        started = subprocess.run(
            [*command, "--listen", tcp(port), "--state-dir", "state"],
            cwd=directory,
            env=environment(directory),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        self.assertEqual((started.returncode, started.stdout), (0, ""))
        pid = int(wait_for("the pid file is there", lambda: pid_file.exists() and pid_file.read_text()))
        self.addCleanup(self.kill, pid)
        wait_for("the daemon listens", lambda: is_listening(port))
        self.assertTrue(self.is_alive(pid))
        self.assertEqual(Client(port).prices(), OPENING_PRICES)
        self.assertTrue((directory / "state" / "keyring").exists())

        os.kill(pid, signal.SIGTERM)
        wait_for("the process is gone", lambda: not self.is_alive(pid))
        self.assertFalse(pid_file.exists())
        self.assertFalse(is_listening(port))
        self.assertIn("Server Shut Down.", log.read_text(encoding="utf-8"))
        self.assertNotIn("Traceback", log.read_text(encoding="utf-8"))
        with contextlib.closing(SqliteStore(directory / "state" / "market.sqlite")) as store:
            stocks = store.load()["stockTicker"].stocks
        self.assertEqual({stock.symbol: str(stock.price) for stock in stocks}, OPENING_PRICES)

    def is_alive(self, pid: int) -> bool:
        """Whether a process runs; one that only waits for its parent to notice its end does not."""
        shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, encoding="ascii")
        return shown.stdout.strip()[:1] not in ("", "Z")

    def kill(self, pid: int) -> None:
        if self.is_alive(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
