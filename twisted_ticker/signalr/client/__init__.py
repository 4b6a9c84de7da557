"""
A SignalR 2 client for Twisted programs, on treq and Autobahn.

::

    from twisted_ticker.signalr.client import HubConnection

    connection = HubConnection("https://example.org/signalr")
    chat = connection.create_hub_proxy("chat")
    chat.on("said", lambda user, text: print(user, text))
    await connection.start()
    await chat.invoke("say", "lobby", "hello")
    await connection.stop()
"""

from .connection import DEFAULT_TRANSPORTS, Connection
from .errors import (
    ClientError,
    ConnectionClosed,
    ConnectionLost,
    HttpStatusError,
    HubInvocationError,
    NegotiationError,
    NotConnected,
    NotSubscribed,
    ProtocolViolation,
    ServerRefusal,
    StartError,
    TransportError,
)
from .events import ConnectionEvents, Event
from .hubs import HubConnection, HubProxy
from .network import NetworkEndpoints
from .states import ConnectionState

__all__ = [
    "ClientError",
    "Connection",
    "ConnectionClosed",
    "ConnectionEvents",
    "ConnectionLost",
    "ConnectionState",
    "DEFAULT_TRANSPORTS",
    "Event",
    "HttpStatusError",
    "HubConnection",
    "HubInvocationError",
    "HubProxy",
    "NegotiationError",
    "NetworkEndpoints",
    "NotConnected",
    "NotSubscribed",
    "ProtocolViolation",
    "ServerRefusal",
    "StartError",
    "TransportError",
]
