"""
A coverage-guided fuzzer: inputs that reach new code are kept, and changed further.

Code is what the interpreter traces: steps from one line to another, in files whose names begin with a given path.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Sequence
from types import FrameType
from typing import Any

__all__ = ["Explorer"]

#: Longer inputs are cut: what is hard on length is tried elsewhere, with inputs made for it.
_MAX_BYTES = 4096

_BYTES = bytes(range(256))

Step = tuple[str, int, int]


class Explorer:
    """
    Calls a target with ever new inputs.

    Args:
        target: what is tried; an exception of it is a finding.
        seeds: inputs to begin with.
        words: what inputs may be made of.
        path: beginning of the names of files whose code counts.
        seed: the same one, the same inputs.

    Attributes:
        corpus: the seeds, and the inputs that have reached something new.
        reached: all steps that have been reached.
    """

    def __init__(
        self, target: Callable[[bytes], None], seeds: Iterable[bytes], words: Sequence[bytes], *, path: str, seed: int
    ) -> None:
        self.corpus: list[bytes] = []
        self.reached: set[Step] = set()
        self._target = target
        self._seeds = list(seeds)
        self._words = words
        self._path = path
        self._chance = random.Random(seed)
        self._new: set[Step] = set()

    def explore(self, rounds: int) -> None:
        """Try the seeds, and that many other inputs; raises what the target raises, with the input in a note."""
        for data in self._seeds:
            self._try(data)
            self.corpus.append(data)
        for _ in range(rounds):
            self._try(self._changed(self._chance.choice(self.corpus)))

    def _try(self, data: bytes) -> None:
        self._new.clear()
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            self._target(data)
        except Exception as error:
            error.add_note(f"The input was {data!r}")
            raise
        finally:
            sys.settrace(before)
        if not self._new <= self.reached:
            self.reached |= self._new
            self.corpus.append(data)

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        file = frame.f_code.co_filename
        if not file.startswith(self._path):
            return None
        line = frame.f_lineno
        new = self._new

        def step(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal line
            if event == "line":
                new.add((file, line, frame.f_lineno))
                line = frame.f_lineno
            return step

        return step

    def _changed(self, data: bytes) -> bytes:
        for _ in range(self._chance.choice((1, 1, 1, 2, 3, 8))):
            start, end = sorted(self._chance.choices(range(len(data) + 1), k=2))
            data = (data[:start] + self._instead_of(data[start:end], start, end) + data[end:])[:_MAX_BYTES]
        return data

    def _instead_of(self, piece: bytes, start: int, end: int) -> bytes:
        chance = self._chance
        match chance.randrange(8):
            case 0:
                return b""
            case 1:
                return chance.choice(self._words)
            case 2:
                return bytes([chance.choice(_BYTES)]) + piece[1:]
            case 3:
                return piece * chance.choice((2, 3, 40))
            case 4:
                return piece[::-1]
            case 5:
                return piece.swapcase()
            case 6:
                return chance.choice(self.corpus)[start:end]
            case _:
                return piece + chance.choice(self._words)
