"""The pages in a real browser, with the unmodified SignalR client, against a real server."""

from __future__ import annotations

import re
import time

from playwright.sync_api import Route

from tests.integration.support import OPENING_PRICES, StockTickerTestCase
from tests.integration.ticker_page import FULL_PAGE, MINI_PAGE, TickerPage
from tests.integration.waiting import wait_for

# Fifteen price changes a second, so that nothing takes long.
QUICK = ("--interval", "0.02")

LONG_POLLING = "?transport=longPolling"


class ThreePagesTests(StockTickerTestCase):
    """Two pages on webSockets and one on longPolling show one market."""

    def open_three(self, name: str, *options: str) -> list[TickerPage]:
        url = self.start_server(*QUICK, *options).url + name
        pages = [self.open_page(url), self.open_page(url), self.open_page(url + LONG_POLLING)]
        for page, transport in zip(pages, ("webSockets", "webSockets", "longPolling"), strict=True):
            page.wait_connected(transport)
        return pages

    def close_market(self, pages: list[TickerPage], presser: TickerPage) -> None:
        presser.press("Close Market")
        for page in pages:
            page.wait_market("closed")

    def test_open_close_and_reset(self) -> None:
        """Whoever presses a button, all pages follow: prices move, stand still at the same values, and are reset."""
        pages = first, second, polling = self.open_three(FULL_PAGE)
        for page in pages:
            page.wait_market("closed")
            self.assertEqual(page.prices(), OPENING_PRICES)

        first.press("Open Market")
        for page in pages:
            page.wait_market("open")
            page.wait_moving()

        self.close_market(pages, polling)
        # What came before the close is on the page when the close is.
        frozen = first.table()
        until = time.monotonic() + 1
        while time.monotonic() < until:
            self.assertEqual([page.table() for page in pages], [frozen] * 3)
        self.assertEqual([page.strip() for page in pages], [first.strip()] * 3)
        self.assertNotEqual(first.prices(), OPENING_PRICES)

        second.press("Reset")
        for page in pages:
            wait_for("the opening prices are back", lambda page=page: page.prices() == OPENING_PRICES)
            page.wait_market("closed")
        self.assertEqual([page.table() for page in pages], [first.table()] * 3)
        self.assertNoComplaints()

    def test_late_page(self) -> None:
        """A page that comes while prices move shows what the others show; closed, the market can be opened again."""
        pages = first, _, polling = self.open_three(FULL_PAGE, "--open")
        late = self.open_page(first.url)
        pages.append(late)
        late.wait_market("open")
        self.close_market(pages, late)
        self.assertEqual([page.table() for page in pages], [late.table()] * 4)
        polling.press("Open Market")
        for page in pages:
            page.wait_market("open")
            page.wait_moving()
        self.close_market(pages, first)
        self.assertEqual([page.table() for page in pages], [late.table()] * 4)
        self.assertNoComplaints()

    def test_mini_page(self) -> None:
        """The mini page has no buttons: its prices move all the time, the same in all pages."""
        # Slower, as there is no closing: the pages must be looked at between two changes.
        server = self.start_server("--interval", "0.1")
        url = server.url + MINI_PAGE
        pages = [self.open_page(url), self.open_page(url), self.open_page(url + LONG_POLLING)]
        for page, transport in zip(pages, ("webSockets", "webSockets", "longPolling"), strict=True):
            page.wait_connected(transport)
        for _ in range(2):
            for page in pages:
                page.wait_moving()
            wait_for(
                "all pages show the same prices",
                lambda: all(table == pages[0].table() for table in [page.table() for page in pages]),
            )
        self.assertEqual({symbol for symbol in pages[0].prices()}, {"MSFT", "APPL", "GOOG"})
        self.assertNoComplaints()


class AppearanceTests(StockTickerTestCase):
    """What a page does besides showing prices."""

    def test_strip_scrolls_only_while_open(self) -> None:
        """The strip moves while the market is open, and stops where it is."""
        page = self.open_page(self.start_server(*QUICK).url + FULL_PAGE)
        page.wait_market("closed")

        before = page.strip_place()
        page.press("Open Market")
        page.wait_market("open")
        wait_for("the strip moves", lambda: page.strip_place() < before)
        started = page.strip_place()
        wait_for("the strip goes on", lambda: page.strip_place() < started)
        page.press("Close Market")
        page.wait_market("closed")
        stopped = page.strip_place()
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            self.assertEqual(page.strip_place(), stopped)
        self.assertNoComplaints()

    def test_changes_flash(self) -> None:
        """Changes flash in the table and in the strip, up and down; the last flash ends by itself."""
        page = self.open_page(self.start_server(*QUICK).url + FULL_PAGE)
        page.wait_market("closed")
        self.assertEqual(page.page.locator("[data-flash]").count(), 0)
        page.press("Open Market")
        for direction in ("up", "down"):
            page.wait(f'#stockTable tr[data-flash="{direction}"]')
            page.wait(f'#stockTicker li[data-flash="{direction}"]')
        page.press("Close Market")
        wait_for("no flash is left", lambda: page.page.locator("[data-flash]").count() == 0)
        self.assertNoComplaints()

    def test_loading_until_there_are_prices(self) -> None:
        """Until the server answers, table and strip say so, and no button can be pressed."""
        held: list[Route] = []
        for name in (FULL_PAGE, MINI_PAGE):
            page = self.make_page(self.start_server().url + name)
            page.page.route(re.compile("/signalr/negotiate"), lambda route: held.append(route))
            page.load()
            wait_for("the page negotiates", lambda page=page: held or page.page.wait_for_timeout(20))
            self.assertEqual(page.table(), [["loading…"]])
            self.assertEqual(page.page.locator("button:enabled").count(), 0)
            if name == FULL_PAGE:
                self.assertEqual(page.page.inner_text("#stockTicker"), "loading…")
            held.pop().continue_()
            page.wait_connected("webSockets")
            self.assertNotIn("loading…", page.page.inner_text("body"))
            self.assertEqual(len(page.table()), 3)
        self.assertNoComplaints()

    def test_logging_on_demand(self) -> None:
        """``?logging=1`` writes SignalR's log to the console; without it the console stays empty."""
        url = self.start_server().url + FULL_PAGE
        silent, talking = self.open_page(url), self.open_page(f"{url}?logging=1")
        for page in (silent, talking):
            page.wait_connected("webSockets")
            page.wait_market("closed")
        self.assertEqual(silent.console, [])
        self.assertTrue(any("SignalR: " in line for line in talking.console), talking.console)
        self.assertNoComplaints()

    def test_start_page(self) -> None:
        """The address without a path leads to the full page; links lead to the mini page and back."""
        server = self.start_server()
        page = self.open_page(server.url)
        self.assertEqual(page.page.url, server.url + FULL_PAGE)
        for link, name in (("Mini version", MINI_PAGE), ("Full version", FULL_PAGE)):
            page.wait_connected("webSockets")
            page.page.get_by_role("link", name=link).click()
            page.page.wait_for_url(server.url + name)
        page.wait_connected("webSockets")
        self.assertNoComplaints()
