"""
One stock and the arithmetic of its price.

Prices are `Decimal` numbers of whole cents and always carry two decimal places, so that they are shown
as ``0.00`` and ``41.68``. This module does not know why or when a price moves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

__all__ = ["LOWEST_PRICE", "Stock", "quantize_cents"]

LOWEST_PRICE = Decimal("0.01")
"""The lowest price a stock can have: one cent."""

_CENT = Decimal("0.01")
_PERCENT_CHANGE_STEP = Decimal("0.0001")
_ONE_PLACE = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Stock:
    """
    A stock at one moment of its trading day; a later moment is another value.

    Attributes:
        symbol: the name it is traded under, such as ``MSFT``.
        price: what it costs now.
        day_open: the first price of the day.
        day_high: the highest price of the day so far.
        day_low: the lowest price of the day so far.
        last_change: how far the latest move went, negative for a fall. Before the first move it is the
            opening price, as if that were a rise from nothing; the tutorial's server says so too.

    Raises:
        ValueError: a price is not a positive number of whole cents, the change is not a number of whole
            cents, or price and opening price do not lie between the day's low and high.
    """

    symbol: str
    price: Decimal
    day_open: Decimal
    day_high: Decimal
    day_low: Decimal
    last_change: Decimal

    def __post_init__(self) -> None:
        for name in ("price", "day_open", "day_high", "day_low"):
            object.__setattr__(self, name, _checked_price(getattr(self, name)))
        object.__setattr__(self, "last_change", _whole_cents(self.last_change))
        for price in (self.price, self.day_open):
            if not self.day_low <= price <= self.day_high:
                raise ValueError(f"{price} is outside the day's range {self.day_low} to {self.day_high}")

    @classmethod
    def opening(cls, symbol: str, price: Decimal) -> Stock:
        """
        A stock at the first price of its day, which is the day's open, high and low at once.

        Raises:
            ValueError: the price is not a positive number of whole cents.
        """
        return cls(symbol, price=price, day_open=price, day_high=price, day_low=price, last_change=price)

    def moved_to(self, price: Decimal) -> Stock:
        """
        This stock at its next price, the day's high and low widened where needed.

        Moving to the price it already has is a move too, by 0.00.

        Raises:
            ValueError: the price is not a positive number of whole cents.
        """
        price = _checked_price(price)
        return replace(
            self,
            price=price,
            day_high=max(self.day_high, price),
            day_low=min(self.day_low, price),
            last_change=price - self.price,
        )

    @property
    def change(self) -> Decimal:
        """How far the price is from the day's open, negative below it."""
        return self.price - self.day_open

    @property
    def percent_change(self) -> Decimal:
        """
        The day's change as a fraction of the *current* price (not of the opening price), ``0.01`` being 1 %.

        Rounded half-even to four places and shown with as few as it needs, at least one: ``0.0``, ``0.001``.

        Source: the tutorial's ``Stock.cs``; recorded from its server, where −0.80 at 577.38 gives −0.0014.
        """
        fraction = (self.change / self.price).quantize(_PERCENT_CHANGE_STEP, ROUND_HALF_EVEN)
        return _without_trailing_zeros(fraction)


def quantize_cents(amount: Decimal) -> Decimal:
    """
    Round an amount of money half-even to whole cents, giving it exactly two decimal places.

    Raises:
        ValueError: not a finite number, or more digits than the decimal context has (28).
    """
    if not amount.is_finite():
        raise ValueError(f"not an amount of money: {amount}")
    try:
        cents = amount.quantize(_CENT, ROUND_HALF_EVEN)
    except InvalidOperation:
        raise ValueError(f"too large to be counted in cents: {amount}") from None
    return _without_negative_zero(cents)


def _whole_cents(amount: Decimal) -> Decimal:
    """The same amount with two decimal places; a ValueError if that would change its value."""
    cents = quantize_cents(amount)
    if cents != amount:
        raise ValueError(f"not in whole cents: {amount}")
    return cents


def _checked_price(price: Decimal) -> Decimal:
    """The same price with two decimal places; a ValueError if no stock can have it."""
    cents = _whole_cents(price)
    if cents < LOWEST_PRICE:
        raise ValueError(f"not a positive price: {price}")
    return cents


def _without_negative_zero(number: Decimal) -> Decimal:
    # A small negative number is rounded to "-0.00", which no page should ever show.
    return number.copy_abs() if number.is_zero() else number


def _without_trailing_zeros(number: Decimal) -> Decimal:
    """The same number with as few decimal places as it needs, but at least one."""
    shortest = _without_negative_zero(number).normalize()
    exponent = shortest.as_tuple().exponent
    # normalize() alone would turn 0.0000 into "0" and -10.0000 into "-1E+1".
    return shortest if isinstance(exponent, int) and exponent < 0 else shortest.quantize(_ONE_PLACE)
