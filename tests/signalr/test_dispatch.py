"""Tests for `twisted_ticker.signalr.dispatch`; answers are as recorded from the reference."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from tests.signalr.fakes import RecordingMembers, TopicListener, silent_bus
from twisted_ticker.signalr.authorization import authorize
from twisted_ticker.signalr.counters import Counters
from twisted_ticker.signalr.descriptors import HubDescriptor
from twisted_ticker.signalr.dispatch import HubDispatcher
from twisted_ticker.signalr.errors import (
    HubException,
    HubNotFound,
    InvocationError,
    MalformedInvocation,
    RequestError,
)
from twisted_ticker.signalr.hub import Hub, HubCallerContext, hub_method
from twisted_ticker.signalr.pipeline import (
    ErrorContext,
    HubPipeline,
    HubPipelineModule,
    IncomingInvocation,
    OutgoingInvocation,
)
from twisted_ticker.signalr.progress import Progress
from twisted_ticker.signalr.requests import Request, User

CONTEXT = HubCallerContext("caller-id", None, Request("POST", "/signalr/send", "/signalr/send"), "longPolling")


class PlannedFailure(Exception):
    """What fails here, fails with this."""


class UnspeakableFailure(Exception):
    """An exception whose text cannot be had."""

    def __str__(self) -> str:
        raise PlannedFailure


class Oracle(Hub):
    """A hub with one method for each thing that can happen."""

    hub_name = "oracle"

    def __init__(self, waiting: Deferred[Any]) -> None:
        self._waiting = waiting

    @hub_method(name="Add")
    def add(self, a: int, b: int) -> int:
        return a + b

    @hub_method(name="Echo")
    def echo(self, value: Any) -> Any:
        return value

    @hub_method(name="Price")
    def price(self) -> Decimal:
        return Decimal("1.50")

    @hub_method(name="Nothing")
    def nothing(self) -> None:
        """Returns nothing."""

    @hub_method(name="Unserializable")
    def unserializable(self) -> object:
        self.state.touched = True
        return object()

    @hub_method(name="SetState")
    def set_state(self, value: Any) -> Any:
        self.state.Company = value
        return value

    @hub_method(name="SpoilState")
    def spoil_state(self, error: str) -> None:
        self.state.Company = object()
        if error:
            raise HubException(error)

    @hub_method(name="CallerMsg")
    def caller_msg(self, text: str) -> None:
        self.state.index = 1
        self.clients.caller.msg(text)

    @hub_method(name="All")
    def all_clients(self, text: str) -> None:
        self.clients.all.msg(text)

    @hub_method(name="Others")
    def others(self, text: str) -> None:
        self.clients.others.msg(text)

    @hub_method(name="Join")
    async def join(self, group: str) -> None:
        await self.groups.add("known", group)

    @hub_method(name="Who")
    def who(self) -> str:
        return self.context.connection_id

    @hub_method(name="Wait")
    def wait(self) -> Deferred[Any]:
        return self._waiting

    @hub_method(name="WaitInCoroutine")
    async def wait_in_coroutine(self) -> list[Any]:
        return [await self._waiting]

    @hub_method(name="Raise")
    def raise_it(self, kind: str) -> None:
        self.state.before = kind
        raise RAISED[kind]()

    @hub_method(name="RaiseLater")
    async def raise_later(self, kind: str) -> None:
        await self._waiting
        raise RAISED[kind]()

    @hub_method(name="Count")
    async def count(self, to: int, progress: Progress[int], step: int = 1) -> str:
        for value in range(0, to, step):
            self.state.last = value
            progress.report(value)
        self.kept.append(progress)
        await self._waiting
        return "done"

    @hub_method(name="CountAtOnce")
    def count_at_once(self, progress: Progress[int]) -> None:
        progress.report(1)
        self.kept.append(progress)

    @authorize(users=["ann"])
    @hub_method(name="ForAnn")
    def for_ann(self, number: int) -> int:
        return number

    kept: ClassVar[list[Progress[int]]] = []


class Fragile(Hub):
    """A hub that cannot be made."""

    def __init__(self) -> None:
        raise PlannedFailure


RAISED: dict[str, Callable[[], BaseException]] = {
    "plain": lambda: PlannedFailure("plain boom"),
    "silent": PlannedFailure,
    "unspeakable": UnspeakableFailure,
    "cancelled": asyncio.CancelledError,
    "refused": lambda: InvocationError("Market must be closed before it can be reset."),
    "hub": lambda: HubException("hub boom"),
    "hub data": lambda: HubException("hub boom data", data={"Code": 42, "text": "x"}),
    "hub null": lambda: HubException("hub boom", data=None),
    "hub bad data": lambda: HubException("hub boom", data=object()),
}


class DispatcherTestCase(SynchronousTestCase):
    """Has a dispatcher for two hubs."""

    detailed_errors = False

    def setUp(self) -> None:
        self.waiting: Deferred[Any] = Deferred()
        self.bus = silent_bus()
        self.members = RecordingMembers()
        self.counters = Counters()
        self.oracle = HubDescriptor.of(lambda: Oracle(self.waiting))
        self.fragile = HubDescriptor.of(Fragile)
        self.pipeline = HubPipeline()
        self.dispatcher = HubDispatcher(
            [self.oracle, self.fragile],
            bus=self.bus,
            members=self.members,
            detailed_errors=self.detailed_errors,
            counters=self.counters,
            pipeline=self.pipeline,
        )
        self.context = CONTEXT
        Oracle.kept.clear()

    def invoke(self, method: str, *arguments: Any, hub: str = "oracle", **members: Any) -> Deferred[bytes | None]:
        """Call a method as the JavaScript client does."""
        text = json.dumps({"H": hub, "M": method, "A": arguments, "I": 3, **members})
        return self.dispatcher.invoke(text, self.context)

    def answer(self, method: str, *arguments: Any, **members: Any) -> str:
        """The answer that a call has at once."""
        answer = self.successResultOf(self.invoke(method, *arguments, **members))
        assert answer is not None
        return answer.decode()


class ResultTests(DispatcherTestCase):
    """Calls that succeed."""

    def test_result_is_the_methods(self) -> None:
        """It carries the id of the call, as text; nothing and null look the same."""
        cases = [
            (self.answer("Add", 1, 2), '{"R":3,"I":"3"}'),
            (self.answer("Add", "1", "2"), '{"R":3,"I":"3"}'),
            (self.answer("Nothing"), '{"I":"3"}'),
            (self.answer("Echo", None), '{"I":"3"}'),
            (self.answer("Echo", False), '{"R":false,"I":"3"}'),
            (self.answer("Echo", 0), '{"R":0,"I":"3"}'),
            (self.answer("Echo", ""), '{"R":"","I":"3"}'),
            (self.answer("Echo", {"k": [1, 2.5]}), '{"R":{"k":[1,2.5]},"I":"3"}'),
            (self.answer("Price"), '{"R":1.50,"I":"3"}'),
            (self.answer("Nothing", I=None), '{"I":null}'),
            (self.answer("Nothing", I="abc", A=None), '{"I":"abc"}'),
        ]
        for answer, expected in cases:
            self.assertEqual(answer, expected)
        self.assertEqual(self.counters.failed_invocations, 0)

    def test_hubs_and_methods_are_found_in_any_letter_case(self) -> None:
        """As the reference finds them."""
        self.assertEqual(self.answer("aDD", 1, 2, hub="ORACLE"), '{"R":3,"I":"3"}')

    def test_deferred_results_are_awaited(self) -> None:
        """The answer comes when the method's Deferred has its result."""
        answer = self.invoke("Wait")
        self.assertNoResult(answer)
        self.waiting.callback("late")
        self.assertEqual(self.successResultOf(answer), b'{"R":"late","I":"3"}')

    def test_coroutines_are_awaited(self) -> None:
        """A hub method may be an async def."""
        answer = self.invoke("WaitInCoroutine")
        self.assertNoResult(answer)
        self.waiting.callback("late")
        self.assertEqual(self.successResultOf(answer), b'{"R":["late"],"I":"3"}')

    def test_calls_do_not_wait_for_each_other(self) -> None:
        """A slow one delays nobody."""
        slow = self.invoke("Wait")
        self.assertEqual(self.answer("Add", 1, 2), '{"R":3,"I":"3"}')
        self.waiting.callback(None)
        self.assertEqual(self.successResultOf(slow), b'{"I":"3"}')

    def test_changed_state_comes_before_the_result(self) -> None:
        """Only the changed keys go back."""
        state = {"Company": "old", "x": 1}
        self.assertEqual(self.answer("SetState", "acme", S=state), '{"S":{"Company":"acme"},"R":"acme","I":"3"}')
        self.assertEqual(self.answer("SetState", "old", S=state), '{"R":"old","I":"3"}')

    def test_hub_calls_clients(self) -> None:
        """Messages bear the hub's own name, and go where the method sends them."""
        caller = TopicListener(self.bus, "h-oracle", "hc-oracle.caller-id", connection_id="caller-id")
        other = TopicListener(self.bus, "h-oracle", "hc-oracle.other-id", connection_id="other-id")
        self.assertEqual(self.answer("CallerMsg", "a", hub="ORACLE"), '{"S":{"index":1},"I":"3"}')
        self.answer("All", "b")
        self.answer("Others", "c")
        self.assertEqual(
            caller.take(),
            ['{"H":"oracle","M":"msg","A":["a"],"S":{"index":1}}', '{"H":"oracle","M":"msg","A":["b"]}'],
        )
        self.assertEqual(other.take(), ['{"H":"oracle","M":"msg","A":["b"]}', '{"H":"oracle","M":"msg","A":["c"]}'])

    def test_hub_knows_groups_and_caller(self) -> None:
        """Each hub object is given what its call is about."""
        self.assertEqual(self.answer("Join", "g1"), '{"I":"3"}')
        self.assertEqual(self.members.changes, [("add", "known", "oracle.g1")])
        self.assertEqual(self.answer("Who"), '{"R":"caller-id","I":"3"}')

    def test_each_call_has_a_hub_object_of_its_own(self) -> None:
        """State that one caller sends is not seen by another."""
        self.answer("SetState", "acme")
        self.assertEqual(self.answer("SetState", "acme"), '{"S":{"Company":"acme"},"R":"acme","I":"3"}')


