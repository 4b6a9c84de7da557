"""
Makes the pictures in the README: ``python tools/screenshot.py``, or ``make screenshots``.

The tests take the same pictures, and look whether there is something on them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from tests.integration.pictures import PICTURES, take_pictures  # noqa: E402

DIRECTORY = PROJECT / "docs"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="screenshot-") as directory:
        os.chdir(directory)  # the server's files go there
        take_pictures(DIRECTORY, Path(directory))
        os.chdir(PROJECT)
    print(f"Made {', '.join(PICTURES)} in {DIRECTORY.relative_to(PROJECT)}.")


if __name__ == "__main__":
    main()
