"""
The full page for everybody: with a keyboard only, with a screen reader, without motion, on a phone, in the dark, on
paper, and without script.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from tests.integration.support import OPENING_PRICES, StockTickerTestCase
from tests.integration.ticker_page import FULL_PAGE, MINI_PAGE, TickerPage
from tests.integration.waiting import wait_for

__all__ = ["AssistiveTests", "KeyboardTests", "LayoutTests", "MotionTests", "NoScriptTests"]

QUICK = ("--interval", "0.02")

#: Where ``make integration`` installs what checks pages for accessibility.
AXE = Path(sys.prefix) / "browser" / "node_modules" / "axe-core" / "axe.min.js"

PHONE = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}

# Counts what the live regions, all together, are told; that old news is taken away, nobody is told.
WATCH_LIVE_REGIONS = """() => {
    window.told = 0;
    const regions = "[aria-live]:not([aria-live=off]), [role=status], [role=alert], [role=log], [role=timer], output";
    for (const region of document.querySelectorAll(regions)) {
        new MutationObserver(changes => { window.told += region.textContent ? changes.length : 0; })
            .observe(region, {attributes: true, characterData: true, childList: true, subtree: true});
    }
    return document.querySelectorAll(regions).length;
}"""


class ConnectedTestCase(StockTickerTestCase):
    """With a page that is connected, the market closed."""

    def connected(self, *options: str, name: str = FULL_PAGE, **context: Any) -> TickerPage:
        page = self.open_page(self.start_server(*QUICK, *options).url + name, **context)
        page.wait_connected("webSockets")
        if name == FULL_PAGE and "--open" not in options:
            page.wait("#open:enabled")
        return page


class KeyboardTests(ConnectedTestCase):
    """Nothing on the page needs a mouse."""

    def focused(self, page: TickerPage) -> str:
        """What has the focus: its id, or the column of its heading and a colon, or its text."""
        return page.page.evaluate(
            """() => {
                const element = document.activeElement, heading = element.closest("th[data-column]");
                return element.id || (heading && `${heading.dataset.column}:`) || element.textContent.trim();
            }"""
        )

    def test_order(self) -> None:
        """The tab key leads to everything that can be used, from top to bottom; whatever has the focus shows it."""
        page = self.connected()
        seen: list[str] = []
        for _ in range(60):
            page.page.keyboard.press("Tab")
            focused = self.focused(page)
            if focused in seen or page.page.evaluate("document.activeElement === document.body"):
                break
            seen.append(focused)
            outline = page.page.evaluate(
                """() => {
                    const style = getComputedStyle(document.activeElement);
                    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
                        || style.boxShadow !== "none";
                }"""
            )
            self.assertTrue(outline, f"{focused} shows that it has the focus")
        columns = ["symbol:", "price:", "open:", "high:", "low:", "change:", "percent:"]
        expected = ["stockTicker", "open", "reset", "filter", "rate", *columns]
        self.assertEqual([name for name in seen if name in expected], expected)
        self.assertIn("Mini version", seen)
        self.assertNoComplaints()

    def test_use(self) -> None:
        """Open, close, sort, filter and choose a rate by keyboard; the focus does not get lost."""
        page = self.connected()
        keyboard = page.page.keyboard
        page.page.focus("#open")
        keyboard.press("Enter")
        page.wait_market("open")
        self.assertNotEqual(self.focused(page), "")
        page.page.focus("#close")
        keyboard.press("Space")
        page.wait_market("closed")

        page.page.focus("th[data-column='symbol'] button")
        keyboard.press("Enter")
        page.wait("th[data-column='symbol'][aria-sort='ascending']")
        self.assertEqual(self.focused(page), "symbol:")
        wait_for("the rows are sorted", lambda: page.symbols() == ["AAPL", "GOOG", "MSFT"])

        page.page.focus("#filter")
        keyboard.type("ms")
        wait_for("the rows are filtered", lambda: page.symbols() == ["MSFT"])
        self.assertEqual(self.focused(page), "filter")
        page.page.focus("#rate")
        keyboard.press("ArrowLeft")
        wait_for("the rate is another", lambda: page.page.inner_text("#rate-text") == "4 times a second")
        self.assertNoComplaints()

    def test_detail(self) -> None:
        """A stock's large curve opens from its row and closes with Escape; the focus goes there and comes back."""
        page = self.connected()
        symbol = page.symbols()[1]
        button = page.page.locator(f"#stockTable tr[data-symbol='{symbol}'] th button")
        button.focus()
        page.page.keyboard.press("Enter")
        dialog = page.page.get_by_role("dialog", name=symbol)
        dialog.wait_for()
        self.assertEqual(self.focused(page), "detail-close")
        wait_for("the curve is there", lambda: dialog.locator("svg[data-points]").count() == 1)
        page.page.keyboard.press("Escape")
        wait_for("the dialog is gone", lambda: not dialog.is_visible())
        self.assertEqual(self.focused(page), symbol)
        for key, row in (("ArrowUp", 0), ("ArrowDown", 1), ("End", 2), ("Home", 0)):
            page.page.keyboard.press(key)
            self.assertEqual(self.focused(page), page.symbols()[row])
        self.assertNoComplaints()


