"""
The option ``--auth``: which names and passwords are good, in the words of :mod:`twisted.cred.strcred`, checked before
anything starts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.cred.checkers import ICredentialsChecker, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import AuthOptionMixin, ICheckerFactory, findCheckerFactories
from twisted.python import usage

__all__ = ["AuthOption", "CheckerUnusable", "make_checker"]


class CheckerUnusable(Exception):
    """Nobody could log in by that; the text says why in one line, without passwords."""


class AuthOption(AuthOptionMixin, usage.Options):
    """
    Mixed into options, adds ``--auth``, ``--help-auth`` and ``--help-auth-type``.

    The result has ``auth``: an ``ICredentialsChecker``, or ``None`` if the option is not given.
    """

    supportedInterfaces = (IUsernamePassword,)

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self["auth"] = None

    def opt_auth(self, specification: str) -> None:
        """
        Let only those control the market who log in, by names and passwords of this kind, such as file:PATH with a
        line name:password for each; see --help-auth. [default: everybody may]
        """
        if self["auth"] is not None:
            raise usage.UsageError("--auth: it can be given only once.")
        try:
            self["auth"] = make_checker(specification)
        except CheckerUnusable as error:
            raise usage.UsageError(f"--auth: {error}") from error


def make_checker(specification: str) -> ICredentialsChecker:
    """
    What checks names and passwords.

    Args:
        specification: a kind and its argument, such as ``file:/etc/stockticker/passwords``.

    Raises:
        CheckerUnusable: nobody could log in by it.
    """
    kind, _, argument = specification.partition(":")
    factory = _factory(kind)
    if kind == "file":
        argument = _password_file(argument)
    try:
        checker: ICredentialsChecker = factory.generateChecker(argument)
    except Exception as error:
        # Checkers are plugins, and raise what they like.
        raise CheckerUnusable(f"{kind!r} cannot be used: {str(error) or type(error).__name__}") from error
    if isinstance(checker, InMemoryUsernamePasswordDatabaseDontUse):
        _use_bytes(checker)
    return checker


def _factory(kind: str) -> ICheckerFactory:
    factories: dict[str, ICheckerFactory] = {
        factory.authType: factory
        for factory in findCheckerFactories()
        if IUsernamePassword in factory.credentialInterfaces
    }
    try:
        return factories[kind]
    except KeyError:
        kinds = ", ".join(sorted(factories))
        # Whoever forgets the kind may have written passwords where it belongs.
        raise CheckerUnusable(f"the kind before the first colon must be one of {kinds}.") from None


def _password_file(path: str) -> str:
    """The absolute path of a file that Twisted reads as it was meant; a daemon changes its directory."""
    path = os.path.abspath(path)
    try:
        with open(path, "rb") as file:
            lines = [line.rstrip() for line in file]
    except OSError as error:
        raise CheckerUnusable(f"{path!r} cannot be read: {error.strerror}.") from error
    _check_lines(path, lines)
    return path


def _check_lines(path: str, lines: Sequence[bytes]) -> None:
    names = set()
    for number, line in enumerate(lines, 1):
        name, _, password = line.partition(b":")
        if not line:
            continue
        if not name or not password or b":" in password:
            # The rest of a password behind a colon would be ignored.
            raise CheckerUnusable(f"{path!r}, line {number}: it must be name:password, without another colon.")
        if name in names:
            raise CheckerUnusable(f"{path!r}, line {number}: there is a line for this name already.")
        names.add(name)
    if not names:
        raise CheckerUnusable(f"{path!r} has no line name:password.")


def _use_bytes(checker: InMemoryUsernamePasswordDatabaseDontUse) -> None:
    # Its plugin fills in text, of which no name and no password that comes over a network is one.
    users: Mapping[Any, Any] = checker.users
    if not users or any(not name or not password for name, password in users.items()):
        raise CheckerUnusable("'memory' cannot be used: it needs names and passwords, as memory:name:password.")
    checker.users = {_encoded(name): _encoded(password) for name, password in users.items()}


def _encoded(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
