"""
Whether the server can serve, for load balancers and those who watch it.
"""

from __future__ import annotations

from twisted.web.server import Request

from ..signalr.requests import Response
from ..signalr.server import SignalRServer
from .report import ReportResource

__all__ = ["HealthResource"]

_TEXT = "text/plain; charset=utf-8"


class HealthResource(ReportResource):
    """
    Answers 200 and ``ok`` while clients can connect, and else 503 with one line that says why not.

    Args:
        server: the server.
    """

    def __init__(self, server: SignalRServer) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._server = server

    def report(self, request: Request) -> Response:
        """See :class:`.ReportResource`."""
        if self._server.running:
            return Response(200, b"ok\n", _TEXT)
        return Response(503, b"The server is starting or stopping.\n", _TEXT)