class AssistiveTests(ConnectedTestCase):
    """What those are told who cannot see the page."""

    def assertAccessible(self, page: TickerPage, what: str) -> None:
        """axe finds nothing to complain of."""
        page.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.page.evaluate(
            """async () => {
                const results = await axe.run(document, {
                    resultTypes: ["violations"],
                    rules: {"target-size": {enabled: true}},
                });
                return results.violations.flatMap(violation => violation.nodes.map(node =>
                    `${violation.id}: ${node.target.join(" ")}: ${node.failureSummary.replace(/\\s+/g, " ")}`));
            }"""
        )
        self.assertEqual(found, [], "\n".join([what, *found]))

    def test_axe(self) -> None:
        """Contrast, names, roles, structure, sizes: both pages, light and dark, large and small, in all states."""
        server = self.start_server(*QUICK)
        for scheme in ("light", "dark"):
            for name in (FULL_PAGE, MINI_PAGE):
                for viewport in ({"width": 1280, "height": 800}, PHONE["viewport"]):
                    page = self.open_page(server.url + name, color_scheme=scheme, viewport=viewport)
                    page.wait_connected("webSockets")
                    what = f"{name}, {scheme}, {viewport['width']} px"
                    if name == MINI_PAGE:
                        self.assertAccessible(page, what)
                        continue
                    page.wait_market("closed")
                    wait_for("the curves are there", lambda page=page: page.page.locator("td.curve svg").count() == 3)
                    self.assertAccessible(page, what)
                    # All that a row can look like, standing still.
                    page.page.evaluate(
                        """() => document.querySelectorAll("#stockTable tbody tr").forEach((row, index) => {
                            row.dataset.direction = ["up", "down", "even"][index];
                            row.dataset.flash = ["up", "down", "even"][index];
                            for (const part of [row, ...row.querySelectorAll("*")]) {
                                part.getAnimations().forEach(animation => animation.finish());
                            }
                        })"""
                    )
                    page.page.evaluate("$('#stockTable tbody th button')[0].click()")
                    page.wait("#detail svg[data-points]")
                    self.assertAccessible(page, f"{what}, flashing, with a large curve")
                    page.page.keyboard.press("Escape")
                    page.page.evaluate("$('[data-flash]').removeAttr('data-flash'); $.connection.hub.stop()")
                    page.wait('body[data-frozen="true"]')
                    self.assertAccessible(page, f"{what}, disconnected")
        self.assertNoComplaints()

    def test_roles_and_names(self) -> None:
        """Each part can be found by its role and name."""
        page = self.connected()
        for role, name in (
            ("heading", "Stock Ticker"),
            ("group", "Ticker strip"),
            ("group", "Market"),
            ("button", "Open Market"),
            ("button", "Close Market"),
            ("button", "Reset"),
            ("searchbox", "Filter"),
            ("slider", "Updates"),
            ("table", "Live stock prices"),
            ("columnheader", "Price"),
            ("rowheader", "MSFT"),
            ("main", None),
        ):
            self.assertEqual(page.page.get_by_role(role, name=name).count(), 1, f"{role} {name}")
        self.assertEqual(page.page.get_by_role("row").count(), 4)
        self.assertEqual(page.page.get_by_role("img", name="MSFT: first").count(), 1)
        slider = page.page.get_by_role("slider")
        self.assertEqual(slider.get_attribute("aria-valuetext"), page.page.inner_text("#rate-text"))

    def test_direction_without_colour(self) -> None:
        """Up and down are told by a sign for the eye and by a word for the ear."""
        page = self.connected("--open")
        signs = {"up": "▲", "down": "▼"}
        for direction in signs:
            page.wait(f"#stockTable tr[data-direction='{direction}']")
            rows = page.page.eval_on_selector_all(
                "#stockTable tbody tr",
                "rows => rows.map(row => [row.dataset.direction, row.querySelector('td.change').textContent])",
            )
            for its_direction, text in rows:
                for word, sign in signs.items():
                    is_so = its_direction == word
                    self.assertEqual((sign in text, word in text), (is_so, is_so), text)
        self.assertNoComplaints()

    def test_live_region_does_not_chatter(self) -> None:
        """While prices move nothing is told; that the market opens and closes, is."""
        page = self.connected()
        regions = page.page.evaluate(WATCH_LIVE_REGIONS)
        self.assertGreater(regions, 0)

        def told() -> int:
            return int(page.page.evaluate("window.told"))

        page.press("Open Market")
        page.wait_market("open")
        wait_for("that it is open, is told", told)
        page.wait_moving()
        before = told()
        until = time.monotonic() + 3
        while time.monotonic() < until:
            page.wait_moving()
        self.assertEqual(told(), before)
        page.press("Close Market")
        page.wait_market("closed")
        wait_for("that it is closed, is told", lambda: told() > before)
        self.assertIn("closed", page.page.text_content("#announcer").lower())
        self.assertNoComplaints()


