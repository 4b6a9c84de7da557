"""What is never logged: a whole session of each kind of client, and everything that was said about it."""

from __future__ import annotations

import json
from functools import partial
from io import StringIO
from typing import Any
from urllib.parse import quote

from twisted.logger import FileLogObserver, Logger, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.web.clients import Client, ForeverFrameClient, PollingClient, ServerSentEventsClient, WebSocketClient
from tests.web.support import SiteHarness
from twisted_ticker.logs import FORMATS
from twisted_ticker.signalr import EndpointSettings, Hub, Redirect, hub_method

_log = Logger()


class TalkativeError(Exception):
    """An error that tells all that there is to tell about a request."""


class TalkativeHub(Hub):
    """An application that has no idea of secrets."""

    hub_name = "Talkative"

    @hub_method
    def complain(self) -> None:
        request = self.context.request
        headers = dict(request.headers)
        _log.info("At {uri}, that is {again!r}", uri=request.uri, again=quote(request.uri), headers=headers)
        raise TalkativeError(f"{request.uri} {quote(request.uri, safe='')} {headers} {request!r}")

    async def on_connected(self) -> None:
        raise TalkativeError(self.context.request.uri)


class SecrecyTests(SynchronousTestCase):
    """Whatever the format of the log is."""

    def setUp(self) -> None:
        self.harness = SiteHarness(self)
        self.harness.server.map_hubs(
            "/talkative",
            [TalkativeHub],
            EndpointSettings(enable_detailed_errors=True),
            negotiate=lambda request: Redirect("/x", "hidden-token") if "moved" in request.query else None,
        )
        self.logs = {name: StringIO() for name in FORMATS}
        for name, file in self.logs.items():
            observer = FileLogObserver(file, FORMATS[name])
            globalLogPublisher.addObserver(observer)
            self.addCleanup(globalLogPublisher.removeObserver, observer)

    def session(self, kind: type[Client]) -> list[str]:
        """Do all that a client can do, and much that it should not; returns what is secret about it."""
        client: Any = kind(self.harness)
        client.headers = [("Authorization", "Basic hidden-password"), ("Cookie", "login=hidden-cookie; theme=dark")]
        client.come()
        client.invoke("join", "group")
        client.take()
        client.invoke("fail")
        client.send("unknown", hub="Unknown")
        client.drop()
        client.reconnect()
        client.take()
        secrets = [client.token, client.groups_token]
        client.fetch("start", connectionToken=client.token[:-1] + "x")
        client.fetch("send", groupsToken=client.groups_token, data="nonsense")
        client.fetch("ping", access_token="hidden-token")
        self.harness.fetch(
            "GET",
            f"/talkative/negotiate?moved=1&to={quote(quote(client.target('poll')))}",
            headers=[("Referer", f"http://test{client.target('connect')}")],
        )
        # Nobody has started this one yet, so its start is news.
        fresh = PollingClient(self.harness)
        fresh.negotiate()
        target = fresh.target("send").replace("/signalr/", "/talkative/").replace("Probe", "Talkative")
        body = "data=" + quote(json.dumps({"H": "Talkative", "M": "complain", "I": 0}))
        answer = self.harness.fetch("POST", target, headers=client.headers, body=body.encode())
        assert b"TalkativeError" not in answer.body and fresh.token.encode() in answer.body, answer
        self.harness.fetch("GET", target.replace("/send", "/start"), headers=client.headers)
        client.abort()
        return [*secrets, fresh.token]

    def test_sessions(self) -> None:
        """No token, password or cookie is in the log of any of them, nor any part of one."""
        secrets = ["hidden-token", "hidden-password", "hidden-cookie"]
        for kind in (WebSocketClient, ServerSentEventsClient, ForeverFrameClient, PollingClient):
            secrets += self.session(kind)
        self.harness.stop()
        self.assertEqual(len(self.flushLoggedErrors(TalkativeError)), 8)
        self.flushLoggedErrors()
        for name, file in self.logs.items():
            text = file.getvalue()
            self.assertGreater(text.count("TalkativeError"), 8, name)
            self.assertGreater(text.count("Traceback"), 8, name)
            self.assertGreater(text.count("connectionToken=…" if name == "text" else r"connectionToken=\u2026"), 40)
            for secret in secrets:
                self.assertNotIn(secret, text, name)
                # Tokens begin alike, and end in what proves that they are ours.
                self.assertNotIn(secret[-20:], text, name)
        for line in self.logs["json"].getvalue().splitlines():
            json.loads(line, parse_constant=partial(self.fail))
