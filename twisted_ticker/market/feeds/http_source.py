"""
A source of quotes on the web, asked with treq.

Whatever it answers costs a bounded time and a bounded memory: the answer's body, headers and all that comes over its
connection are limited, compression and redirects are refused, cookies are forgotten.
"""

from __future__ import annotations

from typing import Any

from treq import collect
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IAgentEndpointFactory, IBodyProducer, IResponse
from zope.interface import implementer

from ..entries import shown
from .polling import Fetched, SourceError

__all__ = ["HttpSource"]

#: Longest body: room for more than ten thousand quotes.
_MAX_BYTES = 1024 * 1024
#: All that an answer may send, with its headers and what chunks cost.
_MAX_BYTES_ON_THE_WIRE = 2 * _MAX_BYTES
#: How long an idle connection is kept, in seconds: less than servers and proxies keep one (5 s and more).
_IDLE_SECONDS = 4
#: How long connecting may take; less than an answer may, so that a name with several addresses can be reached.
_CONNECT_SECONDS = 3.0

_USER_AGENT = b"twisted-ticker"
#: How much of what somebody else says is told, in characters.
_MAX_REASON = 100
_OK, _NOT_MODIFIED = 200, 304


class HttpSource:
    """
    Quotes from a URL; a `QuoteSource`.

    Only the status 200 is an answer, and 304 if we asked with an ``ETag``. Redirects are not followed: they could lead
    anywhere.

    Args:
        url: ``http:`` or ``https:``, in ASCII.
        reactor: the reactor.
        timeout_seconds: how long an answer may take, from the begin to its last byte.
        endpoints: how servers are reached; over TCP, and TLS that checks certificates, when not given.
    """

    def __init__(
        self, url: str, *, reactor: Any, timeout_seconds: float, endpoints: IAgentEndpointFactory | None = None
    ) -> None:
        self._url = url
        self._reactor = reactor
        self._timeout_seconds = timeout_seconds
        self._links = _Links(endpoints or _Endpoints(reactor, min(_CONNECT_SECONDS, timeout_seconds)))
        self._pool = HTTPConnectionPool(reactor, persistent=True)
        self._pool.cachedConnectionTimeout = _IDLE_SECONDS
        self._agent = _PlainAgent(Agent.usingEndpointFactory(reactor, self._links, self._pool))

    def fetch(self, tag: bytes | None) -> Deferred[Fetched]:
        """See `QuoteSource`; the tag is an ``ETag``."""
        asking = Deferred.fromCoroutine(self._fetch(tag))

        def give_up(answer: Deferred[Fetched]) -> None:
            # First, because what becomes of a question that is cancelled, is not always a CancelledError.
            answer.errback(CancelledError())
            asking.cancel()

        def pass_on(outcome: Any) -> None:
            if not answer.called:
                answer.callback(outcome)

        answer: Deferred[Fetched] = Deferred(give_up)
        asking.addBoth(pass_on)
        answer.addTimeout(self._timeout_seconds, self._reactor)
        return answer.addErrback(self._explain)

    def close(self) -> Deferred[None]:
        """See `QuoteSource`."""
        # First, because an orderly end waits for the other side.
        self._links.abort()
        closed: Deferred[None] = self._pool.closeCachedConnections()
        return closed

    async def _fetch(self, tag: bytes | None) -> Fetched:
        # As bytes: treq's are, too, and Twisted's cache of names should not have both.
        headers = Headers(
            {b"Accept": [b"application/json"], b"Cache-Control": [b"no-cache"], b"User-Agent": [_USER_AGENT]}
        )
        if tag is not None:
            headers.setRawHeaders(b"If-None-Match", [tag])
        # Each has a client of its own: a client keeps all cookies that it is given.
        client = HTTPClient(self._agent)
        response: Any = await client.request(
            "GET",
            self._url,
            headers=headers,
            allow_redirects=False,
            unbuffered=True,
            reactor=self._reactor,
        )
        if response.code not in (_OK, _NOT_MODIFIED) or (response.code == _NOT_MODIFIED and tag is None):
            raise SourceError(f"the answer has status {response.code}")
        body = bytearray()

        def take(data: bytes) -> None:
            body.extend(data)
            if len(body) > _MAX_BYTES:
                raise SourceError(f"the answer is longer than {_MAX_BYTES} bytes")

        await collect(response, take)
        if response.code == _NOT_MODIFIED:
            return Fetched(None)
        return Fetched(bytes(body), response.headers.getRawHeaders(b"ETag", [None])[-1])

    def _explain(self, failure: Failure) -> Failure:
        """Drop the connection, of whose state nothing is known; and say what has happened."""
        self._links.abort()
        if failure.check(SourceError, CancelledError):
            return failure
        if failure.check(TimeoutError):
            raise SourceError(f"no answer within {self._timeout_seconds:g} seconds")
        if failure.check(ConnectError, DNSLookupError):
            raise SourceError(f"it cannot be reached: {failure.value}")
        # What a connection, TLS or a parser raises; it may quote what was sent.
        reasons = getattr(failure.value, "reasons", None) or [failure]
        texts = (f"{reason.type.__name__}: {shown(str(reason.value), _MAX_REASON)}" for reason in reasons)
        raise SourceError(f"the answer is broken off, or is no HTTP ({', '.join(texts)})")


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """Endpoints over TCP, and TLS for ``https``."""

    def __init__(self, reactor: Any, timeout_seconds: float) -> None:
        self._reactor = reactor
        self._timeout_seconds = timeout_seconds
        self._policy: BrowserLikePolicyForHTTPS | None = None

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """The endpoint of a URL's server."""
        endpoint = HostnameEndpoint(self._reactor, uri.host.decode("ascii"), uri.port, timeout=self._timeout_seconds)
        if uri.scheme != b"https":
            return endpoint
        if self._policy is None:
            self._policy = BrowserLikePolicyForHTTPS()
        return wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), endpoint)


