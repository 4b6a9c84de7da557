"""Whose page has made a request, by what its browser says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr import ConfigurationError
from twisted_ticker.signalr.origins import (
    Page,
    came_by_tls,
    canonical_origin,
    canonical_origins,
    is_trusted,
    page_of,
)
from twisted_ticker.signalr.requests import CaseInsensitive, Request

HOST = "ticker.example:8080"
OWN = f"http://{HOST}"
ALLOWED = canonical_origins(["https://portal.example", "https://xn--brse-5qa.example", "http://[::1]:81", "*"])

#: Origins, or what stands in their place, of pages that are neither ours nor allowed.
FOREIGN_ORIGINS = (
    "http://evil.example",
    "null",
    "",
    "*",
    "file://",
    "about:blank",
    # Another port, and the scheme's own.
    "http://ticker.example",
    "http://ticker.example:80",
    "http://ticker.example:81",
    "http://ticker.example:08080x",
    # Another scheme.
    f"https://{HOST}",
    f"ws://{HOST}",
    f"ftp://{HOST}",
    f"//{HOST}",
    HOST,
    # Another name.
    f"http://x.{HOST}",
    "http://example:8080",
    f"http://{HOST}.evil.example",
    "http://ticker.example.evil.example:8080",
    f"http://not{HOST}",
    # The root of all names written out: browsers tell these two apart.
    "http://ticker.example.:8080",
    # Names that only look alike, as a browser writes them and as nobody does.
    "http://xn--tcker-2va.example:8080",
    "http://t\xedcker.example:8080",
    "http://ticker\u3002example:8080",
    "http://tic\u212aer.example:8080",
    # More than an origin.
    f"http://ann@{HOST}",
    f"http://{HOST}@evil.example",
    f"http://{HOST}/",
    f"http://{HOST}?",
    f"http://{HOST}#",
    f"http://{HOST}, http://{HOST}",
    f"http://{HOST},http://evil.example",
    f"http://{HOST} http://evil.example",
    f"http://evil.example,http://{HOST}",
    f"http://evil.example\t{OWN}",
    f"http:\\\\{HOST}",
    f"http://{HOST}:8080",
    # Like one that is allowed.
    "http://portal.example",
    "https://portal.example:444",
    "https://x.portal.example",
    "https://portal.example.",
    "https://portal.example.evil.example",
    "https://b\xf6rse.example",
    "http://[::1]",
    "http://[::1]:8181",
)


def request(host: str | None = HOST, *, is_secure: bool = False, **headers: str) -> Request:
    """A request with these headers; underscores stand for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if host is not None:
        named["Host"] = host
    return Request("GET", "/", "/", headers=CaseInsensitive(named), is_secure=is_secure)


