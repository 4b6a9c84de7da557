"""The sdist and the wheel: built, looked into, installed, run; and the browser assets that npm delivers."""

from __future__ import annotations

import functools
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import twisted_ticker
from tools import browser_assets

PROJECT = Path(__file__).resolve().parents[2]
STEP_TIMEOUT_SECONDS = 120
START_TIMEOUT_SECONDS = 20

# What a checkout accumulates; plant_traps puts something of each kind that matters in its place.
MADE_BY_TOOLS = ("build", "dist", "*.egg-info", "__pycache__", "_trial_temp*", ".*_cache", "vendor")
NOT_COPIED = (".git", ".venv", *MADE_BY_TOOLS)

PAGES = ("StockTicker.html", "StockTickerMini.html")
VENDOR = tuple(sorted(asset.name for asset in browser_assets.ASSETS))


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command to its end and return what it printed; its failure is the test's failure."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=STEP_TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"{command} exited with {done.returncode}:\n{done.stdout}")
    return done.stdout


def build(kind: str, source: Path, destination: Path) -> Path:
    """Build ``"sdist"`` or ``"wheel"`` with the running environment's build tools; return the archive."""
    run(sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", destination, cwd=source)
    [archive] = destination.glob("*.tar.gz" if kind == "sdist" else "*.whl")
    return archive


@functools.cache
def npm_ci() -> dict[str, bytes]:
    """What npm alone makes of the committed lock, checked by it against the hashes: our names, the bytes."""
    directory = Path(tempfile.mkdtemp(prefix="npm_ci-", dir=".")).absolute()
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(PROJECT / name, directory / name)
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=directory)
    modules = directory / "node_modules"
    return {asset.name: (modules / asset.package / asset.source).read_bytes() for asset in browser_assets.ASSETS}


