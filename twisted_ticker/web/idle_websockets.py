"""
What Autobahn keeps for each WebSocket, and how little of it one needs that waits for the next broadcast.

Autobahn copies its factory's options into every connection, keeps the handshake, and sets what has not happened yet one
by one: some ninety attributes, several KiB. Here, options are attributes of a class, the handshake is forgotten when it
is over, and so are attributes whose value is the class's own.
"""

from __future__ import annotations

from typing import Any, TypeVar

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol

__all__ = ["forget_handshake", "with_options_of"]

Protocol = TypeVar("Protocol", bound=WebSocketServerProtocol)

#: What is needed until the answer has been sent.
_HANDSHAKE = frozenset(
    {
        "_transport_details",
        "_wskey",
        "http_headers",
        "http_request_data",
        "http_request_host",
        "http_request_params",
        "http_request_path",
        "http_request_uri",
        "http_response_data",
        "http_status_line",
        "websocket_extensions",
        "websocket_extensions_in_use",
        "websocket_origin",
        "websocket_protocols",
    }
)

#: What connections in which nothing has happened have in common.
_RESTING: dict[str, Any] = {
    "_perMessageCompress": None,
    "autoPingPending": None,
    "autoPingPendingCall": None,
    "autoPingPendingSent": None,
    "autoPingPendingSeq": 0,
    "autoPingTimeoutCall": None,
    "closeHandshakeTimeoutCall": None,
    "closedByMe": False,
    "current_frame": None,
    "data": b"",
    "droppedByMe": False,
    "failedByMe": False,
    "inside_message": False,
    "localCloseCode": None,
    "localCloseReason": None,
    "openHandshakeTimeoutCall": None,
    "remoteCloseCode": None,
    "remoteCloseReason": None,
    "send_state": WebSocketServerProtocol.SEND_STATE_GROUND,
    "trackedTimings": None,
    "triggered": False,
    "wasClean": False,
    "wasCloseHandshakeTimeout": False,
    "wasMaxFramePayloadSizeExceeded": False,
    "wasMaxMessagePayloadSizeExceeded": False,
    "wasNotCleanReason": None,
    "wasOpenHandshakeTimeout": False,
    "wasServerConnectionDropTimeout": False,
    "wasServingFlashSocketPolicyFile": False,
    "websocket_protocol_in_use": None,
}


def with_options_of(factory: WebSocketServerFactory, protocol: type[Protocol]) -> type[Protocol]:
    """
    A subclass of *protocol* that has the options of *factory*, and the values of rest, for all of its instances.

    Autobahn copies an option only if a connection does not have it yet.
    """
    options = {name: getattr(factory, name) for name in protocol.CONFIG_ATTRS}
    # Functions are options too, and must not become methods.
    options = {name: staticmethod(option) if callable(option) else option for name, option in options.items()}
    # Autobahn writes a text about each of these into a log that nobody reads, which takes longer than the handshake.
    members = {**_RESTING, **options, "CONFIG_ATTRS": []}
    return type(protocol.__name__, (protocol,), members)


def forget_handshake(connection: WebSocketServerProtocol) -> None:
    """Let go of what an open connection does not need; to be called when it has just been opened."""
    kept = vars(connection)
    if not kept.get("send_queue", True):
        # An empty deque takes 600 bytes; only its length is asked for, unless writes are delayed for tests.
        kept["send_queue"] = ()
    connection.__dict__ = {
        name: value
        for name, value in kept.items()
        if name not in _HANDSHAKE and not (name in _RESTING and _RESTING[name] == value)
    }
