"""
Adds the web pages and the browser assets to the built package; the metadata is in ``pyproject.toml``.

Installed, ``twisted_ticker/htdocs`` holds our pages, and ``twisted_ticker/htdocs/vendor`` the third-party
files, fetched anew for each build: never what happens to lie in the checkout.
"""

import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.errors import ExecError

PROJECT = Path(__file__).resolve().parent
sys.path.insert(0, str(PROJECT / "tools"))  # build tools run this file without its directory on the path

from browser_assets import AssetsError, fetch_assets  # noqa: E402


class BuildWithPages(build_py):
    """Builds the packages, the pages and the browser assets into an empty directory."""

    def run(self) -> None:
        if self.editable_mode:  # the checkout itself is served
            self._fetch(PROJECT / "htdocs" / "vendor")
            super().run()
            return
        for ours in ("twisted_ticker", "twisted"):  # an earlier build may have left files that are gone now
            shutil.rmtree(Path(self.build_lib, ours), ignore_errors=True)
        super().run()
        pages = Path(self.build_lib, "twisted_ticker", "htdocs")
        not_ours = shutil.ignore_patterns("vendor", "node_modules", ".*", "*~")
        shutil.copytree(PROJECT / "htdocs", pages, ignore=not_ours)
        self._fetch(pages / "vendor")

    def _fetch(self, directory: Path) -> None:
        try:
            fetch_assets(directory, PROJECT)
        except AssetsError as error:
            raise ExecError(str(error)) from error


class CleanWheel(bdist_wheel):
    """Makes the wheel without what an interrupted build may have left behind."""

    def run(self) -> None:
        shutil.rmtree(self.bdist_dir, ignore_errors=True)
        super().run()


setup(cmdclass={"build_py": BuildWithPages, "bdist_wheel": CleanWheel})
