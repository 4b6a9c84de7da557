"""Fails in one sentence where this Python cannot make our virtual environment. Runs on any, however old."""

import sys

TOO_OLD = (
    "Python 3.11 or newer is needed, and this is {0}.{1}: "
    "name a newer one with PYTHON=, for example make run PYTHON=python3.12."
)
NO_VENV = "Python's venv module is missing: install it (on Debian: apt-get install python3-venv)."


def problem():
    """Say what is missing, or return None."""
    if tuple(sys.version_info) < (3, 11):
        return TOO_OLD.format(*sys.version_info)
    try:
        import ensurepip  # noqa: F401 - Debian keeps it, and with it a usable venv, in a package of its own
        import venv  # noqa: F401
    except ImportError:
        return NO_VENV
    return None


if __name__ == "__main__":
    sys.exit(problem())
