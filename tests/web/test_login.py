"""Tests for `twisted_ticker.web.login` and `twisted_ticker.web.login_expiry`, over HTTP and with hubs."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from twisted.cred.checkers import ICredentialsChecker, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.web.clients import Client, PollingClient, ServerSentEventsClient, WebSocketClient
from tests.web.support import SiteHarness, our_log
from tests.web.wire import HttpResponse
from twisted_ticker.signalr import EndpointSettings, Hub, KeyRing, authorize, hub_method
from twisted_ticker.web import build_site
from twisted_ticker.web.login import LOGIN_SECONDS, Logins
from twisted_ticker.web.login_expiry import LoginExpiry

COOKIE = "ticker-login"
PAGE = "/start.html"

# The reference tells its reason only to those who have detailed errors.
REFUSED = "There was an error invoking Hub method 'Controls.press'."


class ControlsHub(Hub):
    """A hub with a button."""

    hub_name = "Controls"

    @authorize
    @hub_method
    def press(self) -> str:
        """Press it."""
        assert self.context.user is not None
        return self.context.user.name

    @hub_method
    def look(self) -> str:
        """Who looks at it."""
        return "nobody" if self.context.user is None else self.context.user.name


@implementer(ICredentialsChecker)
class SlowChecker:
    """Decides when it is told to."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self) -> None:
        self.asked: list[Deferred[Any]] = []

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        self.asked.append(Deferred())
        return self.asked[-1]


def basic(name: str, password: str) -> str:
    """The value of a header with a name and a password."""
    return f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"


class LoginTestCase(SynchronousTestCase):
    """A site with a hub that has a button."""

    def setUp(self) -> None:
        self.keys = KeyRing.generate()
        self.harness = SiteHarness(self, keys=self.keys, user_of=lambda request: self.logins.user_of(request))
        self.server = self.harness.server
        self.server.map_hubs("/controls", [ControlsHub])
        self.serve(InMemoryUsernamePasswordDatabaseDontUse(ann=b"secret", bob="word: ä".encode()))

    def serve(self, checker: Any, *origins: str) -> None:
        """Have names and passwords checked, and requests of these origins heeded."""
        clock = self.harness.clock
        self.logins = Logins(
            checker,
            keys=self.keys,
            realm="ticker",
            purpose="press the button",
            page=PAGE,
            seconds=clock.seconds,
            clock=clock,
            allowed_origins=origins,
        )
        self.harness.site = build_site(
            self.server,
            self.mktemp(),
            start_page=PAGE,
            clock=clock,
            resources=self.logins.resources,
            access_log=False,
        )

    def fetch(self, method: str, target: str, *, cookie: str = "", **headers: str) -> HttpResponse:
        """The answer to a request; underscores in names of headers are hyphens."""
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return self.harness.fetch(method, target, headers=[*named, *([("Cookie", cookie)] if cookie else [])])

    def log_in(self, name: str = "ann", password: str = "secret", **headers: str) -> HttpResponse:
        """The answer to a login."""
        return self.fetch("GET", "/login", Authorization=basic(name, password), **headers)

    def cookie_of(self, response: HttpResponse) -> str:
        """What a browser sends back."""
        header = response.header("Set-Cookie")
        assert header is not None, response
        return header.partition(";")[0]

    def logged_in(self, name: str = "ann", password: str = "secret") -> str:
        """The cookie of somebody who has logged in."""
        return self.cookie_of(self.log_in(name, password))

    def client(self, make: type[Client] = PollingClient, cookie: str = "", **headers: str) -> Any:
        """A client of the hub, with a cookie."""
        client = make(self.harness, hubs=["Controls"])
        client.path = "/controls"
        client.headers += [(name.replace("_", "-"), value) for name, value in headers.items()]
        if cookie:
            client.headers.append(("Cookie", cookie))
        return client


