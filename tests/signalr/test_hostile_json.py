"""JSON and parameters that nobody honest sends: refused, at once, with one line in the log, and nobody else notices."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.scale import scaled
from tests.signalr.fakes import RecordingReceiver
from tests.signalr.hostile import METHODS, HostileHub, hostile_arguments, hostile_calls, hostile_texts
from tests.web.support import our_log
from twisted_ticker.signalr import EndpointSettings, KeyRing, Request, Settings, SignalRServer
from twisted_ticker.signalr.requests import ReceiveChannel, Response

#: What none may take, in seconds of processor time. It is 20 milliseconds that are promised, and measured by the long
#: form; a busy machine may count a little of what others do.
MOST_SECONDS = scaled(100, 20) / 1000

#: What all of a text's ways through the server may take at once, in bytes.
MOST_MEMORY = 64 * 1024 * 1024

#: A log line may repeat what a client has written, but not all of it.
MOST_LOGGED = 2000

#: Every so manieth argument goes to every method; all of them do in the long form.
STEP = scaled(len(METHODS), 1)

#: Looks, to those who count carelessly, as if a text ended and an array began.
ESCAPED = r",\"["

#: What the standard library's own limits allow in a request line.
_MOST_QUERY = 16_000

T = TypeVar("T")


def invocation(method: str, argument: str) -> str:
    """A call with one argument, as JSON."""
    return f'{{"H":"probe","M":"{method}","A":[{argument}],"I":7}}'


class HostileTestCase(SynchronousTestCase):
    """A server with a hub that takes everything, and two clients: one that is hostile, and one that is not."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1e9)
        self.server = SignalRServer(Settings(), keys=KeyRing.generate(), clock=self.clock)
        self.server.map_hubs("/signalr", [HostileHub], EndpointSettings(enable_jsonp=True))
        self.server.startService()
        self.addCleanup(self.server.stopService)
        self.tries = 1
        self.bystander = RecordingReceiver()
        self.channel("webSockets").open(self.bystander)

    def request(self, command: str, *, body: bytes = b"", **query: str) -> Any:
        """Send a request, in all commands' ways; the answer, or the channel."""
        given = {"clientProtocol": "2.1", "connectionData": '[{"name":"probe"}]', **query}
        # By hand, so that what is no text can be sent as well.
        encoded = "&".join(f"{name}={quote(value, errors='surrogatepass')}" for name, value in given.items())
        request = Request(
            "POST" if body else "GET",
            f"/signalr/{command}?{encoded}",
            f"/signalr/{command}",
            body=body,
            can_upgrade=True,
        )
        endpoint = self.server.endpoint_for(request.path)
        assert endpoint is not None
        answer = self.timed(lambda: endpoint.respond(request), encoded)
        if isinstance(answer, Deferred):
            self.clock.advance(0)
            return self.successResultOf(answer)
        return answer

    def token(self) -> str:
        """A connection token."""
        connection_id = self.server.new_connection_id()
        return self.server.connection_tokens.protect(f"{connection_id}:")

    def channel(self, transport: str) -> ReceiveChannel:
        """A new client's receive request."""
        channel = self.request("connect", transport=transport, connectionToken=self.token(), frameId="1")
        assert isinstance(channel, ReceiveChannel), channel
        return channel

    def timed(self, call: Callable[[], T], what: str) -> T:
        """Call, and look at the clock of the processor."""
        spent = []
        # Three times at most: what a machine does besides, and the collection of garbage, is not done each time.
        for self.tries in (1, 2, 3):
            began = time.process_time()
            result = call()
            spent.append(time.process_time() - began)
            if spent[-1] < MOST_SECONDS:
                break
        self.assertLess(min(spent), MOST_SECONDS, what[:200])
        return result

    def assertOneLine(self, lines: list[str], what: str) -> None:
        """It was written down, briefly, each time that it was tried."""
        self.assertEqual(lines, lines[:1] * self.tries, what[:200])
        self.assertNotEqual(lines, [], what[:200])
        self.assertLess(len(lines[0]), MOST_LOGGED, what[:200])
        self.assertEqual(len(lines[0].splitlines()), 1)

    def assertTellsNothing(self, body: bytes, what: str) -> None:
        """No client learns what our code looks like."""
        for telling in (b"Traceback", b"twisted_ticker", b'.py"', b"msgspec", b"Error("):
            self.assertNotIn(telling, body[:10_000], what[:200])

    def assertNobodyElseNotices(self) -> None:
        """The other client is served."""
        before = len(self.bystander.texts)
        self.request("send", body=b"data=" + quote('{"H":"probe","M":"hello","I":1}').encode(), **self.caller())
        self.clock.advance(0)
        self.assertEqual([text["M"] for text in self.bystander.texts[before:]], ["greeted"] * self.tries)
        self.assertIsNone(self.bystander.ended)
        self.assertFalse(self.bystander.aborted)

    def caller(self, transport: str = "serverSentEvents") -> dict[str, str]:
        """The parameters of somebody who calls without listening."""
        return {"transport": transport, "connectionToken": self.token()}


