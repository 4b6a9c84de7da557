"""
Logging in and out: HTTP Basic on a resource that sets a cookie, so that passwords travel once.

Who somebody is, twisted.cred says; what he may, hubs do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import LoginFailed
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web import server
from twisted.web.guard import BasicCredentialFactory
from twisted.web.resource import IResource, Resource
from zope.interface import Interface, implementer

from ..signalr import KeyRing, Request, User
from ..signalr.origins import came_by_tls, is_trusted
from ..signalr.requests import Response
from .exchanges import TwistedExchange
from .failed_logins import FailedLogins
from .login_cookie import LoginCookie
from .parameters import request_of
from .responses import respond_later

__all__ = ["LOGIN_SECONDS", "Logins"]

#: How long a login holds: a working day, with its breaks.
LOGIN_SECONDS = 12 * 60 * 60

_HTML = "text/html; charset=utf-8"

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{0}</title>
</head>
<body><h1>{0}</h1><p>{1}</p></body>
</html>
"""

_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}

_Answer = Callable[[Request, bool], Deferred[Response]]


class Logins:
    """
    Who is logged in, and the resources by which that changes.

    Args:
        checker: knows names and passwords.
        keys: protect the cookie.
        realm: what browsers call what a password is asked for; the cookie is named after it.
        purpose: what people log in for, as in "To open the market, log in".
        page: path that they are led to when they have logged in or out.
        seconds: the time since the epoch.
        clock: the reactor.
        allowed_origins: pages of which other origins may act for those who are logged in.
    """

    _log = Logger()

    def __init__(
        self,
        checker: ICredentialsChecker,
        *,
        keys: KeyRing,
        realm: str,
        purpose: str,
        page: str,
        seconds: Callable[[], float],
        clock: IReactorTime,
        allowed_origins: Collection[str] = (),
    ) -> None:
        self._cookie = LoginCookie(
            keys,
            name=f"{realm}-login",
            lifetime_seconds=LOGIN_SECONDS,
            seconds=seconds,
            allowed_origins=allowed_origins,
        )
        self._portal = Portal(_Users(), [checker])
        self._basic = BasicCredentialFactory(realm.encode("ascii"))
        self._challenge = f'Basic realm="{realm}", charset="UTF-8"'
        self._failed = FailedLogins(clock.seconds)
        self._purpose = purpose
        self._page = page

    @property
    def resources(self) -> Mapping[str, IResource]:
        """The resources, by the name that each has below the root."""
        return {
            "login": _OwnPagesOnly(self._log_in, ("GET", "HEAD", "POST")),
            "logout": _OwnPagesOnly(self._log_out, ("POST",)),
        }

    def user_of(self, request: Request) -> User | None:
        """Who sends a request; for :class:`.SignalRServer`."""
        return self._cookie.user_of(request)

    def _log_in(self, request: Request, secure: bool) -> Deferred[Response]:
        if self._cookie.has_logged_out(request):
            # Browsers keep sending a password that was right. Only a refusal makes them ask for one.
            return succeed(self._refusal({"Set-Cookie": self._cookie.forgotten(secure=secure)}))
        credentials = self._credentials_of(request)
        if credentials is None:
            return succeed(self._refusal())
        wait = self._failed.begin(request.remote_address)
        if wait:
            return succeed(_too_many(round(wait + 0.5)))
        login: Deferred[Any] = self._portal.login(credentials, None, _IUser)
        return login.addCallbacks(
            partial(self._logged_in, request, secure),
            partial(self._not_logged_in, request),
        )

    def _credentials_of(self, request: Request) -> IUsernamePassword | None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            credentials: IUsernamePassword = self._basic.decode(encoded.strip().encode("latin-1"), None)
        except LoginFailed:
            return None
        return credentials

    def _logged_in(self, request: Request, secure: bool, outcome: tuple[Any, User, Any]) -> Response:
        _, user, _ = outcome
        self._failed.succeeded(request.remote_address)
        self._log.info("{name!r} has logged in from {address}", name=user.name, address=request.remote_address)
        return self._lead_to_page(self._cookie.logged_in(user.name, secure=secure))

    def _not_logged_in(self, request: Request, failure: Any) -> Response:
        failure.trap(LoginFailed)
        # Without the name, which may be a password that somebody has typed into the wrong field.
        self._log.info("A login from {address} has failed", address=request.remote_address)
        return self._refusal()

    def _refusal(self, headers: Mapping[str, str] | None = None) -> Response:
        return _page(
            401,
            "Not logged in",
            f'To {self._purpose}, <a href="/login">log in</a> with your name and password, '
            f'or <a href="{self._page}">go on without</a>.',
            {"WWW-Authenticate": self._challenge, **(headers or {})},
        )

    def _log_out(self, request: Request, secure: bool) -> Deferred[Response]:
        return succeed(self._lead_to_page(self._cookie.logged_out(secure=secure)))

    def _lead_to_page(self, cookie: str) -> Response:
        return Response(303, headers={"Location": self._page, "Set-Cookie": cookie})


class _IUser(Interface):
    """What somebody gets by logging in: being known."""


@implementer(IRealm)
class _Users:
    """Knows everybody by the name that he logs in with."""

    def requestAvatar(
        self, avatarId: Any, mind: object, *interfaces: type[Interface]
    ) -> tuple[type[Interface], User, Callable[[], None]]:
        # Checkers return names as bytes, most of them.
        try:
            name = avatarId.decode("utf-8") if isinstance(avatarId, bytes) else avatarId
        except UnicodeDecodeError as error:
            raise LoginFailed("The name is no UTF-8.") from error
        return _IUser, User(name), lambda: None


class _OwnPagesOnly(Resource):
    """Answers requests of some methods, unless a page of another origin makes them: nobody logs others in or out."""

    isLeaf = True

    def __init__(self, answer: _Answer, methods: Collection[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._answer = answer
        self._methods = methods

    def render(self, request: server.Request) -> int:
        respond_later(TwistedExchange(request), self._respond(request_of(request)))
        return server.NOT_DONE_YET

    def _respond(self, request: Request) -> Deferred[Response]:
        if request.method not in self._methods:
            return succeed(Response(405, headers={"Allow": ", ".join(self._methods)}))
        if not is_trusted(request):
            return succeed(_page(403, "Not from here", 'Go to <a href="/">our own pages</a> and log in or out there.'))
        # Somebody who only says that there is a proxy in between gets a cookie that his browser will not send.
        return self._answer(request, came_by_tls(request))


def _too_many(seconds: int) -> Response:
    return _page(
        429,
        "Too many failed logins",
        f'<a href="/login">Try again</a> in {seconds} seconds.',
        {"Retry-After": str(seconds)},
    )


def _page(status: int, title: str, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        status, _PAGE.format(title, text).encode(), content_type=_HTML, headers={**_PAGE_HEADERS, **(headers or {})}
    )
