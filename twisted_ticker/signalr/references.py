"""
Objects that a command line names, such as ``package.module:ChatHub``.
"""

from __future__ import annotations

import os
import traceback
from functools import reduce
from importlib import import_module
from typing import Any

from .errors import ConfigurationError

__all__ = ["resolve"]


def resolve(reference: str) -> Any:
    """
    The object that ``PACKAGE.MODULE:NAME`` names; its module is imported.

    Raises:
        ConfigurationError: not of that form, no such module or name, or a module that fails; the text, of one line,
            says which.
    """
    module_name, _, name = reference.partition(":")
    if not all(part.isidentifier() for part in (*module_name.split("."), *name.split("."))):
        raise ConfigurationError(f"{reference!r} is not of the form PACKAGE.MODULE:NAME.")
    try:
        module = import_module(module_name)
    except Exception as error:
        # Anything at all, because it is anybody's code.
        raise ConfigurationError(f"The module {module_name!r} cannot be imported: {_in_one_line(error)}.") from error
    try:
        return reduce(getattr, name.split("."), module)
    except AttributeError:
        raise ConfigurationError(f"The module {module_name!r} has no {name!r}.") from None


def _in_one_line(error: Exception) -> str:
    text = " ".join(str(error).split()).removesuffix(".")
    if isinstance(error, ImportError | SyntaxError):
        return text
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {text} ({os.path.basename(last.filename)}, line {last.lineno})"
