"""What ``tools/browser_assets.py`` promises without npm; what npm delivers is tested with the packaging."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tools import browser_assets

PROJECT = Path(__file__).resolve().parent.parent


def load(name: str) -> dict:
    return json.loads((PROJECT / name).read_text(encoding="utf-8"))


class LockTests(SynchronousTestCase):
    """The committed lock file names exact bytes, and no place to get them from."""

    def setUp(self) -> None:
        self.packages = {
            path.removeprefix("node_modules/"): entry
            for path, entry in load("package-lock.json")["packages"].items()
            if path
        }

    def test_the_scripts_and_nothing_else(self) -> None:
        """Only the scripts that our pages load are locked, at the versions that work together."""
        versions = {"jquery": "3.7.1", "jquery1": "1.12.4", "jquery-color": "2.2.0", "signalr": "2.4.3"}
        self.assertEqual({name: entry["version"] for name, entry in self.packages.items()}, versions)
        self.assertEqual(browser_assets.locked_versions(), versions)

    def test_same_versions_in_both_npm_files(self) -> None:
        """``package.json`` asks for exactly the versions that the lock holds."""
        manifest = load("package.json")
        self.assertIs(manifest["private"], True)
        wanted = {
            # A package that is installed under another name is asked for by its own.
            name: f"npm:{entry['name']}@{entry['version']}" if "name" in entry else entry["version"]
            for name, entry in self.packages.items()
        }
        self.assertEqual(manifest["dependencies"], wanted)
        self.assertEqual(load("package-lock.json")["packages"][""]["dependencies"], manifest["dependencies"])

    def test_every_package_has_a_hash(self) -> None:
        """npm can refuse an archive with other bytes."""
        for name, entry in self.packages.items():
            self.assertRegex(entry["integrity"], r"^sha512-[A-Za-z0-9+/]{86}==$", name)

    def test_no_download_address(self) -> None:
        """The packages come from whatever registry the machine is set up for."""
        for name in ("package.json", "package-lock.json"):
            text = (PROJECT / name).read_text(encoding="utf-8")
            self.assertNotIn('"resolved"', text, name)
            self.assertNotIn("://", text, name)


class LockedVersionsTests(SynchronousTestCase):
    """What :func:`locked_versions` refuses."""

    def write_lock(self, **signalr: str) -> Path:
        lock = load("package-lock.json")
        lock["packages"]["node_modules/signalr"] = signalr
        project = Path(self.mktemp())
        project.mkdir()
        (project / "package-lock.json").write_text(json.dumps(lock), encoding="utf-8")
        return project

    def test_package_without_hash(self) -> None:
        """A version alone does not say which bytes we mean."""
        project = self.write_lock(version="2.4.3")
        error = self.assertRaises(browser_assets.AssetsError, browser_assets.locked_versions, project)
        self.assertEqual(str(error), "package-lock.json has no integrity hash for signalr 2.4.3.")

    def test_package_not_locked(self) -> None:
        """A package that the lock does not name is an error, not a surprise from the registry."""
        project = self.write_lock()
        error = self.assertRaises(browser_assets.AssetsError, browser_assets.locked_versions, project)
        self.assertEqual(str(error), "package-lock.json does not lock signalr.")


class FetchTests(SynchronousTestCase):
    """What :func:`fetch_assets` does when it cannot."""

    def test_npm_missing(self) -> None:
        """Without npm the error says in one sentence what to install, and what was there stays."""
        destination = Path(self.mktemp())
        destination.mkdir()
        (destination / "kept.js").touch()
        self.patch(browser_assets.shutil, "which", lambda name: None)
        error = self.assertRaises(browser_assets.AssetsError, browser_assets.fetch_assets, destination)
        self.assertEqual(
            str(error),
            "npm is needed to fetch the browser assets: install Node.js 20 or newer with npm "
            "(on Debian: apt-get install nodejs npm).",
        )
        self.assertEqual([path.name for path in destination.iterdir()], ["kept.js"])
        self.assertEqual([path.name for path in destination.parent.glob(".vendor-*")], [])

    def test_every_package_comes_with_its_licence(self) -> None:
        """For each package we serve a script and its licence text, under different names."""
        names = [asset.name for asset in browser_assets.ASSETS]
        self.assertEqual(len(names), len(set(names)))
        for package in browser_assets.locked_versions():
            sources = [asset.source for asset in browser_assets.ASSETS if asset.package == package]
            self.assertTrue(any(source.endswith(".js") for source in sources), package)
            self.assertTrue(any(source.startswith("LICENSE") for source in sources), package)


class NothingCommittedTests(SynchronousTestCase):
    """Third-party files stay out of our sources."""

    def source_files(self) -> list[str]:
        """What git tracks or would add; in an unpacked sdist, which has no ``.git``, what that contains."""
        if (PROJECT / ".git").exists():
            command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
            done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, encoding="utf-8", timeout=60)
            return done.stdout.splitlines()
        [listing] = PROJECT.glob("*.egg-info/SOURCES.txt")
        return listing.read_text(encoding="utf-8").splitlines()

    def test_no_third_party_file(self) -> None:
        """No fetched file and no npm directory is among our sources."""
        theirs = {asset.name for asset in browser_assets.ASSETS} | {
            Path(asset.source).name for asset in browser_assets.ASSETS if asset.source.endswith(".js")
        }
        files = self.source_files()
        self.assertIn("setup.py", files)
        for path in files:
            self.assertNotIn(Path(path).name, theirs, path)
            self.assertIsNone(re.search(r"(^|/)(node_modules|vendor)/", path), path)

    def test_git_ignores_what_is_fetched(self) -> None:
        """``.gitignore`` keeps ``make assets`` from ever being committed by accident."""
        ignored = (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
        self.assertIn("htdocs/vendor/", ignored)
        self.assertIn("node_modules/", ignored)
