"""What the full page says of the source of its prices, here a web server that can be down."""

from __future__ import annotations

from tests.integration.quote_source import BAD_ANSWERS, QuoteSource, quotes
from tests.integration.support import Client, StockTickerTestCase
from tests.integration.ticker_page import FULL_PAGE, TickerPage
from tests.integration.waiting import wait_for

__all__ = ["StaleTests"]


class StaleTests(StockTickerTestCase):
    """Prices whose source is down are marked."""

    def assertStale(self, page: TickerPage, is_stale: bool) -> None:
        """The mark is there and says something, or is not there."""
        mark = page.page.locator("#feed")
        wait_for(
            f"{page.url} knows how good its prices are",
            lambda: mark.get_attribute("data-stale") == str(is_stale).lower(),
        )
        self.assertEqual(mark.is_visible(), is_stale)
        if is_stale:
            self.assertIn("out of date", mark.inner_text())

    def test_source_is_down(self) -> None:
        """The mark comes when the source goes, for those who look on and those who come; and goes when it is back."""
        source = QuoteSource(quotes(MSFT="41.68"))
        self.addCleanup(source.close)
        feed = f"http:{source.url}#every=0.1&timeout=1"
        server = self.start_server("--interval", "0.05", "--open", "--store", "memory:", "--feed", feed)
        page = self.open_page(server.url + FULL_PAGE)
        page.wait_connected("webSockets")
        self.assertStale(page, False)
        source.answer_with(quotes(MSFT="41.99"))
        wait_for("the page shows the price of the source", lambda: page.prices()["MSFT"] == "41.99")

        source.answer_with(BAD_ANSWERS["500"])
        self.assertStale(page, True)
        late = self.open_page(f"{server.url}{FULL_PAGE}?transport=longPolling")
        late.wait_connected("longPolling")
        self.assertStale(late, True)
        self.assertEqual(late.prices(), page.prices())
        wait_for("it is told", lambda: "out of date" in page.page.text_content("#announcer"))

        source.answer_with(quotes(MSFT="42.42"))
        for each in (page, late):
            self.assertStale(each, False)
            wait_for("the page shows the new price", lambda each=each: each.prices()["MSFT"] == "42.42")
        self.assertEqual(page.prices(), Client(server.port).prices())
        for each in self.pages:
            self.assertEqual(each.complaints(), [])
