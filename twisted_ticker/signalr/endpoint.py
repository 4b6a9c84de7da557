"""
One mapped path: the order in which a request is checked, and what each command does.

What kind of messages flow is a subclass's business (:mod:`.hub_endpoint`); how a transport writes them is the web
layer's. A request that breaks the protocol is answered as the reference answers it, and leaves one log line.

Source: SignalR 2.4, ``PersistentConnection.cs``, ``Hubs/HubDispatcher.cs``, ``Transports/TransportManager.cs``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from .connection import Connection
from .errors import InvalidToken, NotAuthorized, RequestError
from .hub import HubCallerContext
from .interfaces import IReceiver
from .once import Once
from .protocol.cursors import Cursor
from .protocol.handshake import (
    INVALID_WEBSOCKET_REQUEST,
    MALFORMED_CONNECTION_ID,
    MISSING_CONNECTION_TOKEN,
    PING_BODY,
    STARTED_BODY,
    UNKNOWN_TRANSPORT,
    UNRECOGNIZED_USER,
    ProtocolVersion,
    negotiate_body,
)
from .protocol.tokens import ConnectionToken
from .requests import JSON, ReceiveChannel, Request, Response, User
from .settings import EndpointSettings

if TYPE_CHECKING:
    from .server import SignalRServer

__all__ = ["LONG_POLLING", "WEB_SOCKETS", "Call", "Endpoint", "command_of"]

WEB_SOCKETS = "webSockets"
LONG_POLLING = "longPolling"
_TRANSPORTS = {name.lower(): name for name in (WEB_SOCKETS, LONG_POLLING)}

_SCRIPTS = ("hubs", "js")

#: What the host answers when the reference throws; the reason is for the log only.
_SERVER_ERROR = Response(500)

Target = TypeVar("Target")


def command_of(path: str) -> str:
    """
    The command that a request path ends in, in lower case: ``negotiate``, ``send``… or any other last segment.

    Slashes behind it are allowed for the scripts only, as in the reference.
    """
    last = path.rstrip("/").rpartition("/")[2].lower()
    return "" if path.endswith("/") and last not in _SCRIPTS else last


@dataclass(frozen=True, slots=True)
class Call(Generic[Target]):
    """
    A request that has passed the checks.

    Attributes:
        request: the request.
        command: see :func:`command_of`.
        transport: wire name of the transport that it names.
        connection_id: from its token.
        user: who sends it.
        target: what it is about: for hubs, those of its ``connectionData``.
    """

    request: Request
    command: str
    transport: str
    connection_id: str
    user: User | None
    target: Target

    @property
    def parameter_in_body_too(self) -> bool:
        """Whether message id and groups token may also come in the form."""
        return self.transport == LONG_POLLING

    def position_parameter(self, name: str) -> str | None:
        """A parameter of a receive request that says where the client stands; empty counts as absent."""
        value = self.request.query.get(name)
        if not value and self.parameter_in_body_too:
            value = self.request.form.get(name)
        return value or None

    @property
    def context(self) -> HubCallerContext:
        """The call as application code sees it."""
        return HubCallerContext(self.connection_id, self.user, self.request, self.transport)


class _Refusal(Exception):
    """The request is answered with *response* and goes no further."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.body.decode() or response.reason)
        self.response = response


