"""
Runs trial on one part of the tests, shuffled: ``python tools/run_tests.py unit`` or ``… integration``.

``unit`` is all of ``tests/`` but ``tests/integration``. Trial itself can neither leave out a subpackage nor
shuffle the modules it is given by name; this does both, from one seed, which it prints. Repeat a run with
``--seed``; run less by naming modules, classes or methods:
``python tools/run_tests.py unit tests.test_assets``.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
INTEGRATION = "tests.integration."

# Every warning is an error, but for those that are not ours to mend: each with its narrowest
# "ignore:start of the message:category:module" and the reason.
WARNINGS = (
    "error",
    # Twisted 26.10 uses its own deprecated classes when twisted.web.static is imported.
    "ignore:twisted.web.resource._Unsafe:DeprecationWarning:twisted.web.static",
)


def test_modules(part: str) -> list[str]:
    """Name all test modules of a part, sorted."""
    paths = (PROJECT / "tests").rglob("test_*.py")
    names = [".".join(path.relative_to(PROJECT).with_suffix("").parts) for path in paths]
    return sorted(name for name in names if name.startswith(INTEGRATION) == (part == "integration"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Run a part of the tests, shuffled.")
    parser.add_argument("part", choices=("unit", "integration"))
    parser.add_argument("names", nargs="*", help="modules, classes or methods instead of the whole part")
    parser.add_argument("--seed", type=int, default=0, help="repeat the order of an earlier run")
    options = parser.parse_args()

    names = options.names or test_modules(options.part)
    if not names:
        sys.exit(f"There are no {options.part} tests.")
    seed = options.seed or int(time.time())  # trial takes 0 for "choose one"
    random.Random(seed).shuffle(names)
    os.chdir(PROJECT)
    warnings = [f"-W{warning}" for warning in WARNINGS]
    command = [sys.executable, "-b", *warnings, "-m", "twisted.trial", f"--random={seed}", *names]
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
