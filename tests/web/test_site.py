"""Tests for `twisted_ticker.web.site` and `twisted_ticker.web.endpoints`: who serves which path, and how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource, Resource
from twisted.web.static import Data
from zope.interface.verify import verifyObject

from tests.web.clients import PollingClient
from tests.web.support import SiteHarness
from twisted_ticker.signalr import EndpointSettings, Settings
from twisted_ticker.web import SignalRResource, build_site

NO_TRANSPORT = (400, b"Protocol error: Unknown transport.")


class SiteTestCase(SynchronousTestCase):
    """A site with some pages."""

    def setUp(self) -> None:
        self.pages = Path(self.mktemp()).resolve()
        (self.pages / "scripts").mkdir(parents=True)
        (self.pages / "start.html").write_text("<p>Hello")
        (self.pages / "scripts" / "page.js").write_text("hello()")
        self.harness = SiteHarness(self, htdocs=str(self.pages))


class PathTests(SiteTestCase):
    """Which requests are SignalR's, and what they ask for."""

    def url(self, path: str, method: str = "GET") -> str:
        """What a negotiation at a path tells the client to use."""
        response = self.harness.fetch(method, path)
        self.assertEqual(response.status, 200, path)
        url: str = response.json["Url"]
        return url

    def test_paths_of_negotiation(self) -> None:
        """The end of the path says so, below the mapped path in any letter case."""
        for path, url in (
            ("/signalr/negotiate", "/signalr"),
            ("/SignalR/negotiate", "/signalr"),
            ("/signalr//negotiate", "/signalr/"),
            ("/signalr/foo/negotiate", "/signalr/foo"),
            ("/signalr/NEGOTIATE", "/signalr/NEGOTIATE"),
            ("/%73ignalr/negotiate?x=y", "/signalr"),
        ):
            self.assertEqual(self.url(path), url)

    def test_paths_of_nothing(self) -> None:
        """Whatever else is below the mapped path is a request of which the transport is unknown."""
        for path in (
            "/signalr",
            "/signalr/",
            "/SIGNALR",
            "/signalr/negotiate/",
            "/signalr/xnegotiate",
            "/signalr/negotiate/x",
            "/signalr/ping/",
        ):
            response = self.harness.fetch("GET", path)
            self.assertEqual((response.status, response.body), NO_TRANSPORT, path)
            self.assertEqual(response.header("X-Content-Type-Options"), "nosniff")

    def test_negotiation(self) -> None:
        """The answer has all that clients read, in the reference's order and number formats."""
        response = self.harness.fetch("GET", "/signalr/negotiate?clientProtocol=2.1")
        answer = response.json
        self.assertEqual(
            response.body.decode(),
            f'{{"Url":"/signalr","ConnectionToken":"{answer["ConnectionToken"]}",'
            f'"ConnectionId":"{answer["ConnectionId"]}","KeepAliveTimeout":20.0,"DisconnectTimeout":30.0,'
            '"ConnectionTimeout":110.0,"TryWebSockets":true,"ProtocolVersion":"2.0","TransportConnectTimeout":5.0,'
            '"LongPollDelay":0.0}',
        )
        self.assertRegex(answer["ConnectionId"], r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertRegex(answer["ConnectionToken"], r"^[0-9A-Za-z_-]+$")
        self.assertEqual(
            [response.header(name) for name in ("Content-Type", "X-Content-Type-Options", "Cache-Control")],
            ["application/json; charset=UTF-8", "nosniff", "no-store"],
        )
        self.assertEqual(self.harness.server.connections, {})

    def test_everybody_gets_an_id_of_his_own(self) -> None:
        """Each negotiation makes up another connection."""
        answers = [self.harness.fetch("GET", "/signalr/negotiate").json for _ in range(3)]
        self.assertEqual(len({answer["ConnectionId"] for answer in answers}), 3)
        self.assertEqual(len({answer["ConnectionToken"] for answer in answers}), 3)

    def test_protocol_versions(self) -> None:
        """Clients get back what they sent, within what the server speaks."""
        for sent, used in (
            ("", "1.2"),
            ("?clientProtocol=", "1.2"),
            ("?clientProtocol=2", "1.2"),
            ("?clientProtocol=1337", "1.2"),
            ("?clientProtocol=1.1", "1.2"),
            ("?clientProtocol=1.3", "1.3"),
            ("?clientProtocol=1.5", "1.5"),
            ("?CLIENTPROTOCOL=2.0", "2.0"),
            ("?clientProtocol=2.1", "2.0"),
            ("?clientProtocol=3.0", "2.0"),
            ("?clientProtocol=1.5&clientProtocol=1.5", "1.2"),
        ):
            answer = self.harness.fetch("GET", f"/signalr/negotiate{sent}").json
            self.assertEqual(answer["ProtocolVersion"], used, sent)

    def test_negotiation_without_signs_of_life(self) -> None:
        """Times are the settings'; without keep-alive there is no timeout for it."""
        self.harness = SiteHarness(
            self, settings=Settings(keep_alive=None, disconnect_timeout=12, connection_timeout=30, long_poll_delay=2)
        )
        answer = self.harness.fetch("GET", "/signalr/negotiate").json
        self.assertEqual(
            [answer[name] for name in ("KeepAliveTimeout", "DisconnectTimeout", "ConnectionTimeout", "LongPollDelay")],
            [None, 12.0, 30.0, 2.0],
        )

    def test_methods_of_negotiation(self) -> None:
        """Any method will do; the answer to HEAD is its headers."""
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"):
            self.assertEqual(self.url("/signalr/negotiate", method), "/signalr")
        response = self.harness.fetch("HEAD", "/signalr/negotiate")
        self.assertEqual(response.status, 200)
        self.assertEqual(response.body, b"")
        self.assertEqual(response.header("Content-Type"), "application/json; charset=UTF-8")

    def test_ping(self) -> None:
        """It is answered without token or transport, with the reference's blanks."""
        for path in ("/signalr/ping", "/signalr/PING?_=1"):
            response = self.harness.fetch("GET", path)
            self.assertEqual((response.status, response.body), (200, b'{ "Response": "pong" }'))
            self.assertEqual(response.header("Content-Type"), "application/json; charset=UTF-8")

    def test_scripts(self) -> None:
        """``hubs`` and ``js``, also with slashes behind, are the proxy script, which knows the path it came by."""
        scripts = set()
        for path in ("/signalr/hubs", "/signalr/js", "/signalr/HUBS", "/signalr/hubs/", "/signalr/Js//"):
            response = self.harness.fetch("GET", path)
            self.assertEqual(response.status, 200, path)
            self.assertEqual(response.header("Content-Type"), "application/javascript; charset=UTF-8")
            self.assertEqual(response.header("X-Content-Type-Options"), "nosniff")
            scripts.add(response.body)
        [script] = scripts
        self.assertIn(b'.hubConnection("/signalr", { useDefaultPath: false })', script)
        self.assertIn(b"Probe", script)
        self.assertIn(b"callBack", script)
        script = self.harness.fetch("GET", "/SIGNALR/hubs").body
        self.assertIn(b'.hubConnection("/SIGNALR", { useDefaultPath: false })', script)

    def test_a_strange_path_in_the_script(self) -> None:
        """The path is a string in the script, whatever its characters are."""
        for path in ("/signalr/%22);alert(1);(%22/hubs", "/signalr/%3C/script%3E/hubs", "/signalr/%e2%80%a8/hubs"):
            script = self.harness.fetch("GET", path).body
            self.assertNotIn(b");alert(1);", script.replace(b'\\");alert', b""))
            self.assertNotIn("\u2028".encode(), script)
            self.assertNotIn(b"</script>", script)

    def test_no_scripts(self) -> None:
        """Scripts can be off."""
        self.harness = SiteHarness(self, endpoint_settings=EndpointSettings(enable_javascript_proxies=False))
        response = self.harness.fetch("GET", "/signalr/hubs")
        text = b"throw new Error('SignalR: JavaScript Hub proxy generation has been disabled.');"
        self.assertEqual((response.status, response.body), (200, text))


class FormTests(SiteTestCase):
    """Bodies, of whose content types clients are careless."""

    def test_forms_of_any_content_type(self) -> None:
        """A form is one, whatever it says that it is; by any method, with its names in any letter case."""
        client = PollingClient(self.harness)
        client.negotiate()
        call = json.dumps({"H": "probe", "M": "echo", "A": ["a + b & ü"], "I": 0})
        for content_type in (
            None,
            "application/x-www-form-urlencoded; charset=UTF-8",
            "application/json; charset=utf-8",
            "text/plain",
            "multipart/form-data; boundary=x",
            "",
        ):
            headers = [] if content_type is None else [("Content-Type", content_type)]
            for method in ("POST", "PUT"):
                for name in ("data", "DATA"):
                    body = urlencode({name: call, "other": "x"}).encode()
                    response = self.harness.fetch(method, client.target("send"), headers=headers, body=body)
                    self.assertEqual(response.status, 200, content_type)
                    self.assertEqual(response.json["R"], "a + b & ü")

    def test_what_is_no_form(self) -> None:
        """The parts of a multipart body are not looked for."""
        client = PollingClient(self.harness)
        client.negotiate()
        body = (
            b'--x\r\nContent-Disposition: form-data; name="data"\r\n\r\n'
            b'{"H":"probe","M":"add","A":[1,2],"I":0}\r\n--x--\r\n'
        )
        headers = [("Content-Type", "multipart/form-data; boundary=x")]
        response = self.harness.fetch("POST", client.target("send"), headers=headers, body=body)
        self.assertEqual((response.status, response.body), (500, b""))

    def test_a_chunked_form(self) -> None:
        """A body may come without its length."""
        client = PollingClient(self.harness)
        client.negotiate()
        body = urlencode({"data": '{"H":"probe","M":"add","A":[1,2],"I":0}'}).encode()
        connection = self.harness.connection()
        head = f"POST {client.target('send')} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.write(head.encode())
        for byte in body:
            connection.write(b"1\r\n%c\r\n" % byte)
        connection.write(b"0\r\n\r\n")
        assert connection.response is not None
        self.assertEqual(connection.response.body, b'{"R":3,"I":"0"}')

    def test_a_request_in_pieces(self) -> None:
        """A request may come byte by byte, and two at once."""
        client = PollingClient(self.harness)
        client.negotiate()
        body = urlencode({"data": '{"H":"probe","M":"add","A":[1,2],"I":0}'}).encode()
        head = f"POST {client.target('send')} HTTP/1.1\r\nHost: test\r\nContent-Length: {len(body)}\r\n\r\n"
        request = head.encode() + body
        connection = self.harness.connection()
        for index in range(len(request)):
            connection.write(request[index : index + 1])
        connection.write(request * 2)
        self.assertEqual([response.body for response in connection.responses], [b'{"R":3,"I":"0"}'] * 3)

    def test_a_poll_with_a_json_content_type(self) -> None:
        """The position is read from it, too."""
        client = PollingClient(self.harness)
        client.come()
        cursor = client.cursor
        self.harness.say("a")
        body = urlencode({"messageId": cursor}).encode()
        headers = [("Content-Type", "application/json")]
        response = self.harness.fetch("POST", client.target("poll"), headers=headers, body=body)
        self.assertEqual(response.json["M"][0]["A"], ["a"])


class BuildSiteTests(SiteTestCase):
    """What an application may add to its site."""

    def test_headers_of_pages(self) -> None:
        """They are made for each request, are on files in directories as well, and on nothing but pages."""
        self.harness.site = build_site(
            self.harness.server,
            str(self.pages),
            start_page="/start.html",
            clock=self.harness.clock,
            page_headers=lambda request: {b"X-Method": request.method, b"Cache-Control": b"private"},
        )
        for path in ("/start.html", "/scripts/page.js"):
            response = self.harness.fetch("HEAD", path)
            self.assertEqual((response.status, response.header("X-Method")), (200, "HEAD"))
            self.assertEqual(response.header("Cache-Control"), "no-cache")
        for path in ("/", "/signalr/ping"):
            self.assertIsNone(self.harness.fetch("GET", path).header("X-Method"))

    def test_resources(self) -> None:
        """Other resources are beside the pages, and before them."""
        (self.pages / "taken").write_text("a file")
        resources = {"taken": Data(b"a resource", "text/plain"), "else": Data(b"another", "text/plain")}
        self.harness.site = build_site(
            self.harness.server,
            str(self.pages),
            start_page="/start.html",
            clock=self.harness.clock,
            resources=resources,
        )
        for path, body in (("/taken", b"a resource"), ("/else?x", b"another"), ("/start.html", b"<p>Hello")):
            self.assertEqual(self.harness.fetch("GET", path).body, body)
        self.assertEqual(self.harness.fetch("GET", "/elsewhere").status, 404)


class ResourceTests(SiteTestCase):
    """The root resource by itself."""

    def test_it_is_a_resource(self) -> None:
        """It can be the root of any site; without anything else to serve, other paths are not there."""
        resource = SignalRResource(self.harness.server, clock=self.harness.clock)
        verifyObject(IResource, resource)
        self.harness.site.resource = resource
        self.assertEqual(self.harness.fetch("GET", "/start.html").status, 404)
        self.assertEqual(self.harness.fetch("GET", "/").status, 404)
        self.assertEqual(self.harness.fetch("GET", "/signalr/ping").status, 200)

    def test_children_beside_the_mapped_paths(self) -> None:
        """Resources can be put beside them, and below other paths; a mapped path stays the server's."""

        class Hello(Resource):
            isLeaf = True

            def render_GET(self, request: object) -> bytes:
                return b"hello"

        resource = SignalRResource(self.harness.server, Resource(), clock=self.harness.clock)
        resource.putChild(b"hello", Hello())
        resource.putChild(b"signalr", Hello())
        self.harness.site.resource = resource
        self.assertEqual(self.harness.fetch("GET", "/hello").body, b"hello")
        self.assertEqual(self.harness.fetch("GET", "/signalr/ping").body, b'{ "Response": "pong" }')

    def test_a_leaf_beside_the_mapped_paths(self) -> None:
        """A resource that finds its way in the path itself, as those of frameworks do, gets the whole of it."""

        class Framework(Resource):
            isLeaf = True

            def render_GET(self, request: Any) -> bytes:
                return repr((request.prepath, request.postpath)).encode()

            def getChildWithDefault(self, path: bytes, request: object) -> Resource:
                raise AssertionError("It has no children.")

        self.harness.site.resource = SignalRResource(self.harness.server, Framework(), clock=self.harness.clock)
        for path, parts in (("/", [b""]), ("/a", [b"a"]), ("/a/b/", [b"a", b"b", b""])):
            self.assertEqual(self.harness.fetch("GET", path).body, repr(([], parts)).encode())
        self.assertEqual(self.harness.fetch("GET", "/signalr/ping").body, b'{ "Response": "pong" }')

    def test_parameters_for_other_resources(self) -> None:
        """They are parsed when they are asked for: those of the query string, and those of a form."""

        class Framework(Resource):
            isLeaf = True

            def render(self, request: Any) -> bytes:
                return repr(sorted(request.args.items())).encode()

        self.harness.site.resource = SignalRResource(self.harness.server, Framework(), clock=self.harness.clock)
        form, text = "application/x-www-form-urlencoded", "text/plain"
        for query, content_type, body, expected in (
            ("", text, b"", []),
            ("?a=1&b=&a=%2B+", text, b"a=2", [(b"a", [b"1", b"+ "]), (b"b", [b""])]),
            ("?a=1", form, b"a=2&c=%ff", [(b"a", [b"1", b"2"]), (b"c", [b"\xff"])]),
            ("", f"{form.upper()} ; charset=UTF-8", b"a=2&a=", [(b"a", [b"2", b""])]),
        ):
            answer = self.harness.fetch("POST", f"/{query}", headers=[("Content-Type", content_type)], body=body)
            self.assertEqual(answer.body, repr(expected).encode())

    def test_endpoints_of_one_server(self) -> None:
        """The longest mapped path that a request lies below serves it; tokens and audiences are shared."""
        self.harness.server.map_hubs("/signalr/deeper", [], EndpointSettings(enable_javascript_proxies=False))
        self.assertIn(b"disabled", self.harness.fetch("GET", "/SignalR/Deeper/hubs").body)
        self.assertNotIn(b"disabled", self.harness.fetch("GET", "/signalr/deeperx/hubs").body)
