"""
SignalR on twisted.web: what an application needs to mount a server.
"""

from .endpoints import SignalRResource
from .site import build_site, site_of

__all__ = ["SignalRResource", "build_site", "site_of"]
