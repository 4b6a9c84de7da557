"""
A site behind a proxy that tells whose connections it passes on, by the PROXY protocol.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from .bounded_site import BoundedSite

__all__ = ["BehindProxy"]


class BehindProxy(Factory):
    """
    A site, for endpoints such as ``haproxy:tcp:8080``: whose connection it is, is known with the first bytes of it, and
    before that it is nobody's.

    Args:
        site: the site.
    """

    noisy = False

    def __init__(self, site: BoundedSite) -> None:
        self._site = site

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make a channel, which counts for its client as soon as that is known."""
        channel: Any = self._site.buildProtocol(None)
        if channel.place is not None:
            channel.dataReceived = lambda data: self._first_data(channel, data)
        return channel

    def _first_data(self, channel: Any, data: bytes) -> None:
        del channel.dataReceived
        place = self._site.places.settle(channel.transport.getPeer())
        if place is None:
            channel.cut()
        else:
            channel.place = place
            channel.dataReceived(data)
