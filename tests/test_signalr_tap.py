"""Tests for `twisted_ticker.signalr_tap`: the command line, and the application that is made of it."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import txaio
from twisted.application.service import IService
from twisted.internet import task
from twisted.internet.task import Cooperator
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request
from zope.interface.verify import verifyObject

from tests.web.support import ACCESS_LOG, SiteHarness
from tests.web.wire import HttpResponse, Link
from twisted_ticker import signalr_tap
from twisted_ticker.signalr import Hub, PersistentConnection, Settings, SignalRServer, hub_method
from twisted_ticker.signalr_tap import Options, makeService

HERE = __name__


class ChatHub(Hub):
    """A hub."""

    @hub_method
    def add(self, a: int, b: int) -> int:
        return a + b


class EchoConnection(PersistentConnection):
    """A raw connection."""


class NeedyHub(Hub):
    """Cannot be made without something."""

    hub_name = "needy"

    def __init__(self, what: str) -> None:
        """Is made by the factory below."""


make_needy = partial(NeedyHub, "this")


class Form(Resource):
    """Says which parameters it got."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        answer: dict[str, Any] = {"path": "/" + b"/".join(request.postpath).decode()}
        for name, values in (request.args or {}).items():
            answer[name.decode()] = [value.decode() for value in values]
        return json.dumps(answer).encode()

    render_POST = render_GET


def serve(server: SignalRServer) -> None:
    """An application that maps something."""
    server.map_hubs("/other", [ChatHub])


def serve_pages(server: SignalRServer) -> Resource:
    """An application with pages of its own."""
    serve(server)
    return Form()


def serve_on_a_taken_path(server: SignalRServer) -> None:
    """An application that maps what an option has mapped."""
    server.map_hubs("/signalr", [make_needy])


def serve_nonsense(server: SignalRServer) -> str:
    """An application that returns what is no resource."""
    return "nonsense"


class SignalRTapTestCase(SynchronousTestCase):
    """Command lines with directories of the test's own."""

    def setUp(self) -> None:
        self.patch(sys, "path", [*sys.path])
        self.state = Path(self.mktemp()).resolve()
        self.pages = Path(self.mktemp()).resolve()
        self.pages.mkdir(parents=True)
        (self.pages / "index.html").write_text("<p>Chat")

    def options(self, *arguments: str) -> Options:
        """Parse a command line; port 0 is always free."""
        options = Options()
        options.parseOptions(["--state-dir", str(self.state), "--listen", "tcp:0:interface=127.0.0.1", *arguments])
        return options