class MotionTests(ConnectedTestCase):
    """Motion stops for those whom it disturbs."""

    def assertStill(self, page: TickerPage) -> None:
        """The strip stays where it is, though the market is open."""
        page.wait_drawn()
        there = page.strip_place()
        for _ in range(10):
            page.wait_drawn()
            self.assertEqual(page.strip_place(), there)

    def wait_on_the_move(self, page: TickerPage) -> None:
        there = page.strip_place()
        wait_for("the strip moves", lambda: page.strip_place() != there)

    def test_pauses(self) -> None:
        """The strip stands still under the mouse, while it has the focus, and when it is told to; then it goes on."""
        page = self.connected()
        page.press("Open Market")
        page.wait_market("open")
        self.wait_on_the_move(page)

        page.page.hover("#stockTicker")
        page.wait('#stockTicker[data-paused="true"]')
        self.assertStill(page)
        page.page.hover("h1")
        page.wait('#stockTicker[data-paused="false"]')
        self.wait_on_the_move(page)

        page.page.focus("#stockTicker")
        page.wait('#stockTicker[data-paused="true"]')
        self.assertStill(page)
        page.page.focus("#filter")
        self.wait_on_the_move(page)

        page.page.get_by_role("button", name="Pause the strip").click()
        page.page.hover("h1")
        self.assertStill(page)
        page.page.get_by_role("button", name="Pause the strip").click()
        page.page.hover("h1")
        self.wait_on_the_move(page)
        self.assertNoComplaints()

    def test_reduced_motion(self) -> None:
        """Who wants less motion gets none: no scrolling, no fading; changes are shown all the same."""
        page = self.connected("--open", reduced_motion="reduce")
        page.wait("#market[data-market='open']")
        page.wait("#stockTable tr[data-flash]")
        self.assertStill(page)
        self.assertEqual(page.page.get_attribute("#stockTicker", "data-scrolling"), "false")
        for _ in range(20):
            page.wait_drawn()
            self.assertEqual(page.page.evaluate("document.getAnimations().length"), 0)
        self.assertNoComplaints()

    def test_motion(self) -> None:
        """Others see changes fade."""
        # So slow that a change has the time to fade before the next one comes.
        page = self.connected("--open", "--interval", "0.25", reduced_motion="no-preference")
        fading = "document.getAnimations().some(animation => animation.effect.target.closest('#stockTable tbody'))"
        wait_for("a change fades", lambda: page.page.evaluate(fading))
        self.assertNoComplaints()


