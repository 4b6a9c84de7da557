"""Tests for `twisted_ticker.market.listing`."""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market.test_tables import FileTestCase
from twisted_ticker.market.feeds import RandomFeed
from twisted_ticker.market.listing import FileError, read_listing
from twisted_ticker.market.market import Market

TWO = (("MSFT", Decimal("41.68")), ("GOOG", Decimal("543.01")))

SYMBOLS = st.from_regex(r"[A-Z]{1,5}(\.[A-Z])?", fullmatch=True)
PRICES = st.integers(1, 99_999_999_999_999).map(lambda cents: Decimal(cents).scaleb(-2))
LISTINGS = st.dictionaries(SYMBOLS, PRICES, min_size=1, max_size=20).map(lambda prices: tuple(prices.items()))


class ListingTestCase(FileTestCase):
    """What is read from a file, and what is not."""

    name = "prices.csv"

    def refusal(self, content: str | bytes) -> str:
        """Why a file is refused, without its directory."""
        path = self.file(content, self.name)
        text = str(self.assertRaises(FileError, read_listing, path))
        self.assertEqual(len(text.splitlines()), 1)
        return text.replace(path, self.name)


class CsvTests(ListingTestCase):
    """Listings in CSV."""

    def test_listings(self) -> None:
        """With a header, or without, in the order of the file."""
        for content in ("MSFT,41.68\nGOOG,543.01\n", "Name,Price,Symbol\nx,41.68,MSFT\ny,543.010,GOOG"):
            self.assertEqual(read_listing(self.file(content)), TWO)
        self.assertEqual(read_listing(self.file("MSFT,41.68\nGOOG,543.01\n", "stocks")), TWO)

    def test_refused(self) -> None:
        """Whatever is doubtful, is refused with its line."""
        head = "symbol,price\nMSFT,41.68\nGOOG,543.01\n"
        cases = [
            ("MSFT,1", "line 4: MSFT is listed twice (first on line 2)"),
            ("AAPL,0", "line 4: 0 is no price above 0"),
            ("AAPL,-1", "line 4: -1 is no price above 0"),
            ("AAPL,92.085", "line 4: 92.085 is not in whole cents"),
            ("AAPL,", "line 4: '' is no price"),
            ("AAPL,n/a", "line 4: 'n/a' is no price"),
            (",5", "line 4: a symbol is missing"),
            ("A\x07,5", r"line 4: 'A\x07' is no symbol"),
            (f"{'A' * 21},5", f"line 4: '{'A' * 21}' is longer than 20 characters"),
            ("AAPL", "line 4: 1 column instead of 2, which are in the header"),
        ]
        for row, reason in cases:
            self.assertEqual(self.refusal(f"{head}{row}\n"), f"prices.csv, {reason}.")

    def test_nothing(self) -> None:
        """A market has stocks."""
        for content in ("", "\n\n", "symbol,price\n"):
            self.assertEqual(self.refusal(content), "prices.csv: no stocks are listed.")

    def test_how_many(self) -> None:
        """Ten thousand stocks are a listing; one more is not."""
        rows = [f"S{number},1\n" for number in range(10_001)]
        self.assertEqual(len(read_listing(self.file("".join(rows[:-1])))), 10_000)
        self.assertEqual(self.refusal("".join(rows)), "prices.csv, line 10001: more than 10000 stocks.")

    @settings(max_examples=25)
    @given(LISTINGS)
    def test_what_is_written_is_read(self, listing: tuple[tuple[str, Decimal], ...]) -> None:
        """In both formats, to the cent; and a market can be made of it."""
        rows = "".join(f"{symbol},{price}\n" for symbol, price in listing)
        self.assertEqual(read_listing(self.file(rows)), listing)
        elements = ", ".join(f'{{"symbol": {json.dumps(symbol)}, "price": {price}}}' for symbol, price in listing)
        read = read_listing(self.file(f"[{elements}]", "prices.json"))
        self.assertEqual(read, listing)
        self.assertEqual(
            tuple((stock.symbol, stock.price) for stock in Market(read, feed=RandomFeed(Random())).stocks), listing
        )

    @settings(max_examples=100)
    @given(st.text() | st.text("[]{},:\"' \nsymbolprice-0123456789.eE\\"), st.sampled_from(["x.csv", "x.json"]))
    def test_no_text_does_harm(self, text: str, name: str) -> None:
        """Whatever is in a file, it is a listing, or refused in one line."""
        path = self.file(text.encode("utf-8", "surrogatepass"), name)
        try:
            listing = read_listing(path)
        except FileError as error:
            self.assertEqual(len(str(error).splitlines()), 1)
        else:
            Market(listing, feed=RandomFeed(Random()))


