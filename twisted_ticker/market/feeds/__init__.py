"""
Where prices come from: feeds, all behind one interface.

Each has a module of its own. That of the HTTP feed, which is the only one that knows Twisted, has to be imported
explicitly.
"""

from .interface import Feed
from .random_walk import PriceMoves, RandomFeed, RandomSource

__all__ = ["Feed", "PriceMoves", "RandomFeed", "RandomSource"]