class GenericErrorTests(DispatcherTestCase):
    """Calls that fail, where clients are not told why."""

    def error(self, target: str, state: str = "") -> str:
        """The generic answer."""
        return f'{{{state}"I":"3","E":"There was an error invoking Hub method \'{target}\'."}}'

    def test_plain_exception_is_hidden_and_logged(self) -> None:
        """State that was changed before goes back nevertheless."""
        self.assertEqual(self.answer("Raise", "plain"), self.error("oracle.Raise", '"S":{"before":"plain"},'))
        self.assertEqual(len(self.flushLoggedErrors(PlannedFailure)), 1)
        self.assertEqual(self.counters.failed_invocations, 1)

    def test_text_names_hub_and_method_as_the_client_wrote_them(self) -> None:
        """Whatever their own names are, and whatever letters were used."""
        self.assertEqual(self.answer("nOSUCH", hub="ORacle"), self.error("ORacle.nOSUCH"))

    def test_late_failure_is_an_error_result(self) -> None:
        """Coroutines and Deferreds fail as plain methods do."""
        answer = self.invoke("RaiseLater", "plain")
        self.waiting.callback(None)
        self.assertEqual(self.successResultOf(answer), self.error("oracle.RaiseLater").encode())
        self.waiting = fail(PlannedFailure())
        self.assertEqual(self.answer("Wait"), self.error("oracle.Wait"))
        self.assertEqual(len(self.flushLoggedErrors(PlannedFailure)), 2)
        self.assertEqual(self.counters.failed_invocations, 2)

    def test_call_that_cannot_be_carried_out_is_no_defect(self) -> None:
        """The client's mistakes, and an application's refusals, are counted but are no failures in the log."""
        for method, arguments in (("NoSuch", []), ("Add", [1]), ("Add", [1, "x"]), ("Add", [1, None])):
            self.assertEqual(self.answer(method, *arguments), self.error(f"oracle.{method}"))
        self.assertEqual(self.answer("Raise", "refused"), self.error("oracle.Raise", '"S":{"before":"refused"},'))
        self.assertEqual(self.counters.failed_invocations, 5)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_cancelled_coroutine_is_an_ordinary_error(self) -> None:
        """The caller is answered."""
        self.waiting = succeed(None)
        self.assertEqual(self.answer("RaiseLater", "cancelled"), self.error("oracle.RaiseLater"))
        self.assertEqual(len(self.flushLoggedErrors(asyncio.CancelledError)), 1)

    def test_cancelled_deferred_is_an_ordinary_error(self) -> None:
        """The caller is answered."""
        answer = self.invoke("Wait")
        self.waiting.cancel()
        self.assertEqual(self.successResultOf(answer), self.error("oracle.Wait").encode())
        self.assertEqual(len(self.flushLoggedErrors(CancelledError)), 1)

    def test_result_that_json_cannot_express_is_an_error(self) -> None:
        """It is the hub's, and logged; state goes back nevertheless."""
        self.assertEqual(self.answer("Unserializable"), self.error("oracle.Unserializable", '"S":{"touched":true},'))
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_state_that_json_cannot_express_is_an_error(self) -> None:
        """The caller is answered without any state; so he is when the call failed anyway."""
        self.assertEqual(self.answer("SpoilState", ""), self.error("oracle.SpoilState"))
        self.assertEqual(self.answer("SpoilState", "no"), self.error("oracle.SpoilState"))
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 3)
        self.assertEqual(self.counters.failed_invocations, 2)

    def test_hub_exception_is_told(self) -> None:
        """It is meant for the caller, and marked as such; data is there when given, be it null."""
        cases = [
            ("hub", '"E":"hub boom"}'),
            ("hub data", '"E":"hub boom data","D":{"Code":42,"text":"x"}}'),
            ("hub null", '"E":"hub boom","D":null}'),
        ]
        for kind, rest in cases:
            self.assertEqual(self.answer("Raise", kind), f'{{"S":{{"before":"{kind}"}},"I":"3","H":true,{rest}')
        self.assertEqual(self.counters.failed_invocations, 3)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_hub_exception_whose_data_json_cannot_express_is_generic(self) -> None:
        """The caller is answered, and the defect logged."""
        self.assertEqual(self.answer("Raise", "hub bad data"), self.error("oracle.Raise"))
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)


