"""
Text files that operators write: read line by line, with bounds, and errors that say where.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

__all__ = ["FileError", "read_table", "read_text"]

#: Longest line in bytes: more than anybody writes, so that a file that is no table is told before it fills the memory.
_MAX_LINE = 65536


class FileError(Exception):
    """
    A file cannot be used; the text is one sentence that names it.

    Args:
        path: the file.
        reason: why not.
        line: where, counted from 1; 0 when it is about the whole file.
    """

    def __init__(self, path: str, reason: str, line: int = 0) -> None:
        super().__init__(f"{path}, line {line}: {reason}." if line else f"{path}: {reason}.")


def read_text(path: str, max_bytes: int) -> str:
    """
    A whole text file, in UTF-8.

    Raises:
        FileError: it cannot be read, is longer than *max_bytes*, or is no UTF-8.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(content) > max_bytes:
        raise FileError(path, f"more than {max_bytes} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(path, "not UTF-8", content.count(b"\n", 0, error.start) + 1) from None


def read_table(path: str, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """
    The rows of a CSV file in UTF-8, but for empty ones.

    Its first row may be a header: one that names all *columns*, in any order and letter case; others are ignored then.
    Without a header there are just these columns, in this order.

    Returns:
        For each row, the line that it ends on, counted from 1, and the cells of *columns*, without spaces around.

    Raises:
        FileError: while it is read, the file cannot be; or it is no UTF-8, or a row has other cells than the first.
    """
    rows = csv.reader(_lines(path), strict=True, skipinitialspace=True)
    wanted, width, names = list(range(len(columns))), len(columns), ", ".join(columns)
    is_first = True
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if is_first:
                is_first = False
                header = [cell.lower() for cell in cells]
                if all(header.count(column) == 1 for column in columns):
                    wanted, width, names = [header.index(column) for column in columns], len(header), "in the header"
                    continue
            if len(cells) != width:
                raise FileError(path, f"{_count(cells)} instead of {width}, which are {names}", rows.line_num)
            yield rows.line_num, [cells[index] for index in wanted]
    except csv.Error as error:
        raise FileError(path, f"no CSV: {error}", rows.line_num) from None


def _count(cells: list[str]) -> str:
    return "1 column" if len(cells) == 1 else f"{len(cells)} columns"


def _lines(path: str) -> Iterator[str]:
    try:
        with open(path, "rb") as file:
            number = 0
            while line := file.readline(_MAX_LINE + 1):
                number += 1
                if len(line) > _MAX_LINE:
                    raise FileError(path, f"more than {_MAX_LINE} bytes", number)
                try:
                    yield line.decode("utf-8" if number > 1 else "utf-8-sig")
                except UnicodeDecodeError:
                    raise FileError(path, "not UTF-8", number) from None
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: OSError) -> FileError:
    return FileError(path, f"cannot be read: {error.strerror or error}")
