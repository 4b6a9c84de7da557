"""
The browser, and the ticker's pages in it from a user's point of view.
"""

from __future__ import annotations

import atexit
import functools
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, WebSocket, sync_playwright

from tests.integration.waiting import DEADLINE_SECONDS, wait_for
from tools.require_debian import find_program

FULL_PAGE = "StockTicker.html"
MINI_PAGE = "StockTickerMini.html"

CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
)

_SYMBOL, _PRICE = 0, 1


@functools.cache
def browser() -> Browser:
    """The one browser of this process; each page has a context, and thereby connections, of its own."""
    playwright = sync_playwright().start()
    launched = playwright.chromium.launch(executable_path=find_program("chromium"), args=CHROMIUM_ARGUMENTS)

    def close() -> None:
        launched.close()
        playwright.stop()

    atexit.register(close)
    return launched


class TickerPage:
    """
    One of the two pages, in a browser, from a user's point of view.

    Attributes:
        page: Playwright's.
        console: what it has written to the console: ``type: text``. The browser writes there, too, what the page's
            security policy has refused.
        errors: JavaScript exceptions that nobody has caught.
    """

    def __init__(self, url: str, *, init_script: str = "", **context_options: Any) -> None:
        self._context = browser().new_context(**context_options)
        self._context.set_default_timeout(DEADLINE_SECONDS * 1000)
        if init_script:
            self._context.add_init_script(init_script)
        self.url = url
        self.console: list[str] = []
        self.errors: list[str] = []
        self._received: list[str] = []
        self._sent: list[str] = []
        self.page: Page = self._context.new_page()
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("websocket", self._opened)

    def _said(self, message: ConsoleMessage) -> None:
        self.console.append(f"{message.type}: {message.text}")

    def _opened(self, link: WebSocket) -> None:
        # Playwright wants functions that it can mark.
        link.on("framereceived", lambda message: self._received.append(message))
        link.on("framesent", lambda message: self._sent.append(message))

    def load(self) -> TickerPage:
        """Go there."""
        self.page.goto(self.url, wait_until="domcontentloaded")
        return self

    def close(self) -> None:
        """Close it as a user closes a tab."""
        self._context.close()

    def received(self) -> list[str]:
        """The messages that have come over its WebSockets so far."""
        self._catch_up()
        return self._received

    def sent(self) -> list[str]:
        """The messages that it has sent over its WebSockets so far."""
        self._catch_up()
        return self._sent

    def _catch_up(self) -> None:
        # Playwright hands out what has happened only while it is asked for something.
        self.page.evaluate("0")

    def complaints(self) -> list[str]:
        """Errors of any kind."""
        return self.errors + [line for line in self.console if line.startswith(("error", "warning"))]

    def wait(self, selector: str) -> None:
        """Wait for an element that this selector fits."""
        self.page.wait_for_selector(selector, state="attached")

    def wait_connected(self, transport: str) -> None:
        """Wait until it is connected, by this transport, and shows prices."""
        self.wait(f'#connection[data-state="connected"][data-transport="{transport}"]')
        self.wait("#stockTable tr[data-symbol]")

    def wait_market(self, market: str) -> None:
        """Wait until it shows the market ``open`` or ``closed``, on sign, buttons and strip."""
        self.wait(f'#market[data-market="{market}"]')
        is_open = market == "open"
        self.wait("#open:disabled" if is_open else "#open:enabled")
        self.wait("#reset:disabled" if is_open else "#reset:enabled")
        self.wait("#close:enabled" if is_open else "#close:disabled")
        self.wait(f'#stockTicker[data-scrolling="{"true" if is_open else "false"}"]')

    def wait_drawn(self) -> None:
        """Wait until the browser has drawn what the page knows by now."""
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def press(self, label: str) -> None:
        """Press the button with this label."""
        self.page.get_by_role("button", name=label, exact=True).click()

    def table(self) -> list[list[str]]:
        """The texts of the cells of the rows that can be seen, those with curves left out."""
        return self._texts("#stockTable tbody tr:not([hidden])")

    def strip(self) -> list[list[str]]:
        """The texts in the strip, by stock."""
        return self._texts("#stockTicker li")

    def strip_place(self) -> float:
        """Where the strip is just now: how many pixels its left edge is to the right of its box's."""
        return float(
            self.page.eval_on_selector(
                "#stockTicker ul",
                "list => list.getBoundingClientRect().left - list.parentElement.getBoundingClientRect().left",
            )
        )

    def _texts(self, selector: str) -> list[list[str]]:
        script = """rows => rows.map(row => Array.from(row.children)
            .filter(cell => !cell.matches(".curve")).map(cell => cell.textContent))"""
        return self.page.eval_on_selector_all(selector, script)

    def symbols(self) -> list[str]:
        """The stocks that can be seen, from top to bottom."""
        return [row[_SYMBOL] for row in self.table()]

    def prices(self) -> dict[str, str]:
        """The prices in the table."""
        return {row[_SYMBOL]: row[_PRICE] for row in self.table()}

    def wait_moving(self) -> None:
        """Wait until the table is not what it was."""
        before = self.table()
        wait_for(f"the prices move in {self.url}", lambda: self.table() != before)
