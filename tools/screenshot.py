"""
Makes ``docs/screenshot.png``, the picture in the README: ``python tools/screenshot.py``.

It shows the real page on a real server a while after the market was opened; the seed is one with which by then some
stocks are up and some are down.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from tests.integration.support import FULL_PAGE, Server, TickerPage, wait_for  # noqa: E402

PICTURE = PROJECT / "docs" / "screenshot.png"
SEED = "7"
MARGIN = 8
DEADLINE_SECONDS = 180  # the strip comes by every 15 seconds, and everything must be right just then

# What the picture should show: the whole strip, and stocks that are up, down, and changing just now.
_IS_GOOD = """() => {
    const box = document.querySelector('#stockTicker').getBoundingClientRect();
    const list = document.querySelector('#stockTicker ul').getBoundingClientRect();
    return list.left > box.left - 12 && list.right < box.right
        && ['[data-direction=up]', '[data-direction=down]', '[data-flash=up]', '[data-flash=down]'].every(
            state => document.querySelector('#stockTable tr' + state));
}"""


def take(page: TickerPage, picture: Path) -> None:
    """Open the market, wait for a good moment, and take a picture that ends where the content does."""
    page.load()
    page.wait_connected("webSockets")
    page.wait_market("closed")
    page.press("Open Market")
    wait_for("the page shows what it can", lambda: page.page.evaluate(_IS_GOOD), DEADLINE_SECONDS)
    box = page.page.locator(".page").bounding_box()
    assert box is not None
    clip = {"x": 0, "y": 0, "width": 1280, "height": box["y"] + box["height"] + MARGIN}
    page.page.screenshot(path=picture, clip=clip)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="screenshot-") as directory:
        os.chdir(directory)  # the server's files go there
        server = Server("--interval", "0.08", "--feed", f"random:{SEED}")
        try:
            page = TickerPage(server.url + FULL_PAGE, viewport={"width": 1280, "height": 800})
            PICTURE.parent.mkdir(exist_ok=True)
            take(page, PICTURE)
            page.close()
        finally:
            server.stop()
            os.chdir(PROJECT)
    print(f"Made {PICTURE.relative_to(PROJECT)}.")


if __name__ == "__main__":
    main()
