"""
A brake for those who try passwords: so many failures at once, and then one in a while.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

__all__ = ["FailedLogins"]

_IPV6_HOST_BITS = 64


class FailedLogins:
    """
    Counts failed logins by address, and forgets them as time passes.

    A whole network of IPv6, of the size that every customer gets, counts as one address.

    Args:
        seconds: the clock.
        free: how many may fail one after the other.
        recovery_seconds: how long it takes until one failure is forgotten.
        max_addresses: how many addresses are remembered; of more, those that were heard of last.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        *,
        free: int = 5,
        recovery_seconds: float = 10.0,
        max_addresses: int = 10_000,
    ) -> None:
        self._seconds = seconds
        self._free = free
        self._recovery_seconds = recovery_seconds
        self._max_addresses = max_addresses
        # By address, the failures that were not forgotten at a time, and the time; heard of last is last.
        self._counts: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def begin(self, address: str) -> float:
        """
        Somebody wants to log in.

        Returns:
            How many seconds he has to wait. If it is 0, he need not, and is counted as having failed until
            :meth:`succeeded` is called: tries that are made at once must not pass together.
        """
        source = _source(address)
        count = self._count(source)
        wait = (count - (self._free - 1)) * self._recovery_seconds
        if wait > 0:
            return wait
        self._remember(source, count + 1)
        return 0.0

    def succeeded(self, address: str) -> None:
        """Take back the latest :meth:`begin`. What failed before stays so, or one good password would pay for many."""
        source = _source(address)
        count = self._count(source) - 1
        if count > 0:
            self._remember(source, count)
        else:
            self._counts.pop(source, None)

    def _count(self, source: str) -> float:
        count, at = self._counts.get(source, (0.0, 0.0))
        return max(0.0, count - max(0.0, self._seconds() - at) / self._recovery_seconds)

    def _remember(self, source: str, count: float) -> None:
        self._counts[source] = count, self._seconds()
        self._counts.move_to_end(source)
        if len(self._counts) > self._max_addresses:
            self._counts.popitem(last=False)


def _source(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return hex(int(parsed) >> _IPV6_HOST_BITS)
