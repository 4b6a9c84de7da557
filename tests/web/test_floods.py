"""Clients that send more than their share: others get theirs, and who wants more answers than there are has to wait."""

from __future__ import annotations

import itertools
import json
from urllib.parse import urlencode

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.web.clients import Client, ForeverFrameClient, PollingClient, ServerSentEventsClient, WebSocketClient
from tests.web.conformance.client import UPGRADE
from tests.web.frames import PING, TEXT, frame, read_frames
from tests.web.probe import BrokenHubError
from tests.web.support import SiteHarness, our_log
from tests.web.turns import TURN_SECONDS, TurnByTurn
from tests.web.wire import HttpConnection
from twisted_ticker.signalr import Settings
from twisted_ticker.signalr.endpoint import Endpoint
from twisted_ticker.web.fair_turns import FairTurns

PING_REQUEST = b"GET /signalr/ping HTTP/1.1\r\nHost: test\r\n\r\n"


def call(method: str, *arguments: object, number: int = 0) -> bytes:
    """The frame of a call."""
    text = json.dumps({"H": "Probe", "M": method, "A": arguments, "I": number})
    return frame(TEXT, text.encode())


class RawCaller:
    """An open WebSocket to the hubs, on which any number of frames can be written at once."""

    def __init__(self, harness: SiteHarness) -> None:
        client = WebSocketClient(harness)
        client.negotiate()
        self.harness = harness
        self.connection: HttpConnection = harness.connection()
        self.connection.request("GET", client.target("connect"), headers=UPGRADE)
        self.start = self.connection.raw.index(b"\r\n\r\n") + 4
        self.server = self.connection.link.server
        client.start()

    @property
    def answers(self) -> list[str]:
        """The ids of the calls that have been answered, in order."""
        frames, rest = read_frames(self.connection.raw[self.start :])
        assert rest == b""
        texts = [json.loads(each.payload) for each in frames if each.opcode == TEXT]
        return [text["I"] for text in texts if "I" in text]


class PendingCallsTests(SynchronousTestCase):
    """Calls that have no answer yet."""

    def setUp(self) -> None:
        self.harness = SiteHarness(self, settings=Settings(max_pending_calls=3))
        self.caller = RawCaller(self.harness)
        self.slow = self.harness.journal.slow

    def answer(self) -> None:
        """Let the first slow call that waits have an answer."""
        next(outcome for outcome in self.slow if not outcome.called).callback(None)
        self.harness.flush()

    def test_no_more_than_some(self) -> None:
        """The next one is not even read until one of them is answered; all are, in the end, in order."""
        self.caller.connection.write(b"".join(call("slow", number=number) for number in range(6)))
        self.assertEqual(len(self.slow), 3)
        self.assertTrue(self.caller.server.paused)
        for answered in range(1, 7):
            self.answer()
            self.assertEqual(len(self.slow), min(6, 3 + answered))
            self.assertEqual(self.caller.server.paused, answered < 4)
        self.assertEqual(self.caller.answers, [f"{number}" for number in range(6)])

    def test_what_arrives_meanwhile(self) -> None:
        """It waits as well, whatever it is."""
        self.caller.connection.write(b"".join(call("slow", number=number) for number in range(3)))
        self.caller.connection.write(call("add", 1, 2, number=3) + frame(PING))
        self.assertTrue(self.caller.server.paused)
        self.caller.server.protocol.dataReceived(call("add", 1, 2, number=4))
        self.harness.flush()
        self.assertEqual(self.caller.answers, [])
        self.answer()
        self.assertEqual(self.caller.answers, ["0", "3", "4"])
        self.assertFalse(self.caller.server.paused)

    def test_half_a_message(self) -> None:
        """Its time does not run while it is not read."""
        text = call("add", 1, 2, number=3)
        self.caller.connection.write(b"".join(call("slow", number=number) for number in range(3)) + text[:10])
        self.harness.advance(60)
        self.answer()
        self.caller.connection.write(text[10:])
        self.assertEqual(self.caller.answers, ["0", "3"])

    def test_both_reasons(self) -> None:
        """Who does not read either is read when there are fewer calls, and he has read."""
        self.caller.connection.write(b"".join(call("slow", number=number) for number in range(3)))
        self.caller.server.fill()
        self.answer()
        self.assertTrue(self.caller.server.paused)
        self.caller.server.drain()
        self.assertFalse(self.caller.server.paused)
        self.caller.connection.write(call("slow", number=3))
        self.caller.server.fill()
        self.caller.server.drain()
        self.assertTrue(self.caller.server.paused)
        self.answer()
        self.assertFalse(self.caller.server.paused)

    def test_calls_that_fail(self) -> None:
        """They have an answer, and bad ones are none."""
        for _ in range(5):
            for frames in (call("fail"), call("refuse", "no"), frame(TEXT, b"nonsense"), call("nothing")):
                self.caller.connection.write(frames)
        self.assertFalse(self.caller.server.paused)
        self.assertEqual(len(self.flushLoggedErrors(BrokenHubError)), 5)

    def test_who_vanishes(self) -> None:
        """The answers are for nobody."""
        self.caller.connection.write(b"".join(call("slow", number=number) for number in range(6)))
        self.caller.connection.drop()
        for outcome in self.slow:
            outcome.callback(None)
        self.harness.flush()
        self.assertEqual(len(self.slow), 3)

    def test_any_number(self) -> None:
        """There need be no limit."""
        harness = SiteHarness(self, settings=Settings(max_pending_calls=None), clock=self.harness.clock)
        caller = RawCaller(harness)
        caller.connection.write(b"".join(call("slow", number=number) for number in range(500)))
        self.assertEqual(len(harness.journal.slow), 500)
        self.assertFalse(caller.server.paused)


