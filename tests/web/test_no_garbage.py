"""What a client's connection leaves behind is gone at once, and not left for the garbage collector to find."""

from __future__ import annotations

import gc

from twisted.trial.unittest import SynchronousTestCase

from tests.web.clients import Client, ForeverFrameClient, PollingClient, ServerSentEventsClient, WebSocketClient
from tests.web.support import SiteHarness
from twisted_ticker.signalr.connection import Connection
from twisted_ticker.signalr.protocol.messages import Envelope
from twisted_ticker.web.lean_http import LeanExchange
from twisted_ticker.web.long_polling import LongPollingReceiver
from twisted_ticker.web.streaming import StreamReceiver
from twisted_ticker.web.websocket import WebSocketReceiver

OURS = (Connection, Envelope, LeanExchange, LongPollingReceiver, StreamReceiver, WebSocketReceiver)


def left() -> dict[str, int]:
    """How many objects of ours there are, of each kind."""
    kinds = [type(thing) for thing in gc.get_objects()]
    return {kind.__name__: kinds.count(kind) for kind in OURS if kind in kinds}


class NoGarbageTests(SynchronousTestCase):
    """While the collector is off, nothing of ours stays. (The transports of these tests do: they are made that way.)"""

    def setUp(self) -> None:
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)

    def test_clients_that_come_and_go(self) -> None:
        """On every transport, by a goodbye."""
        harness = SiteHarness(self)
        before = left()
        for kind in (WebSocketClient, ServerSentEventsClient, ForeverFrameClient, PollingClient):
            client: Client = kind(harness)
            client.come()
            harness.say("one", "two")
            client.take()
            harness.say("three")
            self.assertIn("Connection", left())
            client.abort()
            client.drop()
            harness.flush()
            self.assertEqual(left(), before, kind.__name__)

    def test_messages_without_clients(self) -> None:
        """Nor does anything stay of what is said."""
        harness = SiteHarness(self)
        before = left()
        for _ in range(10):
            harness.say("one", "two")
        self.assertEqual(left(), before)
