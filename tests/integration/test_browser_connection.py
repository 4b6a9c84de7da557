"""What the full page says and does about its connection: the badge, frozen prices, and how it comes back."""

from __future__ import annotations

import re
from itertools import pairwise

from playwright.sync_api import Route

from tests.integration.cutting_proxy import CuttingProxy
from tests.integration.support import OPENING_PRICES, Client, Server, StockTickerTestCase
from tests.integration.ticker_page import FULL_PAGE, TickerPage
from tests.integration.waiting import DEADLINE_SECONDS, wait_for

__all__ = ["BadgeTests", "FrozenTests", "RestartTests"]

QUICK = ("--interval", "0.02")
NEGOTIATE = re.compile("/signalr/negotiate")

# Chance always decides the same; and when it negotiates is noted, by the page's own clock.
PREPARE = """
Math.random = () => {chance};
window.attempts = [];
const open = XMLHttpRequest.prototype.open;
XMLHttpRequest.prototype.open = function (method, url) {{
    if (url.includes("/negotiate")) {{
        window.attempts.push(Date.now());
    }}
    return open.apply(this, arguments);
}};
"""

# How many seconds it is at most until the next attempt, by how many have failed: half of it is certain, the other half
# is up to chance.
WHOLE_DELAYS = (1, 2, 4, 8, 16, 32, 60)

# What the cells of the table look like.
LOOK = """cells => cells.map(cell => {
    const looks = [];
    for (let element = cell; element; element = element.parentElement) {
        const {color, opacity, filter} = getComputedStyle(element);
        looks.push([color, opacity, filter]);
    }
    return JSON.stringify(looks);
})"""


class BadgeTests(StockTickerTestCase):
    """The badge tells state, transport and round-trip time."""

    def test_states(self) -> None:
        """While it connects, there is no transport; once it has, there are transport and round-trip time."""
        server = self.start_server()
        held: list[Route] = []
        for transport in ("webSockets", "longPolling"):
            with self.subTest(transport=transport):
                page = self.make_page(f"{server.url}{FULL_PAGE}?transport={transport}")
                page.page.route(NEGOTIATE, lambda route: held.append(route))
                page.load()
                page.wait('#connection[data-state="connecting"][data-transport=""]')
                self.assertIn("Connecting", page.page.inner_text("#connection"))
                wait_for("the page negotiates", lambda page=page: held or page.page.wait_for_timeout(20))
                held.pop().continue_()
                page.wait_connected(transport)
                page.wait("#connection[data-rtt]:not([data-rtt=''])")
                badge = page.page.locator("#connection")
                milliseconds = badge.get_attribute("data-rtt")
                self.assertRegex(milliseconds, r"\A\d{1,4}\Z")
                for part in ("Connected", transport, f"{milliseconds} ms"):
                    self.assertIn(part, badge.inner_text())
        self.assertNoComplaints()

    def test_round_trip_goes_on(self) -> None:
        """The round-trip time is measured again and again."""
        page = self.make_page(self.start_server().url + FULL_PAGE)
        page.page.clock.install()
        page.load()
        page.wait_connected("webSockets")
        page.page.evaluate("""() => {
            window.measurements = 0;
            new MutationObserver(() => { window.measurements += 1; })
                .observe(document.getElementById("connection"), {attributes: true, attributeFilter: ["data-rtt"]});
        }""")

        def measurements() -> int:
            page.page.clock.run_for(1000)
            return int(page.page.evaluate("window.measurements"))

        wait_for("there are some more measurements", lambda: measurements() >= 3)
        self.assertNoComplaints()