class OptionsTests(SignalRTapTestCase):
    """Tests for `Options`."""

    def refusal(self, *arguments: str) -> str:
        """Why a command line with a hub is refused; always one line."""
        text = str(self.assertRaises(UsageError, self.options, "--hub", f"{HERE}:ChatHub", *arguments))
        self.assertEqual(len(text.splitlines()), 1, text)
        return text

    def test_default_settings_are_the_librarys(self) -> None:
        """What is not given is as it is without a command line."""
        self.assertEqual(self.options("--hub", f"{HERE}:ChatHub")["settings"], Settings())

    def test_settings(self) -> None:
        """Each setting has an option of its name."""
        cases: list[tuple[str, str, Any]] = [
            ("--disconnect-timeout", "60", 60.0),
            ("--keep-alive", "2.5", 2.5),
            ("--keep-alive", "none", None),
            ("--connection-timeout", "5", 5.0),
            ("--transport-connect-timeout", "0.5", 0.5),
            ("--long-poll-delay", "1e-1", 0.1),
            ("--default-message-buffer-size", "64", 64),
            ("--max-incoming-websocket-message-size", "1024", 1024),
            ("--max-incoming-websocket-message-size", "None", None),
            ("--max-incoming-values", "100", 100),
            ("--max-incoming-values", "none", None),
            ("--max-pending-calls", "1", 1),
            ("--max-pending-calls", "none", None),
            ("--max-calls-per-second", "0.5", 0.5),
            ("--max-calls-per-second", "none", None),
            ("--groups-token-lifetime", "120", 120.0),
        ]
        for option, text, value in cases:
            settings = self.options("--hub", f"{HERE}:ChatHub", option, text)["settings"]
            name = option.removeprefix("--").replace("-", "_")
            self.assertEqual(settings, Settings(**{name: value}), option)
        self.assertEqual({option[2:].replace("-", "_") for option, *_ in cases}, set(Settings.__dataclass_fields__))

    def test_bad_settings(self) -> None:
        """What is no number, or breaks a rule of the reference's."""
        seconds, number = "must be a number of seconds", "must be a whole number"
        for option, text, reason in (
            ("disconnect-timeout", "x", f"--disconnect-timeout {seconds}, not 'x'."),
            ("disconnect-timeout", "none", f"--disconnect-timeout {seconds}, not 'none'."),
            ("disconnect-timeout", "nan", f"--disconnect-timeout {seconds}, not 'nan'."),
            ("connection-timeout", "inf", f"--connection-timeout {seconds}, not 'inf'."),
            ("keep-alive", "", f"--keep-alive {seconds}, or none, not ''."),
            ("default-message-buffer-size", "1.5", f"--default-message-buffer-size {number}, not '1.5'."),
            ("default-message-buffer-size", "-1", "DefaultMessageBufferSize must not be negative."),
            (
                "max-incoming-websocket-message-size",
                "lots",
                f"--max-incoming-websocket-message-size {number} of bytes, or none, not 'lots'.",
            ),
            ("max-incoming-websocket-message-size", "0", "MaxIncomingWebSocketMessageSize must be positive."),
            ("max-incoming-values", "x", f"--max-incoming-values {number}, or none, not 'x'."),
            ("max-pending-calls", "0", "MaxPendingCalls must be positive."),
            ("max-calls-per-second", "0", "MaxCallsPerSecond must be positive."),
            ("max-calls-per-second", "nan", "--max-calls-per-second must be a number of calls, or none, not 'nan'."),
            ("groups-token-lifetime", "1", "GroupsTokenLifetime must be at least four times the DisconnectTimeout."),
            ("disconnect-timeout", "5", "DisconnectTimeout must be at least six seconds."),
            ("keep-alive", "1", "KeepAlive value must be greater than two seconds."),
            ("keep-alive", "11", "KeepAlive value must be no more than a third of the DisconnectTimeout."),
            ("connection-timeout", "0", "ConnectionTimeout must be positive."),
            ("transport-connect-timeout", "-1", "TransportConnectTimeout must be positive."),
            ("long-poll-delay", "-1", "LongPollDelay must not be negative."),
        ):
            refusal = self.refusal(f"--{option}", text)
            self.assertEqual(refusal.removeprefix("Parameter type enforcement failed: "), reason)

    def test_nothing_to_serve(self) -> None:
        """Pages alone need no SignalR."""
        error = self.assertRaises(UsageError, self.options, "--static", str(self.pages))
        self.assertEqual(str(error), "There is nothing to serve: give --hub, --connection or --app.")

    def test_what_cannot_be_mapped(self) -> None:
        """The text names the option, and what is wrong with it."""
        form = "is not of the form PACKAGE.MODULE:NAME."
        for option, value, reason in (
            ("hub", "chat", f"'chat' {form}"),
            ("hub", "nowhere:Hub", "The module 'nowhere' cannot be imported: No module named 'nowhere'."),
            ("hub", f"{HERE}:Nothing", f"The module '{HERE}' has no 'Nothing'."),
            ("hub", f"{HERE}:ChatHub", "Two hubs have the same name: chathub, chathub."),
            ("hub", f"{HERE}:EchoConnection", "makes no Hub"),
            ("hub", f"{HERE}:NeedyHub", "missing a required argument: 'what'."),
            ("connection", f"{HERE}:EchoConnection", "is not of the form /PATH=PACKAGE.MODULE:CLASS."),
            ("connection", "/echo=", f"'' {form}"),
            ("connection", f"echo={HERE}:EchoConnection", "The path 'echo' is not of the form '/signalr'."),
            ("connection", f"/={HERE}:EchoConnection", "The path '/' is not of the form '/signalr'."),
            ("connection", f"/SignalR={HERE}:EchoConnection", "The path '/SignalR' is mapped already."),
            ("connection", f"/echo={HERE}:ChatHub", "makes no PersistentConnection"),
            ("app", "chat", f"'chat' {form}"),
            ("app", f"{HERE}:HERE", f"'{HERE}:HERE' is no function."),
        ):
            text = self.refusal(f"--{option}", value)
            self.assertTrue(text.startswith(f"--{option}: ") and reason in text, text)

    def test_bad_origins(self) -> None:
        """An origin is a scheme and a host, perhaps with a port, and nothing else."""
        for origin in ("", "example.org", "https://", "https://example.org/", "https://a.org/x", "https://a:b", "null"):
            text = self.refusal("--origin", origin)
            self.assertEqual(text, f"--origin: {origin!r} is not of the form https://example.org, nor *.")

    def test_bad_directories(self) -> None:
        """Pages that are not there, and state that cannot be kept."""
        missing = str(self.pages / "missing")
        self.assertEqual(self.refusal("--static", missing), f"--static: {missing!r} is no directory.")
        self.assertIn("--state-dir: ", self.refusal("--state-dir", str(self.pages / "index.html" / "x")))
        self.assertIn("--listen: ", self.refusal("--listen", "nonsense:1"))

    def test_nothing_is_kept_for_a_bad_command_line(self) -> None:
        """State is made when all else is right."""
        self.refusal("--connection", "x")
        self.assertFalse(self.state.exists())

    def test_the_current_directory_is_importable(self) -> None:
        """Before all others, and only once on the path."""
        (self.pages / "a_chat_of_the_tests.py").write_text(
            "from twisted_ticker.signalr import Hub\n\n\nclass ChatHub(Hub): ...\n"
        )
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.pages)
        for _ in range(2):
            options = self.options("--hub", "a_chat_of_the_tests:ChatHub")
        self.assertEqual([hub.__name__ for hub in options["hubs"]], ["ChatHub"])
        self.assertEqual((sys.path[0], sys.path.count(str(self.pages))), (str(self.pages), 1))

    def test_help(self) -> None:
        """The help tells every option and its default."""
        text = " ".join(str(Options()).split())
        for part in (
            *("--listen=", "--state-dir=", "--origin=", "--static=", "--hub=", "--connection=", "--app="),
            *("--enable-jsonp", "--enable-detailed-errors", "--disable-javascript-proxies"),
            *(f"--{name.replace('_', '-')}=" for name in Settings.__dataclass_fields__),
            *("[default: 30]", "[default: 110]", "[default: 65536]", "tcp:8080", "$XDG_STATE_HOME/signalr"),
        ):
            self.assertIn(part, text)


