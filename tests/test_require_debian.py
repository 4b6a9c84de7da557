"""Tests for `tools.require_debian`: on a machine that has nothing but what the test gives it."""

from __future__ import annotations

import os
import shutil
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tools import require_debian


class RequireDebianTests(SynchronousTestCase):
    """
    Tests for `main`.

    Its machine has one directory of programs, which are empty files, and apt-get, which is a method.
    """

    def setUp(self) -> None:
        self.commands: list[list[str]] = []
        #: What apt-get can install.
        self.offered = set(require_debian.PROGRAMS)
        #: Whether root can write no files that are not of a package.
        self.is_read_only = False
        #: Whether a package could have started a service while it was being installed.
        self.services_may_start: list[bool] = []
        self.programs = Path(self.mktemp()).absolute()
        self.programs.mkdir()
        self.policy = self.programs.parent / f"{self.programs.name}-policy"
        self.output = StringIO()
        self.patch(os, "environ", {"PATH": str(self.programs)})
        self.patch(require_debian, "SERVER_DIRECTORIES", ())
        self.patch(require_debian, "POLICY", self.policy)
        self.patch(require_debian.os, "geteuid", lambda: 0)
        self.patch(require_debian.subprocess, "run", self.run_command)
        self.patch(require_debian.sys, "stdout", self.output)
        self.patch(require_debian.sys, "stderr", self.output)
        self.put("apt-get")

    def put(self, *names: str) -> None:
        """Make programs."""
        for name in names:
            path = self.programs / name
            path.touch()
            path.chmod(0o755)

    def run_command(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """Do what a command would do on this machine."""
        self.commands.append(command)
        if command[:1] == ["sudo"]:
            command = command[2:]
        match command:
            case ["true"] | ["env", _, "apt-get", "update"]:
                pass
            case ["install", "--mode=755", source, target]:
                if self.is_read_only:
                    raise subprocess.CalledProcessError(1, command)
                shutil.copyfile(source, target)
            case ["rm", "--force", target]:
                os.unlink(target)
            case ["env", _, "apt-get", "install", "--yes", "--no-install-recommends", *packages]:
                self.services_may_start.append("exit 101" not in self.policy.read_text(encoding="ascii"))
                if not self.offered.issuperset(packages):
                    return subprocess.CompletedProcess(command, 100)
                self.put(*(require_debian.PROGRAMS[package][0] for package in packages))
            case _:
                raise AssertionError(f"There is no {command} here.")
        return subprocess.CompletedProcess(command, 0)

    @property
    def installed(self) -> list[list[str]]:
        """What apt-get was told to install, by run."""
        return [
            command[command.index("--no-install-recommends") + 1 :] for command in self.commands if "--yes" in command
        ]

    def test_all_there(self) -> None:
        """Where all programs are there, nothing is done or said."""
        self.put("google-chrome", "firefox", "nginx", "haproxy", "systemd-analyze", "gcc")
        self.assertEqual(require_debian.main(), 0)
        self.assertEqual((self.commands, self.output.getvalue()), ([], ""))

    def test_some_missing(self) -> None:
        """What is missing is installed, in one run, and no service is started by it."""
        self.put("chromium", "systemd-analyze")
        self.assertEqual(require_debian.main(), 0)
        self.assertEqual(self.installed, [["firefox-esr", "nginx", "haproxy", "build-essential"]])
        self.assertEqual(self.services_may_start, [False])
        self.assertFalse(self.policy.exists())

    def test_policy_is_kept(self) -> None:
        """A machine that has a policy for services keeps it."""
        self.policy.write_text("#!/bin/sh\nexit 101 # ours\n", encoding="ascii")
        self.assertEqual(require_debian.main(), 0)
        self.assertIn("ours", self.policy.read_text(encoding="ascii"))

    def test_sudo(self) -> None:
        """Whoever is not root uses sudo, if it asks nothing."""
        self.patch(require_debian.os, "geteuid", lambda: 1000)
        self.put("sudo")
        self.assertEqual(require_debian.main(), 0)
        self.assertEqual({tuple(command[:2]) for command in self.commands}, {("sudo", "--non-interactive")})
        self.assertEqual(self.installed, [list(require_debian.PROGRAMS)])

    def test_not_allowed(self) -> None:
        """Where nothing can be installed, one sentence names all that is missing."""
        self.patch(require_debian.os, "geteuid", lambda: 1000)
        self.put("chromium", "haproxy", "systemd-analyze", "gcc")
        self.assertEqual(require_debian.main(), 1)
        self.assertEqual(
            self.output.getvalue(),
            "The integration tests need firefox-esr, nginx: install what is missing "
            "(on Debian: apt-get install firefox-esr nginx).\n",
        )
        self.assertEqual(self.commands, [])

    def test_failure(self) -> None:
        """An installation that fails is one more reason for that sentence, and leaves no policy behind."""
        self.offered = set()
        self.assertEqual(require_debian.main(), 1)
        sentence = self.output.getvalue().splitlines()[-1]
        for package in require_debian.PROGRAMS:
            self.assertIn(package, sentence)
        self.assertFalse(self.policy.exists())

    def test_no_policy_possible(self) -> None:
        """Where services could not be kept from starting, nothing is installed."""
        self.is_read_only = True
        self.assertEqual(require_debian.main(), 1)
        self.assertEqual(self.installed, [])

    def test_servers(self) -> None:
        """Servers are found where the path of an ordinary user does not lead."""
        servers = Path(self.mktemp()).absolute()
        servers.mkdir()
        self.put("nginx")
        (self.programs / "nginx").rename(servers / "nginx")
        self.assertIsNone(require_debian.find_program("nginx"))
        self.patch(require_debian, "SERVER_DIRECTORIES", (str(servers),))
        self.assertEqual(require_debian.find_program("nginx"), str(servers / "nginx"))
