"""
What arrives on a receive channel, and what a hub's messages in it are; and how a call of a hub method is written.

Source: SignalR 2.4, ``jquery.signalR.transports.common.js`` (``maximizePersistentResponse``),
``jquery.signalR.hubs.js``, ``Client/Transports/TransportHelper.cs``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .. import serialization
from ..protocol.messages import MAX_STATE_LENGTH
from .addresses import Position
from .errors import ClientError, HubInvocationError, ProtocolViolation

__all__ = [
    "ClientCall",
    "Delivery",
    "Dismissal",
    "Frame",
    "KeepAlive",
    "Progress",
    "Result",
    "encode_invocation",
    "is_started",
    "parse_frame",
    "parse_message",
    "parse_result",
]


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """A sign of life."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """
    An envelope.

    Attributes:
        position: cursor behind the messages, and new groups token; ``None`` for what stays as it was.
        messages: JSON values, in order.
        initialized: whether it says that the transport works.
        reconnect: whether the server asks to reconnect, because it is shutting down.
        delay_seconds: pause before the next poll.
    """

    position: Position = field(default_factory=Position)
    messages: tuple[Any, ...] = ()
    initialized: bool = False
    reconnect: bool = False
    delay_seconds: float = 0.0

    def after(self, position: Position) -> Position:
        """Where a client is that was at *position* and has taken this envelope."""
        return Position(
            self.position.message_id or position.message_id,
            position.groups_token if self.position.groups_token is None else self.position.groups_token,
        )


@dataclass(frozen=True, slots=True)
class Result:
    """
    The answer to a call.

    Attributes:
        id: the call's.
        value: what the method returned, plain JSON.
        error: why it failed, ``None`` if it did not.
        state: caller state that the method changed.
    """

    id: str | None
    value: Any = None
    error: HubInvocationError | None = None
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dismissal:
    """The server sends the client away for good; *text* says why, if it does."""

    text: str | None = None


Frame: TypeAlias = KeepAlive | Delivery | Result | Dismissal


def parse_frame(text: str | bytes) -> Frame:
    """
    Read one JSON text from the server.

    As in the JavaScript client, ``S`` and ``T`` count by presence; ``I`` makes it a result, whatever else it has.

    Raises:
        ProtocolViolation: not a JSON object, or members of the wrong type.
    """
    members = _decode_object(text)
    if "I" in members:
        return _result(members)
    if members.get("E") is not None:
        return Dismissal(str(members["E"]))
    if members.get("D"):
        return Dismissal()
    if not members.keys() & {"C", "M", "S", "G", "T", "L"}:
        return KeepAlive()
    messages, delay_ms = members.get("M", []), members.get("L") or 0
    if not isinstance(messages, list) or isinstance(delay_ms, bool) or not isinstance(delay_ms, (int, float)):
        raise ProtocolViolation("An envelope has members of the wrong type.")
    return Delivery(
        Position(_optional_text(members, "C"), _optional_text(members, "G")),
        tuple(messages),
        initialized="S" in members,
        reconnect="T" in members,
        delay_seconds=max(0.0, delay_ms / 1000),
    )


def parse_result(text: bytes) -> Result:
    """
    Read the answer to ``/send``.

    Raises:
        ProtocolViolation: it is no result.
    """
    members = _decode_object(text)
    if "I" not in members:
        raise ProtocolViolation("The answer to a call is no result.")
    return _result(members)


def _decode_object(text: str | bytes) -> dict[str, Any]:
    try:
        members = serialization.decode(text.encode() if isinstance(text, str) else text, Any)
    except (ValueError, RecursionError) as error:
        raise ProtocolViolation(f"The server has sent what is not JSON: {error}") from error
    if not isinstance(members, dict):
        raise ProtocolViolation("The server has sent what is not a JSON object.")
    return members


def _optional_text(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    if value is not None and not isinstance(value, str):
        raise ProtocolViolation(f"{name} of an envelope is no text.")
    return value


def _id(value: Any) -> str | None:
    return None if value is None else str(value)


def _state(members: Mapping[str, Any]) -> Mapping[str, Any]:
    state = members.get("S")
    return state if isinstance(state, dict) else {}


def _result(members: Mapping[str, Any]) -> Result:
    error = None
    if members.get("E") is not None:
        is_hub_exception = members.get("H") is True
        error = HubInvocationError(
            str(members["E"]), is_hub_exception=is_hub_exception, data=members.get("D") if is_hub_exception else None
        )
    return Result(_id(members["I"]), members.get("R"), error, _state(members))


# Messages of hubs


@dataclass(frozen=True, slots=True)
class ClientCall:
    """
    A call of a client's method.

    Attributes:
        hub: the hub's name, as the server spells it.
        method: the method's name, as the hub's author wrote it.
        arguments: plain JSON.
        state: caller state that the hub changed.
    """

    hub: str
    method: str
    arguments: tuple[Any, ...] = ()
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """An interim report of the call *id*."""

    id: str
    value: Any = None
    state: Mapping[str, Any] = field(default_factory=dict)


def parse_message(message: Any) -> ClientCall | Progress:
    """
    What a member of an envelope's ``M`` says, where the connection is one to hubs.

    Raises:
        ProtocolViolation: neither a call of the client nor a report of progress.
    """
    if isinstance(message, dict):
        report = message.get("P")
        if isinstance(report, dict) and report.get("I") is not None:
            return Progress(str(report["I"]), report.get("D"), _state(message))
        hub, method, arguments = message.get("H"), message.get("M"), message.get("A", [])
        if isinstance(hub, str) and isinstance(method, str) and isinstance(arguments, list):
            return ClientCall(hub, method, tuple(arguments), _state(message))
    raise ProtocolViolation("A message is neither a call of the client nor a report of progress.")


def encode_invocation(hub: str, method: str, arguments: Sequence[Any], id: str, state: Mapping[str, Any]) -> str:
    """
    The JSON of a call of a hub method.

    Args:
        arguments: any JSON-able values.
        state: caller state, left out when empty.

    Raises:
        ClientError: there is more state than servers take.
        TypeError: a value that JSON cannot express.
        ValueError: a value that it cannot express.
    """
    members: dict[str, Any] = {"H": hub, "M": method, "A": list(arguments), "I": id}
    if state:
        # Over a WebSocket a server would drop the call, and nobody would ever answer it.
        if len(serialization.encode(dict(state)).decode()) > MAX_STATE_LENGTH:
            raise ClientError(f"The caller state is longer than {MAX_STATE_LENGTH} characters of JSON.")
        members["S"] = dict(state)
    return serialization.encode(members).decode()


def is_started(body: bytes) -> bool:
    """Whether this is the answer to a ``/start`` that has succeeded."""
    try:
        answer = serialization.decode(body, Any)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and str(answer.get("Response", "")).lower() == "started"
