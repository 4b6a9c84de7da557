"""
What an application maps: a class, or a call without arguments that makes an instance of one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from .errors import ConfigurationError

__all__ = ["class_made_by"]

T = TypeVar("T")


def class_made_by(factory: Callable[[], Any], base: type[T]) -> type[T]:
    """
    The class whose instances *factory* makes. Only a factory that is neither a class nor a partial call of one is
    called to find out.

    Args:
        factory: what is to be mapped.
        base: what the class must be a subclass of.

    Raises:
        ConfigurationError: it makes something else, or needs arguments.
    """
    inner: Any = factory
    while isinstance(inner, partial):
        inner = inner.func
    made = inner if isinstance(inner, type) else type(_call(factory)) if callable(inner) else type(None)
    if not issubclass(made, base) or made is base:
        raise ConfigurationError(
            f"{factory!r} makes no {base.__name__}: map subclasses of twisted_ticker.signalr.{base.__name__}."
        )
    _check_arguments(factory)
    return made


def _call(factory: Callable[[], Any]) -> Any:
    _check_arguments(factory)
    try:
        return factory()
    except Exception as error:
        raise ConfigurationError(f"{factory!r} fails when it is called: {error!r}.") from error


def _check_arguments(factory: Callable[[], Any]) -> None:
    try:
        inspect.signature(factory).bind()
    except TypeError as error:
        raise ConfigurationError(f"{factory!r} cannot be called without arguments: {error}.") from error
    except ValueError:
        # What is not written in Python may not tell.
        return
