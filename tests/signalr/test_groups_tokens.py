"""Tests for `twisted_ticker.signalr.groups_tokens`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr import groups_tokens
from twisted_ticker.signalr.errors import InvalidToken, OutdatedToken
from twisted_ticker.signalr.groups_tokens import GroupsTokens
from twisted_ticker.signalr.keys import KeyRing
from twisted_ticker.signalr.protocol.tokens import GROUPS_TOKEN, GroupsToken

PROTECTION = KeyRing.generate().protection(GROUPS_TOKEN)
ID = "2f1c7c5e-0f0e-4b8e-9d5e-7a2f3f0a1b2c"
OTHER_ID = "00000000-0f0e-4b8e-9d5e-7a2f3f0a1b2c"
LIFETIME = 600.0


class GroupsTokensTests(SynchronousTestCase):
    """Which groups tokens are good."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000.25)
        self.tokens = self.build_tokens()

    def build_tokens(self, lifetime: float = LIFETIME, epoch: str = "e1") -> GroupsTokens:
        """Those of one run of a server."""
        return GroupsTokens(PROTECTION, epoch=epoch, lifetime=lifetime, seconds=self.clock.seconds)

    def assertGood(self, token: str, connection_id: str = ID, user: str = "") -> GroupsToken:
        """The token brings its groups."""
        return self.tokens.read(token, connection_id, user)

    def assertOutdated(self, token: str, connection_id: str = ID, user: str = "") -> str:
        """The token was made here, and is refused; returns why."""
        error = self.assertRaises(OutdatedToken, self.tokens.read, token, connection_id, user)
        self.assertEqual(error.groups, ("chat.a", "chat.b"))
        return str(error)

    def make(self, connection_id: str = ID) -> str:
        """A token of two groups."""
        return self.tokens.make(connection_id, {"chat.a": 1, "chat.b": 2})

    def test_token_is_read_back(self) -> None:
        """It says whose it is, when it was made, in which run of the server, and the groups."""
        token = self.assertGood(self.make())
        self.assertEqual(token, GroupsToken(ID, "e1", 1_700_000_000_250_000, {"chat.a": 1, "chat.b": 2}))

    def test_token_expires(self) -> None:
        """It is good for its lifetime, and not any longer."""
        token = self.make()
        self.clock.advance(LIFETIME)
        self.assertGood(token)
        self.clock.advance(0.001)
        self.assertIn("too old", self.assertOutdated(token))
        self.clock.advance(10**9)
        self.assertOutdated(token)

    def test_expiry_survives_a_restart(self) -> None:
        """Another run of the server accepts tokens of this one for as long."""
        token = self.make()
        self.tokens = self.build_tokens(epoch="e2")
        self.assertEqual(self.assertGood(token).epoch, "e1")
        self.clock.advance(LIFETIME + 1)
        self.assertOutdated(token)

    def test_token_from_the_future(self) -> None:
        """One made by a server whose clock is a little ahead is good; one made in another year is not."""
        for ahead, good in ((LIFETIME - 1, True), (LIFETIME + 1, False)):
            token = GroupsToken(ID, "e", round((self.clock.seconds() + ahead) * 1e6), {"chat.a": 0, "chat.b": 0})
            (self.assertGood if good else self.assertOutdated)(token.encode(PROTECTION))

    def test_connection_is_revoked(self) -> None:
        """Its tokens from before are refused, those from after are good, at the same moment too; others' all are."""
        before, others = self.make(), self.make(OTHER_ID)
        self.tokens.revoke_connection(ID.upper())
        after = self.make()
        self.assertIn("revoked", self.assertOutdated(before))
        self.assertGood(after)
        self.assertGood(others, OTHER_ID)

    def test_user_is_revoked(self) -> None:
        """All tokens that he has from before are refused, on whatever connection, in whatever letter case."""
        before, others = self.make(), self.make(OTHER_ID)
        self.tokens.revoke_user("Ann")
        after = self.make()
        self.assertOutdated(before, user="ANN")
        self.assertOutdated(others, OTHER_ID, user="ann")
        self.assertGood(before, user="bob")
        self.assertGood(before, user="")
        self.assertGood(after, user="ann")

    def test_user_and_connection_of_one_name(self) -> None:
        """A user who is named like a connection is not taken for it."""
        token = self.make()
        self.tokens.revoke_user(ID)
        self.assertGood(token)

    def test_clock_that_is_set_back(self) -> None:
        """What was revoked stays revoked, and what is made after it is good."""
        before = self.make()
        self.tokens.revoke_connection(ID)
        self.clock.rightNow -= 3600
        self.assertOutdated(before)
        self.assertGood(self.make())

    def test_revocations_are_forgotten_with_the_tokens(self) -> None:
        """What is remembered of a revocation goes when the tokens that it is about are too old anyway."""
        for number in range(100):
            self.tokens.revoke_connection(f"c{number}")
        self.clock.advance(LIFETIME + 1)
        self.tokens.revoke_connection(ID)
        self.assertEqual(len(self.tokens._revoked), 1)

    def test_more_revocations_than_are_remembered(self) -> None:
        """Memory is bounded, and nothing that was revoked becomes good by that; later tokens are not touched."""
        self.patch(groups_tokens, "_MAX_REVOCATIONS", 10)
        revoked, bystander = self.make(), self.make(OTHER_ID)
        self.tokens.revoke_connection(ID)
        for number in range(9):
            self.tokens.revoke_connection(f"c{number}")
        self.assertGood(bystander, OTHER_ID)
        later = self.make(OTHER_ID)
        for number in range(9, 13):
            self.tokens.revoke_connection(f"c{number}")
        self.assertEqual(len(self.tokens._revoked), 10)
        self.assertOutdated(revoked)
        # To be safe, not because it was revoked.
        self.assertOutdated(bystander, OTHER_ID)
        self.assertGood(later, OTHER_ID)

    def test_revoking_again_and_again(self) -> None:
        """One connection takes one place, however often its groups change."""
        for _ in range(1000):
            self.tokens.revoke_connection(ID)
        self.assertEqual(len(self.tokens._revoked), 1)

    def test_foreign_tokens(self) -> None:
        """Another connection's token, and what is no token, are not outdated but invalid."""
        for token in (self.make(OTHER_ID), "garbage", "", PROTECTION.protect("nonsense")):
            error = self.assertRaises(InvalidToken, self.tokens.read, token, ID, "")
            self.assertNotIsInstance(error, OutdatedToken)

    @given(
        st.lists(
            st.one_of(
                st.tuples(st.just("make"), st.sampled_from("ab")),
                st.tuples(st.just("revoke connection"), st.sampled_from("ab")),
                st.tuples(st.just("revoke user"), st.sampled_from("xy")),
                st.tuples(st.just("wait"), st.sampled_from([0.0, 1.0, LIFETIME])),
            ),
            max_size=30,
        )
    )
    def test_exactly_what_is_young_and_not_revoked_is_good(self, steps: list[tuple[str, str | float]]) -> None:
        """Whatever happens in whatever order, at whatever pace: a token is good until it is too old or revoked."""
        clock = Clock()
        tokens = GroupsTokens(PROTECTION, epoch="e", lifetime=LIFETIME, seconds=clock.seconds)
        owners = {"a": "x", "b": "y"}
        made: list[tuple[str, str, float]] = []
        gone: set[str] = set()
        for action, subject in steps:
            if action == "make":
                token = tokens.make(str(subject), {"g": 0})
                made.append((token, str(subject), clock.seconds()))
            elif action == "wait":
                clock.advance(float(subject))
            elif action == "revoke connection":
                tokens.revoke_connection(str(subject))
                gone |= {token for token, owner, _ in made if owner == subject}
            else:
                tokens.revoke_user(str(subject))
                gone |= {token for token, owner, _ in made if owners[owner] == subject}
            for token, owner, at in made:
                try:
                    tokens.read(token, owner, owners[owner])
                    good = True
                except OutdatedToken:
                    good = False
                self.assertEqual(good, token not in gone and clock.seconds() - at <= LIFETIME)
