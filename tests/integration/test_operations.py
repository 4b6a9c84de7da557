"""What an administrator sees of a real server: its health, its numbers, and its log."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.integration.support import (
    DEADLINE_SECONDS,
    SCRIPTS,
    Client,
    Server,
    StockTickerTestCase,
    environment,
    free_port,
    is_listening,
    new_directory,
    tcp,
    twistd,
    wait_for,
)

HUB = """
from twisted_ticker.signalr import Hub, hub_method


class ProbeHub(Hub):
    hub_name = "probe"

    @hub_method
    def say(self):
        self.clients.all.said("hello")

    @hub_method
    def fail(self):
        raise ValueError(f"no good: {self.context.request.uri}")
"""

TRANSPORTS = ("foreverFrame", "longPolling", "serverSentEvents", "webSockets")

#: How often it is tried to meet a server in the half second in which it stops.
ATTEMPTS = 5


class Stream:
    """A client that reads a streamed response."""

    def __init__(self, client: Client, transport: str, **parameters: str) -> None:
        self._link = http.client.HTTPConnection("127.0.0.1", client.port, timeout=DEADLINE_SECONDS)
        self._link.request("GET", client.target("connect", transport, **parameters))
        self._response = self._link.getresponse()
        self.wait_for(b'"S":1')
        client.request("GET", client.target("start", transport))

    def wait_for(self, text: bytes) -> None:
        """Read until a text has come."""
        read = b""
        while text not in read:
            data = self._response.read1()
            if not data:
                raise AssertionError(f"The stream has ended: {read!r}")
            read += data

    def close(self) -> None:
        """Leave."""
        self._link.close()


class OperationsTestCase(StockTickerTestCase):
    """Servers of a hub that tells all it knows."""

    def start_probe(self, *options: str) -> Server:
        """Start ``twistd signalr`` with the hub."""
        directory = new_directory()
        (directory / "probe.py").write_text(HUB)
        return self.start_server("--hub", "probe:ProbeHub", *options, plugin="signalr", cwd=directory)

    def complain(self, client: Client) -> None:
        """Make the server log a traceback with the address of a request."""
        with contextlib.suppress(AssertionError):
            client.invoke("fail")


class MetricsTests(OperationsTestCase):
    """``/metrics``, with clients of all kinds."""

    def samples(self, server: Server) -> dict[str, float]:
        """The library's numbers, by name and transport."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_SECONDS)) as link:
            link.request("GET", "/metrics")
            response = link.getresponse()
            self.assertEqual(response.getheader("Content-Type"), "text/plain; version=0.0.4; charset=utf-8")
            text = response.read().decode()
        return {
            " ".join([sample.name.removeprefix("signalr_"), *sample.labels.values()]): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name.startswith("signalr_")
        }

    def assertSamples(self, server: Server, **expected: float) -> None:
        """Wait until numbers are these; a server learns a little later than a client that it has gone."""

        def settled() -> bool:
            self.seen = self.samples(server)
            return all(self.seen[name] == value for name, value in expected.items())

        try:
            wait_for("the numbers are right", settled)
        except AssertionError:
            self.assertEqual({name: self.seen[name] for name in expected}, expected)

    def test_all_transports(self) -> None:
        """Each client is counted where it belongs, and each message once for each client."""
        server = self.start_probe()
        clients = {transport: Client(server.port, "probe") for transport in TRANSPORTS}
        socket = clients["webSockets"].open_websocket()
        poll = clients["longPolling"].open_poll()
        events = Stream(clients["serverSentEvents"], "serverSentEvents")
        frame = Stream(clients["foreverFrame"], "foreverFrame", frameId="1")
        current = {f"connections_current {transport}": 1.0 for transport in TRANSPORTS}
        # The poller's first request has been answered, its second is waiting.
        expected = {
            **current,
            "connections_connected_total": 4.0,
            "message_bus_subscribers_total": 5.0,
            "message_bus_subscribers_current": 4.0,
            "connection_messages_sent_total": 0.0,
            "delivery_seconds_count": 0.0,
        }
        self.assertSamples(server, **expected)

        clients["webSockets"].invoke("say")
        self.assertIn(b"hello", socket.frame()[1])
        self.assertIn(b"hello", poll.getresponse().read())
        events.wait_for(b"hello")
        frame.wait_for(b"hello")
        numbers = self.samples(server)
        expected |= {
            "connection_messages_sent_total": 1.0,
            "message_bus_messages_published_total": 1.0,
            "message_bus_messages_received_total": 4.0,
            "connection_messages_received_total": 4.0,
            "message_bus_subscribers_current": 3.0,
            "delivery_seconds_count": 1.0,
            "delivery_seconds_bucket +Inf": 1.0,
        }
        self.assertEqual({name: numbers[name] for name in expected}, expected)
        self.assertLess(0, numbers["delivery_seconds_sum"])
        self.assertLess(numbers["delivery_seconds_sum"], DEADLINE_SECONDS)

        self.complain(clients["longPolling"])
        for link in (socket, poll, events, frame):
            link.close()
        clients["webSockets"].request("POST", clients["webSockets"].target("abort", "webSockets"))
        expected |= {
            "connections_current webSockets": 0.0,
            "connections_disconnected_total": 1.0,
            "message_bus_subscribers_current": 0.0,
            "connection_messages_sent_total": 2.0,
            "errors_hub_invocation_total": 1.0,
            "errors_all_total": 1.0,
            "gaps_total": 0.0,
            "events_failed_total": 0.0,
            "errors_transport_total": 0.0,
        }
        self.assertSamples(server, **expected)
        self.assertEqual(server.stop(), 0)


