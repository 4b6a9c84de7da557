"""Tests for `twisted_ticker.signalr.pipeline`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.authorization import authorize
from twisted_ticker.signalr.descriptors import HubDescriptor, MethodDescriptor
from twisted_ticker.signalr.errors import ConfigurationError
from twisted_ticker.signalr.hub import Hub, hub_method
from twisted_ticker.signalr.pipeline import (
    ErrorContext,
    HubPipeline,
    HubPipelineModule,
    IncomingInvocation,
    OutgoingInvocation,
)
from twisted_ticker.signalr.requests import Request, User

REQUEST = Request("GET", "/signalr/connect", "/signalr/connect")


class PlannedFailure(Exception):
    """What fails here, fails with this."""


def fail() -> None:
    """A method that fails."""
    raise PlannedFailure("boom")


class Told(Hub):
    """Says what it is told."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def on_connected(self) -> None:
        self.log.append("connected")

    async def on_reconnected(self, *, missed: bool) -> None:
        self.log.append(f"reconnected {missed}")

    def on_disconnected(self, *, stop_called: bool) -> Deferred[None]:
        self.log.append(f"disconnected {stop_called}")
        return succeed(None)

    @hub_method
    def call(self) -> None: ...


class Recorder(HubPipelineModule):
    """
    Says what it sees; coroutines and plain methods, in turn.

    Args:
        name: its own.
        log: where it says so.
        refused: names of the hooks that return ``False``.
    """

    def __init__(self, name: str, log: list[str], *refused: str) -> None:
        self.name = name
        self.log = log
        self.refused = refused

    def _see(self, hook: str, *details: object) -> bool | None:
        self.log.append(" ".join(map(str, [self.name, hook, *details])))
        return False if hook in self.refused else None

    def before_incoming(self, invocation: IncomingInvocation) -> bool | None:
        return self._see("before_incoming", *invocation.arguments)

    async def after_incoming(self, invocation: IncomingInvocation, result: Any) -> Any:
        self._see("after_incoming", result)
        return f"{result} {self.name}"

    def on_incoming_error(self, error_context: ErrorContext, invocation: IncomingInvocation) -> None:
        self._see("on_incoming_error", repr(error_context.error))

    def before_outgoing(self, invocation: OutgoingInvocation) -> bool | None:
        return self._see("before_outgoing", invocation.method)

    def after_outgoing(self, invocation: OutgoingInvocation) -> None:
        self._see("after_outgoing")

    async def before_connect(self, hub: Hub[Any]) -> bool | None:
        return self._see("before_connect")

    def after_connect(self, hub: Hub[Any]) -> None:
        self._see("after_connect")

    def before_reconnect(self, hub: Hub[Any], *, missed: bool) -> Deferred[bool | None]:
        return succeed(self._see("before_reconnect", missed))

    async def after_reconnect(self, hub: Hub[Any], *, missed: bool) -> None:
        self._see("after_reconnect", missed)

    def before_disconnect(self, hub: Hub[Any], *, stop_called: bool) -> bool | None:
        return self._see("before_disconnect", stop_called)

    def after_disconnect(self, hub: Hub[Any], *, stop_called: bool) -> None:
        self._see("after_disconnect", stop_called)

    def before_authorize_connect(self, hub: HubDescriptor, request: Request) -> bool | None:
        return self._see("before_authorize_connect", hub.name, request.path)

    def rejoining_groups(self, hub: HubDescriptor, request: Request, groups: Sequence[str]) -> Sequence[str]:
        self._see("rejoining_groups", *groups)
        return groups[1:]


class PipelineTestCase(SynchronousTestCase):
    """Has a pipeline, a hub, and a log of what happens to it."""

    def setUp(self) -> None:
        self.log: list[str] = []
        self.pipeline = HubPipeline()
        self.hub = Told(self.log)
        self.descriptor = HubDescriptor.of(lambda: Told([]))
        self.method = self.descriptor.find_method("call", 0)

    def add(self, *refused: str) -> None:
        """Add two modules, of which the inner one refuses."""
        self.pipeline.add(Recorder("outer", self.log))
        self.pipeline.add(Recorder("inner", self.log, *refused))

    def incoming(self, call: Callable[[], Any]) -> Deferred[Any]:
        """A call from a client."""
        invocation = IncomingInvocation(self.hub, self.method, [1, 2])
        return Deferred.fromCoroutine(self.pipeline.incoming(invocation, call))


