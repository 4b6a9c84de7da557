"""
JSONP: JSON as a call of a function that the client names, for browsers without cross-origin requests.

Source: SignalR 2.4, ``Json/JsonUtility.cs``.
"""

from __future__ import annotations

import re

from ..errors import RequestError

__all__ = ["check_callback", "wrap"]

_IDENTIFIERS = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z_$][A-Za-z0-9_$]*)*")

_RESERVED_WORDS = frozenset(
    """
    abstract boolean break byte case catch char class const continue debugger default delete do double else
    enum export extends false final finally float for function goto if implements import in instanceof int
    interface let long native new null package private protected public return short static super switch
    synchronized this throw throws transient true try typeof var void volatile while with yield
    """.split()  # noqa: SIM905
)


def check_callback(name: str) -> None:
    """
    Make sure that *name* is a function's name, such as ``a.b``, and nothing that would run by itself.

    Raises:
        RequestError: it is not, or one of its parts is a reserved word.
    """
    if not _IDENTIFIERS.fullmatch(name) or not _RESERVED_WORDS.isdisjoint(name.split(".")):
        raise RequestError("The callback is no name of a function.")


def wrap(callback: str, json: bytes) -> bytes:
    """The script that calls *callback*, which has been checked, with a JSON value."""
    return b"%b(%b);" % (callback.encode("ascii"), json)
