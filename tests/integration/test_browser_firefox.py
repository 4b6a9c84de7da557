"""The main path of the full page in Debian's Firefox, as it is packaged: Puppeteer drives it over WebDriver BiDi."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.integration.support import OPENING_PRICES, Client, StockTickerTestCase, new_directory
from tests.integration.ticker_page import FULL_PAGE
from tools.require_debian import find_program

__all__ = ["FirefoxTests"]

_SCRIPT = Path(__file__).parent / "browser" / "firefox.js"

#: Where ``make integration`` installs Puppeteer.
_MODULES = Path(sys.prefix) / "browser" / "node_modules"

_DEADLINE_SECONDS = 120


def drive_firefox(*addresses: str) -> list[dict[str, Any]]:
    """Walk the main path at each of these addresses; see ``firefox.js`` for what is said of each."""
    firefox = find_program("firefox-esr")
    assert firefox is not None, "There is no Firefox: python tools/require_debian.py"
    # Firefox keeps things in its user's home, too.
    environment = {**os.environ, "NODE_PATH": str(_MODULES), "HOME": str(new_directory())}
    process = subprocess.Popen(
        ["node", str(_SCRIPT), firefox, *addresses],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        told, errors = process.communicate(timeout=_DEADLINE_SECONDS)
    except subprocess.TimeoutExpired:
        # Node alone would leave the browser behind.
        os.killpg(process.pid, signal.SIGKILL)
        told, errors = process.communicate()
        raise AssertionError(f"Firefox was not done within {_DEADLINE_SECONDS} seconds.\n{told}\n{errors}") from None
    if process.returncode != 0:
        raise AssertionError(f"The script failed.\n{told}\n{errors}")
    return [json.loads(line) for line in told.splitlines()]


class FirefoxTests(StockTickerTestCase):
    """Firefox does what Chromium does."""

    def test_main_path(self) -> None:
        """On either transport: the market opens, prices move, it closes, and the page shows what it closed at."""
        transports = ("webSockets", "longPolling")
        servers = {transport: self.start_server("--interval", "0.02") for transport in transports}
        addresses = [f"{servers[transport].url}{FULL_PAGE}?transport={transport}" for transport in transports]
        for transport, told in zip(transports, drive_firefox(*addresses), strict=True):
            self.assertIn("firefox", told["version"].lower())
            self.assertEqual((told["transport"], told["complaints"]), (transport, []))
            self.assertEqual(told["opening"], OPENING_PRICES)
            self.assertNotEqual(told["moved"], OPENING_PRICES)
            self.assertEqual(told["prices"], Client(servers[transport].port).prices())
        self.assertNoComplaints()