class HealthTests(OperationsTestCase):
    """``/healthz``, while a server runs and while it stops."""

    def statuses_around_stop(self) -> list[int]:
        """What a balancer is told that keeps its connection, from before the end to the end."""
        server = self.start_probe()
        statuses: list[int] = []
        with (
            # Somebody who does not answer the close, and is given the time for it.
            contextlib.closing(Client(server.port, "probe").open_websocket()),
            contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_SECONDS)) as link,
            contextlib.suppress(http.client.HTTPException, OSError),
        ):
            link.connect()
            # When the server has closed it, a new connection would be another balancer's.
            link.auto_open = False
            while True:
                link.request("GET", "/healthz")
                response = link.getresponse()
                self.assertEqual(response.read().count(b"\n"), 1)
                statuses.append(response.status)
                if len(statuses) == 1:
                    server.terminate()
        self.assertEqual(server.wait(), 0)
        return statuses

    def test_stopping(self) -> None:
        """It serves until it is told to stop, and says that it does not from then on."""
        for _ in range(ATTEMPTS):
            statuses = self.statuses_around_stop()
            self.assertEqual(statuses, sorted(statuses))
            self.assertTrue({200} <= set(statuses) <= {200, 503}, set(statuses))
            if 503 in statuses:
                return
        self.fail(f"In {ATTEMPTS} attempts, no server was met while it stopped.")


