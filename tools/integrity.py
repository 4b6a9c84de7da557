"""
Keeps the ``integrity`` attributes of our pages right: the hash of each script, without which a browser does not run it.

``python tools/integrity.py`` writes them; run it after a script was changed. ``python tools/integrity.py --check`` only
looks, and fails if one is wrong. Both need the fetched scripts (``make assets``).
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["IntegrityError", "Script", "digest", "rewritten", "scripts_of", "wrong_scripts"]

HTDOCS = Path(__file__).resolve().parent.parent / "htdocs"

# Also those in conditional comments, which is why no HTML parser reads the pages.
_SCRIPT = re.compile(r"<script\b(?P<attributes>[^>]*)>")
_SOURCE = re.compile(r'\bsrc="(?P<source>[^"]*)"')
_INTEGRITY = re.compile(r'\s+integrity="(?P<integrity>[^"]*)"')


class IntegrityError(Exception):
    """A page has a script that cannot be vouched for; the text is for the person who runs the tool."""


@dataclass(frozen=True)
class Script:
    """A script element: the path that it names, relative to its page, and its ``integrity``, or ``None``."""

    source: str
    integrity: str | None


def scripts_of(text: str) -> Iterator[Script]:
    """
    All scripts of a page.

    Raises:
        IntegrityError: one is in the page itself, or comes from elsewhere.
    """
    for match in _SCRIPT.finditer(text):
        yield _script(match["attributes"])


def _script(attributes: str) -> Script:
    source, integrity = _SOURCE.search(attributes), _INTEGRITY.search(attributes)
    if source is None:
        raise IntegrityError(f"a script without src: <script{attributes}>")
    if re.match(r"/|[a-z]+:", source["source"], re.I):
        raise IntegrityError(f"a script that is not beside its page: {source['source']}")
    return Script(source["source"], integrity["integrity"] if integrity else None)


def digest(file: Path) -> str:
    """
    The ``integrity`` of a script.

    Raises:
        IntegrityError: there is no such file.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise IntegrityError(f"there is no {file}; scripts that others wrote are fetched by make assets") from None
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode("ascii")


def wrong_scripts(page: Path) -> list[str]:
    """The sources of a page's scripts that a browser would refuse, or run whatever they are."""
    scripts = scripts_of(page.read_text(encoding="utf-8"))
    return [script.source for script in scripts if script.integrity != digest(page.parent / script.source)]


def rewritten(text: str, directory: Path) -> str:
    """The text of a page of a directory, with the right ``integrity`` on all its scripts."""

    def right(match: re.Match[str]) -> str:
        script = _script(match["attributes"])
        others = _INTEGRITY.sub("", match["attributes"])
        return f'<script{others} integrity="{digest(directory / script.source)}">'

    return _SCRIPT.sub(right, text)


def main(arguments: list[str], htdocs: Path = HTDOCS) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: python tools/integrity.py [--check]", file=sys.stderr)
        return 2
    status = 0
    try:
        for page in sorted(htdocs.glob("*.html")):
            wrong = wrong_scripts(page)
            if wrong and arguments:
                print(f"{page.name}: wrong integrity of {', '.join(wrong)}; run python tools/integrity.py")
                status = 1
            elif wrong:
                page.write_text(rewritten(page.read_text(encoding="utf-8"), page.parent), encoding="utf-8")
                print(f"{page.name}: corrected the integrity of {', '.join(wrong)}.")
    except IntegrityError as error:
        print(error, file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
