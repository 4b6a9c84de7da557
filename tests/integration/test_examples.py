"""The examples as their README says they are run, in a real browser with the unmodified SignalR client."""

from __future__ import annotations

import re
from typing import Any

from tests.integration.support import PROJECT, Server, StockTickerTestCase
from tests.integration.ticker_page import TickerPage
from tests.integration.waiting import wait_for

EXAMPLES = PROJECT / "examples"
RUN = re.compile(r"^    cd examples/(\w+) && twistd -n signalr (.+)$", re.MULTILINE)

TRANSPORTS = ("webSockets", "longPolling")
DESK = {"width": 1100, "height": 720}
PHONE = {"width": 375, "height": 667}


def commands() -> dict[str, list[str]]:
    """The options of ``twistd signalr`` for each example, from the README."""
    lines = RUN.findall((EXAMPLES / "README.md").read_text(encoding="utf-8"))
    return {name: options.split() for name, options in lines}


class ExampleTestCase(StockTickerTestCase):
    """Servers of examples, and their pages."""

    def serve(self, name: str, **more: Any) -> Server:
        """Run an example as its line in the README does."""
        return self.start_server(*commands()[name], plugin="signalr", cwd=EXAMPLES / name, **more)

    def open_example(self, server: Server, transport: str = "webSockets", **options: Any) -> TickerPage:
        """Open its page and wait until that is connected."""
        page = self.open_page(f"{server.url}?transport={transport}", **options)
        wait_for("it is connected", lambda: self.text(page, "#connection") == f"Connected · {transport}")
        return page

    def text(self, page: TickerPage, selector: str) -> str:
        """What an element shows."""
        return page.page.inner_text(selector)

    def texts(self, page: TickerPage, selector: str) -> list[str]:
        """What some elements show, each in one line."""
        return [" ".join(text.split()) for text in page.page.locator(selector).all_inner_texts()]


class ExamplesTests(ExampleTestCase):
    """All of them."""

    def test_each_has_a_line(self) -> None:
        """The README says how to run each example, and names no other."""
        directories = {path.parent.name for path in EXAMPLES.glob("*/index.html")}
        self.assertEqual(set(commands()), directories)
        self.assertEqual(len(directories), 3)

    def test_pages_load_nothing_from_elsewhere(self) -> None:
        """Neither scripts nor styles nor pictures; and no page has scripts within."""
        for path in EXAMPLES.glob("*/*"):
            if path.suffix in (".html", ".css", ".js"):
                text = path.read_text(encoding="utf-8")
                self.assertEqual(re.findall(r"https?://|(?:src|href)=\"//|url\(", text), [], path)
                self.assertEqual(re.findall(r"<script(?! src=)|<style|\son\w+=|\sstyle=", text), [], path)

    def test_they_fit(self) -> None:
        """No page is wider than a phone."""
        for name in commands():
            page = self.open_example(self.serve(name), viewport=PHONE)
            self.assertEqual(page.page.evaluate("document.documentElement.scrollWidth"), PHONE["width"], name)
        self.assertNoComplaints()