class DetailedErrorTests(DispatcherTestCase):
    """Calls that fail, where clients are told why."""

    detailed_errors = True

    def assertError(self, answer: str, text: str) -> None:
        """The answer is an error of that text, and not one that its author chose."""
        members = json.loads(answer)
        members.pop("S", None)
        self.assertEqual(members, {"I": "3", "E": text})

    def test_texts_of_exceptions_are_told(self) -> None:
        """As they are, even if empty."""
        self.assertError(self.answer("Raise", "plain"), "plain boom")
        self.assertError(self.answer("Raise", "silent"), "")
        self.assertEqual(len(self.flushLoggedErrors(PlannedFailure)), 2)

    def test_refusals_are_told(self) -> None:
        """An application's own, and those of the library."""
        self.assertError(self.answer("Raise", "refused"), "Market must be closed before it can be reset.")
        self.assertError(
            self.answer("NoSuch"), "'NoSuch' method could not be resolved. No method found with that name."
        )
        self.assertError(
            self.answer("Add", 1),
            "'Add' method could not be resolved. Potential candidates are: \nAdd(a:Int32, b:Int32):Int32",
        )
        self.assertError(self.answer("Add", 1, "x"), "Cannot convert a string to Int32.")

    def test_hub_exception_is_told_as_ever(self) -> None:
        """Detailed errors change nothing about it."""
        self.assertEqual(self.answer("Raise", "hub"), '{"S":{"before":"hub"},"I":"3","H":true,"E":"hub boom"}')

    def test_exception_without_a_text_is_generic(self) -> None:
        """Where even the text fails, the caller is answered nevertheless."""
        self.assertError(self.answer("Raise", "unspeakable"), "There was an error invoking Hub method 'oracle.Raise'.")
        self.assertEqual(len(self.flushLoggedErrors(UnspeakableFailure)), 1)
        self.assertEqual(len(self.flushLoggedErrors(PlannedFailure)), 1)


