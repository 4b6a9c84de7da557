"""Tests for `twisted_ticker.checkers`."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.python.usage import Options, UsageError
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.checkers import AuthOption, CheckerUnusable, make_checker


class CheckerTestCase(SynchronousTestCase):
    """Has a file of passwords."""

    def setUp(self) -> None:
        self.file = Path(self.mktemp()).resolve()
        self.file.write_bytes(b"ann:secret\n\nbob:w\xc3\xb6rd \n")

    def assertAdmits(self, checker: Any, name: bytes, password: bytes) -> None:
        """It takes what a browser sends, which is bytes."""
        self.assertEqual(self.successResultOf(checker.requestAvatarId(UsernamePassword(name, password))), name)

    def assertRefuses(self, checker: Any, name: bytes, password: bytes) -> None:
        """It knows nobody of that name and password."""
        self.failureResultOf(checker.requestAvatarId(UsernamePassword(name, password)), UnauthorizedLogin)


class MakeCheckerTests(CheckerTestCase):
    """Tests for `make_checker`."""

    def refusal(self, specification: str) -> str:
        """Why a specification is refused; always one line, in which there is no password."""
        text = str(self.assertRaises(CheckerUnusable, make_checker, specification))
        self.assertEqual(len(text.splitlines()), 1)
        self.assertNotIn("secret", text)
        return text

    def test_file(self) -> None:
        """A line for each name; found after a change of directory, and read again when it changes."""
        checker = make_checker(f"file:{os.path.relpath(self.file)}")
        self.assertTrue(ICredentialsChecker.providedBy(checker))
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir("/")
        self.assertAdmits(checker, b"ann", b"secret")
        self.assertAdmits(checker, b"bob", b"w\xc3\xb6rd")
        self.assertRefuses(checker, b"ann", b"wrong")
        self.assertRefuses(checker, b"eve", b"secret")
        self.file.write_text("eve:apple\n")
        self.assertAdmits(checker, b"eve", b"apple")
        self.assertRefuses(checker, b"ann", b"secret")

    def test_memory(self) -> None:
        """Names and passwords in the option itself, for trials."""
        checker = make_checker("memory:ann:secret:jo\u00ebl:x")
        self.assertAdmits(checker, b"ann", b"secret")
        self.assertAdmits(checker, "jo\u00ebl".encode(), b"x")
        self.assertRefuses(checker, b"ann", b"x")

    def test_unix(self) -> None:
        """The system's accounts, which need no argument."""
        self.assertIn(IUsernamePassword, make_checker("unix").credentialInterfaces)

    def test_files_that_cannot_be_used(self) -> None:
        """One that is not there, is a directory, or says nothing that could be logged in by."""
        for path, text in (
            (f"{self.file}-missing", "No such file or directory."),
            (str(self.file.parent), "Is a directory."),
            ("", "Is a directory."),
        ):
            refusal = self.refusal(f"file:{path}")
            self.assertTrue(refusal.endswith(f"cannot be read: {text}"), refusal)
        line = "it must be name:password, without another colon."
        for content, text in (
            (b"", "has no line name:password."),
            (b"\n \n", "has no line name:password."),
            (b"ann:x\nann\n", f", line 2: {line}"),
            (b"ann:\n", f", line 1: {line}"),
            (b":secret\n", f", line 1: {line}"),
            (b"\nann:secret:word\n", f", line 2: {line}"),
            (b"ann:secret\nbob:x\nann:y\n", ", line 3: there is a line for this name already."),
            (b"\xff\xfe\x00", f", line 1: {line}"),
        ):
            self.file.write_bytes(content)
            refusal = self.refusal(f"file:{self.file}")
            self.assertEqual(refusal.replace("' has", "', has").partition("', ")[2], text.removeprefix(", "), content)

    def test_others_that_cannot_be_used(self) -> None:
        """Kinds that there are not, or that take no passwords, and arguments that are wrong."""
        kinds = "the kind before the first colon must be one of file, memory, unix."
        for specification in ("", "secret", "secret:word", "anonymous", "anonymous:x", "FILE:x", ":"):
            self.assertEqual(self.refusal(specification), kinds)
        for specification in ("memory", "memory:", "memory::secret", "memory:secret:"):
            self.assertIn("it needs names and passwords, as memory:name:password", self.refusal(specification))
        self.assertIn("'memory' cannot be used: ", self.refusal("memory:ann:secret:bob"))


class ProbeOptions(AuthOption):
    """A command with the option."""

    optParameters = [["other", None, None, "Something else."]]


class AuthOptionTests(CheckerTestCase):
    """Tests for `AuthOption`."""

    def parse(self, *arguments: str) -> Options:
        """Parse a command line."""
        options = ProbeOptions()
        options.parseOptions(arguments)
        return options

    def test_given(self) -> None:
        """The checker is among the options; without the option there is none."""
        self.assertAdmits(self.parse("--auth", f"file:{self.file}")["auth"], b"ann", b"secret")
        self.assertIsNone(self.parse()["auth"])

    def test_refused(self) -> None:
        """A usage error names the option, also if it is given twice."""
        for arguments, text in (
            (("--auth", "nonsense:1"), "--auth: the kind before the first colon must be one of file, memory, unix."),
            (("--auth", "memory:a:b", "--auth", "memory:c:d"), "--auth: it can be given only once."),
        ):
            self.assertEqual(str(self.assertRaises(UsageError, self.parse, *arguments)), text)

    def test_help(self) -> None:
        """The help tells of the option, and of the kinds; those that take no passwords are not told of."""
        text = " ".join(str(ProbeOptions()).split())
        self.assertIn("--auth=", text)
        self.assertIn("[default: everybody may]", text)
        output = StringIO()
        self.patch(AuthOption, "authOutput", output)
        self.assertRaises(SystemExit, self.parse, "--help-auth")
        for kind in ("file", "memory", "unix"):
            self.assertIn(f"  {kind}", output.getvalue())
        self.assertNotIn("anonymous", output.getvalue())
        self.assertRaises(SystemExit, self.parse, "--help-auth-type", "file")
        self.assertIn("username:password", output.getvalue())
