"""
Resources that say how things are at the moment.
"""

from __future__ import annotations

from abc import abstractmethod

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from ..signalr.requests import Response
from .exchanges import TwistedExchange

__all__ = ["ReportResource"]


class ReportResource(Resource):
    """A leaf that can only be read, and whose answer nobody may keep: it is another one the next time."""

    isLeaf = True

    @abstractmethod
    def report(self, request: Request) -> Response:
        """The answer to a GET, or to a HEAD, which gets its headers only."""

    def render(self, request: Request) -> int:
        """Answer a request of any method."""
        readable = request.method in (b"GET", b"HEAD")
        response = self.report(request) if readable else Response(405, headers={"Allow": "GET, HEAD"})
        TwistedExchange(request).respond(response)
        return NOT_DONE_YET
