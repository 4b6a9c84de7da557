"""Tests for `twisted_ticker.market.entries`."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.market.entries import (
    HIGHEST_PRICE,
    JsonObject,
    checked_number,
    checked_price,
    checked_symbol,
    entry_of,
    json_decoder,
    parse_price,
    shown,
)
from twisted_ticker.market.stock import LOWEST_PRICE, Stock


class SymbolTests(SynchronousTestCase):
    """Tests for `checked_symbol`."""

    def test_symbols(self) -> None:
        """Anything short that can be seen is a symbol."""
        for symbol in ("MSFT", "BRK.B", "^GSPC", "EUR/USD", "BRK B", "Ω", "x" * 20):
            self.assertEqual(checked_symbol(symbol), symbol)

    def test_no_symbols(self) -> None:
        """What cannot be seen, or has no end, is refused; the text says why."""
        cases = [
            ("", "a symbol is missing"),
            (" ", "a symbol is missing"),
            ("x" * 21, f"'{'x' * 21}' is longer than 20 characters"),
            (" A", "' A' is no symbol"),
            ("A ", "'A ' is no symbol"),
            ("A\nB", r"'A\nB' is no symbol"),
            ("A\x00", r"'A\x00' is no symbol"),
            ("A\u202eB", r"'A\u202eB' is no symbol"),
            ("\ud800", r"'\ud800' is no symbol"),
        ]
        for symbol, reason in cases:
            self.assertEqual(str(self.assertRaises(ValueError, checked_symbol, symbol)), reason)


class PriceTests(SynchronousTestCase):
    """Tests for `checked_price`, `parse_price` and `checked_number`."""

    def test_prices(self) -> None:
        """A price has two decimal places, however it was written."""
        for text, price in (
            ("41.68", "41.68"),
            ("42", "42.00"),
            ("41.6800", "41.68"),
            ("+1.5", "1.50"),
            ("007", "7.00"),
        ):
            self.assertEqual(str(parse_price(text)), price)
        for text, price in (("4168e-2", "41.68"), ("1E+2", "100.00"), ("0.01", "0.01")):
            self.assertEqual(str(checked_price(Decimal(text))), price)
        self.assertEqual(checked_price(LOWEST_PRICE), LOWEST_PRICE)
        self.assertEqual(checked_price(HIGHEST_PRICE), HIGHEST_PRICE)

    def test_no_prices(self) -> None:
        """What is not exactly a price is refused, and not mended."""
        cases = [
            ("", "'' is no price"),
            ("abc", "'abc' is no price"),
            ("1,5", "'1,5' is no price"),
            ("1e2", "'1e2' is no price"),
            ("1_0", "'1_0' is no price"),
            (".5", "'.5' is no price"),
            ("٣", r"'\u0663' is no price"),
            ("NaN", "'NaN' is no price"),
            ("$1", "'$1' is no price"),
            ("0", "0 is no price above 0"),
            ("-0.00", "0.00 is no price above 0"),
            ("-5", "-5 is no price above 0"),
            ("0.001", "0.001 is not in whole cents"),
            ("41.685", "41.685 is not in whole cents"),
            ("1000000000000", "1000000000000 is more than 999999999999.99"),
            ("9" * 50, f"{'9' * 37}... is more than 999999999999.99"),
            (f"1.{'0' * 50}1", f"1.{'0' * 35}... is not in whole cents"),
        ]
        for text, reason in cases:
            refusal = str(self.assertRaises(ValueError, parse_price, text))
            self.assertEqual(refusal.replace("-0.00", "0.00"), reason)

    def test_no_numbers(self) -> None:
        """Decimals that are no numbers are no prices, and those beyond all bounds cost no time."""
        for text in ("NaN", "sNaN", "Infinity", "-Infinity"):
            self.assertIn("is no price", str(self.assertRaises(ValueError, checked_price, Decimal(text))))
        self.assertRaises(ValueError, checked_price, Decimal("1e999999999"))
        self.assertRaises(ValueError, checked_price, Decimal("1e-999999999"))

    def test_whose_price_it_is(self) -> None:
        """In JSON, only a number is a price; the text names the stock."""
        for value in ("41.68", True, None, [Decimal(1)], 41.68, 5):
            refusal = str(self.assertRaises(ValueError, checked_number, "MSFT", value))
            self.assertEqual(refusal, "the price of 'MSFT' is no number")
        refusal = str(self.assertRaises(ValueError, checked_number, "MSFT", Decimal(-1)))
        self.assertEqual(refusal, "the price of 'MSFT': -1 is no price above 0")

    @given(st.decimals())
    def test_what_is_accepted_is_exact(self, number: Decimal) -> None:
        """Every price that is accepted is the very number, and one that a stock can have."""
        try:
            price = checked_price(number)
        except ValueError:
            return
        self.assertEqual(price, number)
        self.assertEqual(str(Stock.opening("MSFT", price).price), str(price))

    @given(st.text())
    def test_no_text_does_harm(self, text: str) -> None:
        """Whatever is written, it is a price, or refused in one line."""
        try:
            self.assertEqual(parse_price(text), Decimal(text))
        except ValueError as error:
            self.assertEqual(len(str(error).splitlines()), 1)

    def test_extremes_can_be_shown(self) -> None:
        """All that is computed from a price can be, even if a stock falls from the highest to the lowest."""
        fallen = Stock.opening("MSFT", HIGHEST_PRICE).moved_to(LOWEST_PRICE)
        self.assertEqual(str(fallen.percent_change), "-99999999999998.0")


class EntryTests(SynchronousTestCase):
    """Tests for `entry_of` and `json_decoder`."""

    def test_entries(self) -> None:
        """Both spellings will do; whatever else there is, is ignored."""
        for text in (
            '{"symbol": "MSFT", "price": 41.68}',
            '{"Price": 41.680, "Change": "x", "Symbol": "MSFT"}',
        ):
            self.assertEqual(entry_of(json_decoder.decode(text)), ("MSFT", Decimal("41.68")))

    def test_no_entries(self) -> None:
        """What is missing, there twice, or something else, is refused."""
        cases = [
            ("5", 'not an object such as {"symbol": "MSFT", "price": 41.68}'),
            ("[]", 'not an object such as {"symbol": "MSFT", "price": 41.68}'),
            ("{}", "the symbol is missing"),
            ('{"symbol": "A"}', "the price is missing"),
            ('{"symbol": "A", "price": 1, "price": 2}', "the price is there more than once"),
            ('{"symbol": "A", "price": 1, "Price": 1}', "the price is there more than once"),
            ('{"symbol": 5, "price": 1}', "the symbol is no text"),
            ('{"symbol": "", "price": 1}', "a symbol is missing"),
            ('{"symbol": "A", "price": NaN}', "the price of 'A': NaN is no price"),
            ('{"symbol": "A", "price": -Infinity}', "the price of 'A': -Infinity is no price"),
        ]
        for text, reason in cases:
            self.assertEqual(str(self.assertRaises(ValueError, entry_of, json_decoder.decode(text))), reason)

    def test_numbers_are_exact(self) -> None:
        """A number is never a binary fraction, not even on the way."""
        decoded = json_decoder.decode("[0.1, 123456789012345678901234567890.12, 7]")
        self.assertEqual([str(number) for number in decoded], ["0.1", "123456789012345678901234567890.12", "7"])
        self.assertEqual({type(number) for number in decoded}, {Decimal})

    def test_objects_keep_all_members(self) -> None:
        """A name that comes twice does not hide what came first."""
        decoded = json_decoder.decode('{"a": 1, "a": 2}')
        self.assertIsInstance(decoded, JsonObject)
        self.assertEqual(decoded.members, [("a", 1), ("a", 2)])


class ShownTests(SynchronousTestCase):
    """Tests for `shown`."""

    def test_quotes(self) -> None:
        """A text of any length and content becomes a short one on one line."""
        self.assertEqual(shown("MSFT"), "'MSFT'")
        self.assertEqual(shown("a\r\nb\u2028"), r"'a\r\nb\u2028'")
        self.assertEqual(shown("x" * 40), f"'{'x' * 40}'")
        self.assertEqual(shown("x" * 41), f"'{'x' * 37}...'")
