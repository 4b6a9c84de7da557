"""Users that twisted.cred knows: the avatar of a request is whom hubs see."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.guard import BasicCredentialFactory, HTTPAuthSessionWrapper
from twisted.web.resource import IResource
from twisted.web.server import Site
from zope.interface import implementer

from tests.web.clients import PollingClient
from tests.web.support import SiteHarness
from twisted_ticker.signalr import User
from twisted_ticker.web import SignalRResource


@implementer(IRealm)
class Realm:
    """Everybody who logs in sees the same resource as himself."""

    def __init__(self, resource: SignalRResource) -> None:
        self._resource = resource

    def requestAvatar(self, avatarId: bytes, mind: Any, *interfaces: Any) -> tuple[Any, Any, Any]:
        assert IResource in interfaces
        return IResource, self._resource.as_user(User(avatarId.decode(), roles=["traders"])), lambda: None


class CredTests(SynchronousTestCase):
    """A site behind a guard."""

    def setUp(self) -> None:
        self.harness = SiteHarness(self)
        clock: MemoryReactorClock = self.harness.clock
        checker = InMemoryUsernamePasswordDatabaseDontUse(ann=b"secret", bob=b"word")
        resource = SignalRResource(self.harness.server, clock=clock)
        guard = HTTPAuthSessionWrapper(Portal(Realm(resource), [checker]), [BasicCredentialFactory(b"ticker")])
        self.harness.site = Site(guard, reactor=clock)

    def client(self, name: str, password: str) -> PollingClient:
        client = PollingClient(self.harness)
        client.headers.append(("Authorization", "Basic " + b64encode(f"{name}:{password}".encode()).decode()))
        return client

    def test_hubs_see_the_avatar(self) -> None:
        """The user is the one who has logged in."""
        client = self.client("ann", "secret")
        client.come()
        self.assertEqual(client.invoke("whoami")["R"], "ann")

    def test_a_token_is_no_ones_elses(self) -> None:
        """Another user's token is refused, however well he has logged in."""
        client, thief = self.client("ann", "secret"), self.client("bob", "word")
        client.negotiate()
        thief.token = client.token
        self.assertEqual(thief.start().status, 403)

    def test_strangers_stay_outside(self) -> None:
        """The guard answers them."""
        self.assertEqual(self.harness.fetch("GET", "/signalr/negotiate").status, 401)
        self.assertEqual(self.client("ann", "wrong").fetch("negotiate").status, 401)
