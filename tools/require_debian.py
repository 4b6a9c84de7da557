"""
Makes sure that the programs which the integration tests drive are there: finds them, installs Debian's, or fails in
one sentence that names all that are missing.

The tests find the programs with :func:`find_program`, so they look in the same places.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Debian's packages, and for each the names that its program has, here or elsewhere.
PROGRAMS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "firefox-esr": ("firefox-esr", "firefox"),
    "nginx": ("nginx",),
    "haproxy": ("haproxy",),
    "systemd": ("systemd-analyze",),
    "build-essential": ("gcc",),
}

#: Servers live where the path of an ordinary user does not lead.
SERVER_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")

#: Debian's maintainer scripts ask this program whether they may start a service.
POLICY = Path("/usr/sbin/policy-rc.d")

_START_NOTHING = "#!/bin/sh\nexit 101\n"


def find_program(package: str) -> str | None:
    """The path of a package's program; None if there is none."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SERVER_DIRECTORIES])
    return next(filter(None, (shutil.which(name, path=path) for name in PROGRAMS[package])), None)


def missing_packages() -> list[str]:
    return [package for package in PROGRAMS if find_program(package) is None]


def root_prefix() -> list[str] | None:
    """What to put before a command so that root runs it without asking anybody; None where that cannot be."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    sudo = ["sudo", "--non-interactive"]
    allowed = subprocess.run([*sudo, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    return sudo if allowed else None


@contextmanager
def _no_services(prefix: list[str]) -> Iterator[None]:
    """While this lasts, installed packages start no services; a policy that the machine has already is kept."""
    if POLICY.exists():
        yield
        return
    with tempfile.NamedTemporaryFile("w", encoding="ascii", suffix=POLICY.name) as draft:
        draft.write(_START_NOTHING)
        draft.flush()
        subprocess.run([*prefix, "install", "--mode=755", draft.name, str(POLICY)], check=True)
    try:
        yield
    finally:
        subprocess.run([*prefix, "rm", "--force", str(POLICY)], check=True)


def install(packages: list[str]) -> None:
    """Install Debian's packages, if this is a Debian and we may; whether it succeeded is seen by looking again."""
    prefix = root_prefix()
    if prefix is None or shutil.which("apt-get") is None:
        return
    print(f"Installing Debian's {', '.join(packages)} for the integration tests.", flush=True)
    apt_get = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    # An update may fail for one stale source and the installation still succeed: only the latter counts.
    subprocess.run([*apt_get, "update"], check=False)
    with suppress(subprocess.CalledProcessError), _no_services(prefix):
        subprocess.run([*apt_get, "install", "--yes", "--no-install-recommends", *packages], check=False)


def main() -> int:
    if missing := missing_packages():
        install(missing)
        missing = missing_packages()
    if missing:
        print(
            f"The integration tests need {', '.join(missing)}: install what is missing "
            f"(on Debian: apt-get install {' '.join(missing)}).",
            file=sys.stderr,
        )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
