"""
A long job with a progress bar: a hub method that works in a thread, reports how far it is, and returns a result.

Run it in this directory: ``twistd -n signalr --hub progress:JobHub --static .``
"""

from __future__ import annotations

from math import isqrt

from twisted.internet.threads import deferToThread

from twisted_ticker.signalr import Hub, HubException, Progress, hub_method

LARGEST = 5_000_000
STEPS = 100


def count_primes(start: int, stop: int) -> int:
    """How many prime numbers there are from *start* to *stop*, the latter not included; the slow way."""
    return sum(
        number == 2 or (number > 2 and number % 2 and all(number % odd for odd in range(3, isqrt(number) + 1, 2)))
        for number in range(start, stop)
    )


class JobHub(Hub):
    """What pages can call."""

    hub_name = "jobs"

    @hub_method
    async def count_primes(self, limit: int, progress: Progress[int]) -> int:
        """Count the prime numbers below *limit*; the progress is in per cent."""
        if not 0 < limit <= LARGEST:
            raise HubException(f"Please choose a number from 1 to {LARGEST:,}.")
        found = 0
        for step in range(STEPS):
            # A thread, because the server has other clients to serve meanwhile.
            found += await deferToThread(count_primes, limit * step // STEPS, limit * (step + 1) // STEPS)
            progress.report(100 * (step + 1) // STEPS)
        return found
