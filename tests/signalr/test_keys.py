"""Tests for `twisted_ticker.signalr.keys`."""

from __future__ import annotations

import base64
import os
import string
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.errors import ConfigurationError, InvalidToken
from twisted_ticker.signalr.keys import KEY_FILE_NAME, FernetProtection, KeyRing

ALPHABET = string.ascii_letters + string.digits + "-_"

OLD_KEY, NEW_KEY = b"o" * 32, b"n" * 32

PROTECTION = KeyRing.generate().protection("test")
# One of each length modulo 3: base 64 ends with a full character, or with one that has 2 or 4 bits to spare.
TOKENS = [PROTECTION.protect("x" * length) for length in (0, 16, 32)]


class ProtectionTestCase(SynchronousTestCase):
    """Tells good tokens from bad ones."""

    def assertRefused(self, token: str, protection: FernetProtection = PROTECTION) -> None:
        """The token is not accepted, and that is told by the one error that callers expect."""
        try:
            text = protection.unprotect(token)
        except InvalidToken:
            return
        self.fail(f"{token!r} was accepted, as {text!r}")


class ProtectionTests(ProtectionTestCase):
    """Tokens."""

    @settings(deadline=None)
    @given(st.text(st.characters(codec="utf-8")))
    def test_text_is_read_back(self, text: str) -> None:
        """What was protected comes out again, and travels through URLs without being escaped."""
        token = PROTECTION.protect(text)
        self.assertEqual(PROTECTION.unprotect(token), text)
        self.assertEqual(set(token) - set(ALPHABET), set())

    def test_text_cannot_be_seen(self) -> None:
        """A token tells nothing, not even whether two texts are the same."""
        first, second = PROTECTION.protect("alice"), PROTECTION.protect("alice")
        self.assertNotEqual(first, second)
        self.assertNotIn(b"alice", base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))

    def test_purposes_are_apart(self) -> None:
        """A token made for one purpose is nothing for another one."""
        ring = KeyRing.generate()
        token = ring.protection("SignalR.ConnectionToken").protect("alice")
        self.assertRefused(token, ring.protection("SignalR.Groups.v1.1"))
        self.assertRefused(token, ring.protection(""))
        self.assertEqual(ring.protection("SignalR.ConnectionToken").unprotect(token), "alice")

    def test_every_change_of_one_character_is_refused(self) -> None:
        """There is no position at which a token can be changed, the last one included."""
        token = TOKENS[0]
        for position, original in enumerate(token):
            for other in ALPHABET.replace(original, ""):
                self.assertRefused(token[:position] + other + token[position + 1 :])

    def test_last_character_has_one_spelling(self) -> None:
        """Bits to which base 64 gives no meaning cannot be used to spell a token differently."""
        for token in TOKENS:
            for other in ALPHABET.replace(token[-1], ""):
                self.assertRefused(token[:-1] + other)

    def test_other_spellings_are_refused(self) -> None:
        """What lenient decoders skip or translate is not accepted."""
        for token in TOKENS:
            changes = [token + "=", token + "==", token + "====", token + "\n", " " + token, token + "A", token[:-1]]
            changes += [token[:9] + filler + token[9:] for filler in (" ", "\r\n", "=", "!", "%2D", "é", "\0", ".")]
            for changed in changes:
                self.assertRefused(changed)

    def test_alphabet_is_the_url_safe_one(self) -> None:
        """The other two letters of base 64 are not read as ours."""
        token = next(made for made in iter(lambda: PROTECTION.protect("x"), None) if "-" in made and "_" in made)
        self.assertEqual(PROTECTION.unprotect(token), "x")
        self.assertRefused(token.replace("-", "+"))
        self.assertRefused(token.replace("_", "/"))

    @settings(deadline=None)
    @given(st.one_of(st.text(), st.text(ALPHABET), st.integers(0, 200).map(lambda length: TOKENS[1][:length])))
    def test_garbage_is_refused(self, token: str) -> None:
        """Texts that are no tokens raise the error that says so, and no other."""
        if token not in TOKENS:
            self.assertRefused(token)

    def test_length_is_limited(self) -> None:
        """A token that just fits into 16384 characters is read, the next longer one is not."""
        longest = "x" * (764 * 16 - 1)
        token = PROTECTION.protect(longest)
        self.assertEqual(len(token), 16375)
        self.assertEqual(PROTECTION.unprotect(token), longest)
        token = PROTECTION.protect(longest + "x")
        self.assertEqual(len(token), 16396)
        self.assertRefused(token)


