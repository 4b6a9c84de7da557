"""Tests for `twisted_ticker.market.feeds.answers`."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.market.feeds.answers import Quotes, read_quotes

LISTED = ("MSFT", "GOOG", "AAPL")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(LISTED),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(st.sampled_from(["symbol", "price", "Symbol", "Price", *LISTED]), children, max_size=4)
    ),
    max_leaves=20,
)


def read(body: str | bytes) -> Quotes:
    return read_quotes(body.encode() if isinstance(body, str) else body, frozenset(LISTED))


def prices(quotes: Quotes) -> dict[str, str]:
    return {symbol: str(price) for symbol, price in quotes.prices.items()}


class ReadQuotesTests(SynchronousTestCase):
    """Tests for `read_quotes`."""

    def test_both_forms(self) -> None:
        """An array of objects, or an object of prices by symbol."""
        for body in (
            '[{"symbol": "MSFT", "price": 41.7}, {"Symbol": "GOOG", "Price": 543, "Change": null}]',
            '{"MSFT": 41.70, "GOOG": 543}',
            b'\xef\xbb\xbf{"MSFT": 4170e-2, "GOOG": 5.43E2}',
        ):
            quotes = read(body)
            self.assertEqual(prices(quotes), {"MSFT": "41.70", "GOOG": "543.00"})
            self.assertEqual((quotes.refused, quotes.reason), (0, ""))

    def test_bad_quotes(self) -> None:
        """A bad quote is left out and counted; the good ones of the answer hold."""
        cases = [
            ("0", "the price of 'MSFT': 0 is no price above 0"),
            ("-0.0", "the price of 'MSFT': 0.0 is no price above 0"),
            ("-41.68", "the price of 'MSFT': -41.68 is no price above 0"),
            ("NaN", "the price of 'MSFT': NaN is no price"),
            ("Infinity", "the price of 'MSFT': Infinity is no price"),
            ("-Infinity", "the price of 'MSFT': -Infinity is no price"),
            ("41.685", "the price of 'MSFT': 41.685 is not in whole cents"),
            ("41.680000000000003", "the price of 'MSFT': 41.680000000000003 is not in whole cents"),
            ("1e-9", "the price of 'MSFT': 1E-9 is not in whole cents"),
            ("1e300", "the price of 'MSFT': 1E+300 is more than 999999999999.99"),
            ("9" * 100, f"the price of 'MSFT': {'9' * 37}... is more than 999999999999.99"),
            ('"41.68"', "the price of 'MSFT' is no number"),
            ("true", "the price of 'MSFT' is no number"),
            ("null", "the price of 'MSFT' is no number"),
            ("[41.68]", "the price of 'MSFT' is no number"),
            ('{"USD": 41.68}', "the price of 'MSFT' is no number"),
        ]
        for value, reason in cases:
            for body in (
                f'[{{"symbol": "MSFT", "price": {value}}}, {{"symbol": "GOOG", "price": 543.01}}]',
                f'{{"MSFT": {value}, "GOOG": 543.01}}',
            ):
                quotes = read(body)
                self.assertEqual(prices(quotes), {"GOOG": "543.01"})
                self.assertEqual((quotes.refused, quotes.reason.replace("-0.0 ", "0.0 ")), (1, reason))

    def test_other_stocks(self) -> None:
        """What is not listed is refused; letter case counts."""
        quotes = read('{"YHOO": 1.00, "msft": 2.00, "MSFT": 3.00}')
        self.assertEqual(prices(quotes), {"MSFT": "3.00"})
        self.assertEqual((quotes.refused, quotes.reason), (2, "'YHOO' is not listed"))

    def test_elements_that_are_no_quotes(self) -> None:
        """They are refused one by one."""
        quotes = read('[5, null, "MSFT", [], {}, {"symbol": 5, "price": 5}, {"symbol": "MSFT", "price": 41.68}]')
        self.assertEqual((prices(quotes), quotes.refused), ({"MSFT": "41.68"}, 6))

    def test_contradictions(self) -> None:
        """Two prices for one stock are both refused, and so are all others for it; the same price twice is none."""
        for body in (
            '{"MSFT": 1, "GOOG": 543.01, "MSFT": 2, "MSFT": 1, "GOOG": 543.010}',
            '[{"symbol":"MSFT","price":1},{"symbol":"GOOG","price":543.01},{"symbol":"MSFT","price":2},'
            '{"symbol":"MSFT","price":2}]',
        ):
            quotes = read(body)
            self.assertEqual(prices(quotes), {"GOOG": "543.01"})
            self.assertEqual((quotes.refused, quotes.reason), (3, "MSFT has more than one price"))

    def test_a_member_twice(self) -> None:
        """An object that has a price twice has none."""
        quotes = read('[{"symbol": "MSFT", "price": 1, "price": 1}]')
        self.assertEqual((prices(quotes), quotes.refused), ({}, 1))

    def test_no_answers(self) -> None:
        """What is no JSON, or none of the forms, is refused as a whole."""
        cases: list[tuple[str | bytes, str]] = [
            ("", "no JSON: Expecting value"),
            ("<html>", "no JSON: Expecting value"),
            ('[{"symbol": "MSFT", "price": 41.68}', "no JSON: Expecting ',' delimiter"),
            ('{"MSFT": 41.68}{"MSFT": 1}', "no JSON: Extra data"),
            ('{"MSFT": 041.68}', "no JSON: Expecting ',' delimiter"),
            ("5", "neither an array nor an object"),
            ('"x"', "neither an array nor an object"),
            ("null", "neither an array nor an object"),
            (b'{"MSFT": 41.68, "\xff": 1}', "no UTF-8"),
            ('{"MSFT": 41.68}'.encode("utf-16"), "no UTF-8"),
            ("[" * 500_000, "no JSON that means anything"),
            ('{"MSFT": 1e9999999999999999999}', "no JSON that means anything"),
        ]
        for body, reason in cases:
            self.assertEqual(str(self.assertRaises(ValueError, read, body)), reason, body[:40])

    def test_how_many(self) -> None:
        """Ten thousand quotes are an answer; one more is not, and a million values are not even read."""
        rows = ['{"symbol": "MSFT", "price": 41.68, "a": 1, "b": 2, "c": 3}'] * 10_001
        self.assertEqual(prices(read(f"[{','.join(rows[:-1])}]")), {"MSFT": "41.68"})
        members = ['"MSFT": 41.68'] * 10_001
        for body in (f"[{','.join(rows)}]", f"{{{','.join(members)}}}", f"[[{'0,' * 100_001}0]]", f"[{',' * 100_001}"):
            refusal = str(self.assertRaises(ValueError, read, body))
            self.assertEqual(refusal, "more than 10000 quotes")

    def test_nothing(self) -> None:
        """An answer may be empty."""
        for body in ("[]", "{}"):
            self.assertEqual(read(body), Quotes())

    @given(JSON)
    def test_only_what_the_answer_says(self, value: Any) -> None:
        """Each price that is taken is written in the answer, as a number, beside its symbol."""
        body = json.dumps(value)
        try:
            quotes = read(body)
        except ValueError:
            self.assertNotIsInstance(value, list | dict)
            return
        written = value.items() if isinstance(value, dict) else [_entry(element) for element in value]
        for symbol, price in quotes.prices.items():
            self.assertIn(symbol, LISTED)
            found = [other for name, other in written if name == symbol]
            for other in found:
                self.assertEqual(Decimal(str(other)), price)
        self.assertEqual(len(quotes.prices) + quotes.refused >= len(written), True)

    @given(st.binary())
    def test_no_bytes_do_harm(self, body: bytes) -> None:
        """Whatever comes, it is read, or refused in one line."""
        try:
            read(body)
        except ValueError as error:
            self.assertEqual(len(str(error).splitlines()), 1)


def _entry(element: Any) -> tuple[Any, Any]:
    if not isinstance(element, dict):
        return None, None
    return element.get("symbol", element.get("Symbol")), element.get("price", element.get("Price"))
