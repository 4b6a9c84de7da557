"""
``twistd`` with a server that is less patient with slow clients than ours is, so that tests need not be patient either.
"""

from __future__ import annotations

import sys

from twisted.scripts.twistd import run

from twisted_ticker.web import bounded_site

__all__ = ["HASTY", "SECONDS"]

#: For everything that clients have a time for, in seconds.
SECONDS = 2.0

#: The command.
HASTY = (sys.executable, __file__, "-n", "--pidfile=")

if __name__ == "__main__":
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "IDLE_SECONDS", "UNREAD_SECONDS"):
        assert getattr(bounded_site, name) > SECONDS
        setattr(bounded_site, name, SECONDS)
    run()
