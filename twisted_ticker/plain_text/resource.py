"""
The prices as plain text, for people without script and for programs without SignalR: ``/prices.txt`` is a table, and
``/prices.txt?follow=1`` goes on with a line for each change, as long as somebody reads.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.web.http import NOT_ALLOWED, SERVICE_UNAVAILABLE
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from ..market import Market
from .followers import PriceFollowers
from .lines import price_table

__all__ = ["PricesText"]


class PricesText(Resource):
    """
    The resource.

    Args:
        market: the market.
        followers: those who follow it.
        seconds: the time since the epoch, which the table shows.
    """

    isLeaf = True

    def __init__(self, market: Market, followers: PriceFollowers, *, seconds: Callable[[], float]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._market = market
        self._followers = followers
        self._seconds = seconds

    def render(self, request: Request) -> bytes | int:
        """Write the table; go on with changes, if the query says ``follow=1``."""
        if request.method not in (b"GET", b"HEAD"):
            request.setResponseCode(NOT_ALLOWED)
            request.setHeader(b"Allow", b"GET, HEAD")
            return b""
        request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-store")
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        table = price_table(self._market, self._seconds()).encode()
        if (request.args or {}).get(b"follow", [])[-1:] != [b"1"]:
            return self._whole(request, table)
        if not self._followers.running:
            request.setResponseCode(SERVICE_UNAVAILABLE)
            return self._whole(request, b"The server is not running.\n")
        # Proxies that buffer a stream would make it useless.
        request.setHeader(b"X-Accel-Buffering", b"no")
        if request.method == b"HEAD":
            return b""
        self._followers.add(request, table + b"\n")
        return NOT_DONE_YET

    @staticmethod
    def _whole(request: Request, text: bytes) -> bytes:
        if request.method != b"HEAD":
            return text
        request.setHeader(b"Content-Length", b"%d" % len(text))
        return b""
