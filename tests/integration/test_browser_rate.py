"""The update-rate slider: how often a page is told of prices is the viewer's choice, and the server's work."""

from __future__ import annotations

import json
import time

from tests.integration.support import OPENING_PRICES, Client, StockTickerTestCase
from tests.integration.ticker_page import FULL_PAGE, TickerPage
from tests.integration.waiting import wait_for

__all__ = ["RateTests"]

QUICK = ("--interval", "0.02")
#: From slow to quick, as the slider has them; and how many seconds lie between two updates.
RATES = {"0.2": 5.0, "1": 1.0, "4": 0.25, "all": 0.0}
TEXTS = {"0.2": "every 5 seconds", "1": "once a second", "4": "4 times a second", "all": "every change"}


def updates(page: TickerPage) -> int:
    """How many messages with prices the page has got."""
    return sum('"updateStockPrices"' in message for message in page.received())


class RateTests(StockTickerTestCase):
    """Any of four rates."""

    def assertRate(self, page: TickerPage, rate: str) -> None:
        """The slider and its text are at a rate, and the server has been asked for it."""
        slider = page.page.locator("#rate")
        self.assertEqual(slider.input_value(), str(list(RATES).index(rate) + int(slider.get_attribute("min"))))

        def asked() -> bool:
            return [json.loads(call)["A"] for call in page.sent() if '"setUpdateRate"' in call][-1:] == [[rate]]

        wait_for(f"rate {rate} is asked for", asked)
        for text in (page.page.inner_text("#rate-text"), slider.get_attribute("aria-valuetext")):
            self.assertEqual(text, TEXTS[rate])

    def test_slider(self) -> None:
        """Its four steps, by keyboard, from one end to the other and back."""
        page = self.open_page(self.start_server().url + FULL_PAGE)
        page.wait_connected("webSockets")
        page.wait_market("closed")
        page.page.focus("#rate")
        page.page.keyboard.press("Home")
        for rate in RATES:
            self.assertRate(page, rate)
            page.page.keyboard.press("ArrowRight")
        for rate in reversed(RATES):
            self.assertRate(page, rate)
            page.page.keyboard.press("ArrowLeft")
        self.assertNoComplaints()

    def test_address(self) -> None:
        """The address can say the rate; without that, or if it says nonsense, the page gets everything."""
        url = self.start_server().url + FULL_PAGE
        for query, rate in (("?rate=0.2", "0.2"), ("?rate=4", "4"), ("", "all"), ("?rate=fast", "all")):
            page = self.open_page(url + query)
            page.wait_connected("webSockets")
            self.assertRate(page, rate)
        self.assertNoComplaints()

    def test_fewer_updates(self) -> None:
        """A slower page gets fewer messages, no more than its rate allows."""
        server = self.start_server(*QUICK, "--open")
        pages = {rate: self.open_page(f"{server.url}{FULL_PAGE}?rate={rate}") for rate in RATES}
        for page in pages.values():
            page.wait_connected("webSockets")
            page.wait_market("open")
        pages["1"].wait_moving()
        counts = {rate: updates(page) for rate, page in pages.items()}
        began = time.monotonic()
        wait_for("there are many updates", lambda: updates(pages["all"]) > counts["all"] + 40)
        got = {rate: updates(page) - counts[rate] for rate, page in pages.items()}
        elapsed = time.monotonic() - began
        for rate, pause in RATES.items():
            if pause:
                self.assertLessEqual(got[rate], elapsed / (pause * 0.9) + 1, rate)
        self.assertGreater(got["4"], got["1"])
        self.assertGreater(got["all"], 2 * got["4"])
        self.assertNoComplaints()

    def test_right_when_it_closes(self) -> None:
        """However slow a page is, at the close it shows what all others show, to the cent; so does one just changed."""
        server = self.start_server(*QUICK)
        client = Client(server.port)
        pages = [self.open_page(f"{server.url}{FULL_PAGE}?rate={rate}") for rate in RATES]
        pages += [self.open_page(f"{server.url}{FULL_PAGE}?rate=0.2&transport=longPolling")]
        for page in pages[:-1]:
            page.wait_connected("webSockets")
        pages[-1].wait_connected("longPolling")
        for _ in range(2):
            for page in pages:
                page.wait_market("closed")
            before = client.prices()
            client.invoke("openMarket")
            wait_for("all prices move", lambda before=before: not client.prices().items() & before.items())
            pages[1].page.focus("#rate")
            pages[1].page.keyboard.press("Home")
            client.invoke("closeMarket")
            prices = client.prices()
            for page in pages:
                page.wait_market("closed")
                wait_for(
                    f"{page.url} shows the closing prices",
                    lambda page=page, prices=prices: page.prices() == prices,
                    seconds=3,
                )
        self.assertNotEqual(client.prices(), OPENING_PRICES)
        self.assertNoComplaints()
