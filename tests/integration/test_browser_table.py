"""What the full page's table can do: curves, sorting, filtering."""

from __future__ import annotations

import re

from tests.integration.support import Client, StockTickerTestCase
from tests.integration.ticker_page import FULL_PAGE, TickerPage
from tests.integration.waiting import wait_for

__all__ = ["CurveTests", "FilterTests", "SortTests"]

QUICK = ("--interval", "0.02")
SYMBOLS = ["AAPL", "GOOG", "MSFT"]
LISTED = ["MSFT", "AAPL", "GOOG"]


class CurveTests(StockTickerTestCase):
    """Each row has the day's course of its stock."""

    def points(self, page: TickerPage) -> dict[str, int]:
        """How many points each curve has that is there."""
        curves = page.page.eval_on_selector_all(
            "#stockTable tbody tr",
            """rows => rows.map(row => [row, row.querySelector("td.curve svg[data-points]")])
                .filter(([row, curve]) => curve)
                .map(([row, curve]) => [row.dataset.symbol, Number(curve.dataset.points)])""",
        )
        return dict(curves)

    def last_prices(self, page: TickerPage) -> dict[str, str]:
        """What the curves end with, as those are told who cannot see them."""
        labels = page.page.eval_on_selector_all(
            "#stockTable td.curve svg", "curves => curves.map(curve => curve.getAttribute('aria-label'))"
        )
        return dict(re.fullmatch(r"(\w+): .*\blast ([\d.]+)\b.*", label).groups() for label in labels)

    def history(self, client: Client) -> dict[str, list[float]]:
        """The prices that the server has for each curve."""
        return {curve["Symbol"]: curve["Prices"] for curve in client.invoke("getCurves", SYMBOLS)}

    def test_history_and_present(self) -> None:
        """A late page has the curve from the day's begin; it grows without being asked for; it ends at the price."""
        server = self.start_server(*QUICK, "--open")
        client = Client(server.port, "stockBoard")
        wait_for("there is some history", lambda: all(len(prices) > 2 for prices in self.history(client).values()))
        page = self.open_page(server.url + FULL_PAGE)
        page.wait_connected("webSockets")
        first = wait_for("the curves are there", lambda: len(points := self.points(page)) == 3 and points)
        self.assertGreater(min(first.values()), 2)
        self.assertLessEqual(max(first.values()), max(map(len, self.history(client).values())) + 1)

        requests = [message for message in page.sent() if '"getCurves"' in message]
        wait_for(
            "the curves grow", lambda: all(count > first[symbol] + 1 for symbol, count in self.points(page).items())
        )
        self.assertEqual([message for message in page.sent() if '"getCurves"' in message], requests)

        page.press("Close Market")
        page.wait_market("closed")
        prices = client.prices()
        wait_for("the curves end at the last prices", lambda: self.last_prices(page) == prices)
        self.assertEqual({symbol: f"{history[-1]:.2f}" for symbol, history in self.history(client).items()}, prices)
        self.assertNoComplaints()

    def test_shape(self) -> None:
        """The line rises to the right where the price has risen, and all of it is in its box."""
        server = self.start_server(*QUICK, "--open", "--feed", "random:3")
        page = self.open_page(server.url + FULL_PAGE)
        page.wait_connected("webSockets")
        wait_for("the curves have some points", lambda: min(self.points(page).values(), default=0) > 3)
        page.press("Close Market")
        page.wait_market("closed")
        page.wait_drawn()
        for row in page.page.locator("#stockTable tbody tr").all():
            line = row.locator("td.curve svg polyline").get_attribute("points")
            points = [tuple(map(float, pair.split(","))) for pair in line.split()]
            across = [x for x, _ in points]
            self.assertEqual(across, sorted(across))
            left, top, width, height = map(
                float, row.locator("td.curve svg").get_attribute("viewBox").replace(",", " ").split()
            )
            for x, y in points:
                self.assertTrue(left <= x <= left + width and top <= y <= top + height, (x, y))
        self.assertNoComplaints()

    def test_reset(self) -> None:
        """With a new day the curves begin anew."""
        server = self.start_server(*QUICK, "--open")
        page = self.open_page(server.url + FULL_PAGE)
        page.wait_connected("webSockets")
        wait_for("the curves have some points", lambda: min(self.points(page).values(), default=0) > 2)
        page.press("Close Market")
        page.wait_market("closed")
        page.press("Reset")
        wait_for("each curve is but one point", lambda: self.points(page) == dict.fromkeys(SYMBOLS, 1))
        self.assertEqual(self.last_prices(page), Client(server.port).prices())
        self.assertNoComplaints()


