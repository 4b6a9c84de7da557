"""
Everything that can go wrong for a client, told apart by what its user can do about it.

::

    SignalRError
    └── ClientError
        ├── NotConnected             the connection's state does not allow it; start it, or wait
        ├── NotSubscribed            a handler for a hub that the server was not asked to listen to
        ├── ConnectionClosed         stop() was called meanwhile
        ├── ConnectionLost           the server could not be reached any more; the outcome of a call is unknown
        ├── NegotiationError         the server refuses, or is no SignalR 2 server
        ├── StartError               no transport works, or the server refuses to start
        ├── TransportError           one transport does not work, or has ended
        │   └── HttpStatusError          … because a request was not answered with 200
        ├── ProtocolViolation        the server has sent what no SignalR server sends
        ├── ServerRefusal            the server has sent this client away for good
        └── HubInvocationError       the hub method failed, and the server says so
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import SignalRError

__all__ = [
    "ClientError",
    "ConnectionClosed",
    "ConnectionLost",
    "HttpStatusError",
    "HubInvocationError",
    "NegotiationError",
    "NotConnected",
    "NotSubscribed",
    "ProtocolViolation",
    "ServerRefusal",
    "StartError",
    "TransportError",
    "text_of",
]


class ClientError(SignalRError):
    """Root of the client's errors."""


class NotConnected(ClientError):
    """The connection is not in a state in which this can be done. Nothing was sent."""


class NotSubscribed(ClientError):
    """
    The server does not send the hub's messages, as it was not asked to when the connection was started: at that time
    the hub's proxy had no handlers, and was not created with ``subscribe=True``.
    """


class ConnectionClosed(ClientError):
    """The connection was stopped by its own side."""


class ConnectionLost(ClientError):
    """The server could not be reached any more. Whether it has carried out a call is unknown."""


class NegotiationError(ClientError):
    """The server refuses the client, redirects it endlessly, or speaks another protocol."""


class StartError(ClientError):
    """
    The connection could not be started.

    Attributes:
        failures: name and error of each transport that was tried, in order.
    """

    def __init__(self, message: str, failures: Sequence[tuple[str, Exception]] = ()) -> None:
        details = "; ".join(f"{transport}: {error}" for transport, error in failures)
        super().__init__(f"{message} ({details})" if details else message)
        self.failures = tuple(failures)


class TransportError(ClientError):
    """A transport does not work, or what it received on has ended."""


class HttpStatusError(TransportError):
    """
    A request was not answered with 200.

    Attributes:
        status: three digits.
    """

    def __init__(self, command: str, status: int, text: str = "") -> None:
        super().__init__(f"{command} was answered with {status}" + (f": {text}" if text else ""))
        self.status = status


class ProtocolViolation(ClientError):
    """The server has sent what is not SignalR, or more than the client is ready to take."""


class ServerRefusal(ClientError):
    """The server has told the client to go, and not to come back; the text is the server's."""


class HubInvocationError(ClientError):
    """
    A hub method has failed.

    Attributes:
        text: what the server tells; generic unless the hub's author chose it, or the server tells details.
        is_hub_exception: whether the hub's author chose it.
        data: what the hub's author has sent along, plain JSON; ``None`` if nothing.
    """

    def __init__(self, text: str, *, is_hub_exception: bool = False, data: Any = None) -> None:
        super().__init__(text)
        self.text = text
        self.is_hub_exception = is_hub_exception
        self.data = data


def text_of(error: BaseException | None) -> str:
    """An error's text, or its name if it has none; of errors that hold others, the first of those."""
    reasons = getattr(error, "reasons", None)
    if reasons:
        return text_of(reasons[0].value)
    return str(error) or type(error).__name__