class ProgressTests(DispatcherTestCase):
    """Calls that report their progress."""

    def setUp(self) -> None:
        super().setUp()
        self.caller = TopicListener(self.bus, "hc-oracle.caller-id", connection_id="caller-id")

    def test_reports_go_to_the_caller(self) -> None:
        """Through the bus, with changed state; the result comes as ever, and progress counts as no argument."""
        answer = self.invoke("Count", 2)
        self.assertEqual(
            self.caller.take(),
            ['{"S":{"last":0},"I":"P|3","P":{"I":"3","D":0}}', '{"S":{"last":1},"I":"P|3","P":{"I":"3","D":1}}'],
        )
        self.assertNoResult(answer)
        self.waiting.callback(None)
        self.assertEqual(self.successResultOf(answer), b'{"S":{"last":1},"R":"done","I":"3"}')

    def test_parameters_behind_it_are_filled(self) -> None:
        """It is where it is declared."""
        self.waiting.callback(None)
        self.answer("Count", 10, 5)
        self.assertEqual(len(self.caller.take()), 2)

    def test_it_ends_with_the_call(self) -> None:
        """Whether that succeeds or fails, now or later."""
        self.answer("CountAtOnce")
        late = self.invoke("Count", 1)
        Oracle.kept[1].report(5)
        self.waiting.errback(PlannedFailure())
        self.successResultOf(late)
        self.flushLoggedErrors(PlannedFailure)
        for progress in Oracle.kept:
            self.assertRaises(RuntimeError, progress.report, 6)
        self.assertEqual(len(self.caller.take()), 3)

    def test_it_is_given_behind_modules_too(self) -> None:
        """They see arguments only."""
        seen: list[list[Any]] = []

        class Witness(HubPipelineModule):
            def before_incoming(self, invocation: IncomingInvocation) -> None:
                seen.append(invocation.arguments)

        self.pipeline.add(Witness())
        self.waiting.callback(None)
        self.assertEqual(self.answer("Count", 1), '{"S":{"last":0},"R":"done","I":"3"}')
        self.assertEqual(seen, [[1]])
        self.assertEqual(len(self.caller.take()), 1)


