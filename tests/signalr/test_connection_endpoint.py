"""Raw connections over every transport: what their clients see, what they are told, and who may come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.web.clients import Client, ForeverFrameClient, PollingClient, ServerSentEventsClient, WebSocketClient
from tests.web.probe import BrokenHubError, Journal
from tests.web.support import SiteHarness, our_log, user_of_header
from twisted_ticker.signalr import (
    ConfigurationError,
    ConnectionContext,
    EndpointSettings,
    KeyRing,
    NegotiateError,
    PersistentConnection,
    Request,
    Settings,
    SignalRServer,
)


class ProbeConnection(PersistentConnection):
    """Does what the text that it gets says, and writes down what happens."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def _note(self, event: str) -> None:
        self._journal.note(self.context.connection_id, event)

    def authorize_request(self, request: Request) -> bool:
        answer: Any = request.query.get("allow", "True")
        if answer == "fail":
            raise BrokenHubError("secret of authorize_request")
        if answer == "user":
            return self.context.user is not None and self.context.request is request
        return {"True": True, "False": False}.get(answer, answer)

    def on_connected(self) -> Deferred[None] | None:
        self._note("connected")
        return self._journal.connecting

    async def on_received(self, data: str) -> None:
        self._note(f"received {data}")
        verb, _, rest = data.partition(" ")
        me = self.context.connection_id
        if verb == "echo":
            await self.connection.send(me, rest)
        elif verb == "all":
            await self.connection.broadcast(json.loads(rest))
        elif verb == "others":
            await self.connection.broadcast(json.loads(rest), me)
        elif verb == "join":
            await self.groups.add(me, rest)
        elif verb == "leave":
            await self.groups.remove(me, rest)
        elif verb == "group":
            group, _, text = rest.partition(" ")
            await self.groups.send(group, text)

    def on_reconnected(self, *, missed: bool) -> None:
        self._note(f"reconnected missed={missed}")

    def on_gap(self) -> None:
        self._note("gap")

    def on_disconnected(self, *, stop_called: bool) -> None:
        self._note(f"disconnected stop_called={stop_called}")

    def on_rejoining_groups(self, groups: Sequence[str]) -> Sequence[str]:
        self._note(f"rejoining {','.join(groups)}")
        return [group for group in groups if group != "forbidden"] + ["assigned"]


class SecondConnection(PersistentConnection):
    """Another class, with an audience of its own."""

    async def on_connected(self) -> None:
        await self.groups.add(self.context.connection_id, "room")


class RawClient(Client):
    """
    What turns a client of hubs into one of raw connections.

    Attributes:
        path: the endpoint's.
        messages: all that have come, in order.
        answers: of the requests that carried texts.
    """

    path = "/echo"

    def __init__(self, harness: SiteHarness, **options: Any) -> None:
        super().__init__(harness, **options)
        del self.parameters["connectionData"]
        self.answers: list[str] = []

    def target(self, command: str, **parameters: str) -> str:
        query = {**self.parameters, "connectionToken": self.token, **parameters}
        return f"{self.path}/{command}?{urlencode(query, quote_via=quote)}"

    def _note(self, text: str) -> None:
        if text:
            super()._note(text)
        else:
            self.answers.append(text)

    def got(self) -> list[Any]:
        """The messages that have come since it was last asked."""
        return [message for envelope in self.take() for message in envelope["M"]]


class RawWebSocketClient(RawClient, WebSocketClient):
    """Over WebSocket."""


class RawEventsClient(RawClient, ServerSentEventsClient):
    """Over server-sent events."""


class RawFrameClient(RawClient, ForeverFrameClient):
    """Over a forever frame."""


class RawPollingClient(RawClient, PollingClient):
    """By long polling."""


class RawTestCase(SynchronousTestCase):
    """A server with two classes of raw connections, one of them on two paths, and the usual hubs."""

    def setUp(self) -> None:
        self.use(SiteHarness(self, user_of=user_of_header))

    def use(self, harness: SiteHarness) -> None:
        """Map the connections on a server."""
        self.harness = harness
        factory = partial(ProbeConnection, harness.journal)
        harness.server.map_connection("/echo", factory)
        harness.server.map_connection("/deep/echo/", factory, EndpointSettings(enable_jsonp=True))
        harness.server.map_connection("/second", SecondConnection)

    @property
    def outside(self) -> ConnectionContext:
        """Means to send from outside."""
        return self.harness.server.connection_context(ProbeConnection)


