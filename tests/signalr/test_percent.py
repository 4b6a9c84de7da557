"""Tests for `twisted_ticker.signalr.percent`."""

from __future__ import annotations

from urllib.parse import quote, unquote

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.percent import percent_decoded

#: Pieces of escapes, of what quoted-printable means something by, and of UTF-8.
PIECES = st.sampled_from(
    (
        "%", "%4", "%41", "%c3", "%A9", "%00", "%0A", "%3D", "%25", "=", "==", "=41", "=\n", "\r\n", "\n", "\r", "_",
        "\t", " ", "é", "\ufffd", "😀", "a", "4", "1", "F", "%f0%9f%98%80", "%ed%a0%80", "%e2%80", "\ud800",
    )
)  # fmt: skip


class PercentDecodedTests(SynchronousTestCase):
    """Escapes."""

    @given(st.lists(PIECES).map("".join) | st.text())
    @example("%")
    @example("=\nA%41")
    @example("%%41")
    def test_as_the_standard_library_does_it(self, text: str) -> None:
        """Broken escapes, line ends, what is no UTF-8: the same text comes out."""
        self.assertEqual(percent_decoded(text), unquote(text.encode("utf-8", "replace").decode(), errors="replace"))

    @given(st.text())
    def test_what_was_escaped_is_read_back(self, text: str) -> None:
        """Whatever it was."""
        escaped = quote(text, safe="", errors="replace")
        self.assertEqual(percent_decoded(escaped), text.encode("utf-8", "replace").decode())

    def test_many_broken_escapes(self) -> None:
        """Thousands of them are left as they are; thousands of good ones are decoded."""
        self.assertEqual(percent_decoded("%41" * 100_000), "A" * 100_000)
        self.assertEqual(percent_decoded("%zz%41" * 5_000), "%zzA" * 5_000)
        broken = "%zz%41" * 50_000
        self.assertEqual(percent_decoded(broken), broken)
