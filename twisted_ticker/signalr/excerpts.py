"""
What of a client's text gets into the log: enough to recognise it, and no more, for clients decide how long it is.
"""

from __future__ import annotations

__all__ = ["excerpt"]

_MAX_LENGTH = 300


def excerpt(text: str) -> str:
    """The text, or its beginning with its length."""
    return text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]}… ({len(text)} characters)"
