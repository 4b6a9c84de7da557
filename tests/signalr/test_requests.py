"""Tests for `twisted_ticker.signalr.requests`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.requests import JAVASCRIPT, JSON, CaseInsensitive, Headers, Request, Response, User

FORMS = [
    ("", {}),
    ("a=1&b=2", {"a": "1", "b": "2"}),
    ("A=1", {"a": "1"}),
    ("a=", {"a": ""}),
    ("a", {"a": ""}),
    ("=1", {"": "1"}),
    ("&&a=1&", {"a": "1"}),
    ("a=1=2", {"a": "1=2"}),
    ("a=1;b=2", {"a": "1;b=2"}),
    ("a=x+y%2Bz%20", {"a": "x y+z "}),
    ("a=1&b=2&A=3&a=", {"a": "1,3,", "b": "2"}),
    ("na%6De=%C3%A9%E2%82%AC", {"name": "é€"}),
    ("a=é", {"a": "é"}),
    ("a=%ff%C3", {"a": "\ufffd\ufffd"}),
    ("a=%ED%A0%80", {"a": "\ufffd\ufffd\ufffd"}),
    ("a=%zz%", {"a": "%zz%"}),
    ("a=%00", {"a": "\0"}),
]


class CaseInsensitiveTests(SynchronousTestCase):
    """Parameters and headers."""

    def test_keys_are_found_in_any_letter_case(self) -> None:
        """However a name was written, and however it is asked for."""
        mapping = CaseInsensitive({"Content-Type": "text/plain"})
        for name in ("content-type", "Content-Type", "CONTENT-TYPE"):
            self.assertEqual(mapping[name], "text/plain")
            self.assertIn(name, mapping)
        self.assertIsNone(mapping.get("Content"))
        self.assertRaises(KeyError, lambda: mapping["Content"])

    def test_iteration_gives_lower_case(self) -> None:
        """Names come out in one spelling, in order."""
        mapping = CaseInsensitive({"B": "1", "a": "2"})
        self.assertEqual(list(mapping.items()), [("b", "1"), ("a", "2")])
        self.assertEqual(len(mapping), 2)

    def test_mapping_may_be_empty(self) -> None:
        """Nothing given means no keys."""
        for mapping in (CaseInsensitive(), CaseInsensitive(None), CaseInsensitive({})):
            self.assertEqual(dict(mapping), {})

    def test_values_are_not_shown(self) -> None:
        """What can be printed ends up in a log, and values may be secrets."""
        mapping = CaseInsensitive({"connectionToken": "SECRET", "transport": "webSockets"})
        self.assertEqual(repr(mapping), "<CaseInsensitive connectiontoken, transport>")

    def test_forms_are_read_as_browsers_write_them(self) -> None:
        """Repeated names are joined, plus is a blank, and bytes that are no UTF-8 are replaced."""
        for encoded, parameters in FORMS:
            self.assertEqual(dict(CaseInsensitive.from_form(encoded)), parameters, encoded)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["messageId", "MESSAGEID", "tid", "_", "%5f", "transport", "", "a=b"]),
                st.sampled_from(["", "1", "x%20y", "%zz", "+", "=", "é"]),
            ),
            max_size=8,
        )
    )
    def test_queries_of_polls_are_read_as_any(self, parameters: list[tuple[str, str]]) -> None:
        """What is remembered of them makes no difference, whatever they say."""
        encoded = "&".join(f"{name}={value}" for name, value in parameters)
        expected = dict(CaseInsensitive.from_form(encoded))
        self.assertEqual(dict(CaseInsensitive.from_repeated_query(encoded)), expected)
        self.assertEqual(dict(Request("GET", f"/signalr/poll?{encoded}", "/signalr/poll").query), expected)

    def test_number_of_parameters_is_limited(self) -> None:
        """200 are read; of 201 none is."""
        encoded = "&".join(f"p{number}={number}" for number in range(200))
        self.assertEqual(len(CaseInsensitive.from_form(encoded)), 200)
        self.assertEqual(len(CaseInsensitive.from_form(f"{encoded}&p200=200")), 0)


class HasTests(SynchronousTestCase):
    """Tests for `has`, of headers that were taken apart already and of those that were not."""

    def test_names(self) -> None:
        """One of several is enough; it is found in any letter case, at the beginning too, but not in values."""
        raw = b"COOKIE: a=b\r\nX-Other: authorization: x\r\nx-cookie2:1\r\n"
        for taken_apart in (False, True):
            for names, there in (
                (("cookie",), True),
                (("x-other",), True),
                (("host", "cookie"), True),
                (("authorization",), False),
                (("cookie2",), False),
                (("other", "x-cookie"), False),
                ((), False),
            ):
                headers = Headers(raw)
                if taken_apart:
                    self.assertEqual(headers["cookie"], "a=b")
                self.assertEqual(headers.has(*names), there, (taken_apart, names))
                self.assertEqual(CaseInsensitive(dict(headers)).has(*names), there, names)


class RequestTests(SynchronousTestCase):
    """One HTTP request."""

    def test_query_is_read_from_the_uri(self) -> None:
        """It begins at the first question mark; there may be none."""
        request = Request("GET", "/signalr/connect?Transport=webSockets&a=1?2", "/signalr/connect")
        self.assertEqual(dict(request.query), {"transport": "webSockets", "a": "1?2"})
        self.assertEqual(dict(Request("GET", "/signalr/ping", "/signalr/ping").query), {})

    def test_form_is_read_from_the_body(self) -> None:
        """Whatever the content type says, and whatever bytes there are."""
        request = Request(
            "POST", "/x", "/x", CaseInsensitive({"content-type": "application/json"}), b"Data=%7B%7D+\xff"
        )
        self.assertEqual(dict(request.form), {"data": "{} \ufffd"})
        self.assertEqual(dict(Request("POST", "/x", "/x").form), {})

    def test_parameters_are_parsed_once(self) -> None:
        """Both mappings are made when first asked for, and then kept."""
        request = Request("POST", "/x?a=1", "/x", body=b"b=2")
        self.assertIs(request.query, request.query)
        self.assertIs(request.form, request.form)

    def test_secrets_are_not_shown(self) -> None:
        """Tokens in the query, cookies and messages stay out of logs."""
        headers = CaseInsensitive({"Cookie": "SECRET"})
        request = Request(
            "POST", "/signalr/send?connectionToken=SECRET", "/signalr/send", headers, b"data=SECRET", "192.0.2.1"
        )
        self.assertEqual((request.query["connectionToken"], request.form["data"]), ("SECRET", "SECRET"))
        self.assertIn("path='/signalr/send'", repr(request))
        self.assertNotIn("SECRET", repr(request))


class PlainValueTests(SynchronousTestCase):
    """What has no behaviour."""

    def test_response_is_an_empty_200_by_default(self) -> None:
        """It has neither a content type nor a reason of its own."""
        self.assertEqual(Response(), Response(200, b"", None, None))

    def test_user_has_no_roles_by_default(self) -> None:
        """A name is enough."""
        self.assertEqual(User("alice"), User("alice", ()))
        self.assertNotEqual(User("alice"), User("Alice"))

    def test_content_types_are_the_references(self) -> None:
        """Clients compare them."""
        self.assertEqual(JSON, "application/json; charset=UTF-8")
        self.assertEqual(JAVASCRIPT, "application/javascript; charset=UTF-8")