class CallTests(HostileTestCase):
    """Texts that are to be calls of hubs."""

    def by_websocket(self, text: str) -> None:
        """A message: a result, an error result, or nothing; in all but the first case, one line."""
        answers: list[bytes] = []
        with our_log() as lines:
            self.timed(lambda: self.websocket.received(text, answers.append), text)
            self.clock.advance(0)
        self.judge(answers[-1] if answers else None, lines, text)

    def by_form(self, text: str) -> None:
        """The field of a form: 200 with a result or an error result, or 500; one line unless it was carried out."""
        body = b"data=" + quote(text, errors="replace").encode()
        with our_log() as lines:
            answer = self.request("send", body=body, **self.caller())
        assert isinstance(answer, Response)
        self.assertIn(answer.status, (200, 500))
        self.assertEqual(answer.status == 200, bool(answer.body))
        self.judge(answer.body or None, lines, text)

    def by_query(self, text: str) -> None:
        """The way of JSONP."""
        if len(text) < _MOST_QUERY // 3:
            with our_log() as lines:
                answer = self.request("send", data=text, **self.caller("longPolling"))
            self.assertIn(answer.status, (200, 500))
            self.judge(answer.body or None, lines, text)

    def judge(self, answer: bytes | None, lines: list[str], text: str) -> None:
        """Whoever is refused is told so in general terms, and the log in a line."""
        failed = answer is None or b'"E":' in answer
        if answer is not None:
            self.assertTellsNothing(answer, text)
        if failed:
            self.assertOneLine(lines, text)
        else:
            self.assertEqual(lines, [])

    def all_ways(self, texts: Iterable[str]) -> None:
        """Each text by each way."""
        self.websocket = self.channel("webSockets")
        self.websocket.open(RecordingReceiver())
        for text in texts:
            self.by_websocket(text)
            self.by_form(text)
            self.by_query(text)
        self.assertNobodyElseNotices()

    def test_wrong_calls(self) -> None:
        """Wrong types in every member, members that are missing or twice, and what is no object at all."""
        self.all_ways(hostile_calls())

    def test_wrong_arguments(self) -> None:
        """Too deep, too many, too large, too long, no numbers, no text, no JSON: for parameters of every type."""
        self.all_ways(
            invocation(method, argument)
            for number, argument in enumerate(hostile_arguments())
            for method in METHODS[number % STEP :: STEP]
        )

    def test_as_long_as_a_message_may_be(self) -> None:
        """The same, as long as a WebSocket message may be."""
        limit = Settings().max_incoming_websocket_message_size
        assert limit is not None
        self.all_ways(
            invocation(method, argument)
            for number, argument in enumerate(hostile_arguments(limit - 100))
            for method in METHODS[(number + 1) % STEP :: STEP]
        )

    def test_memory(self) -> None:
        """None takes more than a bounded multiple of its length, and nothing is kept."""
        self.websocket = self.channel("webSockets")
        self.websocket.open(RecordingReceiver())
        texts = [invocation("untyped", argument) for argument in hostile_arguments()]
        # As bytes: a text may keep what it was encoded to.
        long = [text.encode() for text in [*texts, *hostile_calls()] if len(text) > 100_000]
        self.by_websocket(long[0].decode())
        gc.collect()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        base, _ = tracemalloc.get_traced_memory()
        # Taking notes of memory takes its time.
        self.patch(self, "timed", lambda call, what: call())
        self.tries = 1
        for text in long:
            tracemalloc.reset_peak()
            self.by_websocket(text.decode())
            _, peak = tracemalloc.get_traced_memory()
            self.assertLess(peak - base, MOST_MEMORY, text[:200])
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
        self.assertLess(kept - base, 1024 * 1024)

    def test_as_many_values_as_are_allowed(self) -> None:
        """A call with that many is carried out, one with more is not; commas in texts do not count."""
        limit = Settings().max_incoming_values
        assert limit is not None
        self.websocket = self.channel("webSockets")
        self.websocket.open(RecordingReceiver())
        for argument, good in (
            (f"[{'0,' * (limit - 7)}0]", True),
            (f"[{'0,' * limit}0]", False),
            (f'"{",[{" * 100_000}"', True),
            (f'"{ESCAPED * 100_000}"', True),
        ):
            answers: list[bytes] = []
            with our_log() as lines:
                self.websocket.received(invocation("untyped", argument), answers.append)
                self.clock.advance(0)
            self.assertEqual(answers, [b'{"I":"7"}'] if good else [])
            self.assertEqual(len(lines), 0 if good else 1)


