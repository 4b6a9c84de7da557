"""Tests for `twisted_ticker.web.long_polling`: what is particular about polls."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from twisted.trial.unittest import SynchronousTestCase

from tests.web.clients import PollingClient
from tests.web.support import SiteHarness
from tests.web.wire import HttpConnection, HttpResponse
from twisted_ticker.signalr import Settings


class LongPollingTestCase(SynchronousTestCase):
    """A server, and a client that has connected."""

    def setUp(self) -> None:
        self.use(SiteHarness(self))

    def use(self, harness: SiteHarness) -> None:
        """Set the test up with another server."""
        self.harness = harness
        self.client = self.connected()

    def connected(self) -> PollingClient:
        """A client that has started and is between two polls."""
        client = PollingClient(self.harness)
        client.connect()
        client.take(again=False)
        client.start()
        return client

    def poll(self, method: str = "POST", command: str = "poll", *, version: str = "HTTP/1.1") -> HttpConnection:
        """Send a poll from where the client stands, on a connection of its own."""
        connection = self.harness.connection()
        position = {"messageId": self.client.cursor or ""}
        if method == "POST":
            body = urlencode(position).encode()
            connection.request(method, self.client.target(command), body=body, version=version)
        else:
            connection.request(method, self.client.target(command, **position), version=version)
        return connection

    def answer(self, poll: HttpConnection) -> HttpResponse:
        """The answer to a poll, which must be complete."""
        response = poll.response
        assert response is not None and response.complete, poll.raw
        self.assertEqual(response.status, 200)
        return response

    def said(self, poll: HttpConnection) -> list[str]:
        """The texts of the messages that a poll was answered with."""
        return [message["A"][0] for message in self.answer(poll).json["M"]]


class WireTests(LongPollingTestCase):
    """The bytes of a poll's answer."""

    def test_status_and_headers_leave_at_once(self) -> None:
        """While the poll waits, its status line and headers are there, and nothing else."""
        poll = self.poll()
        head, blank, rest = poll.raw.partition(b"\r\n\r\n")
        self.assertEqual((head.split(b"\r\n")[0], blank, rest), (b"HTTP/1.1 200 OK", b"\r\n\r\n", b""))

    def test_headers(self) -> None:
        """The answer is JSON of no known length that nobody may cache or take for anything else."""
        response = self.poll().response
        assert response is not None
        names = ("Content-Type", "Transfer-Encoding", "Content-Length", "X-Content-Type-Options", "Cache-Control")
        self.assertEqual(
            [response.header(name) for name in names],
            ["application/json; charset=UTF-8", "chunked", None, "nosniff", "no-store"],
        )
        self.assertIsNone(response.header("Set-Cookie"))

    def test_the_envelope_is_one_chunk_and_the_last(self) -> None:
        """A message comes as one chunk with the whole envelope, and ends the response but not the connection."""
        poll = self.poll()
        self.harness.say("a")
        response = self.answer(poll)
        body = f'{{"C":"{response.json["C"]}","M":[{{"H":"Probe","M":"said","A":["a"]}}]}}'.encode()
        self.assertEqual(poll.raw.partition(b"\r\n\r\n")[2], b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        self.assertFalse(poll.closed)

    def test_a_sign_of_life_is_a_chunk_of_one_blank(self) -> None:
        """Blanks come one by one before the envelope, which is still JSON with them."""
        poll = self.poll()
        self.harness.advance(25)
        assert poll.response is not None
        self.assertEqual(poll.response.chunks, [b" ", b" "])
        self.harness.say("a")
        response = self.answer(poll)
        self.assertEqual(response.chunks[:2], [b" ", b" "])
        self.assertEqual(response.body[:3], b"  {")
        self.assertEqual(self.said(poll), ["a"])

    def test_a_client_of_http_1_0(self) -> None:
        """It gets the same without chunks, and the end of the connection as the end of the body."""
        poll = self.poll(version="HTTP/1.0")
        self.assertEqual(poll.raw.partition(b"\r\n\r\n")[1:], (b"\r\n\r\n", b""))
        self.harness.advance(10)
        self.harness.say("a")
        response = self.answer(poll)
        self.assertIsNone(response.header("Transfer-Encoding"))
        self.assertEqual(response.body[:2], b" {")
        self.assertEqual(self.said(poll), ["a"])
        self.assertTrue(poll.closed)

    def test_polls_follow_each_other_on_a_connection(self) -> None:
        """A client polls over and over on one connection, which waits longer for messages than for requests."""
        connection = self.harness.connection()
        for number in range(3):
            cursor = connection.responses[-1].json["C"] if number else self.client.cursor
            body = urlencode({"messageId": cursor}).encode()
            connection.request("POST", self.client.target("poll"), body=body)
            self.harness.advance(70)
            self.assertFalse(connection.closed)
            self.harness.say(str(number))
        texts = [response.json["M"][0]["A"][0] for response in connection.responses]
        self.assertEqual(texts, ["0", "1", "2"])
        self.harness.advance(61)
        self.assertTrue(connection.closed)

    def test_two_clients_get_the_same_bytes(self) -> None:
        """Clients that wait for the same messages get identical answers."""
        first = self.poll()
        self.client = self.connected()
        second = self.poll()
        self.harness.say("a", "b")
        self.assertEqual(self.answer(first).body, self.answer(second).body)
        self.assertEqual(self.said(first), ["a", "b"])

    def test_the_result_of_a_call_is_a_json_response(self) -> None:
        """``/send`` answers with the result, its length, and the headers of JSON."""
        response = self.client.fetch("send", method="POST", body=b'data={"H":"Probe","M":"add","A":[1,2],"I":0}')
        self.assertEqual((response.status, response.body), (200, b'{"R":3,"I":"0"}'))
        names = ("Content-Type", "Content-Length", "X-Content-Type-Options", "Cache-Control")
        self.assertEqual(
            [response.header(name) for name in names], ["application/json; charset=UTF-8", "15", "nosniff", "no-store"]
        )


class PollTests(LongPollingTestCase):
    """When polls are answered, and with what."""

    def test_connecting_is_answered_at_once(self) -> None:
        """The first receive request does not wait for a message."""
        client = PollingClient(self.harness)
        client.connect()
        assert client.poll is not None
        self.assertEqual(self.answer(client.poll).json["S"], 1)

    def test_polling_by_get(self) -> None:
        """Old clients poll, and connect, by GET."""
        response = self.client.fetch("connect", tid="4")
        self.assertEqual(response.json["S"], 1)
        poll = self.poll("GET")
        self.harness.say("a")
        self.assertEqual(self.said(poll), ["a"])

    def test_any_other_command_is_a_poll(self) -> None:
        """What is no command, or none at all, is served like a poll; no hub is told of a reconnection."""
        for command in ("whatever", "", "POLL"):
            poll = self.poll(command=command)
            self.harness.say(command)
            self.assertEqual(self.said(poll), [command])
            self.client.cursor = self.answer(poll).json["C"]
        self.assertEqual(self.harness.journal.of(self.client), ["connected"])

    def test_messages_between_two_polls(self) -> None:
        """They wait for the next poll, which is answered at once, with all of them and nothing twice."""
        first = self.poll()
        self.harness.say("a")
        self.harness.say("b")
        self.harness.say("c")
        self.client.cursor = self.answer(first).json["C"]
        second = self.poll()
        self.assertEqual((self.said(first), self.said(second)), (["a"], ["b", "c"]))
        self.client.cursor = self.answer(second).json["C"]
        third = self.poll()
        self.harness.advance(100)
        assert third.response is not None
        self.assertFalse(third.response.complete)

    def test_a_poll_waits_for_the_connection_timeout(self) -> None:
        """After 110 seconds, at the next beat, it is answered with an empty envelope at the same cursor."""
        for _ in range(2):
            self.harness.advance(1.5)
            poll = self.poll()
            self.harness.advance(109.5)
            assert poll.response is not None
            self.assertFalse(poll.response.complete)
            self.harness.advance(5.5)
            text = self.answer(poll).body.decode()
            self.assertEqual(text.lstrip(" "), f'{{"C":"{self.client.cursor}","M":[]}}')
            self.assertEqual(text.count(" "), 11)
        self.assertEqual(self.harness.journal.of(self.client), ["connected"])

    def test_where_the_position_is_read(self) -> None:
        """The message id may be in the query or in the form; the query's counts, unless it is empty."""
        start = self.client.cursor or ""
        self.harness.say("a")
        middle = self.answer(self.poll()).json["C"]
        self.harness.say("b")
        cases = [
            ({}, {"messageId": start}, ["a", "b"]),
            ({"messageId": start}, {}, ["a", "b"]),
            ({"messageId": middle}, {"messageId": start}, ["b"]),
            ({"messageId": start}, {"messageId": middle}, ["a", "b"]),
            ({"messageId": ""}, {"messageId": middle}, ["b"]),
            ({"MESSAGEID": middle}, {}, ["b"]),
        ]
        for query, form, texts in cases:
            connection = self.harness.connection()
            connection.request("POST", self.client.target("poll", **query), body=urlencode(form).encode())
            self.assertEqual(self.said(connection), texts, (query, form))

    def test_a_poll_without_a_position_has_missed_something(self) -> None:
        """It starts now; as no reconnection tells the hub, it is told of a gap."""
        self.harness.say("a")
        self.client.cursor = None
        poll = self.poll()
        self.harness.say("b")
        self.assertEqual(self.said(poll), ["b"])
        self.assertEqual(self.harness.journal.of(self.client), ["connected", "gap"])
        self.assertEqual(self.harness.server.counters.gaps, 1)

    def test_a_poll_after_the_ring_has_turned(self) -> None:
        """A client that polls too late for all messages gets the rest, and the hub is told, once."""
        self.use(SiteHarness(self, settings=Settings(default_message_buffer_size=32)))
        for number in range(40):
            self.harness.say(str(number))
        poll = self.poll()
        self.assertEqual(self.said(poll), [str(number) for number in range(8, 40)])
        self.client.cursor = self.answer(poll).json["C"]
        self.poll()
        self.assertEqual(self.harness.journal.of(self.client), ["connected", "gap"])

    def test_only_reconnecting_is_a_reconnection(self) -> None:
        """``/reconnect`` waits like a poll, and tells the hub; polling on after a pause tells nobody."""
        self.harness.advance(20)
        poll = self.poll()
        poll.drop()
        self.assertEqual(self.harness.journal.of(self.client), ["connected"])
        poll = self.poll(command="reconnect")
        self.assertEqual(self.harness.journal.of(self.client), ["connected", "reconnected missed=False"])
        self.harness.advance(20)
        self.harness.say("a")
        self.assertEqual(self.said(poll), ["a"])

    def test_a_group_joined_between_two_polls(self) -> None:
        """The next poll is answered at once, with the token; the one after it waits."""
        self.client.invoke("join", "g")
        poll = self.poll()
        envelope = self.answer(poll).json
        self.assertEqual(list(envelope), ["C", "G", "M"])
        self.client.cursor, self.client.groups_token = envelope["C"], envelope["G"]
        self.client.poll_again()
        self.assertTrue(self.client.served)

    def test_a_second_poll_ends_the_first(self) -> None:
        """The older of two polls is answered with an empty envelope; the newer gets the messages."""
        first, second = self.poll(), self.poll()
        self.assertEqual(self.answer(first).body.decode(), f'{{"C":"{self.client.cursor}","M":[]}}')
        self.harness.say("a")
        self.assertEqual(self.said(second), ["a"])

    def test_a_burst_is_no_more_than_a_client_takes(self) -> None:
        """Who polls late gets a long backlog in pieces, each from where the last one ended."""
        texts = [str(number) for number in range(600)]
        self.harness.say(*texts)
        received: list[str] = []
        polls = 0
        while len(received) < len(texts):
            poll = self.poll()
            received += self.said(poll)
            self.client.cursor = self.answer(poll).json["C"]
            polls += 1
        self.assertEqual((received, polls), (texts, 3))

    def test_calls_by_get(self) -> None:
        """``/send`` reads the call from the query where the form has none."""
        call = json.dumps({"H": "probe", "M": "add", "A": [1, 2], "I": 5})
        self.assertEqual(self.client.fetch("send", data=call).body, b'{"R":3,"I":"5"}')
        other = urlencode({"data": json.dumps({"H": "probe", "M": "add", "A": [3, 4], "I": 6})}).encode()
        response = self.client.fetch("send", method="POST", body=other, data=call)
        self.assertEqual(response.body, b'{"R":7,"I":"6"}')


class VanishingTests(LongPollingTestCase):
    """Clients that do not wait for the answer."""

    def test_the_next_poll_gets_everything(self) -> None:
        """What was published since the client vanished in the middle of a poll is for the next one."""
        poll = self.poll()
        poll.drop()
        self.harness.say("a")
        self.harness.say("b")
        self.assertEqual(poll.raw.partition(b"\r\n\r\n")[2], b"")
        self.assertEqual(self.said(self.poll()), ["a", "b"])

    def test_nothing_is_left_behind(self) -> None:
        """After the connection there is no timer but the server's own two."""
        self.poll().drop()
        calls = [str(call) for call in self.harness.clock.getDelayedCalls()]
        self.assertEqual(len(calls), 2)
        for owner in ("Heartbeat", "GroupsTokenRenewal"):
            self.assertTrue(any(owner in call for call in calls), calls)

    def test_messages_of_the_moment(self) -> None:
        """A message that is published as the client vanishes is not lost with it."""
        poll = self.poll()
        self.harness.hub.clients.all.said("a")
        poll.link.drop()
        self.harness.flush()
        self.assertEqual(self.said(self.poll()), ["a"])

    def test_a_caller_that_does_not_wait(self) -> None:
        """A result for somebody who is gone goes nowhere, quietly."""
        connection = self.harness.connection()
        body = b'data={"H":"Probe","M":"slow","I":0}'
        connection.request("POST", self.client.target("send"), body=body)
        connection.drop()
        self.harness.journal.slow[0].callback(1)
        self.harness.flush()
        self.assertEqual(connection.raw, b"")


class DelayTests(LongPollingTestCase):
    """A pause between two polls."""

    def setUp(self) -> None:
        self.use(SiteHarness(self, settings=Settings(long_poll_delay=1.5)))

    def test_every_answer_asks_for_the_pause(self) -> None:
        """Each envelope has it in milliseconds, behind ``G`` and before ``M``; negotiation tells it in seconds."""
        self.assertEqual(self.client.fetch("negotiate").json["LongPollDelay"], 1.5)
        self.assertEqual(self.client.texts[0], f'{{"C":"{self.client.cursor}","S":1,"L":1500,"M":[]}}')
        self.client.invoke("join", "g")
        envelope = self.answer(self.poll()).json
        self.assertEqual((list(envelope), envelope["L"]), (["C", "G", "L", "M"], 1500))
        self.client.groups_token = envelope["G"]
        self.client.poll_again()
        self.harness.advance(115)
        [envelope] = self.client.take(again=False)
        self.assertEqual((list(envelope), envelope["L"]), (["C", "L", "M"], 1500))

    def test_the_pause_is_no_absence(self) -> None:
        """A client may be away for as much longer as it is asked to pause."""
        self.harness.advance(31)
        self.assertEqual(self.harness.journal.of(self.client), ["connected"])
        self.harness.advance(5.5)
        self.assertEqual(self.harness.journal.of(self.client), ["connected", "disconnected stop_called=False"])
