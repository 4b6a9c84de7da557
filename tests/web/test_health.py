"""Tests for `twisted_ticker.web.health`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource
from zope.interface.verify import verifyObject

from tests.web.support import SiteHarness
from twisted_ticker.web.health import HealthResource


class HealthResourceTests(SynchronousTestCase):
    """Whether the server can serve."""

    def setUp(self) -> None:
        self.harness = SiteHarness(self)
        resource = HealthResource(self.harness.server)
        verifyObject(IResource, resource)
        self.harness.site.resource.putChild(b"healthz", resource)

    def ask(self, method: str = "GET") -> tuple[int, bytes, str | None]:
        """Status, body and type; no answer may be kept."""
        response = self.harness.fetch(method, "/healthz")
        self.assertEqual(response.header("Cache-Control"), "no-store")
        self.assertEqual(response.header("X-Content-Type-Options"), "nosniff")
        return response.status, response.body, response.header("Content-Type")

    def test_while_it_serves(self) -> None:
        """It is all right."""
        self.assertEqual(self.ask(), (200, b"ok\n", "text/plain; charset=utf-8"))

    def test_while_it_does_not(self) -> None:
        """One line says why, from the moment that it begins to stop; and it may start again."""
        stopped = self.harness.server.stopService()
        status, body, content_type = self.ask()
        self.assertEqual((status, content_type, body.count(b"\n")), (503, "text/plain; charset=utf-8", 1))
        self.harness.advance(1)
        self.successResultOf(stopped)
        self.assertEqual(self.ask()[0], 503)
        self.harness.server.startService()
        self.assertEqual(self.ask()[0], 200)

    def test_asking_for_the_head(self) -> None:
        """The status says it all, for those who want no body."""
        self.assertEqual(self.ask("HEAD")[:2], (200, b""))
        self.harness.stop()
        self.assertEqual(self.ask("HEAD")[:2], (503, b""))

    def test_other_methods(self) -> None:
        """There is nothing to be done."""
        self.assertEqual(self.harness.fetch("POST", "/healthz", body=b"").status, 405)