class ChatTests(ExampleTestCase):
    """People in rooms."""

    def enter(self, page: TickerPage, name: str, room: str) -> None:
        """Go into a room."""
        page.page.get_by_label("Your name").fill(name)
        page.page.get_by_label("Room", exact=True).fill(room)
        page.press("Come in")

    def inside(self, server: Server, name: str, room: str, transport: str) -> TickerPage:
        """A page of somebody who is in a room."""
        page = self.open_example(server, transport)
        self.enter(page, name, room)
        wait_for(f"{name} is in {room}", lambda: self.text(page, "#title") == room)
        return page

    def say(self, page: TickerPage, text: str) -> None:
        """Say something, and wait until it is accepted."""
        page.page.get_by_label("Message").fill(text)
        page.press("Send")
        wait_for("it is said", lambda: page.page.input_value("#text") == "")

    def wait_log(self, page: TickerPage, *lines: str) -> None:
        """Wait until the conversation is this."""
        wait_for(f"{lines} is in {page.url}", lambda: self.texts(page, "#log li") == list(lines))

    def test_rooms(self) -> None:
        """Two people talk in a room, and a third one in another hears nothing of it."""
        for transport in TRANSPORTS:
            server = self.serve("chat")
            ann = self.inside(server, "Ann", "Lobby", transport)
            bob = self.inside(server, "Bob", "Lobby", transport)
            eve = self.inside(server, "Eve", "Cellar", transport)
            wait_for("Ann sees Bob", lambda ann=ann: self.texts(ann, "#people li") == ["Ann", "Bob"])
            self.assertEqual(self.texts(eve, "#people li"), ["Eve"])
            self.say(ann, "Hello, <b>Bob</b>")
            self.wait_log(bob, "Ann Hello, <b>Bob</b>")
            self.say(bob, "Hello, Ann")
            said = ("Ann Hello, <b>Bob</b>", "Bob Hello, Ann")
            self.wait_log(ann, "Bob has come in.", *said)
            self.wait_log(bob, *said)
            self.say(eve, "Nobody here?")
            self.wait_log(eve, "Eve Nobody here?")
            self.wait_log(bob, *said)
            bob.press("Leave")
            self.wait_log(ann, "Bob has come in.", *said, "Bob has gone.")
            self.say(ann, "Are you there?")
            self.enter(bob, "Bob", "Cellar")
            self.wait_log(eve, "Eve Nobody here?", "Bob has come in.")
            self.wait_log(bob)
            eve.close()
            wait_for("Bob is alone", lambda bob=bob: self.texts(bob, "#people li") == ["Bob"])
            self.assertNoComplaints()

    def test_refusals_are_told(self) -> None:
        """In the words of the hub."""
        server = self.serve("chat")
        self.inside(server, "Ann", "Lobby", "webSockets")
        other = self.open_example(server)
        for name, text in (
            ("ANN", "There is another ANN in this room. Please take another name."),
            (" ", "Please write a name."),
        ):
            self.enter(other, name, "Lobby")
            wait_for(text, lambda text=text: self.text(other, "#problem") == text)
        self.enter(other, "Bob", "Lobby")
        wait_for("Bob is in", lambda: self.texts(other, "#people li") == ["Ann", "Bob"])
        self.assertEqual(self.text(other, "#problem"), "")
        self.assertNoComplaints()

    def test_a_restart(self) -> None:
        """Whoever is in a room is in it again, by himself, when the server is back."""
        for transport in TRANSPORTS:
            server = self.serve("chat")
            ann = self.inside(server, "Ann", "Lobby", transport)
            bob = self.inside(server, "Bob", "Lobby", transport)
            server.stop()
            for page in (ann, bob):
                page.wait("#send:disabled")
            self.serve("chat", port=server.port, state=server.state)
            for page in (ann, bob):
                page.wait("#send:enabled")
                wait_for("both are back", lambda page=page: self.texts(page, "#people li") == ["Ann", "Bob"])
            self.say(ann, "Still there?")
            wait_for("they talk", lambda bob=bob: self.texts(bob, "#log li")[-1:] == ["Ann Still there?"])


