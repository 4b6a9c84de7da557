"""Tests for `twisted_ticker.signalr.audiences`, on a real message bus."""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.signalr.fakes import RecordingMembers, TopicListener, silent_bus
from twisted_ticker.signalr.audiences import Audience, CallerClients, Clients, Groups
from twisted_ticker.signalr.interfaces import IReader
from twisted_ticker.signalr.pipeline import HubPipeline, HubPipelineModule, OutgoingInvocation
from twisted_ticker.signalr.state import CallerState

CALLER, OTHER = "caller-id", "other-id"


class AudienceTestCase(SynchronousTestCase):
    """Has a bus, and two connections that listen to the hub ``Chat`` in every way there is."""

    def setUp(self) -> None:
        self.bus = silent_bus()
        self.caller = self.reader(CALLER, "h-Chat", f"hc-Chat.{CALLER}", "hu-Chat.ann", "hg-Chat.room")
        self.other = self.reader(OTHER, "h-Chat", f"hc-Chat.{OTHER}", "hu-Chat.bob", "hg-Chat.room", "hg-Chat.attic")
        self.state = CallerState({"name": "ann"})
        self.clients = CallerClients(self.bus, "Chat", CALLER, self.state)

    def reader(self, connection_id: str, *topics: str) -> TopicListener:
        """A connection that listens."""
        return TopicListener(self.bus, *topics, connection_id=connection_id)

    def assertReached(self, audience: Audience, *, caller: int = 0, other: int = 0) -> None:
        """The audience is those connections, each as often as said."""
        self.assertIsNone(self.successResultOf(audience.said("hi")))
        message = '{"H":"Chat","M":"said","A":["hi"]}'
        self.assertEqual((self.caller.take(), self.other.take()), ([message] * caller, [message] * other))


class FakeTests(AudienceTestCase):
    """The reader that these tests read with."""

    def test_reader_is_one(self) -> None:
        """It does what the bus asks of readers."""
        self.assertTrue(verifyObject(IReader, self.caller))


class ClientsTests(AudienceTestCase):
    """Whom anybody can address."""

    def test_all_are_those_who_listen_to_the_hub(self) -> None:
        """Hubs of other names are not reached, and theirs do not reach these."""
        self.assertReached(self.clients.all, caller=1, other=1)
        self.assertReached(Clients(self.bus, "chat").all)

    def test_all_except_leaves_connections_out(self) -> None:
        """Any number of them, known or not."""
        self.assertReached(self.clients.all_except(), caller=1, other=1)
        self.assertReached(self.clients.all_except(OTHER), caller=1)
        self.assertReached(self.clients.all_except(OTHER, CALLER, "nobody"))

    def test_client_is_one_connection(self) -> None:
        """Nothing happens when there is none of that id."""
        self.assertReached(self.clients.client(OTHER), other=1)
        self.assertReached(self.clients.client("nobody"))

    def test_clients_are_some_connections(self) -> None:
        """Each of them is reached."""
        self.assertReached(self.clients.clients([CALLER, OTHER, "nobody"]), caller=1, other=1)
        self.assertReached(self.clients.clients(iter([OTHER])), other=1)
        self.assertReached(self.clients.clients([]))

    def test_group_is_its_members(self) -> None:
        """Names are case-sensitive, and connections can be left out."""
        self.assertReached(self.clients.group("room"), caller=1, other=1)
        self.assertReached(self.clients.group("room", CALLER, "nobody"), other=1)
        self.assertReached(self.clients.group("Room"))

    def test_groups_are_the_members_of_each(self) -> None:
        """Who is in two of them gets the message twice."""
        self.assertReached(self.clients.groups(["room", "attic"]), caller=1, other=2)
        self.assertReached(self.clients.groups(["room", "attic"], OTHER), caller=1)
        self.assertReached(self.clients.groups([]))

    def test_user_is_all_his_connections(self) -> None:
        """Names are case-sensitive."""
        self.assertReached(self.clients.user("ann"), caller=1)
        self.assertReached(self.clients.user("Ann"))

    def test_users_are_some_users(self) -> None:
        """Each of them is reached."""
        self.assertReached(self.clients.users(["ann", "bob"]), caller=1, other=1)

    def test_names_are_not_empty(self) -> None:
        """An empty one is a mistake of the caller's, told at once in the reference's words."""
        mistakes: list[Callable[[], object]] = [
            lambda: self.clients.client(""),
            lambda: self.clients.clients([CALLER, ""]),
            lambda: self.clients.group(""),
            lambda: self.clients.groups(["room", ""]),
            lambda: self.clients.user(""),
            lambda: self.clients.users([""]),
            lambda: self.clients.others_in_group(""),
            lambda: self.clients.others_in_groups(["room", ""]),
        ]
        for mistake in mistakes:
            error = self.assertRaises(ValueError, mistake)
            self.assertEqual(str(error), "Argument cannot be null or empty")


