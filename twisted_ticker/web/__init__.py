"""
SignalR on twisted.web: what an application needs to mount a server.
"""

from .endpoints import SignalRResource
from .site import build_site

__all__ = ["SignalRResource", "build_site"]
