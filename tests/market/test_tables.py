"""Tests for `twisted_ticker.market.tables`."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.market.tables import FileError, read_table, read_text

COLUMNS = ("symbol", "price")


class FileTestCase(SynchronousTestCase):
    """With a file of the test's own."""

    def file(self, content: str | bytes, name: str = "prices.csv") -> str:
        """The path of a file with this content."""
        directory = Path(self.mktemp())
        directory.mkdir(parents=True)
        path = directory / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)


class TableTests(FileTestCase):
    """Tests for `read_table`."""

    def rows(self, content: str | bytes) -> list[tuple[int, list[str]]]:
        return list(read_table(self.file(content), COLUMNS))

    def refusal(self, content: str | bytes) -> str:
        """Why a file is refused, without its directory."""
        path = self.file(content)
        text = str(self.assertRaises(FileError, list, read_table(path, COLUMNS)))
        self.assertEqual(len(text.splitlines()), 1)
        self.assertTrue(text.endswith("."))
        return text.replace(f"{path}", "prices.csv")

    def test_without_header(self) -> None:
        """Lines count from 1; empty ones count, but are no rows; spaces around cells are none of theirs."""
        self.assertEqual(self.rows("A,1\n\n , \n B , 2 \n"), [(1, ["A", "1"]), (4, ["B", "2"])])
        self.assertEqual(self.rows(""), [])

    def test_with_header(self) -> None:
        """A header in any letter case gives the order; columns that it names beside are ignored."""
        expected = [(2, ["A", "1"])]
        for header, row in (("symbol,price", "A,1"), ("PRICE, Symbol", "1,A"), ("Name,Symbol,Note,Price", "x,A,y,1")):
            self.assertEqual(self.rows(f"{header}\n{row}\n"), expected)

    def test_only_the_first_row_is_a_header(self) -> None:
        """The same words again are a row like others."""
        self.assertEqual(self.rows("symbol,price\nsymbol,price"), [(2, ["symbol", "price"])])

    def test_a_name_twice_is_no_header(self) -> None:
        """Which of two columns is meant, nobody can know."""
        self.assertIn("line 1: 3 columns", self.refusal("symbol,price,price\nA,1,2"))

    def test_notation(self) -> None:
        """Byte order mark, quotes and either end of line, as spreadsheets write them."""
        self.assertEqual(self.rows(b'\xef\xbb\xbfsymbol,price\r\n"A,B","1"\r\n'), [(2, ["A,B", "1"])])

    def test_other_columns(self) -> None:
        """A row with other cells than the first is refused: a price of 1,234.00 is not 1."""
        self.assertEqual(
            self.refusal("A,1\nB,1,234.00\n"), "prices.csv, line 2: 3 columns instead of 2, which are symbol, price."
        )
        self.assertEqual(self.refusal("A;1\n"), "prices.csv, line 1: 1 column instead of 2, which are symbol, price.")
        self.assertEqual(
            self.refusal("symbol,price,name\nA,1\n"),
            "prices.csv, line 2: 2 columns instead of 3, which are in the header.",
        )

    def test_no_csv(self) -> None:
        """Quotes that do not end, or are in the middle, are refused."""
        self.assertIn("prices.csv, line 2: no CSV: ", self.refusal('A,1\n"B,2'))
        self.assertIn("prices.csv, line 2: no CSV: ", self.refusal('A,1\n"B"x,2\n'))

    def test_no_utf8(self) -> None:
        """Other encodings are refused, with the line."""
        self.assertEqual(self.refusal(b"A,1\nB\xe4,2\n"), "prices.csv, line 2: not UTF-8.")

    def test_long_lines(self) -> None:
        """A line that does not end is no table; nor is a cell that goes on over many lines."""
        self.assertEqual(len(self.rows("A," + "1" * 65533 + "\n")), 1)
        self.assertEqual(self.refusal("A," + "1" * 65534 + "\n"), "prices.csv, line 1: more than 65536 bytes.")
        self.assertEqual(self.refusal("A,1\n" + "x" * 70000), "prices.csv, line 2: more than 65536 bytes.")
        self.assertIn(
            "field larger than field limit", self.refusal('"' + "x" * 60000 + "\n" + ("y" * 60000 + "\n") * 9)
        )

    def test_unreadable(self) -> None:
        """A file that is not there, or is a directory, is refused."""
        for path, reason in (("/nowhere.csv", "No such file or directory"), ("/", "Is a directory")):
            text = str(self.assertRaises(FileError, list, read_table(path, COLUMNS)))
            self.assertEqual(text, f"{path}: cannot be read: {reason}.")

    def test_the_file_is_closed(self) -> None:
        """Even if not all of it is read."""
        before = len(os.listdir("/proc/self/fd"))
        rows = read_table(self.file("A,1\nB,2\n"), COLUMNS)
        next(rows)
        del rows
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)


class TextTests(FileTestCase):
    """Tests for `read_text`."""

    def test_texts(self) -> None:
        """A text as it is, but for a byte order mark."""
        self.assertEqual(read_text(self.file(b"\xef\xbb\xbf\xc3\xa4\r\n"), 7), "ä\r\n")

    def test_refused(self) -> None:
        """Too long, other encodings, not there."""
        path = self.file(b"12345\n\xff")
        self.assertEqual(str(self.assertRaises(FileError, read_text, path, 6)), f"{path}: more than 6 bytes.")
        self.assertEqual(str(self.assertRaises(FileError, read_text, path, 7)), f"{path}, line 2: not UTF-8.")
        text = str(self.assertRaises(FileError, read_text, "/nowhere", 7))
        self.assertEqual(text, "/nowhere: cannot be read: No such file or directory.")
