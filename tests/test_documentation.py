"""
The documents say what is true: their Python runs, their tables hold, their links lead somewhere.

What a fenced block of ``python`` is, depends on the document:

- ``README.md``: a program of its own;
- ``docs/hubs.md``: the first block is the beginning of all others; each of them is run behind it, on its own;
- others: compiled here. ``tests/integration/test_tutorial.py`` runs those of the tutorial.

Whatever a block imports as the reactor is one in memory. What a block promises beyond running is tested below, by the
words that the block has in it.
"""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol
from uuid import UUID

from twisted import internet
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from tests.signalr.client.support import MemoryEndpoints
from tests.web.clients import PollingClient, WebSocketClient
from tests.web.support import SiteHarness
from twisted_ticker import signalr
from twisted_ticker.signalr import ConfigurationError, Hub, SignalRServer
from twisted_ticker.signalr.client import HubConnection
from twisted_ticker.signalr.errors import ArgumentError
from twisted_ticker.signalr.serialization import decode, encode
from twisted_ticker.web import build_site, site_of

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    path
    for places in ("*.md", "docs/*.md", "examples/*.md", "benchmarks/*.md")
    for path in sorted(PROJECT.glob(places))
]
README, HUBS = PROJECT / "README.md", PROJECT / "docs" / "hubs.md"

Names = dict[str, Any]


def python_blocks(document: Path) -> dict[int, str]:
    """The Python in a document, by the line that it begins at; with as many empty lines before it as it has there."""
    text = document.read_text(encoding="utf-8")
    blocks = re.finditer(r"(?ms)^```python\n(.*?)^```$", text)
    lines_before = ((text.count("\n", 0, block.start(1)), block[1]) for block in blocks)
    return {count + 1: "\n" * count + code for count, code in lines_before}


def runnable(document: Path) -> dict[int, str]:
    """The blocks of a document that can be run, as they are to be run, by the line that they begin at."""
    blocks = python_blocks(document)
    if document == README:
        return blocks
    first, *others = blocks.items()
    # Put in front so that both keep their line numbers.
    return {line: first[1] + code[first[1].count("\n") :] for line, code in others}


class ProseTests(SynchronousTestCase):
    """What can be said of a document without running it."""

    def test_python_compiles(self) -> None:
        """All Python in all documents is Python."""
        for document in DOCUMENTS:
            for block in python_blocks(document).values():
                compile(block, str(document), "exec")

    def test_links_lead_somewhere(self) -> None:
        """A relative link names a file that there is, and a heading of it if it names one."""
        broken = [
            f"{document.name}: {target}"
            for document in DOCUMENTS
            for target in re.findall(r"\]\(([^)\s]+)\)", without_code(document))
            if not (re.match(r"[a-z]+:", target) or leads_somewhere(document, target))
        ]
        self.assertEqual(broken, [])

    def test_public_names_are_explained(self) -> None:
        """Each name that an application can import is in the guide."""
        text = HUBS.read_text(encoding="utf-8")
        missing = [name for name in signalr.__all__ if not re.search(rf"\b{name}\b", text)]
        self.assertEqual(missing, [])

    def test_lines_are_short(self) -> None:
        """Prose is readable in a terminal; tables and code are as wide as they must be."""
        for document in DOCUMENTS:
            lines = [line for line in without_code(document).splitlines() if line[:1] not in "|!"]
            self.assertEqual([line for line in lines if len(line) > 130], [], document)


def without_code(document: Path) -> str:
    """A document's text, without its fenced blocks."""
    return re.sub(r"(?ms)^```.*?^```$", "", document.read_text(encoding="utf-8"))


def leads_somewhere(document: Path, target: str) -> bool:
    """Whether a relative link does."""
    path, _, anchor = target.partition("#")
    file = document.parent / path if path else document
    return file.exists() and (not anchor or anchor in anchors(file))


def anchors(document: Path) -> Iterator[str]:
    """What headings can be linked to by, as GitHub makes it."""
    for heading in re.findall(r"(?m)^#+ (.*)$", without_code(document)):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


class DocumentTestCase(SynchronousTestCase):
    """Runs blocks, and is the client of what they make."""

    def setUp(self) -> None:
        self.harness = SiteHarness(self)
        self.clock: MemoryReactorClock = self.harness.clock
        self.patch(internet, "reactor", self.clock)

    def execute(self, code: str, document: Path) -> Names:
        """Run a block; returns the names that it has defined."""
        # Annotations and dataclasses look for the module that they are in.
        module = sys.modules["documented"] = ModuleType("documented")
        self.addCleanup(sys.modules.pop, module.__name__, None)
        names = vars(module)
        self.addCleanup(self.clear_away, names)
        exec(compile(code, str(document), "exec"), names)
        return names

    def clear_away(self, names: Names) -> None:
        """Stop what a block has started."""
        for value in names.values():
            if isinstance(value, LoopingCall) and value.running:
                value.stop()
            if isinstance(value, SignalRServer) and value.running:
                stopped = value.stopService()
                self.harness.advance(1)
                self.successResultOf(stopped)


