"""
The cookie that tells who is logged in: a name and an end, protected by the server's keys. The server keeps nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator

from ..signalr import KeyRing, Request, User
from ..signalr.errors import InvalidToken
from ..signalr.origins import canonical_origins, is_trusted

__all__ = ["LoginCookie"]

_PURPOSE = "twisted_ticker.Login"

#: The value of somebody who has logged out. No token is spelled so.
_LOGGED_OUT = "-"


class LoginCookie:
    """
    Makes the cookie, and reads it.

    Args:
        keys: protect it; whoever has the same ones accepts it.
        name: the cookie's name.
        lifetime_seconds: how long a login holds.
        seconds: the time since the epoch, which a restart must not turn back.
        allowed_origins: pages of which other origins may act for those who are logged in.
    """

    def __init__(
        self,
        keys: KeyRing,
        *,
        name: str,
        lifetime_seconds: int,
        seconds: Callable[[], float],
        allowed_origins: Collection[str] = (),
    ) -> None:
        self._protection = keys.protection(_PURPOSE)
        self._name = name
        self._lifetime_seconds = lifetime_seconds
        self._seconds = seconds
        self._allowed_origins = canonical_origins(allowed_origins)

    def user_of(self, request: Request) -> User | None:
        """
        Who sends a request, by its cookie.

        Nobody does, if the cookie is not ours, has been tampered with or is over; nor if a page of another origin had
        it sent.
        """
        for value in self._values(request):
            name = self._name_in(value)
            if name is not None:
                return User(name) if is_trusted(request, self._allowed_origins) else None
        return None

    def has_logged_out(self, request: Request) -> bool:
        """Whether the sender has logged out and not been asked for his password since."""
        return _LOGGED_OUT in self._values(request)

    def logged_in(self, name: str, *, secure: bool) -> str:
        """
        The header that logs somebody in.

        Args:
            secure: whether browsers shall send it by TLS only.
        """
        end = int(self._seconds()) + self._lifetime_seconds
        return self._header(self._protection.protect(json.dumps([name, end])), self._lifetime_seconds, secure=secure)

    def logged_out(self, *, secure: bool) -> str:
        """The header that logs somebody out, and remembers that."""
        return self._header(_LOGGED_OUT, self._lifetime_seconds, secure=secure)

    def forgotten(self, *, secure: bool) -> str:
        """The header that takes the cookie away."""
        return self._header("", 0, secure=secure)

    def _header(self, value: str, max_age: int, *, secure: bool) -> str:
        # Strict is enough for pages that are opened by links from elsewhere: it is their own requests that matter.
        attributes = ["Path=/", f"Max-Age={max_age}", "HttpOnly", "SameSite=Strict", *(["Secure"] if secure else [])]
        return "; ".join([f"{self._name}={value}", *attributes])

    def _values(self, request: Request) -> Iterator[str]:
        # A request that had several such headers has them joined with commas, which no value of ours has in it.
        for pair in re.split("[;,]", request.headers.get("cookie", "")):
            name, _, value = pair.strip().partition("=")
            if name == self._name:
                yield value

    def _name_in(self, value: str) -> str | None:
        try:
            name, end = json.loads(self._protection.unprotect(value))
        except InvalidToken:
            return None
        return str(name) if self._seconds() < end else None
