"""Pages of other origins that want to act for their visitor: every command on every transport, from bytes to bytes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from twisted.internet.interfaces import ISSLTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from tests.signalr.test_origins import FOREIGN_ORIGINS
from tests.web.clients import PollingClient
from tests.web.probe import OtherHub
from tests.web.support import SiteHarness, our_log
from tests.web.wire import HttpResponse
from twisted_ticker.signalr import EndpointSettings, User
from twisted_ticker.signalr.protocol.transports import ALL_TRANSPORTS, WEB_SOCKETS
from twisted_ticker.signalr.requests import Request
from twisted_ticker.web import SignalRResource, site_of

PORTAL = "https://portal.example"

#: The host that all requests of these tests are for.
OWN = "http://test"

REFUSAL = b"Pages of this origin may not call."

COMMANDS = ("negotiate", "ping", "hubs", "js", "start", "connect", "reconnect", "poll", "send", "abort", "other")

#: What tells of a foreign page, besides those of `FOREIGN_ORIGINS` that can be written in a header.
FOREIGN_SIGNS: tuple[tuple[tuple[str, str], ...], ...] = (
    (("Origin", "http://test:81"),),
    (("Origin", "https://test"),),
    (("Origin", "http://x.test"),),
    (("Origin", "http://test."),),
    (("Origin", "http://xn--tst-qla.example"),),
    (("Origin", OWN), ("Origin", "http://evil.example")),
    (("Sec-Fetch-Site", "same-site"),),
    (("Sec-Fetch-Site", "cross-site"), ("Origin", "null")),
    (("Referer", "http://evil.example/page.html"),),
    (("Referer", f"http://evil.example/?{OWN}/"),),
    *((("Origin", origin),) for origin in FOREIGN_ORIGINS if all(" " <= c <= "\xff" for c in origin)),
)

#: What our own pages and those that are allowed say, and programs.
TRUSTED_SIGNS: tuple[tuple[tuple[str, str], ...], ...] = (
    (),
    (("Origin", OWN),),
    (("Origin", "HTTP://TEST:80"),),
    (("Origin", PORTAL),),
    (("Origin", PORTAL), ("Sec-Fetch-Site", "same-site")),
    (("Origin", "https://outside.example"), ("Sec-Fetch-Site", "same-origin")),
    (("Sec-Fetch-Site", "none"),),
    (("Referer", f"{OWN}/page.html"),),
    (("Referer", f"{PORTAL}/"), ("Sec-Fetch-Site", "cross-site")),
)

COOKIE = ("Cookie", "session=ann")
BASIC = ("Authorization", "Basic YW5uOnNlY3JldA==")


def user_of_cookie(request: Request) -> User | None:
    """Who a cookie says that he is, as an application would look for it that has forgotten origins."""
    cookie: str = request.headers.get("cookie", "")
    return User("ann") if "session=ann" in cookie else None


def requests() -> Iterator[tuple[str, str]]:
    """Every command on every transport; those that have none, once."""
    for command in COMMANDS:
        for transport in ALL_TRANSPORTS if command not in ("negotiate", "ping", "hubs", "js") else ("longPolling",):
            yield command, transport


class ForeignPageTestCase(SynchronousTestCase):
    """A server whose application knows its users by a cookie, and heeds no origin."""

    settings = EndpointSettings(allowed_origins=[PORTAL])

    def setUp(self) -> None:
        self.harness = SiteHarness(self, user_of=user_of_cookie, endpoint_settings=self.settings)

    def client(self, *headers: tuple[str, str]) -> PollingClient:
        """Somebody who has negotiated in a page of ours."""
        client = PollingClient(self.harness)
        client.headers = list(headers)
        client.negotiate()
        return client

    def assertServed(self, answer: HttpResponse, command: str, transport: str, about: object = None) -> None:
        """A request has been answered as if nobody asked where it came from."""
        # What belongs into a WebSocket is refused elsewhere.
        good = 400 if (command, transport) == ("send", WEB_SOCKETS) else 200
        self.assertIn(answer.status, (101, good), (command, transport, about))

    def answer(
        self, client: PollingClient, command: str, transport: str, headers: tuple[tuple[str, str], ...], **more: str
    ) -> HttpResponse:
        """The first of what comes back."""
        more |= {"frameId": "1"}
        target = client.target(command, transport=transport, **more)
        sent = [*headers]
        if transport == WEB_SOCKETS and command in ("connect", "reconnect", "poll", "other"):
            key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            sent += [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), key]
        connection = self.harness.connection()
        body = b"data=%7B%22H%22%3A%22probe%22%2C%22M%22%3A%22nothing%22%2C%22A%22%3A%5B%5D%2C%22I%22%3A0%7D"
        is_post = command in ("send", "abort")
        connection.request(
            "POST" if is_post else "GET",
            target,
            headers=sent,
            body=(body if command == "send" else b"") if is_post else None,
        )
        response = connection.response
        if response is None:
            # A poll that is waiting is being served.
            response = HttpResponse(200, "", [], b"", [], complete=False)
        connection.drop()
        # There are thousands, and each would be looked at again and again.
        self.harness.links.remove(connection.link)
        return response


class RefusalTests(ForeignPageTestCase):
    """With a cookie or a password, whatever a foreign page makes its visitor's browser ask for is refused."""

    def test_everything_is_refused(self) -> None:
        """All commands on all transports, from all kinds of pages, by both ways through the server."""
        ann = self.client(COOKIE)
        ann.come()
        before = list(self.harness.journal.events)
        count = 0
        with our_log() as lines:
            for (command, transport), signs in product(requests(), FOREIGN_SIGNS):
                # Twisted's parser gets what has a header that is no plain one.
                detour = ((), (("TE", "trailers"),))[count % 2]
                answer = self.answer(ann, command, transport, (*signs, *detour, COOKIE))
                self.assertEqual((answer.status, answer.body), (403, REFUSAL), (command, transport, signs))
                told = [name for name, _ in answer.headers if name.lower().startswith("access-control-")]
                self.assertEqual(told, [], (command, transport, signs))
                count += 1
        self.assertGreater(count, 1000)
        self.assertEqual(len(lines), count)
        # Nothing has happened: nobody was disconnected, nothing was called, and she is still served.
        self.assertEqual(self.harness.journal.events, before)
        self.assertEqual(list(self.harness.server.connections), [ann.connection_id])
        self.assertEqual(ann.invoke("whoami")["R"], "ann")

    def test_passwords(self) -> None:
        """What a browser sends for a realm it knows is no better than a cookie."""
        client = self.client()
        for (command, transport), headers in product(requests(), ((BASIC,), (("Authorization", "Negotiate x"),))):
            answer = self.answer(client, command, transport, (("Origin", "null"), *headers))
            self.assertEqual((answer.status, answer.body), (403, REFUSAL), (command, transport))

    def test_scripts_of_unknown_pages(self) -> None:
        """A script with an answer in it can be read by the page that asks for it; an old browser says nothing of it."""
        self.harness.server.map_hubs(
            "/scripts", [OtherHub], EndpointSettings(enable_jsonp=True, allowed_origins=[PORTAL])
        )
        ann = self.client(COOKIE)
        ann.path = "/scripts"
        ann.parameters["connectionData"] = '[{"name":"otherhub"}]'
        for (command, transport), signs in product(
            requests(), ((), (("Sec-Fetch-Site", "cross-site"),), (("Referer", "http://evil.example/"),))
        ):
            answer = self.answer(ann, command, transport, (*signs, COOKIE), callback="steal")
            self.assertEqual((answer.status, answer.body), (403, REFUSAL), (command, transport, signs))
        for signs in ((("Referer", f"{PORTAL}/"),), (("Sec-Fetch-Site", "same-origin"),)):
            self.assertEqual(self.answer(ann, "negotiate", "longPolling", (*signs, COOKIE), callback="f").status, 200)
        self.assertEqual(self.answer(ann, "negotiate", "longPolling", (), callback="f").status, 200)

    def test_preflights(self) -> None:
        """A browser that asks first is not told that it may go on."""
        answer = self.harness.fetch(
            "OPTIONS",
            "/signalr/send",
            headers=[("Origin", "http://evil.example"), ("Access-Control-Request-Method", "POST")],
        )
        self.assertNotEqual(answer.header("Access-Control-Allow-Origin"), "*")
        self.assertIsNone(answer.header("Access-Control-Allow-Methods"))


