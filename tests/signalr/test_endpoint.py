"""Requests and their answers as values: the order of checks, and what each command does."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.signalr.fakes import RecordingReceiver
from twisted_ticker.signalr import EndpointSettings, Hub, KeyRing, SignalRServer, User, hub_method
from twisted_ticker.signalr.endpoint import command_of
from twisted_ticker.signalr.requests import CaseInsensitive, ReceiveChannel, Request, Response

KEYS = KeyRing.generate()
events: list[str] = []


class ChatHub(Hub):
    """Tells what happens to it."""

    hub_name = "chat"

    @hub_method
    def add(self, a: int, b: int) -> int:
        return a + b

    @hub_method
    async def join(self, room: str) -> None:
        await self.groups.add(self.context.connection_id, room)

    @hub_method
    def leave(self, room: str) -> Deferred[None]:
        return self.groups.remove(self.context.connection_id, room)

    def on_connected(self) -> None:
        events.append("connected")
        if self.context.request.query.get("refuse"):
            raise RuntimeError("not today")

    def on_reconnected(self, *, missed: bool) -> None:
        events.append(f"reconnected, missed={missed}")
        if self.context.request.query.get("refuse"):
            raise RuntimeError("not today")

    def on_gap(self) -> None:
        events.append("gap")

    def on_disconnected(self, *, stop_called: bool) -> None:
        events.append(f"disconnected, stop_called={stop_called}")


def user_of(request: Request) -> User | None:
    """Whoever the request says."""
    name = request.headers.get("x-user")
    return User(name) if name else None


class EndpointTestCase(SynchronousTestCase):
    """A server with one hub."""

    def setUp(self) -> None:
        events.clear()
        self.clock = Clock()
        self.server = self.build_server()

    def build_server(self) -> SignalRServer:
        server = SignalRServer(keys=KEYS, user_of=user_of, clock=self.clock)
        server.map_hubs("/signalr", [ChatHub])
        server.startService()
        self.addCleanup(server.stopService)
        return server

    def request(
        self,
        command: str,
        *,
        method: str = "GET",
        body: str = "",
        user: str = "",
        path: str = "/signalr",
        can_upgrade: bool = False,
        **query: str,
    ) -> Any:
        query = {"clientProtocol": "2.1", "connectionData": '[{"name":"chat"}]', **query}
        request = Request(
            method=method,
            uri=f"{path}/{command}?{urlencode(query)}",
            path=f"{path}/{command}",
            headers=CaseInsensitive({"X-User": user}),
            body=body.encode(),
            can_upgrade=can_upgrade,
        )
        endpoint = self.server.endpoint_for(request.path)
        assert endpoint is not None
        answer = endpoint.respond(request)
        if isinstance(answer, Deferred):
            self.clock.advance(0)
            return self.successResultOf(answer)
        return answer

    def negotiate(self, **kinds: str) -> str:
        answer: Response = self.request("negotiate", **kinds)
        token: str = json.loads(answer.body)["ConnectionToken"]
        return token

    def poll(self, token: str, command: str = "poll", **query: str) -> RecordingReceiver:
        channel = self.request(command, transport="longPolling", connectionToken=token, **query)
        assert isinstance(channel, ReceiveChannel), channel
        receiver = RecordingReceiver(single_use=True)
        channel.open(receiver)
        return receiver

    def send(self, token: str, hub: str, method: str, *arguments: Any, **kinds: Any) -> Response:
        data = json.dumps({"H": hub, "M": method, "A": arguments, "I": 0})
        answer: Response = self.request(
            "send", transport="longPolling", connectionToken=token, body=urlencode({"data": data}), **kinds
        )
        return answer


class CommandTests(SynchronousTestCase):
    """What a path asks for."""

    def test_commands_of_paths(self) -> None:
        """The last segment, in any letter case; slashes behind it are for scripts only."""
        for path, command in (
            ("/signalr/negotiate", "negotiate"),
            ("/signalr/NEGOTIATE", "negotiate"),
            ("/signalr//negotiate", "negotiate"),
            ("/signalr/foo/negotiate", "negotiate"),
            ("/signalr/negotiate/", ""),
            ("/signalr/hubs/", "hubs"),
            ("/signalr/js//", "js"),
            ("/signalr/xnegotiate", "xnegotiate"),
            ("/signalr", "signalr"),
            ("/signalr/", ""),
        ):
            with self.subTest(path=path):
                self.assertEqual(command_of(path), command)


class AnswerTests(EndpointTestCase):
    """Requests that are answered at once."""

    def test_negotiate(self) -> None:
        """The answer tells where to go on, and its token names the connection id."""
        answer = json.loads(self.request("negotiate", clientProtocol="1.5").body)
        self.assertEqual((answer["Url"], answer["ProtocolVersion"]), ("/signalr", "1.5"))
        self.assertRegex(answer["ConnectionId"], r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertEqual(self.server.connections, {})

    def test_ping_and_abort_of_an_unknown_connection(self) -> None:
        """Both are fine."""
        self.assertEqual(self.request("ping").body, b'{ "Response": "pong" }')
        answer = self.request("abort", transport="longPolling", connectionToken=self.negotiate())
        self.assertEqual((answer.status, answer.body, answer.content_type), (200, b"", "text/plain"))
        self.assertEqual(events, [])

    def test_the_script_names_the_path_that_was_asked_for(self) -> None:
        """Letter case and prefixes included; without proxies it fails loudly."""
        self.assertIn(b'hubConnection("/SignalR"', self.request("hubs", path="/SignalR").body)
        self.server.map_hubs("/none", [ChatHub], EndpointSettings(enable_javascript_proxies=False))
        self.assertIn(b"proxy generation has been disabled", self.request("js", path="/none").body)

    def test_refusals(self) -> None:
        """Every broken request has the reference's status and text, counts, and raises nothing."""
        token = self.negotiate()
        good = {"transport": "longPolling", "connectionToken": token}
        for name, answer, status, body in (
            ("callback", self.request("negotiate", callback="f"), 403, b""),
            ("unknown hub", self.request("negotiate", connectionData='[{"name":"nobody"}]'), 500, b""),
            ("garbage", self.request("ping", connectionData="garbage"), 500, b""),
            ("transport", self.request("send", connectionToken=token), 400, b"Protocol error: Unknown transport."),
            (
                "no token",
                self.request("start", transport="webSockets"),
                400,
                b"Protocol error: Missing connection token.",
            ),
            (
                "tampered",
                self.request("poll", transport="longPolling", connectionToken=token[:-2] + "AA"),
                400,
                b"The ConnectionId is in the incorrect format.",
            ),
            (
                "no upgrade",
                self.request("connect", transport="webSockets", connectionToken=token),
                400,
                b"Not a valid web socket request.",
            ),
            ("no data", self.request("send", **good), 500, b""),
            ("no call", self.request("send", body="data=%7B%7D", **good), 500, b""),
        ):
            with self.subTest(name=name):
                self.assertEqual((answer.status, answer.body), (status, body))
        self.assertEqual(self.server.counters.refused_requests, 9)

    def test_a_token_is_its_users(self) -> None:
        """Names compare in any letter case; nobody is a user of his own."""
        token = self.negotiate(user="Ann")
        for user, status in (("Ann", 200), ("aNN", 200), ("bob", 403), ("", 403)):
            with self.subTest(user=user):
                answer = self.request("start", transport="webSockets", connectionToken=token, user=user)
                self.assertEqual(answer.status, status)