class LoginTests(LoginTestCase):
    """Tests for ``/login``."""

    def test_a_password_is_asked_for(self) -> None:
        """Who gives none is asked for it, and told in a sentence what he can do; nothing is kept by caches."""
        response = self.fetch("GET", "/login")
        self.assertEqual(response.status, 401)
        self.assertEqual(response.header("WWW-Authenticate"), 'Basic realm="ticker", charset="UTF-8"')
        self.assertEqual(response.header("Content-Type"), "text/html; charset=utf-8")
        self.assertEqual(response.header("Cache-Control"), "no-store")
        self.assertEqual(response.header("X-Content-Type-Options"), "nosniff")
        self.assertEqual(response.header("X-Frame-Options"), "DENY")
        self.assertIn("frame-ancestors 'none'", response.header("Content-Security-Policy") or "")
        self.assertIsNone(response.header("Set-Cookie"))
        self.assertIn(
            b'<p>To press the button, <a href="/login">log in</a> with your name and password, '
            b'or <a href="/start.html">go on without</a>.</p>',
            response.body,
        )

    def test_logging_in(self) -> None:
        """A good password leads to the page, with a cookie; one line tells who it was."""
        with our_log() as lines:
            response = self.log_in()
        self.assertEqual((response.status, response.header("Location"), response.body), (303, PAGE, b""))
        self.assertEqual(response.header("Cache-Control"), "no-store")
        header = response.header("Set-Cookie") or ""
        self.assertRegex(header, rf"^{COOKIE}=[\w-]+; Path=/; Max-Age={LOGIN_SECONDS}; HttpOnly; SameSite=Strict$")
        self.assertNotIn("ann", header)
        self.assertEqual(lines, ["'ann' has logged in from 192.0.2.1"])

    def test_methods(self) -> None:
        """Forms may be sent there as well; nothing else."""
        for method, status in (("POST", 303), ("HEAD", 303), ("PUT", 405), ("OPTIONS", 405)):
            response = self.fetch(method, "/login", Authorization=basic("ann", "secret"))
            self.assertEqual(response.status, status, method)
            self.assertEqual(response.header("Allow"), None if status == 303 else "GET, HEAD, POST", method)

    def test_after_tls(self) -> None:
        """What came by TLS, or by a proxy that says so, is answered with a cookie for TLS only."""
        self.assertIn("; Secure", self.log_in(X_Forwarded_Proto="https").header("Set-Cookie") or "")
        self.assertNotIn("; Secure", self.log_in(X_Forwarded_Proto="http").header("Set-Cookie") or "")

    def test_bad_passwords(self) -> None:
        """They are answered alike, whether the name is known or not; one line tells of each, without the name."""
        answers = []
        for name, password in (("ann", "wrong"), ("nobody", "secret"), ("secret", "ann"), ("ANN", "secret")):
            with our_log() as lines:
                response = self.log_in(name, password)
            answers.append((response.status, response.body, response.header("WWW-Authenticate")))
            self.assertIsNone(response.header("Set-Cookie"))
            self.assertEqual(lines, ["A login from 192.0.2.1 has failed"])
        self.assertEqual(len(set(answers)), 1)
        self.assertEqual(answers[0][0], 401)

    def test_what_is_no_password(self) -> None:
        """Other schemes and nonsense are not even tried."""
        with our_log() as lines:
            for value in ("", "Basic", "Basic ", "Basic !", "Basic YW5u", "Bearer YW5uOnNlY3JldA==", "YW5uOnNlY3JldA"):
                self.assertEqual(self.fetch("GET", "/login", Authorization=value).status, 401, value)
        self.assertEqual(lines, [])
        for value in ("basic YW5uOnNlY3JldA==", "BASIC  YW5uOnNlY3JldA"):
            self.assertEqual(self.fetch("GET", "/login", Authorization=value).status, 303, value)

    def test_names(self) -> None:
        """A name may have any characters; one that is no text is nobody's."""
        users = {b"Ann B.": b"1", "名".encode(): b"2", b"\xff": b"3"}
        checker = InMemoryUsernamePasswordDatabaseDontUse()
        checker.users = users
        self.serve(checker)
        for name, password in (("Ann B.", "1"), ("名", "2")):
            client = self.client(cookie=self.logged_in(name, password))
            client.come()
            self.assertEqual(client.invoke("look", hub="Controls")["R"], name)
        header = f"Basic {b64encode(bytes([0xFF]) + b':3').decode()}"
        self.assertEqual(self.fetch("GET", "/login", Authorization=header).status, 401)

    def test_too_many_failures(self) -> None:
        """After five there is a wait, in which not even a good password helps; then it does."""
        for _ in range(5):
            self.assertEqual(self.log_in("ann", "wrong").status, 401)
        response = self.log_in()
        self.assertEqual((response.status, response.header("Retry-After")), (429, "10"))
        self.assertIsNone(response.header("WWW-Authenticate"))
        self.assertIsNone(response.header("Set-Cookie"))
        self.assertIn(b"in 10 seconds", response.body)
        self.assertEqual(self.fetch("GET", "/login").status, 401)
        self.harness.advance(10)
        self.assertEqual(self.log_in().status, 303)

    def test_tries_at_once(self) -> None:
        """Passwords that are being checked count, so that many requests do not get past the brake together."""
        checker = SlowChecker()
        self.serve(checker)
        waiting = []
        for _ in range(5):
            waiting.append(self.harness.connection())
            waiting[-1].request("GET", "/login", headers=[("Authorization", basic("ann", "x"))])
        self.assertEqual(self.log_in().status, 429)
        waiting[0].drop()
        checker.asked[0].callback(b"ann")
        checker.asked[1].callback(b"ann")
        checker.asked[2].errback(UnauthorizedLogin())
        self.harness.flush()
        self.assertEqual([link.response and link.response.status for link in waiting], [None, 303, 401, None, None])

    def test_a_checker_that_breaks(self) -> None:
        """Nobody gets in by an error, which is logged; it counts as a failure."""

        class Broken(SlowChecker):
            def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
                return fail(PermissionError("no shadow"))

        self.serve(Broken())
        for status in (500,) * 5 + (429,):
            response = self.log_in()
            self.assertEqual((response.status, response.header("Set-Cookie")), (status, None))
        self.assertEqual(len(self.flushLoggedErrors(PermissionError)), 5)

    def test_pages_of_others(self) -> None:
        """Nobody is logged in by a page of another site, and asked for no password there; a link is left to follow."""
        for headers in (
            {"Sec_Fetch_Site": "cross-site"},
            {"Sec_Fetch_Site": "same-site"},
            {"Origin": "http://evil.example"},
        ):
            response = self.log_in(**headers)
            self.assertEqual((response.status, response.header("Set-Cookie")), (403, None), headers)
            self.assertIsNone(response.header("WWW-Authenticate"))
            self.assertIn(b'<a href="/">', response.body)
        for headers in ({"Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"}, {"Origin": "http://test"}):
            self.assertEqual(self.log_in(**headers).status, 303, headers)


