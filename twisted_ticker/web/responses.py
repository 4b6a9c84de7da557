"""
Writing the library's responses to twisted.web requests.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request

from ..signalr.requests import Response

__all__ = ["drop", "prepare", "respond", "respond_later"]

_log = Logger()


def prepare(request: Request, response: Response) -> None:
    """Set the status and headers of a response, without its body."""
    reason = None if response.reason is None else response.reason.encode("ascii")
    request.setResponseCode(response.status, reason)
    request.setHeader(b"X-Content-Type-Options", b"nosniff")
    request.setHeader(b"Cache-Control", b"no-store")
    if response.content_type is not None:
        request.setHeader(b"Content-Type", response.content_type.encode("ascii"))
    for name, value in response.headers.items():
        request.setHeader(name.encode("ascii"), value.encode("ascii"))


def drop(request: Request) -> None:
    """Cut a request's connection at once. To lose it in the ordinary way would wait for a client that reads nothing."""
    transport: Any = request.transport
    transport.abortConnection()


def respond(request: Request, response: Response) -> None:
    """Write a whole response."""
    prepare(request, response)
    request.setHeader(b"Content-Length", b"%d" % len(response.body))
    request.write(response.body)
    request.finish()


def respond_later(request: Request, outcome: Deferred[Response]) -> None:
    """Write a response when it is there, unless the client has gone by then."""
    gone: list[Failure] = []
    request.notifyFinish().addErrback(gone.append)

    def write(response: Response) -> None:
        if not gone:
            respond(request, response)

    def failed(failure: Failure) -> None:
        _log.failure("A response could not be made", failure)
        write(Response(500))

    outcome.addCallbacks(write, failed)
    outcome.addErrback(lambda failure: _log.failure("A response could not be written", failure))