def relative_files(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def plant_traps(checkout: Path) -> None:
    """Leave behind what earlier builds, earlier versions and careless people leave in a checkout."""
    for name in (
        "build/lib/twisted_ticker/trap.py",
        "build/lib/twisted_ticker/htdocs/trap.html",
        "build/lib/twisted/plugins/trap.py",
        "htdocs/vendor/trap.js",
        "htdocs/vendor/jquery.min.js",
        "htdocs/node_modules/trap/trap.js",
        "htdocs/.vendor-trap/trap.js",
        "node_modules/trap/trap.js",
        "twisted/plugins/dropin.cache",
        "twisted_ticker/htdocs/trap.html",
        "twisted_ticker/__pycache__/trap.cpython-311.pyc",
    ):
        path = checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("trap", encoding="utf-8")


@dataclass(frozen=True)
class Distribution:
    """What became of the checkout: the files in its archives, and the Python that has the wheel installed."""

    sdist_files: set[str]
    wheel_files: set[str]
    python: Path


@functools.cache
def distribution() -> Distribution:
    """Build and install once for all tests: it takes seconds. Trial's own directory holds it all."""
    directory = Path(tempfile.mkdtemp(prefix="packaging-", dir=".")).absolute()
    checkout = directory / "checkout"
    shutil.copytree(PROJECT, checkout, ignore=shutil.ignore_patterns(*NOT_COPIED))
    plant_traps(checkout)
    with tarfile.open(build("sdist", checkout, directory / "sdist")) as archive:
        archive.extractall(directory / "unpacked", filter="data")
    [unpacked] = (directory / "unpacked").iterdir()
    sdist_files = relative_files(unpacked)
    wheel = build("wheel", unpacked, directory / "wheel")
    with zipfile.ZipFile(wheel) as archive:
        wheel_files = set(archive.namelist())
    return Distribution(sdist_files, wheel_files, install(wheel, directory / "environment"))


def install(wheel: Path, environment: Path) -> Path:
    """Install a wheel into a new environment that borrows our dependencies; return that one's Python."""
    where = environment.parent
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=where)
    python = environment / "bin" / "python"
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-index")
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel, cwd=where)
    show = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site_packages = Path(run(python, "-c", show, cwd=where).strip())
    (site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


class PackagingTests(SynchronousTestCase):
    """The checkout becomes an sdist, that a wheel, that an installation; each test looks at one of them."""

    def setUp(self) -> None:
        """Build at the first test; work where no file of ours is near."""
        self.distribution = distribution()
        self.elsewhere = Path(self.mktemp()).absolute()
        self.elsewhere.mkdir()

    def twistd_command(self, *arguments: str) -> list[str]:
        """``twistd`` of the new environment, which lacks the console script: Twisted is borrowed."""
        run_twistd = "from twisted.scripts.twistd import run; run()"
        return [str(self.distribution.python), "-c", run_twistd, *arguments]

    def environment(self) -> dict[str, str]:
        """Nothing that would let the checkout in, and no state outside the test's directory."""
        return {"PYTHONPATH": "", "XDG_STATE_HOME": str(self.elsewhere / "state")}

    def test_sdist_contents(self) -> None:
        """The sdist has all that is ours, and nothing that is fetched or made."""
        expected = {
            *("setup.py", "pyproject.toml", "MANIFEST.in", "Makefile", "LICENSE", "PKG-INFO"),
            *("package.json", "package-lock.json", "requirements.txt", "requirements-dev.txt"),
            *("deploy/Dockerfile", "deploy/Dockerfile.dockerignore", "deploy/nginx.conf"),
            *("tools/browser_assets.py", "twisted/plugins/stockticker.py", "twisted_ticker/py.typed"),
            *("tests/test_assets.py", "tests/integration/test_packaging.py", "examples/README.md"),
            *(f"htdocs/{page}" for page in PAGES),
        }
        sdist_files = self.distribution.sdist_files
        self.assertEqual(expected - sdist_files, set())
        self.assertEqual(self.stray_files(sdist_files), [])
        self.assertEqual([name for name in sdist_files if Path(name).name in VENDOR], [])

    def test_wheel_contents(self) -> None:
        """The wheel has exactly our packages, the plugin, the pages and the browser assets."""
        sources = relative_files(PROJECT / "htdocs")
        pages = {name for name in sources if not re.match(r"vendor/|\.|.*~$", name)}
        ours = relative_files(PROJECT / "twisted_ticker")
        modules = {name for name in ours if name.endswith(".py") and not name.startswith("htdocs/")}
        expected = {
            *(f"twisted_ticker/{name}" for name in modules | {"py.typed"}),
            *(f"twisted_ticker/htdocs/{name}" for name in pages),
            *(f"twisted_ticker/htdocs/vendor/{name}" for name in VENDOR),
            "twisted/plugins/signalr.py",
            "twisted/plugins/stockticker.py",
        }
        wheel_files = self.distribution.wheel_files
        self.assertLessEqual(set(PAGES), pages)
        self.assertEqual({name for name in wheel_files if ".dist-info/" not in name}, expected)
        self.assertEqual(self.stray_files(wheel_files), [])
        self.assertTrue(any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel_files))

    def stray_files(self, names: set[str]) -> list[str]:
        """The planted traps, what tools leave behind, and what would make Twisted's packages ours."""
        strays = re.compile(r"trap|node_modules|__pycache__|dropin|\btwisted(/plugins)?/__init__\.py$")
        return sorted(name for name in names if strays.search(name))

    def test_version(self) -> None:
        """The installed distribution has the version that the package states."""
        show = "import importlib.metadata; print(importlib.metadata.version('twisted-ticker'))"
        output = run(self.distribution.python, "-c", show, cwd=self.elsewhere, **self.environment())
        self.assertEqual(output.strip(), twisted_ticker.__version__)

    def test_twistd_lists_the_plugin(self) -> None:
        """``twistd --help`` names our commands."""
        output = run(*self.twistd_command("--help"), cwd=self.elsewhere, **self.environment())
        for name in ("signalr", "stockticker"):
            self.assertRegex(output, rf"(?m)^ +{name} +\S")

    def test_twistd_explains_the_options(self) -> None:
        """``twistd -n stockticker --help`` and the other's load our options from the installed package."""
        for name in ("signalr", "stockticker"):
            command = self.twistd_command("-n", name, "--help")
            output = run(*command, cwd=self.elsewhere, **self.environment())
            self.assertIn("--listen", output)

    def test_installed_server_serves_pages_and_assets(self) -> None:
        """Installed, ``twistd -n stockticker`` serves our pages and the locked scripts from any directory."""
        expected = {page: (PROJECT / "htdocs" / page).read_bytes() for page in PAGES}
        expected |= {f"vendor/{name}": content for name, content in npm_ci().items()}
        self.assert_serves(expected, "stockticker")

    def test_installed_server_serves_hubs_of_others(self) -> None:
        """Installed, ``twistd -n signalr`` serves a hub of the current directory, and the locked scripts beside it."""
        (self.elsewhere / "chat.py").write_text("from twisted_ticker.signalr import Hub\n\n\nclass ChatHub(Hub): ...\n")
        (self.elsewhere / "pages").mkdir()
        (self.elsewhere / "pages" / "index.html").write_text("<p>Chat")
        expected = {"": b"<p>Chat", "signalr/ping": b'{ "Response": "pong" }'}
        expected |= {f"vendor/{name}": content for name, content in npm_ci().items()}
        self.assert_serves(expected, "signalr", "--hub", "chat:ChatHub", "--static", "pages")

    def assert_serves(self, expected: dict[str, bytes], *command: str) -> None:
        """Run a command of the installed package, and compare what it serves."""
        with socket.socket() as chooser:
            chooser.bind(("127.0.0.1", 0))
            port = chooser.getsockname()[1]
        listen = f"tcp:{port}:interface=127.0.0.1"
        arguments = ("-n", "--pidfile=", *command, "--listen", listen, "--state-dir", "state")
        log = self.elsewhere / "server.log"
        with (
            log.open("wb") as output,
            subprocess.Popen(
                self.twistd_command(*arguments),
                cwd=self.elsewhere,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            ) as server,
        ):
            try:
                for name, content in expected.items():
                    served = self.get(f"http://127.0.0.1:{port}/{name}", server, log)
                    self.assertEqual(served, content, name)
            finally:
                server.terminate()
                server.wait(START_TIMEOUT_SECONDS)

    def get(self, url: str, server: subprocess.Popen[bytes], log: Path) -> bytes:
        """Ask until the server listens; a server that ends before is a failure with its log."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while True:
            try:
                with opener.open(url, timeout=START_TIMEOUT_SECONDS) as response:
                    return response.read()
            except urllib.error.HTTPError as error:
                error.close()
                raise AssertionError(f"{url} answered {error.code}") from error
            except OSError as error:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"{url}: {error}\n{log.read_text(errors='replace')}") from error
                time.sleep(0.05)


class FetchedAssetsTests(SynchronousTestCase):
    """``make assets`` fetches what the lock names, and the pages load nothing else."""

    def test_fetched_is_what_npm_delivers(self) -> None:
        """The files of ``make assets`` are those of a fresh ``npm ci``, byte for byte, and no others."""
        vendor = PROJECT / "htdocs" / "vendor"
        self.assertEqual({name: (vendor / name).read_bytes() for name in relative_files(vendor)}, npm_ci())

    def test_scripts_say_the_locked_version(self) -> None:
        """Each served script states, in its own text, the version that the lock names."""
        versions = browser_assets.locked_versions()
        banners = {
            "jquery.min.js": rf"jQuery v{re.escape(versions['jquery'])} ",
            "jquery-1.min.js": rf"jQuery v{re.escape(versions['jquery1'])} ",
            "jquery.color.min.js": rf"jQuery Color v{re.escape(versions['jquery-color'])} ",
            "jquery.signalR.min.js": rf"signalR\.version=\"{re.escape(versions['signalr'])}\"",
        }
        for name, banner in banners.items():
            text = (PROJECT / "htdocs" / "vendor" / name).read_text(encoding="utf-8")
            self.assertRegex(text, banner, name)

    def test_pages_load_only_fetched_scripts(self) -> None:
        """Every vendor file that a page asks for is one that we fetch; no page loads from elsewhere."""
        for page in PAGES:
            text = (PROJECT / "htdocs" / page).read_text(encoding="utf-8")
            wanted = re.findall(r"""(?:src|href)=["']/?vendor/([^"'?#]+)""", text)
            self.assertIn("jquery.signalR.min.js", wanted, page)
            self.assertEqual(set(wanted) - set(VENDOR), set(), page)
            self.assertEqual(re.findall(r"""src=["'](?:https?:)?//[^"']*""", text), [], page)

    def test_fetching_replaces_what_was_there(self) -> None:
        """A fetch leaves exactly the assets, whatever the directory held, and no temporary files."""
        destination = Path(self.mktemp(), "vendor").absolute()
        destination.mkdir(parents=True)
        (destination / "old.js").touch()
        output = run(sys.executable, PROJECT / "tools" / "browser_assets.py", destination, cwd=PROJECT)
        self.assertEqual(sorted(relative_files(destination)), list(VENDOR))
        self.assertEqual([path.name for path in destination.parent.iterdir()], ["vendor"])
        packages = "jquery 3.7.1, jquery1 1.12.4, jquery-color 2.2.0, signalr 2.4.3"
        self.assertEqual(output, f"Fetched the browser assets into {destination}: {packages}.\n")