class TransportTests:
    """Behaviour over every transport; subclasses name the client."""

    client_class: type[RawClient]

    def connected(self, path: str = "/echo", **options: Any) -> Any:
        """A client that is connected and listens."""
        client = self.client_class(self.harness, **options)
        client.path = path
        client.come()
        return client

    def events(self, client: Client) -> list[str]:
        """What the application was told of a client after it connected."""
        first, *rest = self.harness.journal.of(client)
        self.assertEqual(first, "connected")
        return rest

    def test_texts_are_passed_on_as_they_are(self) -> None:
        """Whatever they look like, the empty one included; there is no answer but that they arrived."""
        texts = ["plain text", '{"H":"probe","M":"add","A":[1,2],"I":0}', "", "é</script>\u2028", "a+b&c=%20"]
        client = self.connected()
        for text in texts:
            client.send_text(text)
        self.assertEqual(self.events(client), [f"received {text}" for text in texts])
        self.assertEqual(client.answers, [] if client.transport == "webSockets" else [""] * len(texts))
        self.assertEqual((client.got(), client.results), ([], {}))

    def test_messages_are_any_values(self) -> None:
        """They are the members of ``M`` themselves; one that looks like a result is none."""
        values = ["hello", {"I": 1}, [2, 3], None, True, 1.5, "</script>\u2028", {"C": "x", "S": 1, "M": []}]
        client = self.connected()
        for value in values:
            client.send_text(f"all {json.dumps(value)}")
        self.assertEqual(client.got(), values)
        self.assertEqual(client.results, {})
        self.outside.connection.broadcast(None)
        [envelope] = client.take()
        self.assertEqual(client.texts[-1], client.written(f'{{"C":"{envelope["C"]}","M":[null]}}'))

    def test_who_gets_what(self) -> None:
        """Oneself, everybody, everybody else; on another path of the same class too, and not of another class."""
        ann, bob, elsewhere = self.connected(), self.connected(), self.connected("/deep/Echo")
        other = self.connected("/second")
        ann.send_text("echo 1")
        ann.send_text("all 2")
        ann.send_text("others 3")
        self.outside.connection.broadcast(4, bob.connection_id)
        self.outside.connection.send([ann.connection_id, other.connection_id], 5)
        self.harness.hub.clients.all.said("no hub")
        self.assertEqual((ann.got(), bob.got(), elsewhere.got()), (["1", 2, 4, 5], [2, 3], [2, 3, 4]))
        self.assertEqual(other.got(), [5])

    def test_groups(self) -> None:
        """Members get what is sent to a group; the client learns of changes by its groups token."""
        ann, bob = self.connected(), self.connected()
        ann.send_text("join room")
        self.assertEqual([list(envelope) for envelope in ann.take()], [["C", "G", "M"]])
        bob.send_text("group room hello")
        bob.send_text("group Room other")
        self.outside.groups.send("room", "again")
        self.outside.groups.send("room", "not you", ann.connection_id)
        self.assertEqual((ann.got(), bob.got()), (["hello", "again"], []))
        ann.send_text("leave room")
        bob.send_text("group room gone")
        self.assertEqual(ann.got(), [])
        self.harness.server.connection_context(SecondConnection).groups.add(bob.connection_id, "room")
        ann.send_text("group room stray")
        self.assertEqual(bob.got(), [])

    def test_a_failure_is_the_senders_alone(self) -> None:
        """Over WebSocket it is silent, else 500; it is logged, and the connection goes on."""
        self.harness.journal.failing = {"received"}
        client = self.connected()
        client.send_text("x")
        self.assertEqual(len(self.flushLoggedErrors(BrokenHubError)), 1)
        self.harness.journal.failing = set()
        client.send_text("echo fine")
        self.assertEqual(client.got(), ["fine"])
        self.assertEqual(client.answers, [] if client.transport == "webSockets" else [""])

    def test_life(self) -> None:
        """Connected at start, back after a break with all that was missed, and gone."""
        client = self.connected()
        client.drop()
        self.outside.connection.broadcast("missed")
        client.reconnect()
        self.assertEqual(client.got(), ["missed"])
        client.abort()
        client.assert_ended(self)
        self.assertEqual(self.events(client), ["reconnected missed=False", "disconnected stop_called=True"])

    def test_what_is_sent_when_connecting_arrives(self) -> None:
        """Also before the start is answered."""
        client = self.client_class(self.harness)
        client.connect()
        client.take()
        self.harness.journal.connecting = Deferred()
        start = self.harness.connection()
        start.request("GET", client.target("start"))
        self.outside.connection.send(client.connection_id, "welcome")
        self.assertEqual(client.got(), ["welcome"])
        self.harness.journal.connecting.callback(None)
        self.harness.flush()
        assert start.response is not None
        self.assertEqual(start.response.body, b'{ "Response": "started" }')

    def test_a_client_away_too_long_is_told_of(self) -> None:
        """A gap is announced when it is back, and absence ends it."""
        self.use(SiteHarness(self, settings=Settings(default_message_buffer_size=32)))
        client = self.connected()
        client.drop()
        for number in range(100):
            self.outside.connection.broadcast(number)
            self.harness.flush()
        client.reconnect()
        self.assertEqual(client.got()[-1], 99)
        client.drop()
        self.harness.advance(50)
        self.assertEqual(self.events(client), ["reconnected missed=True", "disconnected stop_called=False"])

    def test_groups_after_a_restart(self) -> None:
        """The application says which of a client's groups it has again, and may add others."""
        keys = KeyRing.generate()
        self.use(SiteHarness(self, keys=keys))
        client = self.connected()
        for group in ("room", "forbidden", "a.b"):
            client.send_text(f"join {group}")
            client.take()
        self.harness.stop()
        self.use(SiteHarness(self, keys=keys, clock=self.harness.clock))
        back = self.client_class(self.harness)
        back.adopt(client)
        back.reconnect()
        back.take()
        journal = self.harness.journal
        self.assertEqual(journal.of(back), ["rejoining room,forbidden,a.b", "reconnected missed=True"])
        for group in ("room", "forbidden", "a.b", "assigned"):
            self.outside.groups.send(group, f"to {group}")
        self.assertEqual(back.got(), ["to room", "to a.b", "to assigned"])

    def test_a_failing_filter_leaves_no_groups(self) -> None:
        """Who cannot be said to belong to a group does not, and the failure is logged."""
        keys = KeyRing.generate()
        self.use(SiteHarness(self, keys=keys))
        client = self.connected()
        client.send_text("join room")
        client.take()
        self.harness.stop()
        self.use(SiteHarness(self, keys=keys, clock=self.harness.clock))
        self.harness.journal.failing = {"rejoining"}
        back = self.client_class(self.harness)
        back.adopt(client)
        back.reconnect()
        back.take()
        self.assertEqual(len(self.flushLoggedErrors(BrokenHubError)), 1)
        self.outside.groups.send("room", "secret")
        self.outside.connection.broadcast("public")
        self.assertEqual(back.got(), ["public"])

    def test_groups_of_another_class_are_not_brought_along(self) -> None:
        """A groups token made for one class of connections opens no group of another."""
        keys = KeyRing.generate()
        self.use(SiteHarness(self, keys=keys))
        client = self.connected("/second")
        client.take()
        self.assertIsNotNone(client.groups_token)
        self.harness.stop()
        self.use(SiteHarness(self, keys=keys, clock=self.harness.clock))
        back = self.client_class(self.harness)
        back.adopt(client)
        back.reconnect()
        self.outside.groups.send("room", "stray")
        self.assertEqual(back.got(), [])
        self.assertEqual(self.harness.journal.of(back), ["reconnected missed=True"])


