"""Compiles the programs in C: the load generator and the ceiling."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

__all__ = ["BuildError", "build"]

_HERE = Path(__file__).resolve().parent
_FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror")

#: Each program, and what it is made from.
PROGRAMS = {
    "load": ("load.c", "load_client.c", "load_count.c", "load_wire.c"),
    "ceiling": ("ceiling.c",),
}


class BuildError(Exception):
    """A program could not be compiled; in a sentence."""


def build(directory: Path) -> dict[str, Path]:
    """
    Compile all programs into a directory, which is made when missing.

    Returns:
        Where each of them is.

    Raises:
        BuildError: there is no gcc, or it failed.
    """
    gcc = shutil.which("gcc")
    if gcc is None:
        raise BuildError("The benchmarks need gcc: install it (on Debian: apt-get install build-essential).")
    directory.mkdir(parents=True, exist_ok=True)
    for program, sources in PROGRAMS.items():
        paths = [str(_HERE / source) for source in sources]
        command = [gcc, *_FLAGS, "-o", str(directory / program), *paths]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise BuildError(f"gcc could not compile {program}:\n{result.stderr.strip()}")
    return {program: directory / program for program in PROGRAMS}
