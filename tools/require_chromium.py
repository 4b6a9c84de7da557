"""
Makes sure that the browser tests have a Chromium: finds one, installs Debian's, or fails in one sentence.

The tests look for the same names on the PATH.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def root_prefix() -> list[str] | None:
    """What to put before a command so that root runs it without asking anybody; None where that cannot be."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    sudo = ["sudo", "--non-interactive"]
    allowed = subprocess.run([*sudo, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    return sudo if allowed else None


def install_chromium() -> bool:
    prefix = root_prefix()
    if prefix is None or shutil.which("apt-get") is None:
        return False
    print("Installing Debian's Chromium for the browser tests.", flush=True)
    apt_get = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    # An update may fail for one stale source and the installation still succeed: only the latter counts.
    subprocess.run([*apt_get, "update"], check=False)
    install = [*apt_get, "install", "--yes", "--no-install-recommends", "chromium"]
    return subprocess.run(install, check=False).returncode == 0


def main() -> int:
    if find_browser() or (install_chromium() and find_browser()):
        return 0
    message = "The browser tests need Chromium: install it (on Debian: apt-get install chromium)."
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