class SortTests(StockTickerTestCase):
    """Headings are buttons that sort."""

    def heading(self, page: TickerPage, column: str) -> str | None:
        """How a column says it is sorted by."""
        return page.page.locator(f"th[data-column='{column}']").get_attribute("aria-sort")

    def sort(self, page: TickerPage, column: str) -> list[str]:
        """Press a heading; returns the stocks in their new order."""
        before = self.heading(page, column)
        page.page.click(f"th[data-column='{column}'] button")
        wait_for("the heading says it", lambda: self.heading(page, column) != before)
        page.wait_drawn()
        return page.symbols()

    def test_both_ways(self) -> None:
        """Pressed once, twice: one way, and then the other; only one column says that it is sorted by."""
        page = self.open_page(self.start_server().url + FULL_PAGE)
        page.wait_connected("webSockets")
        page.wait_market("closed")
        listed = page.symbols()
        self.assertEqual(set(listed), set(SYMBOLS))
        by_price = ["MSFT", "AAPL", "GOOG"]
        for column, ascending in (("symbol", SYMBOLS), ("price", by_price), ("open", by_price)):
            for _ in range(2):
                order = self.sort(page, column)
                told = self.heading(page, column)
                self.assertEqual(order, {"ascending": ascending, "descending": ascending[::-1]}[told], column)
            others = page.page.locator(f"th[aria-sort]:not([data-column='{column}'])")
            self.assertTrue(all(other.get_attribute("aria-sort") == "none" for other in others.all()), column)
        self.assertNoComplaints()

    def test_numbers_and_moving_prices(self) -> None:
        """Numbers are sorted as numbers, and again when they change."""
        page = self.open_page(self.start_server(*QUICK, "--open").url + FULL_PAGE)
        page.wait_connected("webSockets")
        page.wait_market("open")
        for column, place in (("change", 5), ("percent", 6)):
            self.sort(page, column)
            page.wait_moving()
            page.press("Close Market")
            page.wait_market("closed")

            def is_sorted(column: str = column, place: int = place) -> bool:
                numbers = [float(re.search(r"-?[\d.]+", row[place])[0]) for row in page.table()]
                return numbers == sorted(numbers, reverse=self.heading(page, column) == "descending")

            wait_for("the rows are in order", is_sorted)
            page.press("Open Market")
            page.wait_market("open")
        self.assertNoComplaints()


class FilterTests(StockTickerTestCase):
    """A field for a part of a symbol."""

    def test_filter(self) -> None:
        """Only fitting rows are shown, in any case; empty, it shows all, with prices as they are by then."""
        server = self.start_server(*QUICK)
        page = self.open_page(server.url + FULL_PAGE)
        page.wait_connected("webSockets")
        page.wait_market("closed")
        everything = page.symbols()
        for text, fitting in (("o", ["GOOG"]), ("Goo", ["GOOG"]), (" aapl ", ["AAPL"]), ("nothing", [])):
            page.page.fill("#filter", text)
            wait_for(f"only what fits {text!r} is shown", lambda fitting=fitting: page.symbols() == fitting)
        page.page.fill("#filter", "msft")
        wait_for("one row is shown", lambda: page.symbols() == ["MSFT"])
        page.press("Open Market")
        page.wait_market("open")
        page.wait_moving()
        page.press("Close Market")
        page.wait_market("closed")
        self.assertEqual(page.symbols(), ["MSFT"])
        page.page.fill("#filter", "")
        wait_for("all rows are back", lambda: page.symbols() == everything)
        self.assertEqual(page.prices(), Client(server.port).prices())
        self.assertNoComplaints()
