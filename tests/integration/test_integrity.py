"""The scripts that are fetched are those that our pages vouch for."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.ticker_page import FULL_PAGE, MINI_PAGE
from tools import integrity

__all__ = ["FetchedScriptsTests"]


class FetchedScriptsTests(SynchronousTestCase):
    """Both pages, with the fetched scripts beside them."""

    def test_integrity(self) -> None:
        """No script would be refused; if this fails, the lock has changed: run ``python tools/integrity.py``."""
        for name in (FULL_PAGE, MINI_PAGE):
            self.assertEqual(integrity.wrong_scripts(integrity.HTDOCS / name), [], name)
