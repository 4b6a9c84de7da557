"""What broken, forged and hostile requests are answered with, for every command; and that nobody else notices."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import quote, urlencode

from twisted.logger import capturedLogs, eventAsText
from twisted.trial.unittest import SynchronousTestCase

from tests.web.clients import USER_HEADER, Client, PollingClient, WebSocketClient
from tests.web.support import SiteHarness, our_log, user_of_header
from tests.web.test_websocket import UPGRADE
from tests.web.wire import HttpResponse
from twisted_ticker.signalr import KeyRing
from twisted_ticker.signalr.protocol.tokens import GROUPS_TOKEN
from twisted_ticker.web.site import MAX_BODY_BYTES

#: Commands that need a transport and a token; the last two are no commands.
ADMITTED = ("connect", "start", "send", "poll", "reconnect", "abort", "unknown", "")

#: Commands that need neither.
OPEN = ("negotiate", "ping", "hubs", "js")

#: A call that would be answered.
CALL = json.dumps({"H": "Probe", "M": "add", "A": [1, 2], "I": 0})

UNKNOWN_TRANSPORT = (400, "Bad Request", b"Protocol error: Unknown transport.")
MISSING_TOKEN = (400, "Bad Request", b"Protocol error: Missing connection token.")
BAD_TOKEN = (400, "Bad Request", b"The ConnectionId is in the incorrect format.")
OTHER_USER = (
    403,
    "Forbidden",
    b"Unrecognized user identity.  The user identity cannot change during an active SignalR connection.",
)
NO_JSONP = (403, "Forbidden: JSONP is disabled.", b"")
SERVER_ERROR = (500, "Internal Server Error", b"")


class BadInputTestCase(SynchronousTestCase):
    """A server with two bystanders, who must not notice what happens in the test."""

    def setUp(self) -> None:
        self.keys = KeyRing.generate()
        self.harness = SiteHarness(self, keys=self.keys, user_of=user_of_header)
        self.bystanders: list[Client] = [WebSocketClient(self.harness), PollingClient(self.harness)]
        for bystander in self.bystanders:
            bystander.come()
        self.client = PollingClient(self.harness)
        self.client.negotiate()
        self.addCleanup(self.assert_undisturbed)

    def assert_undisturbed(self) -> None:
        """Check that the bystanders are connected and get what is sent."""
        self.harness.say("still there?")
        for bystander in self.bystanders:
            self.assertEqual(bystander.heard(), ["still there?"])
            self.assertEqual(bystander.invoke("add", 1, 2)["R"], 3)
            self.assertEqual(self.harness.journal.of(bystander), ["connected"])

    def request(
        self,
        command: str,
        parameters: dict[str, str] | str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        method: str = "POST",
        body: bytes | None = None,
    ) -> HttpResponse:
        """Send a request with just these parameters; ``/send`` has a good body, unless there is another."""
        if body is None and method == "POST":
            body = urlencode({"data": CALL}).encode() if command == "send" else b""
        query = parameters if isinstance(parameters, str) else urlencode(parameters, quote_via=quote)
        return self.harness.fetch(method, f"/signalr/{command}?{query}", headers=headers, body=body)

    def good(self, **changes: str | None) -> dict[str, str]:
        """The parameters of a good request of the client, with some changed or left out (``None``)."""
        parameters = {**self.client.parameters, "connectionToken": self.client.token, **changes}
        return {name: value for name, value in parameters.items() if value is not None}

    def assert_refused(
        self,
        expected: tuple[int, str, bytes],
        command: str,
        parameters: dict[str, str] | str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        method: str = "POST",
        body: bytes | None = None,
    ) -> None:
        """Check that a request is answered with a status, reason and body, and leaves one line in the log."""
        about = (command, str(parameters)[:200])
        counters = self.harness.server.counters
        refused = counters.refused_requests
        with our_log() as lines, capturedLogs() as events:
            response = self.request(command, parameters, headers=headers, method=method, body=body)
        self.assertEqual((response.status, response.reason, response.body), expected, about)
        self.assertIsNone(response.header("Content-Type"), about)
        self.assertEqual(len(lines), 1, (about, lines))
        self.assertEqual(counters.refused_requests, refused + 1, about)
        self.assert_secret(events)

    def assert_secret(self, events: list) -> None:  # type: ignore[type-arg]
        """Check that no log event, whatever its level, tells a token."""
        for event in events:
            text = eventAsText(event)
            for client in (self.client, *self.bystanders):
                self.assertNotIn(client.token, text)

    def assert_answered(self, command: str, parameters: dict[str, str], **options: object) -> None:
        """Check that a request is no refusal; a receive request may have to wait."""
        connection = self.harness.connection()
        headers = options.get("headers", ())
        body = urlencode({"data": CALL}).encode() if command == "send" else b""
        connection.request("POST", f"/signalr/{command}?{urlencode(parameters)}", headers=headers, body=body)  # type: ignore[arg-type]
        assert connection.response is not None, connection.raw
        self.assertEqual(connection.response.status, 200, (command, connection.response))
        connection.drop()


class TokenTests(BadInputTestCase):
    """The connection token."""

    def test_no_token(self) -> None:
        """Missing and empty are the same."""
        for command in ADMITTED:
            self.assert_refused(MISSING_TOKEN, command, self.good(connectionToken=None))
            self.assert_refused(MISSING_TOKEN, command, self.good(connectionToken=""))

    def test_bad_tokens(self) -> None:
        """Garbled, tampered with, made with other keys, for another purpose, or given twice: refused alike."""
        stranger = PollingClient(SiteHarness(self))
        stranger.negotiate()
        token = self.client.token
        middle = len(token) // 2
        tokens = [
            "x",
            "nonsense",
            " ",
            "é",
            "\x00",
            "A" * 5000,
            token[:-1],
            token + "A",
            token[1:],
            f"{token[:middle]}{'B' if token[middle] == 'A' else 'A'}{token[middle + 1 :]}",
            token.swapcase(),
            f"{token},{token}",
            f" {token}",
            f"{self.client.connection_id}:",
            stranger.token,
            self.keys.protection(GROUPS_TOKEN).protect(f"{self.client.connection_id}:"),
            self.keys.protection("something else").protect(f"{self.client.connection_id}:"),
        ]
        for command in ADMITTED:
            for bad in tokens:
                self.assert_refused(BAD_TOKEN, command, self.good(connectionToken=bad))

    def test_bad_tokens_for_a_socket(self) -> None:
        """An upgrade is refused before it is one."""
        for command in ("connect", "reconnect", "poll"):
            parameters = self.good(transport="webSockets", connectionToken="nonsense")
            self.assert_refused(BAD_TOKEN, command, parameters, headers=UPGRADE, method="GET")

    def test_commands_without_a_token(self) -> None:
        """Negotiation, pings and scripts need none, and do not look at one."""
        for command in OPEN:
            for token in (None, "", "nonsense"):
                response = self.request(command, self.good(connectionToken=token, transport=None), method="GET")
                self.assertEqual(response.status, 200, command)

    def test_nothing_comes_of_it(self) -> None:
        """A refused request leaves no connection behind and tells no hub."""
        for command in ADMITTED:
            self.request(command, self.good(connectionToken="nonsense"))
        self.assertEqual(len(self.harness.server.connections), 2)
        self.assertEqual(self.harness.journal.of(self.client), [])


class UserTests(BadInputTestCase):
    """Tokens are bound to users."""

    def token_of(self, user: str | None) -> str:
        """A token that was negotiated by a user."""
        client = PollingClient(self.harness, user=user)
        client.negotiate()
        return client.token

    def test_another_users_token(self) -> None:
        """It is refused; so is a user's without the user, and nobody's with one."""
        for owner, sender in (("ann", "bob"), ("ann", None), (None, "ann"), ("ann", "ann:")):
            token = self.token_of(owner)
            headers = [(USER_HEADER, sender)] if sender else []
            for command in ADMITTED:
                self.assert_refused(OTHER_USER, command, self.good(connectionToken=token), headers=headers)

    def test_user_names_are_compared_without_case(self) -> None:
        """The same user in other letters is the same user, also one with a colon in the name."""
        for owner, sender in (("ann", "ANN"), ("Jörg", "jÖRG"), ("a:b", "A:B")):
            token = self.token_of(owner)
            for command in ADMITTED:
                self.assert_answered(command, self.good(connectionToken=token), headers=[(USER_HEADER, sender)])

    def test_hubs_know_the_user(self) -> None:
        """The user of a call is the one of the request that carries it."""
        for client_class in (WebSocketClient, PollingClient):
            client = client_class(self.harness, user="Ann")
            client.come()
            self.assertEqual(client.invoke("whoami")["R"], "Ann")


class TransportParameterTests(BadInputTestCase):
    """The transport."""

    def test_no_known_transport(self) -> None:
        """Missing, empty, unknown, or given twice: refused, before the token is looked at."""
        twice = urlencode({**self.good(), "x": "y"}) + "&transport=longPolling"
        for command in ADMITTED:
            for transport in (None, "", "carrierPigeon", "longPolling "):
                self.assert_refused(UNKNOWN_TRANSPORT, command, self.good(transport=transport))
            self.assert_refused(UNKNOWN_TRANSPORT, command, twice)
            self.assert_refused(UNKNOWN_TRANSPORT, command, {})
            self.assert_refused(UNKNOWN_TRANSPORT, command, "")

    def test_a_socket_without_an_upgrade(self) -> None:
        """All but start and abort need a socket to be one, sending included."""
        expected = (400, "Bad Request", b"Not a valid web socket request.")
        for command in ADMITTED:
            parameters = self.good(transport="webSockets")
            if command in ("start", "abort"):
                self.assert_answered(command, parameters)
            else:
                self.assert_refused(expected, command, parameters)
                self.assert_refused(expected, command, parameters, method="GET")

    def test_names_in_any_letter_case(self) -> None:
        """Names of transports and of parameters are not case-sensitive."""
        parameters = {name.upper(): value for name, value in self.good(transport="LONGpolling").items()}
        for command in ADMITTED:
            self.assert_answered(command, parameters)

    def test_very_many_parameters(self) -> None:
        """A request with more parameters than anybody sends has none."""
        self.assert_refused(UNKNOWN_TRANSPORT, "connect", urlencode(self.good()) + "&x=1" * 250)


class JsonpTests(BadInputTestCase):
    """JSONP, which there is none of."""

    def test_a_callback(self) -> None:
        """It is refused before anything else, with a reason phrase of its own."""
        for command in (*OPEN, *ADMITTED):
            self.assert_refused(NO_JSONP, command, self.good(callback="jQuery1"), method="GET")
            self.assert_refused(NO_JSONP, command, {"Callback": "x", "connectionData": "nonsense"}, method="GET")

    def test_an_empty_callback(self) -> None:
        """It is none."""
        for command in (*OPEN, *ADMITTED):
            self.assert_answered(command, self.good(callback=""))


class ConnectionDataTests(BadInputTestCase):
    """The hubs that a client lists."""

    def test_bad_lists(self) -> None:
        """What is no list of different, known hubs is an error of the server's, whatever the command."""
        lists = [
            '[{"name":"noSuchHub"}]',
            '[{"name":"Probe"},{"name":"noSuchHub"}]',
            '[{"name":"Probe"},{"name":"pROBE"}]',
            '[{"name":""}]',
            '[{"name":null}]',
            '[{"name":1}]',
            "[{}]",
            '["Probe"]',
            "[null]",
            "{}",
            '{"name":"Probe"}',
            '"Probe"',
            "1",
            "nonsense",
            "[",
            " ",
            "[" * 3000,
            '[{"name":"\ud800"}]'.encode("utf-8", "surrogatepass").decode("latin-1"),
        ]
        for command in (*OPEN, *ADMITTED):
            for text in lists:
                self.assert_refused(SERVER_ERROR, command, self.good(connectionData=text))

    def test_good_lists(self) -> None:
        """Nothing is a list, too, and neither the key's letters nor the hub's matter."""
        for text in (None, "", "[]", "null", '[{"NAME":"PROBE"},{"name":"otherhub","x":1}]'):
            for command in (*OPEN, *ADMITTED):
                self.assert_answered(command, self.good(connectionData=text))


