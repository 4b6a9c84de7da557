"""
A server with one hub and the pages of this directory, for browser tests: ``python probe_server.py PORT HTDOCS``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.internet import endpoints, reactor
from twisted.internet.task import LoopingCall
from twisted.web.server import Site
from twisted.web.static import File

from twisted_ticker.signalr import EndpointSettings, Hub, HubException, Settings, SignalRServer, hub_method
from twisted_ticker.web import SignalRResource
from twisted_ticker.web.site import InMemoryRequest


class ProbeHub(Hub):
    """What a page needs to see whether everything works."""

    hub_name = "probe"

    @hub_method
    def add(self, a: int, b: int) -> int:
        return a + b

    @hub_method
    def refuse(self) -> None:
        raise HubException("No.", data={"Code": 7})

    @hub_method
    def echo(self, text: str) -> str:
        return text

    @hub_method
    def complain(self, text: str) -> None:
        raise HubException(text, data={"Text": text})

    @hub_method
    async def join(self, room: str) -> None:
        await self.groups.add(self.context.connection_id, room)

    @hub_method
    def say(self, room: str, text: str) -> None:
        self.clients.group(room).said(text)

    @hub_method
    def remember(self, name: str) -> str:
        before = self.state.name
        self.state.name = name
        return before or "nobody"

    @hub_method
    def where(self) -> str:
        return self.context.transport


def main(port: int, htdocs: str) -> None:
    # A forever frame that is cut gives no sign of it: the client misses the keep-alives.
    server = SignalRServer(Settings(disconnect_timeout=12, keep_alive=2))
    server.map_hubs("/signalr", [ProbeHub], EndpointSettings(enable_jsonp=True))
    server.startService()
    numbers = iter(range(1, 10**9))
    everybody = server.hub_context(ProbeHub).clients.all
    LoopingCall(lambda: everybody.counted(next(numbers))).start(0.05)

    pages = File(str(Path(__file__).parent / "probe"))
    pages.putChild(b"vendor", File(f"{htdocs}/vendor"))
    site = Site(SignalRResource(server, pages), requestFactory=InMemoryRequest)
    listening = endpoints.serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1").listen(site)
    listening.addCallback(lambda _: print(f"Serving http://127.0.0.1:{port}/", flush=True))
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