class KeyRingTests(ProtectionTestCase):
    """Keys in memory."""

    def test_rings_do_not_accept_each_others_tokens(self) -> None:
        """Every generated ring is another one."""
        token = KeyRing.generate().protection("p").protect("x")
        self.assertRefused(token, KeyRing.generate().protection("p"))

    def test_older_keys_still_unprotect(self) -> None:
        """A new key can be put first without turning clients away."""
        token = KeyRing([OLD_KEY]).protection("p").protect("x")
        self.assertEqual(KeyRing([NEW_KEY, OLD_KEY]).protection("p").unprotect(token), "x")

    def test_newest_key_protects(self) -> None:
        """Tokens are made with the first key only."""
        token = KeyRing([NEW_KEY, OLD_KEY]).protection("p").protect("x")
        self.assertEqual(KeyRing([NEW_KEY]).protection("p").unprotect(token), "x")
        self.assertRefused(token, KeyRing([OLD_KEY]).protection("p"))

    def test_unusable_keys_are_refused(self) -> None:
        """A ring has at least one key, and each has 32 bytes."""
        for keys in ([], [b""], [b"x" * 31], [b"x" * 33], [OLD_KEY, b"short"]):
            self.assertRaises(ConfigurationError, KeyRing, keys)


class EndOfKeyTests(ProtectionTestCase):
    """Keys that are good for a while."""

    def setUp(self) -> None:
        self.clock = Clock()

    def protection(self, *, old_ends: float | None = None) -> FernetProtection:
        """That of a ring with a new key and an old one, which may end."""
        ends = {} if old_ends is None else {OLD_KEY: old_ends}
        return KeyRing([NEW_KEY, OLD_KEY], ends=ends, seconds=self.clock.seconds).protection("p")

    def test_key_ends(self) -> None:
        """To the moment when it does, what it has protected is accepted, and from then on no more."""
        token = KeyRing([OLD_KEY]).protection("p").protect("x")
        protection = self.protection(old_ends=100)
        self.clock.advance(99)
        self.assertEqual((protection.unprotect(token), protection.keys_gone), ("x", 0))
        self.clock.advance(1)
        self.assertRefused(token, protection)
        self.assertEqual(protection.keys_gone, 1)
        # A clock that is set back does not bring it back.
        self.clock.rightNow = 50
        self.assertRefused(token, protection)
        self.assertEqual(protection.unprotect(protection.protect("y")), "y")

    def test_key_that_has_ended_before(self) -> None:
        """It does not count from the start."""
        token = KeyRing([OLD_KEY]).protection("p").protect("x")
        self.assertRefused(token, self.protection(old_ends=-1))

    def test_keys_do_not_end_by_themselves(self) -> None:
        """Without a word, a key is good for ever."""
        token = KeyRing([OLD_KEY]).protection("p").protect("x")
        protection = self.protection()
        self.clock.advance(1e10)
        self.assertEqual((protection.unprotect(token), protection.keys_gone), ("x", 0))

    def test_newest_key_does_not_end(self) -> None:
        """There would be nothing to protect with."""
        self.assertRaises(ConfigurationError, KeyRing, [NEW_KEY, OLD_KEY], ends={NEW_KEY: 1e10})


