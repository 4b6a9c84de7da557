"""Pages of other origins."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.cors import allow_headers, preflight
from twisted_ticker.signalr.origins import canonical_origins
from twisted_ticker.signalr.requests import CaseInsensitive, Request


def request(method: str = "GET", **headers: str) -> Request:
    """A request with these headers; underscores stand for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method=method, uri="/signalr/negotiate", path="/signalr/negotiate", headers=CaseInsensitive(named))


class AllowHeadersTests(SynchronousTestCase):
    """Telling a browser that a page may read an answer."""

    def test_who_may_read(self) -> None:
        """Allowed origins are echoed, with credentials; any origin is allowed only without them."""
        echoed = {
            "Access-Control-Allow-Origin": "https://page.example",
            "Access-Control-Allow-Credentials": "true",
            "Vary": "Origin",
        }
        for origin, allowed, headers in (
            ("https://page.example", ["https://page.example"], echoed),
            ("https://page.example", ["HTTPS://Page.Example"], echoed),
            ("https://page.example", ["*", "https://page.example"], echoed),
            ("https://page.example", ["*"], {"Access-Control-Allow-Origin": "*"}),
            ("https://page.example", ["https://page.example:8080"], {}),
            ("http://page.example", ["https://page.example"], {}),
            ("https://evil.page.example", ["https://page.example"], {}),
            ("null", ["https://page.example"], {}),
            ("null", ["*"], {"Access-Control-Allow-Origin": "*"}),
            ("https://page.example.", ["https://page.example"], {}),
            (
                "https://page.example:443",
                ["https://page.example"],
                {**echoed, "Access-Control-Allow-Origin": "https://page.example:443"},
            ),
            ("https://page.example\u00e4", ["*", "https://page.example"], {"Access-Control-Allow-Origin": "*"}),
            ("https://page.example", [], {}),
            ("", ["*"], {}),
        ):
            with self.subTest(origin=origin, allowed=allowed):
                self.assertEqual(allow_headers(request(Origin=origin), canonical_origins(allowed)), headers)


class PreflightTests(SynchronousTestCase):
    """Browsers that ask before they send."""

    def test_a_page_that_may(self) -> None:
        """It is told so, with the headers that it wants to send."""
        asked = request(
            "OPTIONS",
            Origin="https://page.example",
            Access_Control_Request_Method="GET",
            Access_Control_Request_Headers="x-foo",
        )
        response = preflight(asked, ["https://page.example"])
        assert response is not None
        self.assertEqual((response.status, response.body), (200, b""))
        self.assertEqual(
            dict(response.headers),
            {
                "Access-Control-Allow-Origin": "https://page.example",
                "Access-Control-Allow-Credentials": "true",
                "Vary": "Origin",
                "Access-Control-Allow-Methods": "GET, POST",
                "Access-Control-Allow-Headers": "x-foo",
            },
        )

    def test_headers_that_are_none(self) -> None:
        """What is no list of names does not come back."""
        for wanted, is_told in (
            ("x-foo", True),
            ("x-foo, Authorization,x_bar", True),
            ("", False),
            ("x-foo: 1", False),
            ("x-\u00e4", False),
            (",", False),
            ("x-foo\r\nSet-Cookie: a=b", False),
        ):
            asked = request(
                "OPTIONS",
                Origin="https://page.example",
                Access_Control_Request_Method="GET",
                Access_Control_Request_Headers=wanted,
            )
            response = preflight(asked, ["https://page.example"])
            assert response is not None
            told = response.headers.get("Access-Control-Allow-Headers")
            self.assertEqual(told, wanted if is_told else None)

    def test_what_is_no_preflight(self) -> None:
        """Other methods, other origins, and OPTIONS of somebody who asks nothing."""
        for asked in (
            request("GET", Origin="https://page.example", Access_Control_Request_Method="GET"),
            request("OPTIONS", Origin="https://evil.example", Access_Control_Request_Method="GET"),
            request("OPTIONS", Origin="https://page.example"),
        ):
            self.assertIsNone(preflight(asked, ["https://page.example"]))
