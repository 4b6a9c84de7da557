"""
The prices as plain text; it knows the market and the web, and no SignalR.
"""

from .followers import PriceFollowers
from .resource import PricesText

__all__ = ["PriceFollowers", "PricesText"]
