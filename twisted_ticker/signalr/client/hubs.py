"""
Hubs as their clients see them: proxies, calls there and calls back.

Source: SignalR 2.4, ``jquery.signalR.hubs.js``, ``Client/Hubs/HubConnection.cs``, ``Client/Hubs/HubProxy.cs``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from .addresses import connection_data
from .connection import Connection
from .errors import ClientError, NotConnected, NotSubscribed, ProtocolViolation
from .events import call_back
from .frames import ClientCall, Progress, Result, encode_invocation, parse_message, parse_result
from .states import ConnectionState

__all__ = ["HubConnection", "HubProxy"]


@dataclass(frozen=True, eq=False)
class _Call:
    """
    A call that has not been answered.

    Attributes:
        proxy: the hub that was called.
        outcome: what the caller waits for.
        on_progress: called with each value that the method reports, if given.
    """

    proxy: HubProxy
    outcome: Deferred[Any]
    on_progress: Callable[[Any], object] | None


class HubProxy:
    """
    A hub.

    Attributes:
        name: the hub's name; letter case does not matter.
        state: plain JSON values that each call carries to the hub, and that the hub changes.
    """

    def __init__(self, connection: HubConnection, name: str) -> None:
        self.name = name
        self.state: dict[str, Any] = {}
        self._connection = connection
        self._handlers: dict[str, list[Callable[..., object]]] = {}

    def on(self, method: str, handler: Callable[..., object]) -> Callable[..., object]:
        """
        Have *handler* called when the hub calls the client's *method*; with the arguments as plain JSON.

        It may be a coroutine function. Messages come in order, but the next does not wait for what it returns.

        Args:
            method: its name, in whatever letter case.

        Raises:
            NotSubscribed: the connection has been started without the hub.
        """
        self._connection._check_subscribed(self.name)
        self._handlers.setdefault(method.lower(), []).append(handler)
        return handler

    def off(self, method: str, handler: Callable[..., object] | None = None) -> None:
        """
        Call *handler* no more, or, without it, nothing at all when the hub calls *method*.

        Raises:
            ValueError: *handler* was not given to :meth:`on`.
        """
        if handler is None:
            self._handlers.pop(method.lower(), None)
            return
        handlers = self._handlers.get(method.lower(), [])
        handlers.remove(handler)
        if not handlers:
            self._handlers.pop(method.lower(), None)

    @property
    def has_handlers(self) -> bool:
        """Whether anybody wants to hear of the hub."""
        return bool(self._handlers)

    def invoke(self, method: str, *arguments: Any, on_progress: Callable[[Any], object] | None = None) -> Deferred[Any]:
        """
        Call a method of the hub.

        Args:
            method: its name, in whatever letter case.
            arguments: any JSON-able values.
            on_progress: called with each value that the method reports until its result is there.

        Returns:
            What the method returned, as plain JSON. It fails with :class:`.HubInvocationError` if the method failed,
            :class:`.NotConnected` if the call was not sent, :class:`.ConnectionLost`, :class:`.ConnectionClosed` or
            :class:`.HttpStatusError` if no answer will come; or with what cannot be made JSON of. Cancelling it
            forgets the call; the server carries it out all the same.
        """
        return self._connection._invoke(self, method, arguments, on_progress)

    def _called(self, call: ClientCall) -> None:
        self.state.update(call.state)
        for handler in list(self._handlers.get(call.method.lower(), ())):
            call_back(f"A handler of {self.name}.{call.method}", handler, *call.arguments)


class HubConnection(Connection):
    """
    A connection to hubs; see :class:`.Connection` for the arguments.

    ::

        connection = HubConnection("https://example.org/signalr")
        chat = connection.create_hub_proxy("chat")
        chat.on("said", print)
        await connection.start()
        await chat.invoke("say", "lobby", "hello")
        await connection.stop()
    """

    _log = Logger()

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self._proxies: dict[str, HubProxy] = {}
        self._wanted: set[str] = set()
        self._subscribed: set[str] = set()
        self._calls: dict[str, _Call] = {}
        self._next_id = 0

    def create_hub_proxy(self, name: str, *, subscribe: bool = False) -> HubProxy:
        """
        The proxy of a hub, the same for the same name.

        Args:
            name: in whatever letter case.
            subscribe: whether to ask for the hub's messages although there may be no handlers at the start; with
                handlers it is asked for them anyway.
        """
        proxy = self._proxies.setdefault(name.lower(), HubProxy(self, name))
        if subscribe:
            self._check_subscribed(name)
            self._wanted.add(name.lower())
        return proxy

    def _check_subscribed(self, name: str) -> None:
        if self.state is not ConnectionState.DISCONNECTED and name.lower() not in self._subscribed:
            raise NotSubscribed(f"The connection was started without handlers of the hub {name!r}.")

    def _connection_data(self) -> str:
        proxies = [proxy for key, proxy in self._proxies.items() if proxy.has_handlers or key in self._wanted]
        self._subscribed = {proxy.name.lower() for proxy in proxies}
        return connection_data(proxy.name.lower() for proxy in proxies)

    # There

    def _invoke(
        self,
        proxy: HubProxy,
        method: str,
        arguments: tuple[Any, ...],
        on_progress: Callable[[Any], object] | None,
    ) -> Deferred[Any]:
        if self.state in (ConnectionState.DISCONNECTED, ConnectionState.CONNECTING, ConnectionState.STOPPING):
            return fail(NotConnected(f"The connection is {self.state.value}."))
        call_id = str(self._next_id)
        try:
            text = encode_invocation(proxy.name, method, arguments, call_id, proxy.state)
        except Exception:
            return fail()
        self._next_id += 1
        outcome: Deferred[Any] = Deferred(lambda _: forget())
        self._calls[call_id] = _Call(proxy, outcome, on_progress)
        sent = self._transmit(text)

        def forget() -> None:
            del self._calls[call_id]
            sent.cancel()

        def answer(body: bytes | None) -> None:
            if body is not None and call_id in self._calls:
                result = parse_result(body)
                self._finish(call_id, result)

        def failed(failure: Failure) -> None:
            call = self._calls.pop(call_id, None)
            if call is not None:
                call.outcome.errback(failure)

        sent.addCallback(answer).addErrback(failed)
        return outcome

    def _answered(self, result: Result) -> None:
        if result.id is not None:
            self._finish(result.id, result)

    def _finish(self, call_id: str, result: Result) -> None:
        call = self._calls.pop(call_id, None)
        if call is None:
            # Forgotten, or never made.
            return
        call.proxy.state.update(result.state)
        if result.error is not None:
            call.outcome.errback(result.error)
        else:
            call.outcome.callback(result.value)

    def _abandon(self, error: ClientError, *, duplex_only: bool) -> None:
        if duplex_only and self.transport != "webSockets":
            return
        calls, self._calls = self._calls, {}
        for call in calls.values():
            call.outcome.errback(error)

    # And back

    def _deliver(self, message: Any) -> None:
        try:
            parsed = parse_message(message)
        except ProtocolViolation as error:
            self._log.warn("A message could not be understood: {why}", why=str(error))
            self.events.error.happen(error)
            return
        if isinstance(parsed, Progress):
            call = self._calls.get(parsed.id)
            if call is not None:
                call.proxy.state.update(parsed.state)
                if call.on_progress is not None:
                    call_back(f"A progress callback of {call.proxy.name}", call.on_progress, parsed.value)
            return
        proxy = self._proxies.get(parsed.hub.lower())
        if proxy is not None:
            proxy._called(parsed)
