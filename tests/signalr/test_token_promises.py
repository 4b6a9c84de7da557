"""What tokens promise: nobody makes or changes one, uses another's, or keeps groups that were taken away."""

from __future__ import annotations

import ast
import inspect
import random
from collections.abc import Iterator, Sequence
from typing import Any

from cryptography import fernet
from cryptography.hazmat.primitives.hmac import HMAC

from tests.integration.scale import scaled
from tests.signalr.test_endpoint import EndpointTestCase, user_of
from tests.web.support import our_log
from twisted_ticker.signalr import Hub, KeyRing, PersistentConnection, Settings, SignalRServer, hub_method, keys
from twisted_ticker.signalr.protocol import tokens

MUTATIONS = scaled(3_000, 100_000)
#: Less is made of each request where all of the server is asked.
WHOLE_REQUESTS = scaled(500, 20_000)

NEW_KEY, OLD_KEY, STOLEN_KEY = b"n" * 32, b"o" * 32, b"s" * 32
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

LIFETIME = Settings().groups_token_lifetime

lost: list[tuple[str, Sequence[str]]] = []


class ChatHub(Hub):
    """Has rooms, and writes down who has lost them."""

    hub_name = "chat"

    @hub_method
    async def join(self, room: str) -> None:
        await self.groups.add(self.context.connection_id, room)

    @hub_method
    async def leave(self, room: str) -> None:
        await self.groups.remove(self.context.connection_id, room)

    async def on_groups_lost(self, groups: Sequence[str]) -> None:
        lost.append(("chat", groups))
        if self.context.request.query.get("again"):
            await self.groups.add(self.context.connection_id, groups[0])
        if self.context.request.query.get("refuse"):
            raise RuntimeError("not today")


class NewsHub(ChatHub):
    """Another hub, whose groups are its own."""

    hub_name = "news"

    def on_groups_lost(self, groups: Sequence[str]) -> None:
        lost.append(("news", groups))


class Feed(PersistentConnection):
    """Raw connections with groups."""

    async def on_received(self, data: str) -> None:
        await self.groups.add(self.context.connection_id, data)

    def on_groups_lost(self, groups: Sequence[str]) -> None:
        lost.append(("Feed", groups))


def mutations(token: str, others: Sequence[str], count: int) -> Iterator[str]:
    """Texts that are near to a token and are none: changed, shortened, lengthened, spliced, spelled differently."""
    chance = random.Random(count)
    made = 0
    while made < count:
        place, end = sorted(chance.randrange(len(token)) for _ in range(2))
        other = chance.choice(others)
        kind = chance.randrange(8)
        if kind == 0:
            mutant = token[:place] + chance.choice(ALPHABET) + token[place + 1 :]
        elif kind == 1:
            mutant = token[:place] + token[place + 1 :]
        elif kind == 2:
            mutant = token[:place] + chance.choice(ALPHABET + "=+/.% \0é") + token[place:]
        elif kind == 3:
            mutant = token[:place] + other[place:]
        elif kind == 4:
            mutant = token[:place] + other[place:end] + token[end:]
        elif kind == 5:
            mutant = token[:place] + token[place:end].swapcase() + token[end:]
        elif kind == 6:
            mutant = token[:place] + token[place:end][::-1] + token[end:]
        else:
            mutant = token[: -chance.randrange(1, 70)] + chance.choice(["", "A", "AAAA", "=", "=="])
        if mutant not in (token, *others):
            made += 1
            yield mutant


