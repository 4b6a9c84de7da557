"""Tests for `twisted_ticker.market.stock`."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from decimal import Decimal

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.market.stock import LOWEST_PRICE, Stock, quantize_cents

# (opening price, price, change, change as a fraction of the price), each as it is shown. All but the last
# five were recorded from the genuine server of Microsoft's tutorial.
DAY_CHANGES = [
    ("41.68", "41.68", "0.00", "0.0"),
    ("41.68", "41.69", "0.01", "0.0002"),
    ("41.68", "41.72", "0.04", "0.001"),
    ("92.08", "92.23", "0.15", "0.0016"),
    ("92.08", "92.53", "0.45", "0.0049"),
    ("543.01", "542.57", "-0.44", "-0.0008"),
    ("543.01", "543.53", "0.52", "0.001"),
    ("578.18", "577.38", "-0.80", "-0.0014"),
    ("570.30", "570.84", "0.54", "0.0009"),
    ("570.30", "570.29", "-0.01", "0.0"),  # not "-0.0"
    ("1.00", "2.00", "1.00", "0.5"),
    ("10.00", "0.01", "-9.99", "-999.0"),
    ("399.99", "400.01", "0.02", "0.0"),  # 0.00004999…
    ("399.98", "400.00", "0.02", "0.0"),  # 0.00005 exactly: half to even
]

NOT_POSITIVE = ["0", "0.00", "-0.00", "-0.01"]
NOT_CENTS = ["0.001", "41.685", "NaN", "sNaN", "Infinity", "-Infinity", "1E+27"]
NOT_PRICES = NOT_POSITIVE + NOT_CENTS

PRICE_NAMES = ["price", "day_open", "day_high", "day_low"]


def stock_of(**changes: Decimal) -> Stock:
    """A stock at 5.00, opened at 5.00, with other amounts where given."""
    five = Decimal("5.00")
    return Stock("MSFT", **(dict.fromkeys(PRICE_NAMES, five) | {"last_change": five} | changes))


class QuantizeCentsTests(SynchronousTestCase):
    """Tests for `quantize_cents`."""

    def test_amounts_are_rounded_half_to_even(self) -> None:
        """An amount gets two places; a half goes to the even cent; zero has no sign."""
        cases = [
            ("0.005", "0.00"),
            ("0.0051", "0.01"),
            ("0.015", "0.02"),
            ("0.025", "0.02"),
            ("-0.015", "-0.02"),
            ("-0.001", "0.00"),
            ("-0.00", "0.00"),
            ("5", "5.00"),
            ("5E+2", "500.00"),
            ("41.680", "41.68"),
        ]
        for amount, cents in cases:
            self.assertEqual(str(quantize_cents(Decimal(amount))), cents, amount)

    def test_amounts_without_cents_are_refused(self) -> None:
        """What is no finite number, or cannot be counted in cents, is an error."""
        for amount in ("NaN", "sNaN", "Infinity", "-Infinity", "1E+27"):
            with self.assertRaises(ValueError, msg=amount):
                quantize_cents(Decimal(amount))


class OpeningTests(SynchronousTestCase):
    """Tests for `Stock.opening`."""

    def test_first_price_is_all_prices_of_the_day(self) -> None:
        """The first price is open, high and low, and counts as the last change."""
        stock = Stock.opening("MSFT", Decimal("41.68"))
        self.assertEqual(stock.symbol, "MSFT")
        for name in [*PRICE_NAMES, "last_change"]:
            self.assertEqual(str(getattr(stock, name)), "41.68", name)

    def test_prices_get_two_places_when_they_have_fewer_or_more(self) -> None:
        """A price is shown with its cents however it was written."""
        for written in ("30", "30.0", "30.000", "3E+1"):
            stock = Stock.opening("MSFT", Decimal(written))
            self.assertEqual([str(stock.price), str(stock.day_open)], ["30.00", "30.00"], written)

    def test_a_cent_is_enough(self) -> None:
        """The lowest price is one cent."""
        self.assertEqual(Stock.opening("MSFT", LOWEST_PRICE).price, Decimal("0.01"))

    def test_impossible_prices_are_refused(self) -> None:
        """A stock cannot open at what is not a positive number of cents."""
        for price in NOT_PRICES:
            with self.assertRaises(ValueError, msg=price):
                Stock.opening("MSFT", Decimal(price))


class ConstructionTests(SynchronousTestCase):
    """What a stock refuses to be."""

    def test_impossible_amounts_are_refused(self) -> None:
        """Each price must be a positive number of cents, the change a number of cents."""
        for name in PRICE_NAMES:
            for price in NOT_PRICES:
                with self.assertRaises(ValueError, msg=f"{name} {price}"):
                    stock_of(**{name: Decimal(price)})
        for change in NOT_CENTS:
            with self.assertRaises(ValueError, msg=change):
                stock_of(last_change=Decimal(change))

    def test_prices_outside_the_days_range_are_refused(self) -> None:
        """Price and opening price lie between low and high."""
        for name, price in [("price", "4.99"), ("price", "5.01"), ("day_open", "4.99"), ("day_open", "5.01")]:
            with self.assertRaises(ValueError, msg=f"{name} {price}"):
                stock_of(**{name: Decimal(price)})
        self.assertEqual(stock_of(day_low=Decimal("4.99"), price=Decimal("4.99")).price, Decimal("4.99"))

    def test_a_stock_cannot_be_altered(self) -> None:
        """A stock is a value."""
        with self.assertRaises(FrozenInstanceError):
            stock_of().price = Decimal(1)  # type: ignore[misc]


class MovedToTests(SynchronousTestCase):
    """Tests for `Stock.moved_to`."""

    def test_range_of_the_day_grows_when_prices_leave_it(self) -> None:
        """A rise sets a new high, a fall a new low, a move between them neither; each is the last change."""
        stock = Stock.opening("GOOG", Decimal("543.01"))
        # (next price, low, high, last change); the first two recorded from the genuine server
        moves = [
            ("542.57", "542.57", "543.01", "-0.44"),
            ("543.53", "542.57", "543.53", "0.96"),
            ("543.09", "542.57", "543.53", "-0.44"),
            ("543.09", "542.57", "543.53", "0.00"),
            ("542.5", "542.50", "543.53", "-0.59"),
        ]
        for price, *expected in moves:
            stock = stock.moved_to(Decimal(price))
            actual = [str(stock.day_low), str(stock.day_high), str(stock.last_change)]
            self.assertEqual(actual, expected, price)
            self.assertEqual(stock.price, Decimal(price))
            self.assertEqual((stock.symbol, stock.day_open), ("GOOG", Decimal("543.01")))

    def test_the_earlier_stock_stays_as_it_was(self) -> None:
        """A move makes a new stock."""
        stock = Stock.opening("GOOG", Decimal("543.01"))
        stock.moved_to(Decimal("1.00"))
        self.assertEqual(stock, Stock.opening("GOOG", Decimal("543.01")))

    def test_impossible_prices_are_refused(self) -> None:
        """A stock cannot move to what is not a positive number of cents."""
        stock = Stock.opening("MSFT", Decimal("41.68"))
        for price in NOT_PRICES:
            with self.assertRaises(ValueError, msg=price):
                stock.moved_to(Decimal(price))


class ChangeTests(SynchronousTestCase):
    """Tests for `Stock.change` and `Stock.percent_change`."""

    def test_change_is_measured_from_the_opening_price(self) -> None:
        """The day's change is shown in cents, and as the shortest fraction of the current price."""
        for opening, price, change, fraction in DAY_CHANGES:
            stock = Stock.opening("MSFT", Decimal(opening)).moved_to(Decimal(price))
            self.assertEqual((str(stock.change), str(stock.percent_change)), (change, fraction), price)

    def test_large_fractions_are_written_out(self) -> None:
        """A round number is not shown with an exponent."""
        stock = Stock.opening("MSFT", Decimal("11.00")).moved_to(Decimal("1.00"))
        self.assertEqual(str(stock.percent_change), "-10.0")
