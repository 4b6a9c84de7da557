"""
The Dockerfile, without Docker: what its build stage does is done to what it copies, and what it starts is started.

Its instructions are taken from the file; only the directories and the port are the test's.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.deployment import DEPLOY
from tests.integration.support import DEADLINE_SECONDS, PROJECT, SCRIPTS, Client, free_port, new_directory, wait_for
from tests.integration.test_packaging import npm_ci, run

PREFIX = "/opt/stockticker"
STATE = "/var/lib/stockticker"


@dataclass(frozen=True)
class Instruction:
    """An instruction of a Dockerfile: its name in capitals, its flags ``--…``, and the rest of its text."""

    name: str
    flags: tuple[str, ...]
    text: str


def instructions(text: str) -> Iterator[Instruction]:
    """The instructions of a Dockerfile, in order."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for logical in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if logical.strip():
            name, rest = logical.split(maxsplit=1)
            flags, rest = re.fullmatch(r"((?:--\S+\s+)*)(.*)", rest).groups()
            yield Instruction(name.upper(), tuple(flags.split()), rest)


@functools.cache
def stages() -> dict[str, list[Instruction]]:
    """The stages by name, without their FROM; the last one's name is empty."""
    found: dict[str, list[Instruction]] = {}
    for instruction in instructions((DEPLOY / "Dockerfile").read_text(encoding="utf-8")):
        if instruction.name == "FROM":
            name = instruction.text.partition(" AS ")[2]
            found[name] = []
        else:
            found[name].append(instruction)
    return found


def of_kind(stage: str, name: str) -> list[Instruction]:
    """The instructions of a stage that have this name."""
    return [instruction for instruction in stages()[stage] if instruction.name == name]


def only(stage: str, name: str) -> Instruction:
    """The one instruction of a stage that has this name."""
    [instruction] = of_kind(stage, name)
    return instruction


def ignore_rules() -> tuple[list[str], list[str]]:
    """What of the checkout is sent to the builder, and what of that is not: patterns."""
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    everything, *rules = [line for line in lines if line and not line.startswith("#")]
    if everything != "*":
        raise AssertionError("It must be said what is sent, not what is not.")
    return [rule[1:] for rule in rules if rule[0] == "!"], [rule for rule in rules if rule[0] != "!"]


def make_context() -> Path:
    """What the builder gets of the checkout."""
    context = new_directory()
    sent, withheld = ignore_rules()
    for name in sent:
        source, target = PROJECT / name, context / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            anywhere = [rule.removeprefix("**/") for rule in withheld if rule.startswith("**/")]
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(*anywhere))
        else:
            shutil.copyfile(source, target)
    for rule in withheld:
        for path in context.glob(rule):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return context


def copy(context: Path, instruction: Instruction, workdir: Path) -> None:
    """Do what COPY does."""
    *sources, target = instruction.text.split()
    for name in sources:
        source, destination = context / name, workdir / target
        if source.is_dir():
            shutil.copytree(source, destination, dirs_exist_ok=True)
        else:
            destination = destination / source.name if target.endswith("/") else destination
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, destination)


@functools.cache
def built() -> Path:
    """What the build stage leaves at :data:`PREFIX`, made once for all tests."""
    directory = new_directory()
    context, workdir, prefix = make_context(), directory / "build", directory / "prefix"
    path = os.pathsep.join([str(SCRIPTS), os.environ["PATH"]])
    for instruction in stages()["build"]:
        # What comes from the other image is what this machine has already.
        if instruction.name == "COPY" and not instruction.flags:
            copy(context, instruction, workdir)
        elif instruction.name == "RUN" and PREFIX in instruction.text:
            workdir.mkdir(exist_ok=True)
            command = instruction.text.replace(PREFIX, str(prefix))
            run("sh", "-ec", command, cwd=workdir, PATH=path, PYTHONPATH="", PIP_DISABLE_PIP_VERSION_CHECK="1")
    return prefix