class ParameterTests(HostileTestCase):
    """Values of parameters."""

    names = (
        "transport", "clientProtocol", "connectionData", "connectionToken", "groupsToken", "messageId", "callback",
        "frameId", "tid", "data", "nonsense",
    )  # fmt: skip
    commands = ("negotiate", "ping", "connect", "reconnect", "poll", "start", "abort", "send", "hubs", "nonsense")

    def requests(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        """Each command with each parameter wrong, the others right."""
        for command in self.commands:
            for number, text in enumerate(hostile_texts()):
                for name in self.names[number % STEP_OF_NAMES :: STEP_OF_NAMES]:
                    transport = "longPolling" if number % 2 else "serverSentEvents"
                    right = {
                        "transport": transport,
                        "connectionToken": self.token(),
                        "frameId": "1",
                        "messageId": "e-0",
                    }
                    yield command, name, {**right, name: text}

    def test_wrong_parameters(self) -> None:
        """Each is answered as the reference answers it, or passed over; none raises, none tells about our code."""
        for command, name, parameters in self.requests():
            what = f"{command} {name}={parameters[name][:100]!r}"
            with our_log() as lines:
                answer = self.request(command, **parameters)
                if isinstance(answer, ReceiveChannel):
                    self.timed(lambda answer=answer: answer.open(RecordingReceiver()), what)  # type: ignore[misc]
                    self.clock.advance(0)
            if isinstance(answer, Response):
                self.assertIn(answer.status, (200, 400, 403, 500), what)
                if command != "hubs":
                    self.assertTellsNothing(answer.body, what)
                if answer.status != 200:
                    self.assertOneLine(lines, what)
            # Some miss messages, by where they say that they stand; and some have a groups token that is none.
            self.assertLessEqual(len(lines), 2 * self.tries, what)
            for line in lines:
                self.assertLess(len(line), MOST_LOGGED, what)
            for connection_id in list(self.server.connections)[1:]:
                self.server.disconnect(connection_id, stop_called=True)
        self.assertNobodyElseNotices()

    def test_form_of_a_poll(self) -> None:
        """Pollers may say in a form where they stand, at the length of a body."""
        for body in (
            b"messageId=" + b"e" * 500_000 + b"-0&groupsToken=" + b"A" * 500_000,
            b"groupsToken=" + b"%41" * 300_000,
            b"messageId=" + b"%" * 1_000_000,
            b"messageId=%ff" * 70_000,
            b"messageId=1&" * 199,
            b"&" * 1_000_000,
            b"=" * 1_000_000,
            b"a" * 1_000_000,
            "messageId=😀".encode() + b"x" * 900_000 + b"&messageId=x" * 198,
            b"%c4%b0" * 150_000 + b"=1",
            b"\xff" * 1_000_000,
        ):
            what = repr(body[:40])
            channel = self.request("poll", transport="longPolling", connectionToken=self.token(), body=body)
            assert isinstance(channel, ReceiveChannel)
            receivers: list[RecordingReceiver] = []

            def open_another(channel: ReceiveChannel = channel, receivers: list[RecordingReceiver] = receivers) -> None:
                receivers.append(RecordingReceiver(single_use=True))
                channel.open(receivers[-1])

            with our_log() as lines:
                self.timed(open_another, what)
                self.clock.advance(0)
            self.assertLessEqual(len(lines), 2 * self.tries)
            self.assertIsNone(receivers[-1].ended, what)
        self.assertNobodyElseNotices()


#: Every so manieth parameter is wrong in the same way.
STEP_OF_NAMES = scaled(4, 1)
