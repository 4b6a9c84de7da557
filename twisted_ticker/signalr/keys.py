"""
The secret keys that protect tokens, and the file that keeps them over restarts.

Servers that share the file serve each other's clients; a server that loses it turns every client away, and the
clients do not negotiate anew by themselves.

To roll keys over, write a new one on top, and behind each older one when it ends::

    uTk…=
    m3c…= 2026-03-01T00:00:00Z

A connection's token is good for as long as its key, so leave older keys for as long as connections last.
"""

from __future__ import annotations

import base64
import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from math import inf
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.fernet import InvalidToken as FernetInvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import ConfigurationError, InvalidToken

__all__ = ["KEY_FILE_NAME", "KeyRing"]

KEY_FILE_NAME = "keyring"

_KEY_BYTES = 32

#: Longer tokens are refused unread. The longest honest one is a groups token, which has to fit in a request line.
_MAX_TOKEN_LENGTH = 16384


class KeyRing:
    """
    Secret keys, newest first: the first one protects, any of them unprotects.

    Args:
        keys: secrets of 32 random bytes each, at least one.
        ends: when keys end, in seconds since 1970: from then on, nothing that they have protected is accepted. Those
            that are not mentioned do not end; the first one may not.
        seconds: the time since 1970.
    """

    def __init__(
        self,
        keys: Sequence[bytes],
        *,
        ends: Mapping[bytes, float] | None = None,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        if not keys or any(len(key) != _KEY_BYTES for key in keys):
            raise ConfigurationError(f"A key ring needs at least one key, each of {_KEY_BYTES} bytes.")
        self._ends = {key: (ends or {}).get(key, inf) for key in keys}
        self._seconds = seconds
        if self._ends[keys[0]] < inf:
            raise ConfigurationError("The first key of a ring protects what is new, and must not end.")

    @classmethod
    def generate(cls) -> KeyRing:
        """A ring with one new key, gone with the process: for tests and trials."""
        return cls([os.urandom(_KEY_BYTES)])

    @classmethod
    def open(cls, directory: str | os.PathLike[str]) -> KeyRing:
        """
        The ring kept in *directory*; both are made when missing, readable by their owner only.

        The file ``keyring`` has one key a line, newest first, in URL-safe base 64; behind a blank, perhaps, the time
        when it ends, in ISO 8601 with its offset from UTC.

        Raises:
            ConfigurationError: the directory or file cannot be made, read or understood.
        """
        path = Path(directory) / KEY_FILE_NAME
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                _create(path)
            lines = path.read_text("ascii").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"The key ring {str(path)!r} cannot be used: {error}") from error
        try:
            entries = [_read_line(line) for line in lines if line.strip()]
            return cls([key for key, _ in entries], ends=dict(entries))
        except (ValueError, ConfigurationError) as error:
            raise ConfigurationError(
                f"The key ring {str(path)!r} is damaged; restore it, or delete it to turn all clients away once."
            ) from error

    def protection(self, purpose: str) -> FernetProtection:
        """Protection for one purpose: what it makes, no other purpose accepts."""
        fernets = [(Fernet(_derive(key, purpose)), end) for key, end in self._ends.items()]
        return FernetProtection(fernets, self._seconds)


class FernetProtection:
    """
    Tokens encrypted and authenticated by Fernet, implementing :class:`.protocol.tokens.Protection`.

    The padding is left out: the alphabet that remains survives being percent-encoded any number of times.

    Args:
        fernets: what protects, and what did before, each with the time when it ends.
        seconds: the time.
    """

    def __init__(self, fernets: Sequence[tuple[Fernet, float]], seconds: Callable[[], float]) -> None:
        self._fernets = list(fernets)
        self._next_end = min(end for _, end in fernets)
        self._seconds = seconds
        self._keys_gone = 0

    @property
    def keys_gone(self) -> int:
        """How many keys have ended; what was read before another one did may have been made with it."""
        self._let_go()
        return self._keys_gone

    def _let_go(self) -> None:
        now = self._seconds()
        if now >= self._next_end:
            left = [(fernet, end) for fernet, end in self._fernets if now < end]
            self._keys_gone += len(self._fernets) - len(left)
            self._fernets = left
            self._next_end = min(end for _, end in left)

    def protect(self, text: str) -> str:
        """See :meth:`.protocol.tokens.Protection.protect`."""
        return self._fernets[0][0].encrypt(text.encode()).decode("ascii").rstrip("=")

    def unprotect(self, token: str) -> str:
        """See :meth:`.protocol.tokens.Protection.unprotect`."""
        if len(token) > _MAX_TOKEN_LENGTH:
            raise InvalidToken("The token is longer than any token is.")
        try:
            padded = f"{token}{'=' * (-len(token) % 4)}".encode("ascii")
            # b64decode skips what is not of its alphabet, and bits that nothing uses: a token has one spelling.
            if _unpadded(base64.urlsafe_b64decode(padded)) != token:
                raise InvalidToken("The token is not spelled as any token is.")
            return self._decrypt(padded).decode()
        except (FernetInvalidToken, ValueError) as error:
            raise InvalidToken("The token was not made by this key ring for this purpose.") from error

    def _decrypt(self, token: bytes) -> bytes:
        self._let_go()
        for fernet, _ in self._fernets[:-1]:
            with contextlib.suppress(FernetInvalidToken):
                return fernet.decrypt(token)
        return self._fernets[-1][0].decrypt(token)


def _read_line(line: str) -> tuple[bytes, float]:
    encoded, *end = line.split()
    if len(end) > 1:
        raise ValueError("A line has a key, and perhaps its end.")
    return base64.urlsafe_b64decode(encoded), _read_time(end[0]) if end else inf


def _read_time(text: str) -> float:
    time_of_end = datetime.fromisoformat(text)
    if time_of_end.tzinfo is None:
        raise ValueError("The end of a key has no offset from UTC.")
    return time_of_end.timestamp()


def _unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _derive(key: bytes, purpose: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(key)
    return base64.urlsafe_b64encode(derived)


def _create(path: Path) -> None:
    # Written beside and then linked into place, so that of two servers starting together one wins, and neither
    # reads half a file.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        os.unlink(temporary)
