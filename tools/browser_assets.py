"""
Fetches the third-party browser scripts that our pages load.

``package-lock.json`` names each package's version and the hash of its archive; npm fetches and checks them.
We copy the few files that browsers load, with their licences. Run as
``python tools/browser_assets.py DEST``, or from ``setup.py``.

Knows no pages and no server. Uses the standard library only: it also runs where nothing but setuptools is.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ASSETS", "Asset", "AssetsError", "fetch_assets", "locked_versions"]

PROJECT = Path(__file__).resolve().parent.parent
NPM_TIMEOUT_SECONDS = 600


class AssetsError(Exception):
    """The browser assets cannot be fetched; the text is for the person who asked for them."""


@dataclass(frozen=True)
class Asset:
    """One file that we serve: ``source`` inside the npm ``package``, ``name`` in our vendor directory."""

    package: str
    source: str
    name: str


ASSETS = (
    Asset("jquery", "dist/jquery.min.js", "jquery.min.js"),
    Asset("jquery", "LICENSE.txt", "jquery.LICENSE.txt"),
    # The last one that Internet Explorer 8 runs; npm knows it here by another name.
    Asset("jquery1", "dist/jquery.min.js", "jquery-1.min.js"),
    Asset("jquery1", "LICENSE.txt", "jquery-1.LICENSE.txt"),
    Asset("jquery-color", "dist/jquery.color.min.js", "jquery.color.min.js"),
    Asset("jquery-color", "LICENSE.txt", "jquery.color.LICENSE.txt"),
    Asset("signalr", "jquery.signalR.min.js", "jquery.signalR.min.js"),
    Asset("signalr", "LICENSE.md", "jquery.signalR.LICENSE.md"),
)


def locked_versions(project: Path = PROJECT) -> dict[str, str]:
    """
    Read the version of each package of :data:`ASSETS` from the lock file.

    Raises:
        AssetsError: a package is not locked, or without the hash that ties us to its exact bytes.
    """
    lock = json.loads((project / "package-lock.json").read_text(encoding="utf-8"))
    versions = {}
    for package in dict.fromkeys(asset.package for asset in ASSETS):
        entry = lock["packages"].get(f"node_modules/{package}", {})
        if "version" not in entry:
            raise AssetsError(f"package-lock.json does not lock {package}.")
        if not entry.get("integrity"):
            raise AssetsError(f"package-lock.json has no integrity hash for {package} {entry['version']}.")
        versions[package] = entry["version"]
    return versions


def fetch_assets(destination: Path, project: Path = PROJECT) -> dict[str, str]:
    """
    Make ``destination`` a directory of exactly the files of :data:`ASSETS`, replacing what was there.

    The old directory stays until the new one is complete.

    Returns:
        The fetched version of each package.

    Raises:
        AssetsError: npm is missing or failed, or it delivered something else than the lock names.
    """
    versions = locked_versions(project)
    destination = destination.absolute()
    destination.parent.mkdir(parents=True, exist_ok=True)
    # Beside the destination, because a rename does not cross file systems.
    with tempfile.TemporaryDirectory(prefix=".vendor-", dir=destination.parent) as staging:
        fresh, old = Path(staging, "fresh"), Path(staging, "old")
        fresh.mkdir()
        with tempfile.TemporaryDirectory(prefix="browser-assets-") as install:
            _install(Path(install), project)
            _copy(Path(install, "node_modules"), fresh, versions)
        if destination.exists():
            destination.rename(old)
        fresh.rename(destination)
    return versions


def _install(directory: Path, project: Path) -> None:
    """Run ``npm ci`` on copies of our npm files, so that ``node_modules`` never appears in the checkout."""
    npm = shutil.which("npm")
    if npm is None:
        raise AssetsError(
            "npm is needed to fetch the browser assets: install Node.js 20 or newer with npm "
            "(on Debian: apt-get install nodejs npm)."
        )
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(project / name, directory / name)
    options = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(
            [npm, "ci", *options],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=NPM_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"npm did not fetch the browser assets within {NPM_TIMEOUT_SECONDS} seconds."
        raise AssetsError(message) from None
    if done.returncode != 0:
        raise AssetsError(f"npm could not fetch the browser assets:\n{done.stdout.strip()}")


def _copy(node_modules: Path, fresh: Path, versions: dict[str, str]) -> None:
    for package, version in versions.items():
        manifest = json.loads((node_modules / package / "package.json").read_text(encoding="utf-8"))
        if manifest["version"] != version:
            raise AssetsError(f"npm delivered {package} {manifest['version']} instead of {version}.")
    for asset in ASSETS:
        source = node_modules / asset.package / asset.source
        if not source.is_file():
            raise AssetsError(f"{asset.package} {versions[asset.package]} has no file {asset.source}.")
        shutil.copyfile(source, fresh / asset.name)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python tools/browser_assets.py DEST", file=sys.stderr)
        return 2
    try:
        versions = fetch_assets(Path(arguments[0]))
    except AssetsError as error:
        print(error, file=sys.stderr)
        return 1
    packages = ", ".join(f"{package} {version}" for package, version in versions.items())
    print(f"Fetched the browser assets into {arguments[0]}: {packages}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
