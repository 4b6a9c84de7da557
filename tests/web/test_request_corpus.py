"""Requests that are meant to be read in two ways are refused, or answered in order, by the whole server."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.web.clients import PollingClient
from tests.web.request_corpus import CORPUS, Case
from tests.web.support import SiteHarness, our_log
from tests.web.wire import HttpConnection, HttpResponse
from twisted_ticker.web.lean_http import LeanChannel

PING = b"GET /signalr/ping HTTP/1.1\r\nHost: test\r\n\r\n"
PONG = b'{ "Response": "pong" }'


def responses(connection: HttpConnection, case: Case) -> list[HttpResponse]:
    """What has been answered; fails if there is anything but whole responses."""
    found: list[HttpResponse] = []
    rest = connection.raw
    while rest:
        heads = case.is_head_only
        bodiless = len(found) < len(heads) and heads[len(found)]
        parsed = HttpResponse.parse(rest, closed=connection.closed, bodiless=bodiless)
        assert parsed is not None and parsed[0].complete, (case.name, rest)
        response, rest = parsed
        found.append(response)
    return found


class CorpusTests(SynchronousTestCase):
    """All of the corpus."""

    def setUp(self) -> None:
        self.harness = SiteHarness(self)

    def assert_answers(self, case: Case, pieces: list[bytes]) -> None:
        """What is sent in pieces is answered as the case says; if it goes on, one more request is answered, once."""
        connection = self.harness.connection()
        with our_log() as lines:
            for piece in pieces:
                if not connection.closed:
                    connection.write(piece)
        answered = responses(connection, case)
        self.assertEqual(tuple(response.status for response in answered), case.statuses, (case.name, connection.raw))
        self.assertEqual(connection.closed, case.closes, case.name)
        if case.closes:
            self.assertEqual(answered[-1].header("Connection") or "close", "close", case.name)
        else:
            connection.write(PING)
            [last] = responses(connection, case)[len(answered) :]
            self.assertEqual((last.status, last.body), (200, PONG), case.name)
        refused = [line for line in lines if line.startswith("Refused")]
        self.assertLessEqual(len(refused), 1, case.name)
        connection.drop()

    def test_it_is_large_enough(self) -> None:
        """There is no case twice."""
        self.assertGreater(len(CORPUS), 150)
        self.assertEqual(len({case.name for case in CORPUS}), len(CORPUS))

    def test_at_once(self) -> None:
        """All that is sent arrives at once, so that simple requests are read in the lean way."""
        for case in CORPUS:
            self.assert_answers(case, [case.sent])

    def test_in_pieces(self) -> None:
        """It arrives in pieces, so that none is."""
        for case in CORPUS:
            size = 1 if len(case.sent) < 2000 else 997
            self.assert_answers(case, [case.sent[at : at + size] for at in range(0, len(case.sent), size)])

    def test_behind_another_request(self) -> None:
        """It comes together with a request before it, or while one is served."""
        for case in CORPUS:
            behind = Case(case.name, PING + case.sent, (200, *case.statuses), case.closes)
            self.assert_answers(behind, [behind.sent])
            self.assert_answers(behind, [behind.sent[:-3], behind.sent[-3:]])

    def test_behind_a_poll(self) -> None:
        """It waits for the poll's answer, and changes nothing about it."""
        for case in CORPUS:
            client = PollingClient(self.harness)
            client.come()
            client.take(again=False)
            connection = self.harness.connection()
            target = client.target("poll", messageId=client.cursor or "")
            connection.write(f"GET {target} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
            connection.write(case.sent)
            [poll] = connection.responses
            self.assertEqual((poll.status, poll.complete), (200, False), case.name)
            self.harness.say("hello")
            behind = Case(case.name, PING + case.sent, (200, *case.statuses), case.closes)
            first, *answered = responses(connection, behind)
            self.assertIn(b"hello", first.body)
            self.assertEqual(tuple(response.status for response in answered), case.statuses, case.name)
            self.assertEqual(connection.closed, case.closes, case.name)
            connection.drop()
            client.drop()

    def test_both_ways_have_their_share(self) -> None:
        """The lean way is not passed by, nor the other one."""
        lean: list[bytes] = []
        serve = LeanChannel._serve

        def spy(channel: LeanChannel, data: bytes) -> bool:
            is_lean = serve(channel, data)
            if is_lean:
                lean.append(data)
            return is_lean

        self.patch(LeanChannel, "_serve", spy)
        self.test_at_once()
        self.assertGreater(len(lean), 20)
        self.assertLess(len(lean), len(CORPUS))
