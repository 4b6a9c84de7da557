"""Tests for `twisted_ticker.web.metrics`: what Prometheus reads of a server that has something to tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource
from zope.interface.verify import verifyObject

import twisted_ticker
from tests.web.clients import Client, ForeverFrameClient, PollingClient, ServerSentEventsClient, WebSocketClient
from tests.web.probe import BrokenHubError
from tests.web.support import SiteHarness
from twisted_ticker.signalr import EndpointSettings, Settings
from twisted_ticker.web.metrics import MetricsResource, Reading, connection_readings

KINDS: tuple[type[Client], ...] = (WebSocketClient, ServerSentEventsClient, ForeverFrameClient, PollingClient)

#: The reference's performance counters that mean something here, and what each is called.
REFERENCE = {
    "Connections Connected": "signalr_connections_connected",
    "Connections Reconnected": "signalr_connections_reconnected",
    "Connections Disconnected": "signalr_connections_disconnected",
    "Connections Current": "signalr_connections_current",
    "Connection Messages Received Total": "signalr_connection_messages_received",
    "Connection Messages Sent Total": "signalr_connection_messages_sent",
    "Message Bus Messages Received Total": "signalr_message_bus_messages_received",
    "Message Bus Messages Published Total": "signalr_message_bus_messages_published",
    "Message Bus Subscribers Current": "signalr_message_bus_subscribers_current",
    "Message Bus Subscribers Total": "signalr_message_bus_subscribers",
    "Message Bus Topics Current": "signalr_message_bus_topics_current",
    "Errors: All Total": "signalr_errors_all",
    "Errors: Hub Resolution Total": "signalr_errors_hub_resolution",
    "Errors: Hub Invocation Total": "signalr_errors_hub_invocation",
    "Errors: Tranport Total": "signalr_errors_transport",
}


class MetricsTestCase(SynchronousTestCase):
    """A server whose metrics are asked for."""

    def build(self, *readings: Reading, **options: Any) -> None:
        """Make the server."""
        self.harness = SiteHarness(self, **options)
        self.resource = MetricsResource(self.harness.server, readings)
        self.harness.site.resource.putChild(b"metrics", self.resource)
        self.before: dict[str, float] = self.samples()

    def samples(self) -> dict[str, float]:
        """Each sample by what identifies it, as ``name`` or ``name label``."""
        text = self.harness.fetch("GET", "/metrics").body.decode()
        return {
            " ".join([sample.name, *sample.labels.values()]): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def assertGrown(self, **by: float) -> None:
        """Since it was last asked, some ``signalr_…_total`` have grown by so much, and no others."""
        now = self.samples()
        grown = {
            name.removeprefix("signalr_").removesuffix("_total"): now[name] - self.before[name]
            for name in now
            if name.startswith("signalr_") and name.endswith("_total")
        }
        self.before = now
        self.assertEqual({name: growth for name, growth in grown.items() if growth}, by)


class ServerMetricsTests(MetricsTestCase):
    """What a server tells."""

    def test_the_reference_knows_their_names(self) -> None:
        """Each of its counters that mean something here is there, under a name that says the same; help says which."""
        self.build()
        families = {
            family.name: family.documentation
            for family in text_string_to_metric_families(self.harness.fetch("GET", "/metrics").body.decode())
        }
        for theirs, ours in REFERENCE.items():
            self.assertTrue(families[ours].startswith(theirs), ours)

    def test_nothing_has_happened(self) -> None:
        """All of them are there from the beginning, so that nobody has to wait for the first failure to see it."""
        self.build()
        signalr = {name: value for name, value in self.before.items() if name.startswith("signalr_")}
        self.assertEqual(set(signalr.values()), {0.0})
        self.assertGreater(len(signalr), 25)

    def test_connections(self) -> None:
        """Clients by transport, while they are there and for as long as they may come back."""
        self.build()
        clients = [kind(self.harness) for kind in KINDS for _ in range(2)]
        for client in clients:
            client.come()
        # Each poller has had an answer, and polls again.
        self.assertGrown(connections_connected=8, message_bus_subscribers=10)
        for kind in KINDS:
            self.assertEqual(self.before[f"signalr_connections_current {kind.transport}"], 2)
        self.assertEqual(self.before["signalr_message_bus_subscribers_current"], 8)
        topics = self.before["signalr_message_bus_topics_current"]

        for client in clients[::2]:
            client.drop()
        self.assertGrown()
        for kind in KINDS:
            self.assertEqual(self.before[f"signalr_connections_current {kind.transport}"], 2)
        self.assertEqual(self.before["signalr_message_bus_subscribers_current"], 4)

        clients[0].reconnect()
        self.assertGrown(connections_reconnected=1, message_bus_subscribers=1)
        clients[1].abort()
        self.assertGrown(connections_disconnected=1)
        self.assertEqual(self.before["signalr_connections_current webSockets"], 1)
        self.harness.advance(60)
        for client in clients:
            client.take()
        # Three have never come back, and long polls are answered before they become too old.
        self.assertEqual(self.samples()["signalr_connections_disconnected_total"], 4)
        self.assertEqual(self.samples()["signalr_message_bus_topics_current"], topics)

    def test_connections_of_the_site(self) -> None:
        """Those that are open; and those that were not to be, or were not used well."""
        self.build()
        places = self.harness.site.places
        readings = {reading.name: reading for reading in connection_readings(places)}
        self.assertFalse(readings["web_connections_current"].counts)
        self.assertEqual([reading.read() for reading in readings.values()], [0] * 5)
        connection = self.harness.connection()
        connection.write(b"nonsense\r\n\r\n")
        places.refused, places.given_up, places.unread = 2, 3, 4
        self.assertEqual(
            {name.removeprefix("web_"): reading.read() for name, reading in readings.items()},
            {
                "connections_current": 1,
                "connections_refused": 2,
                "connections_given_up": 3,
                "connections_unread": 4,
                "requests_refused": 1,
            },
        )
        connection.drop()
        self.assertEqual(readings["web_connections_current"].read(), 0)

    def test_messages(self) -> None:
        """Each message counts once as published, and once for each client that gets it."""
        self.build()
        clients = [kind(self.harness) for kind in KINDS]
        for client in clients:
            client.come()
        self.samples()
        self.before = self.samples()
        self.harness.say("a", "b", "c")
        for client in clients:
            self.assertEqual(client.heard(), ["a", "b", "c"])
        # The poller has polled again.
        self.assertGrown(
            message_bus_messages_published=3,
            message_bus_messages_received=12,
            connection_messages_received=12,
            message_bus_subscribers=1,
        )
        count = self.before["signalr_delivery_seconds_count"]
        self.harness.say("d")
        now = self.samples()
        self.assertEqual(now["signalr_delivery_seconds_count"], count + 1)
        self.assertEqual(now["signalr_delivery_seconds_bucket +Inf"], count + 1)
        self.assertEqual(now["signalr_delivery_seconds_bucket 0.0005"], count + 1)
        self.assertEqual(now["signalr_delivery_seconds_sum"], 0)
        self.before = now
        for client in clients:
            client.invoke("nothing")
        self.assertGrown(connection_messages_sent=4)

    def test_failures(self) -> None:
        """Failed calls, unknown hubs and refused requests are different things."""
        self.build()
        client = WebSocketClient(self.harness)
        client.come()
        self.before = self.samples()
        client.invoke("fail")
        client.invoke("refuse", "no")
        client.invoke("unknown")
        self.assertGrown(connection_messages_sent=3, errors_hub_invocation=3, errors_all=3)
        self.assertEqual(len(self.flushLoggedErrors(BrokenHubError)), 1)
        client.send("nothing", hub="Unknown")
        self.assertGrown(connection_messages_sent=1, errors_hub_resolution=1, errors_all=1, requests_refused=1)
        client.fetch("negotiate", connectionData=json.dumps([{"name": "Unknown"}]))
        self.assertGrown(errors_hub_resolution=1, errors_all=1, requests_refused=1)
        client.fetch("start", connectionToken="nonsense")
        self.assertGrown(requests_refused=1)
        self.harness.journal.failing.add("disconnected")
        client.abort()
        self.assertGrown(connections_disconnected=1, events_failed=1)
        self.assertEqual(len(self.flushLoggedErrors(BrokenHubError)), 1)

    def test_losses(self) -> None:
        """What was spared, what was dropped, and what was missed because of it."""
        self.build(settings=Settings(default_message_buffer_size=32))
        client = WebSocketClient(self.harness)
        client.come()
        client.link.server.fill()
        self.before = self.samples()
        for number in range(4):
            self.harness.hub.clients.all.conflate("k").said(str(number))
        self.harness.flush()
        client.link.server.drain()
        self.assertEqual(client.heard(), ["3"])
        self.assertGrown(
            message_bus_messages_published=4,
            message_bus_messages_received=1,
            connection_messages_received=1,
            messages_conflated=3,
        )
        client.link.server.fill()
        self.harness.say(*map(str, range(40)))
        client.link.server.drain()
        self.assertEqual(len(client.heard()), 32)
        self.assertGrown(
            message_bus_messages_published=40,
            message_bus_messages_received=32,
            connection_messages_received=32,
            messages_dropped=12,
            gaps=1,
        )
        client.link.server.fill()
        self.harness.advance(40)
        self.assertEqual(self.samples()["signalr_receivers_dropped_total"], 1)

    def test_raw_connections_count_too(self) -> None:
        """JSONP clients are pollers."""
        self.build(endpoint_settings=EndpointSettings(enable_jsonp=True))
        client = PollingClient(self.harness)
        client.connect(callback="f")
        self.assertEqual(self.samples()["signalr_connections_current longPolling"], 1)


class MetricsResourceTests(MetricsTestCase):
    """How it is told."""

    def test_formats(self) -> None:
        """Prometheus' own text, or what a scraper asks for; nobody may keep it."""
        self.build()
        verifyObject(IResource, self.resource)
        response = self.harness.fetch("GET", "/metrics")
        self.assertEqual(response.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(response.header("Cache-Control"), "no-store")
        accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        response = self.harness.fetch("GET", "/metrics", headers=[("Accept", accept)])
        self.assertTrue((response.header("Content-Type") or "").startswith("application/openmetrics-text"))
        names = {family.name for family in parse_openmetrics(response.body.decode())}
        self.assertTrue({"signalr_gaps", "signalr_delivery_seconds"} <= names)
        self.assertEqual(self.harness.fetch("HEAD", "/metrics").body, b"")
        self.assertEqual(self.harness.fetch("POST", "/metrics", body=b"").status, 405)

    def test_the_process(self) -> None:
        """Memory, processor time and garbage are told as well."""
        self.build()
        self.assertGreater(self.before["process_resident_memory_bytes"], 0)
        self.assertIn("python_gc_collections_total 2", self.before)
        self.assertTrue(any(name.startswith("python_info") for name in self.before))

    def test_two_servers_of_a_process(self) -> None:
        """Each tells its own."""
        self.build()
        PollingClient(self.harness).connect()
        one = self.samples()
        self.build()
        self.assertEqual(one["signalr_connections_current longPolling"], 1)
        self.assertEqual(self.before["signalr_connections_current longPolling"], 0)

    def test_readings(self) -> None:
        """An application's numbers are read when they are asked for."""
        numbers = [1.5, 2]
        self.build(
            Reading("probe_temperature", "How warm it is.", lambda: numbers[0], counts=False),
            Reading("probe_waves", "Waves so far.", lambda: numbers[1]),
            Reading("probe_open", "Whether it is open.", lambda: True, counts=False),
        )
        self.assertEqual((self.before["probe_temperature"], self.before["probe_waves_total"]), (1.5, 2))
        self.assertEqual(self.before["probe_open"], 1)
        numbers[:] = [2.5, 3]
        now = self.samples()
        self.assertEqual((now["probe_temperature"], now["probe_waves_total"]), (2.5, 3))
        text = self.harness.fetch("GET", "/metrics").body
        self.assertIn(b"# TYPE probe_temperature gauge\n", text)
        self.assertIn(b"# TYPE probe_waves_total counter\n", text)


class DocumentationTests(MetricsTestCase):
    """The table of metrics."""

    def test_all_metrics_are_documented(self) -> None:
        """Each of the server's, with the reference's name where it has one."""
        self.build()
        text = (Path(twisted_ticker.__file__).parent.parent / "docs" / "operations.md").read_text("utf-8")
        rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
        documented = {row[1].strip(" `"): row[2] for row in rows}
        for family in text_string_to_metric_families(self.harness.fetch("GET", "/metrics").body.decode()):
            if family.name.startswith("signalr_"):
                name = f"{family.name}_total" if family.type == "counter" else family.name
                self.assertIn(name, documented)
        for reading in connection_readings(self.harness.site.places):
            self.assertIn(f"{reading.name}_total" if reading.counts else reading.name, documented)
        for theirs, ours in REFERENCE.items():
            [row] = [row for name, row in documented.items() if name.removesuffix("_total") == ours]
            self.assertIn(theirs, row)
