"""
The JSON that travels once a connection stands: calls from clients, results, calls to clients, envelopes.

User values (arguments, results, state) come in already encoded, so each is encoded once however often it is sent.

========================================  =======================================================================
call from a client                        ``{"H": hub, "M": method, "A"?: [argument, …], "I": id, "S"?: state}``
result                                    ``{"S"?: state, "R"?: result, "I": id}``
error result                              ``{"S"?: state, "I": id, "H"?: true, "E": text, "D"?: data}``
progress                                  ``{"S"?: state, "I": "P|" + id, "P": {"I": id, "D": value}}``
call to a client                          ``{"H": hub, "M": method, "A": [argument, …], "S"?: state}``
envelope                                  ``{"C": cursor, "S"?: 1, "G"?: groups token, "L"?: ms, "M": [message, …]}``
keep-alive                                ``{}``
========================================  =======================================================================

Optional members are left out, never null or 0: the JavaScript client tests some of them for presence.
Source: SignalR 2.4, ``Hubs/HubRequestParser.cs``, ``Hubs/HubResponse.cs``, ``Hubs/ClientHubInvocation.cs``,
``Transports/PersistentResponse.cs``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import ref

import msgspec

from ..errors import MalformedInvocation
from .bounds import holds_more_values

__all__ = [
    "KEEP_ALIVE",
    "MAX_STATE_LENGTH",
    "Envelope",
    "Invocation",
    "encode_client_call",
    "encode_error",
    "encode_progress",
    "encode_result",
    "parse_invocation",
]

KEEP_ALIVE = b"{}"

#: Longest caller state, in characters of JSON (the reference's limit, although its text says bytes).
MAX_STATE_LENGTH = 4096

_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_arguments = msgspec.json.Decoder(list[msgspec.Raw] | None).decode
_decode_state = msgspec.json.Decoder(dict[str, Any] | None).decode


@dataclass(frozen=True, slots=True)
class Invocation:
    """
    One call of a hub method, as the client wrote it.

    Attributes:
        hub: hub name, in whatever letter case.
        method: method name, in whatever letter case.
        arguments: each argument's JSON, to be decoded to the type that the method declares.
        id: echoed in the result, as text even when the client sent a number; ``None`` when it sent none.
        state: the caller state, ``None`` when not sent.
    """

    hub: str
    method: str
    arguments: tuple[msgspec.Raw, ...]
    id: str | None
    state: dict[str, Any] | None


def parse_invocation(text: str, max_values: int | None = None) -> Invocation:
    """
    Read one call from a client. Member names are matched in any letter case, unknown ones are ignored.

    Args:
        text: what the client has sent.
        max_values: how many JSON values it may hold, all in all; ``None`` for any number.

    Raises:
        MalformedInvocation: not a JSON object, hub or method missing, arguments not a list, state not an object or
            longer than :data:`MAX_STATE_LENGTH`, id not a number or string, nested too deeply, or too many values.
    """
    if max_values is not None and holds_more_values(text, max_values):
        raise MalformedInvocation(f"The call holds more than {max_values} values.")
    try:
        members = {name.upper(): value for name, value in _decode_members(text).items()}
        state = members.get("S")
        if state is not None and len(bytes(state).decode()) > MAX_STATE_LENGTH:
            raise MalformedInvocation("State has exceeded the maximum length of 4096 bytes.")
        return Invocation(
            hub=_text(members.get("H"), "hub") or "",
            method=_text(members.get("M"), "method") or "",
            arguments=tuple(_decode_arguments(members.get("A", b"null")) or ()),
            id=_text(members.get("I"), "id", required=False),
            state=None if state is None else _decode_state(state),
        )
    except (ValueError, RecursionError) as error:
        raise MalformedInvocation(f"Not a hub invocation: {error}") from error


def _text(raw: msgspec.Raw | None, member: str, *, required: bool = True) -> str | None:
    """A JSON string, or the text of a JSON number, as Newtonsoft's reader gives it."""
    token = b"null" if raw is None else bytes(raw)
    if token == b"null":
        if required:
            raise MalformedInvocation(f"The invocation names no {member}.")
        return None
    if token[:1] in b"[{":
        raise MalformedInvocation(f"The {member} of the invocation is no text.")
    if token[:1] == b'"':
        return msgspec.json.decode(token, type=str)
    return token.decode()


@lru_cache(maxsize=1024)
def _call_head(hub: str, method: str) -> bytes:
    return f'{{"H":{json.dumps(hub)},"M":{json.dumps(method)},"A":'.encode()


