"""
Who may use a hub, or one of its methods: :func:`authorize`, and what it leaves on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from .requests import User

__all__ = ["AUTHENTICATED", "Authorization", "authorizations_of", "authorize"]

Marked = TypeVar("Marked", bound=Callable[..., Any])

_ATTRIBUTE = "_signalr_authorizations"


@dataclass(frozen=True, slots=True)
class Authorization:
    """
    One rule.

    Attributes:
        users: names of those who are admitted, in lower case; none for everybody whom the server knows.
        roles: of which a user must have one; none for no matter which.
        require_outgoing: for a hub, whether the rule holds for getting its messages too; ``None`` if it was not said.
    """

    users: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    require_outgoing: bool | None = None

    def admits(self, user: User | None) -> bool:
        """Whether the rule lets *user* pass; never lets nobody pass."""
        if user is None or (self.users and user.name.casefold() not in self.users):
            return False
        return not self.roles or not self.roles.isdisjoint(user.roles)


#: Lets everybody pass whom the server knows.
AUTHENTICATED = Authorization()


@overload
def authorize(marked: Marked, /) -> Marked: ...
@overload
def authorize(
    *, users: Iterable[str] = (), roles: Iterable[str] = (), require_outgoing: bool | None = None
) -> Callable[[Marked], Marked]: ...
def authorize(
    marked: Any = None,
    /,
    *,
    users: Iterable[str] = (),
    roles: Iterable[str] = (),
    require_outgoing: bool | None = None,
) -> Any:
    """
    Keep others from a hub class, or from a hub method. Subclasses are kept as their bases are; of several rules, all
    must let a caller pass.

    Who may not listen to a hub is connected without it, and refused if there is no other hub to connect for. Who may
    not call gets an error result.

    Args:
        users: names of those who may, in any letter case; in one text, they are separated by commas.
        roles: of which they must have one, in exact letter case.
        require_outgoing: false: whoever may not call the hub may listen to it. For classes only.
    """
    rule = Authorization(
        users=frozenset(name.casefold() for name in _names(users)),
        roles=frozenset(_names(roles)),
        require_outgoing=require_outgoing,
    )

    def mark(target: Marked) -> Marked:
        setattr(target, _ATTRIBUTE, (*authorizations_of(target), rule))
        return target

    return mark if marked is None else mark(marked)


def _names(names: Iterable[str]) -> Iterable[str]:
    split = names.split(",") if isinstance(names, str) else names
    return [name.strip() for name in split]


def authorizations_of(marked: object) -> tuple[Authorization, ...]:
    """The rules that a class or function is marked with itself, those of bases left out."""
    rules: tuple[Authorization, ...] = getattr(marked, "__dict__", {}).get(_ATTRIBUTE, ())
    return rules
