"""
Where prices come from: feeds, all behind one interface.

Each has a module of its own; `.making` makes that which was asked for, and has to be imported explicitly, since the
HTTP feed brings twisted.web along.
"""

from .interface import Feed
from .random_walk import PriceMoves, RandomFeed, RandomSource

__all__ = ["Feed", "PriceMoves", "RandomFeed", "RandomSource"]
