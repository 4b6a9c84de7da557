"""Tests for `twisted_ticker.signalr.references`."""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr import ConfigurationError, Hub
from twisted_ticker.signalr.references import resolve

MODULES = {
    "unfinished_reference": "def f(:\n",
    "failing_reference": "\nraise KeyError('a\\nb')\n",
    "needy_reference": "import nowhere_to_be_found\n",
}


class ResolveTests(SynchronousTestCase):
    """Tests for `resolve`."""

    def setUp(self) -> None:
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        for name, text in MODULES.items():
            (directory / f"{name}.py").write_text(text)
        self.patch(sys, "path", [str(directory), *sys.path])

    def test_objects_are_found(self) -> None:
        """Also what is within a class."""
        self.assertIs(resolve("twisted_ticker.signalr:Hub"), Hub)
        self.assertIs(resolve("twisted_ticker.signalr:Hub.on_connected"), Hub.on_connected)

    def test_what_cannot_be_found(self) -> None:
        """The text says, in one line, what is wrong."""
        form = "is not of the form PACKAGE.MODULE:NAME."
        cases = [
            ("chat", f"'chat' {form}"),
            ("", f"'' {form}"),
            ("chat:", f"'chat:' {form}"),
            (":Hub", f"':Hub' {form}"),
            (".chat:Hub", f"'.chat:Hub' {form}"),
            ("chat.py:Hub:x", f"'chat.py:Hub:x' {form}"),
            ("chat/room:Hub", f"'chat/room:Hub' {form}"),
            ("chat:Hub()", f"'chat:Hub()' {form}"),
            ("nowhere.chat:Hub", "The module 'nowhere.chat' cannot be imported: No module named 'nowhere'."),
            ("twisted_ticker.signalr:Nub", "The module 'twisted_ticker.signalr' has no 'Nub'."),
            ("twisted_ticker.signalr:Hub.x", "The module 'twisted_ticker.signalr' has no 'Hub.x'."),
            (
                "needy_reference:x",
                "The module 'needy_reference' cannot be imported: No module named 'nowhere_to_be_found'.",
            ),
            (
                "unfinished_reference:x",
                "The module 'unfinished_reference' cannot be imported: "
                "invalid syntax (unfinished_reference.py, line 1).",
            ),
            (
                "failing_reference:x",
                "The module 'failing_reference' cannot be imported: KeyError: 'a\\nb' (failing_reference.py, line 2).",
            ),
        ]
        for reference, text in cases:
            error = self.assertRaises(ConfigurationError, resolve, reference)
            self.assertEqual(str(error), text)