def encode_client_call(hub: str, method: str, arguments: bytes, state: bytes | None = None) -> bytes:
    """
    A call of a client's method.

    Args:
        hub: the hub's declared name.
        method: the name exactly as the hub's author wrote it.
        arguments: JSON array.
        state: JSON object of changed caller state, if any.
    """
    head = _call_head(hub, method)
    if state is None:
        return b"%b%b}" % (head, arguments)
    return b'%b%b,"S":%b}' % (head, arguments, state)


def encode_result(id: str | None, *, result: bytes | None = None, state: bytes | None = None) -> bytes:
    """
    The answer to a call that succeeded.

    Args:
        id: the call's id.
        result: JSON of the result, ``None`` for nothing or null (which look the same on the wire).
        state: JSON object of changed caller state, if any.
    """
    members = [] if state is None else [b'"S":' + state]
    if result is not None:
        members.append(b'"R":' + result)
    members.append(b'"I":' + json.dumps(id).encode())
    return b"{" + b",".join(members) + b"}"


def encode_error(
    id: str | None,
    text: str,
    *,
    from_hub: bool = False,
    data: bytes | None = None,
    state: bytes | None = None,
) -> bytes:
    """
    The answer to a call that failed.

    Args:
        id: the call's id.
        text: what the client is told.
        from_hub: whether the hub's author chose the text (a ``HubException``).
        data: JSON of the exception's data, if any.
        state: JSON object of caller state that changed before the failure, if any.
    """
    members = [] if state is None else [b'"S":' + state]
    members.append(b'"I":' + json.dumps(id).encode())
    if from_hub:
        members.append(b'"H":true')
    members.append(b'"E":' + json.dumps(text).encode())
    if data is not None:
        members.append(b'"D":' + data)
    return b"{" + b",".join(members) + b"}"


def encode_progress(id: str | None, value: bytes, state: bytes | None = None) -> bytes:
    """
    A report of a call that goes on. Clients that know nothing of progress look in vain for a call of its id.

    Args:
        id: the call's id.
        value: JSON of what is reported.
        state: JSON object of changed caller state, if any.
    """
    changes = b"" if state is None else b'"S":%b,' % state
    report_id, call_id = json.dumps(f"P|{id or ''}").encode(), json.dumps(id).encode()
    return b'{%b"I":%b,"P":{"I":%b,"D":%b}}' % (changes, report_id, call_id, value)


class Envelope:
    """
    Messages with the cursor behind them: the one thing that travels on every receive channel.

    An envelope is shared by all the clients that have the same messages pending; each of its framings is made at
    most once, however many of them there are.

    Args:
        cursor: text of the position after these messages.
        sequence: the same position as a number, for the sender's own bookkeeping.
        messages: JSON values in order.
        initialized: the first envelope after a connect, which tells the client that its transport works.
        groups_token: the client's new groups token, when its groups have changed.

    Attributes:
        framed: the bytes that a framing makes of this envelope, ``envelope.framed[framing]``; made once and then
            remembered.
    """

    __slots__ = ("__weakref__", "cursor", "framed", "groups_token", "initialized", "messages", "sequence")

    def __init__(
        self,
        cursor: str,
        sequence: int,
        messages: Sequence[bytes] = (),
        *,
        initialized: bool = False,
        groups_token: str | None = None,
    ) -> None:
        self.cursor = cursor
        self.sequence = sequence
        self.messages = messages
        self.initialized = initialized
        self.groups_token = groups_token
        self.framed = _Framed(self)

    def with_groups_token(self, groups_token: str) -> Envelope:
        """The same envelope for one client, which has to learn a new groups token."""
        return Envelope(
            self.cursor, self.sequence, self.messages, initialized=self.initialized, groups_token=groups_token
        )

    def json(self, *, long_poll_delay_ms: int = 0) -> bytes:
        """
        The envelope's text.

        Args:
            long_poll_delay_ms: how long the client shall wait before its next poll; long polling only.
        """
        optional = b""
        if self.initialized:
            optional += b',"S":1'
        if self.groups_token is not None:
            optional += b',"G":"%b"' % self.groups_token.encode("ascii")
        if long_poll_delay_ms:
            optional += b',"L":%d' % long_poll_delay_ms
        return b'{"C":"%b"%b,"M":[%b]}' % (self.cursor.encode("ascii"), optional, b",".join(self.messages))


class _Framed(dict[Callable[[Envelope], bytes], bytes]):
    """Fills itself. A mapping, because to look something up in one takes no call, and this is done for every client."""

    __slots__ = ("_envelope",)

    def __init__(self, envelope: Envelope) -> None:
        # The envelope has this: if this had the envelope, both would wait for the garbage collector.
        self._envelope = ref(envelope)

    def __missing__(self, framing: Callable[[Envelope], bytes]) -> bytes:
        envelope = self._envelope()
        assert envelope is not None, "Framings are asked for through the envelope."
        frame = self[framing] = framing(envelope)
        return frame