class LogoutTests(LoginTestCase):
    """Tests for ``/logout``."""

    def test_logging_out(self) -> None:
        """The cookie is worth nothing any more, and the page is shown."""
        cookie = self.logged_in()
        response = self.fetch("POST", "/logout", cookie=cookie)
        self.assertEqual((response.status, response.header("Location")), (303, PAGE))
        self.assertEqual(response.header("Cache-Control"), "no-store")
        left = self.cookie_of(response)
        self.assertEqual(left, f"{COOKIE}=-")
        client = self.client(cookie=left)
        client.come()
        self.assertEqual(client.invoke("look", hub="Controls")["R"], "nobody")

    def test_methods(self) -> None:
        """A link, or an image, logs nobody out."""
        for method in ("GET", "HEAD", "PUT"):
            response = self.fetch(method, "/logout", cookie=self.logged_in())
            self.assertEqual((response.status, response.header("Allow")), (405, "POST"), method)
            self.assertIsNone(response.header("Set-Cookie"))

    def test_pages_of_others(self) -> None:
        """Nor does a form in somebody else's page."""
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
            response = self.fetch("POST", "/logout", cookie=self.logged_in(), **headers)
            self.assertEqual((response.status, response.header("Set-Cookie")), (403, None), headers)
        for headers in ({"Origin": "http://test"}, {"Sec_Fetch_Site": "same-origin", "Origin": "http://outside"}):
            self.assertEqual(self.fetch("POST", "/logout", **headers).status, 303, headers)

    def test_the_password_is_asked_for_again(self) -> None:
        """Browsers keep sending a good password; the first time after a logout it is refused, so that they ask."""
        left = self.cookie_of(self.fetch("POST", "/logout", cookie=self.logged_in()))
        for _ in range(10):
            with our_log() as lines:
                response = self.log_in(cookie=left)
            self.assertEqual((response.status, lines), (401, []))
            self.assertIsNotNone(response.header("WWW-Authenticate"))
            self.assertIn("Max-Age=0;", response.header("Set-Cookie") or "")
        self.assertEqual(self.log_in(cookie=self.cookie_of(response)).status, 303)


