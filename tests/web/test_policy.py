"""Tests for `twisted_ticker.web.policy`, as pages get it."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.web.support import SiteHarness
from tests.web.wire import HttpResponse
from twisted_ticker.web import build_site
from twisted_ticker.web.policy import page_headers

REST = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {}; frame-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)


class PolicyTests(SynchronousTestCase):
    """A site with one page in a directory, and one beside it."""

    def setUp(self) -> None:
        pages = Path(self.mktemp())
        (pages / "scripts").mkdir(parents=True)
        (pages / "page.html").write_text("<p>Hello")
        (pages / "scripts" / "page.js").write_text("hello()")
        self.harness = SiteHarness(self)
        clock = self.harness.clock
        self.harness.site = build_site(
            self.harness.server, str(pages), start_page="/page.html", clock=clock, page_headers=page_headers
        )

    def get(self, target: str, host: str | None = "ticker.example:8080") -> HttpResponse:
        """The answer to a request for a host."""
        connection = self.harness.connection()
        lines = [f"GET {target} HTTP/1.1", "Connection: close", *([] if host is None else [f"Host: {host}"]), "", ""]
        connection.write("\r\n".join(lines).encode("latin-1"))
        assert connection.response is not None
        return connection.response

    def sources(self, host: str | None) -> str:
        """Where scripts of a page may connect to, which has come from a host; all else is as always."""
        policy = self.get("/page.html", host).header("Content-Security-Policy") or ""
        sources = policy.partition("connect-src ")[2].partition(";")[0]
        self.assertEqual(policy, REST.format(sources))
        return sources

    def test_pages(self) -> None:
        """Pages say what browsers shall do with them, wherever they are, and so do copies that are still right."""
        page = self.get("/page.html")
        for response in (page, self.get("/scripts/page.js")):
            self.assertEqual(response.status, 200)
            self.assertEqual(response.header("X-Frame-Options"), "SAMEORIGIN")
            self.assertEqual(response.header("Referrer-Policy"), "same-origin")
            self.assertEqual(response.header("X-Content-Type-Options"), "nosniff")
            self.assertIn("script-src 'self';", response.header("Content-Security-Policy") or "")
        modified = page.header("Last-Modified") or ""
        copy = self.harness.fetch("GET", "/page.html", headers=[("If-Modified-Since", modified)])
        self.assertEqual(copy.status, 304)
        self.assertIn("script-src 'self';", copy.header("Content-Security-Policy") or "")

    def test_sockets_of_the_own_host(self) -> None:
        """The host that the browser has asked is named, for those to which a WebSocket is of another origin."""
        for host in ("ticker.example", "127.0.0.1:8080", "localhost", "a-b.example:1", "a" * 253):
            self.assertEqual(self.sources(host), f"'self' ws://{host} wss://{host}", host)

    def test_hosts_that_are_none(self) -> None:
        """Nothing finds its way into the policy that a policy could not have in it."""
        for host in (
            *("", "a;b", "*", "*.example", "'unsafe-inline'", "a:", "a:123456", "-a", "a-", "[::1]:8080", "a_b"),
            *("a" * 254, "data:"),
        ):
            self.assertEqual(self.sources(host), "'self'", host)
        for host in ("a b", "a,b", "a/b", "a:b", "a@b", "a\tb", "\xe4", "a:1 'unsafe-eval'"):
            self.assertEqual(self.get("/page.html", host).status, 400, host)

    def test_nothing_else_is_told(self) -> None:
        """SignalR's answers, and the way to the first page, need no policy; nor do the pages of others."""
        for target in ("/signalr/ping", "/"):
            self.assertIsNone(self.get(target).header("Content-Security-Policy"), target)
        self.harness.site = build_site(
            self.harness.server, self.mktemp(), start_page="/page.html", clock=self.harness.clock
        )
        self.assertIsNone(self.get("/page.html").header("Content-Security-Policy"))
