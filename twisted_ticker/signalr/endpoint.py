"""
One mapped path: the order in which a request is checked, and what each command does.

What kind of messages flow is a subclass's business (:mod:`.hub_endpoint`); how a transport writes them is the web
layer's. A request that breaks the protocol is answered as the reference answers it, and leaves one log line.

Source: SignalR 2.4, ``PersistentConnection.cs``, ``Hubs/HubDispatcher.cs``, ``Transports/TransportManager.cs``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from .admission import admitted
from .calls import SCRIPT_COMMANDS, Call, Refusal, command_of
from .cors import allow_headers, preflight
from .errors import InvalidToken, NotAuthorized, RequestError
from .excerpts import excerpt
from .lifecycle import Lifecycle
from .negotiation import NegotiateError, Redirect
from .protocol.framing import script_safe
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
from .protocol.jsonp import check_callback, wrap
from .protocol.tokens import ConnectionToken
from .protocol.transports import FOREVER_FRAME, LONG_POLLING, WEB_SOCKETS, find_transport
from .requests import JAVASCRIPT, JSON, ReceiveChannel, Request, Response
from .settings import EndpointSettings

if TYPE_CHECKING:
    from .server import SignalRServer

__all__ = ["Endpoint", "Negotiate"]

#: Says what an application wants done with a client that negotiates: serve it (``None``), or one of the others.
Negotiate = Callable[[Request], Redirect | NegotiateError | None]

#: What a page of another origin is answered with, which may not act for its visitor.
_FOREIGN_PAGE = Response(403, b"Pages of this origin may not call.")

#: What the host answers when the reference throws; the reason is for the log only.
_SERVER_ERROR = Response(500)

_MAX_FRAME_ID = 2**32 - 1

Target = TypeVar("Target")


class Endpoint(ABC, Generic[Target]):
    """
    A mapped path, and all requests below it.

    Args:
        path: the path, without a slash at its end.
        server: connections, bus and keys, which endpoints share.
        settings: this endpoint's own.
        negotiate: may move or refuse clients.

    Attributes:
        lifecycle: what happens to this endpoint's connections.
    """

    _log = Logger()

    def __init__(
        self, path: str, server: SignalRServer, settings: EndpointSettings, negotiate: Negotiate | None = None
    ) -> None:
        self.path = path
        self.settings = settings
        self.lifecycle = Lifecycle(self, server)
        self._server = server
        self._application_negotiates = negotiate

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
    def group_topic(self, name: str) -> str:
        """Name of the topic of a group that is named as in groups tokens."""

    @abstractmethod
    def rejoin(self, call: Call[Target], groups: Sequence[str]) -> Sequence[str]:
        """Which groups a client is in, whose token has those; only those that are in it too, it was in before."""

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
    def groups_lost_by(self, call: Call[Target], groups: Sequence[str]) -> Deferred[None]:
        """Tell the application that a client came back with a groups token, of those groups, that is good no more."""

    @abstractmethod
    def disconnected(self, call: Call[Target], *, stop_called: bool) -> Deferred[None]:
        """Tell the application that a client is gone."""

    @abstractmethod
    def script(self, request: Request) -> Response | None:
        """The proxy script; ``None`` where there is none."""

    # Requests

    def respond(self, request: Request) -> Response | ReceiveChannel | Deferred[Response]:
        """Answer one request below this endpoint's path."""
        origins = self.settings.allowed_origins
        asked_before = preflight(request, origins)
        if asked_before is not None:
            return asked_before
        answer = self._answer(request)
        if isinstance(answer, Deferred):
            return answer.addCallback(self._dress, request)
        if isinstance(answer, ReceiveChannel):
            headers = allow_headers(request, origins)
            return replace(answer, headers=headers) if headers else answer
        return self._dress(answer, request)

    def _dress(self, response: Response, request: Request) -> Response:
        """The response as the page that asked for it can read it."""
        callback = request.query.get("callback")
        if callback and response.content_type == JSON:
            response = replace(response, body=wrap(callback, response.body), content_type=JAVASCRIPT)
        headers = allow_headers(request, self.settings.allowed_origins)
        return replace(response, headers={**response.headers, **headers}) if headers else response

    def _answer(self, request: Request) -> Response | ReceiveChannel | Deferred[Response]:
        try:
            request = self._of_trusted_page(request)
            return self._respond(request)
        except Refusal as refusal:
            self._refused(request, refusal)
            return refusal.response
        except NotAuthorized as error:
            self._refused(request, error)
            return Response(401 if self._server.user_of(request) is None else 403)
        except RequestError as error:
            self._refused(request, error)
            return _SERVER_ERROR

    def _of_trusted_page(self, request: Request) -> Request:
        as_admitted = admitted(request, self.settings)
        if as_admitted is None:
            raise Refusal(_FOREIGN_PAGE)
        return as_admitted

    def _refused(self, request: Request, reason: Exception) -> None:
        self._server.counters.refused_requests += 1
        self._log.info(
            # As Python would write them, because they may have line breaks in them.
            "Refused {method!r} {path!r} from {address}: {reason!r}",
            method=request.method,
            path=excerpt(request.path),
            address=request.remote_address,
            reason=excerpt(str(reason)),
        )

    def _respond(self, request: Request) -> Response | ReceiveChannel | Deferred[Response]:
        self._check_callback(request)
        target = self.target_of(request)
        command = command_of(request.path)
        script = self.script(request) if command in SCRIPT_COMMANDS else None
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
            raise Refusal(Response(400, INVALID_WEBSOCKET_REQUEST.encode()))
        if command == "send":
            return self._send(call)
        return self._receive_channel(call)

    def _check_callback(self, request: Request) -> None:
        callback = request.query.get("callback")
        if callback and not self.settings.enable_jsonp:
            raise Refusal(Response(403, reason="Forbidden: JSONP is disabled."))
        if callback:
            check_callback(callback)

    def _negotiate(self, request: Request) -> Response:
        version = ProtocolVersion.resolve(request.query.get("clientProtocol"))
        elsewhere = None if self._application_negotiates is None else self._application_negotiates(request)
        if elsewhere is not None:
            return Response(200, elsewhere.body(version), JSON)
        settings = self._server.settings
        connection_id = self._server.new_connection_id()
        user = self._server.user_of(request)
        token = ConnectionToken(connection_id, user.name if user else "")
        body = negotiate_body(
            # The mapped path in its own letter case, however the client has written it.
            url=self.path + request.path[len(self.path) :].replace("/negotiate", ""),
            connection_token=token.encode(self._server.connection_tokens),
            connection_id=connection_id,
            keep_alive_timeout=settings.keep_alive_timeout,
            disconnect_timeout=settings.disconnect_timeout,
            connection_timeout=settings.connection_timeout,
            try_web_sockets=WEB_SOCKETS in self.settings.transports,
            protocol_version=version,
            transport_connect_timeout=settings.transport_connect_timeout,
            long_poll_delay=settings.long_poll_delay,
        )
        return Response(200, body, JSON)

    def _admit(self, request: Request, command: str, target: Target) -> Call[Target]:
        transport = find_transport(request.query.get("transport"))
        if transport is None or transport not in self.settings.transports:
            raise Refusal(Response(400, UNKNOWN_TRANSPORT.encode()))
        encoded = request.query.get("connectionToken")
        if not encoded:
            raise Refusal(Response(400, MISSING_CONNECTION_TOKEN.encode()))
        try:
            token = self._server.read_connection_token(encoded, repeated=command == "poll")
        except InvalidToken:
            raise Refusal(Response(400, MALFORMED_CONNECTION_ID.encode())) from None
        user = self._server.user_of(request)
        if token.user_name.casefold() != (user.name if user else "").casefold():
            raise Refusal(Response(403, UNRECOGNIZED_USER.encode()))
        return Call(request, command, transport, token.connection_id, user, target)

    def _start(self, call: Call[Target]) -> Deferred[Response]:
        return self.lifecycle.start(call).addCallbacks(
            lambda _: Response(200, STARTED_BODY, JSON), lambda failure: self._failed(failure, call)
        )

    def _failed(self, failure: Failure, call: Call[Target]) -> Response:
        self.lifecycle.event_failed(failure, call)
        return _SERVER_ERROR

    # Client to server

    def _send(self, call: Call[Target]) -> Deferred[Response]:
        text = call.request.form.get("data")
        if text is None and call.transport == LONG_POLLING:
            text = call.request.query.get("data")
        if text is None:
            raise RequestError("The request has no data.")
        self._server.counters.messages_from_clients += 1
        answer: Deferred[Response] = Deferred()

        def respond(result: bytes | None) -> None:
            # What the method has sent to clients leaves before its result.
            self._server.turn.call_soon(lambda: answer.callback(self._result_response(call, result)))

        def carry_out(_: None = None) -> None:
            self.receive(call, text).addCallbacks(respond, lambda failure: answer.callback(self._failed(failure, call)))

        its_turn = self._server.call_rate.turn(call.connection_id)
        if its_turn is None:
            carry_out()
        else:
            its_turn.addCallback(carry_out).addErrback(lambda failure: answer.callback(self._unusable(failure, call)))
        return answer

    def _unusable(self, failure: Failure, call: Call[Target]) -> Response:
        error = failure.value
        if not isinstance(error, RequestError):
            return self._failed(failure, call)
        self._refused(call.request, error)
        return _SERVER_ERROR

    @staticmethod
    def _result_response(call: Call[Target], result: bytes | None) -> Response:
        if result is None:
            return Response(200)
        return Response(200, script_safe(result) if call.transport == FOREVER_FRAME else result, JSON)

    def _received(self, call: Call[Target], text: str, answer: Callable[[bytes], None]) -> Deferred[None] | None:
        self._server.counters.messages_from_clients += 1
        its_turn = self._server.call_rate.turn(call.connection_id)
        if its_turn is None:
            return self._carry_out(call, text, answer)
        return its_turn.addCallback(lambda _: self._carry_out(call, text, answer))

    def _carry_out(self, call: Call[Target], text: str, answer: Callable[[bytes], None]) -> Deferred[None] | None:
        try:
            outcome = self.receive(call, text)
        except RequestError as error:
            self._refused(call.request, error)
            return None

        def respond(result: bytes | None) -> None:
            if result is not None:
                self._server.turn.call_soon(lambda: answer(result))

        return outcome.addCallbacks(respond, self.lifecycle.event_failed, errbackArgs=(call,))

    # Server to client

    def _receive_channel(self, call: Call[Target]) -> ReceiveChannel:
        if not self._server.running:
            raise Refusal(Response(503, b"The server is not running."))
        return ReceiveChannel(
            call.transport,
            open=lambda receiver: self.lifecycle.open(call, receiver),
            received=lambda text, answer: self._received(call, text, answer),
            frame_id=_frame_id(call.request) if call.transport == FOREVER_FRAME else 0,
            callback=call.request.query.get("callback") or None,
        )


def _frame_id(request: Request) -> int:
    text = request.query.get("frameId", "")
    # A number too long to be one is not worth being converted.
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= _MAX_FRAME_ID):
        raise RequestError("The supplied frameId is in the incorrect format.")
    return int(text)