class TokenTestCase(EndpointTestCase):
    """A server with two hubs and raw connections, which can be started anew."""

    def setUp(self) -> None:
        lost.clear()
        self.keys = KeyRing([NEW_KEY])
        super().setUp()
        self.clock.advance(1_700_000_000)

    def build_server(self) -> SignalRServer:
        server = SignalRServer(keys=self.keys, user_of=user_of, clock=self.clock)
        server.map_hubs("/signalr", [ChatHub, NewsHub])
        server.map_connection("/feed", Feed)
        server.startService()
        self.addCleanup(server.stopService)
        return server

    def restart(self) -> None:
        """The server ends without warning, and another one takes its place."""
        self.server = self.build_server()

    def wait(self, seconds: float) -> None:
        """Let time pass as it does."""
        for _ in range(round(seconds)):
            self.clock.advance(1)

    def join(self, *rooms: str, hub: str = "chat", **kinds: str) -> tuple[str, str]:
        """A new client in some rooms; returns its two tokens."""
        token = self.negotiate(**kinds)
        self.poll(token, "connect", **kinds)
        for room in rooms:
            self.send(token, hub, "join", room, **kinds)
        return token, self.groups_token(token, **kinds)

    def groups_token(self, token: str, **kinds: str) -> str:
        """The groups token that a client is sent."""
        [envelope] = self.poll(token, messageId=self.cursor(), **kinds).envelopes
        assert envelope.groups_token is not None
        return envelope.groups_token

    def cursor(self) -> str:
        """Where everybody stands who has got everything."""
        return self.server.bus.envelope().cursor

    def come_back(self, token: str, groups_token: str, **query: str) -> set[str]:
        """Reconnect; returns the rooms that the client is in."""
        self.poll(token, "reconnect", messageId=self.cursor(), groupsToken=groups_token, **query)
        connection_id = self.server.read_connection_token(token, repeated=False).connection_id
        return set(self.server.connections[connection_id].groups)

    def connection_id(self, token: str) -> str:
        """Whose token it is."""
        return self.server.read_connection_token(token, repeated=False).connection_id


class MutationTests(TokenTestCase):
    """Tokens that we did not make."""

    def test_no_mutated_token_is_accepted(self) -> None:
        """As a connection token and as a groups token, a text that is near to one of ours is nothing."""
        token, groups_token = self.join("a", "b")
        connection_id = self.connection_id(token)
        others = [*self.join("a", "b"), token, groups_token]
        accepted = []
        for good, protection in (
            (token, self.keys.protection(tokens.CONNECTION_TOKEN)),
            (groups_token, self.keys.protection(tokens.GROUPS_TOKEN)),
        ):
            for mutant in mutations(good, others, MUTATIONS // 2):
                try:
                    accepted.append(protection.unprotect(mutant))
                except tokens.InvalidToken:
                    continue
        self.assertEqual(accepted, [])
        self.assertEqual(self.connection_id(token), connection_id)

    def test_no_request_with_a_mutated_token_is_served(self) -> None:
        """400 to a mutated connection token; no groups for a mutated groups token, and no error."""
        token, groups_token = self.join("a", "b")
        others = [*self.join("a", "b"), groups_token]
        with our_log():
            for mutant in mutations(token, others, WHOLE_REQUESTS):
                answer = self.request("poll", transport="longPolling", connectionToken=mutant)
                self.assertEqual((answer.status, answer.body), (400, b"The ConnectionId is in the incorrect format."))
            for mutant in mutations(groups_token, [*others, token], WHOLE_REQUESTS // 10):
                self.server.disconnect(self.connection_id(token), stop_called=False)
                self.assertEqual(self.come_back(token, mutant), set())
        self.assertEqual(lost, [])

    def test_signatures_are_compared_in_constant_time(self) -> None:
        """What decides is cryptography's own verification, and nothing here compares what is secret."""
        verified = []

        class WatchedHmac:
            def __init__(self, key: bytes, algorithm: Any) -> None:
                self._hmac = HMAC(key, algorithm)
                self.update = self._hmac.update

            def verify(self, signature: bytes) -> None:
                verified.append(signature)
                # It compares by constant_time.bytes_eq.
                self._hmac.verify(signature)

        protection = self.keys.protection("p")
        token = protection.protect("x")
        self.patch(fernet, "HMAC", WatchedHmac)
        protection.unprotect(token)
        self.assertRaises(tokens.InvalidToken, protection.unprotect, token[:-3] + "AAA")
        self.assertEqual(len(verified), 2)
        compared = [
            ast.unparse(node)
            for module in (keys, tokens)
            for node in ast.walk(ast.parse(inspect.getsource(module)))
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Eq, ast.NotEq))
        ]
        # How many bytes a key has, whether a token is spelled as we spell them, and whose connection it is about.
        self.assertEqual(
            sorted(compared),
            [
                "_unpadded(base64.urlsafe_b64decode(padded)) != token",
                "len(key) != _KEY_BYTES",
                "owner.lower() != connection_id.lower()",
            ],
        )


