"""What clients see and hubs are told, whatever the transport: one set of tests, run over each of them."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.web.clients import Client, ForeverFrameClient, PollingClient, ServerSentEventsClient, WebSocketClient
from tests.web.probe import BrokenHubError
from tests.web.support import SiteHarness
from twisted_ticker.signalr import EndpointSettings, KeyRing, Settings


class TransportTests:
    """
    Behaviour of every transport; subclasses name the client.

    Attributes:
        client_class: a client of the transport.
        other_class: a client of another one.
        absence_seconds: how long a client may at least be away.
    """

    client_class: type[Client]
    other_class: type[Client]
    absence_seconds = 35.0

    def setUp(self) -> None:
        self.harness = SiteHarness(self)  # type: ignore[arg-type]

    def client(self, **options: Any) -> Any:
        """A client that has not connected."""
        return self.client_class(self.harness, **options)

    def connected(self, **options: Any) -> Any:
        """A client that is connected and listens."""
        client = self.client(**options)
        client.come()
        return client

    def events(self, client: Client) -> list[str]:
        """What the hub was told of a client after it connected."""
        first, *rest = self.harness.journal.of(client)
        self.assertEqual(first, "connected")
        return rest

    # Connecting

    def test_the_first_envelope_says_that_the_transport_works(self) -> None:
        """What is sent first is an envelope with cursor, ``S`` and no messages, in this order of keys."""
        client = self.client()
        client.connect()
        client.take()
        self.assertEqual(client.texts, [f'{{"C":"{client.cursor}","S":1,"M":[]}}'])

    def test_only_the_first_envelope_says_so(self) -> None:
        """Later envelopes have no ``S``."""
        client = self.connected()
        self.harness.say("a")
        self.harness.say("b")
        self.assertEqual([list(envelope) for envelope in client.take()], [["C", "M"], ["C", "M"]])

    def test_the_hub_is_told_at_start(self) -> None:
        """``on_connected`` runs at ``/start``, not before."""
        client = self.client()
        client.connect()
        client.take()
        self.assertEqual(self.harness.journal.of(client), [])
        response = client.start()
        self.assertEqual(response.body, b'{ "Response": "started" }')
        self.assertEqual(self.harness.journal.of(client), ["connected"])

    def test_starting_twice_is_starting_once(self) -> None:
        """A second ``/start`` is answered like the first, and the hub is not told again."""
        client = self.connected()
        response = client.start()
        self.assertEqual((response.status, response.body), (200, b'{ "Response": "started" }'))
        self.assertEqual(self.harness.journal.of(client), ["connected"])

    def test_starts_wait_for_the_hub(self) -> None:
        """Both of two ``/start`` requests are answered when ``on_connected``, which runs once, is done."""
        client = self.client()
        client.connect()
        self.harness.journal.connecting = Deferred()
        starts = [self.harness.connection() for _ in range(2)]
        for start in starts:
            start.request("GET", client.target("start"))
        self.assertEqual([start.raw for start in starts], [b"", b""])
        self.harness.journal.connecting.callback(None)
        self.harness.flush()
        for start in starts:
            self.assertEqual(start.response and start.response.body, b'{ "Response": "started" }')
        self.assertEqual(self.harness.journal.of(client), ["connected"])

    def test_a_failing_start_is_an_error_without_text(self) -> None:
        """When ``on_connected`` fails, ``/start`` is answered with 500 and nothing else; it can be tried again."""
        client = self.client()
        client.connect()
        client.take()
        self.harness.journal.failing = {"connected"}
        response = client.start()
        self.assertEqual((response.status, response.body), (500, b""))
        self.assertEqual(len(self.flushLoggedErrors(BrokenHubError)), 1)
        self.harness.journal.failing = set()
        self.assertEqual(client.start().status, 200)

    def test_old_clients_are_connected_by_connecting(self) -> None:
        """Below protocol 1.4 there is no start: the hub is told at ``/connect``, and the client when that is done."""
        for protocol in (None, "1.2", "1.3", "nonsense"):
            client = self.client(protocol=protocol)
            client.negotiate()
            done = self.harness.journal.connecting = Deferred()
            client.connect()
            self.assertEqual(client.take(), [], protocol)
            self.assertEqual(self.harness.journal.of(client), ["connected"], protocol)
            done.callback(None)
            [envelope] = client.take()
            self.assertEqual(envelope["S"], 1, protocol)

    def test_old_clients_get_what_is_sent_while_the_hub_is_told(self) -> None:
        """What is published while ``on_connected`` runs comes with the first envelope."""
        client = self.client(protocol="1.2")
        done = self.harness.journal.connecting = Deferred()
        client.connect()
        self.harness.say("early")
        done.callback(None)
        [envelope] = client.take()
        self.assertEqual((envelope["S"], [message["A"] for message in envelope["M"]]), (1, [["early"]]))

    def test_an_old_client_that_starts_is_connected_once(self) -> None:
        """A ``/start`` behind an old client's ``/connect`` changes nothing."""
        client = self.client(protocol="1.3")
        client.connect()
        client.take()
        client.start()
        self.assertEqual(self.harness.journal.of(client), ["connected"])

    def test_an_old_client_is_let_go_when_the_hub_fails(self) -> None:
        """When ``on_connected`` fails, the receive request of an old client ends."""
        client = self.client(protocol="1.2")
        self.harness.journal.failing = {"connected"}
        client.connect()
        client.assert_ended(self)
        self.assertEqual(len(self.flushLoggedErrors(BrokenHubError)), 1)

    def test_a_connection_without_hubs_works(self) -> None:
        """Without hubs in ``connectionData`` there are no messages and no events, but calls are answered."""
        client = self.connected(hubs=())
        self.harness.say("not for you")
        self.assertEqual(client.invoke("add", 1, 2)["R"], 3)
        client.abort()
        client.assert_ended(self)
        self.assertEqual(self.harness.journal.events, [])

    def test_messages_of_other_hubs_do_not_come(self) -> None:
        """A client hears the hubs it lists, in whatever letter case, and may call any."""
        client = self.connected(hubs=("OTHERHUB",))
        self.harness.say("not for you")
        client.invoke("shout", "you", hub="otherhub")
        [envelope] = client.take()
        self.assertEqual(envelope["M"], [{"H": "OtherHub", "M": "heard", "A": ["you"]}])

    # Calls

    def test_results_have_their_exact_text(self) -> None:
        """Results, nothing, null, falsehoods, errors and hub exceptions look as the reference server's do."""
        client = self.connected()
        expected = [
            (("add", 1, 2), '{"R":3,"I":"0"}'),
            (("nothing",), '{"I":"1"}'),
            (("echo", None), '{"I":"2"}'),
            (("echo", False), '{"R":false,"I":"3"}'),
            (("echo", 0), '{"R":0,"I":"4"}'),
            (("echo", ""), '{"R":"","I":"5"}'),
            (("ECHO", {"b": [1], "A": "ü<>"}), '{"R":{"b":[1],"A":"ü<>"},"I":"6"}'),
            (("Fail",), '{"I":"7","E":"There was an error invoking Hub method \'pRobe.Fail\'."}'),
            (("refuse", "No."), '{"I":"8","H":true,"E":"No.","D":{"why":"tested"}}'),
            (("noSuch",), '{"I":"9","E":"There was an error invoking Hub method \'pRobe.noSuch\'."}'),
            (("add", 1), '{"I":"10","E":"There was an error invoking Hub method \'pRobe.add\'."}'),
            (("add", 1, {}), '{"I":"11","E":"There was an error invoking Hub method \'pRobe.add\'."}'),
            (("remember", [1]), '{"S":{"memory":[1]},"I":"12"}'),
        ]
        for (method, *arguments), text in expected:
            client.invoke(method, *arguments, hub="pRobe")
            self.assertEqual(client.texts[-1], client.written(text))
        self.assertEqual(len(self.flushLoggedErrors(BrokenHubError)), 1)

    def test_detailed_errors_tell_why(self) -> None:
        """With detailed errors on, results tell the texts of exceptions and what could not be resolved."""
        self.harness = SiteHarness(self, endpoint_settings=EndpointSettings(enable_detailed_errors=True))
        client = self.connected()
        self.assertEqual(client.invoke("fail")["E"], "secret of a method")
        self.assertEqual(
            client.invoke("noSuch")["E"], "'noSuch' method could not be resolved. No method found with that name."
        )
        self.assertEqual(len(self.flushLoggedErrors(BrokenHubError)), 1)

    def test_ids_come_back_as_strings(self) -> None:
        """Whatever the call's id is, the result's is its text, or null."""
        client = self.connected()
        expected = [("7", '"7"'), ('"abc"', '"abc"'), ("1.0", '"1.0"'), ("null", "null"), ('""', '""')]
        for sent, received in expected:
            client.send_text(f'{{"H":"Probe","M":"add","A":[1,2],"I":{sent}}}')
            self.assertEqual(client.texts[-1], f'{{"R":3,"I":{received}}}')
        client.send_text('{"H":"Probe","M":"add","A":[1,2]}')
        self.assertEqual(client.texts[-1], '{"R":3,"I":null}')

    def test_calls_of_the_client_precede_the_result_of_the_call_that_made_them(self) -> None:
        """What a hub method sends to its caller leaves before its result."""
        client = self.connected()
        client.invoke("callBack", "first")
        wire = b"".join(self.harness.written)
        self.assertIn(b'"M":"said","A":["first"]', wire)
        self.assertLess(wire.index(b'"M":"said","A":["first"]'), wire.index(b'"R":"first"'))
        self.assertEqual(client.heard(), ["first"])

    def test_state_rides_on_calls_of_the_client(self) -> None:
        """State that a method changes reaches the client with the next call to it, or else with the result."""
        client = self.connected()
        answer = client.invoke("remember", "b", S={"memory": "a"})
        self.assertEqual(answer["S"], {"memory": "b"})
        self.assertNotIn("S", client.invoke("remember", "a", S={"memory": "a"}))

    def test_calls_of_one_client_run_at_the_same_time(self) -> None:
        """A slow call does not delay the next one's result."""
        client = self.connected()
        slow = client.send("slow")
        self.assertEqual(client.invoke("add", 1, 2)["R"], 3)
        self.assertIsNone(client.result_of(slow))
        self.harness.journal.slow[0].callback("at last")
        self.assertEqual(client.result_of(slow), {"R": "at last", "I": slow})

    # Messages

    def test_everybody_gets_a_broadcast(self) -> None:
        """A message for all reaches all, the caller included."""
        clients = [self.connected() for _ in range(3)]
        clients[0].invoke("broadcast", "hello")
        self.assertEqual([client.heard() for client in clients], [["hello"]] * 3)

    def test_a_call_of_the_client_has_its_exact_text(self) -> None:
        """Hub and method are spelled as declared, and everybody gets the same text."""
        clients = [self.connected() for _ in range(2)]
        clients[0].invoke("broadcast", "hé")
        for client in clients:
            client.take()
            text = f'{{"C":"{clients[0].cursor}","M":[{{"H":"Probe","M":"said","A":["hé"]}}]}}'
            self.assertEqual([text for text in client.texts if "said" in text], [text])

    def test_messages_of_one_turn_come_in_one_envelope(self) -> None:
        """What is published together arrives together, in order."""
        client = self.connected()
        self.harness.say("a", "b", "c")
        [envelope] = client.take()
        self.assertEqual([message["A"] for message in envelope["M"]], [["a"], ["b"], ["c"]])

    def test_many_messages_keep_their_order(self) -> None:
        """A burst of messages over many turns arrives complete and in order."""
        client = self.connected()
        texts = [str(number) for number in range(900)]
        for start in range(0, 900, 30):
            self.harness.say(*texts[start : start + 30])
        self.assertEqual(client.heard(), texts)

    def test_others_leaves_the_caller_out(self) -> None:
        """A message for the others reaches them and not the caller."""
        caller, other = self.connected(), self.connected()
        caller.invoke("tellOthers", "psst")
        self.assertEqual((caller.heard(), other.heard()), ([], ["psst"]))

    # Reconnecting

    def test_a_reconnected_client_gets_exactly_what_it_missed(self) -> None:
        """From its cursor on it gets everything, once and in order, and the hub learns that nothing is missing."""
        client = self.connected()
        self.harness.say("before")
        self.assertEqual(client.heard(), ["before"])
        client.drop()
        self.harness.say("a", "b")
        self.harness.say("c")
        client.reconnect()
        self.assertEqual(client.heard(), ["a", "b", "c"])
        self.harness.say("after")
        self.assertEqual(client.heard(), ["after"])
        self.assertEqual(self.events(client), ["reconnected missed=False"])

    def test_a_reconnect_that_missed_nothing_is_silent(self) -> None:
        """Nothing is sent to a client that is back and has everything; above all no ``S``."""
        client = self.connected()
        client.drop()
        client.reconnect()
        self.assertEqual(client.take(), [])
        self.assertTrue(client.served)
        self.assertEqual(self.events(client), ["reconnected missed=False"])

    def test_an_older_cursor_brings_messages_again(self) -> None:
        """What a client has not acknowledged by its cursor it gets once more."""
        client = self.connected()
        cursor = client.cursor
        self.harness.say("a")
        self.harness.say("b")
        self.assertEqual(client.heard(), ["a", "b"])
        client.drop()
        client.reconnect(cursor=cursor)
        self.assertEqual(client.heard(), ["a", "b"])

    def test_a_long_absence_keeps_order(self) -> None:
        """A client that missed hundreds of messages gets them all, in order, in several envelopes."""
        client = self.connected()
        client.drop()
        texts = [str(number) for number in range(700)]
        self.harness.say(*texts)
        client.reconnect()
        self.assertEqual(client.heard(), texts)

    def test_exclusions_hold_on_replay(self) -> None:
        """A message that was not for a client is not replayed to it."""
        caller, other = self.connected(), self.connected()
        cursor = caller.cursor
        caller.invoke("tellOthers", "psst")
        self.harness.say("all")
        for client in (caller, other):
            client.take()
            client.drop()
            client.reconnect(cursor=cursor)
        self.assertEqual((caller.heard(), other.heard()), (["all"], ["psst", "all"]))

    def test_a_cursor_that_says_nothing_means_now(self) -> None:
        """Without a cursor, or with a foreign, garbled or future one, the stream starts now; the hub is told."""
        client = self.connected()
        epoch, _, _ = (client.cursor or "").rpartition("-")
        cursors = ["", "nonsense", "-", "d-1A2B3C4D-A,1|B,2", "s-0,1", f"{epoch}-ffff", f"{epoch}-zz", "deadbeef-1"]
        for cursor in [*cursors, "x" * 5000]:
            client.drop()
            self.harness.say("missed")
            client.cursor = None
            client.reconnect(cursor=cursor)
            self.assertEqual(client.heard(), [], cursor)
            self.assertEqual(self.harness.journal.of(client)[-1], "reconnected missed=True", cursor)
            self.harness.say("new")
            self.assertEqual(client.heard(), ["new"], cursor)
        self.assertEqual(self.harness.server.counters.gaps, len(cursors) + 1)

    def test_messages_that_are_no_longer_kept_are_announced_as_missed(self) -> None:
        """A client that was away for more than the ring keeps gets what is left, and the hub is told."""
        self.harness = SiteHarness(self, settings=Settings(default_message_buffer_size=32))
        client = self.connected()
        client.drop()
        for number in range(33):
            self.harness.say(str(number))
        client.reconnect()
        self.assertEqual(client.heard(), [str(number) for number in range(1, 33)])
        self.assertEqual(self.events(client), ["reconnected missed=True"])

    def test_a_ring_that_is_just_full_has_everything(self) -> None:
        """As many messages as the ring keeps are no gap."""
        self.harness = SiteHarness(self, settings=Settings(default_message_buffer_size=32))
        client = self.connected()
        client.drop()
        for number in range(32):
            self.harness.say(str(number))
        client.reconnect()
        self.assertEqual(client.heard(), [str(number) for number in range(32)])
        self.assertEqual(self.events(client), ["reconnected missed=False"])

    def test_a_reconnect_the_hub_fails_on_is_ended(self) -> None:
        """When ``on_reconnected`` fails, the receive request ends, and the client may try again."""
        client = self.connected()
        client.drop()
        self.harness.journal.failing = {"reconnected"}
        client.reconnect()
        client.assert_ended(self)
        self.assertEqual(len(self.flushLoggedErrors(BrokenHubError)), 1)
        self.harness.journal.failing = set()
        self.harness.say("missed")
        client.reconnect()
        self.assertEqual(client.heard(), ["missed"])

    # Replacing

    def replace(self, client: Client, successor: Client) -> None:
        """Let *successor* take over a connection, and check that the hub notices nothing."""
        successor.adopt(client)
        successor.connect()
        client.assert_ended(self)
        [envelope] = successor.take()
        self.assertEqual(envelope["S"], 1)
        self.harness.say("new")
        self.assertEqual(successor.heard(), ["new"])
        successor.start()
        self.assertEqual(self.events(client), [])
        self.assertEqual(len(self.harness.server.connections), 1)

    def test_a_second_receive_request_ends_the_first(self) -> None:
        """A client has one receive request; a new one ends the old one properly, and nobody is disconnected."""
        self.replace(self.connected(), self.client())

    def test_another_transport_takes_over(self) -> None:
        """A receive request over another transport ends the old one, too."""
        self.replace(self.connected(), self.other_class(self.harness))

    def test_the_end_of_a_replaced_request_means_nothing(self) -> None:
        """That a replaced request's connection is closed does not make the client absent."""
        client, successor = self.connected(), self.client()
        successor.adopt(client)
        successor.connect()
        successor.take()
        client.drop()
        self.harness.advance(45)
        self.assertEqual(self.events(client), [])
        self.assertTrue(successor.served)

    # Leaving

    def test_an_abort_ends_everything_at_once(self) -> None:
        """An abort is answered at once, ends the receive request, and the hub is told that the client said so."""
        client = self.connected()
        response = client.abort()
        self.assertEqual((response.status, response.header("Content-Type"), response.body), (200, "text/plain", b""))
        client.assert_ended(self)
        self.assertEqual(self.events(client), ["disconnected stop_called=True"])
        self.assertEqual(self.harness.server.connections, {})

    def test_an_abort_counts_once(self) -> None:
        """However often and by whatever method it is sent, one abort reaches the hub."""
        for methods in (("POST", "POST"), ("GET", "POST"), ("GET", "GET")):
            client = self.connected()
            for method in methods:
                self.assertEqual(client.abort(method).status, 200)
            self.harness.advance(60)
            self.assertEqual(self.events(client), ["disconnected stop_called=True"], methods)

    def test_an_abort_after_the_receive_request_was_lost(self) -> None:
        """Browsers close the socket before they post the abort; the client has still said goodbye."""
        client = self.connected()
        client.drop()
        client.abort()
        self.harness.advance(60)
        self.assertEqual(self.events(client), ["disconnected stop_called=True"])

    def test_an_abort_of_nobody_is_harmless(self) -> None:
        """An abort before the connection is answered like any other; the hub is not told."""
        client = self.client()
        client.negotiate()
        self.assertEqual(client.abort().status, 200)
        self.assertEqual(self.harness.journal.events, [])

    def test_an_aborted_client_may_come_back(self) -> None:
        """Any valid token is good at any time."""
        client = self.connected()
        client.abort()
        client.assert_ended(self)
        client.connect()
        [envelope] = client.take()
        self.assertEqual(envelope["S"], 1)
        self.assertEqual(client.invoke("add", 1, 2)["R"], 3)

    def test_a_failing_goodbye_disturbs_nobody(self) -> None:
        """When ``on_disconnected`` fails, it is logged, and the abort is answered all the same."""
        client = self.connected()
        self.harness.journal.failing = {"disconnected"}
        self.assertEqual(client.abort().status, 200)
        self.assertEqual(len(self.flushLoggedErrors(BrokenHubError)), 1)

    def test_a_client_that_vanishes_is_missed_after_a_while(self) -> None:
        """The hub is told when it has been away for the disconnect timeout, at most a beat later."""
        for _ in range(3):
            # At different distances from the beat.
            self.harness.advance(1.5)
            client = self.connected()
            client.drop()
            self.harness.advance(self.absence_seconds - 0.5)
            self.assertEqual(self.events(client), [])
            self.harness.advance(5.5)
            self.assertEqual(self.events(client), ["disconnected stop_called=False"])
            self.harness.advance(100)
            self.assertEqual(len(self.events(client)), 1)

    def test_a_client_that_is_there_is_not_missed(self) -> None:
        """A client that listens stays connected, however little happens."""
        client = self.connected()
        for _ in range(15):
            self.harness.advance(20)
            client.take()
        self.assertEqual(self.events(client), [])
        self.assertTrue(client.served)

    def test_a_client_that_was_given_up_may_come_back(self) -> None:
        """A reconnect after that is a reconnect like any other, and brings what was missed."""
        client = self.connected()
        client.drop()
        self.harness.advance(self.absence_seconds + 5)
        self.harness.say("missed")
        client.reconnect()
        self.assertEqual(client.heard(), ["missed"])
        self.assertEqual(self.events(client), ["disconnected stop_called=False", "reconnected missed=False"])
        self.assertEqual(client.invoke("add", 1, 2)["R"], 3)

    def test_a_client_that_never_started_is_missed_too(self) -> None:
        """A connection without a start is given up like any other."""
        client = self.client()
        client.connect()
        client.take()
        client.drop()
        self.harness.advance(self.absence_seconds + 5)
        self.assertEqual(self.harness.journal.of(client), ["disconnected stop_called=False"])
        self.assertEqual(self.harness.server.connections, {})

    # Signs of life

    def test_everybody_is_sent_a_sign_of_life_at_the_same_time(self) -> None:
        """Every ten seconds of the server's life, however new a client is and whatever it was just sent."""
        first = self.connected()
        self.harness.advance(8)
        second = self.connected()
        self.harness.advance(1.5)
        self.harness.say("busy")
        self.assertEqual((first.heard(), second.heard()), (["busy"], ["busy"]))
        self.assertEqual((first.keep_alives, second.keep_alives), (0, 0))
        self.harness.advance(0.5)
        self.assertEqual((first.keep_alives, second.keep_alives), (1, 1))
        self.harness.advance(9.5)
        self.assertEqual((first.keep_alives, second.keep_alives), (1, 1))
        self.harness.advance(0.5)
        self.assertEqual((first.keep_alives, second.keep_alives), (2, 2))

    def test_signs_of_life_can_be_off(self) -> None:
        """Without keep-alive every receive request ends after the connection timeout, and nobody is disconnected."""
        self.harness = SiteHarness(self, settings=Settings(keep_alive=None, connection_timeout=20))
        client = self.connected()
        self.harness.advance(19.5)
        self.assertTrue(client.served)
        self.harness.advance(5.5)
        self.assertEqual(client.keep_alives, 0)
        client.assert_ended(self)
        self.assertEqual(self.events(client), [])

    # Groups

    def test_joining_a_group_brings_a_token(self) -> None:
        """The client is sent a groups token when it joins or leaves, once each; joining again changes nothing."""
        client = self.connected()
        client.invoke("join", "g")
        [envelope] = client.take()
        self.assertEqual(list(envelope), ["C", "G", "M"])
        self.assertEqual(envelope["M"], [])
        client.invoke("join", "g")
        self.assertEqual([envelope for envelope in client.take() if "G" in envelope], [])
        client.invoke("leave", "g")
        [envelope] = client.take()
        self.assertNotEqual(envelope["G"], "")

    def test_a_groups_token_rides_on_messages(self) -> None:
        """A token that is due goes out with the messages of the same turn, not by itself."""
        client = self.connected()
        self.harness.hub.clients.all.said("a")
        self.harness.hub.groups.add(client.connection_id, "g")
        self.harness.hub.clients.all.said("b")
        self.harness.flush()
        envelopes = client.take()
        self.assertEqual(sum("G" in envelope for envelope in envelopes), 1)
        self.assertEqual([message["A"] for envelope in envelopes for message in envelope["M"]], [["a"], ["b"]])

    def test_members_hear_what_is_told_to_a_group(self) -> None:
        """Messages to a group reach those who are in it at the moment, exactly."""
        member, stranger = self.connected(), self.connected()
        stranger.invoke("tell", "g", "before")
        member.invoke("join", "g")
        stranger.invoke("tell", "g", "while")
        stranger.invoke("tell", "G", "names are case-sensitive")
        self.assertEqual((member.heard(), stranger.heard()), (["while"], []))
        member.invoke("leave", "g")
        stranger.invoke("tell", "g", "after")
        self.assertEqual((member.heard(), stranger.heard()), ([], []))

    def test_what_a_group_was_told_before_a_member_left_is_for_the_member(self) -> None:
        """Whoever leaves a group still gets what it was told before, even if he has not got it yet."""
        member, other = self.connected(), self.connected()
        member.invoke("join", "g")
        member.take()
        member.drop()
        other.invoke("tell", "g", "while")
        self.harness.hub.groups.remove(member.connection_id, "g")
        other.invoke("tell", "g", "after")
        member.reconnect()
        self.assertEqual(member.heard(), ["while"])

    def test_a_reconnected_client_is_in_its_groups(self) -> None:
        """It hears what its groups were told while it was away."""
        client, other = self.connected(), self.connected()
        client.invoke("join", "g")
        client.take()
        client.drop()
        other.invoke("tell", "g", "missed")
        client.reconnect()
        self.assertEqual(client.heard(), ["missed"])
        other.invoke("tell", "g", "new")
        self.assertEqual(client.heard(), ["new"])

    def test_the_servers_memory_counts_more_than_an_old_token(self) -> None:
        """A client that is known is in its groups whatever token it brings, and is told what they are."""
        client, other = self.connected(), self.connected()
        client.invoke("join", "g")
        client.take()
        client.drop()
        client.groups_token = None
        client.reconnect()
        [envelope] = client.take()
        self.assertIn("G", envelope)
        other.invoke("tell", "g", "new")
        self.assertEqual(client.heard(), ["new"])

    def test_a_group_left_is_left_whatever_the_token_says(self) -> None:
        """A token from before the client left its group does not bring it back."""
        client, other = self.connected(), self.connected()
        client.invoke("join", "g")
        client.take()
        token = client.groups_token
        client.invoke("leave", "g")
        client.take()
        client.drop()
        client.reconnect(groups_token=token)
        other.invoke("tell", "g", "members only")
        self.harness.say("all")
        self.assertEqual(client.heard(), ["all"])

    def test_messages_from_before_the_join_are_not_replayed(self) -> None:
        """Neither to a client that is known, nor to one that has been given up, which its token speaks for."""
        for absence in (0, self.absence_seconds + 5):
            client, other = self.connected(), self.connected()
            cursor = client.cursor
            other.invoke("tell", "g", "before")
            client.invoke("join", "g")
            other.invoke("tell", "g", "after")
            self.assertEqual(client.heard(), ["after"])
            client.drop()
            self.harness.advance(absence)
            client.reconnect(cursor=cursor)
            self.assertEqual(client.heard(), ["after"], absence)
            client.abort()
            other.abort()

    def test_the_token_speaks_for_the_client_at_another_server(self) -> None:
        """A server with the same keys, such as this one restarted, puts a client into its groups by its token."""
        keys = KeyRing.generate()
        self.harness = SiteHarness(self, keys=keys)
        client = self.connected()
        # The next run's messages are numbered from one again, below the one at which the client joined.
        self.harness.say(*("x" * 20))
        client.invoke("join", "g")
        client.take()
        self.harness.stop()
        client.assert_ended(self)

        restarted = SiteHarness(self, keys=keys, clock=self.harness.clock)
        client.harness = restarted
        client.reconnect()
        client.take()
        self.assertEqual(restarted.journal.of(client), ["reconnected missed=True"])
        restarted.hub.clients.group("g").said("you are in it")
        restarted.hub.clients.group("h").said("not in this")
        self.assertEqual(client.heard(), ["you are in it"])
        client.drop()
        restarted.hub.clients.group("g").said("and still are")
        client.reconnect()
        self.assertEqual(client.heard(), ["and still are"])

    def test_a_token_that_is_not_ours_means_no_groups(self) -> None:
        """Garbled, tampered with, another connection's: no error and no groups."""
        keys = KeyRing.generate()
        self.harness = SiteHarness(self, keys=keys)
        client, thief = self.connected(), self.connected()
        client.invoke("join", "g")
        client.take()
        stolen = client.groups_token
        for token in (stolen, "nonsense", stolen[:-4] + "AAAA", thief.token):
            fresh = SiteHarness(self, keys=keys, clock=self.harness.clock)
            thief.harness = fresh
            thief.reconnect(groups_token=token)
            thief.take()
            fresh.hub.clients.group("g").said("members only")
            fresh.say("all")
            self.assertEqual(thief.heard(), ["all"])

    # Stopping

    def test_stopping_the_server_ends_requests_properly(self) -> None:
        """Receive requests end as they should, and the hub is not told: the clients will come back."""
        client = self.connected()
        self.harness.stop()
        client.assert_ended(self)
        self.assertEqual(self.events(client), [])

    def test_stopping_the_server_loses_nothing(self) -> None:
        """What was published in the moment of the stop still leaves."""
        client = self.connected()
        self.harness.hub.clients.all.said("last words")
        self.harness.stop()
        self.assertEqual(client.heard(again=False), ["last words"])
        self.assertEqual(self.events(client), [])

    def test_a_stopped_server_takes_no_receive_requests(self) -> None:
        """They are refused, so that clients try another server; calls are still answered."""
        client = self.connected()
        self.harness.stop()
        response = client.fetch("poll", transport="longPolling")
        self.assertEqual(response.status, 503)
        response = client.fetch(
            "send", method="POST", transport="longPolling", body=b'data={"H":"probe","M":"add","A":[1,2],"I":0}'
        )
        self.assertEqual(response.body, b'{"R":3,"I":"0"}')


class WebSocketTransportTests(TransportTests, SynchronousTestCase):
    """The behaviour over WebSocket."""

    client_class = WebSocketClient
    other_class = PollingClient


class LongPollingTransportTests(TransportTests, SynchronousTestCase):
    """The behaviour over long polling."""

    client_class = PollingClient
    other_class = WebSocketClient
    absence_seconds = 30.0


class ServerSentEventsTransportTests(TransportTests, SynchronousTestCase):
    """The behaviour of all transports, by server-sent events."""

    client_class = ServerSentEventsClient
    other_class = PollingClient


class ForeverFrameTransportTests(TransportTests, SynchronousTestCase):
    """The behaviour of all transports, in a hidden frame."""

    client_class = ForeverFrameClient
    other_class = ServerSentEventsClient
