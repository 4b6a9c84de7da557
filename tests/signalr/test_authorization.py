"""Tests for `twisted_ticker.signalr.authorization`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.authorization import AUTHENTICATED, Authorization, authorizations_of, authorize
from twisted_ticker.signalr.requests import User

ANN = User("Ann", ["chatter", "admin"])
BOB = User("bob")


class AuthorizationTests(SynchronousTestCase):
    """Tests for `Authorization`."""

    def test_who_is_admitted(self) -> None:
        """Names in any letter case, roles exactly; who is unknown never is."""
        cases: list[tuple[Authorization, list[User | None]]] = [
            (AUTHENTICATED, [ANN, BOB]),
            (Authorization(users=frozenset({"ann"})), [ANN]),
            (Authorization(users=frozenset({"ann", "bob"})), [ANN, BOB]),
            (Authorization(roles=frozenset({"admin", "owner"})), [ANN]),
            (Authorization(roles=frozenset({"Admin"})), []),
            (Authorization(users=frozenset({"bob"}), roles=frozenset({"admin"})), []),
            (Authorization(users=frozenset({"ann"}), roles=frozenset({"admin"})), [ANN]),
        ]
        for rule, admitted in cases:
            self.assertEqual([user for user in (ANN, BOB, None) if rule.admits(user)], admitted, rule)


class AuthorizeTests(SynchronousTestCase):
    """Tests for `authorize`."""

    def test_rules_are_left_on_what_is_marked(self) -> None:
        """Classes and functions alike, with and without arguments; they stay what they are."""

        @authorize
        def plain() -> int:
            return 1

        @authorize(users=["Ann ", "BOB"], roles=["admin"])
        class Marked:
            """Has a rule."""

        @authorize(users="ann, Bob", roles="a,b", require_outgoing=False)
        def in_one_text() -> None: ...

        self.assertEqual(plain(), 1)
        self.assertEqual(authorizations_of(plain), (AUTHENTICATED,))
        self.assertEqual(
            authorizations_of(Marked),
            (Authorization(users=frozenset({"ann", "bob"}), roles=frozenset({"admin"})),),
        )
        self.assertEqual(
            authorizations_of(in_one_text),
            (Authorization(frozenset({"ann", "bob"}), frozenset({"a", "b"}), require_outgoing=False),),
        )

    def test_rules_add_up(self) -> None:
        """All of them hold."""

        @authorize(roles=["a"])
        @authorize(roles=["b"])
        def marked() -> None: ...

        rules = [sorted(rule.roles) for rule in authorizations_of(marked)]
        self.assertEqual(rules, [["b"], ["a"]])

    def test_rules_of_a_base_are_its_own(self) -> None:
        """Marking a subclass leaves the base alone."""

        @authorize(roles=["a"])
        class Base:
            """Has a rule."""

        @authorize(roles=["b"])
        class Derived(Base):
            """Has another."""

        class Plain(Base):
            """Has none of its own."""

        self.assertEqual([sorted(rule.roles) for rule in authorizations_of(Base)], [["a"]])
        self.assertEqual([sorted(rule.roles) for rule in authorizations_of(Derived)], [["b"]])
        self.assertEqual(authorizations_of(Plain), ())

    def test_what_is_not_marked_has_no_rules(self) -> None:
        """Whatever it is."""
        for value in (None, 5, object, len, "text"):
            self.assertEqual(authorizations_of(value), ())
