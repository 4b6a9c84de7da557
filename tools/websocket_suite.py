"""
Runs the Autobahn|Testsuite against our WebSockets: ``python tools/websocket_suite.py WSTEST [CASE…]``.

``WSTEST`` is the suite's command. It needs a Python 2.7, which few machines have, so that our tests carry out the same
cases without it (``tests/web/conformance``)::

    python2.7 -m virtualenv suite && suite/bin/pip install autobahntestsuite==25.10.1
    .venv/bin/python tools/websocket_suite.py suite/bin/wstest

Cases are numbers such as ``6.4.*``; those of sections 1 to 7, 9 and 10 if none is given. The others are for
compression, which we do not offer. What the suite talks to is the product's protocol, with three things changed: what
comes is sent back as it is, binary messages too, and there is no limit to its length.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet import endpoints, task, threads
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from twisted_ticker.signalr.protocol.transports import WEB_SOCKETS
from twisted_ticker.signalr.requests import ReceiveChannel
from twisted_ticker.web import site_of
from twisted_ticker.web.exchanges import TwistedExchange
from twisted_ticker.web.idle_websockets import with_options_of
from twisted_ticker.web.websocket import SignalRWebSocketFactory, SignalRWebSocketProtocol

__all__ = ["SECTIONS", "complaints"]

SECTIONS = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*")

#: Verdicts of the suite on what a server answers and on how it closes; the last two say that it does not judge.
_GOOD = ("OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED")

_AGENT = "twisted_ticker"


class _EchoingProtocol(SignalRWebSocketProtocol):
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if isBinary:
            self.sendMessage(payload, isBinary)
        else:
            super().onMessage(payload, isBinary)


class _EchoingResource(Resource):
    isLeaf = True

    def __init__(self, reactor: Any) -> None:
        super().__init__()
        self._websockets = SignalRWebSocketFactory(reactor, max_message_bytes=None)
        self._websockets.protocol = with_options_of(self._websockets, _EchoingProtocol)

    def render_GET(self, request: Request) -> int:
        channel = ReceiveChannel(WEB_SOCKETS, lambda receiver: None, _send_back)
        self._websockets.open(TwistedExchange(request), channel)
        return NOT_DONE_YET


def _send_back(text: str, answer: Callable[[bytes], None]) -> None:
    answer(text.encode())


def complaints(report: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the suite has to complain of, by its report: for each case its ``behavior`` and ``behaviorClose``."""
    return [
        f"{number}: {verdicts['behavior']}, closed {verdicts['behaviorClose']} ({verdicts['remoteCloseCode']})"
        for number, verdicts in report.items()
        if not {verdicts["behavior"], verdicts["behaviorClose"]} <= set(_GOOD)
    ]


def _run_suite(wstest: str, port: int, cases: list[str]) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as directory:
        specification = {
            "outdir": directory,
            "servers": [{"agent": _AGENT, "url": f"ws://127.0.0.1:{port}/"}],
            "cases": cases,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        file = Path(directory) / "specification.json"
        file.write_text(json.dumps(specification))
        subprocess.run([wstest, "--mode", "fuzzingclient", "--spec", str(file)], check=True, stdout=subprocess.DEVNULL)
        report: dict[str, dict[str, Any]] = json.loads((Path(directory) / "index.json").read_text())[_AGENT]
        return report


async def _main(reactor: Any, wstest: str, cases: list[str]) -> None:
    site = site_of(_EchoingResource(reactor), clock=reactor, access_log=False)
    port = await endpoints.serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(site)
    report = await threads.deferToThread(_run_suite, wstest, port.getHost().port, cases)
    await port.stopListening()
    failed = complaints(report)
    verdicts = Counter(verdicts["behavior"] for verdicts in report.values())
    print(*failed, sep="\n", end="\n" if failed else "")
    print(f"{len(report)} cases: {', '.join(f'{count} {verdict}' for verdict, count in verdicts.items())}.")
    if failed or not report:
        raise SystemExit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the Autobahn|Testsuite against our WebSockets.")
    parser.add_argument("wstest", help="the suite's command")
    parser.add_argument("cases", nargs="*", default=list(SECTIONS), help="such as 6.4.*")
    options = parser.parse_args()
    task.react(lambda reactor: Deferred.fromCoroutine(_main(reactor, options.wstest, options.cases)))


if __name__ == "__main__":
    main()