class ModulesTests(PipelineTestCase):
    """Which modules there are."""

    def test_modules_are_settled_when_the_pipeline_is_used(self) -> None:
        """By a call, a message, or anything else; the reference's words tell who comes too late."""
        self.pipeline.add(HubPipelineModule())
        self.assertEqual(len(self.pipeline.modules), 1)
        too_late: list[Callable[[], None]] = [
            lambda: self.pipeline.add(HubPipelineModule()),
            self.pipeline.require_authentication,
        ]
        for change in too_late:
            error = self.assertRaises(ConfigurationError, change)
            self.assertEqual(str(error), "Unable to add module. The HubPipeline has already been invoked.")

    def test_without_modules_hubs_are_told_directly(self) -> None:
        """Nothing is wrapped in anything."""
        self.assertIsNone(self.pipeline.connect(self.hub))
        self.assertEqual(self.log, ["connected"])

    def test_modules_let_everything_pass_by_default(self) -> None:
        """One that overrides nothing does nothing."""
        self.pipeline.add(HubPipelineModule())
        self.assertEqual(self.successResultOf(self.incoming(lambda: 5)), 5)
        self.failureResultOf(self.incoming(fail), PlannedFailure)
        self.pipeline.outgoing(OutgoingInvocation("Told", "said", (), ["h-Told"], ()), lambda: self.log.append("sent"))
        for event in (
            self.pipeline.connect(self.hub),
            self.pipeline.reconnect(self.hub, missed=True),
            self.pipeline.disconnect(self.hub, stop_called=False),
        ):
            self.successResultOf(maybeDeferred(lambda event=event: event))
        self.assertEqual(self.log, ["sent", "connected", "reconnected True", "disconnected False"])
        self.assertTrue(self.pipeline.admits_to(self.descriptor, None, REQUEST))
        self.assertEqual(self.pipeline.rejoining_groups(self.descriptor, REQUEST, ["a"]), ["a"])


class IncomingTests(PipelineTestCase):
    """Calls from clients."""

    def test_calls_pass_all_modules(self) -> None:
        """The first one that was added is outermost; each may change the result."""
        self.add()
        waiting: Deferred[str] = Deferred()
        outcome = self.incoming(lambda: waiting)
        self.assertEqual(self.log, ["outer before_incoming 1 2", "inner before_incoming 1 2"])
        waiting.callback("r")
        self.assertEqual(self.successResultOf(outcome), "r inner outer")
        self.assertEqual(self.log[2:], ["inner after_incoming r", "outer after_incoming r inner"])

    def test_call_that_is_refused_ends_with_null(self) -> None:
        """Modules further out see that, and the method is not called."""
        self.add("before_incoming")
        self.assertEqual(self.successResultOf(self.incoming(fail)), "None outer")
        self.assertEqual(
            self.log, ["outer before_incoming 1 2", "inner before_incoming 1 2", "outer after_incoming None"]
        )

    def test_failures_pass_all_modules(self) -> None:
        """From the inside to the outside."""
        self.add()
        self.failureResultOf(self.incoming(fail), PlannedFailure)
        self.assertEqual(
            self.log[2:],
            [
                "inner on_incoming_error PlannedFailure('boom')",
                "outer on_incoming_error PlannedFailure('boom')",
            ],
        )

    def test_cancellation_is_a_failure(self) -> None:
        """Of Twisted's kind, and of asyncio's."""
        self.add()
        waiting: Deferred[None] = Deferred()
        outcome = self.incoming(lambda: waiting)
        waiting.cancel()
        self.failureResultOf(outcome, CancelledError)

        async def cancelled() -> None:
            raise asyncio.CancelledError

        self.failureResultOf(self.incoming(cancelled), asyncio.CancelledError)
        self.assertEqual(sum("on_incoming_error" in line for line in self.log), 4)

    def test_module_may_replace_an_error(self) -> None:
        """The next one out sees the new error."""

        class Translator(HubPipelineModule):
            async def on_incoming_error(self, error_context: ErrorContext, invocation: IncomingInvocation) -> None:
                error_context.error = ValueError("translated")

        self.pipeline.add(Recorder("outer", self.log))
        self.pipeline.add(Translator())
        failure = self.failureResultOf(self.incoming(fail), ValueError)
        self.assertIsInstance(failure.value.__cause__, PlannedFailure)
        self.assertEqual(self.log[1:], ["outer on_incoming_error ValueError('translated')"])

    def test_module_may_set_a_result(self) -> None:
        """The failure is none any more, whatever the result is."""

        class Mender(HubPipelineModule):
            def __init__(self, result: object) -> None:
                self.result = result

            def on_incoming_error(self, error_context: ErrorContext, invocation: IncomingInvocation) -> None:
                error_context.result = self.result

        for result in ("mended", None, False):
            self.pipeline = HubPipeline()
            self.pipeline.add(Recorder("outer", self.log))
            self.pipeline.add(Mender(result))
            self.assertEqual(self.successResultOf(self.incoming(fail)), f"{result} outer")

    def test_module_may_change_arguments(self) -> None:
        """The method gets what is left of them."""

        class Doubling(HubPipelineModule):
            def before_incoming(self, invocation: IncomingInvocation) -> None:
                invocation.arguments = [2 * argument for argument in invocation.arguments]

        self.pipeline.add(Doubling())
        invocation = IncomingInvocation(self.hub, self.method, [1, 2])
        outcome = self.pipeline.incoming(invocation, lambda: invocation.arguments)
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(outcome)), [2, 4])

    def test_failing_module_is_a_failure(self) -> None:
        """It is seen by those further out, and not by itself."""

        class Failing(Recorder):
            def before_incoming(self, invocation: IncomingInvocation) -> bool | None:
                raise PlannedFailure("module")

        self.pipeline.add(Recorder("outer", self.log))
        self.pipeline.add(Failing("inner", self.log))
        self.failureResultOf(self.incoming(lambda: 1), PlannedFailure)
        self.assertEqual(self.log[1:], ["outer on_incoming_error PlannedFailure('module')"])