class OwnershipTests(TokenTestCase):
    """Good tokens in the wrong place."""

    def test_another_users_token(self) -> None:
        """403 on every command, to another user, to nobody, and to anybody with the token of nobody."""
        anns, nobodys = self.negotiate(user="ann"), self.negotiate()
        for command in ("connect", "reconnect", "poll", "send", "start", "abort"):
            for token, user in ((anns, "bob"), (anns, ""), (nobodys, "bob"), (anns, "ann2")):
                answer = self.request(command, transport="longPolling", connectionToken=token, user=user)
                self.assertEqual(answer.status, 403, (command, user))
                self.assertIn(b"Unrecognized user identity", answer.body)
        self.assertEqual(self.server.connections, {})

    def test_groups_token_is_no_connection_token(self) -> None:
        """Though it begins with the same connection id and was made with the same keys."""
        _, groups_token = self.join("a")
        for command in ("connect", "reconnect", "poll", "send", "start", "abort"):
            answer = self.request(command, transport="longPolling", connectionToken=groups_token)
            self.assertEqual((command, answer.status), (command, 400))

    def test_connection_token_is_no_groups_token(self) -> None:
        """It brings no groups, and leaves one line in the log."""
        token, _ = self.join("a")
        self.restart()
        with our_log() as texts:
            self.assertEqual(self.come_back(token, token), set())
        ignored = [text for text in texts if "groups token" in text]
        self.assertEqual(len(ignored), 1, texts)
        self.assertIn("Ignored", ignored[0])
        self.assertNotIn(token, ignored[0])
        self.assertEqual(lost, [])

    def test_groups_of_another_connection(self) -> None:
        """Not even one's own other connection's."""
        _, groups_token = self.join("a", user="ann")
        other = self.negotiate(user="ann")
        self.assertEqual(self.come_back(other, groups_token, user="ann"), set())


class KeyTests(TokenTestCase):
    """Keys that come and go."""

    def ring(self, *keys: bytes, **ends: float) -> None:
        """Start the server anew with these keys; an *old* one may end."""
        self.keys = KeyRing(keys, ends={OLD_KEY: ends["old"]} if ends else {}, seconds=self.clock.seconds)
        self.restart()

    def status(self, token: str, command: str = "poll") -> int:
        """How a request with a token is answered; 200 if it is served."""
        answer: Any = self.request(command, transport="longPolling", connectionToken=token)
        return getattr(answer, "status", 200)

    def test_rollover(self) -> None:
        """Tokens of the key before are good until it ends, then no more; on polls, which are remembered, too."""
        self.ring(OLD_KEY)
        token, groups_token = self.join("a")
        self.ring(NEW_KEY, OLD_KEY, old=self.clock.seconds() + 60)
        self.assertEqual(self.come_back(token, groups_token), {"chat.a"})
        newer = self.negotiate()
        self.wait(59)
        self.assertEqual([self.status(token, command) for command in ("poll", "send", "abort")], [200, 500, 200])
        self.wait(1)
        for command in ("poll", "send", "abort", "reconnect"):
            self.assertEqual(self.status(token, command), 400)
        self.assertEqual(self.status(newer), 200)

    def test_groups_token_of_a_key_that_has_ended(self) -> None:
        """It is as good as garbage."""
        self.ring(NEW_KEY)
        token, _ = self.join("a")
        made_with_old = tokens.GroupsToken(
            self.connection_id(token), "e", int(self.clock.seconds() * 1e6), {"chat.a": 0}
        ).encode(KeyRing([OLD_KEY]).protection(tokens.GROUPS_TOKEN))
        self.ring(NEW_KEY, OLD_KEY, old=self.clock.seconds() + 10)
        self.assertEqual(self.come_back(token, made_with_old), {"chat.a"})
        self.server.disconnect(self.connection_id(token), stop_called=False)
        self.wait(10)
        self.assertEqual(self.come_back(token, made_with_old), set())

    def test_unknown_keys(self) -> None:
        """A key that was never in the ring, or is no longer in it, makes nothing that is accepted."""
        for other in (STOLEN_KEY, OLD_KEY):
            foreign = KeyRing([other]).protection(tokens.CONNECTION_TOKEN)
            self.assertEqual(self.status(tokens.ConnectionToken("c" * 36).encode(foreign)), 400)
        self.ring(OLD_KEY)
        token, _ = self.join("a")
        self.assertEqual(self.status(token), 200)
        self.ring(NEW_KEY)
        self.assertEqual(self.status(token), 400)


