"""Tests for `twisted_ticker.signalr.errors`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr import errors

# Each class, and the one that it is told apart by.
TREE = [
    (errors.SignalRError, Exception),
    (errors.RequestError, errors.SignalRError),
    (errors.MalformedConnectionData, errors.RequestError),
    (errors.MalformedInvocation, errors.RequestError),
    (errors.HubNotFound, errors.RequestError),
    (errors.NotAuthorized, errors.RequestError),
    (errors.InvalidToken, errors.RequestError),
    (errors.OutdatedToken, errors.InvalidToken),
    (errors.InvocationError, errors.SignalRError),
    (errors.MethodNotFound, errors.InvocationError),
    (errors.ArgumentError, errors.InvocationError),
    (errors.HubException, errors.SignalRError),
    (errors.ConfigurationError, errors.SignalRError),
    (errors.IllegalTransition, errors.SignalRError),
]


class ErrorTreeTests(SynchronousTestCase):
    """Whose fault it is."""

    def test_errors_are_told_apart_by_whose_fault_they_are(self) -> None:
        """Every error has its place in the tree, and the module's docstring shows it."""
        for error, base in TREE:
            self.assertEqual(error.__bases__, (base,))
            self.assertRegex(errors.__doc__ or "", rf"(?m)^ .*\b{error.__name__}\b")
        self.assertEqual(sorted(error.__name__ for error, _ in TREE), sorted(errors.__all__))


class TextTests(SynchronousTestCase):
    """Texts that the reference has, too."""

    def test_unknown_hub_is_named(self) -> None:
        """As the client wrote it."""
        self.assertEqual(str(errors.HubNotFound("CHAT")), "'CHAT' Hub could not be resolved.")

    def test_unknown_method_is_named(self) -> None:
        """As the client wrote it."""
        self.assertEqual(
            str(errors.MethodNotFound("NoSuch")),
            "'NoSuch' method could not be resolved. No method found with that name.",
        )

    def test_candidates_are_listed_one_a_line(self) -> None:
        """Each begins a line of its own."""
        self.assertEqual(
            str(errors.MethodNotFound("Add", ("Add(a:int)", "Add(a:int, b:int)"))),
            "'Add' method could not be resolved. Potential candidates are: \nAdd(a:int)\nAdd(a:int, b:int)",
        )


class HubExceptionTests(SynchronousTestCase):
    """What a hub's author tells a caller."""

    def test_data_is_there_only_when_given(self) -> None:
        """None is data; no data at all is something else."""
        self.assertFalse(errors.HubException("no").has_data)
        self.assertTrue(errors.HubException("no", data=None).has_data)
        error = errors.HubException("Room is full", data={"Max": 20})
        self.assertEqual((str(error), error.data, error.has_data), ("Room is full", {"Max": 20}, True))

    def test_text_may_be_empty(self) -> None:
        """An author need not say anything."""
        self.assertEqual(str(errors.HubException()), "")