class CallerClientsTests(AudienceTestCase):
    """Who is named by who is calling."""

    def test_caller_is_the_one_who_calls(self) -> None:
        """Nobody else is reached."""
        self.assertReached(self.clients.caller, caller=1)

    def test_others_are_all_but_the_caller(self) -> None:
        """The caller is not reached."""
        self.assertReached(self.clients.others, other=1)

    def test_others_in_group_are_its_members_but_the_caller(self) -> None:
        """The caller is not reached, member or not."""
        self.assertReached(self.clients.others_in_group("room"), other=1)
        self.assertReached(self.clients.others_in_group("attic"), other=1)

    def test_others_in_groups_are_their_members_but_the_caller(self) -> None:
        """Who is in two of them gets the message twice."""
        self.assertReached(self.clients.others_in_groups(["room", "attic"]), other=2)

    def test_changed_state_rides_on_calls_to_the_caller(self) -> None:
        """Behind the arguments, of every call, as the reference was recorded to do it."""
        self.clients.caller.before()
        self.state.index = 1
        self.clients.caller.invoke(0)
        self.clients.caller.after()
        self.assertEqual(
            self.caller.take(),
            [
                '{"H":"Chat","M":"before","A":[]}',
                '{"H":"Chat","M":"invoke","A":[0],"S":{"index":1}}',
                '{"H":"Chat","M":"after","A":[],"S":{"index":1}}',
            ],
        )

    def test_state_does_not_ride_on_calls_to_others(self) -> None:
        """It is the caller's own, even where he is among those addressed."""
        self.state.index = 1
        for audience in (self.clients.all, self.clients.client(CALLER), self.clients.group("room")):
            audience.said()
        self.assertEqual(self.caller.take(), ['{"H":"Chat","M":"said","A":[]}'] * 3)
        self.assertEqual(self.state.changes(), b'{"index":1}')

    def test_state_is_not_lost_when_a_call_fails(self) -> None:
        """What could not ride on this call rides on the next one."""
        self.state.index = 1
        self.failureResultOf(self.clients.caller.said(object()), TypeError)
        self.clients.caller.said()
        self.assertEqual(self.caller.take(), ['{"H":"Chat","M":"said","A":[],"S":{"index":1}}'])

    def test_state_may_be_missing(self) -> None:
        """A caller without state can be called."""
        CallerClients(self.bus, "Chat", CALLER, None).caller.said()
        self.assertEqual(self.caller.take(), ['{"H":"Chat","M":"said","A":[]}'])


