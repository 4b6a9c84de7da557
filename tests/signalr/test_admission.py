"""Which requests are served, and with what of their visitor's."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr import EndpointSettings, User
from twisted_ticker.signalr.admission import admitted
from twisted_ticker.signalr.requests import CaseInsensitive, Headers, Request

PORTAL = "https://portal.example"
EVIL = {"Origin": "http://evil.example"}

NAMED = EndpointSettings(allowed_origins=[PORTAL])
ANY = EndpointSettings(allowed_origins=["*", PORTAL])
NONE = EndpointSettings()
STRICT = EndpointSettings(strict_origins=True)
STRICT_ANY = EndpointSettings(strict_origins=True, allowed_origins=["*"])

COOKIE = {"Cookie": "a=b"}
BASIC = {"Authorization": "Basic YW5u"}
BEARER = {"Authorization": "Bearer token"}

SAME, STRIPPED, REFUSED = "same", "stripped", "refused"


def request(headers: dict[str, str], user: User | None = None, query: str = "", *, is_raw: bool = False) -> Request:
    """A request for our host."""
    named = {"Host": "ticker.example", **headers}
    raw = "".join(f"{name}: {value}\r\n" for name, value in named.items()).encode("latin-1")
    return Request(
        "GET", f"/signalr/ping{query}", "/signalr/ping", Headers(raw) if is_raw else CaseInsensitive(named), user=user
    )


def outcome(asked: Request, settings: EndpointSettings) -> str:
    """What becomes of a request."""
    served = admitted(asked, settings)
    if served is None:
        return REFUSED
    return SAME if served is asked else STRIPPED


class AdmissionTests(SynchronousTestCase):
    """Tests for `admitted`."""

    def test_table(self) -> None:
        """Who comes from where, with what, and what becomes of it under each kind of settings."""
        ann = User("ann")
        table: list[tuple[dict[str, str], User | None, str, tuple[str, str, str, str, str]]] = [
            # Of nobody: refused where that is asked for only.
            ({}, None, "", (SAME, SAME, SAME, SAME, SAME)),
            (EVIL, None, "", (SAME, SAME, SAME, REFUSED, STRIPPED)),
            ({**EVIL, **BEARER}, None, "", (SAME, SAME, SAME, REFUSED, STRIPPED)),
            ({"Origin": "null"}, None, "", (SAME, SAME, SAME, REFUSED, STRIPPED)),
            # With something that browsers send along.
            (COOKIE, None, "", (SAME, SAME, SAME, SAME, SAME)),
            ({**EVIL, **COOKIE}, None, "", (REFUSED, REFUSED, STRIPPED, REFUSED, STRIPPED)),
            ({**EVIL, **BASIC}, None, "", (REFUSED, REFUSED, STRIPPED, REFUSED, STRIPPED)),
            ({**EVIL, **BEARER, **COOKIE}, None, "", (REFUSED, REFUSED, STRIPPED, REFUSED, STRIPPED)),
            (EVIL, ann, "", (REFUSED, REFUSED, STRIPPED, REFUSED, STRIPPED)),
            ({"Origin": "null", **COOKIE}, None, "", (REFUSED, REFUSED, STRIPPED, REFUSED, STRIPPED)),
            ({"Sec-Fetch-Site": "same-site", **COOKIE}, None, "", (REFUSED, REFUSED, STRIPPED, REFUSED, STRIPPED)),
            ({"Origin": "http://ticker.example", **COOKIE}, ann, "", (SAME, SAME, SAME, SAME, SAME)),
            # Of a page that is named.
            ({"Origin": PORTAL}, None, "", (SAME, SAME, SAME, REFUSED, STRIPPED)),
            ({"Origin": PORTAL, **COOKIE}, ann, "", (REFUSED, SAME, SAME, REFUSED, STRIPPED)),
            # A script, which may be in any page: whose it is has to be shown.
            ({}, None, "?callback=f", (SAME, SAME, SAME, REFUSED, STRIPPED)),
            (COOKIE, None, "?callback=f", (REFUSED, REFUSED, STRIPPED, REFUSED, STRIPPED)),
            (COOKIE, None, "?callback=", (SAME, SAME, SAME, SAME, SAME)),
            ({**COOKIE, "Referer": f"{PORTAL}/"}, None, "?CALLBACK=f", (REFUSED, SAME, SAME, REFUSED, STRIPPED)),
            ({**COOKIE, "Sec-Fetch-Site": "same-origin"}, None, "?callback=f", (SAME, SAME, SAME, SAME, SAME)),
        ]
        for headers, user, query, outcomes in table:
            for settings, expected in zip((NONE, NAMED, ANY, STRICT, STRICT_ANY), outcomes, strict=True):
                for is_raw in (False, True):
                    asked = request(headers, user, query, is_raw=is_raw)
                    self.assertEqual(outcome(asked, settings), expected, (headers, user, query, settings))

    def test_nothing_of_the_visitor_is_left(self) -> None:
        """Where any page is allowed, hubs see no cookie, no password and no user, and all else as it was."""
        for authorization, is_kept in ((BASIC, False), (BEARER, True), ({"Authorization": "BEARER x"}, True)):
            asked = request({**EVIL, **COOKIE, **authorization, "X-Other": "1"}, User("ann"), is_raw=True)
            served = admitted(asked, ANY)
            assert served is not None
            self.assertIsNone(served.user)
            self.assertNotIn("cookie", served.headers)
            self.assertEqual("authorization" in served.headers, is_kept)
            self.assertEqual((served.headers["x-other"], served.headers["ORIGIN"]), ("1", EVIL["Origin"]))
            self.assertEqual((served.uri, served.method), (asked.uri, asked.method))
