"""Tests for `twisted_ticker.signalr.hub`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.hub import Hub, HubCallerContext, hub_method, published_name
from twisted_ticker.signalr.requests import CaseInsensitive, Request, User
from twisted_ticker.signalr.state import CallerState


class HubMethodTests(SynchronousTestCase):
    """Which methods clients can call, and by what name."""

    def test_names_are_published_in_camel_case(self) -> None:
        """Only what stands behind an underscore changes."""
        cases = [
            ("reset", "reset"),
            ("get_all_stocks", "getAllStocks"),
            ("getAllStocks", "getAllStocks"),
            ("GetAll", "GetAll"),
            ("send_URL_to", "sendURLTo"),
            ("_private_name", "privateName"),
            ("trailing_", "trailing"),
            ("two__words", "twoWords"),
            ("step_2a", "step2a"),
        ]
        for written, published in cases:

            def method(self: Hub) -> None:
                """Is named as the case says."""

            method.__name__ = written
            self.assertEqual(published_name(hub_method(method)), published)

    def test_name_can_be_given(self) -> None:
        """It replaces the one that was written, and is published as it is."""

        @hub_method(name="Send_it")
        def send(self: Hub) -> None:
            """Is published under another name."""

        self.assertEqual(published_name(send), "Send_it")

    def test_marked_function_stays_what_it_is(self) -> None:
        """Python code calls it as any other."""

        def add(self: object, a: int, b: int = 2) -> int:
            return a + b

        for marked in (hub_method(add), hub_method(name="plus")(add)):
            self.assertIs(marked, add)
            self.assertEqual(marked(None, 1), 3)

    def test_nothing_else_is_published(self) -> None:
        """A method without the mark, and any other value, has no name."""
        for value in (Hub.on_connected, Hub.__init__, len, None, "text", 5):
            self.assertIsNone(published_name(value))


class HubTests(SynchronousTestCase):
    """The base of all hubs."""

    def test_events_do_nothing_by_default(self) -> None:
        """A hub need not care who comes and goes."""
        hub = Hub()
        self.assertIsNone(hub.on_connected())
        self.assertIsNone(hub.on_reconnected(missed=True))
        self.assertIsNone(hub.on_gap())
        self.assertIsNone(hub.on_disconnected(stop_called=False))

    def test_hub_that_others_make_cannot_address_anybody(self) -> None:
        """The reference's words tell its author."""
        for name in ("clients", "groups", "context", "state"):
            error = self.assertRaises(RuntimeError, getattr, Hub(), name)
            self.assertIsNotNone(getattr(Hub, name))
            self.assertEqual(str(error), "Using a Hub instance not created by the HubPipeline is unsupported.")

    def test_tests_may_set_what_the_library_sets(self) -> None:
        """A hub can be tested alone."""
        hub = Hub()
        hub.state = CallerState({"a": 1})
        self.assertEqual(hub.state.a, 1)

    def test_name_is_not_given_by_default(self) -> None:
        """The class's name is taken then."""
        self.assertEqual(Hub.hub_name, "")


class HubCallerContextTests(SynchronousTestCase):
    """Who is calling."""

    def test_context_shows_no_secrets(self) -> None:
        """It may be logged: tokens in the request are not shown."""
        request = Request("POST", "/signalr/send?connectionToken=SECRET", "/signalr/send", CaseInsensitive(), b"SECRET")
        context = HubCallerContext("id-1", User("ann"), request, "longPolling")
        self.assertIn("connection_id='id-1'", repr(context))
        self.assertNotIn("SECRET", repr(context))
