"""Tests for `twisted_ticker.web.pages` and `twisted_ticker.web.file_body`: static files, from bytes to bytes."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from tests.web.support import SiteHarness, our_log
from tests.web.wire import HttpConnection, HttpResponse
from twisted_ticker.web import pages

SECRET = "secret of the machine"
SIZE = 1000
CONTENT = bytes(index % 251 for index in range(SIZE))
#: When files were changed, in seconds since the epoch: Sun, 06 Nov 1994 08:49:37 GMT.
THEN = 784111777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"

#: Paths of what is not served, though most of it is there in one way or another.
ABSENT = (
    "/missing.html",
    "/start.html/",
    "/start.html/more",
    "/start.html%00",
    "/start.html%00.js",
    "/start.html%0a",
    "/start.html%20",
    "/start.html.",
    "/start.html~",
    "/start.html::$DATA",
    "/start.html;x",
    "/%ff",
    "/%c0%ae%c0%ae/outside.txt",
    "/%e0%80%af",
    "/%u002e%u002e/outside.txt",
    "/" + "a" * 255,
    "/" + "a" * 256,
    "/" + "a" * 3000,
    "/a" * 3000,
    # Hidden.
    "/.secret",
    "/%2esecret",
    "/%2Esecret",
    "/.hidden/file.txt",
    "/scripts/.secret",
    "/.",
    "/./start.html",
    "/scripts/./page.js",
    # Directories.
    "/scripts",
    "/scripts/",
    "/scripts//",
    "/%2f",
    "//",
    "///start.html",
    "//start.html",
    "/scripts//page.js",
    # Out of it.
    "/..",
    "/../",
    "/../outside.txt",
    "/../../outside.txt",
    "/../htdocs/start.html",
    "/%2e%2e/outside.txt",
    "/%2E%2E/outside.txt",
    "/.%2e/outside.txt",
    "/..%2foutside.txt",
    "/..%2Foutside.txt",
    "/%2e%2e%2foutside.txt",
    "/scripts/../../outside.txt",
    "/scripts/../start.html",
    "/scripts/%2e%2e/%2e%2e/outside.txt",
    "/scripts/..%2f..%2foutside.txt",
    "/scripts%2f..%2f..%2foutside.txt",
    "/scripts%2fpage.js",
    "/../htdocs-beside/file.txt",
    "/-beside/file.txt",
    "/....//outside.txt",
    "/..;/outside.txt",
    # Encoded twice.
    "/%252e%252e/outside.txt",
    "/%252e%252e%252foutside.txt",
    "/..%252foutside.txt",
    "/%25%32%65%25%32%65/outside.txt",
    "/%252esecret",
    # As other systems write it.
    "/..\\outside.txt",
    "/..%5coutside.txt",
    "/..%5Coutside.txt",
    "/scripts\\page.js",
    "/scripts%5c..%5c..%5coutside.txt",
    "/%5c%5cevil.example%5cshare",
    "/\\evil.example",
    "/c:/outside.txt",
    "/c:%5coutside.txt",
    "/outside.txt",
    "//outside.txt",
    "/%2foutside.txt",
    "/%2fetc/passwd",
    "//etc/passwd",
    "/%2f%2fetc%2fpasswd",
    "/file:/etc/passwd",
    # By links, and what is no file.
    "/link.txt",
    "/chain.txt",
    "/up/outside.txt",
    "/absolute.txt",
    "/beside/file.txt",
    "/passwd",
    "/dangling.txt",
    "/loop.txt",
    "/loop.txt/start.html",
    "/self/environ",
    "/device",
    "/pipe",
    # Of others.
    "/signalrx/negotiate",
    "/signal",
    "/xsignalr/negotiate",
)


class PagesTestCase(SynchronousTestCase):
    """A site with pages, and with things beside them that are nobody's business."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).resolve()
        self.pages = self.root / "htdocs"
        for directory in ("htdocs/scripts", "htdocs/.hidden", "htdocs/docs", "htdocs-beside"):
            (self.root / directory).mkdir(parents=True)
        for name, text in (
            ("htdocs/start.html", "<p>Hello"),
            ("htdocs/scripts/page.js", "hello()"),
            ("htdocs/docs/index.html", "<p>Docs"),
            ("htdocs/empty.txt", ""),
            ("htdocs/LICENSE", "yes"),
            ("htdocs/data.json.gz", "packed"),
            ("htdocs/.secret", SECRET),
            ("htdocs/scripts/.secret", SECRET),
            ("htdocs/.hidden/file.txt", SECRET),
            ("outside.txt", SECRET),
            ("htdocs-beside/file.txt", SECRET),
        ):
            (self.root / name).write_text(text)
        (self.pages / "data.bin").write_bytes(CONTENT)
        for name in ("start.html", "data.bin", "empty.txt"):
            os.utime(self.pages / name, (THEN, THEN))
        self.harness = SiteHarness(self, htdocs=str(self.pages))

    def link(self, name: str, target: str | Path) -> None:
        """Make a symbolic link among the pages."""
        (self.pages / name).symlink_to(target)

    def fetch(self, path: str, method: str = "GET", **headers: str) -> HttpResponse:
        """The answer to a request; underscores in names of headers are hyphens."""
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return self.harness.fetch(method, path, headers=named)

    def tag(self, path: str) -> str:
        """The entity tag of a file."""
        tag = self.fetch(path).header("ETag")
        assert tag is not None
        return tag