class JsonTests(ListingTestCase):
    """Listings in JSON."""

    name = "prices.json"

    def test_listings(self) -> None:
        """With either letter case, and whatever space and members beside."""
        for content in (
            '[{"symbol":"MSFT","price":41.68},{"symbol":"GOOG","price":543.01}]',
            '\ufeff [\n{"Symbol": "MSFT", "Price": 41.680, "No": 1}\n,\t{"price": 54301e-2, "symbol": "GOOG"} ] \r\n',
        ):
            self.assertEqual(read_listing(self.file(content, self.name)), TWO)
            self.assertEqual(read_listing(self.file(content, "PRICES.JSON")), TWO)

    def test_refused(self) -> None:
        """Whatever is doubtful, is refused with the line on which its element begins."""
        head = '[\n{"symbol": "MSFT",\n "price": 41.68},\n\n'
        cases = [
            ('{"symbol": "MSFT", "price": 1}', "line 5: MSFT is listed twice (first on line 2)"),
            ('{"symbol": "AAPL", "price": 0}', "line 5: the price of 'AAPL': 0 is no price above 0"),
            ('{"symbol": "AAPL", "price": "92.08"}', "line 5: the price of 'AAPL' is no number"),
            ('{"symbol": "AAPL", "price": true}', "line 5: the price of 'AAPL' is no number"),
            ('{"symbol": "AAPL",\n"price": NaN}', "line 5: the price of 'AAPL': NaN is no price"),
            ('{"symbol": "AAPL",\n"price": 92.085}', "line 5: the price of 'AAPL': 92.085 is not in whole cents"),
            ('{"symbol": null, "price": 1}', "line 5: the symbol is no text"),
            ('{"symbol": "AAPL"}', "line 5: the price is missing"),
            ('{"symbol": "A\\u0007", "price": 1}', r"line 5: 'A\x07' is no symbol"),
            ('"AAPL"', 'line 5: not an object such as {"symbol": "MSFT", "price": 41.68}'),
            ('{"symbol": "AAPL", "price": 1e99999999999999999999}', "line 5: no JSON that means anything"),
            ("[" * 100_000, "line 5: no JSON that means anything"),
            ('{"symbol": "AAPL",\n}', "line 6: no JSON: Expecting property name enclosed in double quotes"),
            ("", "line 5: no JSON: Expecting value"),
        ]
        for element, reason in cases:
            self.assertEqual(self.refusal(f"{head}{element}]\n"), f"prices.json, {reason}.")

    def test_no_array(self) -> None:
        """An array is what is expected, and nothing behind it."""
        one = '{"symbol": "MSFT", "price": 1}'
        cases = [
            ("", "prices.json, line 1: no JSON array: '[' is missing."),
            ("\n{}", "prices.json, line 2: no JSON array: '[' is missing."),
            (f"[{one}\n{one}]", "prices.json, line 2: no JSON array: ',' is missing."),
            (f"[{one},\n", "prices.json, line 2: no JSON: Expecting value."),
            (f"[{one}\n", "prices.json, line 2: no JSON array: ',' is missing."),
            (f"[{one}]\n]", "prices.json, line 2: something follows the JSON array."),
            ("[]", "prices.json: no stocks are listed."),
            (b"[\n\xff]", "prices.json, line 2: not UTF-8."),
        ]
        for content, reason in cases:
            self.assertEqual(self.refusal(content), reason)

    def test_how_long(self) -> None:
        """There is room for as many stocks as in CSV; a file beyond all bounds is not read."""
        elements = [f'{{"symbol": "S{number}", "price": 1, "name": "{"x" * 60}"}}\n' for number in range(10_001)]
        self.assertEqual(len(read_listing(self.file(f"[{','.join(elements[:-1])}]", self.name))), 10_000)
        self.assertEqual(self.refusal(f"[{','.join(elements)}]"), "prices.json, line 10001: more than 10000 stocks.")
        self.assertEqual(self.refusal(" " * 4_194_305), "prices.json: more than 4194304 bytes.")