class AdmissionTests(ForeignPageTestCase):
    """Who may act for the visitor, does."""

    def test_everything_is_served(self) -> None:
        """All commands on all transports, of our pages, of those that are named, and of programs."""
        for (command, transport), signs, cookies in product(requests(), TRUSTED_SIGNS, ((), (COOKIE,))):
            client = self.client(*cookies)
            answer = self.answer(client, command, transport, (*signs, *cookies))
            self.assertServed(answer, command, transport, signs)
            if ("Origin", PORTAL) in signs and answer.headers:
                told = answer.header("Access-Control-Allow-Origin")
                # WebSockets are not asked for it.
                self.assertEqual(told, None if answer.status == 101 else PORTAL, (command, transport))

    def test_without_cookies(self) -> None:
        """As with the reference, a page that can abuse nothing is served, though it cannot read what it gets."""
        for command, transport in requests():
            client = self.client()
            answer = self.answer(client, command, transport, (("Origin", "http://evil.example"),))
            self.assertServed(answer, command, transport)
            self.assertIsNone(answer.header("Access-Control-Allow-Origin"))


class StrictTests(ForeignPageTestCase):
    """Where visitors are known by other means."""

    settings = EndpointSettings(strict_origins=True, allowed_origins=[PORTAL])

    def test_without_cookies(self) -> None:
        """Foreign pages are refused whatever they bring; others are served."""
        client = self.client()
        for (command, transport), signs in product(requests(), FOREIGN_SIGNS[:10]):
            answer = self.answer(client, command, transport, signs)
            self.assertEqual((answer.status, answer.body), (403, REFUSAL), (command, transport, signs))
        for (command, transport), signs in product(requests(), TRUSTED_SIGNS):
            answer = self.answer(self.client(), command, transport, signs)
            self.assertServed(answer, command, transport, signs)


