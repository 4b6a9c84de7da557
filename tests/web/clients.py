"""
Clients: what each does on its transport, and what all do alike, the way the JavaScript client does it.

A client of another transport is a subclass of :class:`Client`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.trial.unittest import SynchronousTestCase

from tests.web.wire import HttpConnection, HttpResponse, Link

if TYPE_CHECKING:
    from tests.web.support import SiteHarness

__all__ = [
    "USER_HEADER",
    "Client",
    "ForeverFrameClient",
    "PollingClient",
    "ServerSentEventsClient",
    "WebSocketClient",
]

#: Where a client says who it is.
USER_HEADER = "X-User"


class Client:
    """
    What clients of all transports do alike, the way the JavaScript client does it.

    Args:
        harness: where the server is.
        hubs: names in ``connectionData``.
        protocol: ``clientProtocol``; ``None`` to leave it out.
        user: sent in :data:`USER_HEADER`.

    Attributes:
        path: where the hubs are.
        token, connection_id: from negotiation.
        cursor, groups_token: of the latest envelopes that had them.
        texts: the text of every envelope and answer, in order.
        results: answers to calls, by id.
    """

    transport: str

    path = "/signalr"

    def __init__(
        self,
        harness: SiteHarness,
        *,
        hubs: Iterable[str] = ("Probe",),
        protocol: str | None = "2.1",
        user: str | None = None,
    ) -> None:
        self.harness = harness
        self.headers = [(USER_HEADER, user)] if user else []
        self.parameters = {
            "transport": self.transport,
            "connectionData": json.dumps([{"name": name} for name in hubs]),
        }
        if protocol is not None:
            self.parameters["clientProtocol"] = protocol
        self.token = ""
        self.connection_id = ""
        self.cursor: str | None = None
        self.groups_token: str | None = None
        self.texts: list[str] = []
        self.results: dict[str | None, dict[str, Any]] = {}
        self._calls = 0
        self._new: list[dict[str, Any]] = []

    # Requests

    def target(self, command: str, **parameters: str) -> str:
        """Path and query of a request of this client."""
        query = {**self.parameters, "connectionToken": self.token, **parameters}
        return f"{self.path}/{command}?{urlencode(query, quote_via=quote)}"

    def fetch(self, command: str, *, method: str = "GET", body: bytes | None = None, **parameters: str) -> HttpResponse:
        """Send a request that is answered at once."""
        return self.harness.fetch(method, self.target(command, **parameters), headers=self.headers, body=body)

    def negotiate(self) -> None:
        """Ask for a token."""
        answer = self.fetch("negotiate").json
        self.token, self.connection_id = answer["ConnectionToken"], answer["ConnectionId"]

    def start(self) -> HttpResponse:
        """Say that the transport works."""
        return self.fetch("start")

    def abort(self, method: str = "POST") -> HttpResponse:
        """Say goodbye."""
        return self.fetch("abort", method=method, body=b"" if method == "POST" else None)

    def come(self) -> None:
        """Connect and start, and take the first envelope."""
        self.connect()
        [envelope] = self.take()
        assert envelope == {"C": self.cursor, "S": 1, "M": []}, envelope
        response = self.start()
        assert response.body == b'{ "Response": "started" }', response

    def connect(self, **parameters: str) -> None:
        """Negotiate, unless that is done, and send the first receive request."""
        if not self.token:
            self.negotiate()
        self.open("connect", **parameters)

    def reconnect(self, cursor: str | None = None, groups_token: str | None = None) -> None:
        """Send a receive request that goes on where this client stands, or at another cursor."""
        position = {"messageId": cursor or self.cursor, "groupsToken": groups_token or self.groups_token}
        self.open("reconnect", **{name: value for name, value in position.items() if value})

    # What each transport does in its own way

    def open(self, command: str, **parameters: str) -> None:
        """Send a receive request."""
        raise NotImplementedError

    def drop(self) -> None:
        """Lose the receive request, or what carries it."""
        raise NotImplementedError

    def take(self, *, again: bool = True) -> list[dict[str, Any]]:
        """The envelopes that have come since it was last asked; the client goes on listening, unless not *again*."""
        raise NotImplementedError

    def send_text(self, text: str) -> None:
        """Send a text to the server; an answer ends up in ``results``."""
        raise NotImplementedError

    def _read(self) -> None:
        """Sort what has come, by :meth:`_note`."""
        raise NotImplementedError

    @property
    def keep_alives(self) -> int:
        """How many signs of life have come."""
        raise NotImplementedError

    @property
    def served(self) -> bool:
        """Whether the latest receive request is being served."""
        raise NotImplementedError

    def assert_ended(self, case: SynchronousTestCase) -> None:
        """Check that the server has ended the latest receive request as the transport demands."""
        raise NotImplementedError

    @staticmethod
    def written(text: str) -> str:
        """How the transport writes a JSON text."""
        return text

    # Built on that

    def send(self, method: str, *arguments: Any, hub: str = "Probe", **members: Any) -> str:
        """Call a hub's method; returns the call's id."""
        call_id = str(self._calls)
        self._calls += 1
        self.send_text(json.dumps({"H": hub, "M": method, "A": arguments, "I": int(call_id), **members}))
        return call_id

    def invoke(self, method: str, *arguments: Any, hub: str = "Probe", **members: Any) -> dict[str, Any]:
        """Call a hub's method and return the answer, which must come at once."""
        return self.results[self.send(method, *arguments, hub=hub, **members)]

    def result_of(self, call_id: str) -> dict[str, Any] | None:
        """The answer to a call, if it is there."""
        self._read()
        return self.results.get(call_id)

    def heard(self, *, again: bool = True) -> list[str]:
        """The texts of all messages since it was last asked; each must be the hub's call of ``said``."""
        texts = []
        for envelope in self.take(again=again):
            for message in envelope["M"]:
                assert (message["H"], message["M"]) == ("Probe", "said"), message
                texts += message["A"]
        return texts

    def _note(self, text: str) -> None:
        """Sort a text from the server."""
        self.texts.append(text)
        envelope = json.loads(text)
        if "I" in envelope:
            assert envelope["I"] is None or isinstance(envelope["I"], str), text
            self.results[envelope["I"]] = envelope
            return
        assert list(envelope) == [key for key in "CSGLM" if key in envelope], text
        assert envelope["C"] and isinstance(envelope["M"], list), text
        self.cursor = envelope["C"]
        self.groups_token = envelope.get("G", self.groups_token)
        self._new.append(envelope)

    def adopt(self, other: Client) -> None:
        """Go on as another client's connection, from where that stands."""
        self.token, self.connection_id = other.token, other.connection_id
        self.cursor, self.groups_token = other.cursor, other.groups_token

    def _taken(self) -> list[dict[str, Any]]:
        taken, self._new = self._new, []
        return taken


