"""
How much tests do that have two forms: a quick one for ``make test``, and a long one for ``make torture``.
"""

from __future__ import annotations

import os

__all__ = ["IS_TORTURE", "measured", "scaled"]

#: Whether the long forms are asked for.
IS_TORTURE = os.environ.get("TORTURE") == "1"


def scaled(quick: int, torture: int) -> int:
    """A size, number or time of a test: *quick*, or *torture* if ``TORTURE=1`` is in the environment."""
    return torture if IS_TORTURE else quick


def measured(what: str) -> None:
    """Say what the long form of a test has measured."""
    if IS_TORTURE:
        print(f"\n    measured: {what}", flush=True)