class FrozenTests(StockTickerTestCase):
    """Whoever looks at a page without connection sees that its prices are old."""

    def test_frozen_and_fresh(self) -> None:
        """While the link is cut, the page is frozen and says of when; then it shows what has become of the market."""
        server = self.start_server(*QUICK, "--open")
        proxy = CuttingProxy(server.port)
        self.addCleanup(proxy.close)
        for transport in ("webSockets", "longPolling"):
            with self.subTest(transport=transport):
                client = Client(server.port)
                client.invoke("openMarket")
                page = self.open_page(f"{proxy.url}{FULL_PAGE}?transport={transport}")
                page.wait_connected(transport)
                page.wait_market("open")
                page.wait_moving()
                self.assertFrozen(page, False)
                fresh = self.look(page)

                proxy.cut(down=True)
                page.wait('#connection[data-state="reconnecting"]')
                page.wait('body[data-frozen="true"]')
                self.assertFrozen(page, True)
                page.wait_drawn()
                frozen = page.table()
                self.assertNotEqual(self.look(page), fresh)
                for method in ("closeMarket", "reset", "openMarket"):
                    client.invoke(method)
                wait_for("prices move elsewhere", lambda client=client: client.prices() != OPENING_PRICES)
                client.invoke("closeMarket")
                page.wait_drawn()
                self.assertEqual(page.table(), frozen)

                proxy.come_up()
                page.wait_connected(transport)
                page.wait_market("closed")
                wait_for(
                    "the page shows a fresh picture",
                    lambda page=page, client=client: page.prices() == client.prices(),
                )
                self.assertFrozen(page, False)
                self.assertEqual(self.look(page), fresh)
        for page in self.pages:
            self.assertEqual(page.errors, [])
        self.assertLogClean(server)

    def assertFrozen(self, page: TickerPage, is_frozen: bool) -> None:
        """The page is marked, tells the time of its prices, and offers no button; or nothing of that."""
        body = page.page.locator("body")
        if is_frozen:
            self.assertEqual(body.get_attribute("data-frozen"), "true")
            self.assertRegex(page.page.inner_text("#as-of"), r"\d{1,2}:\d{2}")
            self.assertEqual(page.page.locator("#open:enabled, #close:enabled, #reset:enabled").count(), 0)
        else:
            wait_for("the page is frozen no more", lambda: body.get_attribute("data-frozen") != "true")
            self.assertFalse(page.page.locator("#as-of").is_visible())

    def look(self, page: TickerPage) -> list[str]:
        """What the prices look like, whatever they are."""
        return page.page.eval_on_selector_all("#stockTable tbody td.open", LOOK)

    def test_gone_and_come_back(self) -> None:
        """When the server is gone for good, the page gives up, tries again, and finds the next one by itself."""
        first = self.start_server(*QUICK, "--open")
        page = self.make_page(first.url + FULL_PAGE)
        page.page.clock.install()
        page.load()
        page.wait_connected("webSockets")
        page.wait_market("open")
        first.kill()
        page.wait('#connection[data-state="reconnecting"]')

        def gave_up() -> bool:
            page.page.clock.run_for(5000)
            return page.page.locator('#connection[data-state="disconnected"]').count() == 1

        wait_for("the page gives up", gave_up)
        self.assertEqual(page.page.locator('body[data-frozen="true"]').count(), 1)
        second = self.start_server(*QUICK, port=first.port, state=first.state)
        client = Client(second.port)

        def is_back() -> bool:
            page.page.clock.run_for(2000)
            return page.page.locator('#connection[data-state="connected"]').count() == 1

        wait_for("the page comes back", is_back)
        page.wait_market("closed" if client.invoke("getMarketState") == "Closed" else "open")
        client.invoke("closeMarket")
        page.wait_market("closed")
        wait_for("the page and the server agree", lambda: page.prices() == client.prices())
        self.assertEqual(page.errors, [])
        self.assertLogClean(second)


class RestartTests(StockTickerTestCase):
    """A page that cannot connect tries again, less and less often, and not at the same times as all others."""

    def delays(self, server: Server, chance: float) -> list[float]:
        """How many seconds lie between the attempts of a page, if chance decides like this."""
        page = self.make_page(server.url + FULL_PAGE, init_script=PREPARE.format(chance=chance))
        page.page.clock.install()
        page.page.route(NEGOTIATE, lambda route: route.abort())
        page.load()

        def attempts() -> list[float]:
            page.page.clock.run_for(1000)
            times: list[float] = page.page.evaluate("window.attempts")
            return times if len(times) > len(WHOLE_DELAYS) else []

        times = wait_for("it tries often enough", attempts, seconds=2 * DEADLINE_SECONDS)
        self.assertEqual(page.errors, [])
        page.close()
        return [(later - earlier) / 1000 for earlier, later in pairwise(times)]

    def test_growing_and_jittered(self) -> None:
        """The delay doubles up to a minute; half of it is certain, the other half is up to chance."""
        server = self.start_server()
        for chance, share in ((0, 0.5), (0.999, 1)):
            for delay, whole in zip(self.delays(server, chance), WHOLE_DELAYS, strict=False):
                self.assertGreaterEqual(delay, whole * share * 0.99)
                # The failure itself takes a moment, the clock goes in steps.
                self.assertLess(delay, whole * share + 1.2)

    def test_begins_anew(self) -> None:
        """After it has been connected, the first delay is a short one again."""
        server = self.start_server()
        page = self.make_page(server.url + FULL_PAGE, init_script=PREPARE.format(chance=0.999))
        failures = iter([True] * 4 + [False] + [True] * 100)
        attempts: list[bool] = []

        def negotiate(route: Route) -> None:
            attempts.append(next(failures))
            if attempts[-1]:
                route.abort()
            else:
                route.continue_()

        page.page.clock.install()
        page.page.route(NEGOTIATE, negotiate)
        page.load()

        def is_connected() -> bool:
            page.page.clock.run_for(1000)
            return page.page.locator('#connection[data-state="connected"]').count() == 1

        wait_for("it connects in the end", is_connected)
        self.assertEqual(attempts, [True] * 4 + [False])
        page.wait_market("closed")
        page.page.evaluate("$.connection.hub.stop()")
        page.wait('#connection[data-state="disconnected"]')
        page.page.clock.run_for(1500)
        wait_for("it tries again at once", lambda: len(attempts) == 6 or page.page.wait_for_timeout(20))
        self.assertEqual(page.errors, [])
