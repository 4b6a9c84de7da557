"""Tests for `twisted_ticker.signalr.excerpts`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.excerpts import excerpt


class ExcerptTests(SynchronousTestCase):
    """What is written down of a text."""

    def test_short_texts_stay_as_they_are(self) -> None:
        """Up to 300 characters."""
        for text in ("", "x", "é" * 300):
            self.assertEqual(excerpt(text), text)

    def test_long_texts_are_cut(self) -> None:
        """The beginning is there, and how long it was."""
        self.assertEqual(excerpt("ab" * 1000), "ab" * 150 + "… (2000 characters)")
