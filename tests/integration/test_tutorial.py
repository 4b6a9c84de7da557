"""
``docs/tutorial.md``, followed to the letter: its files, its command, its pages, its log lines.

The page says what to do in these forms, which the tests read:

- a line that is nothing but a path in backticks and a colon, and then a fenced block: a file;
- a fenced block of ``sh`` that begins with ``twistd``: the command that serves;
- a fenced block of ``js`` without a path: a line to put in front of the one that starts the connection;
- a comment ``<!-- console: … -->``, and then a fenced block: lines of the browser's console, in this order. An ellipsis
  stands for anything.
"""

from __future__ import annotations

import re
import shlex
import signal
from typing import Any

from tests.integration.support import PROJECT, Server, StockTickerTestCase, TickerPage, new_directory, wait_for

TUTORIAL = (PROJECT / "docs" / "tutorial.md").read_text(encoding="utf-8")

_BLOCK = r"\n+```(?P<language>\w*)\n(?P<text>.*?)^```$"
FILES = {match["path"]: match["text"] for match in re.finditer(rf"(?ms)^`(?P<path>[^`\n]+)`:{_BLOCK}", TUTORIAL)}
CONSOLE = {
    match["name"]: match["text"].splitlines()
    for match in re.finditer(rf"(?ms)^<!-- console: (?P<name>.*?) -->{_BLOCK}", TUTORIAL)
}
SYMBOLS = ["MSFT", "AAPL", "GOOG"]
START = "$.connection.hub.start()"
START_POLLING = '$.connection.hub.start({ transport: "longPolling" })'


def blocks(language: str) -> list[str]:
    """The texts of all blocks in that language, files included."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", TUTORIAL)


def is_said(line: str, console: list[str]) -> int:
    """After how many of the console's lines *line* has been said; 0 if it has not."""
    wanted = re.compile(".*".join(re.escape(part) for part in line.split("…")) + "$")
    return next((count for count, said in enumerate(console, 1) if wanted.search(said)), 0)


class TutorialTests(StockTickerTestCase):
    """What the tutorial promises."""

    def follow(self, *, start: str = START, logging: bool = False) -> str:
        """Do what the tutorial says, in an empty directory; returns the page's address."""
        self.directory = new_directory()
        for path, text in FILES.items():
            file = self.directory / path
            file.parent.mkdir(exist_ok=True)
            if file.suffix == ".js":
                (switch,) = (block for block in blocks("js") if block not in FILES.values())
                text = text.replace(f"    {START}", f"{switch if logging else ''}    {start}")
            file.write_text(text, encoding="utf-8")
        return self.serve().url

    def serve(self, **more: Any) -> Server:
        """Run the tutorial's command there."""
        (command,) = (block for block in blocks("sh") if block.startswith("twistd "))
        options = shlex.split(command.removeprefix("twistd -n signalr "))
        return self.start_server(*options, plugin="signalr", cwd=self.directory, **more)

    def rows(self, page: TickerPage) -> list[list[str]]:
        """What the page's table shows."""
        script = "rows => rows.map(row => Array.from(row.children, cell => cell.textContent))"
        shown: list[list[str]] = page.page.eval_on_selector_all("#stocks tr", script)
        return shown

    def assertMovesTogether(self, pages: list[TickerPage]) -> None:
        """All pages show the three stocks, the same prices, and then other prices, the same again."""
        for page in pages:
            wait_for("the stocks are shown", lambda page=page: [row[0] for row in self.rows(page)] == SYMBOLS)
        seen = self.rows(pages[0])
        for _ in range(3):
            wait_for("the prices move", lambda before=seen: self.rows(pages[0]) != before)
            wait_for("all pages show the same", lambda: len({str(self.rows(page)) for page in pages}) == 1)
            seen = self.rows(pages[0])

    def assertSaid(self, name: str, page: TickerPage) -> None:
        """The page has said what the tutorial says that it does, in this order."""
        position = 0
        for line in CONSOLE[name]:
            told = line.replace("127.0.0.1:8080", page.url.split("/")[2])

            def is_told(told: str = told, position: int = position) -> int:
                return is_said(told, self.heard(page)[position:])

            position += wait_for(f"the client says {told!r}", is_told)

    def heard(self, page: TickerPage) -> list[str]:
        """What the page has said so far; Playwright passes it on only while it is asked for something."""
        page.page.wait_for_timeout(20)
        return page.console

    def test_files(self) -> None:
        """The tutorial has the files that it speaks of."""
        self.assertEqual(
            list(FILES), ["stock.py", "hub.py", "ticker.py", "app.py", "htdocs/index.html", "htdocs/ticker.js"]
        )
        self.assertEqual(list(CONSOLE), ["webSockets", "without WebSocket", "longPolling"])
        self.assertIn(START_POLLING, TUTORIAL)

    def test_two_pages(self) -> None:
        """As printed, two pages show the same prices, which move."""
        url = self.follow()
        self.assertMovesTogether([self.open_page(url), self.open_page(url)])
        self.assertEqual([page.console for page in self.pages], [[], []])
        self.assertNoComplaints()

    def test_restart(self) -> None:
        """After Ctrl-C and another start, the page goes on by itself."""
        page = self.open_page(self.follow())
        self.assertMovesTogether([page])
        (server,) = self.servers
        server.process.send_signal(signal.SIGINT)
        server.wait()
        before = self.rows(page)
        self.serve(port=server.port, state=server.state)
        wait_for("the prices move again", lambda: self.rows(page) != before)
        self.assertMovesTogether([page])

    def test_log_of_the_negotiation(self) -> None:
        """With logging on, the client says what the tutorial explains; it asks for one token only."""
        page = self.make_page(self.follow(logging=True))
        asked: list[str] = []
        page.page.on("request", lambda request: asked.append(request.url))
        page.load()
        self.assertSaid("webSockets", page)
        self.assertEqual(len([url for url in asked if "/negotiate?" in url]), 1)
        self.assertEqual(len([line for line in page.console if "Negotiating with" in line]), 2)
        self.assertMovesTogether([page])
        self.assertNoComplaints()

    def test_without_websocket(self) -> None:
        """A page whose WebSocket is taken away falls back, and shows the same as one that has it."""
        url = self.follow(logging=True)
        (script,) = re.findall(r"<script>(delete .*?)</script>", TUTORIAL)
        pages = [self.open_page(url, init_script=script), self.open_page(url)]
        self.assertSaid("without WebSocket", pages[0])
        self.assertMovesTogether(pages)
        self.assertNoComplaints()

    def test_long_polling(self) -> None:
        """A page that asks for long polling gets it."""
        page = self.open_page(self.follow(start=START_POLLING, logging=True))
        self.assertSaid("longPolling", page)
        self.assertMovesTogether([page])
        self.assertNoComplaints()
