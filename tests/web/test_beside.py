"""Tests for `twisted_ticker.web.beside`."""

from __future__ import annotations

from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.pages import notFound
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request, Site
from twisted.web.static import Data
from zope.interface.verify import verifyObject

from twisted_ticker.web.beside import Beside


class Framework(Resource):
    """A leaf that finds its way by itself."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        return b"framework: /" + b"/".join(request.postpath)


class Pages(Resource):
    """No leaf; what it does not have, it does not have."""

    def getChild(self, path: bytes, request: Request) -> IResource:
        return notFound()


class BesideTests(SynchronousTestCase):
    """Tests for `Beside`."""

    def fetch(self, root: IResource, target: str) -> bytes:
        """The body of an answer, which is short."""
        clock = MemoryReactorClock()
        channel = Site(root, reactor=clock).buildProtocol(None)
        transport = StringTransport()
        channel.makeConnection(transport)
        channel.dataReceived(f"GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode())
        channel.connectionLost(Failure(ConnectionResetError()))
        self.assertEqual(clock.getDelayedCalls(), [])
        body: bytes = transport.value().partition(b"\r\n\r\n")[2]
        return body

    def test_it_is_a_resource(self) -> None:
        """It can be a site's root."""
        verifyObject(IResource, Beside(Resource(), {}))

    def test_names_and_all_others(self) -> None:
        """Its own names are found, and all others where they were; below a name, nothing is its own."""
        pages = Pages()
        pages.putChild(b"page", Data(b"page", "text/plain"))
        pages.putChild(b"", Data(b"start", "text/plain"))
        root = Beside(pages, {"own": Data(b"own", "text/plain")})
        self.assertEqual(self.fetch(root, "/own"), b"own")
        self.assertEqual(self.fetch(root, "/own?x=y"), b"own")
        self.assertEqual(self.fetch(root, "/page"), b"page")
        self.assertEqual(self.fetch(root, "/"), b"start")
        for target in ("/own/", "/own/more", "/missing", "/OWN"):
            self.assertIn(b"No Such Resource", self.fetch(root, target), target)
        root.putChild(b"late", Data(b"late", "text/plain"))
        self.assertEqual(self.fetch(root, "/late"), b"late")

    def test_a_leaf_beside_it(self) -> None:
        """It gets whole paths, as if it were the root."""
        root = Beside(Framework(), {"own": Data(b"own", "text/plain")})
        self.assertEqual(self.fetch(root, "/own"), b"own")
        self.assertEqual(self.fetch(root, "/a/b"), b"framework: /a/b")
        self.assertEqual(self.fetch(root, "/own/b"), b"framework: /own/b")

    def test_below_another(self) -> None:
        """Two of them can be put together."""
        root = Beside(Beside(Framework(), {"b": Data(b"b", "text/plain")}), {"a": Data(b"a", "text/plain")})
        self.assertEqual([self.fetch(root, f"/{name}") for name in "abc"], [b"a", b"b", b"framework: /c"])