class FileTests(SynchronousTestCase):
    """What the file says."""

    def test_copied_is_sent(self) -> None:
        """What is copied from the checkout is there, and is all that is sent to the builder."""
        copied = [
            source
            for instruction in of_kind("build", "COPY")
            if not instruction.flags
            for source in instruction.text.split()[:-1]
        ]
        self.assertEqual(sorted(ignore_rules()[0]), sorted(copied))
        self.assertEqual([source for source in copied if not (PROJECT / source).exists()], [])

    def test_copied_from_stages(self) -> None:
        """What is copied from a stage is copied from one that there is, above; of what we build, all and only that."""
        names = list(stages())
        self.assertEqual(names, ["node", "build", ""])
        for index, name in enumerate(names):
            for instruction in of_kind(name, "COPY"):
                for flag in instruction.flags:
                    self.assertIn(flag.removeprefix("--from="), names[:index])
        self.assertEqual(only("", "COPY"), Instruction("COPY", ("--from=build",), f"{PREFIX} {PREFIX}"))

    def test_same_python(self) -> None:
        """What is built by one Python is run by the same."""
        froms = [each for each in instructions((DEPLOY / "Dockerfile").read_text()) if each.name == "FROM"]
        pythons = [each.text.partition(" ")[0] for each in froms if each.text.startswith("python:")]
        self.assertEqual(len(pythons), 2)
        self.assertEqual(len(set(pythons)), 1)

    def test_not_root(self) -> None:
        """It runs as somebody who is made for it and owns the state, and is known to be not root by the number."""
        user = only("", "USER").text
        self.assertRegex(user, r"^[1-9]\d*$")
        [making] = [each for each in of_kind("", "RUN") if "useradd" in each.text]
        useradd, _, install = (shlex.split(part) for part in making.text.partition("&&"))
        self.assertEqual(useradd[useradd.index("--uid") + 1], user)
        self.assertIn(f"--owner={useradd[-1]}", install)
        self.assertEqual(install[-1], STATE)
        order = [each.name for each in stages()[""]]
        self.assertLess(order.index("RUN"), order.index("USER"))
        self.assertEqual(only("", "VOLUME").text, STATE)


class ContainerTests(SynchronousTestCase):
    """What it builds and starts."""

    def setUp(self) -> None:
        self.prefix = built()
        self.state = new_directory() / "state"
        self.port = free_port()

    def command(self, text: str) -> list[str]:
        """A command in exec form, which no shell gets to see, with the test's directories and port."""
        replaced = {PREFIX: str(self.prefix), STATE: str(self.state), "8080": str(self.port)}
        command: list[Any] = json.loads(text)
        for old, new in replaced.items():
            command = [str(part).replace(old, new) for part in command]
        return command

    def environment(self) -> dict[str, str]:
        """A proxy that leads nowhere, and nothing that would let the checkout in."""
        nowhere = "http://127.0.0.1:9"
        return {**os.environ, "PYTHONPATH": "", "http_proxy": nowhere, "HTTP_PROXY": nowhere}

    def is_healthy(self) -> bool:
        """What the health check says."""
        text = only("", "HEALTHCHECK").text
        command = self.command(re.sub(r"^CMD ", "", text))
        done = subprocess.run(
            command, env=self.environment(), capture_output=True, timeout=DEADLINE_SECONDS, check=False
        )
        return done.returncode == 0

    def test_life(self) -> None:
        """It starts, is found healthy, serves the pages and the hubs, logs JSON, and ends at SIGTERM."""
        self.assertFalse(self.is_healthy())
        options = json.loads(only("", "CMD").text)
        log = self.state.with_name("log")
        with log.open("wb") as output:
            server = subprocess.Popen(
                [*self.command(only("", "ENTRYPOINT").text), *options, "--open"],
                cwd=self.state.parent,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        try:
            wait_for("it is healthy", self.is_healthy)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text(encoding='utf-8')}") from None
        client = Client(self.port)
        self.assertEqual(client.invoke("getMarketState"), "Open")
        for name, content in npm_ci().items():
            self.assertEqual(client.request("GET", f"/vendor/{name}"), (200, content), name)
        self.assertEqual(client.request("GET", "/StockTicker.html")[0], 200)
        self.assertTrue((self.state / "keyring").exists())
        self.assertEqual(only("", "EXPOSE").text, "8080")

        server.terminate()
        self.assertEqual(server.wait(DEADLINE_SECONDS), 0)
        lines = log.read_text(encoding="utf-8").splitlines()
        self.assertEqual([line for line in lines if not isinstance(json.loads(line), dict)], [])
        # The list of plugins has been written down by the build: here nobody tries to.
        self.assertNotIn("plugin cache", log.read_text(encoding="utf-8"))

    def test_contents(self) -> None:
        """What is installed is the pinned dependencies and us; nothing of the checkout's own environment."""
        python = self.prefix / "bin" / "python"
        show = "import importlib.metadata as m; print(*sorted(d.name.lower() for d in m.distributions()))"
        names = run(python, "-c", show, cwd=self.state.parent, PYTHONPATH="").split()
        pinned = re.findall(r"(?m)^([\w.-]+)(?:\[\w+\])?==", (PROJECT / "requirements.txt").read_text(encoding="utf-8"))
        normal = {re.sub(r"[-_.]+", "-", name.lower()) for name in [*pinned, "twisted-ticker"]}
        self.assertEqual({re.sub(r"[-_.]+", "-", name) for name in names}, normal)
        site_packages = sysconfig.get_path("purelib", vars={"base": str(self.prefix)})
        self.assertTrue(Path(site_packages, "twisted", "plugins", "dropin.cache").exists())
