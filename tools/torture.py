"""
Runs the long forms of all tests that have two, one module after the other: ``python tools/torture.py``.

Run less by naming parts of module names: ``python tools/torture.py slow_readers storm``; ``--list`` tells what
there is.
The same tests in their quick forms are part of ``make test``. Everything listens on 127.0.0.1, and no module may take
longer than :data:`MODULE_SECONDS`.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

#: What a module uses that has two forms.
SCALE = "tests.integration.scale"

#: How long one module may take, in seconds; those that there are take seven minutes at most.
MODULE_SECONDS = 900

_IMPORT = re.compile(r"^(?:from|import) (tests\.[\w.]+)(?: import (.+))?$", re.MULTILINE)


def long_tests() -> list[str]:
    """Name all test modules that have two forms, or use something that has."""
    names = [_name(path) for path in sorted((PROJECT / "tests").rglob("test_*.py"))]
    return [name for name in names if SCALE in _used_by(name)]


def _name(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts)


@cache
def _used_by(module: str) -> frozenset[str]:
    """The modules of the tests that one of them imports, also by way of others."""
    path = (PROJECT / module.replace(".", "/")).with_suffix(".py")
    if not path.exists():
        return frozenset()
    direct: set[str] = set()
    for package, names in _IMPORT.findall(path.read_text("utf-8")):
        direct.add(package)
        # "from tests.web import frames" means the module of that name.
        direct.update(f"{package}.{name.strip()}" for name in names.strip("()").split(","))
    return frozenset(direct.union(*(_used_by(each) for each in direct)))


def selected(names: Sequence[str]) -> list[str]:
    """
    Those of :func:`long_tests` that have one of *names* in theirs; all of them if there are no *names*.

    Raises:
        LookupError: one of *names* is in none of theirs.
    """
    modules = long_tests()
    for name in names:
        if not any(name in module for module in modules):
            raise LookupError(f"No test with a long form has {name!r} in its name; --list tells what there is.")
    return [module for module in modules if not names or any(name in module for name in names)]


def run(module: str, seconds: float) -> str:
    """Run a module; returns what is wrong with it, and nothing if all is well."""
    part = "integration" if module.startswith("tests.integration.") else "unit"
    command = [sys.executable, str(PROJECT / "tools" / "run_tests.py"), part, module]
    process = subprocess.Popen(command, env={**os.environ, "TORTURE": "1"}, start_new_session=True)
    try:
        return "" if process.wait(seconds) == 0 else "failed"
    except BaseException as reason:
        # Too late, or interrupted: whatever it has started ends with it.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if not isinstance(reason, subprocess.TimeoutExpired):
            raise
        return f"was not over within {seconds} seconds"


def main(arguments: Sequence[str]) -> int:
    """
    The command.

    Args:
        arguments: of the command line.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description="Run the long forms of tests that have two.")
    parser.add_argument("names", nargs="*", help="parts of module names, instead of all")
    parser.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    options = parser.parse_args(arguments)
    try:
        modules = selected(options.names)
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    if options.list:
        print(*modules, sep="\n")
        return 0
    outcomes = {}
    began = time.monotonic()
    for number, module in enumerate(modules, 1):
        print(f"=== {number} of {len(modules)}, after {_minutes(began)}: {module}", flush=True)
        started = time.monotonic()
        outcomes[module] = run(module, MODULE_SECONDS)
        print(f"=== {module} {outcomes[module] or 'passed'} in {_minutes(started)}", flush=True)
    wrong = [f"{module} {outcome}" for module, outcome in outcomes.items() if outcome]
    print(f"=== {len(modules)} modules in {_minutes(began)}:", "; ".join(wrong) or "all passed", flush=True)
    return 1 if wrong else 0


def _minutes(since: float) -> str:
    seconds = int(time.monotonic() - since)
    return f"{seconds // 60}:{seconds % 60:02} min"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
