"""Pages behind a bad network: no WebSocket gets through, connections break, the server restarts."""

from __future__ import annotations

from tests.integration.cutting_proxy import CuttingProxy, Upgrades
from tests.integration.support import OPENING_PRICES, StockTickerTestCase
from tests.integration.ticker_page import FULL_PAGE, TickerPage
from tests.integration.waiting import wait_for

QUICK = ("--interval", "0.02")
TRANSPORTS = ("webSockets", "longPolling")

# Everything the server sends to the page's hub, in the order in which it is handed out, once for each time.
_RECORD = """() => {
    window.received = [];
    $.connection.hub.received(message => {
        if (message.M && message.A) {
            window.received.push(message.M + ' ' + JSON.stringify(message.A));
        }
    });
}"""

# Which states the connection has been in since.
_WATCH_STATES = """() => {
    window.states = [];
    const sign = document.getElementById('connection');
    new MutationObserver(() => {
        const state = sign.getAttribute('data-state');
        if (window.states[window.states.length - 1] !== state) {
            window.states.push(state);
        }
    }).observe(sign, {attributes: true, attributeFilter: ['data-state']});
}"""


class ProxiedTestCase(StockTickerTestCase):
    """With proxies that do not outlive the test."""

    def start_proxy(self, target: int, upgrades: Upgrades = Upgrades.PASSED) -> CuttingProxy:
        proxy = CuttingProxy(target, upgrades)
        self.addCleanup(proxy.close)
        return proxy

    def assertNoExceptions(self) -> None:
        """The pages' scripts are all right; that requests fail, browsers call an error here as well."""
        for page in self.pages:
            self.assertEqual(page.errors, [], page.url)
        for server in self.servers:
            self.assertLogClean(server)


class NoWebSocketTests(ProxiedTestCase):
    """Where WebSocket does not work, a page finds its way to long polling by itself."""

    def assertUsable(self, page: TickerPage) -> None:
        """The page shows prices, and its buttons do what they say."""
        page.wait_connected("longPolling")
        page.wait_market("closed")
        self.assertEqual(page.prices(), OPENING_PRICES)
        page.press("Open Market")
        page.wait_market("open")
        page.wait_moving()
        page.press("Close Market")
        page.wait_market("closed")
        self.assertNoExceptions()

    def test_browser_without_websocket(self) -> None:
        """A browser that knows no WebSocket."""
        url = self.start_server(*QUICK).url + FULL_PAGE
        self.assertUsable(self.open_page(url, init_script="delete window.WebSocket;"))

    def test_upgrade_refused(self) -> None:
        """A proxy in between that answers 400 to what it does not understand."""
        proxy = self.start_proxy(self.start_server(*QUICK).port, Upgrades.REFUSED)
        self.assertUsable(self.open_page(proxy.url + FULL_PAGE))
        self.assertGreater(proxy.refused_upgrades, 0)

    def test_upgrade_swallowed(self) -> None:
        """A firewall in between that answers nothing: the client gives up after its time for a transport."""
        proxy = self.start_proxy(self.start_server(*QUICK).port, Upgrades.SWALLOWED)
        self.assertUsable(self.open_page(proxy.url + FULL_PAGE))
        self.assertGreater(proxy.refused_upgrades, 0)


class CutConnectionTests(ProxiedTestCase):
    """Pages whose connections break mid-stream get every update, once, in order, on every transport."""

    def recording_page(self, url: str, transport: str) -> TickerPage:
        page = self.open_page(f"{url}{FULL_PAGE}?transport={transport}")
        page.wait_connected(transport)
        page.wait_market("closed")
        page.page.evaluate(_RECORD)
        page.page.evaluate(_WATCH_STATES)
        return page

    def received(self, page: TickerPage) -> list[str]:
        messages: list[str] = page.page.evaluate("window.received")
        return messages

    def wait_more(self, *pages: TickerPage) -> None:
        """Wait until each of these pages has got some more messages."""
        for page in pages:
            enough = len(self.received(page)) + 5
            wait_for(f"{page.url} gets more", lambda page=page, enough=enough: len(self.received(page)) >= enough)

    def states(self, page: TickerPage) -> list[str]:
        """Which states the page's connection has been in, one after another, since it was connected first."""
        states: list[str] = page.page.evaluate("window.states")
        return states

    def assertNothingLost(self, *, down: bool) -> None:
        """What a page with an undisturbed WebSocket receives, others whose connections are cut receive as well."""
        server = self.start_server(*QUICK)
        witness = self.recording_page(server.url, "webSockets")
        pages, proxies = [], []
        for transport in TRANSPORTS:
            proxies.append(self.start_proxy(server.port))
            pages.append(self.recording_page(proxies[-1].url, transport))
        witness.press("Open Market")
        self.wait_more(*pages)

        # For a while the server sends into nowhere; then the connections break.
        for proxy in proxies:
            proxy.lose_everything()
        self.wait_more(witness)
        for proxy in proxies:
            self.assertGreater(proxy.cut(down=down), 0)
        if down:
            for page in pages:
                wait_for(f"{page.url} notices", lambda page=page: self.states(page) == ["reconnecting"])
        self.wait_more(witness)
        for proxy in proxies:
            proxy.come_up()

        self.wait_more(*pages)
        witness.press("Close Market")
        for each in (witness, *pages):
            each.wait_market("closed")
        expected = self.received(witness)
        self.assertEqual(expected[-1], "marketClosed []")
        for page, transport in zip(pages, TRANSPORTS, strict=True):
            page.wait_connected(transport)
            self.assertEqual(self.received(page), expected, transport)
            self.assertEqual(page.table(), witness.table(), transport)
            self.assertEqual(page.page.inner_text("#status"), "", transport)
            # A poll whose answer has not begun is repeated by the browser itself, once: the script learns nothing.
            unnoticed = [] if transport == "longPolling" and not down else None
            self.assertIn(self.states(page), (["reconnecting", "connected"], unnoticed), transport)
        self.assertNoExceptions()

    def test_cut(self) -> None:
        """Connections break, and the first attempt to come back succeeds."""
        self.assertNothingLost(down=False)

    def test_network_down(self) -> None:
        """Connections break, and attempts to come back fail until the network is up again."""
        self.assertNothingLost(down=True)


class RestartTests(ProxiedTestCase):
    """A restart of the server is one interruption among others."""

    def test_pages_come_back(self) -> None:
        """Pages on both transports come back by themselves, with their old tokens, and show the new server's prices."""
        first = self.start_server(*QUICK, "--open")
        pages = [self.open_page(f"{first.url}{FULL_PAGE}?transport={transport}") for transport in TRANSPORTS]
        for page, transport in zip(pages, TRANSPORTS, strict=True):
            page.wait_connected(transport)
            page.wait_moving()
            page.page.evaluate(_WATCH_STATES)
        self.assertEqual(first.stop(), 0)
        second = self.start_server(*QUICK, "--store", "memory:", port=first.port, state=first.state)
        for page, transport in zip(pages, TRANSPORTS, strict=True):
            wait_for(
                f"the page on {transport} shows the new prices",
                lambda page=page: page.prices() == OPENING_PRICES,
            )
            page.wait_market("closed")
            page.wait_connected(transport)
        pages[0].press("Open Market")
        for page, transport in zip(pages, TRANSPORTS, strict=True):
            page.wait_market("open")
            page.wait_moving()
            self.assertNotIn("disconnected", page.page.evaluate("window.states"), transport)
            self.assertEqual(page.errors, [], transport)
        # It cannot know what they have missed, and says so.
        self.assertEqual(second.log.count("has missed messages that are no longer kept"), len(pages))