class KeyRingFileTests(ProtectionTestCase):
    """Keys that survive the process."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()) / "new" / "state"
        self.file = self.directory / KEY_FILE_NAME

    def write(self, content: bytes) -> None:
        """Put a key file there."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.file.write_bytes(content)

    def assertUnusable(self, path: Path, text: str) -> None:
        """The ring cannot be opened, and the error names the file."""
        error = self.assertRaises(ConfigurationError, KeyRing.open, path)
        self.assertIn(text, str(error))
        self.assertIn(str(path / KEY_FILE_NAME), str(error))

    def test_file_is_made_for_its_owner_only(self) -> None:
        """Nobody else can read the file or look into its directory; nothing else is left there."""
        KeyRing.open(self.directory)
        self.assertEqual(self.directory.stat().st_mode & 0o777, 0o700)
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        self.assertEqual(os.listdir(self.directory), [KEY_FILE_NAME])

    def test_reopened_ring_accepts_old_tokens(self) -> None:
        """Clients survive a restart of the server."""
        token = KeyRing.open(self.directory).protection("p").protect("x")
        content = self.file.read_bytes()
        self.assertEqual(KeyRing.open(str(self.directory)).protection("p").unprotect(token), "x")
        self.assertEqual(self.file.read_bytes(), content)

    def test_each_directory_has_its_own_key(self) -> None:
        """Servers that share no file do not accept each other's tokens."""
        token = KeyRing.open(self.directory).protection("p").protect("x")
        self.assertRefused(token, KeyRing.open(self.mktemp()).protection("p"))

    def test_file_has_one_key_a_line_newest_first(self) -> None:
        """Whoever rolls keys over writes a new line on top."""
        self.write(base64.urlsafe_b64encode(NEW_KEY) + b"\n\n" + base64.urlsafe_b64encode(OLD_KEY))
        ring = KeyRing.open(self.directory)
        token = ring.protection("p").protect("x")
        self.assertEqual(KeyRing([NEW_KEY]).protection("p").unprotect(token), "x")
        old_token = KeyRing([OLD_KEY]).protection("p").protect("y")
        self.assertEqual(ring.protection("p").unprotect(old_token), "y")

    def test_line_may_say_when_its_key_ends(self) -> None:
        """Behind the key stands a time, with its offset from UTC."""
        token = KeyRing([OLD_KEY]).protection("p").protect("x")
        for end, good in (("2999-12-31T23:59:59Z", True), ("2020-01-01T02:00:00+02:00", False)):
            old_key = base64.urlsafe_b64encode(OLD_KEY)
            self.write(base64.urlsafe_b64encode(NEW_KEY) + b"\n" + old_key + b" \t" + end.encode() + b"\n")
            protection = KeyRing.open(self.directory).protection("p")
            if good:
                self.assertEqual(protection.unprotect(token), "x")
            else:
                self.assertRefused(token, protection)

    def test_of_two_servers_starting_together_one_wins(self) -> None:
        """Who comes second uses the key that is there, and leaves nothing behind."""
        link = os.link

        def come_second(source: str, target: Path) -> None:
            target.write_bytes(base64.urlsafe_b64encode(OLD_KEY))
            link(source, target)

        self.patch(os, "link", come_second)
        token = KeyRing.open(self.directory).protection("p").protect("x")
        self.assertEqual(KeyRing([OLD_KEY]).protection("p").unprotect(token), "x")
        self.assertEqual(os.listdir(self.directory), [KEY_FILE_NAME])

    def test_damaged_file_is_an_error(self) -> None:
        """It is never replaced, since that would turn all clients away."""
        good = base64.urlsafe_b64encode(OLD_KEY)
        second = base64.urlsafe_b64encode(NEW_KEY)
        times = (b"soon", b"2999-01-01", b"2999-01-01T00:00:00", b"2999-01-01T00:00:00Z more", good)
        # Of the second key; and one of the first, which may have none.
        ends = [second + b"\n" + good + b" " + time for time in times] + [good + b" 2999-01-01T00:00:00Z"]
        for content in (b"", b"\n", b"garbage", good[:-2], good[4:], good + b"\nx", b"\xff" + good, *ends):
            self.write(content)
            self.assertUnusable(self.directory, "key ring")
            self.assertEqual(self.file.read_bytes(), content)

    def test_unusable_directory_is_an_error(self) -> None:
        """A file in the directory's place, or a directory in the file's, is told in words."""
        in_the_way = Path(self.mktemp())
        in_the_way.write_text("")
        for path in (in_the_way, in_the_way / "below"):
            self.assertUnusable(path, "cannot be used")
        self.file.mkdir(parents=True)
        self.assertUnusable(self.directory, "cannot be used")
