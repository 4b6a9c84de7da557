"""Fuzzing of everything that takes apart what clients send: nothing raises what it must not, nothing takes long."""

from __future__ import annotations

import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import twisted_ticker
from tests.fuzz.explorer import Explorer
from tests.fuzz.targets import TARGETS
from tests.integration.scale import scaled

#: Files of the product, whose code counts.
PRODUCT = str(Path(twisted_ticker.__file__).parent)

#: Inputs for each target: a second or less, or half a minute.
ROUNDS = scaled(2_000, 150_000)

#: The inputs of one run are always the same.
SEED = 20140402

#: More than any input of a few kilobytes takes, traced, on a busy machine.
MOST_SECONDS = 1.0


class FuzzTests(SynchronousTestCase):
    """Each target."""

    def fuzz(self, name: str) -> None:
        """Explore a target, and look at the time that each input takes."""
        target = TARGETS[name]

        def timed(data: bytes) -> None:
            began = time.process_time()
            target.call(data)
            if time.process_time() - began > MOST_SECONDS:
                raise AssertionError("It took too long.")

        explorer = Explorer(timed, target.seeds, target.words, path=PRODUCT, seed=SEED)
        explorer.explore(ROUNDS)
        # It has been where it was meant to be.
        self.assertNotEqual(explorer.reached, set())

    def test_every_target_is_fuzzed(self) -> None:
        """None is forgotten below."""
        self.assertEqual({f"test_{name}" for name in TARGETS} - set(dir(self)), set())

    def test_simple_request(self) -> None:
        """What the lean way takes for a request is one to Twisted's parser, too, and the same."""
        self.fuzz("simple_request")

    def test_request(self) -> None:
        """What is read to the letter is one request to Twisted's parser, however it came."""
        self.fuzz("request")

    def test_parameters(self) -> None:
        """Queries, forms and headers."""
        self.fuzz("parameters")

    def test_invocation(self) -> None:
        """Calls of hubs, and the answers to them."""
        self.fuzz("invocation")

    def test_argument(self) -> None:
        """Arguments of all types."""
        self.fuzz("argument")

    def test_tokens(self) -> None:
        """Connection tokens and groups tokens."""
        self.fuzz("tokens")

    def test_cursor(self) -> None:
        """Message ids."""
        self.fuzz("cursor")

    def test_scripts(self) -> None:
        """Callbacks, and what stands in a page."""
        self.fuzz("scripts")

    def test_handshake(self) -> None:
        """Lists of hubs, and versions."""
        self.fuzz("handshake")

    def test_redaction(self) -> None:
        """What goes into the log."""
        self.fuzz("redaction")