class FairnessTests(SynchronousTestCase):
    """Very much that comes at once, while turns pass. Each call of what waits takes a tenth of a turn's share."""

    many = 500

    def setUp(self) -> None:
        self.harness = SiteHarness(self)
        self.bystander = WebSocketClient(self.harness)
        self.bystander.come()
        self.reactor = TurnByTurn(self.harness.clock)

    def turns(self) -> FairTurns:
        """Such that pass when the clock does."""
        return FairTurns(self.reactor, itertools.count(step=0.000025).__next__)  # type: ignore[arg-type]

    def assert_fair(self, flooder: HttpConnection, kind: bytes) -> None:
        """There is an answer after a few turns, but not all; in between, others are answered."""
        first = flooder.raw.count(kind)
        self.assertLess(first, 20)
        answered = [first]
        while answered[-1] < self.many:
            self.assertEqual(self.bystander.invoke("add", 1, 2)["R"], 3)
            before = flooder.raw.count(kind)
            self.harness.advance(TURN_SECONDS, step=TURN_SECONDS)
            answered.append(flooder.raw.count(kind))
            self.assertLess(answered[-1] - before, 120)
        self.assertGreater(len(answered), 5)

    def test_calls(self) -> None:
        """By WebSocket."""
        caller = RawCaller(self.harness)
        self.patch(caller.server.protocol.factory, "turns", self.turns())
        caller.connection.write(b"".join(call("add", 1, 2, number=number) for number in range(self.many)))
        self.assertTrue(caller.server.paused)
        self.assert_fair(caller.connection, b'"R":3')
        self.assertEqual(caller.answers, [f"{number}" for number in range(self.many)])
        self.harness.advance(1, step=TURN_SECONDS)
        self.assertFalse(caller.server.paused)

    def test_requests(self) -> None:
        """Of which many are sent before the first is answered; simple ones or others, and calls."""
        client = PollingClient(self.harness)
        client.come()
        text = json.dumps({"H": "Probe", "M": "add", "A": [1, 2], "I": 0})
        body = urlencode({"data": text}).encode()
        target = client.target("send").encode()
        send = b"POST %b HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n%b" % (target, len(body), body)
        for request, kind in (
            (PING_REQUEST, b"HTTP/1.1 200"),
            (b"GET /nowhere HTTP/1.1\r\nHost: test\r\n\r\n", b"HTTP/1.1 404"),
            (client.target("negotiate").join(["GET ", " HTTP/1.1\r\nHost: test\r\n\r\n"]).encode(), b"HTTP/1.1 200"),
            (send, b'"R":3'),
        ):
            self.patch(self.harness.site, "turns", self.turns())
            connection = self.harness.connection()
            connection.write(request * self.many)
            self.assert_fair(connection, kind)
            self.harness.advance(1, step=TURN_SECONDS)
            self.assertFalse(connection.link.server.paused)
            self.assertEqual(connection.raw.count(b"HTTP/1.1 "), self.many)
            connection.drop()

    def test_what_is_kept(self) -> None:
        """However much a client sends, it is read only when what it has sent before is served."""
        self.patch(self.harness.site, "turns", self.turns())
        for request in (b"GET /nowhere HTTP/1.1\r\nHost: test\r\n\r\n", PING_REQUEST):
            connection = self.harness.connection()
            server = connection.link.server
            piece = request * 1000
            sent = 0
            while sent < 10:
                if not server.paused:
                    server.bufferReceived(piece)
                    sent += 1
                self.assertLess(len(server.protocol._early), len(piece) + 20_000)
                self.harness.advance(TURN_SECONDS, step=TURN_SECONDS)
            self.assertGreater(connection.raw.count(b"HTTP/1.1 "), 5000)
            connection.drop()