class SendTests(BadInputTestCase):
    """What is sent to hubs over HTTP."""

    def test_no_call(self) -> None:
        """Without data that is a call of a known hub, there is nothing to answer."""
        bodies: list[object] = [
            b"",
            b"data=",
            b"dat=x",
            b"data=nonsense",
            b"data=%ff%fe",
            b"\xff\xfe\x00",
            b"data=[]",
            b"data=null",
            b"data={}",
            b"data=" + b"[" * 20_000,
            {"data": json.dumps({"H": "noSuchHub", "M": "add", "A": [1, 2], "I": 0})},
            {"data": json.dumps({"H": "Probe", "A": [1, 2], "I": 0})},
            {"data": json.dumps({"H": "Probe", "M": "add", "A": 1, "I": 0})},
            {"data": json.dumps({"H": "Probe", "M": "add", "A": [1, 2], "I": []})},
            {"data": json.dumps({"H": "Probe", "M": "add", "A": [1, 2], "I": 0, "S": {"x": "x" * 5000}})},
            [("data", CALL), ("data", CALL)],
        ]
        for body in bodies:
            encoded = body if isinstance(body, bytes) else urlencode(body).encode()  # type: ignore[arg-type]
            self.assert_refused(SERVER_ERROR, "send", self.good(), body=encoded)
        self.assert_refused(SERVER_ERROR, "send", self.good(), method="GET")
        self.assert_refused(SERVER_ERROR, "send", self.good(data="nonsense"), method="GET")

    def test_calls_that_cannot_be_carried_out(self) -> None:
        """Unknown methods, wrong numbers of arguments and unfit ones are answered, in general terms."""
        calls: list[tuple[str, object]] = [
            ("noSuchMethod", [1, 2]),
            ("on_connected", []),
            ("onConnected", []),
            ("__init__", []),
            ("clients", []),
            ("add", []),
            ("add", [1, 2, 3]),
            ("add", ["x", {}]),
        ]
        for method, arguments in calls:
            call = json.dumps({"H": "Probe", "M": method, "A": arguments, "I": 0})
            with our_log() as lines:
                response = self.request("send", self.good(), body=urlencode({"data": call}).encode())
            self.assertEqual(
                (response.status, response.json),
                (200, {"I": "0", "E": f"There was an error invoking Hub method 'Probe.{method}'."}),
            )
            self.assertEqual(len(lines), 1, lines)


