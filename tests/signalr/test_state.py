"""Tests for `twisted_ticker.signalr.state`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.state import CallerState


class CallerStateTests(SynchronousTestCase):
    """Values that travel with a caller."""

    def test_values_are_found_by_item_and_by_attribute(self) -> None:
        """Keys are those that the client sent, by exact case."""
        state = CallerState({"Company": "acme", "x": 1})
        self.assertEqual((state["Company"], state.Company), ("acme", "acme"))
        self.assertEqual((list(state), len(state)), (["Company", "x"], 2))
        self.assertNotIn("company", state)

    def test_unknown_values_are_none_as_attributes_only(self) -> None:
        """As items they are missing, as in any mapping."""
        state = CallerState()
        self.assertIsNone(state.anything)
        self.assertRaises(KeyError, lambda: state["anything"])
        self.assertEqual(state.get("anything", 5), 5)

    def test_nothing_has_changed_at_first(self) -> None:
        """What the client sent is not sent back."""
        self.assertIsNone(CallerState().changes())
        self.assertIsNone(CallerState({"Company": "old", "x": 1}).changes())

    def test_changes_are_what_differs(self) -> None:
        """Only changed and new keys go back, in the order of the state."""
        state = CallerState({"Company": "old", "x": 1, "y": 2})
        state.Company = "acme"
        state["x"] = 1
        state.z = None
        state["é\u2028"] = ["\u2028"]
        self.assertEqual(state.changes(), b'{"Company":"acme","z":null,"\xc3\xa9\\u2028":["\\u2028"]}')

    def test_values_differ_by_their_json(self) -> None:
        """Another number that is written differently is a change; an equal value is none."""
        state = CallerState({"a": 1, "b": {"c": [1, 2]}})
        state.b = {"c": (1, 2)}
        self.assertIsNone(state.changes())
        state.a = 1.0
        self.assertEqual(state.changes(), b'{"a":1.0}')

    def test_changes_inside_of_a_value_count(self) -> None:
        """A list that was received may be added to."""
        state = CallerState({"names": ["ann"]})
        state.names.append("bob")
        self.assertEqual(state.changes(), b'{"names":["ann","bob"]}')

    def test_changes_are_from_what_was_received(self) -> None:
        """However often they have been sent: a value that is back where it was is no change."""
        state = CallerState({"index": 0})
        for value, changes in ((1, b'{"index":1}'), (1, b'{"index":1}'), (2, b'{"index":2}'), (0, None)):
            state.index = value
            self.assertEqual(state.changes(), changes)

    def test_key_that_is_deleted_becomes_null(self) -> None:
        """The client merges, so a key cannot be taken back."""
        state = CallerState({"a": 1, "b": 2})
        del state["a"]
        self.assertEqual(state.pop("b"), 2)
        self.assertEqual(dict(state), {"a": None, "b": None})
        self.assertEqual(state.changes(), b'{"a":null,"b":null}')

    def test_clear_makes_all_keys_null(self) -> None:
        """It comes to an end, although keys cannot be taken back."""
        patience = iter(range(100))

        class Watched(CallerState):
            __slots__ = ()

            def __delitem__(self, key: str) -> None:
                if next(patience, None) is None:
                    raise AssertionError("clear() does not end")
                super().__delitem__(key)

        state = Watched({"a": 1, "b": 2})
        state.clear()
        self.assertEqual(state.changes(), b'{"a":null,"b":null}')

    def test_received_values_are_copied(self) -> None:
        """The state is no view of what was received."""
        received = {"a": 1}
        CallerState(received).a = 2
        self.assertEqual(received, {"a": 1})

    def test_value_that_json_cannot_express_is_refused(self) -> None:
        """It is found when changes are taken."""
        state = CallerState()
        state.a = object()
        self.assertRaises(TypeError, state.changes)

    def test_changes_that_could_not_be_taken_stay_changes(self) -> None:
        """Once the value that JSON cannot express is gone, nothing has got lost."""
        state = CallerState()
        state.good = 1
        state.bad = object()
        self.assertRaises(TypeError, state.changes)
        state.bad = 2
        self.assertEqual(state.changes(), b'{"good":1,"bad":2}')
