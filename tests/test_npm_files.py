"""What the npm files of this checkout have in common: exact versions, exact bytes, and no place to get them from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

PROJECT = Path(__file__).resolve().parent.parent
PLACES = (".", "benchmarks", "tests/integration/browser", "tests/integration/foreign", "tools/eslint")


def load(place: str, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((PROJECT / place / name).read_text(encoding="utf-8"))
    return content


class NpmFilesTests(SynchronousTestCase):
    """Whoever installs gets what was tested, from whatever registry the machine is set up for."""

    def test_all_are_here(self) -> None:
        """No npm file is forgotten below."""
        found = {
            path.parent.relative_to(PROJECT).as_posix()
            for path in PROJECT.rglob("package*.json")
            if not {".venv", "node_modules", "_trial_temp"} & set(path.relative_to(PROJECT).parts)
        }
        self.assertEqual(found, set(PLACES))

    def test_exact_versions(self) -> None:
        """What is asked for by name, is asked for in one version, which is the locked one."""
        for place in PLACES:
            manifest, lock = load(place, "package.json"), load(place, "package-lock.json")["packages"]
            self.assertIs(manifest["private"], True)
            self.assertEqual(lock[""]["dependencies"], manifest["dependencies"], place)
            for name, wanted in manifest["dependencies"].items():
                self.assertEqual(wanted.rpartition("@")[2], lock[f"node_modules/{name}"]["version"], f"{place}: {name}")

    def test_hashes_and_no_addresses(self) -> None:
        """npm can refuse an archive with other bytes, and is not told where to find one."""
        for place in PLACES:
            for path, package in load(place, "package-lock.json")["packages"].items():
                if path:
                    self.assertRegex(package["integrity"], r"^sha512-[A-Za-z0-9+/]{86}==$", f"{place}: {path}")
                    self.assertNotIn("resolved", package, f"{place}: {path}")
