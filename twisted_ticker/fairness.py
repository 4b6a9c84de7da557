"""
The reactor looks at its timers often, however many sockets have something for it.

When ten thousand clients leave at once, or come back at once, Twisted's epoll reactor serves all of them before it
looks up: a second in which nobody else gets anything. The kernel hands sockets out in turn, so to ask it for fewer at a
time keeps their order, and leaves nobody out.
"""

from __future__ import annotations

import select
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorFDSet
from twisted.logger import Logger

__all__ = ["FairPolling"]

#: Each of them may be a handshake, which is the dearest thing that a socket can ask for: a tenth of a millisecond.
_MAX_SOCKETS = 32

#: What the epoll reactor asks; other systems have none.
_EPOLL: type | tuple[()] = getattr(select, "epoll", ())


class FairPolling(Service):
    """
    While it runs, the reactor serves no more than a few sockets between two looks at its timers.

    It knows the epoll reactor; others are left as they are, which costs nothing but fairness.

    Args:
        reactor: the reactor.
        sockets: how many are a few.
    """

    _log = Logger()

    def __init__(self, reactor: IReactorFDSet, *, sockets: int = _MAX_SOCKETS) -> None:
        self._reactor: Any = reactor
        self._sockets = sockets
        self._original: Any = None

    def startService(self) -> None:
        """Put a bound on what the reactor asks the kernel for."""
        super().startService()  # type: ignore[no-untyped-call]
        poller = getattr(self._reactor, "_poller", None)
        if isinstance(poller, _EPOLL):
            self._original = poller
            self._reactor._poller = _BoundedPoller(poller, self._sockets)
        else:
            self._log.debug("{reactor} serves sockets as it likes", reactor=type(self._reactor).__name__)

    def stopService(self) -> None:
        """Leave the reactor as it was."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._original is not None:
            self._reactor._poller, self._original = self._original, None


class _BoundedPoller:
    """An epoll object, as far as the reactor uses it, that never returns too many events."""

    __slots__ = ("modify", "poll", "register", "unregister")

    def __init__(self, poller: Any, limit: int) -> None:
        self.modify = poller.modify
        self.register = poller.register
        self.unregister = poller.unregister
        wait = poller.poll
        self.poll = lambda timeout, events: wait(timeout, min(events, limit))
