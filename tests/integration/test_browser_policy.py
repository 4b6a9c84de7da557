"""What the pages may load and run, and who may press their buttons, as browsers see it."""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Request, Route

from tests.integration.support import OPENING_PRICES, PROJECT, Client, StockTickerTestCase
from tests.integration.ticker_page import FULL_PAGE, MINI_PAGE, TickerPage
from tests.integration.waiting import wait_for

__all__ = ["IntegrityTests", "LoginTests", "OldBrowserTests", "PolicyTests"]

QUICK = ("--interval", "0.02")
HTDOCS = PROJECT / "htdocs"
PAGES = (FULL_PAGE, MINI_PAGE)

# What the browser has refused by the page's security policy.
NOTE_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", event => {
    window.violations.push(`${event.effectiveDirective} ${event.blockedURI}`);
});
"""


class PolicyTests(StockTickerTestCase):
    """The security policy is strict, and the pages keep to it."""

    def test_nothing_refused(self) -> None:
        """All that the pages do is allowed, and everything that they load is the server's own."""
        server = self.start_server(*QUICK)
        for name in PAGES:
            for transport in ("webSockets", "longPolling", "serverSentEvents", "foreverFrame"):
                with self.subTest(page=name, transport=transport):
                    url = f"{server.url}{name}?transport={transport}"
                    # A browser that has event streams does without forever frames.
                    without = "delete window.EventSource;" if transport == "foreverFrame" else ""
                    page = self.make_page(url, init_script=NOTE_VIOLATIONS + without)
                    hosts: set[str] = set()

                    def note(request: Request, hosts: set[str] = hosts) -> None:
                        hosts.add(urlsplit(request.url).netloc)

                    page.page.on("request", note)
                    page.load()
                    page.wait_connected(transport)
                    if name == FULL_PAGE:
                        page.wait_market("closed")
                        page.press("Open Market")
                        page.wait_market("open")
                        page.wait_moving()
                        page.page.click("#stockTable tbody th button")
                        page.wait("#detail svg[data-points]")
                        page.page.keyboard.press("Escape")
                        page.press("Close Market")
                        page.wait_market("closed")
                    # SignalR's client hides its frame by an inline style; the style sheet has to do that.
                    refused = ["style-src-attr inline"] if transport == "foreverFrame" else []
                    self.assertEqual(page.page.evaluate("window.violations"), refused)
                    self.assertEqual([f for f in page.page.locator("iframe").all() if f.is_visible()], [])
                    self.assertEqual(hosts, {urlsplit(server.url).netloc})
                    self.assertEqual(len(page.complaints()), len(refused))
                    page.close()
        self.assertLogClean(server)

    def test_intruders_refused(self) -> None:
        """Scripts inside of the page and from elsewhere, a style, an image, a frame, a request: all are refused."""
        server = self.start_server()
        for name in PAGES:
            page = self.open_page(server.url + name, init_script=NOTE_VIOLATIONS)
            page.wait_connected("webSockets")
            page.page.evaluate(
                """() => {
                    const elsewhere = "http://localhost:9/";
                    const add = (tag, properties) => {
                        const element = Object.assign(document.createElement(tag), properties);
                        document.body.append(element);
                    };
                    add("script", {textContent: "window.intruder = 1"});
                    add("script", {src: elsewhere + "a.js"});
                    add("p", {id: "trap"});
                    document.getElementById("trap").setAttribute("onclick", "window.intruder = 2");
                    document.getElementById("trap").click();
                    add("style", {textContent: "body {display: none}"});
                    add("img", {src: elsewhere + "a.png"});
                    add("iframe", {src: elsewhere});
                    fetch(elsewhere).catch(() => {});
                    setTimeout("window.intruder = 3", 0);
                }"""
            )
            refused = {
                "connect-src",
                "frame-src",
                "img-src",
                "script-src",
                "script-src-attr",
                "script-src-elem",
                "style-src-elem",
            }
            wait_for(
                f"all of that is refused in {name}",
                lambda page=page, refused=refused: (
                    refused <= {violation.split()[0] for violation in page.page.evaluate("window.violations")}
                ),
            )
            self.assertIsNone(page.page.evaluate("window.intruder ?? null"))
        self.assertLogClean(server)


