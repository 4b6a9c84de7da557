"""Pages of other origins: CORS and JSONP, from the request's bytes to the answer's; and negotiating elsewhere."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.web.clients import PollingClient, ServerSentEventsClient
from tests.web.probe import OtherHub
from tests.web.support import SiteHarness
from twisted_ticker.signalr import ConfigurationError, EndpointSettings, NegotiateError, Redirect
from twisted_ticker.signalr.requests import Request

PAGE = "https://page.example"


class CorsTests(SynchronousTestCase):
    """Answers that a page of an allowed origin can read."""

    def setUp(self) -> None:
        self.harness = SiteHarness(self, endpoint_settings=EndpointSettings(allowed_origins=[PAGE]))

    def test_every_answer_says_so(self) -> None:
        """Those of all commands, refusals, and the streams."""
        client = PollingClient(self.harness)
        client.headers.append(("Origin", PAGE))
        client.connect()
        client.take(again=False)
        answers = [client.fetch(command) for command in ("negotiate", "start", "ping", "hubs", "abort", "nothing?")]
        stream = ServerSentEventsClient(self.harness)
        stream.headers.append(("Origin", PAGE))
        stream.connect()
        assert stream.stream.response is not None
        answers.append(stream.stream.response)
        client.connect()
        assert client.poll is not None and client.poll.response is not None
        answers.append(client.poll.response)
        for answer in answers:
            self.assertEqual(answer.header("Access-Control-Allow-Origin"), PAGE)
            self.assertEqual(answer.header("Access-Control-Allow-Credentials"), "true")

    def test_nobody_else(self) -> None:
        """A page of another origin is not told that it may."""
        for origin in ("https://evil.example", "null", PAGE + ":444"):
            answer = self.harness.fetch("GET", "/signalr/negotiate", headers=[("Origin", origin)])
            self.assertIsNone(answer.header("Access-Control-Allow-Origin"))

    def test_preflight(self) -> None:
        """A browser that asks first is answered without anything being done."""
        answer = self.harness.fetch(
            "OPTIONS",
            "/signalr/send?nothing",
            headers=[("Origin", PAGE), ("Access-Control-Request-Method", "POST")],
        )
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(answer.header("Access-Control-Allow-Methods"), "GET, POST")


class JsonpTests(SynchronousTestCase):
    """Answers as calls of a function."""

    def setUp(self) -> None:
        self.harness = SiteHarness(self, endpoint_settings=EndpointSettings(enable_jsonp=True))
        self.client = PollingClient(self.harness)
        self.client.connect()
        self.client.take(again=False)

    def test_answers(self) -> None:
        """Negotiate, ping and start, and the result of a call, whose data is in the query."""
        data = '{"H":"probe","M":"add","A":[1,2],"I":0}'
        for command, parameters, body in (
            ("ping", {}, rb'cb\(\{ "Response": "pong" \}\);'),
            ("start", {}, rb'cb\(\{ "Response": "started" \}\);'),
            ("negotiate", {}, rb'cb\(\{"Url":"/signalr",.*\}\);'),
            ("send", {"data": data}, rb'cb\(\{"R":3,"I":"0"\}\);'),
        ):
            with self.subTest(command=command):
                answer = self.client.fetch(command, callback="cb", **parameters)
                self.assertEqual(answer.header("Content-Type"), "application/javascript; charset=UTF-8")
                self.assertRegex(answer.body, rb"\A" + body + rb"\Z")

    def test_a_poll(self) -> None:
        """It gets its envelope as a call, and no keep-alive before it, which a script could not stand."""
        poll = self.harness.connection()
        poll.request("GET", self.client.target("poll", callback="a.b", messageId=self.client.cursor or ""))
        self.harness.advance(20)
        self.harness.say("hello")
        assert poll.response is not None
        self.assertRegex(poll.response.body, rb'\Aa\.b\(\{"C":"[^"]+","M":\[.*"hello".*\]\}\);\Z')
        self.assertEqual(poll.response.header("Content-Type"), "application/javascript; charset=UTF-8")

    def test_bad_names(self) -> None:
        """They are refused on every command, with nothing written."""
        for command in ("negotiate", "ping", "start", "poll", "send"):
            answer = self.client.fetch(command, callback="alert(1)")
            self.assertEqual((answer.status, answer.body), (500, b""))

    def test_no_name(self) -> None:
        """An empty one counts as none."""
        self.assertEqual(self.client.fetch("ping", callback="").body, b'{ "Response": "pong" }')


class NegotiateTests(SynchronousTestCase):
    """Applications that send clients elsewhere."""

    def test_moved_and_refused_clients(self) -> None:
        """Who is neither is served."""
        harness = SiteHarness(self)

        def negotiate(request: Request) -> Redirect | NegotiateError | None:
            wish = request.query.get("wish")
            if wish == "move":
                return Redirect("https://b.example/signalr", "secret")
            return NegotiateError("Not today.") if wish == "fail" else None

        harness.server.map_hubs("/front", [OtherHub], negotiate=negotiate)
        for wish, body in (
            (
                "move",
                {"ProtocolVersion": "2.0", "RedirectUrl": "https://b.example/signalr", "AccessToken": "secret"},
            ),
            ("fail", {"ProtocolVersion": "2.0", "Error": "Not today."}),
        ):
            answer = harness.fetch("GET", f"/front/negotiate?clientProtocol=2.1&wish={wish}")
            self.assertEqual(answer.json, body)
        self.assertIn("ConnectionToken", harness.fetch("GET", "/front/negotiate").json)


class SettingsTests(SynchronousTestCase):
    """What an endpoint serves."""

    def test_transports_can_be_left_out(self) -> None:
        """Clients are not led to try them, and a request for one is refused as an unknown one is."""
        harness = SiteHarness(self, endpoint_settings=EndpointSettings(transports=["longPolling"]))
        self.assertIs(harness.fetch("GET", "/signalr/negotiate").json["TryWebSockets"], False)
        answer = harness.fetch("GET", "/signalr/connect?transport=serverSentEvents")
        self.assertEqual((answer.status, answer.body), (400, b"Protocol error: Unknown transport."))

    def test_wrong_settings(self) -> None:
        """They are refused when they are made."""
        self.assertRaises(ConfigurationError, EndpointSettings, transports=["pigeon"])
        self.assertRaises(ConfigurationError, EndpointSettings, allowed_origins=PAGE)

    def test_the_script_is_asked_for_again_only_when_it_has_changed(self) -> None:
        """Its entity tag is that of its text."""
        harness = SiteHarness(self)
        first = harness.fetch("GET", "/signalr/hubs")
        tag = first.header("ETag")
        assert tag is not None
        again = harness.fetch("GET", "/signalr/hubs", headers=[("If-None-Match", tag)])
        self.assertEqual((again.status, again.body, again.header("ETag")), (304, b"", tag))
        other = harness.fetch("GET", "/SignalR/hubs", headers=[("If-None-Match", tag)])
        self.assertEqual(other.status, 200)
