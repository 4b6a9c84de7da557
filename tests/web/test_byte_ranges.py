"""Tests for `twisted_ticker.web.byte_ranges`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.web.byte_ranges import ByteRange, ranges_of


class RangesTests(SynchronousTestCase):
    """Tests for `ranges_of`."""

    def test_table(self) -> None:
        """What is asked for of a file of ten bytes, and what there is of it: offsets and sizes."""
        for header, wanted in (
            ("bytes=0-0", [(0, 1)]),
            ("bytes=0-", [(0, 10)]),
            ("bytes=0-9", [(0, 10)]),
            ("bytes=0-10", [(0, 10)]),
            ("bytes=0-99999999999999999999", [(0, 10)]),
            ("bytes=9-", [(9, 1)]),
            ("bytes=-1", [(9, 1)]),
            ("bytes=-10", [(0, 10)]),
            ("bytes=-11", [(0, 10)]),
            ("bytes=-99999999999999999999", [(0, 10)]),
            ("Bytes = 2-3", [(2, 2)]),
            ("bytes=0-1,8-9", [(0, 2), (8, 2)]),
            ("bytes=-2, 0-1", [(8, 2), (0, 2)]),
            ("bytes=\t0-1 ,, 3-3 ,", [(0, 2), (3, 1)]),
            ("bytes=0-1,20-30", [(0, 2)]),
            # Nothing of it is there.
            ("bytes=10-", []),
            ("bytes=99999999999999999999-", []),
            ("bytes=10-20,-0", []),
            ("bytes=-0", []),
            # Nonsense.
            ("bytes=", []),
            ("bytes=,", []),
            ("bytes=-", []),
            ("bytes=--1", []),
            ("bytes=1-0", []),
            ("bytes=a-b", []),
            ("bytes=0", []),
            ("bytes=0-1-2", []),
            ("bytes=0 - 1", []),
            ("bytes=+0-1", []),
            ("bytes=0x0-1", []),
            ("bytes=0-1;2-3", []),
            ("bytes=\u0660-1", []),
            ("bytes=0-1,nonsense", []),
            ("bytes=" + "9" * 5000 + "-", []),
            # Not for us, or too much trouble.
            ("lines=0-1", None),
            ("bytes", None),
            ("", None),
            ("bytes=0-5,5-9", None),
            ("bytes=0-,0-,0-", None),
            ("bytes=-5,-5", None),
            ("bytes=" + ",".join(["0-0"] * 17), None),
            ("bytes=" + ",".join(["0-"] * 4000), None),
        ):
            ranges = None if wanted is None else [ByteRange(offset, size) for offset, size in wanted]
            self.assertEqual(ranges_of(header, 10), ranges, header[:40])

    def test_an_empty_file(self) -> None:
        """There is no byte to be had."""
        for header in ("bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"):
            self.assertEqual(ranges_of(header, 0), [], header)

    @given(
        st.lists(st.tuples(st.none() | st.integers(0, 30), st.none() | st.integers(0, 30)), max_size=20),
        st.integers(0, 20),
    )
    def test_no_more_than_there_is(self, bounds: list[tuple[int | None, int | None]], total: int) -> None:
        """Whatever is asked for: what is sent lies within the file, and no byte of it is sent twice."""
        specs = ("-".join("" if bound is None else str(bound) for bound in pair) for pair in bounds)
        ranges = ranges_of("bytes=" + ",".join(specs), total)
        sent = [byte for one in ranges or () for byte in range(one.offset, one.offset + one.size)]
        self.assertEqual(len(sent), len(set(sent)))
        self.assertTrue(set(sent) <= set(range(total)))
        self.assertTrue(all(one.size > 0 for one in ranges or ()))

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Nothing that is written there is an error."""
        ranges_of(text, 10)
        ranges_of(f"bytes={text}", 10)