class Endpoint(ABC, Generic[Target]):
    """
    A mapped path, and all requests below it.

    Args:
        path: the path, without a slash at its end.
        server: connections, bus and keys, which endpoints share.
        settings: this endpoint's own.
    """

    _log = Logger()

    def __init__(self, path: str, server: SignalRServer, settings: EndpointSettings) -> None:
        self.path = path
        self.settings = settings
        self._server = server

    # What subclasses decide

    @abstractmethod
    def target_of(self, request: Request) -> Target:
        """
        What a request is about.

        Raises:
            NotAuthorized: the user may not.
            RequestError: it cannot be said.
        """

    @abstractmethod
    def topics(self, call: Call[Target]) -> Sequence[str]:
        """Names of the topics that a connection listens to, besides its groups."""

    @abstractmethod
    def rejoin(self, call: Call[Target], groups: Sequence[str]) -> Sequence[str]:
        """Which of the groups in a client's token it may have again."""

    @abstractmethod
    def receive(self, call: Call[Target], text: str) -> Deferred[bytes | None]:
        """
        Act on a text from a client; the outcome is the result to send back, if there is one.

        Raises:
            RequestError: the text is unusable, and nothing can be answered.
        """

    @abstractmethod
    def connected(self, call: Call[Target]) -> Deferred[None]:
        """Tell the application that a client has connected."""

    @abstractmethod
    def reconnected(self, call: Call[Target], *, missed: bool) -> Deferred[None]:
        """Tell the application that a client is back."""

    @abstractmethod
    def gap_found_by(self, call: Call[Target]) -> Deferred[None]:
        """Tell the application that a client has missed messages."""

    @abstractmethod
    def disconnected(self, call: Call[Target], *, stop_called: bool) -> Deferred[None]:
        """Tell the application that a client is gone."""

    @abstractmethod
    def script(self, request: Request) -> Response | None:
        """The proxy script; ``None`` where there is none."""

    # Requests

    def respond(self, request: Request) -> Response | ReceiveChannel | Deferred[Response]:
        """Answer one request below this endpoint's path."""
        try:
            return self._respond(request)
        except _Refusal as refusal:
            self._refused(request, refusal)
            return refusal.response
        except NotAuthorized as error:
            self._refused(request, error)
            return Response(401 if self._server.user_of(request) is None else 403)
        except RequestError as error:
            self._refused(request, error)
            return _SERVER_ERROR

    def _refused(self, request: Request, reason: Exception) -> None:
        self._server.counters.refused_requests += 1
        self._log.info(
            # As Python would write them, because they may have line breaks in them.
            "Refused {method!r} {path!r} from {address}: {reason!r}",
            method=request.method,
            path=request.path,
            address=request.remote_address,
            reason=str(reason),
        )

    def _respond(self, request: Request) -> Response | ReceiveChannel | Deferred[Response]:
        if request.query.get("callback"):
            raise _Refusal(Response(403, reason="Forbidden: JSONP is disabled."))
        target = self.target_of(request)
        command = command_of(request.path)
        if command in _SCRIPTS:
            script = self.script(request)
            if script is not None:
                return script
        if command == "negotiate":
            return self._negotiate(request)
        if command == "ping":
            return Response(200, PING_BODY, JSON)
        call = self._admit(request, command, target)
        if command == "start":
            return self._start(call)
        if command == "abort":
            self._server.disconnect(call.connection_id, stop_called=True)
            return Response(200, b"", "text/plain")
        if call.transport == WEB_SOCKETS and not request.can_upgrade:
            raise _Refusal(Response(400, INVALID_WEBSOCKET_REQUEST.encode()))
        if command == "send":
            return self._send(call)
        if not self._server.running:
            raise _Refusal(Response(503, b"The server is shutting down."))
        return ReceiveChannel(
            call.transport,
            open=lambda receiver: self._open(call, receiver),
            received=lambda text, answer: self._received(call, text, answer),
        )

    def _negotiate(self, request: Request) -> Response:
        settings = self._server.settings
        connection_id = self._server.new_connection_id()
        user = self._server.user_of(request)
        token = ConnectionToken(connection_id, user.name if user else "")
        body = negotiate_body(
            url=request.path.replace("/negotiate", ""),
            connection_token=token.encode(self._server.connection_tokens),
            connection_id=connection_id,
            keep_alive_timeout=settings.keep_alive_timeout,
            disconnect_timeout=settings.disconnect_timeout,
            connection_timeout=settings.connection_timeout,
            try_web_sockets=True,
            protocol_version=ProtocolVersion.resolve(request.query.get("clientProtocol")),
            transport_connect_timeout=settings.transport_connect_timeout,
            long_poll_delay=settings.long_poll_delay,
        )
        return Response(200, body, JSON)

    def _admit(self, request: Request, command: str, target: Target) -> Call[Target]:
        transport = _TRANSPORTS.get(request.query.get("transport", "").lower())
        if transport is None:
            raise _Refusal(Response(400, UNKNOWN_TRANSPORT.encode()))
        encoded = request.query.get("connectionToken")
        if not encoded:
            raise _Refusal(Response(400, MISSING_CONNECTION_TOKEN.encode()))
        try:
            token = ConnectionToken.decode(encoded, self._server.connection_tokens)
        except InvalidToken:
            raise _Refusal(Response(400, MALFORMED_CONNECTION_ID.encode())) from None
        user = self._server.user_of(request)
        if token.user_name.casefold() != (user.name if user else "").casefold():
            raise _Refusal(Response(403, UNRECOGNIZED_USER.encode()))
        return Call(request, command, transport, token.connection_id, user, target)

    def _start(self, call: Call[Target]) -> Deferred[Response]:
        connection = self._server.connections.get(call.connection_id)
        # Any valid token is good at any time: the receive request may be with another server.
        started = connection.started if connection is not None else Once[None]()
        return started.call(lambda: self.connected(call)).addCallbacks(
            lambda _: Response(200, STARTED_BODY, JSON),
            lambda failure: self._event_failed(failure, call, _SERVER_ERROR),
        )

    def _event_failed(self, failure: Failure, call: Call[Target], answer: Response) -> Response:
        self._server.counters.failed_events += 1
        self._log.failure(
            "The application failed at /{command} of connection {id}",
            failure,
            command=call.command,
            id=call.connection_id,
        )
        return answer

    # Client to server

    def _send(self, call: Call[Target]) -> Deferred[Response]:
        text = call.request.form.get("data")
        if text is None and call.transport == LONG_POLLING:
            text = call.request.query.get("data")
        if not text:
            raise RequestError("The request has no usable data.")
        answer: Deferred[Response] = Deferred()

        def respond(result: bytes | None) -> None:
            response = Response(200) if result is None else Response(200, result, JSON)
            # What the method has sent to clients leaves before its result.
            self._server.turn.call_soon(lambda: answer.callback(response))

        def failed(failure: Failure) -> None:
            answer.callback(self._event_failed(failure, call, _SERVER_ERROR))

        self.receive(call, text).addCallbacks(respond, failed)
        return answer

    def _received(self, call: Call[Target], text: str, answer: Callable[[bytes], None]) -> None:
        try:
            outcome = self.receive(call, text)
        except RequestError as error:
            self._refused(call.request, error)
            return

        def respond(result: bytes | None) -> None:
            if result is not None:
                self._server.turn.call_soon(lambda: answer(result))

        outcome.addCallbacks(respond, self._event_failed, errbackArgs=(call, _SERVER_ERROR))

    # Server to client

    def _open(self, call: Call[Target], receiver: IReceiver) -> None:
        connecting = call.command == "connect"
        position = self._server.bus.position_of(Cursor.parse(call.position_parameter("messageId")))
        connection, known = self._server.connection_for(self, call)
        # A client that this server has forgotten was listening all the time, so its topics are its from where it
        # stands; whoever is known and names new hubs listens to those from now on.
        connection.listen_to(self.topics(call), since=None if known else position)
        self._restore_groups(call, connection, known=known)
        gap = connection.attach(receiver, position=position, initialize=connecting)
        missed = gap or position is None
        if connecting:
            self._connect(call, connection, receiver)
            return
        if missed:
            self._count_gap(connection)
        if call.transport != LONG_POLLING or call.command == "reconnect":
            self._reconnect(call, connection, receiver, missed=missed)
        elif missed:
            self._raise_gap(connection)
        connection.ready(receiver)

    def _connect(self, call: Call[Target], connection: Connection, receiver: IReceiver) -> None:
        if ProtocolVersion.resolve(call.request.query.get("clientProtocol")).sends_start:
            connection.ready(receiver)
            return
        connection.started.call(lambda: self.connected(call)).addCallbacks(
            lambda _: connection.ready(receiver),
            lambda failure: self._end_after_failure(failure, call, connection, receiver),
        )

    def _reconnect(self, call: Call[Target], connection: Connection, receiver: IReceiver, *, missed: bool) -> None:
        self.reconnected(call, missed=missed).addErrback(self._end_after_failure, call, connection, receiver)

    def _end_after_failure(
        self, failure: Failure, call: Call[Target], connection: Connection, receiver: IReceiver
    ) -> None:
        self._event_failed(failure, call, _SERVER_ERROR)
        if connection.receiver is receiver:
            connection.end_receiver()

    def _restore_groups(self, call: Call[Target], connection: Connection, *, known: bool) -> None:
        token = self._server.read_groups_token(call.connection_id, call.position_parameter("groupsToken"))
        joined: Mapping[str, int] = {} if token is None else token.joined
        # Positions of another run of the server mean nothing here.
        current = token is not None and token.epoch == self._server.bus.epoch
        if not known:
            groups = self.rejoin(call, list(joined))
            connection.restore_groups({name: joined[name] if current else None for name in groups})
        # Of a connection that this server knows, its memory is right: the latest token may never have arrived.
        connection.announce_groups_unless(joined if current else {})

    # Gaps and ends

    def gap_found(self, connection: Connection) -> None:
        """A client that was too slow for its topics' rings has missed messages."""
        self._count_gap(connection)
        self._raise_gap(connection)

    def _count_gap(self, connection: Connection) -> None:
        self._server.counters.gaps += 1
        self._log.warn("Connection {id} has missed messages that are no longer kept", id=connection.connection_id)

    def _raise_gap(self, connection: Connection) -> None:
        call: Call[Target] = connection.call
        self.gap_found_by(call).addErrback(self._event_failed, call, _SERVER_ERROR)

    def closed(self, connection: Connection, *, stop_called: bool) -> None:
        """A connection of this endpoint is over."""
        call: Call[Target] = connection.call
        self.disconnected(call, stop_called=stop_called).addErrback(self._event_failed, call, _SERVER_ERROR)