class AuthorizationTests(DispatcherTestCase):
    """Calls that not everybody may make."""

    detailed_errors = True

    REFUSED = '{"I":"3","E":"Caller is not authorized to invoke the ForAnn method on oracle."}'

    def call_as(self, user: User | None) -> str:
        """The answer to a user's call of a method that is for one user."""
        self.context = HubCallerContext("caller-id", user, CONTEXT.request, "longPolling")
        return self.answer("forann", 5)

    def test_callers_are_those_who_may(self) -> None:
        """Others get an ordinary error, which names hub and method as declared."""
        self.assertEqual(self.call_as(User("Ann")), '{"R":5,"I":"3"}')
        for user in (User("bob"), None):
            self.assertEqual(self.call_as(user), self.REFUSED)
        self.assertEqual(self.counters.failed_invocations, 2)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_who_may_not_call_learns_nothing_about_arguments(self) -> None:
        """They are not looked at."""
        self.assertEqual(self.answer("ForAnn", "x"), self.REFUSED)

    def test_everybody_may_have_to_be_known(self) -> None:
        """For all methods."""
        self.pipeline.require_authentication()
        self.assertEqual(
            self.answer("Nothing"), '{"I":"3","E":"Caller is not authorized to invoke the Nothing method on oracle."}'
        )
        self.context = HubCallerContext("caller-id", User("bob"), CONTEXT.request, "longPolling")
        self.assertEqual(self.answer("Nothing"), '{"I":"3"}')