class BlockTests(DocumentTestCase):
    """Each block runs."""


def _add_tests() -> None:
    for document in (README, HUBS):
        for line, code in runnable(document).items():

            def test(self: BlockTests, code: str = code, document: Path = document) -> None:
                self.execute(code, document)

            test.__doc__ = f"The block runs that begins at line {line} of {document.name}."
            setattr(BlockTests, f"test_{document.stem}_{line}", test)


_add_tests()


class EchoClient(WebSocketClient):
    """A client of the raw connections."""

    def target(self, command: str, **parameters: str) -> str:
        """See :class:`.Client`."""
        return super().target(command, **parameters).replace("/signalr/", "/echo/", 1)


class GuideTests(DocumentTestCase):
    """Blocks of the guide do what is said of them."""

    def block(self, words: str) -> Names:
        """Run the one block that has these words in it; its server is the one that clients come to."""
        (code,) = (code for code in runnable(HUBS).values() if words in code)
        names = self.execute(code, HUBS)
        server = names["server"]
        self.harness.site = names.get("site") or build_site(server, "htdocs", start_page="/", clock=self.clock)
        if not server.running:
            server.startService()
        return names

    def client(self, *hubs: str, kind: Any = WebSocketClient, user: str = "", **parameters: str) -> Any:
        """A client that has connected."""
        client = kind(self.harness, hubs=hubs)
        client.parameters.update(parameters)
        if user:
            client.headers.append(("X-Session", user))
        client.come()
        client.take()
        return client

    def messages(self, client: Any) -> list[Any]:
        """Names and arguments of the calls that a client has got since it was last asked."""
        self.harness.flush()
        return [(call["M"], *call["A"]) for envelope in client.take() for call in envelope["M"]]

    def test_program(self) -> None:
        """The first program listens, and its hub broadcasts."""
        names = self.block("class ChatHub")
        self.assertEqual([port for port, *_ in self.clock.tcpServers], [8080])
        self.harness.site = site_of(names["root"], clock=self.clock)
        ann, bob = self.client("chat"), self.client("chat", kind=PollingClient)
        for client in (ann, bob):
            client.invoke("say", "hello", hub="chat")
            self.assertEqual([self.messages(ann), self.messages(bob)], [[("said", "hello")]] * 2)

    def test_factory(self) -> None:
        """Hub objects share what they are made with."""
        self.block("class CounterHub")
        client = self.client()
        self.assertEqual([client.invoke("count", "x", hub="CounterHub")["R"] for _ in range(2)], [1, 2])

    def test_typed_clients(self) -> None:
        """A Protocol of anything but such methods is refused."""
        self.block("class ChatClient")

        class Wrong(Protocol):
            colour: str

        class WrongHub(Hub[Wrong]):
            pass

        with self.assertRaises(ConfigurationError):
            SignalRServer(clock=self.clock).map_hubs("/other", [WrongHub])

    def test_parameters(self) -> None:
        """What may be left out may be left out."""
        self.block("class OrderHub")
        client = self.client()
        answer = client.invoke("place", {"Symbol": "MSFT", "Side": "Buy"}, hub="orders")
        self.assertEqual(answer["R"], "BUY MSFT")
        self.assertIn("E", client.invoke("place", {"Symbol": "MSFT"}, hub="orders"))

    def test_tables_of_values(self) -> None:
        """Arguments become, and results are written as, what the tables say."""
        names = self.block("class OrderHub")
        names.update(datetime=datetime, date=date, timedelta=timedelta, UTC=UTC, Decimal=Decimal, UUID=UUID)
        cells = [
            [cell.strip("` ").replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in HUBS.read_text(encoding="utf-8").splitlines()
            if line.startswith("| `")
        ]
        arguments = [row for row in cells if len(row) == 3]
        self.assertGreater(len(arguments), 10)
        for annotation, text, value in arguments:
            self.assertEqual(decode(text.encode(), eval(annotation, names)), eval(value, names), annotation)
        start = cells.index(["Decimal('41.60')", "41.60"])
        results = cells[start : start + 9]
        for value, text in results:
            self.assertEqual(encode(eval(value, names)).decode(), text, value)
        self.assertEqual(results[-1][0], "Order('A', Side.BUY)")

    def test_null_for_references(self) -> None:
        """Null passes for text and the like, and not for numbers."""
        for annotation in (str, bytes, list, dict):
            self.assertIsNone(decode(b"null", annotation))
        with self.assertRaises(ArgumentError):
            decode(b"null", int)

    def test_overloads(self) -> None:
        """The number of arguments decides."""
        names = self.block("class MathHub")
        names["server"].map_hubs("/signalr", [names["MathHub"]])
        client = self.client()
        self.assertEqual(client.invoke("add", 1, 2, hub="MathHub")["R"], 3)
        self.assertEqual(client.invoke("add", 1, 2, 3, hub="MathHub")["R"], 6)

    def test_progress(self) -> None:
        """Reports come, and then the result."""
        names = self.block("class WorkHub")
        names["server"].map_hubs("/signalr", [names["WorkHub"]])
        client = self.client("WorkHub")
        self.assertEqual(client.invoke("work", 2, hub="WorkHub")["R"], "done")
        reports = [message["P"]["D"] for envelope in client.take() for message in envelope["M"]]
        self.assertEqual(reports, [0.5, 1.0])

    def test_names_go_out_as_written(self) -> None:
        """Any attribute is a call of that name."""
        names = self.block("class NewsHub")
        names["server"].map_hubs("/signalr", [names["NewsHub"]])
        client = self.client("NewsHub")
        client.invoke("publish", "news", hub="NewsHub")
        everybody = names["server"].hub_context(names["NewsHub"]).clients.all
        getattr(everybody, "not an identifier")()
        self.assertEqual(self.messages(client), [("newHeadline", "news", {"Urgent": False}), ("not an identifier",)])

    def test_conflation(self) -> None:
        """Who keeps up gets every price, who was away the newest of each stock."""
        names = self.block("class QuoteHub")
        ann, bob = self.client("quotes"), self.client("quotes")
        bob.drop()
        for price in (1.0, 2.0, 3.0):
            names["quote"]("A", price)
            names["quote"]("B", price)
        bob.reconnect()
        self.assertEqual(len(self.messages(ann)), 6)
        self.assertEqual(self.messages(bob), [("priceChanged", "A", 3.0), ("priceChanged", "B", 3.0)])

    def test_groups(self) -> None:
        """Who joins hears of himself and later ones; who leaves hears nothing more."""
        names = self.block("class RoomHub")
        names["server"].map_hubs("/signalr", [names["RoomHub"]])
        ann, bob = self.client("rooms"), self.client("rooms")
        ann.invoke("join", "a", hub="rooms")
        bob.invoke("join", "a", hub="rooms")
        self.assertEqual(self.messages(ann), [("joined", ann.connection_id), ("joined", bob.connection_id)])
        self.assertEqual(self.messages(bob), [("joined", bob.connection_id)])
        ann.invoke("leave", "a", hub="rooms")
        bob.invoke("join", "a", hub="rooms")
        self.assertEqual(self.messages(ann), [])

    def test_events(self) -> None:
        """Events are told to those who listen; a client that was away for too long gets the prices."""
        names = self.block("class PresenceHub")
        names["server"].map_hubs("/signalr", [names["PresenceHub"]])
        ann, bob = self.client("presence"), self.client("presence")
        self.assertEqual(names["online"], {ann.connection_id, bob.connection_id})
        self.assertEqual(self.messages(ann), [("arrived", bob.connection_id)])
        bob.drop()
        bob.reconnect(cursor="unknown")
        self.assertEqual(self.messages(bob), [("allPrices", names["prices"])])
        bob.abort()
        self.assertEqual(self.messages(ann), [("left", bob.connection_id)])
        ann.drop()
        self.harness.advance(29)
        self.assertEqual(names["online"], {ann.connection_id})
        self.harness.advance(12)
        self.assertEqual(names["online"], set())

    def test_poller_is_gone_sooner(self) -> None:
        """A poller has no five seconds more."""
        names = self.block("class PresenceHub")
        names["server"].map_hubs("/signalr", [names["PresenceHub"]])
        client = self.client("presence", kind=PollingClient)
        client.drop()
        self.harness.advance(36)
        self.assertEqual(names["online"], set())

    def test_context(self) -> None:
        """A hub knows who is calling, and how."""
        names = self.block("class WhoHub")
        names["server"].map_hubs("/signalr", [names["WhoHub"]])
        client = self.client(version="1.0")
        answer = client.invoke("describe", hub="who")["R"]
        self.assertEqual((answer["id"], answer["transport"]), (client.connection_id, "webSockets"))
        self.assertEqual((answer["version"], answer["user"], answer["path"]), ("1.0", None, "/signalr/connect"))

    def test_state(self) -> None:
        """What the hub changes comes back."""
        names = self.block("class StatefulHub")
        names["server"].map_hubs("/signalr", [names["StatefulHub"]])
        client = self.client()
        answer = client.invoke("greet", hub="stateful", S={"name": "Ann"})
        self.assertEqual(answer["R"], "Hello Ann")
        self.assertEqual(answer["S"], {"calls": 1, "last": {"By": client.connection_id}})

    def test_errors(self) -> None:
        """The text of a HubException is told, and that of others is not."""
        names = self.block("class AccountHub")
        names["server"].map_hubs("/signalr", [names["AccountHub"]])
        client = self.client()
        told = client.invoke("withdraw", 101, hub="account")
        self.assertEqual((told["H"], told["E"], told["D"]), (True, "That is too much.", {"Limit": 100}))
        hidden = client.invoke("withdraw", 1, hub="account")
        self.assertEqual(hidden["E"], "There was an error invoking Hub method 'account.withdraw'.")
        self.assertIn(hidden["E"], HUBS.read_text(encoding="utf-8"))
        self.assertEqual(len(self.flushLoggedErrors(LookupError)), 1)
        self.assertIn("E", client.invoke("withdraw", hub="account"))

    def test_outside(self) -> None:
        """A timer broadcasts."""
        names = self.block("class ClockHub")
        client = self.client("clock")
        self.harness.advance(2)
        self.assertEqual(self.messages(client), [("ticked", 2), ("ticked", 3)])
        names["loop"].stop()

    def test_pipeline(self) -> None:
        """A module refuses a call, and makes a result of an error."""
        self.block("class Watch")
        client = self.client()
        self.assertEqual(client.invoke("divide", 1, 2, hub="dividing")["R"], 0.5)
        self.assertEqual(client.invoke("divide", 1, 0, hub="dividing")["R"], 0)
        self.assertNotIn("R", client.invoke("forbidden", hub="dividing"))

    def test_authorization(self) -> None:
        """Strangers stay outside; users may call what they may."""
        self.block("class TradingHub")
        stranger = WebSocketClient(self.harness, hubs=["trading"])
        self.assertEqual(stranger.fetch("negotiate").status, 401)
        ann = self.client("trading", user="5f2a")
        self.assertEqual(ann.invoke("buy", "MSFT", hub="trading")["R"], "ann has bought MSFT")
        self.assertIn("E", ann.invoke("halt", hub="trading"))

    def test_avatars(self) -> None:
        """The avatar is the user."""
        names = self.block("class Realm")
        names["server"].map_hubs("/signalr", [type("AnyHub", (Hub,), {"hub_name": "any"})])
        self.assertIsInstance(self.harness.site, Site)
        client = PollingClient(self.harness, hubs=["any"])
        self.assertEqual(client.fetch("negotiate").status, 401)
        client.headers.append(("Authorization", "Basic " + b64encode(b"ann:secret").decode()))
        self.assertEqual(client.fetch("negotiate").status, 200)

    def test_raw_connections(self) -> None:
        """Texts go up, values come down; others of the class hear what one says."""
        self.block("class Echo")
        ann, bob = EchoClient(self.harness, hubs=()), EchoClient(self.harness, hubs=())
        ann.come()
        bob.come()
        self.assertEqual([message for envelope in ann.take() for message in envelope["M"]], ["somebody came"])
        bob.send_text("1")
        ann.send_text("2")
        self.harness.flush()
        self.assertEqual([message for envelope in bob.take() for message in envelope["M"]], [{"You": "1"}, "2"])

    def test_twisted_client(self) -> None:
        """The client of the guide talks to the program of the guide."""
        program = self.block("class ChatHub")
        self.harness.site = site_of(program["root"], clock=self.clock)
        bob = self.client("chat")
        names = self.execute(next(code for code in runnable(HUBS).values() if "async def chat" in code), HUBS)
        heard: list[str] = []
        names["print"] = lambda *words: heard.append(" ".join(map(str, words)))
        names["HubConnection"] = partial(HubConnection, reactor=self.clock, endpoints=MemoryEndpoints(self.harness))
        chat = Deferred.fromCoroutine(names["chat"]("http://test/signalr"))
        self.harness.advance(10)
        self.assertIsNone(self.successResultOf(chat))
        self.assertEqual(heard, ["hello", "gone None"])
        self.assertEqual(self.messages(bob), [("said", "hello")])

    def test_elsewhere(self) -> None:
        """Negotiating is refused, moved or answered, by what the client asks with."""
        self.block("class RegionalHub")
        client = PollingClient(self.harness, hubs=["regional"])
        self.assertEqual(client.fetch("negotiate", version="0.9").json["Error"], "Please reload the page.")
        moved = client.fetch("negotiate", region="eu").json
        self.assertEqual(
            (moved["RedirectUrl"], moved["AccessToken"]), ("https://eu.example.org/signalr", "for the other server")
        )
        self.assertIn("ConnectionToken", client.fetch("negotiate").json)