class IntegrityTests(StockTickerTestCase):
    """Each script of the pages is told by its hash."""

    def test_hashes(self) -> None:
        """All scripts, those for old browsers too, have the hash of what is served; none is in the page itself."""
        server = self.start_server()
        client = Client(server.port)
        for name in PAGES:
            text = (HTDOCS / name).read_text(encoding="utf-8")
            scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", text, re.DOTALL)
            self.assertGreater(len(scripts), 3)
            for attributes, content in scripts:
                self.assertEqual(content.strip(), "", name)
                [source] = re.findall(r'\bsrc="([^"]+)"', attributes)
                [integrity] = re.findall(r'\bintegrity="([^"]+)"', attributes)
                status, body = client.request("GET", urlsplit(urljoin(server.url + name, source)).path)
                self.assertEqual(status, 200, source)
                digest = base64.b64encode(hashlib.sha384(body).digest()).decode("ascii")
                self.assertEqual(integrity, f"sha384-{digest}", source)

    def test_changed_script_is_not_run(self) -> None:
        """What somebody has changed on its way, the browser does not run."""
        server = self.start_server()
        page = self.make_page(server.url + FULL_PAGE)

        def change(route: Route) -> None:
            response = route.fetch()
            route.fulfill(response=response, body=response.text() + "\nwindow.intruder = 1;")

        page.page.route(re.compile("jquery.signalR"), change)
        page.load()
        page.page.wait_for_load_state("load")
        self.assertIsNone(page.page.evaluate("window.intruder ?? null"))
        self.assertTrue(any("integrity" in line for line in page.console), page.console)
        wait_for("the page says so", lambda: "could not be loaded" in page.page.inner_text("#status"))
        self.assertEqual(page.errors, [])


class OldBrowserTests(StockTickerTestCase):
    """
    As near as one gets to Internet Explorer 8 without it: the page as that browser reads it, with its jQuery, where
    nothing is there that it has not.
    """

    # The page's scripts find none of this; the tools of the test have a world of their own.
    POOR = """
    for (const name of ["WebSocket", "EventSource", "matchMedia", "requestAnimationFrame", "cancelAnimationFrame",
                        "performance", "Promise", "Map", "Set", "Symbol", "fetch", "MutationObserver"]) {
        Object.defineProperty(window, name, {value: undefined, configurable: true, writable: true});
    }
    for (const [owner, names] of [
        [Array, ["isArray", "from", "of"]],
        [Array.prototype, ["every", "filter", "find", "findIndex", "forEach", "includes", "indexOf", "lastIndexOf",
                           "map", "reduce", "reduceRight", "some", "fill", "keys", "values", "entries", "flat"]],
        [Date, ["now"]],
        [Date.prototype, ["toISOString"]],
        [Function.prototype, ["bind"]],
        [Object, ["keys", "create", "assign", "entries", "values", "freeze", "getPrototypeOf"]],
        [String.prototype, ["trim", "startsWith", "endsWith", "includes", "repeat", "padStart"]],
        [Document.prototype, ["createElementNS", "getElementsByClassName"]],
        [Element.prototype, ["classList", "closest", "matches", "remove", "append", "getElementsByClassName",
                             "firstElementChild", "nextElementSibling"]],
    ]) {
        for (const name of names) {
            delete owner[name];
        }
    }
    """

    def as_ie8_reads(self, text: str) -> str:
        """A page after Internet Explorer 8 has followed its conditional comments."""
        text = re.sub(r"<!--\[if gte IE 9\]><!-->.*?<!--<!\[endif\]-->", "", text, flags=re.DOTALL)
        return re.sub(r"<!--\[if lt IE (?:9|10)\]>(.*?)<!\[endif\]-->", r"\1", text, flags=re.DOTALL)

    def prices(self, page: TickerPage) -> dict[str, str | None]:
        """The prices in the table, read without the page's own functions, which are gone."""
        return {
            symbol: page.page.text_content(f"#stockTable tr[data-symbol='{symbol}'] td.price")
            for symbol in OPENING_PRICES
        }

    def test_old_browser(self) -> None:
        """By long polling, with jQuery 1.12.4: prices move, stop, are reset; rows are sorted and filtered."""
        server = self.start_server(*QUICK)
        page = self.make_page(server.url + FULL_PAGE, init_script=self.POOR)

        def old(route: Route) -> None:
            response = route.fetch()
            text = self.as_ie8_reads(response.text())
            self.assertIn("jquery-1.min.js", text)
            self.assertNotIn("vendor/jquery.min.js", text)
            route.fulfill(response=response, body=text)

        page.page.route(re.compile(FULL_PAGE), old)
        page.load()
        page.wait_connected("longPolling")
        page.wait_market("closed")
        page.press("Open Market")
        page.wait_market("open")
        wait_for("prices move", lambda: self.prices(page) != OPENING_PRICES)
        page.press("Close Market")
        page.wait_market("closed")
        client = Client(server.port)
        wait_for("the page shows the closing prices", lambda: self.prices(page) == client.prices())
        page.press("Reset")
        wait_for("the page shows the opening prices", lambda: self.prices(page) == OPENING_PRICES)
        page.page.click("th[data-column='symbol'] button")
        page.wait("tr[data-symbol='AAPL'] + tr[data-symbol='GOOG'] + tr[data-symbol='MSFT']")
        page.page.fill("#filter", "goo")
        page.wait(
            "tr[data-symbol='AAPL'][hidden] + tr[data-symbol='GOOG']:not([hidden]) + tr[data-symbol='MSFT'][hidden]"
        )
        # This jQuery looks for what browsers know by what Internet Explorer 8 has no policy against.
        self.assertEqual(page.errors, [])
        self.assertLogClean(server)