class PageTests(PagesTestCase):
    """Which paths are which files."""

    def test_the_root_leads_to_the_start_page(self) -> None:
        """``/`` is a redirection to a path of the same host."""
        for path in ("/", "/?x=y"):
            for method in ("GET", "HEAD"):
                response = self.fetch(path, method)
                self.assertEqual((response.status, response.header("Location")), (302, "/start.html"))

    def test_files(self) -> None:
        """They come with their type, which browsers must not guess, and are asked for again each time."""
        for path, body, content_type in (
            ("/start.html", b"<p>Hello", "text/html"),
            ("/scripts/page.js", b"hello()", "text/javascript"),
            ("/%73tart.html", b"<p>Hello", "text/html"),
            ("/start.html?v=1", b"<p>Hello", "text/html"),
            ("/start.html?/../../outside.txt", b"<p>Hello", "text/html"),
            ("/docs/", b"<p>Docs", "text/html"),
            ("/docs/index.html", b"<p>Docs", "text/html"),
            ("/data.bin", CONTENT, "application/octet-stream"),
            ("/LICENSE", b"yes", "application/octet-stream"),
            ("/empty.txt", b"", "text/plain"),
        ):
            response = self.fetch(path)
            self.assertEqual((response.status, response.body), (200, body), path)
            self.assertEqual((response.header("Content-Type") or "").partition(";")[0], content_type)
            self.assertEqual(response.header("X-Content-Type-Options"), "nosniff")
            self.assertEqual(response.header("Cache-Control"), "no-cache")
            self.assertEqual(response.header("Content-Length"), str(len(body)))

    def test_packed_files(self) -> None:
        """They have the type of what is in them."""
        response = self.fetch("/data.json.gz")
        self.assertEqual(
            (response.header("Content-Type"), response.header("Content-Encoding")), ("application/json", "gzip")
        )

    def test_what_is_not_there(self) -> None:
        """Files that are hidden, outside or missing, directories, links that lead out, and what is no file: all 404."""
        for name, target in (
            ("link.txt", "../outside.txt"),
            ("chain.txt", "link.txt"),
            ("up", ".."),
            ("absolute.txt", self.root / "outside.txt"),
            ("beside", "../htdocs-beside"),
            ("passwd", "/etc/passwd"),
            ("dangling.txt", "nothing"),
            ("loop.txt", "loop.txt"),
            ("self", "/proc/self"),
            ("device", "/dev/zero"),
        ):
            self.link(name, target)
        os.mkfifo(self.pages / "pipe")
        own = f"/{quote(str(self.root / 'outside.txt'), safe='')}"
        self.assertGreater(len(ABSENT), 90)
        for path in (*ABSENT, own):
            for method in ("GET", "HEAD", "POST"):
                response = self.fetch(path, method)
                self.assertEqual(response.status, 404, (method, path))
                for told in (SECRET, "Traceback", str(self.root), "root:"):
                    self.assertNotIn(told.encode(), response.body, path)

    def test_links_inside(self) -> None:
        """What lies below the directory may be called otherwise there."""
        self.link("old.html", "start.html")
        self.link("js", "scripts")
        self.assertEqual(self.fetch("/old.html").body, b"<p>Hello")
        self.assertEqual(self.fetch("/js/page.js").body, b"hello()")

    def test_directories(self) -> None:
        """One with an index has a slash at its end; nobody is told whether there are others."""
        for path in ("/docs", "/docs?x=//evil.example", "/%64ocs"):
            response = self.fetch(path)
            self.assertEqual(response.status, 302)
            self.assertEqual(response.header("Location"), path.partition("?")[0] + "/")
        self.assertEqual(self.fetch("/scripts").status, 404)

    def test_methods(self) -> None:
        """Files can be read; what else there is to do with them is refused, and what there is not is not known."""
        for path in ("/start.html", "/docs/", "/data.bin"):
            for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"):
                response = self.fetch(path, method)
                self.assertEqual((response.status, response.header("Allow")), (405, "GET, HEAD"), method)
        for method in ("PROPFIND", "get", "Head", "BREW", "GETX"):
            self.assertEqual(self.fetch("/start.html", method).status, 501, method)
            self.assertEqual(self.fetch("/", method).status, 501, method)
        self.assertEqual((self.pages / "start.html").read_text(), "<p>Hello")

    def test_what_cannot_be_opened(self) -> None:
        """A file that must not be read is not there; one that cannot be just now may be later. A line tells of each."""
        for number, status in ((errno.EACCES, 404), (errno.EPERM, 404), (errno.EMFILE, 503), (errno.EIO, 503)):

            def failing(root: str, names: list[str], number: int = number) -> None:
                raise OSError(number, os.strerror(number))

            patcher = self.patch(pages, "open_below", failing)
            with our_log() as lines:
                response = self.fetch("/start.html")
            patcher.restore()
            self.assertEqual(response.status, status)
            self.assertNotIn(str(self.root).encode(), response.body)
            [line] = lines
            self.assertIn("b'/start.html'", line)
            self.assertIn(os.strerror(number), line)


