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

from .errors import ConfigurationError, HubException, InvocationError, SignalRError
from .hub import Hub, HubCallerContext, hub_method
from .keys import KeyRing
from .negotiation import NegotiateError, Redirect
from .requests import Request, User
from .server import HubContext, SignalRServer
from .settings import EndpointSettings, Settings

__all__ = [
    "ConfigurationError",
    "EndpointSettings",
    "Hub",
    "HubCallerContext",
    "HubContext",
    "HubException",
    "InvocationError",
    "KeyRing",
    "NegotiateError",
    "Redirect",
    "Request",
    "Settings",
    "SignalRError",
    "SignalRServer",
    "User",
    "hub_method",
]
