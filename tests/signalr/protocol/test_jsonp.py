"""JSON as a call of a function."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.errors import RequestError
from twisted_ticker.signalr.protocol.jsonp import check_callback, wrap


class CallbackTests(SynchronousTestCase):
    """Names of functions."""

    def test_names(self) -> None:
        """Identifiers with dots between them."""
        for name in ("cb", "a.b.c", "$", "_1", "jQuery17_123", "classes", "A.b"):
            with self.subTest(name=name):
                check_callback(name)

    def test_what_is_no_name(self) -> None:
        """Whatever would run by itself, or is not the page's to define."""
        for name in ("a(b)", "a[0]", "a.", ".a", "1a", "a b", "a;b", "alert(1)//", "é", "a\n", "for", "a.class", "a-b"):
            with self.subTest(name=name):
                self.assertRaises(RequestError, check_callback, name)

    def test_the_call(self) -> None:
        """One statement."""
        self.assertEqual(wrap("a.b", b'{"x":1}'), b'a.b({"x":1});')