class BodySizeTests(BadInputTestCase):
    """Long bodies."""

    TOO_LARGE = b"HTTP/1.1 413 Request Entity Too Large\r\n"

    def body(self, size: int) -> bytes:
        """A form with a good call, of *size* bytes."""
        body = urlencode({"data": CALL}).encode() + b"&padding="
        return body + b"x" * (size - len(body))

    def send(self, size: int, *, chunked: bool, headers: str = "") -> bytes:
        """Send a call in a body of a size, all at once; returns what comes back."""
        body = self.body(size)
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
        head = f"POST {self.client.target('send')} HTTP/1.1\r\nHost: test\r\n{length}\r\n{headers}\r\n"
        if chunked:
            chunks = [body[start : start + 100_000] for start in range(0, size, 100_000)]
            body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])
        connection = self.harness.connection()
        connection.write(head.encode() + body)
        self.closed = connection.closed
        connection.drop()
        return connection.raw

    def test_the_longest_body(self) -> None:
        """A mebibyte is taken, whether it is announced or not."""
        for chunked in (False, True):
            self.assertIn(b'{"R":3,"I":"0"}', self.send(MAX_BODY_BYTES, chunked=chunked))

    def test_a_longer_body(self) -> None:
        """A byte more is refused, the connection is closed, and there is one log line."""
        for chunked in (False, True):
            with our_log() as lines:
                answer = self.send(MAX_BODY_BYTES + 1, chunked=chunked)
            self.assertTrue(answer.startswith(self.TOO_LARGE), answer)
            self.assertTrue(answer.endswith(b"\r\n\r\nThe body is longer than 1048576 bytes.\n"), answer)
            self.assertTrue(self.closed)
            self.assertEqual(len(lines), 1, lines)

    def test_a_much_longer_body(self) -> None:
        """What follows is not kept, and changes nothing."""
        for chunked in (False, True):
            with our_log() as lines:
                answer = self.send(3 * MAX_BODY_BYTES, chunked=chunked)
            self.assertEqual(answer.count(b"HTTP/1.1"), 1)
            self.assertTrue(answer.startswith(self.TOO_LARGE), answer)
            self.assertEqual(len(lines), 1, lines)

    def test_a_client_that_asks_first(self) -> None:
        """Who waits to be told to continue is told that the body is too long, before it is sent, and nothing else."""
        answer = self.send(MAX_BODY_BYTES + 1, chunked=False, headers="Expect: 100-continue\r\n")
        self.assertTrue(answer.startswith(self.TOO_LARGE), answer)
        self.assertEqual(answer.count(b"HTTP/1.1"), 1, answer)

    def test_the_limit_is_for_all_paths(self) -> None:
        """Pages and commands that take no body do not take a long one either."""
        for path in ("/", "/signalr/negotiate", "/nowhere"):
            connection = self.harness.connection()
            connection.write(b"POST %b HTTP/1.1\r\nHost: test\r\nContent-Length: 9999999\r\n\r\n" % path.encode())
            self.assertTrue(connection.raw.startswith(self.TOO_LARGE), path)


class StrangePathTests(BadInputTestCase):
    """Paths that nobody asks for, and other text that nobody writes."""

    def test_log_lines_are_lines(self) -> None:
        """No client can make the log show what did not happen."""
        name = "x\r\n2099-01-01 All is well"
        requests = [
            ("negotiate", {"connectionData": json.dumps([{"name": name}])}, None),
            (quote(name), {}, None),
            ("send", self.good(), {"H": name, "M": "add", "A": [1, 2], "I": 0}),
            ("send", self.good(), {"H": "Probe", "M": name, "A": [1, 2], "I": 0}),
        ]
        for command, parameters, call in requests:
            body = None if call is None else urlencode({"data": json.dumps(call)}).encode()
            with our_log() as texts:
                self.request(command, parameters, body=body)
            self.assertEqual([len(text.splitlines()) for text in texts], [1], texts)

    def test_strange_commands(self) -> None:
        """What cannot be a command is refused like any unknown one."""
        paths = ["%ff%fe", "%00", "..", "%2e%2e", "%2f", "%", "%zz", "a" * 3000]
        for path in paths:
            self.assert_refused(UNKNOWN_TRANSPORT, path, "")