class Application:
    """A started application, and what it says over HTTP."""

    def __init__(self, case: SynchronousTestCase, options: Options) -> None:
        self._case = case
        self.clock = MemoryReactorClock()
        case.patch(txaio.config, "loop", self.clock)
        # Twisted sends files in steps of its global cooperator, which would wait for the global reactor.
        case.patch(task, "_theCooperator", Cooperator(scheduler=lambda step: self.clock.callLater(0, step)))
        self.service: Any = makeService(options, self.clock)
        self.links: list[Link] = []
        self.written: list[bytes] = []

    connection: Any = SiteHarness.connection
    fetch: Any = SiteHarness.fetch
    flush: Any = SiteHarness.flush

    @property
    def site(self) -> Any:
        """What listens on the first endpoint."""
        return self.clock.tcpServers[0][1]

    def start(self) -> None:
        """Start it as ``twistd`` does."""
        self.service.privilegedStartService()
        self.service.startService()

    def stop(self) -> None:
        """Stop it; nothing may be left."""
        stopped = self.service.stopService()
        self.clock.pump([0.1] * 10)
        self._case.successResultOf(stopped)
        self._case.assertEqual(self.clock.getDelayedCalls(), [])

    def get(self, target: str, **headers: str) -> HttpResponse:
        """The answer to a GET."""
        response: HttpResponse = self.fetch("GET", target, headers=list(headers.items()))
        return response

    def error_of(self, hub: str, method: str) -> str:
        """What a client is told when it calls a hub's method, which fails."""
        token = self.get("/signalr/negotiate").json["ConnectionToken"]
        body = f"data={json.dumps({'H': hub, 'M': method, 'I': 0})}".encode()
        target = f"/signalr/send?transport=longPolling&connectionToken={token}"
        error: str = self.fetch("POST", target, body=body).json["E"]
        return error