class LayoutTests(ConnectedTestCase):
    """Small, dark and printed."""

    def test_phone(self) -> None:
        """At 320 pixels nothing has to be scrolled sideways, and prices are in view; also while an error is told."""
        server = self.start_server(*QUICK)
        for name in (FULL_PAGE, MINI_PAGE):
            page = self.open_page(server.url + name, **PHONE)
            page.wait_connected("webSockets")
            for state in ("", "an error", "disconnected"):
                with self.subTest(page=name, state=state):
                    if state == "an error":
                        page.page.evaluate(
                            "document.querySelector('#status').textContent = 'The market must be closed. '.repeat(9)"
                        )
                    elif state:
                        page.page.evaluate("$.connection.hub.stop()")
                        page.wait('#connection[data-state="disconnected"]')
                    widths = page.page.evaluate(
                        "[document.scrollingElement.scrollWidth, document.body.scrollWidth, innerWidth]"
                    )
                    self.assertEqual(widths, [320, 320, 320])
                    for selector in ("th[scope=row]", "td.price", "td.change"):
                        for cell in page.page.locator(f"#stockTable tbody {selector}").all():
                            box = cell.bounding_box()
                            self.assertGreaterEqual(box["x"], 0)
                            self.assertLessEqual(box["x"] + box["width"], 320)

    def test_print(self) -> None:
        """On paper there are prices, dark on white whatever the screen is like, and nothing to press."""
        page = self.connected("--open", color_scheme="dark")
        page.page.emulate_media(media="print", color_scheme="dark")
        for selector in ("button", "#filter", "#rate", "#stockTicker", "a[href]"):
            visible = [element for element in page.page.locator(selector).all() if element.is_visible()]
            if selector == "button":
                # Headings and symbols are buttons, too, on the screen.
                visible = [element for element in visible if not element.evaluate("e => e.closest('#stockTable')")]
            self.assertEqual(visible, [], selector)
        for selector in ("h1", "#stockTable", "#market", "#stockTable td.price"):
            self.assertTrue(page.page.locator(selector).first.is_visible(), selector)
        self.assertEqual(page.page.eval_on_selector_all("#stockTable tbody tr", "rows => rows.length"), 3)
        colours = page.page.eval_on_selector_all(
            "body, #stockTable td.price, #stockTable tbody th, h1",
            "elements => elements.map(element => getComputedStyle(element).color)",
        )
        for colour in colours:
            red, green, blue = (int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
            self.assertLess(max(red, green, blue), 100, colour)
        self.assertEqual(
            page.page.eval_on_selector("body", "body => getComputedStyle(body).backgroundColor"), "rgb(255, 255, 255)"
        )

    def test_dark(self) -> None:
        """Dark is dark, and light is light."""
        url = self.start_server().url + FULL_PAGE
        for scheme, is_dark in (("light", False), ("dark", True)):
            page = self.open_page(url, color_scheme=scheme)
            page.wait_connected("webSockets")
            colour = page.page.eval_on_selector("body", "body => getComputedStyle(body).backgroundColor")
            brightness = sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
            self.assertEqual(brightness < 200, is_dark, colour)


class NoScriptTests(StockTickerTestCase):
    """People without script get the prices, too."""

    def test_plain_text(self) -> None:
        """The page says what it needs and leads to a plain table, where the prices are."""
        server = self.start_server()
        page = self.open_page(server.url + FULL_PAGE, java_script_enabled=False)
        notice = page.page.locator("noscript p")
        self.assertIn("JavaScript", notice.inner_text())
        notice.get_by_role("link").click()
        page.page.wait_for_url(server.url + "prices.txt")
        text = page.page.inner_text("body")
        for symbol, price in OPENING_PRICES.items():
            self.assertRegex(text, rf"{symbol} +{price}")
        self.assertLogClean(server)