class ErrorContextTests(SynchronousTestCase):
    """Tests for `ErrorContext`."""

    def test_result_takes_the_error_away(self) -> None:
        """An error that is set later counts again."""
        context = ErrorContext(PlannedFailure())
        self.assertIsInstance(context.error, PlannedFailure)
        self.assertIsNone(context.result)
        context.result = 5
        self.assertEqual((context.error, context.result), (None, 5))


class OutgoingTests(PipelineTestCase):
    """Calls of clients."""

    def test_messages_pass_all_modules(self) -> None:
        """In the order of calls."""
        self.add()
        call = OutgoingInvocation("Told", "said", ("hi",), ["h-Told"], ())
        self.pipeline.outgoing(call, lambda: self.log.append("sent"))
        self.assertEqual(
            self.log,
            ["outer before_outgoing said", "inner before_outgoing said", "sent", "inner after_outgoing",
             "outer after_outgoing"],
        )  # fmt: skip

    def test_message_that_is_refused_is_not_sent(self) -> None:
        """Modules further out believe that it was."""
        self.add("before_outgoing")
        call = OutgoingInvocation("Told", "said", ("hi",), ["h-Told"], ())
        self.pipeline.outgoing(call, lambda: self.log.append("sent"))
        self.assertEqual(self.log, ["outer before_outgoing said", "inner before_outgoing said", "outer after_outgoing"])


class EventTests(PipelineTestCase):
    """Clients that come and go."""

    def raise_event(self, name: str) -> list[str]:
        """Raise an event; what was seen of it."""
        arguments = {"connect": {}, "reconnect": {"missed": True}, "disconnect": {"stop_called": False}}[name]
        outcome = getattr(self.pipeline, name)(self.hub, **arguments)
        self.assertIsNone(self.successResultOf(Deferred.fromCoroutine(outcome)))
        seen = self.log[:]
        self.log.clear()
        return seen

    def test_events_pass_all_modules(self) -> None:
        """With what the hub is told."""
        self.add()
        cases = [("connect", "connected", ""), ("reconnect", "reconnected True", " True"),
                 ("disconnect", "disconnected False", " False")]  # fmt: skip
        for name, told, detail in cases:
            self.assertEqual(
                self.raise_event(name),
                [
                    f"outer before_{name}{detail}",
                    f"inner before_{name}{detail}",
                    told,
                    f"inner after_{name}{detail}",
                    f"outer after_{name}{detail}",
                ],
            )

    def test_event_that_is_refused_does_nothing(self) -> None:
        """The hub is not told."""
        self.add("before_connect", "before_reconnect", "before_disconnect")
        for name, detail in (("connect", ""), ("reconnect", " True"), ("disconnect", " False")):
            self.assertEqual(
                self.raise_event(name),
                [f"outer before_{name}{detail}", f"inner before_{name}{detail}", f"outer after_{name}{detail}"],
            )

    def test_failure_of_the_hub_passes(self) -> None:
        """Whoever raised the event reports it."""

        class Failing(Hub):
            def on_connected(self) -> None:
                raise PlannedFailure

        self.add()
        self.failureResultOf(Deferred.fromCoroutine(self.pipeline.connect(Failing())), PlannedFailure)
        self.assertEqual(self.log, ["outer before_connect", "inner before_connect"])


