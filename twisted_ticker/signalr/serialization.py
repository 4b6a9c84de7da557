"""
User values to JSON and back: the one place that decides how a Python value looks on the wire.

Money is ``Decimal`` here and a JSON *number* there, with its scale (``0.00``): pages call ``toFixed`` on it.
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["decode", "encode"]

_encoder = msgspec.json.Encoder(decimal_format="number")

# Legal in JSON, line ends in script: the reference escapes them on every transport.
_LINE_ENDS = ((b"\xe2\x80\xa8", rb"\u2028"), (b"\xe2\x80\xa9", rb"\u2029"), (b"\xc2\x85", rb"\u0085"))


def encode(value: Any) -> bytes:
    """
    The JSON of *value*, UTF-8 without white space.

    Raises:
        TypeError: a type that JSON cannot express.
        ValueError: a value that it cannot express.
        RecursionError: it is nested too deeply.
    """
    text = _encoder.encode(value)
    if b"NaN" in text or b"Infinity" in text:
        # A Decimal that is no number is written bare, which would make the whole envelope unreadable; in a string
        # the words are harmless.
        msgspec.json.decode(text)
    # Each of the three needs a byte that plain ASCII has not; most messages are plain ASCII.
    if not text.isascii():
        for raw, escaped in _LINE_ENDS:
            text = text.replace(raw, escaped)
    return text


def decode(text: bytes | msgspec.Raw, annotation: Any) -> Any:
    """
    A value of the type that *annotation* names, from JSON.

    Numbers in strings are accepted where a number is wanted, as the reference accepts them.

    Raises:
        ValueError: the JSON does not fit.
        RecursionError: it is nested too deeply.
    """
    if annotation is Any:
        return msgspec.json.decode(text)
    return msgspec.json.decode(text, type=annotation, strict=False)
