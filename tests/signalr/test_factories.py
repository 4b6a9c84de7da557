"""Tests for `twisted_ticker.signalr.factories`."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr import ConfigurationError, Hub, PersistentConnection
from twisted_ticker.signalr.factories import class_made_by


class RoomHub(Hub):
    """Needs something when it is made, and can be made without."""

    made = 0

    def __init__(self, room: str = "hall") -> None:
        RoomHub.made += 1


class Untouchable(type):
    """Classes that must not be instantiated to find out what they are."""

    def __call__(cls) -> Any:
        raise AssertionError("It was called.")


class ShyHub(Hub, metaclass=Untouchable):
    """Is known without being made."""


class ClassMadeByTests(SynchronousTestCase):
    """Tests for `class_made_by`."""

    def test_the_class_is_found(self) -> None:
        """Of a class, partial calls of one, and anything else that makes instances."""
        self.patch(RoomHub, "made", 0)
        for factory in (RoomHub, partial(RoomHub, "x"), partial(partial(RoomHub), room="y"), lambda: RoomHub("z")):
            self.assertIs(class_made_by(factory, Hub), RoomHub)
        self.assertEqual(RoomHub.made, 1)
        self.assertIs(class_made_by(partial(ShyHub), Hub), ShyHub)

    def test_what_makes_something_else(self) -> None:
        """Classes of another kind, the base itself, instances, and what cannot be called; the text says what to do."""
        wrong: list[Any] = [Hub, PersistentConnection, int, partial(dict), lambda: None, "RoomHub", None, RoomHub()]
        for factory in wrong:
            error = self.assertRaises(ConfigurationError, class_made_by, factory, Hub)
            self.assertEqual(
                str(error), f"{factory!r} makes no Hub: map subclasses of twisted_ticker.signalr.Hub.", factory
            )

    def test_what_cannot_be_called(self) -> None:
        """Arguments that nobody will give, and calls that fail, are noticed when it is mapped."""

        def broken() -> Hub:
            raise OSError("No rooms left.")

        def needy(room: str) -> Hub:
            return RoomHub(room)

        class NeedyHub(Hub):
            def __init__(self, room: str) -> None:
                """Cannot be made without."""

        cases: list[tuple[Any, str]] = [
            (broken, "fails when it is called: OSError('No rooms left.')."),
            (needy, "cannot be called without arguments: missing a required argument: 'room'."),
            (NeedyHub, "cannot be called without arguments: missing a required argument: 'room'."),
        ]
        for factory, text in cases:
            error = self.assertRaises(ConfigurationError, class_made_by, factory, Hub)
            self.assertIn(f"{factory!r} {text}", str(error))
        self.assertIs(class_made_by(partial(needy, "x"), Hub), RoomHub)

    def test_what_is_wanted_is_said(self) -> None:
        """Hubs and raw connections are mapped in different ways."""
        error = self.assertRaises(ConfigurationError, class_made_by, RoomHub, PersistentConnection)
        self.assertIn("map subclasses of twisted_ticker.signalr.PersistentConnection.", str(error))
