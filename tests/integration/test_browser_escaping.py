"""
Texts that would be scripts, on all ways into a page: messages on the transports that are scripts themselves, names of
functions and frames in requests, paths, and everything that the ticker's page shows. None of them ever runs.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Page
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.payloads import CALLBACKS, NOTICE, PAYLOADS, SHORT_PAYLOADS
from tests.integration.probe_process import probe_port
from tests.integration.support import StockTickerTestCase, new_directory
from tests.integration.ticker_page import FULL_PAGE, MINI_PAGE, TickerPage, browser
from tests.integration.waiting import wait_for
from twisted_ticker.signalr.protocol.transports import FOREVER_FRAME, LONG_POLLING

__all__ = ["DetectionTests", "MessageTests", "RequestTests", "TickerTests"]

#: Sends each text to the page itself: as a message, as a result, as an error, as state.
SEND_ALL = """async texts => {
    const heard = { results: [], errors: [], states: [] };
    await outcome(probe.server.join("room"));
    for (const text of texts) {
        await outcome(probe.server.say("room", text));
        heard.results.push((await outcome(probe.server.echo(text))).value);
        const error = await outcome(probe.server.complain(text));
        heard.errors.push([error.error, error.data]);
        await outcome(probe.server.remember(text));
        heard.states.push(probe.state.name);
    }
    return heard;
}"""

#: What careless servers would make of a text: scripts with it inside, an attribute, an element.
CARELESS = """texts => texts.forEach((text, index) => {
    const frame = document.createElement("iframe");
    const around = ['r(c, {"M":[{"A":["%"]}]});', 'r("%");', "r('%');", "r(`%`);", "/*%*/", "%"];
    frame.name = String(index);
    frame.srcdoc = "<script>function r() {} var c;</script>"
        + around.map(script => `<script>${script.split("%").join(text)}</script>`).join("")
        + `<p title="${text}">${text}</p>`;
    document.body.append(frame);
})"""

#: Loads addresses as scripts and in frames, and waits until each has come or failed.
LOAD_ALL = """([tag, urls]) => Promise.all(urls.map(url => new Promise(done => {
    const element = document.createElement(tag);
    element.onload = element.onerror = () => done();
    element.src = url;
    document.body.append(element);
})))"""


class EscapingTestCase(SynchronousTestCase):
    """A page that notices what runs in it."""

    def load(self, url: str) -> Page:
        context = browser().new_context()
        self.addCleanup(context.close)
        context.set_default_timeout(20_000)
        context.add_init_script(NOTICE)
        page = context.new_page()
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: (self.errors.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.goto(url)
        return page

    def ran(self, page: Page) -> list[str]:
        """In which windows something has run."""
        page.evaluate("new Promise(done => setTimeout(done, 50))")
        names: list[str] = page.evaluate("window.ran || []")
        return names


class DetectionTests(EscapingTestCase):
    """That nothing is noticed means something."""

    def test_careless_pages(self) -> None:
        """In a page that puts texts where they do not belong, they do run, most of them by themselves."""
        page = self.load(f"http://127.0.0.1:{probe_port()}/")
        page.evaluate(CARELESS, PAYLOADS)
        wait_for("texts run", lambda: len(set(self.ran(page))) >= 40)


class MessageTests(EscapingTestCase):
    """Hub messages."""

    def check(self, page: Page, **options: Any) -> None:
        started = page.evaluate("options => outcome(hub.start(options))", options)
        self.assertNotIn("error", started)
        heard = page.evaluate(SEND_ALL, PAYLOADS)
        wait_for("all messages come", lambda: len(page.evaluate("seen.said")) == len(PAYLOADS))
        self.assertGreaterEqual(len(PAYLOADS), 60)
        self.assertEqual(page.evaluate("seen.said"), [*PAYLOADS])
        self.assertEqual(heard["results"], [*PAYLOADS])
        self.assertEqual(heard["errors"], [[text, {"Text": text}] for text in PAYLOADS])
        self.assertEqual(heard["states"], [*PAYLOADS])
        self.assertEqual((self.ran(page), self.errors), ([], []))

    def test_forever_frame(self) -> None:
        """Each message is a script in a page that never ends."""
        page = self.load(f"http://127.0.0.1:{probe_port()}/?without=EventSource,WebSocket")
        self.check(page, transport=FOREVER_FRAME)
        self.assertEqual(page.evaluate("hub.transport.name"), FOREVER_FRAME)

    def test_jsonp(self) -> None:
        """Each answer is a script in a page of another origin."""
        page = self.load(f"http://localhost:{probe_port()}/?jquery=1&without=EventSource,WebSocket")
        page.evaluate(f"hub.url = 'http://127.0.0.1:{probe_port()}/signalr'")
        scripts: list[str] = []
        page.on("request", lambda request: request.resource_type == "script" and scripts.append(request.url))
        self.check(page, transport=LONG_POLLING, jsonp=True)
        self.assertGreater(len([url for url in scripts if "callback=" in url]), 2 * len(PAYLOADS))


class RequestTests(EscapingTestCase):
    """What a foreign page can write into the address of a script or frame."""

    def setUp(self) -> None:
        self.url = f"http://127.0.0.1:{probe_port()}"
        self.page = self.load(f"http://localhost:{probe_port()}/")

    def load_all(self, tag: str, *paths: str) -> list[str]:
        """Load paths, and return in which windows something has run."""
        self.page.evaluate(LOAD_ALL, [tag, [self.url + path for path in paths]])
        return self.ran(self.page)

    def test_names_of_functions(self) -> None:
        """A name is a name, on every command; one that is good is called."""
        token = quote(json.loads(self.page.request.get(f"{self.url}/signalr/negotiate").text())["ConnectionToken"])
        for command in ("ping", "negotiate", f"start?connectionToken={token}&transport=longPolling", "hubs"):
            join = "&" if "?" in command else "?"
            names = [quote(name, safe="") for name in CALLBACKS]
            self.assertEqual(
                self.load_all("script", *(f"/signalr/{command}{join}callback={name}" for name in names)), []
            )
        self.assertEqual(self.load_all("script", "/signalr/ping?callback=pwn"), ["page"])

    def test_numbers_of_frames(self) -> None:
        """A number is a number."""
        texts = [
            "');pwn();//",
            "'+pwn()+'",
            "1);pwn(",
            "</script><script>pwn()</script>",
            "1e1",
            "-1",
            "\u0661",
            *PAYLOADS,
        ]
        query = "transport=foreverFrame&connectionToken=x&frameId="
        self.assertEqual(
            self.load_all("iframe", *(f"/signalr/connect?{query}{quote(text)}" for text in texts[:20])), []
        )

    def test_paths(self) -> None:
        """A path is a text in the script that has it, and in no page."""
        paths = [f"/signalr/{quote(text, safe='')}/hubs" for text in PAYLOADS]
        self.assertEqual(self.load_all("script", *paths), [])
        self.assertEqual(self.load_all("iframe", *(f"/{quote(text)}" for text in PAYLOADS[::3])), [])


class TickerTests(StockTickerTestCase):
    """The ticker's own pages, without the security policy that would keep what gets into them from running."""

    def assertNothingRan(self, page: TickerPage) -> None:
        """Nothing has, nor has anybody been asked anything."""
        page.page.wait_for_timeout(50)
        self.assertEqual(page.page.evaluate("window.ran || []"), [])
        self.assertEqual(page.errors, [])

    def watched(self, url: str, **options: Any) -> TickerPage:
        """A page that notices what runs in it."""
        return self.open_page(url, init_script=NOTICE, bypass_csp=True, **options)

    def test_stocks_users_and_errors(self) -> None:
        """Names of stocks, by a list; names of users, by a login; texts of errors: all are shown as they are."""
        self.assertGreaterEqual(len(SHORT_PAYLOADS), 30)
        directory = new_directory()
        stocks = directory / "stocks.json"
        stocks.write_text(json.dumps([{"symbol": symbol, "price": 41.68} for symbol in SHORT_PAYLOADS]))
        user = PAYLOADS[0]
        (directory / "passwords").write_text(f"{user}:secret\n")
        server = self.start_server("--stocks", str(stocks), "--auth", f"file:{directory / 'passwords'}", "--open")
        page = self.watched(
            server.url + FULL_PAGE, http_credentials={"username": user, "password": "secret"}, reduced_motion="reduce"
        )
        page.page.click("#login")
        page.wait_connected("webSockets")
        page.wait("#market[data-market='open']")
        wait_for("the user is shown", lambda: page.page.inner_text("#user") == user)
        self.assertEqual(page.symbols(), [*SHORT_PAYLOADS])
        self.assertEqual([entry[0] for entry in page.strip()], [*SHORT_PAYLOADS][:24])
        for index, symbol in enumerate(SHORT_PAYLOADS):
            page.page.evaluate("index => $('#stockTable tbody th button')[index].click()", index)
            self.assertEqual(page.page.inner_text("#detail-title"), symbol)
        page.wait("#detail svg[data-points]")
        for text in (*PAYLOADS[:20], *SHORT_PAYLOADS):
            page.page.evaluate("text => $('#filter').val(text).trigger('input').trigger('change')", text)
            page.page.evaluate(
                "text => StockTicker.say('button', 'Reset: ' + StockTicker.reason({message: text}))", text
            )
            self.assertIn(text.replace("\0", "\ufffd"), page.page.text_content("#status").replace("\0", "\ufffd"))
        page.page.evaluate("text => $('#filter').val(text).trigger('input').trigger('change')", "<SVG")
        wait_for("the rows are filtered", lambda: 0 < len(page.symbols()) < 10)
        self.assertNothingRan(page)

        page.page.goto(server.url + "prices.txt")
        self.assertIn(SHORT_PAYLOADS[0], page.page.inner_text("body"))
        self.assertNothingRan(page)
        mini = self.watched(server.url + MINI_PAGE)
        mini.wait_connected("webSockets")
        self.assertNothingRan(mini)

    def test_addresses(self) -> None:
        """What is in the page's own address does not get into it."""
        server = self.start_server()
        for text in (PAYLOADS[0], "<img src=x onerror=pwn()>", '"><img src=x onerror=pwn()>', "javascript:pwn()"):
            encoded = quote(text, safe="")
            query = f"?transport={encoded}&rate={encoded}&logging={encoded}&{encoded}#{encoded}"
            page = self.watched(server.url + FULL_PAGE + query)
            # There is no such transport, and the page says so.
            wait_for("the page says so", lambda page=page: page.page.text_content("#status"))
            self.assertNothingRan(page)
            page.page.goto(f"{server.url}{encoded}")
            self.assertNothingRan(page)
            page.close()
