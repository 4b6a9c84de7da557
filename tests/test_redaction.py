"""Tests for `twisted_ticker.redaction`."""

from __future__ import annotations

import json
from time import process_time
from urllib.parse import quote, urlencode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from twisted_ticker.redaction import is_secret, redacted
from twisted_ticker.signalr import KeyRing

TOKEN = "gAAAAABoZ-_" + "x1" * 40


class RedactedTests(SynchronousTestCase):
    """Tests for `redacted`."""

    def assertRedacted(self, *cases: tuple[str, str]) -> None:
        """Each text becomes the other; and is no other text when it is redacted again."""
        for text, expected in cases:
            self.assertEqual(redacted(text), expected)
            self.assertEqual(redacted(expected), expected)

    def test_parameters(self) -> None:
        """Their values in addresses, in whatever letters they are named."""
        self.assertRedacted(
            ("/a?connectionToken=abc&x=y", "/a?connectionToken=…&x=y"),
            ("/a?x=y&groupstoken=abc", "/a?x=y&groupstoken=…"),
            ('"GET /a?access_token=a%20b HTTP/1.1"', '"GET /a?access_token=… HTTP/1.1"'),
            ("/a?accessToken=abc%26x&y", "/a?accessToken=…&y"),
            (r'"GET /a?groupsToken=a\"b HTTP/1.1"', '"GET /a?groupsToken=… HTTP/1.1"'),
            ("/a?groupsToken=it's", "/a?groupsToken=…"),
            ("/a?token=&x=y", "/a?token=&x=y"),
        )

    def test_addresses_in_addresses(self) -> None:
        """A parameter that is an address is read as one, however deep."""
        inner = f"/signalr?{urlencode({'access_token': 'a+b&c', 'x': 'y'})}"
        middle = f"/login?{urlencode({'to': inner, 'z': '1'})}"
        outer = f"/login?{urlencode({'to': middle, 'z': '2'})}"
        for address in (inner, middle, outer):
            text = redacted(address)
            self.assertNotIn("a%2", text)
            self.assertEqual(text.count("…"), 1)
        self.assertEqual(redacted(middle), "/login?to=%2Fsignalr%3Faccess_token%3D…%26x%3Dy&z=1")
        self.assertTrue(redacted(outer).endswith("%253D…%2526x%253Dy%26z%3D1&z=2"), redacted(outer))

    def test_headers(self) -> None:
        """The whole of their lines, and nothing of the next."""
        self.assertRedacted(
            ("Authorization: Basic YTpi\r\nHost: x", "Authorization: …\r\nHost: x"),
            ("Set-Cookie: a=b; HttpOnly\nX: y", "Set-Cookie: …\nX: y"),
            ("cookie: a=b; c=d", "cookie: …"),
            ("Proxy-Authorization:\tBearer x", "Proxy-Authorization:\t…"),
            ("Cookie:\nHost: x", "Cookie:\nHost: x"),
        )

    def test_json(self) -> None:
        """Members of objects, also of objects in strings."""
        value = {"ConnectionToken": "abc", "Url": "/x", "cookie": 'a="b"'}
        self.assertRedacted(
            (json.dumps(value), '{"ConnectionToken": …, "Url": "/x", "cookie": …}'),
            ('{"ConnectionToken":"abc","x":1}', '{"ConnectionToken":…,"x":1}'),
        )
        nested = redacted(json.dumps({"body": json.dumps({"AccessToken": "abc", "x": 1})}))
        self.assertEqual(nested, r'{"body": "{\"AccessToken\": \"…\", \"x\": 1}"}')

    def test_python(self) -> None:
        """What Python shows of dictionaries, pairs, bytes, calls, and Twisted of headers."""
        self.assertRedacted(
            ("{'connectionToken': 'abc', 'x': 1}", "{'connectionToken': …, 'x': 1}"),
            ("[('Cookie', 'a=b'), ('Host', 'x')]", "[('Cookie', …), ('Host', 'x')]"),
            ("Call(connection_token='abc', x=1)", "Call(connection_token=…, x=1)"),
            ("{b'authorization': b'Basic x'}", "{b'authorization': …}"),
            ("groups_token=b'abc'", "groups_token=…"),
        )
        headers = Headers({"Cookie": ["a=1", "b='2'"], "Authorization": ["Basic c"], "Host": ["x"]})
        text = redacted(repr(headers))
        for secret in ("a=1", "b=", "Basic"):
            self.assertNotIn(secret, text)
        self.assertIn("host", text.lower())

    def test_passwords_in_addresses(self) -> None:
        """The user's name stays, to tell which of several it was."""
        self.assertRedacted(
            ("asking https://ann:secret@example.org/x", "asking https://ann:…@example.org/x"),
            ("asking https://ann:se:cret@example.org/x", "asking https://ann:…@example.org/x"),
            ("http://example.org/@x http://h:1/", "http://example.org/@x http://h:1/"),
        )

    def test_long_lines_are_looked_at_once(self) -> None:
        """Requests are logged, and clients decide what is in them."""
        pieces = ["://", ":", "://:", "a:", "@", "token=", "token", "=", "%3D", "%25", "cookie:", " ", "\t", *"\"'\\"]
        for head in ["", "://", "token", "cookie", 'token"', "token=[", "authorization"]:
            for piece in pieces:
                text = head + piece * (32_000 // len(piece)) + "\n"
                began = process_time()
                redacted(text)
                # A few milliseconds; seconds, if there were many ways to read it.
                self.assertLess(process_time() - began, 0.5, (head, piece))

    def test_our_tokens_have_no_name(self) -> None:
        """They are found wherever they turn up."""
        for protection in (KeyRing.generate().protection("x"), KeyRing.generate().protection("y")):
            token = protection.protect("x" * 40)
            for text in (token, f"({token})", f"invalid: {token!r}", f"a{quote(token)}="):
                self.assertNotIn(token, redacted(text))
                self.assertIn("…", redacted(text))

    def test_what_is_no_secret(self) -> None:
        """All else stays."""
        for text in (
            "",
            "cookie monster, and a token of love",
            "/signalr/connect?transport=webSockets&connectionData=%5B%5D&messageId=s-0,1",
            "The connection token is malformed.",
            "gAAAA",
        ):
            self.assertEqual(redacted(text), text)

    @given(
        st.sampled_from(["connectionToken", "groupsToken", "access_token", "ACCESS_TOKEN", "x-token"]),
        st.text(st.characters(codec="utf-8"), min_size=8),
        st.integers(0, 3),
        st.sampled_from(["%s", '"GET %s HTTP/1.1"', "{'uri': '%s'}", '{"uri":"%s"}', "at %s, line 2\nx"]),
    )
    def test_no_value_of_a_parameter_survives(self, name: str, value: str, depth: int, around: str) -> None:
        """Whatever is in it, and whatever is around its address."""
        text = "secret" + value + "secret"
        for _ in range(depth):
            text = quote(text, safe="")
        address = f"/signalr/poll?x=1&{name}={quote(text, safe='')}&y=2"
        result = redacted(around % address)
        self.assertNotIn("secret", result)
        self.assertIn("&y=2", result)


class IsSecretTests(SynchronousTestCase):
    """Tests for `is_secret`."""

    def test_names(self) -> None:
        """Tokens, credentials and cookies."""
        for name in ("connectionToken", "groups_token", "ACCESS_TOKEN", "Set-Cookie", "cookie", "Proxy-Authorization"):
            self.assertTrue(is_secret(name), name)
        for name in ("", "tokens", "connection", "uri", "cookies_accepted"):
            self.assertFalse(is_secret(name), name)