class HeadTests(PagesTestCase):
    """What is told of a file without sending it."""

    def assertAlike(self, path: str, **headers: str) -> HttpResponse:
        """HEAD is answered as GET is, without a body."""
        got, head = self.fetch(path, **headers), self.fetch(path, "HEAD", **headers)
        self.assertEqual((head.status, head.body), (got.status, b""), path)
        self.assertEqual(sorted(head.headers), sorted(got.headers), path)
        return head

    def test_headers(self) -> None:
        """They are those of GET, the length included, for files, copies, redirections and refusals."""
        for path in (
            "/start.html",
            "/data.bin",
            "/empty.txt",
            "/docs/",
            "/docs",
            "/",
            "/missing",
            "/.secret",
            "/scripts",
        ):
            self.assertAlike(path)
        head = self.assertAlike("/data.bin")
        self.assertEqual((head.header("Content-Length"), head.header("Accept-Ranges")), ("1000", "bytes"))
        self.assertEqual(self.assertAlike("/data.bin", If_None_Match=self.tag("/data.bin")).status, 304)
        self.assertEqual(self.assertAlike("/data.bin", If_Match='"x"').status, 412)

    def test_ranges(self) -> None:
        """They are for GET only."""
        head = self.fetch("/data.bin", "HEAD", Range="bytes=0-1")
        self.assertEqual((head.status, head.header("Content-Length")), (200, "1000"))

    def test_the_connection_goes_on(self) -> None:
        """What follows on the same connection is answered, too."""
        connection = self.harness.connection()
        connection.write(b"HEAD /data.bin HTTP/1.1\r\nHost: test\r\n\r\nGET /start.html HTTP/1.1\r\nHost: test\r\n\r\n")
        head, got = connection.raw.split(b"\r\n\r\n", 1)
        self.assertIn(b"Content-Length: 1000", head)
        self.assertTrue(got.startswith(b"HTTP/1.1 200 OK\r\n"), got)
        self.assertTrue(got.endswith(b"\r\n\r\n<p>Hello"), got)


