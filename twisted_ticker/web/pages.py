"""
Static files: pages, and what belongs to them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape

from twisted.logger import Logger
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request
from twisted.web.static import getTypeAndEncoding, loadMimeTypes

from .byte_ranges import ranges_of
from .file_body import send_file
from .files import OpenFile, open_below, plain_name
from .validators import NOT_MODIFIED, Validators

__all__ = ["Pages"]

_METHODS = (b"GET", b"HEAD")

#: Methods that others than we know (RFC 9110, 9.1, and RFC 5789).
_OTHER_METHODS = (b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"CONNECT")

_INDEX_NAMES = ("index.html", "index.htm")

_TYPES, _ENCODINGS = loadMimeTypes(), {".gz": "gzip"}

#: What browsers do not show, but keep for whoever knows what it is.
_UNKNOWN_TYPE = "application/octet-stream"

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{0}</title></head><body><p>{0}</p></body></html>
"""


@dataclass(frozen=True, slots=True)
class _Found:
    """A file that is to be sent, under the name that it was asked for by; it has to be closed."""

    name: str
    opened: OpenFile


class Pages(Resource):
    """
    Static files below a directory; the root leads to :attr:`start`, and directories are not listed.

    A directory is its ``index.html``. Hidden files, and what symbolic links lead out of the directory to, are not
    there, nor is anything but files. Whoever has a copy is told whether it is still right, and parts of files can be
    asked for.

    Args:
        directory: the directory.
        seconds: the time since the epoch.
    """

    _log = Logger()

    #: Where ``/`` leads to; its ``index.html`` is served there if this is empty.
    start = b""

    #: Makes headers of all pages, besides those that any site's have.
    headers_for: Callable[[IRequest], Mapping[bytes, bytes]] | None = None

    def __init__(self, directory: str, *, seconds: Callable[[], float] = time.time) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._directory = directory
        self._seconds = seconds

    def getChild(self, path: bytes, request: IRequest) -> IResource:
        """Find a file."""
        return _Page(self, [path, *getattr(request, "postpath", ())])

    def render(self, request: Request) -> int | bytes:
        """Serve the directory itself, where it is asked for without a slash behind it."""
        return self.serve(request, [])

    def serve(self, request: Request, segments: Sequence[bytes]) -> int | bytes:
        """
        Answer a request for a file, as ``render`` does.

        Args:
            segments: of its path, percent-decoded, from the directory on.
        """
        if request.method not in _METHODS + _OTHER_METHODS:
            return _tell(request, 501, "There is no such method.")
        if self.start and request.path == b"/":
            return _tell(request, 302, "The first page is elsewhere.", location=self.start)
        for name, value in ({} if self.headers_for is None else self.headers_for(request)).items():
            request.setHeader(name, value)
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        # A browser asks whether its copy is still right, so that a new version is seen at once.
        request.setHeader(b"Cache-Control", b"no-cache")
        try:
            found = self._find(segments)
        except FileNotFoundError:
            return _tell(request, 404, "There is no such page.")
        except IsADirectoryError:
            # Our own path with a slash behind it, which begins with one only: no name in it is empty.
            return _tell(request, 302, "The page is elsewhere.", location=request.path + b"/")
        except PermissionError as error:
            self._log.warn("{path!r} must not be read: {error}", path=request.path, error=str(error))
            return _tell(request, 404, "There is no such page.")
        except OSError as error:
            self._log.warn("{path!r} cannot be read: {error}", path=request.path, error=str(error))
            return _tell(request, 503, "The page cannot be read just now.")
        if request.method in _METHODS:
            return self._send(request, found)
        found.opened.file.close()
        request.setHeader(b"Allow", b", ".join(_METHODS))
        return _tell(request, 405, "Pages can only be read.")

    def _find(self, segments: Sequence[bytes]) -> _Found:
        """
        The file of a path.

        Raises:
            FileNotFoundError: there is none.
            IsADirectoryError: it is a directory with an index, but has no slash behind it.
            OSError: it cannot be read.
        """
        has_slash = bool(segments) and not segments[-1]
        names = [plain_name(segment) for segment in (segments[:-1] if has_slash else segments)]
        plain = [name for name in names if name is not None]
        if len(plain) != len(names):
            raise FileNotFoundError
        if has_slash:
            return self._index_in(plain)
        try:
            return self._open(plain)
        except IsADirectoryError:
            self._index_in(plain).opened.file.close()
            raise

    def _index_in(self, names: Sequence[str]) -> _Found:
        for index in _INDEX_NAMES:
            with suppress(FileNotFoundError, IsADirectoryError):
                return self._open([*names, index])
        raise FileNotFoundError

    def _open(self, names: Sequence[str]) -> _Found:
        return _Found(names[-1] if names else "", open_below(self._directory, names))

    def _send(self, request: Request, found: _Found) -> int:
        file, size = found.opened.file, found.opened.size
        validators = Validators.of(size, found.opened.modified_ns, self._seconds())
        request.setHeader(b"ETag", validators.etag.encode("ascii"))
        request.setHeader(b"Last-Modified", validators.date)

        def header(name: str) -> str | None:
            value = request.getHeader(name.encode("ascii"))
            return None if value is None else value.decode("latin-1")

        status = validators.outcome(header)
        if status is not None:
            file.close()
            if status != NOT_MODIFIED:
                request.setHeader(b"Content-Length", b"0")
            return _finish(request, status)
        request.setHeader(b"Accept-Ranges", b"bytes")
        content_type, encoding = _type_of(found.name)
        request.setHeader(b"Content-Type", content_type)
        if encoding is not None:
            request.setHeader(b"Content-Encoding", encoding)
        if request.method == b"HEAD":
            file.close()
            request.setHeader(b"Content-Length", b"%d" % size)
            return _finish(request, 200)
        wanted = header("Range")
        ranges = ranges_of(wanted, size) if wanted is not None and validators.has_this(header) else None
        if ranges == []:
            file.close()
            request.setHeader(b"Content-Range", b"bytes */%d" % size)
            request.setHeader(b"Content-Length", b"0")
            return _finish(request, 416)
        send_file(request, file, ranges, size=size, content_type=content_type)
        return NOT_DONE_YET


class _Page(Resource):
    """One file, or what is asked for in its place."""

    isLeaf = True

    def __init__(self, pages: Pages, segments: Sequence[bytes]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._pages = pages
        self._segments = segments

    def render(self, request: Request) -> int | bytes:
        return self._pages.serve(request, self._segments)


def _type_of(name: str) -> tuple[bytes, bytes | None]:
    content_type, encoding = getTypeAndEncoding(name, _TYPES, _ENCODINGS, _UNKNOWN_TYPE)
    return content_type.encode("ascii"), None if encoding is None else encoding.encode("ascii")


def _tell(request: Request, status: int, text: str, *, location: bytes | None = None) -> bytes:
    """A page of our own."""
    body = _PAGE.format(escape(text)).encode("utf-8")
    request.setResponseCode(status)
    if location is not None:
        request.setHeader(b"Location", location)
    request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
    request.setHeader(b"Content-Length", b"%d" % len(body))
    return b"" if request.method == b"HEAD" else body


def _finish(request: Request, status: int) -> int:
    """Answer without a body."""
    request.setResponseCode(status)
    request.write(b"")
    request.finish()
    return NOT_DONE_YET
