"""
A SignalR 2 server for Twisted: everything that an application imports.

A hub is a class whose marked methods clients can call, and which calls its clients back::

    from twisted_ticker.signalr import Hub, SignalRServer, hub_method

    class ChatHub(Hub):
        hub_name = "chat"

        @hub_method
        def say(self, text: str) -> None:
            self.clients.all.said(text)

    server = SignalRServer()
    server.map_hubs("/signalr", [ChatHub])

:class:`twisted_ticker.web.SignalRResource` puts a server on the web.
"""

from .authorization import authorize
from .errors import ConfigurationError, HubException, InvocationError, SignalRError
from .hub import Hub, HubCallerContext, hub_method
from .keys import KeyRing
from .negotiation import NegotiateError, Redirect
from .persistent_connection import ConnectionContext, PersistentConnection
from .pipeline import ErrorContext, HubPipeline, HubPipelineModule, IncomingInvocation, OutgoingInvocation
from .progress import Progress
from .requests import Request, User
from .server import HubContext, SignalRServer
from .settings import EndpointSettings, Settings
from .typed_clients import Conflatable

__all__ = [
    "ConfigurationError",
    "Conflatable",
    "ConnectionContext",
    "EndpointSettings",
    "ErrorContext",
    "Hub",
    "HubCallerContext",
    "HubContext",
    "HubException",
    "HubPipeline",
    "HubPipelineModule",
    "IncomingInvocation",
    "InvocationError",
    "KeyRing",
    "NegotiateError",
    "OutgoingInvocation",
    "PersistentConnection",
    "Progress",
    "Redirect",
    "Request",
    "Settings",
    "SignalRError",
    "SignalRServer",
    "User",
    "authorize",
    "hub_method",
]
