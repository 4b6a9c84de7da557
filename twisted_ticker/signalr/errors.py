"""
Everything that can go wrong in the library, told apart by whose fault it is.

::

    SignalRError
    ├── RequestError              the client broke the protocol
    │   ├── MalformedConnectionData   connectionData names no usable list of hubs
    │   ├── MalformedInvocation       a client-to-server message is no hub call
    │   ├── HubNotFound               a hub name that is not mapped
    │   ├── NotAuthorized             whoever asks may not
    │   └── InvalidToken              a connection or groups token we did not make
    │       └── OutdatedToken             one that we made, and that is good no more
    ├── InvocationError           the call was understood, and cannot be carried out
    │   ├── MethodNotFound            no such method, or not with that many arguments
    │   └── ArgumentError             an argument that does not fit its annotation
    ├── HubException              the application refuses, in words meant for the client
    ├── ConfigurationError        a setting, hub or key ring that cannot be used
    └── IllegalTransition         our own fault: an event that the connection's state does not allow

A :class:`RequestError` never reaches a client as text: over HTTP it is the status that the reference server
answers, over WebSocket silence, and always one log line. An :class:`InvocationError` is an error result with
generic text, unless detailed errors are on. Only the text of a :class:`HubException` is always sent.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ArgumentError",
    "ConfigurationError",
    "HubException",
    "HubNotFound",
    "IllegalTransition",
    "InvalidToken",
    "InvocationError",
    "MalformedConnectionData",
    "MalformedInvocation",
    "MethodNotFound",
    "NotAuthorized",
    "OutdatedToken",
    "RequestError",
    "SignalRError",
]


class SignalRError(Exception):
    """Root of the library's own errors."""


class RequestError(SignalRError):
    """The client broke the protocol. It sees a status without text; it may try again with a correct request."""


class MalformedConnectionData(RequestError):
    """``connectionData`` is not a JSON list of different hub names. Answered with 500, as the reference does."""


class MalformedInvocation(RequestError):
    """A message that is no hub call. No reply over WebSocket, 500 to ``/send``."""


class HubNotFound(RequestError):
    """A hub that is not mapped. In ``connectionData``: 500; in a call: no reply, or 500 to ``/send``."""

    def __init__(self, name: str) -> None:
        super().__init__(f"'{name}' Hub could not be resolved.")


class NotAuthorized(RequestError):
    """Whoever asks may not use what is asked for. Answered with 401 to a user nobody knows, else with 403."""

    def __init__(self, message: str = "The user is not authorized.") -> None:
        super().__init__(message)


class InvalidToken(RequestError):
    """A token that is garbled, tampered with, made for another purpose or by another key ring."""


class OutdatedToken(InvalidToken):
    """
    A groups token of ours that is too old, or was revoked.

    Args:
        reason: why it is good no more.
        groups: the groups that it names.
    """

    def __init__(self, reason: str, groups: tuple[str, ...]) -> None:
        super().__init__(reason)
        self.groups = groups


class InvocationError(SignalRError):
    """A hub call that cannot be carried out. The client gets an error result and stays connected."""


class MethodNotFound(InvocationError):
    """
    No method of that name, or none that takes so many arguments.

    Args:
        name: the method's name as the client wrote it.
        candidates: signatures of the methods of that name, as the reference lists them; none when the name is
            unknown.
    """

    def __init__(self, name: str, candidates: tuple[str, ...] = ()) -> None:
        if candidates:
            reason = "Potential candidates are: " + "".join(f"\n{candidate}" for candidate in candidates)
        else:
            reason = "No method found with that name."
        super().__init__(f"'{name}' method could not be resolved. {reason}")


class ArgumentError(InvocationError):
    """An argument cannot be converted to the type that the hub method declares."""


class HubException(SignalRError):
    """
    Raised by a hub method to tell its caller something: the text is sent whatever the error settings are.

    Args:
        message: the text, ``E`` of the result.
        data: any JSON-able value, ``D`` of the result; left out when not given (``None`` is sent as null).
    """

    NO_DATA: Any = object()

    def __init__(self, message: str = "", *, data: Any = NO_DATA) -> None:
        super().__init__(message)
        self.data = data

    @property
    def has_data(self) -> bool:
        """Whether *data* was given."""
        return self.data is not HubException.NO_DATA


class ConfigurationError(SignalRError):
    """A setting, a hub class or a key ring that cannot be used; the text says what to change."""


class IllegalTransition(SignalRError):
    """A connection was told of an event that its state does not allow: a defect of ours."""