class _Socket(WebSocketClientProtocol):
    """Autobahn's client, which notes what happens."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.opened = False
        self.close: tuple[bool, int | None, str | None] | None = None

    def onOpen(self) -> None:
        self.opened = True

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        assert not isBinary
        self.texts.append(payload.decode("utf-8"))

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.close = (wasClean, code, reason)


class WebSocketClient(Client):
    """
    A client over WebSocket.

    Attributes:
        socket: the latest socket.
        link: its connection.
    """

    transport = "webSockets"

    socket: _Socket
    link: Link

    def __init__(self, harness: SiteHarness, **options: Any) -> None:
        super().__init__(harness, **options)
        self._keep_alives = 0

    def open(self, command: str, **parameters: str) -> None:
        factory = WebSocketClientFactory(
            f"ws://test{self.target(command, **parameters)}",
            headers=dict(self.headers),
            protocols=["offered"],
            reactor=self.harness.clock,
        )
        factory.protocol = _Socket
        factory.setProtocolOptions(closeHandshakeTimeout=0, serverConnectionDropTimeout=0, openHandshakeTimeout=0)
        self.socket = factory.buildProtocol(None)
        self.link = Link(self.harness, self.socket)
        self.harness.flush()

    def drop(self) -> None:
        self.link.drop()
        self.harness.flush()

    def take(self, *, again: bool = True) -> list[dict[str, Any]]:
        self._read()
        return self._taken()

    def ended_with(self) -> int | None:
        """The code that the server has closed the socket with; ``None`` while it is open."""
        self._read()
        return self.socket.close and self.socket.close[1]

    def send_text(self, text: str) -> None:
        self.socket.sendMessage(text.encode())
        self._read()

    def _read(self) -> None:
        self.harness.flush()
        texts, self.socket.texts = self.socket.texts, []
        for text in texts:
            if text == "{}":
                self._keep_alives += 1
            else:
                self._note(text)

    @property
    def keep_alives(self) -> int:
        self._read()
        return self._keep_alives

    @property
    def served(self) -> bool:
        self.harness.flush()
        return self.socket.opened and self.socket.close is None

    def assert_ended(self, case: SynchronousTestCase) -> None:
        self._read()
        case.assertEqual(self.socket.close, (True, 1000, None))
        case.assertTrue(self.link.lost)


class SendingClient(Client):
    """A client that sends each text in a request of its own."""

    def __init__(self, harness: SiteHarness, **options: Any) -> None:
        super().__init__(harness, **options)
        self._sent: list[HttpConnection] = []
        self._keep_alives = 0

    def send_text(self, text: str) -> None:
        connection = self.harness.connection()
        body = urlencode({"data": text}).encode()
        connection.request("POST", self.target("send"), headers=self.headers, body=body)
        self._sent.append(connection)
        self._read()

    def _read(self) -> None:
        self.harness.flush()
        for connection in list(self._sent):
            if connection.response is not None and connection.response.complete:
                self._sent.remove(connection)
                connection.drop()
                if connection.response.status == 200:
                    self._note(connection.response.body.decode())


class StreamClient(SendingClient):
    """
    A client that reads a response without an end.

    Attributes:
        stream: the latest receive request.
        content_type: what it must be.
    """

    stream: HttpConnection
    content_type: str

    def open(self, command: str, **parameters: str) -> None:
        self._parsed = 0
        self.stream = self.harness.connection()
        self.stream.request("GET", self.target(command, **parameters), headers=self.headers)
        self.harness.flush()

    def drop(self) -> None:
        self.take()
        self.stream.drop()

    def take(self, *, again: bool = True) -> list[dict[str, Any]]:
        self._read()
        return self._taken()

    def _read(self) -> None:
        super()._read()
        response = self.stream.response
        if response is None or response.status != 200:
            return
        assert response.header("Content-Type") == self.content_type, response
        body, self._parsed = response.body[self._parsed :], len(response.body)
        for text in self.parse(body.decode()):
            if text == "{}":
                self._keep_alives += 1
            elif text:
                self._note(text)

    def parse(self, text: str) -> Iterable[str]:
        """The JSON values in a piece of the stream, which never ends within one; empty for its head."""
        raise NotImplementedError

    @property
    def keep_alives(self) -> int:
        self._read()
        return self._keep_alives

    @property
    def served(self) -> bool:
        self.harness.flush()
        return self.stream.response is not None and not self.stream.closed and not self.stream.response.complete

    def assert_ended(self, case: SynchronousTestCase) -> None:
        self._read()
        assert self.stream.response is not None
        case.assertTrue(self.stream.response.complete)


class ServerSentEventsClient(StreamClient):
    """A client that reads server-sent events."""

    transport = "serverSentEvents"
    content_type = "text/event-stream"

    def parse(self, text: str) -> Iterable[str]:
        for event in text.split("\n\n")[:-1]:
            assert event.startswith("data: ") and "\n" not in event, event
            yield "" if event == "data: initialized" else event.removeprefix("data: ")


class ForeverFrameClient(StreamClient):
    """A client that reads the scripts of a hidden frame."""

    transport = "foreverFrame"
    content_type = "text/html; charset=UTF-8"

    def open(self, command: str, **parameters: str) -> None:
        super().open(command, frameId="7", **parameters)

    @staticmethod
    def written(text: str) -> str:
        return text.replace("<", "\\u003c").replace(">", "\\u003e")

    def parse(self, text: str) -> Iterable[str]:
        if text.startswith("<!DOCTYPE html>"):
            head, _, text = text.partition("</head><body>")
            assert "getConnection('7')" in head, head
        for script in text.split("</script>")[:-1]:
            call = script.strip()
            assert call.startswith("<script>r(c, ") and call.endswith(");"), call
            json_text = call.removeprefix("<script>r(c, ").removesuffix(");")
            assert "<" not in json_text and ">" not in json_text, json_text
            yield json_text


class PollingClient(SendingClient):
    """
    A client that polls.

    Attributes:
        poll: the latest receive request.
    """

    transport = "longPolling"

    def __init__(self, harness: SiteHarness, **options: Any) -> None:
        super().__init__(harness, **options)
        self.poll: HttpConnection | None = None
        self._listening = False

    def open(self, command: str, **parameters: str) -> None:
        self.poll = self.harness.connection()
        self._listening = True
        self.poll.request("POST", self.target(command), headers=self.headers, body=urlencode(parameters).encode())

    def poll_again(self) -> None:
        """Send the next poll, as the client's loop does."""
        position = {"messageId": self.cursor, "groupsToken": self.groups_token}
        self.open("poll", **{name: value for name, value in position.items() if value})

    def drop(self) -> None:
        self._listening = False
        assert self.poll is not None
        self.poll.drop()

    def take(self, *, again: bool = True) -> list[dict[str, Any]]:
        self.harness.flush()
        while self._listening and self.poll is not None:
            response = self.poll.response
            if response is None or not response.complete:
                break
            assert response.status == 200, response
            self._keep_alives += _blanks(response.body)
            self._note(response.body.decode().lstrip(" "))
            self.poll.drop()
            self._listening = False
            if again:
                self.poll_again()
        return self._taken()

    @property
    def keep_alives(self) -> int:
        self.harness.flush()
        pending = self.poll and self.poll.response
        return self._keep_alives + (_blanks(pending.body) if pending else 0)

    @property
    def served(self) -> bool:
        self.harness.flush()
        if self.poll is None or self.poll.closed:
            return False
        return self.poll.response is not None and not self.poll.response.complete

    def assert_ended(self, case: SynchronousTestCase) -> None:
        self.harness.flush()
        assert self.poll is not None and self.poll.response is not None
        self._listening = False
        case.assertTrue(self.poll.response.complete)
        case.assertEqual(self.poll.response.status, 200)
        envelope = self.poll.response.json
        case.assertEqual(envelope, {"C": envelope["C"], "M": []})


def _blanks(body: bytes) -> int:
    return len(body) - len(body.lstrip(b" "))
