"""
The life cycle of a client's connection, as a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from ..errors import IllegalTransition

__all__ = ["ConnectionState", "StateEvent", "next_state"]


class ConnectionState(Enum):
    """Where a connection is in its life."""

    DISCONNECTED = "disconnected"
    #: Negotiating, trying transports, or waiting for the server's hubs.
    CONNECTING = "connecting"
    CONNECTED = "connected"
    #: Its transport is lost, and it tries to go on where it was.
    RECONNECTING = "reconnecting"
    #: Saying goodbye, or clearing away what is left after a failure.
    STOPPING = "stopping"


class StateEvent(Enum):
    """What can happen to a connection."""

    START = "start"
    STARTED = "started"
    LOST = "lost"
    RESTORED = "restored"
    STOP = "stop"
    ENDED = "ended"


_S, _E = ConnectionState, StateEvent

_TRANSITIONS: Mapping[tuple[ConnectionState, StateEvent], ConnectionState] = {
    (_S.DISCONNECTED, _E.START): _S.CONNECTING,
    (_S.CONNECTING, _E.STARTED): _S.CONNECTED,
    (_S.CONNECTED, _E.LOST): _S.RECONNECTING,
    (_S.RECONNECTING, _E.RESTORED): _S.CONNECTED,
    (_S.CONNECTING, _E.STOP): _S.STOPPING,
    (_S.CONNECTED, _E.STOP): _S.STOPPING,
    (_S.RECONNECTING, _E.STOP): _S.STOPPING,
    (_S.STOPPING, _E.ENDED): _S.DISCONNECTED,
}


def next_state(state: ConnectionState, event: StateEvent) -> ConnectionState:
    """
    The state after an event.

    Raises:
        IllegalTransition: the event cannot happen in this state: a defect of ours.
    """
    try:
        return _TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"A client's connection that is {state.value} cannot get {event.value!r}.") from None
