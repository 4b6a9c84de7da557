"""
The recorded proxy script and ours define the same objects: hubs and methods, how they are spelled on the wire, in the
same order, and the address that the connection is made with. The text between is our own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.golden.comparison import Answer
from tests.golden.differences import ACCEPTED
from tests.golden.recording import Exchange, Scenario, scenarios
from tests.golden.site import running_site
from tests.golden.wire import OurExchange
from twisted_ticker.signalr import Hub, Settings, hub_method

__all__ = ["ProxyScriptTests"]

_RECORDED = [scenario for scenario in scenarios() if scenario.file == "08-proxy-script"]

_RECORDED_HUB = re.compile(r"proxies\['(\w+)'\] = this\.createHubProxy\('(\w+)'\); ?(.*?)\n        \};", re.DOTALL)
_RECORDED_METHOD = re.compile(r"(\w+): function \((.*?)\) \{\s+return proxies.*?\$\.merge\(\[\"(\w+)\"\]")
_OUR_HUB = re.compile(r'addProxy\(this, proxies, "(\w+)", (\{.*\})\);')
_OUR_URL = re.compile(r'signalR\.hub = jq\.hubConnection\("([^"]*)", \{ useDefaultPath: false \}\)')


@dataclass(frozen=True)
class Definitions:
    """
    What a script defines.

    Attributes:
        url: the connection's.
        hubs: in order, each with its methods in order: the name in script, and the one that is sent.
    """

    url: str
    hubs: list[tuple[str, list[tuple[str, str]]]]


def _recorded_definitions(text: str) -> Definitions:
    hubs = [
        (name, [(script_name, sent) for script_name, _, sent in _RECORDED_METHOD.findall(body)])
        for name, _, body in _RECORDED_HUB.findall(text)
    ]
    [url] = re.findall(r'signalR\.hub = \$\.hubConnection\("([^"]*)", \{ useDefaultPath: false \}\)', text)
    return Definitions(url, hubs)


def _our_definitions(text: str) -> Definitions:
    hubs = [(name, list(json.loads(methods).items())) for name, methods in _OUR_HUB.findall(text)]
    [url] = _OUR_URL.findall(text)
    return Definitions(url, hubs)


def _recorded_hubs(text: str) -> tuple[type[Hub], ...]:
    """Hubs with the names, methods and parameters that the recorded script tells of; the methods do nothing."""
    return tuple(
        type(
            name,
            (Hub,),
            {
                "hub_name": name,
                **{
                    f"method_{sent}": _method(sent, [word for word in parameters.split(", ") if word])
                    for _, parameters, sent in _RECORDED_METHOD.findall(body)
                },
            },
        )
        for name, _, body in _RECORDED_HUB.findall(text)
    )


def _method(name: str, parameters: list[str]) -> Any:
    scope: dict[str, Any] = {}
    # Names such as "from" are no names in Python; only their number matters.
    arguments = "".join(f", p{index}" for index, _ in enumerate(parameters))
    exec(f"def method(self{arguments}): pass", scope)
    return hub_method(name=name)(scope["method"])


class ProxyScriptTests(SynchronousTestCase):
    """What is served at ``/hubs`` and ``/js``."""

    maxDiff = None

    def setUp(self) -> None:
        [self.script, self.other, self.detailed] = [scenario.exchanges[0] for scenario in _RECORDED]
        self.hubs = _recorded_hubs(self.script.text)

    def _fetch(self, exchange: Exchange) -> tuple[Answer, str]:
        with running_site(Settings(), hubs=self.hubs) as site:
            ours = OurExchange(site, exchange, exchange.target, exchange.body)
            response = ours.response
            assert response is not None and response.complete
            status, reason, headers = ours.head
            return Answer.of(status, reason, headers, ""), response.body.decode()

    def _expected(self, exchange: Exchange, scenario: Scenario) -> Answer:
        expected = Answer.of(exchange.status, exchange.reason, exchange.response_headers.items(), "")
        for difference in ACCEPTED:
            expected = difference.change(scenario, exchange.label, expected)
        return expected

    def test_the_recording_is_understood(self) -> None:
        """The recorded script is taken apart completely."""
        text = self.script.text
        definitions = _recorded_definitions(text)
        self.assertEqual(len(definitions.hubs), text.count("this.createHubProxy("))
        self.assertEqual(sum(len(methods) for _, methods in definitions.hubs), text.count(": function ("))
        self.assertGreater(len(definitions.hubs), 20)

    def test_definitions(self) -> None:
        """Hubs and methods, their order and spelling, and the address are the recorded ones."""
        for exchange in (self.script, self.detailed):
            answer, text = self._fetch(exchange)
            self.assertEqual(answer, self._expected(exchange, _RECORDED[0]))
            self.assertEqual(_our_definitions(text), _recorded_definitions(exchange.text))

    def test_js_is_the_same(self) -> None:
        """``/js`` serves the same bytes as ``/hubs``."""
        self.assertEqual(self.other.text, "<<identical to /signalr/hubs: True>>")
        self.assertEqual(self._fetch(self.other), self._fetch(self.script))
