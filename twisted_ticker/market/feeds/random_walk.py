"""
The feed of the tutorial: prices that chance decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from ..stock import LOWEST_PRICE, Stock, quantize_cents

__all__ = ["PriceMoves", "RandomFeed", "RandomSource"]


class RandomSource(Protocol):
    """Where chance comes from; `random.Random` is one."""

    def random(self) -> float:
        """The next number, at least 0 and less than 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceMoves:
    """
    How lively prices are. The defaults, and the comparisons made, are the tutorial's (``StockTicker.cs``).

    Attributes:
        chance: probability, for each stock and step, that it moves.
        range_fraction: the furthest a price moves in one step, as a fraction of the price.
        up_probability: probability that a move is upwards.

    Raises:
        ValueError: one of them is not between 0 and 1.
    """

    chance: float = 0.1
    range_fraction: float = 0.002
    up_probability: float = 0.49

    def __post_init__(self) -> None:
        for name in ("chance", "range_fraction", "up_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, not {getattr(self, name)}")

    def next_price(self, price: Decimal, random: RandomSource) -> Decimal | None:
        """
        The price after one step, or None if it does not move in this step.

        Draws one number to see whether the price moves and, only if it does, two more: how far, and where to.

        Returns:
            Whole cents, at least `LOWEST_PRICE`; the same price if the move is less than half a cent.
        """
        if random.random() > self.chance:
            return None
        # By way of text: 0.001 should mean just that, not the binary fraction nearest to it.
        fraction = Decimal(str(random.random())) * Decimal(str(self.range_fraction))
        distance = quantize_cents(price * fraction)
        is_up = random.random() > 1 - self.up_probability
        return max(LOWEST_PRICE, price + distance if is_up else price - distance)


class RandomFeed:
    """
    Lets each stock move by chance, once a step at most; a `Feed`.

    Args:
        random: decides which prices move, and how.
        moves: how lively prices are.
    """

    is_stale = False

    def __init__(self, random: RandomSource, moves: PriceMoves = PriceMoves()) -> None:
        self._random = random
        self._moves = moves

    def trades(self, stocks: Sequence[Stock], elapsed_seconds: float) -> Iterator[tuple[str, Decimal]]:
        """See `Feed`."""
        for stock in stocks:
            price = self._moves.next_price(stock.price, self._random)
            if price is not None:
                yield stock.symbol, price

    def restart(self) -> None:
        """See `Feed`; chance goes on."""