class MoveShapeTests(ExampleTestCase):
    """One shape for all."""

    def place(self, page: TickerPage) -> tuple[int, int]:
        """Where the shape's middle is, in per cent of the board."""
        x, y = page.page.evaluate(
            """() => {
                const board = document.querySelector("#board").getBoundingClientRect();
                const shape = document.querySelector("#shape").getBoundingClientRect();
                return [(shape.left + shape.width / 2 - board.left) / board.width,
                        (shape.top + shape.height / 2 - board.top) / board.height];
            }"""
        )
        return round(100 * x), round(100 * y)

    def drag_to(self, page: TickerPage, x: float, y: float) -> None:
        """Drag the shape to a place of the board, in some steps."""
        box, board = page.page.locator("#shape").bounding_box(), page.page.locator("#board").bounding_box()
        assert box is not None and board is not None
        mouse = page.page.mouse
        mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        mouse.down()
        mouse.move(board["x"] + x * board["width"], board["y"] + y * board["height"], steps=12)
        mouse.up()

    def wait_place(self, page: TickerPage, x: int, y: int) -> None:
        """Wait until the shape is about there."""
        wait_for(
            f"the shape is at {x}, {y} in {page.url}",
            lambda: max(abs(x - self.place(page)[0]), abs(y - self.place(page)[1])) <= 1,
        )

    def open_ready(self, server: Server, transport: str, **options: Any) -> TickerPage:
        """A page that shows where the shape is."""
        page = self.open_example(server, transport, **options)
        page.wait('#shape[data-ready="true"]')
        return page

    def test_a_drag_is_seen_by_all(self) -> None:
        """On pages of another size and those that are opened later too; arrow keys move it as well."""
        for transport in TRANSPORTS:
            server = self.serve("move_shape")
            desk = self.open_ready(server, transport, viewport=DESK)
            phone = self.open_ready(server, transport, viewport=PHONE)
            for page in (desk, phone):
                wait_for("both count two", lambda page=page: "2 pages are open." in self.text(page, ".hint"))
                self.wait_place(page, 50, 50)
            self.drag_to(desk, 0.2, 0.75)
            for page in (desk, phone):
                self.wait_place(page, 20, 75)
            self.drag_to(phone, 0.9, 0.1)
            late = self.open_ready(server, transport)
            for page in (desk, phone, late):
                self.wait_place(page, 90, 10)
            late.page.locator("#shape").press("ArrowLeft")
            late.page.locator("#shape").press("ArrowDown")
            for page in (desk, phone, late):
                self.wait_place(page, 88, 12)
            self.drag_to(desk, 1.5, -0.5)
            self.wait_place(phone, 100, 0)
            self.assertNoComplaints()

    def test_moves_are_told_at_the_servers_pace(self) -> None:
        """However often a page says where the shape is, others hear of it 25 times a second at most."""
        server = self.serve("move_shape")
        mover, other = (self.open_ready(server, "webSockets") for _ in range(2))
        other.page.evaluate(
            """() => {
                window.heard = [];
                $.connection.shape.on("moved", x => window.heard.push([performance.now(), x]));
            }"""
        )
        mover.page.evaluate("for (let n = 1; n <= 400; n++) { $.connection.shape.server.move(n / 400, 0.5); }")
        wait_for("the last move is heard", lambda: other.page.evaluate("window.heard.at(-1)?.[1]") == 1)
        count, seconds = other.page.evaluate("[heard.length, (heard.at(-1)[0] - heard[0][0]) / 1000]")
        self.assertLessEqual(count, 25 * seconds + 2)
        self.assertLess(count, 100)
        self.assertNoComplaints()


class ProgressTests(ExampleTestCase):
    """A long job."""

    def begin(self, page: TickerPage, limit: int) -> None:
        """Have the prime numbers below a limit counted."""
        page.page.get_by_label("Count below").fill(str(limit))
        page.press("Begin")

    def test_progress_and_result(self) -> None:
        """The bar grows to its end, and then the result is there."""
        for transport in TRANSPORTS:
            page = self.open_example(self.serve("progress"), transport)
            page.page.evaluate(
                """() => {
                    window.seen = [];
                    new MutationObserver(() => window.seen.push(document.querySelector("#percent").textContent))
                        .observe(document.querySelector("#percent"), { childList: true });
                }"""
            )
            self.begin(page, 300_000)
            wait_for("it is done", lambda page=page: self.text(page, "#result"))
            self.assertEqual(self.text(page, "#result"), "There are 25997 prime numbers below 300000.")
            self.assertEqual(self.text(page, "#percent"), "100 %")
            self.assertEqual(page.page.get_attribute("#progress", "aria-valuenow"), "100")
            wait_for(
                "the bar is full",
                lambda page=page: page.page.evaluate("$('#bar').width() > 0.99 * $('#progress').width()"),
            )
            seen = [int(text.removesuffix(" %")) for text in page.page.evaluate("window.seen")]
            self.assertEqual(seen, sorted(seen))
            self.assertGreater(len(set(seen)), 5)
            self.begin(page, 10)
            wait_for("another", lambda page=page: "There are 4 prime" in self.text(page, "#result"))
            self.assertNoComplaints()

    def test_refusal(self) -> None:
        """A limit out of range is refused in the words of the hub, and the next one is served."""
        page = self.open_example(self.serve("progress"))
        for limit in (0, 5_000_001):
            self.begin(page, limit)
            wait_for("it is refused", lambda: self.text(page, "#problem"))
            self.assertEqual(self.text(page, "#problem"), "Please choose a number from 1 to 5,000,000.")
        self.begin(page, 3)
        wait_for("it is done", lambda: self.text(page, "#result") == "There are 1 prime numbers below 3.")
        self.assertEqual(self.text(page, "#problem"), "")
        self.assertNoComplaints()
