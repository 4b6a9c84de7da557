"""
Message ids: where in the server's one sequence of messages a client has arrived.

Clients echo a cursor without looking into it, so it need not be the reference server's vector of topic positions.
One number for everybody is what lets one encoded frame serve every client (``docs/compatibility.md``).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Cursor"]

_MAX_TEXT = 64


@dataclass(frozen=True, slots=True)
class Cursor:
    """
    "Everything addressed to me up to *sequence* has been sent", in the server run named by *epoch*.

    Its text is ``<epoch>-<sequence in hexadecimal>``: safe in a URL, in JSON and in script as it stands.
    """

    epoch: str
    sequence: int

    def encode(self) -> str:
        """The text that clients carry, ``C`` of an envelope."""
        return f"{self.epoch}-{self.sequence:x}"

    @classmethod
    def parse(cls, text: str | None) -> Cursor | None:
        """The cursor that *text* encodes, or ``None`` when it is absent, foreign or garbled."""
        if not text or len(text) > _MAX_TEXT:
            return None
        epoch, dash, digits = text.rpartition("-")
        try:
            cursor = cls(epoch, int(digits, 16))
        except ValueError:
            return None
        # int() also takes "0x1F", "+1f", "1_f" and capitals, none of which we ever wrote.
        return cursor if dash and epoch and cursor.encode() == text else None