@authorize(users=["ann"])
class ForAnn(Hub):
    """For one user."""

    @hub_method
    def call(self) -> None: ...

    @authorize(roles=["admin"])
    @hub_method
    def rule(self) -> None: ...


@authorize(users=["ann"], require_outgoing=False)
class ForAnnToCall(ForAnn):
    """For one user, too."""


@authorize(users=["ann"], require_outgoing=False)
class OpenToListen(Hub):
    """For one user to call, and for all to listen to."""

    @hub_method
    def call(self) -> None: ...


class AuthorizationTests(PipelineTestCase):
    """Who may."""

    ANN, ADMIN, BOB = User("Ann"), User("ANN", ["admin"]), User("bob", ["admin"])

    def admitted(self, decide: Callable[[User | None], bool]) -> list[User | None]:
        """For whom the decision is yes."""
        return [user for user in (self.ANN, self.ADMIN, self.BOB, None) if decide(user)]

    def assertListeners(self, hub_class: type[Hub[Any]], *users: User | None) -> None:
        """Those may listen to the hub."""
        hub = HubDescriptor.of(hub_class)
        admitted = self.admitted(lambda user: self.pipeline.admits_to(hub, user, REQUEST))
        self.assertEqual(admitted, list(users))

    def assertCallers(self, method: MethodDescriptor, *users: User | None) -> None:
        """Those may call the method."""
        self.assertEqual(self.admitted(lambda user: self.pipeline.admits_call_of(method, user)), list(users))

    def test_rules_of_hubs_say_who_may_listen(self) -> None:
        """Unless they say that they do not; those of methods say nothing."""
        self.assertListeners(ForAnn, self.ANN, self.ADMIN)
        self.assertListeners(ForAnnToCall, self.ANN, self.ADMIN)
        self.assertListeners(OpenToListen, self.ANN, self.ADMIN, self.BOB, None)

    def test_rules_of_hubs_and_methods_say_who_may_call(self) -> None:
        """All of them."""
        self.assertCallers(HubDescriptor.of(ForAnn).find_method("call", 0), self.ANN, self.ADMIN)
        self.assertCallers(HubDescriptor.of(ForAnn).find_method("rule", 0), self.ADMIN)
        self.assertCallers(HubDescriptor.of(OpenToListen).find_method("call", 0), self.ANN, self.ADMIN)
        self.assertCallers(self.method, self.ANN, self.ADMIN, self.BOB, None)

    def test_authentication_may_be_required_of_everybody(self) -> None:
        """For all hubs, beside their own rules."""
        self.pipeline.require_authentication()
        self.assertTrue(self.pipeline.authentication_required)
        everybody = (self.ANN, self.ADMIN, self.BOB)
        self.assertListeners(OpenToListen, *everybody)
        self.assertListeners(ForAnn, self.ANN, self.ADMIN)
        self.assertCallers(self.method, *everybody)

    def test_modules_may_refuse_who_wants_to_listen(self) -> None:
        """Each of them."""
        self.add("before_authorize_connect")
        self.assertFalse(self.pipeline.admits_to(self.descriptor, self.ANN, REQUEST))
        self.assertEqual(
            self.log,
            [f"{name} before_authorize_connect Told /signalr/connect" for name in ("outer", "inner")],
        )

    def test_modules_may_take_groups_away(self) -> None:
        """The outermost one has the last word."""
        self.add()
        self.assertEqual(self.pipeline.rejoining_groups(self.descriptor, REQUEST, ["a", "b", "c"]), ["c"])
        self.assertEqual(self.log, ["inner rejoining_groups a b c", "outer rejoining_groups b c"])