class CopyTests(PagesTestCase):
    """Who has a file already."""

    def test_validators(self) -> None:
        """A file has a time and a tag, which change when it does."""
        response = self.fetch("/start.html")
        self.assertEqual(response.header("Last-Modified"), DATE)
        tag = response.header("ETag") or ""
        self.assertRegex(tag, r'^"[0-9a-f-]+"$')
        self.assertEqual(self.tag("/start.html?v=2"), tag)
        (self.pages / "start.html").write_text("<p>Hallo")
        changed = self.tag("/start.html")
        self.assertTrue(changed.startswith("W/"), "it may be changed again at once")
        self.assertNotEqual(changed.removeprefix("W/"), tag)
        self.assertNotEqual(self.tag("/data.bin"), tag)

    def test_conditions(self) -> None:
        """A copy that is right is not sent again; it is told what it is called."""
        tag = self.tag("/start.html")
        for headers, status in (
            ({"If_None_Match": tag}, 304),
            ({"If_None_Match": f'W/{tag}, "x"'}, 304),
            ({"If_None_Match": "*"}, 304),
            ({"If_None_Match": '"x"'}, 200),
            ({"If_None_Match": '"x"', "If_Modified_Since": DATE}, 200),
            ({"If_Modified_Since": DATE}, 304),
            ({"If_Modified_Since": BEFORE}, 200),
            ({"If_Modified_Since": "nonsense \xe4"}, 200),
            ({"If_Match": tag}, 200),
            ({"If_Match": '"x"'}, 412),
            ({"If_Unmodified_Since": BEFORE}, 412),
            ({"If_None_Match": tag, "Range": "bytes=0-1"}, 304),
        ):
            response = self.fetch("/start.html", **headers)
            self.assertEqual((response.status, response.header("ETag")), (status, tag), headers)
            self.assertEqual(response.body, b"<p>Hello" if status == 200 else b"", headers)
            self.assertEqual(response.header("Cache-Control"), "no-cache")
            if status == 304:
                self.assertIsNone(response.header("Content-Length"))
                self.assertIsNone(response.header("Transfer-Encoding"))


class RangeTests(PagesTestCase):
    """Parts of files."""

    def test_one_range(self) -> None:
        """It is sent with its place."""
        for wanted, first, end in (
            ("bytes=0-0", 0, 1),
            ("bytes=10-19", 10, 20),
            ("bytes=990-", 990, SIZE),
            ("bytes=990-5000", 990, SIZE),
            ("bytes=-10", 990, SIZE),
            ("bytes=-5000", 0, SIZE),
            ("bytes=0-9,5000-6000", 0, 10),
        ):
            response = self.fetch("/data.bin", Range=wanted)
            self.assertEqual((response.status, response.body), (206, CONTENT[first:end]), wanted)
            self.assertEqual(response.header("Content-Range"), f"bytes {first}-{end - 1}/{SIZE}")
            self.assertEqual(response.header("Content-Length"), str(end - first))
            self.assertEqual(response.header("ETag"), self.tag("/data.bin"))

    def test_several_ranges(self) -> None:
        """Each is a part with its place, in the order in which they were asked for."""
        response = self.fetch("/data.bin", Range="bytes=20-29, 0-4, -1")
        self.assertEqual(response.status, 206)
        kind, _, boundary = (response.header("Content-Type") or "").partition("; boundary=")
        self.assertEqual(kind, "multipart/byteranges")
        self.assertRegex(boundary, "^[0-9a-f]{32}$")
        self.assertIsNone(response.header("Content-Range"))
        before, *parts, rest = response.body.split(f"\r\n--{boundary}".encode())
        self.assertEqual((before, rest), (b"", b"--\r\n"))
        expected = [
            b"\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes %d-%d/1000\r\n\r\n%b"
            % (first, end - 1, CONTENT[first:end])
            for first, end in ((20, 30), (0, 5), (999, 1000))
        ]
        self.assertEqual(parts, expected)

    def test_what_cannot_be_sent(self) -> None:
        """What lies behind the end, and nonsense, is refused, with the length for another try."""
        for path, wanted in (
            ("/data.bin", "bytes=1000-"),
            ("/data.bin", "bytes=-0"),
            ("/data.bin", "bytes=5-1"),
            ("/data.bin", "bytes=x"),
            ("/data.bin", "bytes=\xff"),
            ("/empty.txt", "bytes=0-"),
        ):
            response = self.fetch(path, Range=wanted)
            size = 0 if path == "/empty.txt" else SIZE
            self.assertEqual((response.status, response.body), (416, b""), wanted)
            self.assertEqual(response.header("Content-Range"), f"bytes */{size}", wanted)
            self.assertEqual(response.header("Content-Length"), "0")

    def test_the_whole_instead(self) -> None:
        """Units that nobody knows, too many ranges, those that overlap, and pieces of another version."""
        tag = self.tag("/data.bin")
        for headers in (
            {"Range": "lines=1-2"},
            {"Range": "bytes"},
            {"Range": "bytes=0-,0-"},
            {"Range": "bytes=" + ",".join(f"{place}-{place}" for place in range(0, 200, 2))},
            {"Range": "bytes=0-1", "If_Range": '"x"'},
            {"Range": "bytes=0-1", "If_Range": BEFORE},
            {"Range": "bytes=0-1", "If_Range": f"W/{tag}"},
        ):
            response = self.fetch("/data.bin", **headers)
            self.assertEqual((response.status, response.body), (200, CONTENT), headers)
        for told in (tag, DATE):
            self.assertEqual(self.fetch("/data.bin", Range="bytes=0-1", If_Range=told).status, 206, told)