class MakeServiceTests(SignalRTapTestCase):
    """Tests for `makeService`."""

    def started(self, *arguments: str) -> Application:
        """An application that runs until the test is over."""
        application = Application(self, self.options(*arguments))
        application.start()
        self.addCleanup(application.stop)
        return application

    def test_it_starts_nothing(self) -> None:
        """Making the service listens nowhere and sets no timer."""
        application = Application(self, self.options("--hub", f"{HERE}:ChatHub"))
        verifyObject(IService, application.service)
        self.assertEqual((application.clock.tcpServers, application.clock.getDelayedCalls()), ([], []))

    def test_hubs_and_connections(self) -> None:
        """Hubs are at ``/signalr``, raw connections where it is said, each with the settings."""
        application = self.started(
            *("--hub", f"{HERE}:ChatHub", "--hub", f"{HERE}:make_needy", "--keep-alive", "none"),
            *("--connection", f"/echo={HERE}:EchoConnection", "--connection", f"/e/2={HERE}:EchoConnection"),
        )
        script = application.get("/signalr/hubs").body
        self.assertIn(b'"chatHub"', script)
        self.assertIn(b'"needy"', script)
        for path in ("/signalr", "/echo", "/e/2"):
            answer = application.get(f"{path}/negotiate").json
            self.assertEqual((answer["Url"], answer["KeepAliveTimeout"]), (path, None))
        self.assertEqual(application.get("/elsewhere").status, 404)

    def test_settings_of_endpoints(self) -> None:
        """Flags and origins are for hubs and raw connections alike; by default all are off."""
        served = ("--hub", f"{HERE}:ChatHub", "--connection", f"/echo={HERE}:EchoConnection")
        closed = self.started(*served)
        opened = self.started(
            *served,
            *("--enable-jsonp", "--enable-detailed-errors", "--disable-javascript-proxies"),
            *("--origin", "https://a.example", "--origin", "http://b.example:8080"),
        )
        for path in ("/signalr", "/echo"):
            self.assertEqual(closed.get(f"{path}/ping?callback=f").status, 403)
            self.assertEqual(opened.get(f"{path}/ping?callback=f").body, b'f({ "Response": "pong" });')
            for origin, allowed in (
                ("https://a.example", "https://a.example"),
                ("http://b.example:8080", "http://b.example:8080"),
                ("https://c.example", None),
            ):
                for application, header in ((opened, allowed), (closed, None)):
                    answer = application.get(f"{path}/ping", Origin=origin)
                    self.assertEqual(answer.header("Access-Control-Allow-Origin"), header, origin)
        self.assertIn(b"has been disabled", opened.get("/signalr/hubs").body)
        self.assertIn("No method found", opened.error_of("chatHub", "getNothing"))
        self.assertNotIn("No method found", closed.error_of("chatHub", "getNothing"))

    def test_pages(self) -> None:
        """A directory's page is its ``index.html``; without one, nobody is told what there is."""
        (self.pages / "empty").mkdir()
        (self.pages / "room").mkdir()
        (self.pages / "room" / "index.html").write_text("<p>Room")
        application = self.started("--hub", f"{HERE}:ChatHub", "--static", str(self.pages))
        for target, status, body in (
            ("/index.html", 200, b"<p>Chat"),
            ("/", 200, b"<p>Chat"),
            ("/?transport=longPolling", 200, b"<p>Chat"),
            ("/empty/", 404, None),
            ("/room/", 200, b"<p>Room"),
            ("/missing", 404, None),
            ("/vendor/", 404, None),
            ("/vendor/nothing.js", 404, None),
        ):
            answer = application.get(target)
            self.assertEqual((answer.status, answer.body if status == 200 else None), (status, body), target)

    def test_scripts_that_came_along(self) -> None:
        """They are served with pages or without, unless the pages have their own."""
        vendor = Path(self.mktemp()).resolve()
        vendor.mkdir()
        (vendor / "jquery.min.js").write_text("came along")
        self.patch(signalr_tap, "came_along", lambda *parts: str(vendor))
        hub = ("--hub", f"{HERE}:ChatHub")
        for arguments in (hub, (*hub, "--static", str(self.pages))):
            answer = self.started(*arguments).get("/vendor/jquery.min.js")
            self.assertEqual((answer.status, answer.body), (200, b"came along"))
            self.assertEqual(answer.header("X-Content-Type-Options"), "nosniff")
            self.assertEqual(answer.header("Content-Type"), "text/javascript")
        (self.pages / "vendor").mkdir()
        (self.pages / "vendor" / "mine.js").write_text("mine")
        application = self.started(*hub, "--static", str(self.pages))
        self.assertEqual(application.get("/vendor/mine.js").body, b"mine")
        self.assertEqual(application.get("/vendor/jquery.min.js").status, 404)

    def test_applications(self) -> None:
        """They map what they like, beside what options map."""
        application = self.started("--app", f"{HERE}:serve", "--hub", f"{HERE}:ChatHub", "--static", str(self.pages))
        for path in ("/other", "/signalr"):
            self.assertIn(b"chatHub", application.get(f"{path}/hubs").body)
        self.assertEqual(application.get("/index.html").body, b"<p>Chat")
        self.assertEqual(self.started("--app", f"{HERE}:serve").get("/signalr/hubs").status, 404)

    def test_applications_with_pages(self) -> None:
        """What they return serves all other paths, with the parameters of its requests; it may be a leaf."""
        application = self.started("--app", f"{HERE}:serve_pages")
        for target in ("/", "/vendor/x", "/signalr/hubs"):
            answer = application.get(target)
            self.assertEqual((answer.status, answer.json), (200, {"path": target}), target)
        answer = application.get("/x?a=1&b=&a=%32")
        self.assertEqual(answer.json, {"path": "/x", "a": ["1", "2"], "b": [""]})
        form, text = "application/x-www-form-urlencoded; charset=UTF-8", "text/plain"
        for content_type, parameters in ((form, {"a": ["1", "2"], "c": ["3 4"]}), (text, {"a": ["1"]})):
            headers = [("Content-Type", content_type)]
            answer = application.fetch("POST", "/?a=1", headers=headers, body=b"a=2&c=3+4")
            self.assertEqual(answer.json, {"path": "/", **parameters})
        self.assertIn(b"chatHub", application.get("/other/hubs").body)

    def test_operations(self) -> None:
        """Health and metrics are beside whatever serves all other paths; an application's mapped paths go before."""
        for arguments in (("--hub", f"{HERE}:ChatHub"), ("--app", f"{HERE}:serve_pages")):
            application = self.started(*arguments)
            answer = application.get("/healthz")
            self.assertEqual((answer.status, answer.body), (200, b"ok\n"))
            self.assertIn(b"\nsignalr_gaps_total 0.0\n", application.get("/metrics").body)
        self.assertEqual(application.get("/healthz/x").json, {"path": "/healthz/x"})
        application = self.started("--connection", f"/metrics={HERE}:EchoConnection")
        self.assertEqual(application.get("/metrics/negotiate").json["Url"], "/metrics")

    def test_health_at_the_end(self) -> None:
        """From the moment that the stop begins, the server does not serve."""
        application = Application(self, self.options("--hub", f"{HERE}:ChatHub"))
        application.start()
        application.stop()
        self.assertEqual(application.get("/healthz").status, 503)

    def test_the_access_log(self) -> None:
        """Requests are logged, unless it is turned off."""
        for arguments, lines in (((), 1), (("--no-access-log",), 0)):
            application = self.started("--hub", f"{HERE}:ChatHub", *arguments)
            with capturedLogs() as events:
                application.get("/signalr/ping")
            self.assertEqual([event["log_namespace"] for event in events], [ACCESS_LOG] * lines)

    def test_applications_that_do_not_fit(self) -> None:
        """The start ends with one line that says why."""
        pages = str(self.pages)
        for name, more, text in (
            ("serve_on_a_taken_path", ("--hub", f"{HERE}:ChatHub"), "--app: The path '/signalr' is mapped already."),
            ("serve_nonsense", (), f"--app: '{HERE}:serve_nonsense' returned 'nonsense', which is no IResource."),
            ("serve_pages", ("--static", pages), f"--static: '{HERE}:serve_pages' serves all other paths itself."),
        ):
            options = self.options("--app", f"{HERE}:{name}", *more)
            end = self.assertRaises(SystemExit, Application, self, options)
            self.assertEqual(end.code, text)

    def test_tokens_survive_a_restart(self) -> None:
        """Tokens of one run are good in the next, which has the same state directory."""
        served = ("--connection", f"/echo={HERE}:EchoConnection")
        application = Application(self, self.options(*served))
        application.start()
        token = application.get("/echo/negotiate").json["ConnectionToken"]
        application.stop()
        target = f"/echo/start?transport=longPolling&connectionToken={token}"
        self.assertEqual(self.started(*served).get(target).status, 200)
