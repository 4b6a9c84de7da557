"""Tests for `twisted_ticker.web.login_cookie`."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr import KeyRing, Request, User
from twisted_ticker.signalr.protocol.tokens import CONNECTION_TOKEN
from twisted_ticker.signalr.requests import CaseInsensitive
from twisted_ticker.web.login_cookie import LoginCookie

HOUR = 3600
NAME = "ticker-login"


def request(cookie: str | None, **headers: str) -> Request:
    """A request that has a cookie header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if cookie is not None:
        named["Cookie"] = cookie
    return Request("GET", "/", "/", headers=CaseInsensitive(named))


class LoginCookieTests(SynchronousTestCase):
    """Tests for `LoginCookie`."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000.6)
        self.keys = KeyRing.generate()
        self.cookie = self.make(self.keys)

    def make(self, keys: KeyRing) -> LoginCookie:
        """One of a server with these keys."""
        origins = ("https://portal.example",)
        return LoginCookie(keys, name=NAME, lifetime_seconds=HOUR, seconds=self.clock.seconds, allowed_origins=origins)

    def issued(self, name: str = "ann") -> str:
        """What a browser sends back after a login."""
        return self.cookie.logged_in(name, secure=False).partition(";")[0]

    def test_who_is_logged_in(self) -> None:
        """The name comes back as it was, whatever characters it has."""
        for name in ("ann", "Ann B.", "ä:ß;,=", '"', "名"):
            self.assertEqual(self.cookie.user_of(request(self.issued(name))), User(name))

    def test_attributes(self) -> None:
        """Scripts cannot read it, other sites cannot have it sent, and after TLS it is not sent without."""
        header = self.cookie.logged_in("ann", secure=False)
        self.assertRegex(header, r"^ticker-login=[\w-]+; Path=/; Max-Age=3600; HttpOnly; SameSite=Strict$")
        self.assertRegex(self.cookie.logged_in("ann", secure=True), "; SameSite=Strict; Secure$")
        for made in (self.cookie.logged_out, self.cookie.forgotten):
            self.assertRegex(made(secure=True), rf"^{NAME}=-?; Path=/; Max-Age=\d+; HttpOnly; SameSite=Strict; Secure$")
            self.assertNotIn("Secure", made(secure=False))
        self.assertIn("Max-Age=0;", self.cookie.forgotten(secure=False))

    def test_the_end(self) -> None:
        """It holds for its lifetime, and no second longer, however long the browser sends it."""
        cookie = self.issued()
        self.clock.advance(HOUR - 1)
        self.assertEqual(self.cookie.user_of(request(cookie)), User("ann"))
        self.clock.advance(1)
        self.assertIsNone(self.cookie.user_of(request(cookie)))

    def test_among_others(self) -> None:
        """Other cookies do not matter, nor how many headers there are, nor what is not ours under our name."""
        cookie = self.issued()
        for sent in (
            f"a=b; {cookie}; c=d",
            f"a=b,{cookie}",
            f"{NAME}=x;{cookie}",
            f"{NAME}; {NAME}=; {cookie}",
            f"{NAME}=-; {cookie}",
        ):
            self.assertEqual(self.cookie.user_of(request(sent)), User("ann"), sent)

    def test_what_is_no_login(self) -> None:
        """Values that are not ours are nobody's."""
        value = self.issued().partition("=")[2]
        for sent in (
            None,
            "",
            "=",
            f"{NAME}=",
            f"{NAME}=ann",
            f"x{NAME}={value}",
            f"{NAME.upper()}={value}",
            f'{NAME}="{value}"',
            f"{NAME}={value}=",
            f"{NAME}={value[:-1]}",
            f"{NAME}={value[:40]}",
            f"{NAME}={'a' * 20_000}",
        ):
            self.assertIsNone(self.cookie.user_of(request(sent)), sent)

    def test_of_other_purpose_or_key(self) -> None:
        """What the same keys protect for something else is no login, nor is a login of another server."""
        text = json.dumps(["ann", 9_999_999_999])
        others = KeyRing.generate()
        for protection in (self.keys.protection(CONNECTION_TOKEN), others.protection("twisted_ticker.Login")):
            self.assertIsNone(self.cookie.user_of(request(f"{NAME}={protection.protect(text)}")))
        self.assertIsNone(self.make(others).user_of(request(self.issued())))
        self.assertEqual(self.make(self.keys).user_of(request(self.issued())), User("ann"))

    def test_tampering(self) -> None:
        """No character can be another one."""
        value = self.issued().partition("=")[2]
        for place in range(len(value)):
            other = "B" if value[place] == "A" else "A"
            sent = f"{NAME}={value[:place]}{other}{value[place + 1 :]}"
            self.assertIsNone(self.cookie.user_of(request(sent)), place)

    @given(st.text(st.characters(codec="latin-1"), max_size=200))
    def test_any_header(self, sent: str) -> None:
        """Whatever a header says, it is nobody, and no error."""
        self.assertIsNone(self.cookie.user_of(request(sent)))
        self.assertIsNone(self.cookie.user_of(request(f"{NAME}={sent}")))

    def test_pages_of_others(self) -> None:
        """A login is not heeded in what a page of another origin has made the browser send; an allowed one's is."""
        cookie = self.issued()
        for headers, user in (
            ({"origin": "http://ticker.example"}, User("ann")),
            ({"origin": "http://ticker.example:81"}, None),
            ({"origin": "http://evil.example"}, None),
            ({"sec_fetch_site": "same-site"}, None),
            ({"origin": "https://portal.example", "sec_fetch_site": "same-site"}, User("ann")),
        ):
            self.assertEqual(self.cookie.user_of(request(cookie, host="ticker.example", **headers)), user, headers)

    def test_logging_out(self) -> None:
        """Who has logged out is nobody, and it is remembered that he has; until that is forgotten."""
        sent = self.cookie.logged_out(secure=False).partition(";")[0]
        self.assertTrue(self.cookie.has_logged_out(request(sent)))
        self.assertIsNone(self.cookie.user_of(request(sent)))
        for other in (None, self.issued(), self.cookie.forgotten(secure=False).partition(";")[0]):
            self.assertFalse(self.cookie.has_logged_out(request(other)))