class LogTests(OperationsTestCase):
    """The log, in both formats and wherever it is."""

    def events(self, text: str) -> list[dict[str, Any]]:
        """The events of a log in JSON, of which each line is one."""
        events = [json.loads(line) for line in text.splitlines()]
        for event in events:
            self.assertTrue({"time", "level", "namespace", "message"} <= event.keys(), event)
            self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$")
        return events

    def session(self, server: Server) -> str:
        """Do what leaves traces in a log; returns the token that must not."""
        client = Client(server.port, "probe")
        socket = client.open_websocket()
        self.complain(client)
        client.request("GET", client.target("start").replace(client.token, client.token[:-1]))
        socket.close()
        wait_for("the WebSocket is logged", lambda: "transport=webSockets" in server.log.partition("connect?")[2])
        return client.token

    def test_json(self) -> None:
        """From the first line to the last, each is an object; requests and failures have fields of their own."""
        server = self.start_probe("--log-format", "json")
        token = self.session(server)
        self.assertEqual(server.stop(), 0)
        self.assertNotIn(token[:-1], server.log)
        events = self.events(server.log)
        [failed] = [event for event in events if "traceback" in event]
        self.assertIn("ValueError: no good: /signalr/send?", failed["traceback"])
        self.assertIn("connectionToken=…", failed["traceback"])
        statuses = {
            event["uri"].partition("?")[0]: event["status"]
            for event in events
            if event["namespace"] == "twisted_ticker.web.access_log"
        }
        expected = {"negotiate": 200, "connect": 101, "start": 400, "send": 200}
        self.assertEqual(statuses, {f"/signalr/{command}": status for command, status in expected.items()})
        self.assertIn("Server Shut Down.", events[-1]["message"])

    def test_text(self) -> None:
        """It is what twistd writes, without secrets; the access log can be turned off."""
        server = self.start_probe()
        token = self.session(server)
        self.assertEqual(server.stop(), 0)
        self.assertNotIn(token[:-1], server.log)
        self.assertIn("ValueError: no good: /signalr/send?", server.log)
        self.assertRegex(
            server.log, r"(?m)^[-+:\dT]+ \[twisted_ticker\.web\.access_log#info\] \"127\.0\.0\.1\" - - \[.*\] "
        )

        server = self.start_probe("--no-access-log")
        self.complain(Client(server.port, "probe"))
        self.assertEqual(server.stop(), 0)
        self.assertNotIn("negotiate", server.log)
        self.assertIn("ValueError: no good: /signalr/send?", server.log)

    def test_a_daemon(self) -> None:
        """It writes to a file, and begins a new one when it is told to."""
        directory, port = new_directory(), free_port()
        log, pid_file = directory / "ticker.log", directory / "ticker.pid"
        options = ["--listen", tcp(port), "--state-dir", str(directory / "state"), "--log-format", "json"]
        subprocess.run(
            [*twistd("--logfile", str(log), "--pidfile", str(pid_file)), "stockticker", *options],
            cwd=directory,
            env=environment(directory),
            check=True,
            timeout=DEADLINE_SECONDS,
        )
        pid = int(wait_for("the daemon has a pid file", lambda: pid_file.exists() and pid_file.read_text()))
        self.addCleanup(self._end, pid, pid_file)
        wait_for("the daemon listens", lambda: is_listening(port))
        os.kill(pid, signal.SIGUSR1)
        wait_for("the log is rotated", Path(f"{log}.1").exists)
        client = Client(port)
        wait_for("the request is logged", lambda: "negotiate" in log.read_text())
        self.assertIn(
            f"Serving http://127.0.0.1:{port}/", [event["message"] for event in self.events(_read(f"{log}.1"))]
        )
        [event] = [event for event in self.events(_read(log)) if "uri" in event]
        self.assertEqual((event["method"], event["status"]), ("GET", 200))
        client.invoke("GetMarketState")
        wait_for("the call is logged", lambda: "/signalr/send" in log.read_text())
        self.assertNotIn(client.token, log.read_text())

    def _end(self, pid: int, pid_file: Path) -> None:
        os.kill(pid, signal.SIGTERM)
        wait_for("the daemon has ended", lambda: not pid_file.exists())

    def test_twist(self) -> None:
        """Our option counts, and else that of twist; secrets are none of either's business."""
        for arguments, options, is_json in (
            ((), (), True),
            (("--log-format=text",), (), False),
            (("--log-format=text",), ("--log-format", "json"), True),
            ((), ("--log-format", "text"), False),
        ):
            server = self.start_server(*options, command=(str(SCRIPTS / "twist"), *arguments))
            client = Client(server.port)
            client.invoke("GetMarketState")
            self.assertEqual(server.stop(), 0)
            self.assertNotIn(client.token, server.log)
            self.assertEqual(server.log.startswith("{"), is_json, server.log[:200])
            if is_json:
                self.events(server.log)
            self.assertTrue(re.search(r"GET /signalr/negotiate\?", server.log), server.log)


def _read(path: str | Path) -> str:
    return Path(path).read_text(encoding="utf-8")
