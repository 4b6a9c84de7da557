"""
A request on its way through an endpoint: what it asks for, and who asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from .hub import HubCallerContext
from .protocol.transports import LONG_POLLING
from .requests import Request, Response, User

__all__ = ["SCRIPT_COMMANDS", "Call", "Refusal", "command_of"]

SCRIPT_COMMANDS = ("hubs", "js")

Target = TypeVar("Target")


def command_of(path: str) -> str:
    """
    The command that a request path ends in, in lower case: ``negotiate``, ``send``… or any other last segment.

    Slashes behind it are allowed for the scripts only, as in the reference.
    """
    if not path.endswith("/"):
        return path.rpartition("/")[2].lower()
    last = path.rstrip("/").rpartition("/")[2].lower()
    return last if last in SCRIPT_COMMANDS else ""


class Refusal(Exception):
    """The request is answered with *response* and goes no further."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.body.decode() or response.reason)
        self.response = response


@dataclass(frozen=True, slots=True)
class Call(Generic[Target]):
    """
    A request that has passed the checks.

    Attributes:
        request: the request.
        command: see :func:`command_of`.
        transport: wire name of the transport that it names.
        connection_id: from its token.
        user: who sends it.
        target: what it is about: for hubs, those of its ``connectionData``.
    """

    request: Request
    command: str
    transport: str
    connection_id: str
    user: User | None
    target: Target

    def position_parameter(self, name: str) -> str | None:
        """
        A parameter of a receive request that says where the client stands; empty counts as absent.

        Pollers may send it in their form as well; of both, the query counts.
        """
        value = self.request.query.get(name)
        if not value and self.transport == LONG_POLLING:
            value = self.request.form.get(name)
        return value or None

    @property
    def context(self) -> HubCallerContext:
        """The call as application code sees it."""
        return HubCallerContext(self.connection_id, self.user, self.request, self.transport)