class CallRateTests(SynchronousTestCase):
    """A limit of five calls a second, on each transport."""

    def setUp(self) -> None:
        self.harness = SiteHarness(self, settings=Settings(max_calls_per_second=5))

    def test_calls_that_come_too_soon(self) -> None:
        """They wait for their turn, and none is lost."""
        for kind in (WebSocketClient, PollingClient, ServerSentEventsClient, ForeverFrameClient):
            client: Client = kind(self.harness)
            client.come()
            calls = [client.send("add", number, 0) for number in range(15)]

            def answered() -> list[object]:
                results = [client.result_of(each) for each in calls]  # noqa: B023
                return [result["R"] for result in results if result is not None]

            self.assertEqual(answered(), list(range(5)), kind)
            self.harness.advance(1)
            self.assertEqual(answered(), list(range(10)), kind)
            self.harness.advance(1)
            self.assertEqual(answered(), list(range(15)), kind)
            client.drop()

    def test_who_calls_too_often_is_not_read(self) -> None:
        """When as many calls wait as may be pending."""
        harness = SiteHarness(
            self, settings=Settings(max_calls_per_second=5, max_pending_calls=3), clock=self.harness.clock
        )
        caller = RawCaller(harness)
        caller.connection.write(b"".join(call("add", 1, 2, number=number) for number in range(20)))
        self.assertTrue(caller.server.paused)
        harness.advance(4)
        self.assertEqual(caller.answers, [f"{number}" for number in range(20)])
        self.assertFalse(caller.server.paused)

    def test_what_cannot_be_carried_out(self) -> None:
        """It is refused as always, when it has its turn."""
        for kind in (WebSocketClient, PollingClient):
            client: Client = kind(self.harness)
            client.come()
            for number in range(5):
                client.send("add", number, 0)
            with our_log() as lines:
                client.send_text("nonsense")
                self.harness.flush()
                self.assertEqual(lines, [])
                self.harness.advance(1)
            self.assertEqual([line.partition(" ")[0] for line in lines], ["Refused"], kind)

    def test_failures_of_the_server(self) -> None:
        """They are logged, whenever they happen; a request is answered by 500."""

        def fail(*arguments: object) -> Deferred[bytes | None]:
            raise RuntimeError("boom")

        clients: list[Client] = [WebSocketClient(self.harness), PollingClient(self.harness)]
        for client in clients:
            client.come()
            for number in range(5):
                client.send("add", number, 0)
        [endpoint] = self.harness.server._endpoints
        assert isinstance(endpoint, Endpoint)
        self.patch(endpoint, "receive", fail)
        for client in clients:
            client.send("add", 1, 2)
        self.harness.advance(1)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)