class SendingTests(PagesTestCase):
    """Large files, and clients that take their time."""

    def setUp(self) -> None:
        super().setUp()
        self.large = b"0123456789abcdef" * 65536
        (self.pages / "large.bin").write_bytes(self.large)

    def connection(self) -> HttpConnection:
        """A client that has asked for the large file, and cannot take it."""
        connection = self.harness.connection()
        write = connection.link.server.write

        def stall(data: bytes) -> None:
            write(data)
            connection.link.server.fill()

        self.patch(connection.link.server, "write", stall)
        connection.request("GET", "/large.bin")
        return connection

    def test_a_large_file(self) -> None:
        """It comes as it is."""
        self.assertEqual(self.fetch("/large.bin").body, self.large)

    def test_a_slow_reader(self) -> None:
        """A file is read as it is sent, not before."""
        connection = self.connection()
        sent = 0
        while len(connection.raw) < len(self.large):
            self.assertLess(len(connection.raw) - sent, 70_000)
            sent = len(connection.raw)
            connection.link.server.drain()
            self.harness.flush()
        assert connection.response is not None and connection.response.complete
        self.assertEqual(connection.response.body, self.large)

    def test_a_client_that_leaves(self) -> None:
        """The file is closed."""
        before = set(os.listdir("/proc/self/fd"))
        connection = self.connection()
        self.assertEqual(len(os.listdir("/proc/self/fd")), len(before) + 1)
        connection.drop()
        self.assertEqual(set(os.listdir("/proc/self/fd")), before)
        for path in ("/large.bin", "/large.bin?x", "/docs", "/start.html"):
            for method in ("GET", "HEAD", "POST"):
                self.fetch(path, method)
                self.fetch(path, method, If_None_Match="*")
                self.fetch(path, method, Range="bytes=9999999-")
        self.assertEqual(set(os.listdir("/proc/self/fd")), before)

    def test_a_file_that_shrinks(self) -> None:
        """The client gets less than was announced, and the end of its connection, so that it knows; a line tells."""
        connection = self.connection()
        os.truncate(self.pages / "large.bin", 1000)
        with our_log() as lines:
            connection.link.server.drain()
            self.harness.flush()
        self.assertTrue(connection.closed)
        assert connection.response is not None
        self.assertFalse(connection.response.complete)
        self.assertEqual(lines, ["b'/large.bin' could not be sent to its end: it has become shorter"])