class CallTests(AudienceTestCase):
    """Calling clients' methods."""

    def test_names_go_out_as_they_are_written(self) -> None:
        """No attribute of an audience stands in the way of a method."""
        names = [
            "updateStockPrice",
            "all",
            "len",
            "bytes",
            "print",
            "self",
            "publish",
            "_private",
            "get_all",
            "é",
            "mro",
            "send",
            "items",
        ]
        for name in names:
            getattr(self.clients.caller, name)()
        self.assertEqual(
            self.caller.take(),
            [f'{{"H":"Chat","M":"{name}","A":[]}}'.replace("é", "\\u00e9") for name in names],
        )

    def test_arguments_are_user_values(self) -> None:
        """They are written as everywhere, in order."""
        self.clients.caller.obj({"k": [1, 2]}, 1, "two", None, Decimal("0.00"), "é\u2028")
        self.assertEqual(self.caller.take(), ['{"H":"Chat","M":"obj","A":[{"k":[1,2]},1,"two",null,0.00,"é\\u2028"]}'])

    def test_calls_keep_their_order(self) -> None:
        """Audiences that overlap see one order."""
        self.clients.all.first()
        self.clients.caller.second()
        self.clients.group("room").third()
        methods = [message.partition('"M":')[2][1:6] for message in self.caller.take()]
        self.assertEqual(methods, ["first", "secon", "third"])

    def test_audience_may_be_kept(self) -> None:
        """It stands for whoever belongs to it when it is called."""
        everybody = self.clients.all
        late = self.reader("late-id", "h-Chat")
        everybody.said()
        self.assertEqual(len(late.take()), 1)

    def test_call_fails_when_json_cannot_express_an_argument(self) -> None:
        """Nobody is sent anything."""
        self.failureResultOf(self.clients.all.said("good", object()), TypeError)
        self.assertEqual(self.caller.take(), [])

    def test_failure_that_nobody_awaits_is_logged(self) -> None:
        """A hub author who ignores the outcome finds it in the log."""
        self.clients.all.said(object())
        gc.collect()
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_special_names_are_pythons(self) -> None:
        """What Python asks of every object by itself is no method of a client's."""
        for name in ("__len__", "__deepcopy__", "__await__", "__html__"):
            self.assertFalse(hasattr(self.clients.all, name), name)
        copy.copy(self.clients.all)
        self.assertEqual(self.caller.take(), [])


class PipelineTests(AudienceTestCase):
    """Messages pass the pipeline's modules."""

    def setUp(self) -> None:
        super().setUp()
        self.pipeline = HubPipeline()
        self.clients = CallerClients(self.bus, "Chat", CALLER, self.state, self.pipeline)

    def test_without_modules_nothing_changes(self) -> None:
        """Messages are sent."""
        self.assertReached(self.clients.all, caller=1, other=1)

    def test_modules_see_messages(self) -> None:
        """Whom they are for, and what is in them; from wherever they are sent."""
        seen: list[OutgoingInvocation] = []

        class Witness(HubPipelineModule):
            def before_outgoing(self, invocation: OutgoingInvocation) -> None:
                seen.append(invocation)

        self.pipeline.add(Witness())
        self.assertReached(self.clients.group("room", CALLER), other=1)
        self.assertReached(self.clients.caller, caller=1)
        self.assertReached(Clients(self.bus, "Chat", self.pipeline).all, caller=1, other=1)
        self.assertEqual(
            seen,
            [
                OutgoingInvocation("Chat", "said", ("hi",), ("hg-Chat.room",), (CALLER,)),
                OutgoingInvocation("Chat", "said", ("hi",), (f"hc-Chat.{CALLER}",), ()),
                OutgoingInvocation("Chat", "said", ("hi",), ("h-Chat",), ()),
            ],
        )

    def test_modules_may_change_messages(self) -> None:
        """What is left of them is sent, with the changed state."""

        class Censor(HubPipelineModule):
            def before_outgoing(self, invocation: OutgoingInvocation) -> None:
                invocation.method = "whispered"
                invocation.arguments = ("…",)

        self.pipeline.add(Censor())
        self.state.index = 1
        self.clients.caller.said("hi")
        self.assertEqual(self.caller.take(), ['{"H":"Chat","M":"whispered","A":["…"],"S":{"index":1}}'])

    def test_modules_may_keep_messages_back(self) -> None:
        """The call succeeds, and state is not lost."""

        class Silence(HubPipelineModule):
            def before_outgoing(self, invocation: OutgoingInvocation) -> bool:
                return False

        self.pipeline.add(Silence())
        self.state.index = 1
        self.assertReached(self.clients.caller)
        self.assertEqual(self.state.changes(), b'{"index":1}')

    def test_failing_module_makes_the_call_fail(self) -> None:
        """Nobody is sent anything."""

        class Failing(HubPipelineModule):
            def before_outgoing(self, invocation: OutgoingInvocation) -> bool:
                raise LookupError

        self.pipeline.add(Failing())
        self.failureResultOf(self.clients.all.said("hi"), LookupError)
        self.assertEqual(self.caller.take(), [])