class UserTests(LoginTestCase):
    """What hubs know of those who are logged in."""

    def press(self, client: Any) -> Any:
        """What comes of it if a client presses the button: a name, or an error."""
        answer = client.invoke("press", hub="Controls")
        return answer.get("R", answer.get("E"))

    def test_buttons(self) -> None:
        """On all transports, who is logged in may press the button, and others get the reference's error."""
        for make in (WebSocketClient, ServerSentEventsClient, PollingClient):
            stranger, ann = self.client(make), self.client(make, self.logged_in())
            for client in (stranger, ann):
                client.come()
            self.assertEqual((self.press(stranger), self.press(ann)), (REFUSED, "ann"))
            self.assertEqual(stranger.invoke("look", hub="Controls")["R"], "nobody")

    def test_tokens_belong_to_a_login(self) -> None:
        """A connection does not change hands: who logs in or out has to negotiate anew, as a loaded page does."""
        client = self.client()
        client.come()
        client.headers.append(("Cookie", self.logged_in()))
        self.assertEqual(client.fetch("start").status, 403)
        self.assertEqual(self.fetch("GET", client.target("poll"), cookie=self.logged_in("bob", "word: ä")).status, 403)

    def test_a_socket_of_a_foreign_page(self) -> None:
        """A page of another port of the same host has cookies sent along with its WebSocket, which is refused."""
        cookie = self.logged_in()
        ann = self.client(WebSocketClient, cookie)
        ann.come()
        thief = self.client(WebSocketClient, cookie, Origin="http://test:81")
        self.assertEqual(thief.fetch("negotiate").status, 403)
        thief.adopt(ann)
        for command in ("connect", "reconnect"):
            thief.open(command)
            self.assertFalse(thief.served)
        self.assertEqual(self.press(ann), "ann")

    def test_a_socket_of_an_allowed_page(self) -> None:
        """A page of an origin that is named acts for its visitor; where any page is allowed, none does."""
        self.serve(InMemoryUsernamePasswordDatabaseDontUse(ann=b"secret"), "https://portal.example")
        for path, origin, name in (("/named", "https://portal.example", "ann"), ("/any", "*", REFUSED)):
            self.server.map_hubs(path, [ControlsHub], EndpointSettings(allowed_origins=[origin]))
            client = self.client(WebSocketClient, self.logged_in(), Origin="https://portal.example")
            client.path = path
            client.come()
            self.assertEqual(self.press(client), name)

    def test_the_end_over_long_polling(self) -> None:
        """When a login is over, polls and calls are refused; the page starts anew by itself, as nobody."""
        cookie = self.logged_in()
        client = self.client(cookie=cookie)
        client.come()
        self.harness.advance(60)
        self.assertEqual(self.press(client), "ann")
        self.harness.clock.advance(LOGIN_SECONDS - 60)
        self.harness.flush()
        with our_log() as lines:
            client.drop()
            client.poll_again()
            assert client.poll is not None and client.poll.response is not None
            self.assertEqual(client.poll.response.status, 403)
            self.assertEqual(client.fetch("send", method="POST", body=b"data=x").status, 403)
        self.assertEqual(len(lines), 2)
        # What the client then does: it gives up, and the page starts it again, with whatever cookies there are.
        again = self.client(cookie=cookie)
        again.come()
        self.assertEqual(self.press(again), REFUSED)


class LoginExpiryTests(LoginTestCase):
    """Tests for `LoginExpiry`."""

    def setUp(self) -> None:
        super().setUp()
        expiry = LoginExpiry(self.server, self.harness.clock)
        expiry.startService()
        self.addCleanup(expiry.stopService)

    def test_streams_end(self) -> None:
        """A stream that outlives its login is ended, and refused when it comes back; others go on."""
        for make in (WebSocketClient, ServerSentEventsClient):
            nobody, ann = self.client(make), self.client(make, self.logged_in())
            for client in (nobody, ann):
                client.come()
            self.harness.clock.advance(LOGIN_SECONDS - 1)
            self.harness.flush()
            late = self.client(make, self.logged_in("bob", "word: ä"))
            late.come()
            self.assertTrue(ann.served)
            with our_log() as lines:
                self.harness.advance(31)
            self.assertEqual(lines, ["The login of 'ann' is over"])
            ann.assert_ended(self)
            self.assertEqual([nobody.served, late.served], [True, True])
            ann.reconnect()
            self.assertFalse(ann.served)

    def test_a_stream_that_cannot_be_ended(self) -> None:
        """It is logged, and does not keep the others from being ended, then and later."""
        broken, ann = (self.client(WebSocketClient, self.logged_in()) for _ in range(2))
        for client in (broken, ann):
            client.come()
        connection = self.server.connections[broken.connection_id]
        assert connection.receiver is not None
        self.patch(connection.receiver, "_protocol", None)
        self.harness.clock.advance(LOGIN_SECONDS)
        self.harness.advance(31)
        self.assertTrue(self.flushLoggedErrors(AttributeError))
        ann.assert_ended(self)
