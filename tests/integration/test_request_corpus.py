"""Requests that are meant to be read in two ways, to a real server by real sockets: refused, or answered in order."""

from __future__ import annotations

import socket

from tests.integration.support import StockTickerTestCase
from tests.integration.waiting import DEADLINE_SECONDS
from tests.web.request_corpus import CORPUS, Case
from tests.web.wire import HttpResponse

_PING = b"GET /signalr/ping HTTP/1.1\r\nHost: test\r\n\r\n"


class CorpusTests(StockTickerTestCase):
    """All of the corpus, each case on a connection of its own."""

    def statuses(self, port: int, case: Case) -> tuple[int, ...]:
        """What a case is answered with, and whether it ends as it should."""
        with socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS) as link:
            link.sendall(case.sent)
            expected = len(case.statuses)
            answered, rest = self.read(link, case, expected)
            if case.closes:
                self.assertEqual(rest + self.all_of(link), b"", case.name)
            else:
                # Nothing else has been taken for a request: the next answer is the next one's.
                link.sendall(_PING)
                [*_, last], rest = self.read(link, case, expected + 1, answered, rest)
                self.assertEqual((last.status, last.body, rest), (200, b'{ "Response": "pong" }', b""), case.name)
        return tuple(response.status for response in answered[:expected])

    @staticmethod
    def read(
        link: socket.socket, case: Case, number: int, answered: list[HttpResponse] | None = None, rest: bytes = b""
    ) -> tuple[list[HttpResponse], bytes]:
        """Read until there are so many responses; returns them, and what is behind them."""
        answered = list(answered or [])
        while len(answered) < number:
            bodiless = dict(enumerate(case.is_head_only)).get(len(answered), False)
            parsed = HttpResponse.parse(rest, closed=False, bodiless=bodiless)
            if parsed is not None and parsed[0].complete:
                response, rest = parsed
                answered.append(response)
                continue
            data = link.recv(65536)
            assert data, (case.name, answered, rest)
            rest += data
        return answered, rest

    @staticmethod
    def all_of(link: socket.socket) -> bytes:
        """What comes until the server has said all."""
        received = b""
        while data := link.recv(65536):
            received += data
        return received

    def test_all(self) -> None:
        """No answer is missing, none is left over, and the log has nothing alarming."""
        server = self.start_server("--open")
        found = {case.name: self.statuses(server.port, case) for case in CORPUS}
        self.assertEqual(found, {case.name: case.statuses for case in CORPUS})
        self.assertLogClean(server)
