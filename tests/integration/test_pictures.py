"""The pictures for the README can be taken, and there is something on them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.pictures import PICTURES, take_pictures
from tests.integration.support import PROJECT, new_directory
from tests.integration.ticker_page import browser

__all__ = ["PicturesTests"]

# Size, how many different colours there are, and how bright it is on the whole, from 0 to 255.
_LOOK = """async data => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const pixels = new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
    let light = 0;
    for (const pixel of pixels) {
        light += (pixel & 255) + (pixel >> 8 & 255) + (pixel >> 16 & 255);
    }
    return {
        size: [image.width, image.height],
        colours: new Set(pixels).size,
        brightness: light / 3 / pixels.length,
    };
}"""


def look_at(picture: Path) -> dict[str, Any]:
    """What can be said of a picture; see above."""
    page = browser().new_page()
    try:
        looks: dict[str, Any] = page.evaluate(_LOOK, base64.b64encode(picture.read_bytes()).decode("ascii"))
        return looks
    finally:
        page.close()


class PicturesTests(SynchronousTestCase):
    """One picture for each kind of device and each colour scheme."""

    def assertPicture(self, path: Path) -> None:
        """A picture has its size, is light or dark as it should be, and not blank."""
        looks = look_at(path)
        context = PICTURES[path.name]
        scale = context.get("device_scale_factor", 1)
        width, height = looks["size"]
        self.assertEqual(width, context["viewport"]["width"] * scale, path)
        self.assertGreater(height, 0.7 * context["viewport"]["height"] * scale, path)
        self.assertGreater(looks["colours"], 100, path)
        if context["color_scheme"] == "light":
            self.assertGreater(looks["brightness"], 200, path)
        else:
            self.assertLess(looks["brightness"], 60, path)

    def test_taken_now(self) -> None:
        """The page of this checkout, light and dark, on a desk and on a phone."""
        directory = new_directory()
        take_pictures(directory, new_directory())
        self.assertEqual(sorted(path.name for path in directory.iterdir()), sorted(PICTURES))
        for path in directory.iterdir():
            self.assertPicture(path)

    def test_in_the_readme(self) -> None:
        """The README shows each of the pictures, as they were taken last."""
        readme = (PROJECT / "README.md").read_text(encoding="utf-8")
        for name in PICTURES:
            self.assertIn(f"docs/{name}", readme)
            self.assertPicture(PROJECT / "docs" / name)