class GroupsTests(SynchronousTestCase):
    """Membership."""

    def setUp(self) -> None:
        self.members = RecordingMembers()
        self.groups = Groups(self.members, "Chat")

    def test_changes_are_made_at_once(self) -> None:
        """Groups are named as tokens name them: by hub, and by exact case."""
        self.assertIsNone(self.successResultOf(self.groups.add("known", "Room 7")))
        self.assertIsNone(self.successResultOf(self.groups.remove("known", "room.7")))
        self.assertEqual(self.members.changes, [("add", "known", "Chat.Room 7"), ("remove", "known", "Chat.room.7")])

    def test_unknown_connection_is_an_error(self) -> None:
        """The awaitable fails as the members say."""
        changes: list[Callable[..., Any]] = [self.groups.add, self.groups.remove]
        for change in changes:
            self.failureResultOf(change("unknown", "room"), LookupError)

    def test_names_are_not_empty(self) -> None:
        """An empty one makes the awaitable fail, in the reference's words."""
        for connection_id, group in (("known", ""), ("", "room")):
            failure = self.failureResultOf(self.groups.add(connection_id, group), ValueError)
            self.assertEqual(str(failure.value), "Argument cannot be null or empty")
        self.assertEqual(self.members.changes, [])


class ConflationTests(AudienceTestCase):
    """Calls of which each replaces the one before."""

    def behind(self) -> list[str]:
        """What a reader gets that has not been there meanwhile."""
        topic = self.bus.subscribe("h-Chat")
        self.bus.flush()
        return [message.decode() for message in self.bus.backlog("late", {topic: 0}, 0).messages]

    def test_who_is_behind_gets_the_newest_of_each_method_and_key(self) -> None:
        """Calls about other things, of other methods, and without a key are all kept."""
        everybody = self.clients.all
        for key, price in (("a", 1), ("b", 2), ("a", 3)):
            everybody.conflate(key).priced(key, price)
        everybody.conflate("a").closed("a")
        everybody.said("x")
        everybody.said("x")
        self.assertEqual(
            self.behind(),
            [
                '{"H":"Chat","M":"priced","A":["b",2]}',
                '{"H":"Chat","M":"priced","A":["a",3]}',
                '{"H":"Chat","M":"closed","A":["a"]}',
                '{"H":"Chat","M":"said","A":["x"]}',
                '{"H":"Chat","M":"said","A":["x"]}',
            ],
        )

    def test_who_keeps_up_gets_everything(self) -> None:
        """Conflation is for those who are behind."""
        for price in (1, 2):
            self.clients.all.conflate("a").priced(price)
        self.assertEqual(len(self.caller.take()), 2)

    def test_it_keeps_who_is_addressed_and_what_rides_along(self) -> None:
        """Exclusions, and the caller's state."""
        self.state.index = 1
        self.clients.caller.conflate(1).said()
        self.clients.others.conflate(1).said()
        self.assertEqual(self.caller.take(), ['{"H":"Chat","M":"said","A":[],"S":{"index":1}}'])

    def test_a_key_is_something(self) -> None:
        """Nothing is no key, and neither is what cannot be compared."""
        self.assertRaises(ValueError, self.clients.all.conflate, None)
        self.assertRaises(TypeError, self.clients.all.conflate, ["a"])