class LifeTests(EndpointTestCase):
    """A connection from connect to its end."""

    def test_start_runs_on_connected_once(self) -> None:
        """However often a client sends it."""
        token = self.negotiate()
        self.poll(token, "connect")
        self.assertEqual(events, [])
        for _ in range(2):
            answer = self.request("start", transport="longPolling", connectionToken=token)
            self.assertEqual(answer.body, b'{ "Response": "started" }')
        self.assertEqual(events, ["connected"])

    def test_old_clients_are_connected_at_connect(self) -> None:
        """They send no start, and are initialized when the application is ready."""
        poll = self.poll(self.negotiate(), "connect", clientProtocol="1.3")
        self.assertEqual(events, ["connected"])
        self.assertTrue(poll.envelopes[0].initialized)

    def test_a_failing_on_connected_refuses_the_client(self) -> None:
        """With 500 at start, by ending the request at connect; the failure is logged and counted."""
        token = self.negotiate()
        answer = self.request("start", transport="longPolling", connectionToken=token, refuse="1")
        self.assertEqual((answer.status, answer.body), (500, b""))
        poll = self.poll(token, "connect", clientProtocol="1.2", refuse="1")
        self.assertEqual((poll.envelopes, poll.ended is None), ([], False))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)
        self.assertEqual(self.server.counters.failed_events, 2)

    def test_abort_is_told_once(self) -> None:
        """A second one is harmless, and so is a poll that comes late."""
        token = self.negotiate()
        self.poll(token, "connect")
        for _ in range(2):
            self.request("abort", transport="longPolling", connectionToken=token)
        self.assertEqual(events, ["disconnected, stop_called=True"])

    def test_results_follow_what_their_method_has_sent(self) -> None:
        """A call's answer leaves at the end of the turn."""
        token = self.negotiate()
        self.assertEqual(self.send(token, "chat", "add", 1, 2).body, b'{"R":3,"I":"0"}')
        self.assertEqual(self.send(token, "CHAT", "Add", 1).status, 200)

    def test_a_connection_taken_to_another_endpoint_begins_anew(self) -> None:
        """The same id on another path is another connection."""
        self.server.map_hubs("/other", [ChatHub])
        token = self.negotiate()
        first = self.poll(token, "poll", messageId=f"{self.server.bus.epoch}-0")
        self.poll(token, "connect", path="/other")
        self.assertIsNotNone(first.ended)
        self.assertEqual(len(self.server.connections), 1)

    def test_a_connection_does_not_keep_bodies(self) -> None:
        """What is remembered of a receive request is who sent it, and how."""
        token = self.negotiate()
        body = urlencode({"messageId": f"{self.server.bus.epoch}-0", "padding": "x" * 10000})
        channel = self.request("poll", transport="longPolling", connectionToken=token, method="POST", body=body)
        channel.open(RecordingReceiver(single_use=True))
        (connection,) = self.server.connections.values()
        self.assertEqual(connection.call.request.body, b"")
        self.assertEqual(connection.call.request.query["transport"], "longPolling")
        self.assertEqual(self.server.counters.gaps, 0)

    def test_no_new_streams_while_stopping(self) -> None:
        """A server that goes down ends its polls, and serves no new ones."""
        token = self.negotiate()
        waiting = self.poll(token, "poll", messageId=f"{self.server.bus.epoch}-0")
        stopped = self.server.stopService()
        self.assertIsNotNone(waiting.ended)
        answer = self.request("poll", transport="longPolling", connectionToken=token)
        self.assertEqual(answer.status, 503)
        self.clock.advance(0.5)
        self.successResultOf(stopped)
        self.assertEqual(events, [])


