"""
The secret keys that protect tokens, and the file that keeps them over restarts.

Servers that share the file serve each other's clients; a server that loses it turns every client away, and the
clients do not negotiate anew by themselves.
"""

from __future__ import annotations

import base64
import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet
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
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != _KEY_BYTES for key in keys):
            raise ConfigurationError(f"A key ring needs at least one key, each of {_KEY_BYTES} bytes.")
        self._keys = tuple(keys)

    @classmethod
    def generate(cls) -> KeyRing:
        """A ring with one new key, gone with the process: for tests and trials."""
        return cls([os.urandom(_KEY_BYTES)])

    @classmethod
    def open(cls, directory: str | os.PathLike[str]) -> KeyRing:
        """
        The ring kept in *directory*; both are made when missing, readable by their owner only.

        The file ``keyring`` has one key a line, newest first, in URL-safe base 64.

        Raises:
            ConfigurationError: the directory or file cannot be made, read or understood.
        """
        path = Path(directory) / KEY_FILE_NAME
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                _create(path)
            lines = path.read_text("ascii").split()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"The key ring {str(path)!r} cannot be used: {error}") from error
        try:
            return cls([base64.urlsafe_b64decode(line) for line in lines])
        except (ValueError, ConfigurationError) as error:
            raise ConfigurationError(
                f"The key ring {str(path)!r} is damaged; restore it, or delete it to turn all clients away once."
            ) from error

    def protection(self, purpose: str) -> FernetProtection:
        """Protection for one purpose: what it makes, no other purpose accepts."""
        return FernetProtection(MultiFernet([Fernet(_derive(key, purpose)) for key in self._keys]))


class FernetProtection:
    """
    Tokens encrypted and authenticated by Fernet, implementing :class:`.protocol.tokens.Protection`.

    The padding is left out: the alphabet that remains survives being percent-encoded any number of times.
    """

    def __init__(self, fernet: MultiFernet) -> None:
        self._fernet = fernet

    def protect(self, text: str) -> str:
        """See :meth:`.protocol.tokens.Protection.protect`."""
        return self._fernet.encrypt(text.encode()).decode("ascii").rstrip("=")

    def unprotect(self, token: str) -> str:
        """See :meth:`.protocol.tokens.Protection.unprotect`."""
        if len(token) > _MAX_TOKEN_LENGTH:
            raise InvalidToken("The token is longer than any token is.")
        try:
            padded = f"{token}{'=' * (-len(token) % 4)}".encode("ascii")
            # b64decode skips what is not of its alphabet, and bits that nothing uses: a token has one spelling.
            if _unpadded(base64.urlsafe_b64decode(padded)) != token:
                raise InvalidToken("The token is not spelled as any token is.")
            return self._fernet.decrypt(padded).decode()
        except (FernetInvalidToken, ValueError) as error:
            raise InvalidToken("The token was not made by this key ring for this purpose.") from error


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
