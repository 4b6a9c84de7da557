"""
What an application may answer to negotiate instead of serving the client itself.

Clients of protocol 2.0 and later follow both; older ones know neither, and fail to start.
Source: SignalR 2.4, the client's ``jquery.signalR.core.js`` and ``NegotiationResponse.cs``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .protocol.handshake import ProtocolVersion

__all__ = ["NegotiateError", "Redirect"]


@dataclass(frozen=True, slots=True)
class Redirect:
    """
    Go elsewhere.

    Attributes:
        url: the other server's endpoint; clients of protocol 2.1 keep its query string.
        access_token: what the client shall show there, as ``Authorization: Bearer`` or ``access_token``.
    """

    url: str
    access_token: str | None = None

    def body(self, version: ProtocolVersion) -> bytes:
        """The answer to negotiate."""
        answer: dict[str, Any] = {"ProtocolVersion": str(version), "RedirectUrl": self.url}
        if self.access_token is not None:
            answer["AccessToken"] = self.access_token
        return json.dumps(answer, separators=(",", ":")).encode("ascii")


@dataclass(frozen=True, slots=True)
class NegotiateError:
    """Do not connect; *text* says why, and the client's start fails with it."""

    text: str

    def body(self, version: ProtocolVersion) -> bytes:
        """The answer to negotiate."""
        return json.dumps({"ProtocolVersion": str(version), "Error": self.text}, separators=(",", ":")).encode("ascii")
