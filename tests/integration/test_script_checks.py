"""
What ``make lint`` says of scripts: nothing of ours, and a lot of what would not run in the browsers they are for.

ESLint itself runs, with the committed configuration, in a directory that looks like the checkout.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.support import PROJECT, new_directory

__all__ = ["ExampleScriptTests", "OurScriptsTests", "PageScriptTests"]

#: Where ``make integration`` installs ESLint, its plugin and the configuration.
_INSTALLED = Path(sys.prefix) / "eslint"
_ESLINT = _INSTALLED / "node_modules" / ".bin" / "eslint"

_DIRECTORIES = ("htdocs/scripts", "examples", "tests", "tools")

# Of all scripts of pages: the statement under test has jQuery, and something that could be anything.
_AROUND = """(function ($, window) {{
    "use strict";

    var thing = window.thing;

    thing.done();
    {statement}
}}(window.jQuery, window));
"""


def complaints(directory: Path, *paths: str) -> dict[str, list[str]]:
    """Check these paths of a directory; returns for each file which rules it breaks ("syntax" if it is no script)."""
    done = subprocess.run(
        [_ESLINT, "--config", _INSTALLED / "eslint.config.mjs", "--format", "json", *paths],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise AssertionError(f"ESLint failed: {done.stderr}")
    return {
        Path(file["filePath"]).relative_to(directory.resolve()).as_posix(): [
            message["ruleId"] or "syntax" for message in file["messages"]
        ]
        for file in json.loads(done.stdout)
    }


class _StatementsTestCase(SynchronousTestCase):
    """Has statements checked, each in a script of its own, all in one run."""

    maxDiff = None
    directory_name = ""

    def assertComplaints(self, expected: dict[str, list[str]]) -> None:
        """Each statement breaks just these rules."""
        directory = new_directory()
        scripts = directory / self.directory_name
        scripts.mkdir(parents=True)
        names = {}
        for number, statement in enumerate(expected):
            name = f"{self.directory_name}/statement_{number}.js"
            (directory / name).write_text(_AROUND.format(statement=statement), encoding="utf-8")
            names[name] = statement
        found = complaints(directory, self.directory_name)
        self.assertEqual({names[name]: rules for name, rules in found.items()}, expected)


class PageScriptTests(_StatementsTestCase):
    """Scripts of the pages may hold nothing that Internet Explorer 8 would stop at."""

    directory_name = "htdocs/scripts"

    def test_syntax(self) -> None:
        """What the parser of IE 8 refuses, or takes for something else."""
        self.assertComplaints(
            {
                "thing.options = { a: 1, };": ["syntax"],
                "thing.list = [1, 2,];": ["es-x/no-trailing-commas", "comma-dangle"],
                "thing.options = { class: 1 };": ["syntax"],
                "thing.default();": ["syntax"],
                "thing.options = { get a() { return 1; } };": ["syntax"],
                "let other = thing;": ["syntax"],
                "thing.run(() => 1);": ["syntax"],
                "thing.text = `a`;": ["syntax"],
            }
        )

    def test_functions(self) -> None:
        """What the language had not yet, whatever it is called on."""
        self.assertComplaints(
            {
                "thing.forEach(window.each);": ["es-x/no-array-prototype-foreach"],
                "thing.every(window.each);": ["es-x/no-array-prototype-every"],
                "thing.map(function (one) { return one; });": ["no-restricted-syntax"],
                "thing.filter(function (one) { return one; });": ["no-restricted-syntax"],
                "thing.at = [1].indexOf(thing);": ["no-restricted-syntax", "es-x/no-array-prototype-indexof"],
                "thing.at = thing.indexOf(window.other);": ["no-restricted-syntax"],
                "thing.text = thing.trim();": ["no-restricted-syntax"],
                "thing.run(thing.bind(window));": ["es-x/no-function-prototype-bind"],
                "thing.at = Date.now();": ["es-x/no-date-now"],
                "thing.names = Object.keys(thing);": ["es-x/no-object-keys"],
                "thing.is = Array.isArray(thing);": ["es-x/no-array-isarray"],
                "thing.is = thing.startsWith('a');": ["es-x/no-string-prototype-startswith"],
            }
        )

    def test_objects_of_the_browser(self) -> None:
        """What the browser had not yet."""
        self.assertComplaints(
            {
                "thing.addEventListener('click', thing);": ["ours/newer-dom"],
                "thing.media = window.matchMedia('print');": ["ours/newer-dom"],
                "thing.textContent = 'a';": ["ours/newer-dom"],
                "thing.socket = new window.WebSocket('/');": ["ours/newer-dom"],
                "if (window.matchMedia) { thing.done(); } thing.socket = window['fetch']('/');": ["ours/newer-dom"],
                "if (thing.test === 1) { thing.value = window.performance.now(); }": ["ours/newer-dom"],
            }
        )

    def test_mistakes(self) -> None:
        """What no browser should be asked to run."""
        self.assertComplaints(
            {
                "if (thing == 1) { thing.done(); }": ["eqeqeq"],
                "thing.done(unknown);": ["no-undef"],
                "var unused = 1;": ["no-unused-vars"],
                "eval('1');": ["no-eval"],
                "window.eval('1');": ["no-restricted-properties"],
                "thing.innerHTML = '<p>';": ["no-restricted-properties"],
                "undeclared = 1;": ["no-undef"],
                "if (thing) thing.done();": ["curly"],
            }
        )

    def test_accepted(self) -> None:
        """jQuery's functions of the same names; what is newer, after a test for it."""
        self.assertComplaints(
            {
                statement: []
                for statement in (
                    "$(thing).filter('.a').find('b').map(window.each);",
                    "thing.text = $.trim(thing);",
                    "thing.list = $.map(thing, function (one) { return one; });",
                    "thing.at = String(thing).indexOf(window.other);",
                    "thing.at = thing.indexOf(',');",
                    "thing.value = window.JSON.parse('1');",
                    "thing.at = Date.now ? Date.now() : new Date().getTime();",
                    "if (window.matchMedia) { thing.media = window.matchMedia('print'); }",
                    "thing.value = window.performance && window.performance.now ? window.performance.now() : 0;",
                    "if (!thing.classList) { thing.done(); } else { thing.classList.add('a'); }",
                    "thing.request = window.requestAnimationFrame;",
                    "if ('dataset' in thing) { thing.dataset.a = 'b'; }",
                )
            }
        )


class ExampleScriptTests(_StatementsTestCase):
    """Scripts of the examples may hold what ECMAScript 5 has, and nothing newer."""

    directory_name = "examples/any"

    def test_five_and_no_more(self) -> None:
        """Array functions yes, arrow functions no."""
        self.assertComplaints(
            {
                "thing.list = [1].map(function (one) { return one; });": [],
                "thing.names = Object.keys(thing);": [],
                "thing.run(() => 1);": ["syntax"],
                "thing.values = Object.values(thing);": ["es-x/no-object-values"],
            }
        )


class OurScriptsTests(SynchronousTestCase):
    """The scripts that there are."""

    def test_no_complaints(self) -> None:
        """Each script is looked at, and is all right."""
        scripts = {
            path.relative_to(PROJECT).as_posix()
            for directory in _DIRECTORIES
            for suffix in ("*.js", "*.mjs")
            for path in (PROJECT / directory).rglob(suffix)
        }
        self.assertEqual(complaints(PROJECT, *_DIRECTORIES), {script: [] for script in scripts})
