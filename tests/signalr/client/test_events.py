"""Tests for `twisted_ticker.signalr.client.events`."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.client.events import Event


class EventTests(SynchronousTestCase):
    """Who is told of an event."""

    def setUp(self) -> None:
        self.event: Event[[int]] = Event("test")
        self.told: list[object] = []

    def test_everybody_is_told(self) -> None:
        """In the order in which they asked, as often as they did, until they do not want to any more."""
        self.event.add(self.told.append)
        self.event.add(lambda number: self.told.append(-number))
        self.event.happen(1)
        self.event.remove(self.told.append)
        self.event.happen(2)
        self.assertEqual(self.told, [1, -1, -2])
        self.assertRaises(ValueError, self.event.remove, self.told.append)

    def test_decorator(self) -> None:
        """A function can be added where it is defined."""

        @self.event.add
        def note(number: int) -> None:
            self.told.append(number)

        self.event.happen(1)
        note(2)
        self.assertEqual(self.told, [1, 2])

    def test_changes_while_it_happens(self) -> None:
        """Who is added or removed meanwhile is told, or not, from the next time on."""

        def once(number: int) -> None:
            self.event.remove(once)
            self.event.add(self.told.append)
            self.told.append("once")

        self.event.add(once)
        self.event.happen(1)
        self.event.happen(2)
        self.assertEqual(self.told, ["once", 2])

    def test_coroutines(self) -> None:
        """They are run, and nobody waits for them."""
        waiting: Deferred[None] = Deferred()

        async def wait(number: int) -> None:
            await waiting
            self.told.append(number)

        self.event.add(wait)
        self.event.happen(1)
        self.assertEqual(self.told, [])
        waiting.callback(None)
        self.assertEqual(self.told, [1])

    def test_failures_are_logged(self) -> None:
        """Of whatever kind, and everybody else is told all the same."""

        def fails(number: int) -> None:
            raise ZeroDivisionError

        async def fails_later(number: int) -> None:
            raise ZeroDivisionError

        for callback in (fails, fails_later, lambda number: fail(ZeroDivisionError()), self.told.append):
            self.event.add(callback)
        self.event.happen(1)
        self.assertEqual(self.told, [1])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 3)