class WebSocketTests(TransportTests, RawTestCase):
    """Over WebSocket."""

    client_class = RawWebSocketClient


class ServerSentEventsTests(TransportTests, RawTestCase):
    """Over server-sent events."""

    client_class = RawEventsClient


class ForeverFrameTests(TransportTests, RawTestCase):
    """Over a forever frame."""

    client_class = RawFrameClient


class LongPollingTests(TransportTests, RawTestCase):
    """By long polling."""

    client_class = RawPollingClient


class RequestTests(RawTestCase):
    """Single requests, and their answers to the byte."""

    def client(self, path: str = "/echo", **options: Any) -> Any:
        """A client that has negotiated."""
        client = RawPollingClient(self.harness, **options)
        client.path = path
        client.negotiate()
        return client

    def test_negotiate(self) -> None:
        """As hubs do; ``connectionData`` means nothing here, and may be garbage."""
        for data in ({}, {"connectionData": "garbage"}, {"connectionData": '[{"name":"Probe"}]'}):
            answer = self.client().fetch("negotiate", **data)
            self.assertEqual((answer.status, answer.json["Url"], answer.json["TryWebSockets"]), (200, "/echo", True))

    def test_there_is_no_script(self) -> None:
        """Its commands are ordinary unknown ones."""
        for command in ("hubs", "js", "hubs/"):
            answer = self.harness.fetch("GET", f"/echo/{command}")
            self.assertEqual((answer.status, answer.body), (400, b"Protocol error: Unknown transport."), command)

    def test_send_is_answered_with_nothing(self) -> None:
        """200 without a body and without a content type."""
        client = self.client()
        for body in (b"data=x", b"data=", b"DATA=x&other=y"):
            answer = client.fetch("send", method="POST", body=body)
            self.assertEqual((answer.status, answer.body, answer.header("Content-Type")), (200, b"", None), body)
        self.assertEqual(self.harness.journal.of(client), ["received x", "received ", "received x"])

    def test_send_with_jsonp_is_answered_with_nothing_too(self) -> None:
        """There is nothing that could be wrapped."""
        client = self.client("/deep/echo")
        answer = client.fetch("send", data="x", callback="f")
        self.assertEqual((answer.status, answer.body, answer.header("Content-Type")), (200, b"", None))
        self.assertEqual(self.harness.journal.of(client), ["received x"])

    def test_send_without_data(self) -> None:
        """It is refused; the application is given texts only."""
        client = self.client()
        for body in (b"", b"other=x"):
            answer = client.fetch("send", method="POST", body=body)
            self.assertEqual((answer.status, answer.body), (500, b""), body)
        self.assertEqual(self.harness.journal.of(client), [])

    def test_send_fails(self) -> None:
        """500 without a text; the application's is in the log."""
        self.harness.journal.failing = {"received"}
        answer = self.client().fetch("send", method="POST", body=b"data=x")
        self.assertEqual((answer.status, answer.body), (500, b""))
        self.assertEqual(len(self.flushLoggedErrors(BrokenHubError)), 1)
        self.assertEqual(self.harness.server.counters.failed_events, 1)

    def test_authorization_is_asked_for_every_request(self) -> None:
        """Whoever is refused gets 401, or 403 if it is known who he is, without a body; nothing else is told."""
        commands = ("negotiate", "ping", "hubs", "connect", "start", "send", "poll", "reconnect", "abort", "nonsense")
        for user, allow, status in ((None, "False", 401), ("ann", "False", 403), (None, "user", 401)):
            client = self.client(user=user)
            for command in commands:
                answer = client.fetch(command, method="POST", body=b"data=x", allow=allow)
                self.assertEqual((answer.status, answer.body), (status, b""), (user, command))
        self.assertEqual(self.harness.journal.events, [])
        self.assertEqual(self.client(user="ann").fetch("ping", allow="user").status, 200)

    def test_authorization_that_cannot_be_said(self) -> None:
        """An exception, and what is neither true nor false, refuse; both are logged, and no text gets out."""
        for allow, kind in (("fail", BrokenHubError), ("yes", TypeError), ("", TypeError)):
            client = self.client()
            allowed = {"allow": allow} if allow else {"allow": " "}
            with our_log() as log:
                answer = client.fetch("ping", **allowed)
            self.assertEqual((answer.status, answer.body), (500, b""), allow)
            self.assertEqual(len(self.flushLoggedErrors(kind)), 1, allow)
            self.assertIn("ProbeConnection cannot say whether it serves a request", "\n".join(log))

    def test_a_coroutine_authorizes_nobody(self) -> None:
        """It is true, whatever it would come to; that must not open the door."""

        class CarelessConnection(PersistentConnection):
            async def authorize_request(self, request: Request) -> bool:  # type: ignore[override]
                return False

        self.harness.server.map_connection("/careless", CarelessConnection)
        self.assertEqual(self.harness.fetch("GET", "/careless/ping").status, 500)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        [warning] = self.flushWarnings()
        self.assertIn("was never awaited", warning["message"])

    def test_clients_can_be_refused_when_they_negotiate(self) -> None:
        """As for hubs."""
        self.harness.server.map_connection("/full", SecondConnection, negotiate=lambda request: NegotiateError("Full."))
        answer = self.harness.fetch("GET", "/full/negotiate?clientProtocol=2.1")
        self.assertEqual(answer.json, {"ProtocolVersion": "2.0", "Error": "Full."})


