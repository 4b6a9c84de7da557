"""The public names of the market package, and what importing it may bring along."""

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker import market
from twisted_ticker.market import feeds, history, listing, recorder, service, stock, store
from twisted_ticker.market import market as market_module


class ExportTests(SynchronousTestCase):
    """What the package offers to others."""

    def test_package_exports_what_its_modules_do(self) -> None:
        """Every public name of a module can be imported from the package, and nothing else."""
        modules = (feeds, history, listing, market_module, recorder, service, stock, store)
        names = [name for module in modules for name in module.__all__]
        self.assertEqual(sorted(names), sorted(market.__all__))
        for name in names:
            self.assertTrue(hasattr(market, name), name)

    def test_no_reactor_is_installed_when_imported(self) -> None:
        """Importing the package leaves the choice of the reactor to the program."""
        check = "import sys, twisted_ticker.market; sys.exit('twisted.internet.reactor' in sys.modules)"
        subprocess.run([sys.executable, "-c", check], check=True, env={"PYTHONPATH": ":".join(sys.path)})