class LostGroupsTests(TokenTestCase):
    """Groups tokens that are good no more."""

    def test_expired_token(self) -> None:
        """The client is in no group; log, count and hubs say so, each hub of its own groups."""
        token, _ = self.join("a", "b")
        self.send(token, "news", "join", "world")
        groups_token = self.groups_token(token)
        self.restart()
        self.wait(LIFETIME + 1)
        with our_log() as texts:
            hubs = '[{"name":"chat"},{"name":"news"}]'
            self.assertEqual(self.come_back(token, groups_token, connectionData=hubs), set())
        self.assertEqual(lost, [("chat", ["a", "b"]), ("news", ["world"])])
        self.assertEqual(self.server.counters.lost_groups, 1)
        [line] = [text for text in texts if "lost its groups" in text]
        self.assertIn("'chat.a', 'chat.b', 'news.world'", line)
        self.assertNotIn(groups_token, line)

    def test_expired_token_is_replaced(self) -> None:
        """The client is told that it has no groups, and loses nothing the next time."""
        token, groups_token = self.join("a")
        self.restart()
        self.wait(LIFETIME + 1)
        poll = self.poll(token, "reconnect", messageId=self.cursor(), groupsToken=groups_token)
        [envelope] = poll.envelopes
        assert envelope.groups_token is not None
        self.restart()
        self.assertEqual(self.come_back(token, envelope.groups_token), set())
        self.assertEqual(len(lost), 1)

    def test_application_gives_groups_back(self) -> None:
        """What it adds the client to, the client is in."""
        token, groups_token = self.join("a", "b")
        self.restart()
        self.wait(LIFETIME + 1)
        self.assertEqual(self.come_back(token, groups_token, again="1"), {"chat.a"})

    def test_application_fails(self) -> None:
        """That is logged and counted, and the client served."""
        token, groups_token = self.join("a")
        self.restart()
        self.wait(LIFETIME + 1)
        self.assertEqual(self.come_back(token, groups_token, refuse="1"), set())
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.server.counters.failed_events, 1)

    def test_client_that_is_there_for_long(self) -> None:
        """It is given new tokens, so that it comes back with its groups, however old they are."""
        token, groups_token = self.join("a")
        cursor = self.cursor()
        for _ in range(30):
            waiting = self.poll(token, messageId=cursor, groupsToken=groups_token)
            for _ in range(120):
                self.clock.advance(1)
                if waiting.envelopes or waiting.ended:
                    break
            envelope = waiting.envelopes[0] if waiting.envelopes else waiting.ended
            assert envelope is not None
            cursor, groups_token = envelope.cursor, envelope.groups_token or groups_token
        self.assertGreater(self.clock.seconds(), 1_700_000_000 + 2 * LIFETIME)
        self.restart()
        self.assertEqual(self.come_back(token, groups_token), {"chat.a"})
        self.assertEqual(lost, [])

    def test_expired_token_of_a_known_connection(self) -> None:
        """This server's memory is right: nothing is lost, and the token replaced."""
        token, groups_token = self.join("a")
        known = self.connection_id(token)
        self.clock.advance(0)
        connection = self.server.connections[known]
        self.clock.rightNow += LIFETIME + 1
        poll = self.poll(token, "poll", messageId=self.cursor(), groupsToken=groups_token)
        self.assertIs(self.server.connections[known], connection)
        self.assertEqual(set(connection.groups), {"chat.a"})
        self.assertNotIn(poll.envelopes[0].groups_token, (None, groups_token))
        self.assertEqual(lost, [])

    def test_raw_connections(self) -> None:
        """They are told, too."""
        token = self.negotiate(path="/feed")
        self.poll(token, "connect", path="/feed")
        self.request("send", path="/feed", transport="longPolling", connectionToken=token, body="data=red")
        groups_token = self.groups_token(token, path="/feed")
        self.restart()
        self.wait(LIFETIME + 1)
        self.assertEqual(self.come_back(token, groups_token, path="/feed"), set())
        self.assertEqual(lost, [("Feed", ["red"])])


