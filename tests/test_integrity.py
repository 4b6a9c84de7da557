"""What ``tools/integrity.py`` does, and that our pages have the right hashes of our own scripts."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tools import integrity

HTDOCS = Path(__file__).resolve().parent.parent / "htdocs"
PAGES = ("StockTicker.html", "StockTickerMini.html")

SCRIPT = b"alert(1);\n"
DIGEST = "sha384-" + base64.b64encode(hashlib.sha384(SCRIPT).digest()).decode("ascii")


class PagesTests(SynchronousTestCase):
    """What a strict Content-Security-Policy and ``integrity`` ask of both pages."""

    def setUp(self) -> None:
        self.pages = {name: (HTDOCS / name).read_text(encoding="utf-8") for name in PAGES}

    def test_all_pages(self) -> None:
        """There are no other pages, which nobody would look at."""
        self.assertEqual(tuple(sorted(path.name for path in HTDOCS.glob("*.html"))), PAGES)

    def test_our_scripts(self) -> None:
        """The hash of each script of ours is right; if this fails, run ``python tools/integrity.py``."""
        for name, text in self.pages.items():
            ours = [script for script in integrity.scripts_of(text) if not script.source.startswith("vendor/")]
            self.assertTrue(ours, name)
            for script in ours:
                self.assertEqual(script.integrity, integrity.digest(HTDOCS / script.source), f"{name}: {script.source}")

    def test_every_script_is_loaded(self) -> None:
        """Between them the pages load all our scripts, each at most once in a page."""
        loaded: set[str] = set()
        for name, text in self.pages.items():
            sources = [script.source for script in integrity.scripts_of(text)]
            self.assertEqual(len(sources), len(set(sources)), name)
            loaded.update(source for source in sources if source.startswith("scripts/"))
        self.assertEqual(loaded, {f"scripts/{path.name}" for path in (HTDOCS / "scripts").iterdir()})

    def test_fetched_scripts(self) -> None:
        """Scripts that others wrote have a hash as well, in both pages the same one."""
        seen: dict[str, str | None] = {}
        for text in self.pages.values():
            for script in integrity.scripts_of(text):
                if script.source.startswith("vendor/"):
                    self.assertRegex(script.integrity or "", r"^sha384-[A-Za-z0-9+/]{64}$", script.source)
                    self.assertEqual(seen.setdefault(script.source, script.integrity), script.integrity)
        self.assertEqual(set(seen), {f"vendor/jquery{part}.min.js" for part in ("", "-1", ".color", ".signalR")})

    def test_nothing_inline(self) -> None:
        """No style or event attribute and no style element, which the policy would refuse."""
        for name, text in self.pages.items():
            self.assertIsNone(re.search(r"""(?i)<style|\s(?:style|on[a-z]+)\s*=\s*["']|javascript:""", text), name)

    def test_nothing_from_elsewhere(self) -> None:
        """Whatever a page loads is on the same server."""
        for name, text in self.pages.items():
            self.assertEqual(re.findall(r"""(?:src|href|action)="(?:[a-z]+:)?//[^"]*""", text), [], name)

    def test_one_jquery_for_each_browser(self) -> None:
        """Internet Explorer 8 gets the last jQuery that it can run, all others get the current one, nobody both."""
        old = '<!--[if lt IE 9]><script src="vendor/jquery-1.min.js"'
        current = '<!--[if gte IE 9]><!--><script src="vendor/jquery.min.js"'
        for name, text in self.pages.items():
            self.assertEqual((text.count(old), text.count(current)), (1, 1), name)
            lines = [line for line in text.splitlines() if "vendor/jquery-1." in line or "vendor/jquery.min." in line]
            ends = [line[line.index("</script>") :] for line in lines]
            self.assertEqual(ends, ["</script><![endif]-->", "</script><!--<![endif]-->"], name)


class ScriptsOfTests(SynchronousTestCase):
    """What :func:`scripts_of` finds, and what it refuses."""

    def test_scripts(self) -> None:
        """Scripts are found in their order, in conditional comments too."""
        text = '<script src="a.js"></script><!--[if lt IE 9]><script integrity="x" src="b/c.js"></script><![endif]-->'
        self.assertEqual(
            list(integrity.scripts_of(text)), [integrity.Script("a.js", None), integrity.Script("b/c.js", "x")]
        )

    def test_refused(self) -> None:
        """A script in the page, one of another site and one outside of the pages cannot be vouched for."""
        for tag in ("<script>", '<script async="">', *(f'<script src="{x}">' for x in ("//x/a.js", "/a.js", "http:a"))):
            with self.assertRaises(integrity.IntegrityError, msg=tag):
                list(integrity.scripts_of(f"{tag}</script>"))


class ToolTests(SynchronousTestCase):
    """The command."""

    def setUp(self) -> None:
        self.htdocs = Path(self.mktemp())
        self.htdocs.mkdir()
        (self.htdocs / "a.js").write_bytes(SCRIPT)
        self.page = self.htdocs / "page.html"

    def call(self, *arguments: str) -> tuple[int, str]:
        """Call it; returns its status and all that it says."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            status = integrity.main(list(arguments), self.htdocs)
        return status, output.getvalue()

    def test_corrects(self) -> None:
        """A missing hash and a wrong one are corrected, all else stays; then there is nothing to do."""
        page = (
            '<p>ä</p>\n<!--[if IE]><script src="a.js"{}></script><![endif]-->\n<script defer src="a.js"{}></script>\n'
        )
        self.page.write_text(page.format("", ' integrity="sha384-wrong"'), encoding="utf-8")
        self.assertEqual(self.call(), (0, "page.html: corrected the integrity of a.js, a.js.\n"))
        right = page.format(*[f' integrity="{DIGEST}"'] * 2)
        self.assertEqual(self.page.read_text(encoding="utf-8"), right)
        for arguments in ((), ("--check",)):
            self.assertEqual(self.call(*arguments), (0, ""))
        self.assertEqual(self.page.read_text(encoding="utf-8"), right)

    def test_check(self) -> None:
        """``--check`` names what is wrong, and leaves it."""
        self.page.write_text('<script src="a.js"></script>', encoding="utf-8")
        self.assertEqual(
            self.call("--check"), (1, "page.html: wrong integrity of a.js; run python tools/integrity.py\n")
        )
        self.assertEqual(self.page.read_text(encoding="utf-8"), '<script src="a.js"></script>')

    def test_script_missing(self) -> None:
        """Without the file there is no hash; the page stays as it is."""
        self.page.write_text('<script src="b.js"></script>', encoding="utf-8")
        status, said = self.call()
        self.assertEqual(status, 1)
        self.assertIn("b.js; scripts that others wrote are fetched by make assets", said)
        self.assertEqual(self.page.read_text(encoding="utf-8"), '<script src="b.js"></script>')

    def test_usage(self) -> None:
        """Anything else on the command line is refused."""
        self.assertEqual(self.call("--chekc"), (2, "usage: python tools/integrity.py [--check]\n"))
