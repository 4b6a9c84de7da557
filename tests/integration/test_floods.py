"""Clients that send as much as they can, and what somebody beside them notices of it."""

from __future__ import annotations

import contextlib
import re
import statistics

from tests.integration.bystander import Bystander, memory
from tests.integration.flooder import KINDS, Flooder
from tests.integration.scale import scaled
from tests.integration.support import Client, Server, StockTickerTestCase
from tests.integration.waiting import wait_for

_MIB = 1024 * 1024

#: How many calls of the bystander are measured, before and in each flood.
_CALLS = scaled(200, 3000)

#: How many flood at the same time.
_FLOODERS = scaled(1, 4)

#: What a busy machine may add to the time of a call, in seconds: what floods and what measures are programs, too.
_ALLOWANCE = 0.015
_RARE_ALLOWANCE = 0.1

_GROWTH_BYTES = 32 * _MIB


class FloodTests(StockTickerTestCase):
    """One kind of flood after the other, against the same server."""

    def setUp(self) -> None:
        super().setUp()
        self.server = self.start_server("--open", "--no-access-log")
        self.bystander = Bystander(self.server.port)
        self.addCleanup(self.bystander.stop)

    def measure(self) -> list[float]:
        """How long some calls of the bystander take from now on, in seconds."""
        begin = len(self.bystander.seconds)
        wait_for("enough calls are answered", lambda: len(self.bystander.seconds) >= begin + _CALLS, seconds=120)
        return self.bystander.seconds[begin : begin + _CALLS]

    def answered(self) -> float:
        """How many messages of clients the server has acted on."""
        return _metric(self.server, "signalr_connection_messages_sent_total")

    def test_what_others_notice(self) -> None:
        """Their calls take hardly longer, and the flood goes on meanwhile; when it ends, nothing is left of it."""
        calm = self.measure()
        before = memory(self.server)
        for kind in KINDS:
            acted_on = self.answered()
            with contextlib.ExitStack() as floods:
                for _ in range(_FLOODERS):
                    floods.callback(Flooder(self.server.port, kind).stop)
                flooded = self.measure()
                if kind in ("calls", "sends"):
                    # Far more than the bystander's own: who asks for much gets much, when nobody else wants it.
                    self.assertGreater(self.answered() - acted_on, 5 * _CALLS, kind)
                self.assertLess(memory(self.server) - before, _GROWTH_BYTES, kind)
            self.assertNoSlower(kind, flooded, calm)
        self.assertLogClean(self.server)

    def assertNoSlower(self, kind: str, flooded: list[float], calm: list[float]) -> None:
        """Half of the calls, and nearly all of them, take no more than twice as long."""
        for seconds, quantile in ((_ALLOWANCE, 50), (_RARE_ALLOWANCE, 99)):
            quantiles = [statistics.quantiles(times, n=100)[quantile - 1] for times in (flooded, calm)]
            self.assertLess(quantiles[0], 2 * quantiles[1] + seconds, (kind, quantile, quantiles))


def _metric(server: Server, name: str) -> float:
    """A number that a server tells Prometheus."""
    _, body = Client(server.port).request("GET", "/metrics")
    [value] = re.findall(rf"(?m)^{name} (\S+)$", body.decode())
    return float(value)
