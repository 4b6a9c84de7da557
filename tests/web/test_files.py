"""Tests for `twisted_ticker.web.files`."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.web import files
from twisted_ticker.web.files import open_below, plain_name


class NameTests(SynchronousTestCase):
    """Tests for `plain_name`."""

    def test_names(self) -> None:
        """Letters of any language, and much else."""
        for name in ("index.html", "a b", "ä", "名.txt", "a..b", "~", "-", "%2e%2e", "con", "a:b", "x" * 300):
            self.assertEqual(plain_name(name.encode()), name)

    def test_what_is_none(self) -> None:
        """Hidden names, separators of any system, what cannot be seen, what is no text, and nothing at all."""
        for name in (
            *(b"", b".", b"..", b"...", b".git", b". ", b"a/b", b"/", b"a\\b", b"..\\a", b"\\", b"a\0", b"\0", b"a\n"),
            *(b"a\x7f", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", "a\u2028".encode(), "\u202egnp".encode()),
        ):
            self.assertIsNone(plain_name(name), name)

    @given(st.binary())
    def test_any_bytes(self, segment: bytes) -> None:
        """What comes out is a name of one file in a directory."""
        name = plain_name(segment)
        if name is not None:
            self.assertEqual(os.path.basename(os.path.normpath(os.path.join("d", name))), name)


class OpenTests(SynchronousTestCase):
    """Tests for `open_below`."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp()).resolve()
        self.root = self.base / "htdocs"
        (self.root / "sub" / "deep").mkdir(parents=True)
        (self.base / "htdocs-beside").mkdir()
        (self.base / "htdocs-beside" / "file").write_text("secret")
        (self.base / "outside").write_text("secret")
        (self.root / "file").write_text("hello")
        (self.root / "sub" / "deep" / "file").write_text("deep")

    def read(self, *names: str) -> bytes:
        """The content of a file."""
        opened = open_below(str(self.root), names)
        with opened.file:
            content = opened.file.read()
        assert content is not None
        self.assertEqual(opened.size, len(content))
        return content

    def link(self, name: str, target: str | Path) -> None:
        """Make a symbolic link in the directory."""
        (self.root / name).symlink_to(target)

    def assertAbsent(self, *names: str) -> None:
        """Nothing can be opened there."""
        self.assertRaises(FileNotFoundError, open_below, str(self.root), names)

    def test_files(self) -> None:
        """They are opened with their size and time, and left to no child."""
        self.assertEqual((self.read("file"), self.read("sub", "deep", "file")), (b"hello", b"deep"))
        os.utime(self.root / "file", ns=(5, 1_700_000_000_000_000_001))
        opened = open_below(str(self.root), ["file"])
        with opened.file:
            self.assertEqual(opened.modified_ns, 1_700_000_000_000_000_001)
            self.assertFalse(os.get_inheritable(opened.file.fileno()))

    def test_what_is_not_there(self) -> None:
        """Nothing of that name, a file where a directory should be, and names that no file can have."""
        for names in (["missing"], ["missing", "file"], ["file", "more"], ["x" * 300], ["sub"] * 3000):
            self.assertAbsent(*names)

    def test_directories(self) -> None:
        """They are told apart."""
        for names in ([], ["sub"], ["sub", "deep"]):
            self.assertRaises(IsADirectoryError, open_below, str(self.root), names)

    def test_links_inside(self) -> None:
        """What they lead to is served, whatever it is called there; so deployments may change a whole tree at once."""
        (self.root / "..2026_01").mkdir()
        (self.root / "..2026_01" / "page").write_text("new")
        self.link("..data", "..2026_01")
        self.link("page", "..data/page")
        self.link("again", "page")
        self.link("tree", "sub/deep")
        self.link("absolute", self.root / "file")
        self.assertEqual((self.read("page"), self.read("again")), (b"new", b"new"))
        self.assertEqual((self.read("tree", "file"), self.read("absolute")), (b"deep", b"hello"))

    def test_links_outside(self) -> None:
        """They lead nowhere, on whatever way."""
        self.link("out", "../outside")
        self.link("absolute", self.base / "outside")
        self.link("chain", "out")
        self.link("up", "..")
        self.link("beside", "../htdocs-beside")
        self.link("round", "sub/../../outside")
        self.link("proc", "/proc/self/environ")
        self.link("dangling", "nothing")
        self.link("loop", "loop")
        for names in (["out"], ["absolute"], ["chain"], ["up", "outside"], ["beside", "file"], ["round"], ["proc"]):
            self.assertAbsent(*names)
        for names in (["up", "htdocs-beside", "file"], ["dangling"], ["loop"], ["loop", "x"], ["up"]):
            self.assertAbsent(*names)

    def test_a_linked_root(self) -> None:
        """The directory itself may be a link, which is looked up each time."""
        (self.base / "next").mkdir()
        (self.base / "next" / "file").write_text("newer")
        current = self.base / "current"
        current.symlink_to("htdocs")
        self.root = current
        self.assertEqual(self.read("file"), b"hello")
        current.unlink()
        current.symlink_to("next")
        self.assertEqual(self.read("file"), b"newer")

    def test_a_link_that_comes_later(self) -> None:
        """Whoever puts a link where a file was a moment ago, gains nothing."""
        real = os.path.realpath

        def too_early(path: str) -> str:
            found = str(real(path))
            for name, target in (("file", "../outside"), ("sub", "../htdocs-beside")):
                there = self.root / name
                if found.startswith(str(there)) and not there.is_symlink():
                    there.rename(self.root / f"old-{name}")
                    there.symlink_to(target)
            return found

        self.patch(files.os.path, "realpath", too_early)
        self.assertAbsent("file")
        (self.base / "htdocs-beside" / "deep").mkdir()
        (self.base / "htdocs-beside" / "deep" / "file").write_text("secret")
        self.assertAbsent("sub", "deep", "file")

    def test_what_is_no_file(self) -> None:
        """Devices, pipes and sockets are not there; nobody waits for what may come out of them."""
        os.mkfifo(self.root / "pipe")
        self.link("device", "/dev/zero")
        with socket.socket(socket.AF_UNIX) as listening:
            # The path of a socket must not be long.
            here = os.getcwd()
            os.chdir(self.root)
            try:
                listening.bind("socket")
            finally:
                os.chdir(here)
            for name in ("pipe", "device", "socket"):
                self.assertAbsent(name)

    def test_a_pipe_that_comes_later(self) -> None:
        """Nor is one that takes a file's place in the last moment."""
        real = os.stat

        def too_early(*arguments: object, **more: object) -> os.stat_result:
            about = real(*arguments, **more)  # type: ignore[arg-type]
            (self.root / "file").unlink()
            os.mkfifo(self.root / "file")
            return about

        self.patch(files.os, "stat", too_early)
        self.assertAbsent("file")

    def test_errors(self) -> None:
        """What is there and cannot be opened is an error of another kind; nothing is left open."""
        before = set(os.listdir("/proc/self/fd"))
        for number in (errno.EMFILE, errno.EACCES, errno.EIO):
            real = os.open

            def failing(path: str, flags: int, number: int = number, **more: int) -> int:
                if path == "file":
                    raise OSError(number, os.strerror(number))
                return real(path, flags, **more)  # noqa: B023

            with self.subTest(errno.errorcode[number]):
                patcher = self.patch(files.os, "open", failing)
                error = self.assertRaises(OSError, open_below, str(self.root), ["sub", "deep", "file"])
                patcher.restore()
                self.assertEqual(error.errno, number)
                self.assertNotIsInstance(error, FileNotFoundError)
        self.assertEqual(set(os.listdir("/proc/self/fd")), before)