class LoginTests(StockTickerTestCase):
    """With ``--auth`` everybody may look, and who has logged in may press the buttons."""

    CREDENTIALS = {"username": "ann", "password": "secret"}

    def assertMayNot(self, page: TickerPage) -> None:
        """The page offers a login, and no button."""
        page.wait("#login:not([hidden])")
        self.assertTrue(page.page.locator("#login").is_visible())
        self.assertEqual(page.page.locator("#open:enabled, #close:enabled, #reset:enabled").count(), 0)
        self.assertFalse(page.page.locator("#logout").is_visible())

    def test_login_and_logout(self) -> None:
        """A viewer logs in, opens the market, closes it, and logs out; another one looks on all the time."""
        server = self.start_server(*QUICK, "--auth", "memory:ann:secret")
        viewer = self.open_page(server.url + FULL_PAGE)
        page = self.open_page(server.url + FULL_PAGE, http_credentials=self.CREDENTIALS)
        for each in (viewer, page):
            each.wait_connected("webSockets")
            each.wait("#market[data-market='closed']")
            self.assertMayNot(each)

        page.page.click("#login")
        page.wait_connected("webSockets")
        page.wait_market("closed")
        self.assertEqual(page.page.url, server.url + FULL_PAGE)
        self.assertEqual(page.page.inner_text("#user"), "ann")
        self.assertFalse(page.page.locator("#login").is_visible())
        self.assertEqual(page.page.evaluate("document.cookie"), "")
        page.press("Open Market")
        page.wait_market("open")
        viewer.wait("#market[data-market='open']")
        viewer.wait_moving()
        self.assertMayNot(viewer)
        page.press("Close Market")
        page.wait_market("closed")
        viewer.wait("#market[data-market='closed']")
        self.assertEqual(viewer.prices(), page.prices())

        page.page.click("#logout")
        page.wait_connected("webSockets")
        self.assertMayNot(page)
        for each in (viewer, page):
            self.assertEqual(each.errors, [])
        self.assertLogClean(server)

    def test_refused(self) -> None:
        """A call that is not authorized is refused, however it is made; the page says so, and offers no button."""
        server = self.start_server("--auth", "memory:ann:secret")
        for transport in ("webSockets", "longPolling"):
            page = self.open_page(f"{server.url}{FULL_PAGE}?transport={transport}")
            page.wait_connected(transport)
            for method in ("openMarket", "closeMarket", "reset"):
                error = page.page.evaluate(
                    """method => new Promise(done => $.connection.hub.proxies.stockboard.invoke(method)
                        .done(() => done("")).fail(error => done(error.message)))""",
                    method,
                )
                # What the reference says of all errors but those of hubs themselves, if it is not told to say more.
                self.assertEqual(error, f"There was an error invoking Hub method 'stockboard.{method}'.")
            # Who enables the button by force is told, too.
            page.page.evaluate("document.querySelector('#open').disabled = false")
            page.press("Open Market")
            wait_for("the page says so", lambda page=page: "Open Market: " in page.page.inner_text("#status"))
            self.assertMayNot(page)
        self.assertEqual(Client(server.port).invoke("getMarketState"), "Closed")
        self.assertNoComplaints()