class MappingTests(SynchronousTestCase):
    """Tests for `SignalRServer.map_connection` and `connection_context`."""

    def setUp(self) -> None:
        self.server = SiteHarness(self).server

    def test_what_cannot_be_mapped(self) -> None:
        """Paths that are taken or none, what is no connection, and a second class of one name."""
        namesake = type("SecondConnection", (PersistentConnection,), {})
        self.server.map_connection("/second", SecondConnection)
        cases: list[tuple[str, Any, str]] = [
            ("/Second/", SecondConnection, "The path '/Second' is mapped already."),
            ("/signalr", SecondConnection, "The path '/signalr' is mapped already."),
            ("second", SecondConnection, "The path 'second' is not of the form '/signalr'."),
            ("/x", PersistentConnection, "makes no PersistentConnection"),
            ("/x", namesake, "Another class of connections has the name 'SecondConnection' too."),
        ]
        for path, connection, text in cases:
            error = self.assertRaises(ConfigurationError, self.server.map_connection, path, connection)
            self.assertIn(text, str(error))
        self.assertIsNone(self.server.endpoint_for("/x"))

    def test_contexts_are_found_by_class(self) -> None:
        """Of classes that are mapped."""
        error = self.assertRaises(ConfigurationError, self.server.connection_context, SecondConnection)
        self.assertEqual(str(error), "SecondConnection is not mapped; call map_connection first.")
        self.server.map_connection("/second", partial(SecondConnection))
        self.assertIsInstance(self.server.connection_context(SecondConnection), ConnectionContext)
        self.assertIsInstance(self.server, SignalRServer)
