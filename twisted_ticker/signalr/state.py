"""
Caller state: values that a client's proxy carries to the hub with a call, and gets back when the hub changes them.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from . import serialization

__all__ = ["CallerState"]


class CallerState(MutableMapping[str, Any]):
    """
    The state of one call's caller, by item or by attribute; unknown attributes are ``None``.

    A key that is named like a method of mappings, such as ``items``, can be reached as an item only.

    Values are plain JSON. What differs, by its JSON, from what the client has sent rides on every call to the caller
    and on the result, as the reference was recorded to do it. A key cannot be taken back, only set to ``None``: the
    client merges.
    """

    __slots__ = ("_received", "_values")

    _received: dict[str, bytes]
    _values: dict[str, Any]

    def __init__(self, received: dict[str, Any] | None = None) -> None:
        object.__setattr__(self, "_values", dict(received or {}))
        object.__setattr__(self, "_received", {key: serialization.encode(value) for key, value in self.items()})

    def changes(self) -> bytes | None:
        """
        The JSON of what is not as the client has sent it; ``None`` for nothing.

        Raises:
            TypeError: a value that JSON cannot express.
        """
        texts = {key: serialization.encode(value) for key, value in self._values.items()}
        changes = {key: text for key, text in texts.items() if self._received.get(key) != text}
        members = [b"%b:%b" % (serialization.encode(key), text) for key, text in changes.items()]
        return b"{%b}" % b",".join(members) if members else None

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        self._values[key] = None

    def clear(self) -> None:
        """Set all keys to ``None``."""
        for key in self._values:
            self._values[key] = None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        return self._values.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._values[name] = value