class Mender(HubPipelineModule):
    """Doubles arguments, and turns failures into results."""

    def before_incoming(self, invocation: IncomingInvocation) -> bool:
        invocation.arguments = [2 * argument for argument in invocation.arguments]
        return invocation.method.name != "Who"

    def on_incoming_error(self, error_context: ErrorContext, invocation: IncomingInvocation) -> None:
        if isinstance(error_context.error, PlannedFailure):
            error_context.result = f"mended {invocation.hub.context.connection_id}"
        else:
            error_context.error = HubException("translated")


class PipelineTests(DispatcherTestCase):
    """Calls that pass modules."""

    def setUp(self) -> None:
        super().setUp()
        self.pipeline.add(Mender())

    def test_modules_step_in(self) -> None:
        """They may change arguments, keep a call from its hub, and turn failures into something else."""
        self.waiting = fail(PlannedFailure())
        cases = [
            (self.answer("Add", 1, 2), '{"R":6,"I":"3"}'),
            (self.answer("Who"), '{"I":"3"}'),
            (self.answer("Wait"), '{"R":"mended caller-id","I":"3"}'),
            (self.answer("Join", "g"), '{"I":"3"}'),
            (
                self.answer("SpoilState", "x"),
                '{"I":"3","E":"There was an error invoking Hub method \'oracle.SpoilState\'."}',
            ),
        ]
        for answer, expected in cases:
            self.assertEqual(answer, expected)
        self.assertEqual(self.members.changes, [("add", "known", "oracle.gg")])
        self.flushLoggedErrors(TypeError)

    def test_modules_do_not_see_what_is_no_call(self) -> None:
        """Unknown methods, and arguments that do not fit."""
        for method, arguments in (("NoSuch", []), ("Add", ["x", 1])):
            answer = json.loads(self.answer(method, *arguments))
            self.assertEqual(answer["E"], f"There was an error invoking Hub method 'oracle.{method}'.")

    def test_modules_see_messages_of_hubs(self) -> None:
        """They pass the same pipeline."""

        class Silence(HubPipelineModule):
            def before_outgoing(self, invocation: OutgoingInvocation) -> bool:
                return False

        self.pipeline.add(Silence())
        caller = TopicListener(self.bus, "hc-oracle.caller-id", "h-oracle", connection_id="caller-id")
        self.answer("CallerMsg", "a")
        self.answer("All", "b")
        self.assertEqual(caller.take(), [])


class RefusedCallTests(DispatcherTestCase):
    """Texts to which there is no answer."""

    def test_text_that_is_no_call_is_refused(self) -> None:
        """Nothing can be answered to it."""
        for text in ("", "garbage", "[]", "{}", '{"H":"oracle"}', '{"H":"oracle","M":"Add","A":{}}'):
            self.assertRaises(MalformedInvocation, self.dispatcher.invoke, text, CONTEXT)

    def test_unknown_hub_is_refused(self) -> None:
        """It is not an error of the call, as in the reference."""
        error = self.assertRaises(HubNotFound, self.invoke, "Add", 1, 2, hub="nosuch")
        self.assertEqual(str(error), "'nosuch' Hub could not be resolved.")

    def test_call_is_refused_when_its_hub_cannot_be_made(self) -> None:
        """The reason is for the log."""
        error = self.assertRaises(RequestError, self.invoke, "Any", hub="fragile")
        self.assertNotIn("Planned", str(error))
        self.assertEqual(len(self.flushLoggedErrors(PlannedFailure)), 1)

    def test_nested_state_is_carried_or_refused(self) -> None:
        """There is no depth at which it raises anything else."""
        refused = 0
        for depth in range(1, 1100):
            text = '{"H":"oracle","M":"Nothing","S":{"a":' + "[" * depth + "]" * depth + "}}"
            try:
                answer = self.dispatcher.invoke(text, CONTEXT)
            except RequestError:
                refused += 1
            else:
                self.assertIsNotNone(self.successResultOf(answer))
        self.assertTrue(refused)
        self.flushLoggedErrors(RecursionError)

    def test_refused_calls_are_not_failed_ones(self) -> None:
        """They are counted by whoever refuses them."""
        self.assertRaises(RequestError, self.invoke, "Add", hub="nosuch")
        self.assertEqual(self.counters.failed_invocations, 0)


