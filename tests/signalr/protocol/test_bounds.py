"""Tests for `twisted_ticker.signalr.protocol.bounds`."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.protocol.bounds import holds_more_values, is_deeper

#: Texts that look like what is around them.
TRICKY = st.text(st.sampled_from('",[]{}:\\aé\u2028')) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TRICKY,
    lambda members: st.lists(members) | st.dictionaries(TRICKY, members),
)


def values(value: Any) -> int:
    """How many values there are, the outermost and empty containers included."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(values, members))


def depth(value: Any) -> int:
    """How deeply containers are nested."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if members is None else 1 + max(map(depth, members), default=0)


def empty_containers(value: Any) -> int:
    """How many arrays and objects have nothing in them."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if members is None else 1 if not members else sum(map(empty_containers, members))


class HoldsMoreValuesTests(SynchronousTestCase):
    """How many values a text holds."""

    @given(JSON, st.booleans(), st.sampled_from([None, 1]))
    def test_values_are_counted(self, value: Any, escaped: bool, indent: int | None) -> None:
        """Those of texts and names do not count, however they are written; empty containers may count twice."""
        text = json.dumps(value, ensure_ascii=escaped, indent=indent)
        count = values(value)
        self.assertFalse(holds_more_values(text, count + empty_containers(value)))
        if count > 1:
            self.assertTrue(holds_more_values(text, count - 1))

    @given(st.text(st.sampled_from('",[]{}:\\a0 ')), st.integers(1, 5))
    def test_what_is_no_json(self, text: str, limit: int) -> None:
        """It is counted without complaint."""
        self.assertIn(holds_more_values(text, limit), (True, False))

    def test_texts_that_look_like_values(self) -> None:
        """A long text with commas and brackets in it is one value."""
        for text in (",[{" * 10_000, r"\",[" * 10_000, r"\\" * 10_001, r"\u0022,[" * 10_000):
            with self.subTest(text=text[:10]):
                self.assertFalse(holds_more_values(f'["{text}"]', 2))

    def test_many_texts(self) -> None:
        """Empty ones, and names of members."""
        empty = '"",'
        self.assertTrue(holds_more_values(f"[{empty * 100}0]", 100))
        self.assertFalse(holds_more_values(f"[{empty * 98}0]", 100))
        members = ",".join(f'"{number}":"x"' for number in range(99))
        self.assertFalse(holds_more_values(f"{{{members}}}", 100))

    def test_before_the_first_error(self) -> None:
        """What comes before something that is no JSON counts; nobody hides it behind a quote."""
        for end in ('"', r"\"", r"\\\"", "}}]", '"' * 1000):
            self.assertTrue(holds_more_values(f"[{'0,' * 200}{end}", 100))


class IsDeeperTests(SynchronousTestCase):
    """How deeply a text is nested."""

    @given(JSON, st.booleans())
    def test_depth(self, value: Any, escaped: bool) -> None:
        """Brackets in texts do not count."""
        text = json.dumps(value, ensure_ascii=escaped).encode()
        exact = depth(value)
        self.assertFalse(is_deeper(text, exact))
        if exact:
            self.assertTrue(is_deeper(text, exact - 1))

    def test_wide_and_deep(self) -> None:
        """Width does not matter."""
        deep = b"[" * 19 + b"{}" + b"]" * 19
        self.assertFalse(is_deeper(b"[" + b",".join([deep[1:-1]] * 1000) + b"]", 20))
        self.assertTrue(is_deeper(b"[" + b",".join([b"0"] * 1000 + [deep]) + b"]", 20))
