"""
Opening files below a directory, and nothing else: nothing that a name leads out of it to, and nothing but files.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

__all__ = ["OpenFile", "open_below", "plain_name"]

#: Neither waits for anybody, nor is left to a child process.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW

#: There is nothing of this name, for those who ask.
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL, errno.EILSEQ, errno.ENXIO}


@dataclass(frozen=True, slots=True)
class OpenFile:
    """
    A file that has been opened, and is to be closed by whoever gets it.

    Attributes:
        file: the file.
        size: in bytes.
        modified_ns: when it was changed, in nanoseconds since the epoch.
    """

    file: io.FileIO
    size: int
    modified_ns: int


def plain_name(segment: bytes) -> str | None:
    """
    The name of a file that a segment of a path is, percent-decoded; ``None`` if it can be none that we serve.

    Names that begin with a dot are hidden, and that is what ``..`` begins with; separators of this system and others,
    and characters that control terminals and log files, are in no name either.
    """
    try:
        name = segment.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if not name or name.startswith(".") or not name.isprintable() or "/" in name or "\\" in name:
        return None
    return name


def open_below(root: str, names: Sequence[str]) -> OpenFile:
    """
    Open a file.

    Symbolic links are followed as long as they stay below *root*.

    Args:
        root: a directory; what it is a link to, is looked up each time.
        names: names on the way from there, each a :func:`plain_name`.

    Raises:
        FileNotFoundError: there is no file: nothing at all, something outside, or a device, pipe or socket.
        IsADirectoryError: there is a directory.
        OSError: there is a file, but it cannot be opened: it must not be read, or too many are open.
    """
    try:
        base = os.path.realpath(root)
        found = os.path.realpath(os.path.join(base, *names))
        if os.path.commonpath([base, found]) != base:
            raise FileNotFoundError(errno.ENOENT, "It lies outside")
        # Without links, or it would not be where the links lead: who changes one meanwhile gains nothing.
        return _open(base, os.path.relpath(found, base).split(os.sep))
    except OSError as error:
        if error.errno in _ABSENT:
            raise FileNotFoundError(errno.ENOENT, str(error)) from error
        raise


def _open(base: str, names: Sequence[str]) -> OpenFile:
    with ExitStack() as opened:

        def opened_in(directory: int | None, name: str, flags: int) -> int:
            descriptor = os.open(name, _FLAGS | flags, dir_fd=directory)
            opened.callback(os.close, descriptor)
            return descriptor

        directory = opened_in(None, base, os.O_DIRECTORY)
        for name in names[:-1]:
            directory = opened_in(directory, name, os.O_DIRECTORY)
        # Opening a device may be enough to set something in motion.
        kind = os.stat(names[-1], dir_fd=directory, follow_symlinks=False).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, "It is a directory")
        if not stat.S_ISREG(kind):
            raise FileNotFoundError(errno.ENOENT, "It is no file")
        file = io.FileIO(os.open(names[-1], _FLAGS, dir_fd=directory))
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            file.close()
            raise FileNotFoundError(errno.ENOENT, "It is no file")
        return OpenFile(file, about.st_size, about.st_mtime_ns)