class FindTests(DispatcherTestCase):
    """Finding hubs."""

    def test_hubs_are_found_in_any_letter_case(self) -> None:
        """By their declared names."""
        for name in ("oracle", "Oracle", "ORACLE"):
            self.assertIs(self.dispatcher.find(name), self.oracle)
        self.assertIs(self.dispatcher.find("fragile"), self.fragile)

    def test_unknown_hub_is_an_error(self) -> None:
        """It is named as it was asked for."""
        error = self.assertRaises(HubNotFound, self.dispatcher.find, "Nosuch")
        self.assertEqual(str(error), "'Nosuch' Hub could not be resolved.")


class Listener(Hub):
    """A hub whose events do as they are told."""

    def __init__(self, name: str, log: list[str], outcome: Callable[[], Any]) -> None:
        self._name = name
        self._log = log
        self._outcome = outcome

    def on_connected(self) -> Any:
        self._log.append(f"{self._name} {self.context.connection_id} {dict(self.state)}")
        self.clients.caller.welcome(self._name)
        return self._outcome()


class EventTests(DispatcherTestCase):
    """Raising events on hubs."""

    def setUp(self) -> None:
        super().setUp()
        self.log: list[str] = []

    def listener(self, name: str, outcome: Callable[[], Any] = lambda: None) -> HubDescriptor:
        """A hub whose event has that outcome."""
        return HubDescriptor.of(lambda: Listener(name, self.log, outcome))

    def connected(self, *hubs: HubDescriptor) -> Deferred[None]:
        """Raise the event on the hubs."""
        return self.dispatcher.raise_event(hubs, CONTEXT, lambda hub: hub.on_connected())

    def test_event_is_raised_on_each_hub_in_order(self) -> None:
        """Each object knows who is calling, has an empty state, and can call back."""
        reader = TopicListener(self.bus, "hc-Listener.caller-id")
        self.assertIsNone(self.successResultOf(self.connected(self.listener("a"), self.listener("b"))))
        self.assertEqual(self.log, ["a caller-id {}", "b caller-id {}"])
        self.assertEqual(
            reader.take(),
            ['{"H":"Listener","M":"welcome","A":["a"]}', '{"H":"Listener","M":"welcome","A":["b"]}'],
        )

    def test_no_hubs_have_no_event(self) -> None:
        """A connection that lists none is done at once."""
        self.assertIsNone(self.successResultOf(self.connected()))

    def test_all_are_awaited_together(self) -> None:
        """Deferreds and coroutines alike; a slow hub does not keep the next one from its event."""
        first: Deferred[None] = Deferred()
        second: Deferred[None] = Deferred()

        async def wait() -> None:
            await second

        outcome = self.connected(self.listener("a", lambda: first), self.listener("b", wait))
        self.assertEqual(len(self.log), 2)
        first.callback(None)
        self.assertNoResult(outcome)
        second.callback(None)
        self.assertIsNone(self.successResultOf(outcome))

    def test_first_failure_is_told_when_all_have_ended(self) -> None:
        """First in the order of the hubs, whatever fails earlier; all hubs have their event."""
        first: Deferred[None] = Deferred()

        def fail_now() -> None:
            raise PlannedFailure("second")

        outcome = self.connected(self.listener("a", lambda: first), self.listener("b", fail_now), self.listener("c"))
        self.assertEqual(len(self.log), 3)
        self.assertNoResult(outcome)
        first.errback(PlannedFailure("first"))
        self.assertEqual(str(self.failureResultOf(outcome, PlannedFailure).value), "first")
        self.flushLoggedErrors(PlannedFailure)

    def test_hub_that_cannot_be_made_has_failed(self) -> None:
        """The others have their event nevertheless."""
        outcome = self.connected(self.fragile, self.listener("a"))
        self.failureResultOf(outcome, PlannedFailure)
        self.assertEqual(len(self.log), 1)