class RevocationTests(TokenTestCase):
    """Groups that are taken away."""

    def forget(self, token: str) -> None:
        """Let a client stay away for so long that the server forgets it."""
        connection_id = self.connection_id(token)
        self.wait(60)
        self.assertNotIn(connection_id, self.server.connections)

    def test_left_while_there(self) -> None:
        """A token from before does not bring the group back, whatever happens in between; the one after does."""
        token, before = self.join("a", "b")
        self.send(token, "chat", "leave", "b")
        after = self.groups_token(token)
        self.assertEqual(self.come_back(token, before), {"chat.a"})
        self.forget(token)
        self.assertEqual(self.come_back(token, before), set())
        self.assertEqual(lost, [("chat", ["a", "b"])])
        self.forget(token)
        self.assertEqual(self.come_back(token, after), {"chat.a"})

    def test_removed_while_away(self) -> None:
        """It holds for a client that is away and known, when it comes back at once, and when it comes back late."""
        for late in (False, True):
            token, before = self.join("a", "b")
            removed = self.server.hub_context(ChatHub).groups.remove(self.connection_id(token), "b")
            self.successResultOf(removed)
            if late:
                self.forget(token)
            self.assertEqual(self.come_back(token, before), set() if late else {"chat.a"})

    def test_removed_when_nobody_knows_the_connection(self) -> None:
        """Whoever removes it is told that there is no such connection, and it holds all the same."""
        token, before = self.join("a")
        self.forget(token)
        removed = self.server.hub_context(ChatHub).groups.remove(self.connection_id(token), "a")
        self.failureResultOf(removed)
        self.assertEqual(self.come_back(token, before), set())

    def test_removed_from_a_group_that_it_is_not_in(self) -> None:
        """Nothing has changed, so its token is as good as before."""
        token, groups_token = self.join("a")
        self.send(token, "chat", "leave", "b")
        self.forget(token)
        self.assertEqual(self.come_back(token, groups_token), {"chat.a"})

    def test_groups_of_a_connection_are_revoked(self) -> None:
        """All at once, of all hubs; others keep theirs."""
        token, before = self.join("a")
        self.send(token, "news", "join", "world")
        other, others = self.join("a")
        self.server.revoke_groups(self.connection_id(token))
        self.assertEqual(self.server.connections[self.connection_id(token)].groups, {})
        self.forget(token)
        self.assertEqual(self.come_back(token, before), set())
        self.assertEqual(self.come_back(other, others), {"chat.a"})
        self.server.revoke_groups("unknown")

    def test_groups_of_a_user_are_revoked(self) -> None:
        """On all connections, in any letter case; he may be given others."""
        phone, on_phone = self.join("a", user="Ann")
        desk, on_desk = self.join("a", user="ann")
        bobs, of_bob = self.join("a", user="bob")
        self.server.revoke_groups_of_user("ANN")
        self.send(desk, "chat", "join", "b", user="ann")
        newer = self.groups_token(desk, user="ann")
        members = [self.server.connections[self.connection_id(token)].groups for token in (phone, desk, bobs)]
        self.assertEqual([set(groups) for groups in members], [set(), {"chat.b"}, {"chat.a"}])
        self.wait(60)
        self.assertEqual(self.come_back(phone, on_phone, user="Ann"), set())
        self.assertEqual(self.come_back(desk, on_desk, user="ann"), set())
        self.assertEqual(self.come_back(bobs, of_bob, user="bob"), {"chat.a"})
        self.wait(60)
        self.assertEqual(self.come_back(desk, newer, user="ann"), {"chat.b"})

    def test_nobody_is_no_user(self) -> None:
        """Who is not known is not revoked by any name."""
        token, groups_token = self.join("a")
        self.server.revoke_groups_of_user("")
        self.forget(token)
        self.assertEqual(self.come_back(token, groups_token), {"chat.a"})

    def test_revoked_after_a_restart(self) -> None:
        """A server that is started anew can be told whom not to believe."""
        token, groups_token = self.join("a", user="ann")
        self.restart()
        self.server.revoke_groups_of_user("ann")
        self.assertEqual(self.come_back(token, groups_token, user="ann"), set())
