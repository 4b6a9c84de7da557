"""What nobody honest sends, over the wire of every transport: an answer or none, and whoever sent it goes on."""

from __future__ import annotations

from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.scale import scaled
from tests.signalr.hostile import hostile_arguments, hostile_calls
from tests.web.clients import Client, ForeverFrameClient, PollingClient, ServerSentEventsClient, WebSocketClient
from tests.web.support import SiteHarness, our_log

#: Every so manieth text goes over every transport.
STEP = scaled(5, 1)

#: Of a WebSocket's message and a body, in bytes.
MOST_BYTES = {WebSocketClient: 64 * 1024, PollingClient: 1024 * 1024}

CLIENTS: tuple[type[Client], ...] = (WebSocketClient, ServerSentEventsClient, ForeverFrameClient, PollingClient)


def hostile_texts() -> list[str]:
    """Calls of the probe that are none, and such whose arguments are none."""
    calls = [text.replace('"probe"', '"Probe"').replace('"hello"', '"echo"') for text in hostile_calls()]
    calls += [f'{{"H":"Probe","M":"echo","A":[{argument}],"I":7}}' for argument in hostile_arguments(60_000)]
    # What no client's library would let pass.
    return [text.encode("utf-8", "replace").decode() for text in calls]


class HostileBytesTests(SynchronousTestCase):
    """Every transport's way in."""

    def test_calls(self) -> None:
        """The client that sends them is answered or not, and connected ever after; so are all others."""
        harness = SiteHarness(self)
        bystander = WebSocketClient(harness)
        bystander.come()
        for number, kind in enumerate(CLIENTS):
            client = kind(harness)
            client.come()
            limit = MOST_BYTES.get(kind, MOST_BYTES[PollingClient])
            for text in hostile_texts()[number % STEP :: STEP]:
                if len(text.encode()) > limit or len(quote(text)) + 10 > MOST_BYTES[PollingClient]:
                    continue
                with our_log() as lines:
                    if kind is WebSocketClient:
                        client.send_text(text)
                    else:
                        answer = client.fetch("send", method="POST", body=b"data=" + quote(text).encode())
                        self.assertIn(answer.status, (200, 500), text[:100])
                        self.assertNotIn(b"Traceback", answer.body)
                self.assertLessEqual(len(lines), 1, text[:100])
                self.assertFalse([line for line in lines if "could not be handled" in line], text[:100])
            self.assertEqual(client.invoke("add", 1, 2)["R"], 3)
            harness.say("still there")
            self.assertIn("still there", client.heard())
            self.assertEqual(bystander.heard(), ["still there"])

    def test_message_that_is_too_long(self) -> None:
        """It ends its WebSocket with 1009, and nobody else's."""
        harness = SiteHarness(self)
        client, bystander = WebSocketClient(harness), WebSocketClient(harness)
        client.come()
        bystander.come()
        client.send_text("[" * (64 * 1024 + 1))
        harness.flush()
        assert client.socket.close is not None
        self.assertEqual(client.socket.close[1], 1009)
        harness.say("still there")
        self.assertEqual(bystander.heard(), ["still there"])
