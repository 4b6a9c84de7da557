"""
The unmodified jquery.signalR 2.4.3 in a browser, on each of the four transports, with both generations of jQuery.
"""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.cutting_proxy import CuttingProxy
from tests.integration.probe_process import probe_port
from tests.integration.ticker_page import browser
from tests.integration.waiting import wait_for
from twisted_ticker.signalr.protocol.transports import ALL_TRANSPORTS, FOREVER_FRAME, LONG_POLLING

CONNECTED, RECONNECTING, DISCONNECTED = 1, 2, 4


class TransportTests(SynchronousTestCase):
    """Connect, invoke, receive, group, state, reconnect and stop."""

    def setUp(self) -> None:
        self.proxy = CuttingProxy(probe_port())
        self.addCleanup(self.proxy.close)
        self.errors: list[str] = []

    def load(self, query: str) -> Page:
        context = browser().new_context()
        self.addCleanup(context.close)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"{self.proxy.url}index.html?{query}")
        return page

    def outcome(self, page: Page, promise: str) -> Any:
        return page.evaluate(f"() => outcome({promise})")

    def seen(self, page: Page, what: str) -> list[Any]:
        values: list[Any] = page.evaluate(f"() => seen.{what}")
        return values

    def connect(self, transport: str, jquery: str) -> Page:
        # The client prefers server-sent events to a forever frame where there are any.
        without = "EventSource,WebSocket" if transport == FOREVER_FRAME else ""
        page = self.load(f"jquery={jquery}&without={without}")
        started = self.outcome(page, f"hub.start({{transport: '{transport}'}})")
        self.assertNotIn("error", started)
        self.assertEqual(page.evaluate("() => hub.transport.name"), transport)
        return page

    def check(self, transport: str, jquery: str) -> None:
        page = self.connect(transport, jquery)
        self.assertTrue(page.evaluate("() => $.fn.jquery").startswith(f"{jquery}."))

        self.assertEqual(self.outcome(page, "probe.server.add(1, 2)"), {"value": 3})
        self.assertEqual(self.outcome(page, "probe.server.where()"), {"value": transport})
        refused = self.outcome(page, "probe.server.refuse()")
        self.assertEqual((refused["error"], refused["data"]), ("No.", {"Code": 7}))
        self.assertIn("There was an error invoking Hub method", self.outcome(page, "probe.server.add(1)")["error"])
        self.assertEqual(self.outcome(page, "probe.server.remember('Ann')"), {"value": "nobody"})
        self.assertEqual(self.outcome(page, "probe.server.remember('Bob')"), {"value": "Ann"})

        self.outcome(page, "probe.server.join('room <1>')")
        self.outcome(page, "probe.server.say('room <1>', '</script>\\u2028ü')")
        self.outcome(page, "probe.server.say('another', 'not for me')")
        wait_for("the group hears", lambda: self.seen(page, "said"))
        self.assertEqual(self.seen(page, "said"), ["</script>\u2028ü"])

        count = len(self.seen(page, "numbers"))
        wait_for("messages come", lambda: len(self.seen(page, "numbers")) > count + 5)
        self.proxy.cut(down=True)
        wait_for("the cut is noticed", lambda: RECONNECTING in self.seen(page, "states"))
        self.proxy.come_up()
        wait_for("it is connected again", lambda: self.seen(page, "states")[-1] == CONNECTED)
        count = len(self.seen(page, "numbers"))
        wait_for("messages come again", lambda: len(self.seen(page, "numbers")) > count + 5)
        numbers = self.seen(page, "numbers")
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        self.outcome(page, "probe.server.say('room <1>', 'still here')")
        wait_for("the group still hears", lambda: len(self.seen(page, "said")) == 2)

        page.evaluate("() => hub.stop()")
        self.assertEqual(self.seen(page, "states")[-1], DISCONNECTED)
        self.assertEqual(self.errors, [])

    def test_jsonp(self) -> None:
        """A page that may have scripts of others, but no requests: answers come as calls."""
        page = self.load("jquery=1&without=WebSocket,EventSource")
        started = self.outcome(page, f"hub.start({{transport: '{LONG_POLLING}', jsonp: true}})")
        self.assertNotIn("error", started)
        self.assertEqual(self.outcome(page, "probe.server.add(1, 2)"), {"value": 3})
        wait_for("messages come", lambda: len(self.seen(page, "numbers")) > 5)
        self.assertEqual(self.errors, [])

    def test_automatic_choice(self) -> None:
        """Left to itself, the client takes the first transport that the browser has."""
        for without, transport in (
            ("", "webSockets"),
            ("WebSocket", "serverSentEvents"),
            ("WebSocket,EventSource", "foreverFrame"),
        ):
            with self.subTest(without=without):
                page = self.load(f"without={without}")
                self.assertNotIn("error", self.outcome(page, "hub.start()"))
                self.assertEqual(page.evaluate("() => hub.transport.name"), transport)


def _add_tests() -> None:
    for transport in ALL_TRANSPORTS:
        for jquery in ("1", "3"):

            def test(self: TransportTests, transport: str = transport, jquery: str = jquery) -> None:
                self.check(transport, jquery)

            test.__doc__ = f"Everything works on {transport} with jQuery {jquery}."
            setattr(TransportTests, f"test_{transport}_with_jquery_{jquery}", test)


_add_tests()