class AnyPageTests(ForeignPageTestCase):
    """Where pages of any origin are allowed."""

    settings = EndpointSettings(allowed_origins=["*"])

    def test_nobody_is_acted_for(self) -> None:
        """With a cookie, a foreign page is served as if it had none, and is never told that it may send one."""
        foreign = ("Origin", "http://evil.example")
        for command, transport in requests():
            nobody = self.client(foreign, COOKIE)
            answer = self.answer(nobody, command, transport, (foreign, COOKIE))
            self.assertServed(answer, command, transport)
            if answer.headers:
                self.assertIsNone(answer.header("Access-Control-Allow-Credentials"), (command, transport))
                if answer.status == 200:
                    self.assertEqual(answer.header("Access-Control-Allow-Origin"), "*")
        client = PollingClient(self.harness)
        client.headers = [foreign, COOKIE]
        client.come()
        self.assertEqual(client.invoke("whoami")["R"], "")

    def test_a_token_of_somebody(self) -> None:
        """A foreign page that has got hold of one cannot use it, although the browser sends the right cookie."""
        ann = self.client(COOKIE)
        for command, transport in requests():
            if command not in ("negotiate", "ping", "hubs", "js"):
                answer = self.answer(ann, command, transport, (("Origin", "http://evil.example"), COOKIE))
                self.assertEqual(answer.status, 403, (command, transport))


class TlsTests(ForeignPageTestCase):
    """Where the server does TLS itself."""

    def test_schemes(self) -> None:
        """The page that came by it is ours, and the one that did not is somebody else's; by both ways."""
        for origin, status in (("https://test", 200), ("http://test", 403)):
            for detour in ((), (("TE", "trailers"),)):
                connection = self.harness.connection()
                alsoProvides(connection.link.server, ISSLTransport)
                connection.request("GET", "/signalr/negotiate", headers=[("Origin", origin), COOKIE, *detour])
                assert connection.response is not None
                self.assertEqual(connection.response.status, status, (origin, detour))
                connection.drop()


class GuardTests(SynchronousTestCase):
    """A site that knows its visitors before the hubs do."""

    def test_avatars(self) -> None:
        """A foreign page is refused to whoever has logged in, on the WebSocket too."""
        harness = SiteHarness(self)
        resource = SignalRResource(harness.server, clock=harness.clock)
        harness.site = site_of(resource.as_user(User("ann")), clock=harness.clock)
        for origin, status in ((OWN, 200), ("http://test:81", 403), ("null", 403)):
            self.assertEqual(harness.fetch("GET", "/signalr/negotiate", headers=[("Origin", origin)]).status, status)
