"""
How many connections there may be: of all clients together, and of one address.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from twisted.logger import Logger

__all__ = ["ConnectionLimits", "Places"]

#: Refusals of the same kind within this many seconds are one line in the log.
_LOG_SECONDS = 60.0

#: Who has an IPv6 address has a whole network of this prefix length.
_OWN_NETWORK = 64


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """
    How many connections there may be at the same time.

    Attributes:
        total: of all clients.
        per_address: of one client, which is an IPv4 address or an IPv6 network of 64 bits. Behind a proxy, all clients
            may have the same.
    """

    total: float = inf
    per_address: float = inf


class Places:
    """
    The places that connections take, and who has taken how many.

    Args:
        limits: how many there are.
        seconds: the clock.

    Attributes:
        make_room: asked to give up some connection for another one, when there is no place left; says whether it has.
        taken: how many places are taken.
        refused: how many connections have been refused.
        given_up: how many were closed to make room for others.
        bad_requests: how many requests were refused before anything served them.
        unread: how many connections were cut because a response was not read.
    """

    _log = Logger()

    def __init__(self, limits: ConnectionLimits, seconds: Callable[[], float]) -> None:
        self.make_room: Callable[[], bool] = lambda: False
        self.taken = 0
        self.refused = 0
        self.given_up = 0
        self.bad_requests = 0
        self.unread = 0
        self._limits = limits
        self._seconds = seconds
        self._by_client: Counter[str] = Counter()
        # For each kind of refusal, when it was logged, and how many there have been since.
        self._logged: dict[str, tuple[float, int]] = {}

    def take(self, address: Any) -> str | None:
        """
        Take a place for a new connection.

        Args:
            address: where it comes from; one without a host counts for nobody.

        Returns:
            What to give back when it is over; ``None`` if there is no place for it.
        """
        client = self._client(address)
        if not self._may_have_more(client):
            return None
        total = self._limits.total
        if self.taken >= total and not self._has_made_room():
            self._refuse("total", f"There are {total} connections, which is all that may be (--max-connections)")
            return None
        self.taken += 1
        if client:
            self._by_client[client] += 1
        return client

    def _has_made_room(self) -> bool:
        if not self.make_room():
            return False
        self.given_up += 1
        return True

    def settle(self, address: Any) -> str | None:
        """As :meth:`take`, for a connection that has a place already, which counts for nobody yet."""
        client = self._client(address)
        if not self._may_have_more(client):
            return None
        if client:
            self._by_client[client] += 1
        return client

    def free(self, client: str) -> None:
        """A connection is over."""
        self.taken -= 1
        if client:
            self._by_client[client] -= 1
            if not self._by_client[client]:
                del self._by_client[client]

    def _client(self, address: Any) -> str:
        """Whom an address counts for; nobody, where that does not matter."""
        return "" if self._limits.per_address == inf else _client_of(getattr(address, "host", ""))

    def _may_have_more(self, client: str) -> bool:
        limit = self._limits.per_address
        if not client or self._by_client[client] < limit:
            return True
        self._refuse(
            "address",
            f"{client} has {limit} connections, which is all that it may have (--max-connections-per-address)",
        )
        return False

    def _refuse(self, kind: str, text: str) -> None:
        self.refused += 1
        now = self._seconds()
        logged, silent = self._logged.get(kind, (None, 0))
        if logged is not None and now - logged < _LOG_SECONDS:
            self._logged[kind] = (logged, silent + 1)
            return
        self._logged[kind] = (now, 0)
        also = f"; {silent} others were refused since this was said last" if silent else ""
        self._log.warn("Refused a connection: {text}{also}", text=text, also=also)


def _client_of(host: object) -> str:
    """An address as it is counted: that of an IPv4 host, or the network of an IPv6 one."""
    if not isinstance(host, str):
        return ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, _OWN_NETWORK), strict=False))
