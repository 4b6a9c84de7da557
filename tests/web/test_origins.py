"""Tests for `twisted_ticker.web.origins`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr import Request
from twisted_ticker.signalr.requests import CaseInsensitive
from twisted_ticker.web.origins import is_trusted

ALLOWED = ("https://portal.example", "*")


class TrustTests(SynchronousTestCase):
    """Tests for `is_trusted`."""

    def trusted(self, **headers: str) -> bool:
        """Whether a request with these headers is, where pages of another origin and of any are allowed."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request("GET", "/", "/", headers=CaseInsensitive({"Host": "ticker.example:8080", **named}))
        return is_trusted(request, ALLOWED)

    def test_no_page(self) -> None:
        """Programs, and browsers that are too old to say anything, are trusted."""
        self.assertTrue(self.trusted())

    def test_own_pages(self) -> None:
        """The host that is asked is the host of the page; letter case and scheme do not count, behind a proxy least."""
        for origin in ("http://ticker.example:8080", "https://ticker.example:8080", "http://Ticker.Example:8080"):
            self.assertTrue(self.trusted(origin=origin), origin)

    def test_foreign_pages(self) -> None:
        """Another port, name or subdomain, and pages that will not say, are foreign."""
        for origin in (
            *("http://ticker.example", "http://ticker.example:80", "http://evil.example", "null", "", "http://"),
            *("http://x.ticker.example:8080", "http://ticker.example:8080.evil.example", "ticker.example:8080", "*"),
        ):
            self.assertFalse(self.trusted(origin=origin), origin)

    def test_allowed_pages(self) -> None:
        """An origin that is named is trusted; one of any origin is not."""
        self.assertTrue(self.trusted(origin="https://portal.example"))
        self.assertTrue(self.trusted(origin="https://PORTAL.example", sec_fetch_site="cross-site"))
        self.assertFalse(self.trusted(origin="http://portal.example"))
        self.assertFalse(is_trusted(Request("GET", "/", "/", headers=CaseInsensitive({"Origin": "*"})), ["*"]))

    def test_what_browsers_say(self) -> None:
        """Where a browser says how page and server belong together, that counts, whatever a proxy has made of Host."""
        self.assertTrue(self.trusted(origin="http://outside.example", sec_fetch_site="same-origin"))
        self.assertTrue(self.trusted(sec_fetch_site="none"))
        for site in ("same-site", "cross-site", "", "nonsense"):
            self.assertFalse(self.trusted(sec_fetch_site=site), site)
            self.assertFalse(self.trusted(origin="http://evil.example", sec_fetch_site=site), site)

    def test_a_request_without_host(self) -> None:
        """It is nobody's own."""
        headers = CaseInsensitive({"Origin": "null"})
        self.assertFalse(is_trusted(Request("GET", "/", "/", headers=headers)))
