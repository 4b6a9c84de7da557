"""
Responses that are not there yet.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..signalr.requests import Response
from .exchanges import Exchange

__all__ = ["respond_later"]

_log = Logger()


def respond_later(exchange: Exchange, outcome: Deferred[Response]) -> None:
    """Send a response when it is there, unless the client has gone by then."""
    gone: list[bool] = []
    exchange.when_gone(lambda: gone.append(True))

    def respond(response: Response) -> None:
        if not gone:
            exchange.respond(response)

    def failed(failure: Failure) -> None:
        _log.failure("A response could not be made", failure)
        respond(Response(500))

    outcome.addCallbacks(respond, failed)
    outcome.addErrback(lambda failure: _log.failure("A response could not be written", failure))
