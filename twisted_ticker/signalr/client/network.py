"""
Requests of a client: treq, with headers, limits and endpoints of our choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from treq.client import HTTPClient
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IConsumer, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IAgentEndpointFactory, IBodyProducer, IPolicyForHTTPS, IResponse
from zope.interface import implementer

from .errors import HttpStatusError, ProtocolViolation, TransportError

__all__ = ["BodyReader", "Network", "NetworkEndpoints", "command_of"]

#: How long an idle HTTP connection is kept, in seconds: less than servers and proxies keep one (5 s and more), so that
#: a call is not sent into one that is just being closed.
_IDLE_SECONDS = 4.0

#: How much of a refusal's body an error quotes, in characters.
_QUOTED = 200


def command_of(url: str) -> str:
    """The last segment of a URL's path: what may be told of a URL whose query holds tokens."""
    return url.partition("?")[0].rpartition("/")[2]


@implementer(IAgentEndpointFactory)
class NetworkEndpoints:
    """
    Endpoints over TCP, and TLS for ``https``.

    Args:
        reactor: the reactor.
        policy: which servers are trusted; those that the platform trusts when not given.
    """

    def __init__(self, reactor: Any, policy: IPolicyForHTTPS | None = None) -> None:
        self._reactor = reactor
        self._policy = policy

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """The endpoint of a URL's server."""
        endpoint = HostnameEndpoint(self._reactor, uri.host.decode("ascii"), uri.port)
        if uri.scheme != b"https":
            return endpoint
        if self._policy is None:
            self._policy = BrowserLikePolicyForHTTPS()
        return wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), endpoint)


@implementer(IBodyProducer)
class _Body:
    """A short body, written at once: treq's own would use the global reactor."""

    def __init__(self, body: bytes) -> None:
        self.length = len(body)
        self._body = body

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        pass

    def resumeProducing(self) -> None:
        pass

    def stopProducing(self) -> None:
        pass


class Network:
    """
    What a connection sends its requests through.

    Args:
        reactor: the reactor.
        endpoints: how servers are reached.
        agent: sends the HTTP requests; one with a connection pool of its own when not given.
        headers: sent with every request.
        max_bytes: longest body of an answer.

    Attributes:
        access_token: sent as ``Authorization: Bearer``, if set.
    """

    def __init__(
        self,
        reactor: Any,
        *,
        endpoints: IAgentEndpointFactory | None = None,
        agent: IAgent | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int,
    ) -> None:
        self.reactor = reactor
        self.access_token: str | None = None
        self.max_bytes = max_bytes
        self._endpoints = endpoints or NetworkEndpoints(reactor)
        self._headers = dict(headers or {})
        self._pool: Any = None
        if agent is None:
            self._pool = HTTPConnectionPool(reactor, persistent=True)
            self._pool.cachedConnectionTimeout = _IDLE_SECONDS
            agent = Agent.usingEndpointFactory(reactor, self._endpoints, self._pool)
        self._http = HTTPClient(agent, data_to_body_producer=_Body)

    @property
    def clock(self) -> IReactorTime:
        """The reactor, as what tells the time."""
        return cast(IReactorTime, self.reactor)

    def endpoint(self, url: str) -> IStreamClientEndpoint:
        """The endpoint of the server of an ``http:`` or ``https:`` URL."""
        endpoint: IStreamClientEndpoint = self._endpoints.endpointForURI(URI.fromBytes(url.encode("ascii")))
        return endpoint

    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        if self.access_token is None:
            return dict(self._headers)
        return {**self._headers, "Authorization": f"Bearer {self.access_token}"}

    def request(self, url: str, form: Mapping[str, str] | None = None) -> Deferred[IResponse]:
        """
        Send a request: GET, or POST with *form*.

        Returns:
            The response, whatever its status, before its body.
        """
        answer: Deferred[Any] = self._http.request(
            "GET" if form is None else "POST",
            url,
            # Without a length, some servers refuse a POST.
            data=None if form is None else dict(form),
            # As bytes: treq's are, too, and Twisted's cache of names should not have both.
            headers=Headers(
                {
                    name.encode("ascii"): [value.encode("utf-8")]
                    for name, value in {**self.headers(), "Cache-Control": "no-cache"}.items()
                }
            ),
            unbuffered=True,
            reactor=self.reactor,
        )
        return answer

    def fetch(self, url: str, form: Mapping[str, str] | None = None) -> Deferred[bytes]:
        """
        Send a request, and read its answer. Cancelling it drops the connection.

        Returns:
            The body of the answer; or an :class:`.HttpStatusError`, a :class:`.ProtocolViolation` when the body is
            too long, or what Twisted says of a connection that fails.
        """

        def read(response: IResponse) -> Deferred[bytes]:
            body = bytearray()
            done: Deferred[bytes] = Deferred(lambda _: reader.abort())

            def take(data: bytes) -> None:
                body.extend(data)
                if len(body) > self.max_bytes:
                    reader.abort()
                    done.errback(ProtocolViolation(f"An answer to {command_of(url)} is over {self.max_bytes} bytes."))

            def ended(failure: Failure | None) -> None:
                if done.called:
                    return
                if failure is not None:
                    done.errback(failure)
                elif response.code != 200:
                    text = bytes(body[: 4 * _QUOTED]).decode("utf-8", "replace")[:_QUOTED]
                    done.errback(HttpStatusError(command_of(url), response.code, text))
                else:
                    done.callback(bytes(body))

            reader = BodyReader(take, ended)
            response.deliverBody(reader)
            return done

        return self.request(url, form).addCallback(read)

    def close(self) -> Deferred[None]:
        """Close idle connections; the outcome comes when they are closed. More requests may follow."""
        if self._pool is None:
            return succeed(None)
        closed: Deferred[None] = self._pool.closeCachedConnections()
        return closed


class BodyReader(Protocol):
    """
    Reads a body.

    Args:
        take: called with each piece.
        ended: called once, at the end: with ``None`` if the body is complete, as far as anybody can tell.
    """

    def __init__(self, take: Callable[[bytes], None], ended: Callable[[Failure | None], None]) -> None:
        self._take = take
        self._ended = ended
        self._aborted = False

    def abort(self) -> None:
        """Read no more, and drop the connection."""
        self._aborted = True
        transport: Any = self.transport
        if transport is not None:
            getattr(transport, "abortConnection", transport.loseConnection)()

    def connectionMade(self) -> None:
        """The body begins."""
        if self._aborted:
            self.abort()

    def dataReceived(self, data: bytes) -> None:
        """A piece of the body."""
        if not self._aborted:
            self._take(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The body has ended."""
        # Without length and chunks, the end of the connection is the end of the body.
        if self._aborted:
            self._ended(Failure(TransportError("The connection was dropped.")))
        elif reason.check(ResponseDone, PotentialDataLoss, ConnectionDone):
            self._ended(None)
        else:
            self._ended(reason)
