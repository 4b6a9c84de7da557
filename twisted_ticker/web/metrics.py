"""
Metrics for Prometheus: what the library has counted, read when it is asked for, and what an application adds.

The reference's performance counters are there under names that say the same, with the reference's own name in the help
text.

Source: SignalR 2.4, ``Infrastructure/PerformanceCounterManager.cs``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from twisted.web.server import Request

from ..signalr.histogram import Histogram
from ..signalr.protocol.transports import FOREVER_FRAME, LONG_POLLING, SERVER_SENT_EVENTS, WEB_SOCKETS
from ..signalr.requests import Response
from ..signalr.server import SignalRServer
from .places import Places
from .report import ReportResource

__all__ = ["MetricsResource", "Reading", "connection_readings"]

_TRANSPORTS = (WEB_SOCKETS, SERVER_SENT_EVENTS, FOREVER_FRAME, LONG_POLLING)


@dataclass(frozen=True, slots=True)
class Reading:
    """
    One number that is read whenever the metrics are asked for.

    Attributes:
        name: for Prometheus, such as ``stockticker_failed_steps``; that of a counter gets ``_total`` behind it.
        text: what it is, in a few words.
        read: gives the number.
        counts: whether it only ever grows, for as long as the process lives.
    """

    name: str
    text: str
    read: Callable[[], float]
    counts: bool = True

    def family(self) -> Metric:
        """The metric as it is now."""
        kind = CounterMetricFamily if self.counts else GaugeMetricFamily
        return kind(self.name, self.text, value=self.read())


def _readings(server: SignalRServer) -> list[Reading]:
    counters, bus = server.counters, server.bus

    def count(name: str, text: str, read: Callable[[], float]) -> Reading:
        return Reading(f"signalr_{name}", text, read)

    def gauge(name: str, text: str, read: Callable[[], float]) -> Reading:
        return Reading(f"signalr_{name}", text, read, counts=False)

    return [
        # The reference's.
        count(
            "connections_connected",
            "Connections Connected: clients that the application was told of, and took.",
            lambda: counters.connects,
        ),
        count(
            "connections_reconnected",
            "Connections Reconnected: returns of clients that had lost their connection.",
            lambda: counters.reconnects,
        ),
        count(
            "connections_disconnected",
            "Connections Disconnected: connections that have ended, by the client's word or by its absence.",
            lambda: counters.disconnects,
        ),
        count(
            "connection_messages_received",
            "Connection Messages Received Total: messages from the server to clients, once for each client.",
            lambda: counters.messages_to_clients,
        ),
        count(
            "connection_messages_sent",
            "Connection Messages Sent Total: messages from clients to the server.",
            lambda: counters.messages_from_clients,
        ),
        count(
            "message_bus_messages_received",
            "Message Bus Messages Received Total: messages that subscribers took from the bus; they take only what "
            "they write to clients, so this is Connection Messages Received Total.",
            lambda: counters.messages_to_clients,
        ),
        count(
            "message_bus_messages_published",
            "Message Bus Messages Published Total: messages published, once for each audience.",
            lambda: bus.sequence,
        ),
        gauge(
            "message_bus_subscribers_current",
            "Message Bus Subscribers Current: requests that are open to carry messages to a client.",
            lambda: sum(connection.receiver is not None for connection in server.connections.values()),
        ),
        count(
            "message_bus_subscribers",
            "Message Bus Subscribers Total: requests that were opened to carry messages to a client, each poll one.",
            lambda: counters.receive_requests,
        ),
        gauge(
            "message_bus_topics_current",
            "Message Bus Topics Current: audiences of which messages are kept: hubs, groups, users, clients.",
            lambda: bus.topics,
        ),
        count(
            "errors_all",
            "Errors: All Total: the three kinds of errors that follow.",
            lambda: counters.unknown_hubs + counters.failed_invocations + counters.failed_deliveries,
        ),
        count(
            "errors_hub_resolution",
            "Errors: Hub Resolution Total: hub names of clients that are not mapped.",
            lambda: counters.unknown_hubs,
        ),
        count(
            "errors_hub_invocation",
            "Errors: Hub Invocation Total: hub calls that were answered with an error.",
            lambda: counters.failed_invocations,
        ),
        count(
            "errors_transport",
            "Errors: Tranport Total: messages that a transport failed to take.",
            lambda: counters.failed_deliveries,
        ),
        # Ours.
        count(
            "gaps",
            "Clients found to have missed messages that are no longer kept; their hubs were told.",
            lambda: counters.gaps,
        ),
        count(
            "groups_lost",
            "Clients that came back with a groups token that was too old or revoked; their hubs were told.",
            lambda: counters.lost_groups,
        ),
        count(
            "messages_conflated",
            "Messages that clients which were behind were spared, because newer ones replaced them.",
            lambda: counters.conflated_messages,
        ),
        count(
            "messages_dropped",
            "Messages that a full ring no longer keeps for those who have not had them yet.",
            lambda: counters.dropped_messages,
        ),
        count(
            "receivers_dropped",
            "Clients that were cut off because they read nothing for the disconnect timeout.",
            lambda: counters.stalled_receivers,
        ),
        count(
            "requests_refused",
            "Requests and messages of clients that broke the protocol.",
            lambda: counters.refused_requests,
        ),
        count(
            "events_failed",
            "Failures of the application at on_connected and the like.",
            lambda: counters.failed_events,
        ),
    ]


def connection_readings(places: Places) -> list[Reading]:
    """
    The numbers of a site's connections.

    Args:
        places: what the connections take.
    """
    return [
        Reading(
            "web_connections_current",
            "Connections that are open, whatever they are used for.",
            lambda: places.taken,
            counts=False,
        ),
        Reading(
            "web_connections_refused",
            "Connections that were closed at once, because there were too many: altogether, or of their address.",
            lambda: places.refused,
        ),
        Reading(
            "web_connections_given_up",
            "Connections without a request that were closed to make room for others.",
            lambda: places.given_up,
        ),
        Reading(
            "web_connections_unread",
            "Connections that were cut because a response was not read.",
            lambda: places.unread,
        ),
        Reading(
            "web_requests_refused",
            "Requests that were too long or too slow, or could be understood in two ways.",
            lambda: places.bad_requests,
        ),
    ]


class _ServerCollector(Collector):
    """Reads what a server has counted, and what is added to that."""

    def __init__(self, server: SignalRServer, readings: Sequence[Reading]) -> None:
        self._server = server
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        for reading in self._readings:
            yield reading.family()
        yield self._connections_by_transport()
        yield _histogram(
            "signalr_delivery_seconds",
            "From publishing the oldest message of a turn to having handed the turn's messages to the transports of "
            "all clients that keep up.",
            self._server.counters.delivery_seconds,
        )

    def _connections_by_transport(self) -> Metric:
        family = GaugeMetricFamily(
            "signalr_connections_current",
            "Connections Current (the sum), Connections Current ForeverFrame, LongPolling, ServerSentEvents, "
            "WebSockets: clients, those between two polls or perhaps coming back included.",
            labels=["transport"],
        )
        current = Counter(connection.call.transport for connection in self._server.connections.values())
        for transport in _TRANSPORTS:
            family.add_metric([transport], current[transport])
        return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    bounds = [*(f"{bound:g}" for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, histogram.cumulative, strict=True))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=histogram.total)


class MetricsResource(ReportResource):
    """
    The metrics of a server and its process, in the format that is asked for: Prometheus' own, or OpenMetrics.

    Args:
        server: the server.
        readings: what the application counts.
    """

    def __init__(self, server: SignalRServer, readings: Iterable[Reading] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        # One of its own: the library's global one is whatever other parts of the process have made it.
        self._registry = CollectorRegistry()
        self._registry.register(_ServerCollector(server, [*_readings(server), *readings]))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)

    def report(self, request: Request) -> Response:
        """See :class:`.ReportResource`."""
        encode, content_type = choose_encoder((request.getHeader(b"accept") or b"").decode("latin-1"))
        return Response(200, encode(self._registry), content_type)