@implementer(IAgent)
class _PlainAgent:
    """
    Asks for answers that are not compressed, and refuses others: a few bytes would become many, all at once.

    Args:
        agent: asks.
    """

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: IBodyProducer | None = None
    ) -> Deferred[IResponse]:
        """See `IAgent`."""
        plain = Headers() if headers is None else headers.copy()
        plain.setRawHeaders(b"Accept-Encoding", [b"identity"])
        answer: Deferred[IResponse] = self._agent.request(method, uri, plain, bodyProducer)
        return answer.addCallback(self._refuse_compressed)

    @staticmethod
    def _refuse_compressed(response: Any) -> IResponse:
        if response.headers.hasHeader(b"Content-Encoding"):
            raise SourceError("the answer is compressed, which we have not asked for")
        plain: IResponse = response
        return plain


class _Link(ProtocolWrapper):
    """A connection that breaks when more comes in answer to what was sent than an answer may be long."""

    factory: _LinkFactory
    _received = 0

    def makeConnection(self, transport: Any) -> None:
        """It is there."""
        self.factory.live.add(self)
        super().makeConnection(transport)  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is gone."""
        self.factory.live.discard(self)
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def write(self, data: Any) -> None:
        """A request is sent."""
        self._received = 0
        super().write(data)  # type: ignore[no-untyped-call]

    def writeSequence(self, data: Any) -> None:
        """A request is sent."""
        self._received = 0
        super().writeSequence(data)  # type: ignore[no-untyped-call]

    def dataReceived(self, data: bytes) -> None:
        """A piece of an answer."""
        self._received += len(data)
        if self._received > _MAX_BYTES_ON_THE_WIRE:
            self.abort()
        else:
            super().dataReceived(data)  # type: ignore[no-untyped-call]

    def abort(self) -> None:
        """Break it, whatever the other side does."""
        transport: Any = self.transport
        transport.abortConnection()


class _LinkFactory(WrappingFactory[_Link]):
    """
    Makes connections.

    Args:
        factory: makes the protocols on them.
        live: the connections that there are.
    """

    protocol = _Link
    noisy = False

    def __init__(self, factory: Any, live: set[_Link]) -> None:
        # Or there are two lines in the log for each connection.
        factory.noisy = False
        super().__init__(factory)  # type: ignore[no-untyped-call]
        self.live = live


@implementer(IStreamClientEndpoint)
class _LinkEndpoint:
    """
    Connects.

    Args:
        endpoint: where to.
        live: the connections that there are.
    """

    def __init__(self, endpoint: IStreamClientEndpoint, live: set[_Link]) -> None:
        self._endpoint = endpoint
        self._live = live

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """See `IStreamClientEndpoint`."""
        connected: Deferred[Any] = self._endpoint.connect(_LinkFactory(factory, self._live))
        return connected.addCallback(lambda link: link.wrappedProtocol)


@implementer(IAgentEndpointFactory)
class _Links:
    """
    Endpoints whose connections are bounded, and can be broken.

    Args:
        endpoints: how servers are reached.
    """

    def __init__(self, endpoints: IAgentEndpointFactory) -> None:
        self._endpoints = endpoints
        self._live: set[_Link] = set()

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """The endpoint of a URL's server."""
        return _LinkEndpoint(self._endpoints.endpointForURI(uri), self._live)

    def abort(self) -> None:
        """Break all connections that there are."""
        for link in tuple(self._live):
            link.abort()