class CanonicalTests(SynchronousTestCase):
    """Tests for `canonical_origin` and `canonical_origins`."""

    def test_origins(self) -> None:
        """Letter case and the scheme's own port make no difference."""
        for text, origin in (
            ("https://example.org", "https://example.org"),
            ("HTTPS://Example.ORG:443", "https://example.org"),
            ("http://example.org:80", "http://example.org"),
            ("http://example.org:443", "http://example.org:443"),
            ("https://example.org:0443", "https://example.org"),
            ("https://example.org.", "https://example.org."),
            ("http://[2001:DB8::1]:8080", "http://[2001:db8::1]:8080"),
            ("http://127.0.0.1:65535", "http://127.0.0.1:65535"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("https://a_b.example", "https://a_b.example"),
        ):
            self.assertEqual(canonical_origin(text), origin, text)

    def test_what_is_none(self) -> None:
        """Whatever no browser would write."""
        for text in (
            *("", "null", "*", "example.org", "//example.org", "https://", "https:///", "https://a/", "https://a?b"),
            *("https://*.example.org", "https://a:", "https://a:0", "https://a:65536", "https://a:b", "https://a b"),
            *("https://a,https://b", "https://a\n", " https://a", "https://a@b", "https://[::1", "https://b\xf6rse"),
            *("https://\u212a.example", "file://", "data:,", "https://a:1:2", "https://[::1]1"),
        ):
            self.assertIsNone(canonical_origin(text), text)

    def test_lists(self) -> None:
        """Those that are allowed; a mistake among them is noticed."""
        allowed = canonical_origins(["HTTPS://A.example:443", "*", "https://a.example"])
        self.assertEqual(allowed, {"https://a.example", "*"})
        self.assertEqual(canonical_origins(allowed), allowed)
        self.assertEqual(canonical_origins(()), frozenset())
        for wrong in (["null"], ["https://a.example/"], ["https://*.example"], ["https://b\xf6rse.example"], [""], "*"):
            self.assertRaises(ConfigurationError, canonical_origins, wrong)

    @given(st.text(st.characters(codec="latin-1")))
    def test_anything(self, text: str) -> None:
        """Whatever a header says: what comes out is ASCII in lower case, and stays as it is."""
        origin = canonical_origin(text)
        if origin is not None:
            self.assertTrue(origin.isascii() and origin == origin.lower() and origin == canonical_origin(origin))


class PageTests(SynchronousTestCase):
    """Tests for `page_of`."""

    def assertPage(self, page: Page, asked: Request) -> None:
        """A request is of a page like that, where pages of some origins and of any are allowed."""
        self.assertIs(page_of(asked, ALLOWED), page, asked.headers)
        self.assertEqual(is_trusted(asked, ALLOWED), page is not Page.FOREIGN)

    def test_no_page(self) -> None:
        """Programs, and browsers that are too old to say anything, do not tell."""
        self.assertPage(Page.UNTOLD, request())
        self.assertPage(Page.UNTOLD, request(referer=""))
        self.assertPage(Page.UNTOLD, request(None))

    def test_own_pages(self) -> None:
        """Scheme, host and port are those that the request is for; letter case and the usual port do not count."""
        for origin in (OWN, OWN.upper(), "http://Ticker.Example:8080"):
            self.assertPage(Page.TRUSTED, request(origin=origin))
        for host, origin, is_secure in (
            ("ticker.example", "http://ticker.example", False),
            ("ticker.example:80", "http://ticker.example", False),
            ("TICKER.example", "http://ticker.example:80", False),
            ("ticker.example", "https://ticker.example", True),
            ("ticker.example:443", "https://ticker.example", True),
            ("ticker.example.", "http://ticker.example.", False),
            ("[::1]:8080", "http://[::1]:8080", False),
        ):
            self.assertPage(Page.TRUSTED, request(host, origin=origin, is_secure=is_secure))

    def test_foreign_pages(self) -> None:
        """Another port, scheme or name, pages that will not say, and whatever is no origin."""
        self.assertGreaterEqual(len(FOREIGN_ORIGINS), 40)
        for origin in FOREIGN_ORIGINS:
            self.assertPage(Page.FOREIGN, request(origin=origin))
            for site in ("same-site", "cross-site", "", "nonsense", "Same-Origin"):
                self.assertPage(Page.FOREIGN, request(origin=origin, sec_fetch_site=site))

    def test_allowed_pages(self) -> None:
        """An origin that is named is trusted, in any letter case; one of any origin is not."""
        for origin in ("https://portal.example", "https://PORTAL.example:443", "http://[::1]:81"):
            self.assertPage(Page.TRUSTED, request(origin=origin))
            self.assertPage(Page.TRUSTED, request(origin=origin, sec_fetch_site="cross-site"))
        self.assertPage(Page.TRUSTED, request(origin="https://xn--brse-5qa.example"))

    def test_schemes(self) -> None:
        """A page that was not protected is another one than a page that was, whoever looked after the protection."""
        secure, plain = "https://ticker.example", "http://ticker.example"
        for told, by_tls in (
            *(("https", True), ("HTTPS", True), ("https, http", True), ("https,http", True)),
            *(("http", False), ("", False), ("http, https", False), ("httpsx", False)),
        ):
            headers = {"x_forwarded_proto": told}
            self.assertEqual(came_by_tls(request(**headers)), by_tls, told)
            for origin, is_own in ((secure, by_tls), (plain, not by_tls)):
                page = Page.TRUSTED if is_own else Page.FOREIGN
                self.assertPage(page, request("ticker.example", origin=origin, **headers))
        self.assertTrue(came_by_tls(request(is_secure=True, x_forwarded_proto="http")))
        self.assertPage(Page.FOREIGN, request("ticker.example", origin=plain, is_secure=True))

    def test_what_browsers_say(self) -> None:
        """Where a browser says how page and server belong together, that counts, whatever a proxy has made of Host."""
        for site in ("same-origin", "none"):
            self.assertPage(Page.TRUSTED, request(sec_fetch_site=site))
            self.assertPage(Page.TRUSTED, request(sec_fetch_site=site, origin="https://outside.example"))
        for site in ("same-site", "cross-site", "", "nonsense"):
            self.assertPage(Page.FOREIGN, request(sec_fetch_site=site))
            self.assertPage(Page.TRUSTED, request(sec_fetch_site=site, origin=OWN))

    def test_referrers(self) -> None:
        """They tell where there is no origin: scripts, frames and images are asked for without."""
        for referer, page in (
            (f"{OWN}/page.html", Page.TRUSTED),
            (f"{OWN}/", Page.TRUSTED),
            (OWN, Page.TRUSTED),
            ("https://portal.example/a/b?c#d", Page.TRUSTED),
            ("http://evil.example/", Page.FOREIGN),
            (f"http://evil.example/{OWN}/", Page.FOREIGN),
            (f"http://evil.example?{OWN}/", Page.FOREIGN),
            (f"http://{HOST}@evil.example/", Page.FOREIGN),
            (f"http://{HOST}.evil.example/", Page.FOREIGN),
            ("http://ticker.example/", Page.FOREIGN),
            (f"https://{HOST}/", Page.FOREIGN),
            ("about:blank", Page.FOREIGN),
            ("null", Page.FOREIGN),
        ):
            self.assertPage(page, request(referer=referer))
        self.assertPage(Page.FOREIGN, request(referer=f"{OWN}/", origin="http://evil.example"))
        self.assertPage(Page.TRUSTED, request(referer="http://evil.example/", origin=OWN))
        # Ours has asked for something else, which has led here.
        self.assertPage(Page.FOREIGN, request(referer=f"{OWN}/", sec_fetch_site="cross-site"))
        self.assertPage(Page.TRUSTED, request(referer="https://portal.example/", sec_fetch_site="same-site"))

    def test_hosts_that_are_none(self) -> None:
        """Nobody is at home there."""
        for host in (None, "", "null", "a, b", "a/b", "a@b", "*", "a:b", "\xe4"):
            for origin in ("null", "http://", "http://null", f"http://{host}", "http://a"):
                if (host, origin) != ("null", "http://null"):
                    self.assertPage(Page.FOREIGN, request(host, origin=origin))

    @given(st.text(st.characters(codec="latin-1")), st.sampled_from(["origin", "referer"]))
    def test_any_header(self, text: str, name: str) -> None:
        """Only our own origin, and what may stand behind it, is ours."""
        page = page_of(request(**{name: text}))
        if page is Page.TRUSTED:
            self.assertTrue(text.lower().startswith(OWN), text)
