"""Tests for `twisted_ticker.signalr.protocol.cursors`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.protocol.cursors import Cursor

EPOCHS = st.text("0123456789abcdef", min_size=1, max_size=16)

# Of all these, Python's int() reads the number.
SPELLINGS = ["e-0x1f", "e-+1f", "e-1_f", "e-1F", "e- 1f", "e-1f ", "e-01f", "e-\u0661", "e-00", "e-1f\n"]

FOREIGN = [
    None,
    "",
    "-",
    "e",
    "e-",
    "-1f",
    "1f",
    "e-xyz",
    "garbage",
    "e-1f,2",
    "s-0,1|2,3",
    "d-EFFCD511-B,0|K,0|L,1",
]


class CursorTests(SynchronousTestCase):
    """Message ids, as clients carry them."""

    def test_text_is_epoch_and_hexadecimal_sequence(self) -> None:
        """The text needs no escaping in a URL, in JSON or in script."""
        for cursor, text in ((Cursor("9f02ab1c", 0), "9f02ab1c-0"), (Cursor("e", 31), "e-1f")):
            self.assertEqual(cursor.encode(), text)
            self.assertEqual(Cursor.parse(text), cursor)

    @settings(deadline=None)
    @given(EPOCHS, st.integers(min_value=0, max_value=2**63))
    def test_cursor_is_read_back(self, epoch: str, sequence: int) -> None:
        """Every cursor that was sent out is understood when it comes back."""
        cursor = Cursor(epoch, sequence)
        self.assertEqual(Cursor.parse(cursor.encode()), cursor)

    def test_foreign_texts_are_none(self) -> None:
        """No cursor, another server's and garbage are all the same: start from now on."""
        for text in FOREIGN:
            self.assertIsNone(Cursor.parse(text), text)

    def test_spellings_that_were_never_written_are_none(self) -> None:
        """A number has one spelling only."""
        for text in SPELLINGS:
            self.assertIsNone(Cursor.parse(text), text)

    @settings(deadline=None)
    @given(st.text("e0123456789abcdefABCDEFx_+- \u0661", max_size=12))
    def test_what_is_read_is_what_would_be_written(self, text: str) -> None:
        """No two texts are the same cursor."""
        cursor = Cursor.parse(text)
        if cursor is not None:
            self.assertEqual(cursor.encode(), text)

    def test_length_is_limited(self) -> None:
        """64 characters are read, 65 are not."""
        epoch = "e" * 62
        self.assertEqual(Cursor.parse(f"{epoch}-1"), Cursor(epoch, 1))
        self.assertIsNone(Cursor.parse(f"{epoch}-12"))
