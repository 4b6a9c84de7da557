"""Tests for `twisted_ticker.web.access_log`: one line for each request, however it ends."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from twisted.internet.address import UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.logger import LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.web.clients import PollingClient, ServerSentEventsClient, WebSocketClient
from tests.web.support import ACCESS_LOG, SiteHarness
from twisted_ticker.web.site import MAX_BODY_BYTES, InMemoryRequest

FIELDS = ("client", "method", "uri", "protocol", "status", "bytes", "seconds", "referrer", "agent")


class AccessLogTestCase(SynchronousTestCase):
    """A site whose access log is collected."""

    access_log = True

    def setUp(self) -> None:
        self.harness = SiteHarness(self, access_log=self.access_log)
        self.events: list[Any] = []
        globalLogPublisher.addObserver(self._collect)
        self.addCleanup(globalLogPublisher.removeObserver, self._collect)

    def _collect(self, event: Any) -> None:
        if event["log_namespace"] == ACCESS_LOG:
            self.events.append(event)

    def taken(self) -> list[Any]:
        """The events since it was last asked."""
        self.harness.flush()
        events, self.events = self.events, []
        return events

    def paths(self) -> list[str]:
        """The paths of the requests that were logged since it was last asked."""
        return [event["uri"].partition("?")[0] for event in self.taken()]

    def assertLogged(self, **fields: Any) -> Any:
        """There is one new event, of this status and so on."""
        events = self.taken()
        self.assertEqual(len(events), 1, events)
        self.assertEqual({name: events[0][name] for name in fields}, fields)
        return events[0]


class AccessLogTests(AccessLogTestCase):
    """What is logged."""

    def test_the_text(self) -> None:
        """It is what other web servers write, so that tools can read it."""
        headers = [("User-Agent", 'Probe "1" \\'), ("Referer", "http://test/x")]
        self.harness.fetch("GET", "/signalr/ping?x=y", headers=headers)
        self.assertEqual(
            formatEvent(self.assertLogged()),
            '"192.0.2.1" - - [12/Jan/1970:13:46:40 +0000] "GET /signalr/ping?x=y HTTP/1.1" 200 22 '
            r'"http://test/x" "Probe \"1\" \\"',
        )

    def test_the_fields(self) -> None:
        """What the text says can be had by its parts, and the time that it took."""
        self.harness.fetch("GET", "/signalr/ping")
        event = self.assertLogged()
        self.assertEqual(
            {name: event[name] for name in FIELDS},
            {
                "client": "192.0.2.1",
                "method": "GET",
                "uri": "/signalr/ping",
                "protocol": "HTTP/1.1",
                "status": 200,
                "bytes": 22,
                "seconds": 0.0,
                "referrer": "-",
                "agent": "-",
            },
        )
        self.assertIs(event["log_level"], LogLevel.info)

    def test_what_is_no_text(self) -> None:
        """Whatever bytes a client sends stay on one line, between quotes."""
        self.harness.fetch("GET", "/{x}'\\", headers=[("User-Agent", "{agent}\t[1m\xe9'\"")])
        event = self.assertLogged(status=404, uri="/{x}'\\\\", agent="{agent}\\t[1m\\xe9'\\\"")
        self.assertIn("GET /{x}'\\\\ HTTP/1.1", formatEvent(event))
        self.assertTrue(formatEvent(event).isprintable())

    def test_answers_without_a_body(self) -> None:
        """Their length is a dash in text, and 0."""
        self.harness.fetch("HEAD", "/missing")
        self.assertIn('" 404 - "', formatEvent(self.assertLogged(status=404, bytes=0, method="HEAD")))

    def test_a_poll(self) -> None:
        """It is logged when it is answered, with the time that it waited; the request before it, at once."""
        client = PollingClient(self.harness)
        client.come()
        self.taken()
        self.harness.advance(3)
        self.assertEqual(self.taken(), [])
        self.harness.say("x")
        event = self.assertLogged(status=200, method="POST")
        self.assertGreaterEqual(event["seconds"], 3)
        self.assertGreater(event["bytes"], 0)

    def test_a_poll_that_is_given_up(self) -> None:
        """It is logged as well; its headers had been sent."""
        client = PollingClient(self.harness)
        client.come()
        self.taken()
        client.drop()
        self.assertLogged(status=200, method="POST")

    def test_a_stream(self) -> None:
        """It is logged once, when it is over; what was sent on it is not counted."""
        for drop in (True, False):
            client = ServerSentEventsClient(self.harness)
            client.come()
            self.assertEqual(self.paths(), ["/signalr/negotiate", "/signalr/start"])
            self.harness.say("x" * 1000)
            self.harness.advance(2)
            self.assertEqual(self.taken(), [])
            if drop:
                client.drop()
            else:
                self.harness.stop()
            event = self.assertLogged(status=200, bytes=0)
            self.assertTrue(event["uri"].startswith("/signalr/connect?transport=serverSentEvents"), event)
            self.assertGreaterEqual(event["seconds"], 2)

    def test_a_websocket(self) -> None:
        """It is logged once, when it is over."""
        for drop in (True, False):
            client = WebSocketClient(self.harness)
            client.come()
            self.assertEqual(self.paths(), ["/signalr/negotiate", "/signalr/start"])
            client.invoke("add", 1, 2)
            self.harness.advance(2)
            self.assertEqual(self.taken(), [])
            if drop:
                client.drop()
            else:
                self.harness.stop()
            event = self.assertLogged(status=101, bytes=0, method="GET", client="192.0.2.1")
            self.assertTrue(event["uri"].startswith("/signalr/connect?transport=webSockets"), event)
            self.assertGreaterEqual(event["seconds"], 2)

    def test_a_websocket_that_is_refused(self) -> None:
        """By us or by Autobahn, there is one line with its status."""
        client = WebSocketClient(self.harness)
        client.negotiate()
        self.taken()
        upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x")]
        for token, version in ((client.token, "1"), ("nonsense", "13")):
            connection = self.harness.connection()
            headers = [*upgrade, ("Sec-WebSocket-Version", version)]
            connection.request("GET", client.target("connect", connectionToken=token), headers=headers)
            assert connection.response is not None
            self.assertEqual(connection.response.status, 400)
            connection.drop()
            self.assertLogged(status=400)

    def test_who_does_not_wait(self) -> None:
        """A request that nobody waits for has a status that no answer has."""
        client = PollingClient(self.harness)
        client.come()
        self.taken()
        connection = self.harness.connection()
        body = b"data=" + quote('{"H":"Probe","M":"slow","A":[],"I":0}').encode()
        connection.request("POST", client.target("send"), body=body)
        self.assertEqual(self.taken(), [])
        connection.drop()
        self.assertLogged(status=499, bytes=0)
        self.harness.journal.slow[0].callback(None)
        self.assertEqual(self.taken(), [])

    def test_what_is_not_a_whole_request(self) -> None:
        """A client that vanishes before the end of its request has not asked for anything."""
        connection = self.harness.connection()
        connection.write(b"POST /signalr/send HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nx")
        connection.drop()
        connection = self.harness.connection()
        connection.write(b"POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1))
        connection.drop()
        self.assertEqual(self.taken(), [])

    def test_several_requests_of_a_connection(self) -> None:
        """Each has its line."""
        connection = self.harness.connection()
        for number in range(3):
            connection.request("GET", f"/signalr/ping?{number}")
        connection.drop()
        self.assertEqual([event["uri"][-1] for event in self.taken()], ["0", "1", "2"])

    def test_clients_without_an_address(self) -> None:
        """Those of UNIX sockets have none."""
        channel = self.harness.site.buildProtocol(UNIXAddress(None))
        transport = StringTransport(peerAddress=UNIXAddress(None))
        channel.makeConnection(transport)
        channel.dataReceived(b"GET /signalr/ping HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        self.assertLogged(status=200, client="-")
        channel.connectionLost(Failure(ConnectionDone()))

    def test_tokens_are_not_logged(self) -> None:
        """A line tells the request without the tokens in it, in whatever letters they are named."""
        client = PollingClient(self.harness)
        client.come()
        client.invoke("join", "g")
        client.take()
        client.fetch("send", CONNECTIONTOKEN="x", groupsToken=client.groups_token or "", data="nonsense")
        client.fetch("ping", groupsToken=client.groups_token or "", access_token="bearer's")
        client.drop()
        events = self.taken()
        text = "".join(map(str, events)) + "\n".join(map(formatEvent, events))
        self.assertNotIn(client.token, text)
        self.assertNotIn(client.groups_token or "", text)
        self.assertNotIn("bearer", text)
        self.assertIn("connectionToken=…&", text)
        self.assertIn('"GET /signalr/start?transport=longPolling&', text)
        self.assertIn('HTTP/1.1" 200 ', text)

    def test_tokens_of_the_page_before(self) -> None:
        """They are not told as part of the referring page's address either."""
        referrer = "http://test/signalr/x?connectionToken=secret-of-the-page"
        self.harness.fetch("GET", "/x", headers=[("Referer", referrer)])
        self.assertLogged(referrer="http://test/signalr/x?connectionToken=…")


class NoAccessLogTests(AccessLogTestCase):
    """A site without an access log."""

    access_log = False

    def test_nothing_is_logged(self) -> None:
        """Whatever is asked for; and requests are not even timed."""
        for kind in (PollingClient, ServerSentEventsClient, WebSocketClient):
            client = kind(self.harness)
            client.come()
            client.drop()
        self.harness.fetch("GET", "/missing")
        self.assertEqual(self.taken(), [])
        self.assertIs(self.harness.site.requestFactory, InMemoryRequest)

    def test_no_timers(self) -> None:
        """Neither site sets one when it is listened on, as Twisted's own would."""
        for site in (self.harness.site, SiteHarness(self).site):
            before = len(self.harness.clock.getDelayedCalls())
            site.doStart()
            self.assertEqual(len(self.harness.clock.getDelayedCalls()), before)
            site.doStop()