class ComingBackTests(EndpointTestCase):
    """Cursors and groups tokens of clients that come back."""

    def cursor(self, epoch: str | None = None, sequence: int = 0) -> str:
        return f"{epoch or self.server.bus.epoch}-{sequence:x}"

    def say(self, *texts: str) -> None:
        clients = self.server.hub_context(ChatHub).clients
        for text in texts:
            clients.all.said(text)
        self.clock.advance(0)

    def test_reconnecting_with_a_good_cursor(self) -> None:
        """What was missed is sent, and the application is told that nothing was lost."""
        token = self.negotiate()
        self.poll(token, "connect")
        self.say("one", "two")
        poll = self.poll(token, "reconnect", messageId=self.cursor(sequence=1))
        self.assertEqual([text["A"] for text in poll.texts], [["two"]])
        self.assertEqual(events, ["reconnected, missed=False"])

    def test_reconnecting_without_a_usable_cursor(self) -> None:
        """It begins now, and the application is told."""
        token = self.negotiate()
        self.poll(token, "connect")
        self.say("one")
        for message_id in ("", "garbage", self.cursor(epoch="another"), self.cursor(sequence=99)):
            with self.subTest(message_id=message_id):
                events.clear()
                self.assertEqual(self.poll(token, "reconnect", messageId=message_id).envelopes, [])
                self.assertEqual(events, ["reconnected, missed=True"])
        self.assertEqual(self.server.counters.gaps, 4)

    def test_polling_on_with_a_stale_cursor(self) -> None:
        """A poll is no reconnect, but a gap is a gap."""
        self.poll(self.negotiate(), "poll", messageId=self.cursor(epoch="another"))
        self.assertEqual(events, ["gap"])

    def test_a_forgotten_client_gets_what_is_still_kept(self) -> None:
        """Also after the server has given it up, as long as its messages are there."""
        token = self.negotiate()
        self.poll(token, "connect")
        (connection_id,) = self.server.connections
        self.server.disconnect(connection_id, stop_called=False)
        self.say("meanwhile")
        poll = self.poll(token, "reconnect", messageId=self.cursor())
        self.assertEqual([text["A"] for text in poll.texts], [["meanwhile"]])
        self.assertEqual(events[-1], "reconnected, missed=False")

    def test_an_application_that_refuses_a_reconnect(self) -> None:
        """The request ends, so that the client tries again."""
        poll = self.poll(self.negotiate(), "reconnect", messageId=self.cursor(), refuse="1")
        self.assertIsNotNone(poll.ended)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_groups_survive_a_restart(self) -> None:
        """The token brings them to a server that has never seen the client, and a new token is issued."""
        token = self.negotiate()
        self.poll(token, "connect")
        self.send(token, "chat", "join", "room")
        groups_token = self.poll(token, messageId=self.cursor()).envelopes[0].groups_token
        assert groups_token is not None
        self.server = self.build_server()
        poll = self.poll(token, "reconnect", messageId="old-1", groupsToken=groups_token)
        self.assertIsNotNone(poll.envelopes[0].groups_token)
        waiting = self.poll(token, messageId=poll.envelopes[0].cursor, groupsToken=poll.envelopes[0].groups_token)
        self.server.hub_context(ChatHub).clients.group("room").said("hello")
        self.clock.advance(0)
        self.assertEqual([text["A"] for text in waiting.texts], [["hello"]])

    def test_a_groups_token_that_is_not_the_connections_is_no_error(self) -> None:
        """It just brings no groups."""
        token = self.negotiate()
        self.poll(token, "connect")
        self.send(token, "chat", "join", "room")
        stolen = self.poll(token, messageId=self.cursor()).envelopes[0].groups_token
        assert stolen is not None
        for groups_token in (stolen, "garbage", token):
            with self.subTest(groups_token=groups_token):
                thief = self.negotiate()
                waiting = self.poll(thief, "reconnect", messageId=self.cursor(), groupsToken=groups_token)
                self.server.hub_context(ChatHub).clients.group("room").said("secret")
                self.clock.advance(0)
                self.assertEqual(waiting.texts, [])

    def test_the_servers_memory_wins_over_an_old_token(self) -> None:
        """A group that was left is not rejoined by a token from before, and the client is told."""
        token = self.negotiate()
        self.poll(token, "connect")
        self.send(token, "chat", "join", "room")
        old = self.poll(token, messageId=self.cursor()).envelopes[0].groups_token
        assert old is not None
        self.send(token, "chat", "leave", "room")
        self.poll(token, messageId=self.cursor())
        poll = self.poll(token, messageId=self.cursor(), groupsToken=old)
        self.assertNotEqual(poll.envelopes[0].groups_token, old)
