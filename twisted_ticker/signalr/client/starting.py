"""
Starting a connection: negotiating, choosing a transport, and asking the server to start.

Source: SignalR 2.4, ``jquery.signalR.core.js``, ``jquery.signalR.transports.common.js``, ``Client/Connection.cs``,
``Client/Transports/AutoTransport.cs``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from .addresses import Position
from .errors import NegotiationError, ProtocolViolation, StartError, text_of
from .frames import Delivery, is_started
from .line import Line
from .negotiation import MAX_REDIRECTS, Negotiated, parse_negotiation
from .websocket import WebSocketChannel

__all__ = ["Startup"]

#: How many messages may come before the connection is started.
_MAX_EARLY_MESSAGES = 10_000

#: How long the server may take to answer ``/negotiate``, in seconds.
_NEGOTIATE_SECONDS = 30.0


class Startup:
    """
    Starts a connection, and does so anew each time.

    Args:
        line: where the connection is made.
        transports: wire names of the transports to try, in this order.
        failed: called with the error of each transport that does not work.
    """

    _log = Logger()

    def __init__(self, line: Line, transports: Sequence[str], *, failed: Callable[[Exception], None]) -> None:
        self._line = line
        self._transports = tuple(transports)
        self._failed = failed
        self._early: list[Any] = []
        self._running: Deferred[None] | None = None
        #: Fires when the server has said that the transport that is being tried works.
        self._initialized: Deferred[None] | None = None

    def begin(self) -> Deferred[None]:
        """
        Start.

        Returns:
            Fires when the server has started the connection. It fails with :class:`.NegotiationError` or
            :class:`.StartError`, or with ``CancelledError``.
        """
        self._early = []
        self._running = Deferred.fromCoroutine(self._run())
        return self._running

    def cancel(self) -> None:
        """Stop starting; without effect when it has come to its end."""
        if self._running is not None:
            self._running.cancel()

    # What comes meanwhile

    def take(self, delivery: Delivery) -> None:
        """
        Take messages that come before the connection is started.

        Raises:
            ProtocolViolation: there are too many.
        """
        self._early += delivery.messages
        if len(self._early) > _MAX_EARLY_MESSAGES:
            raise ProtocolViolation("Too many messages before the start.")
        if delivery.initialized and self._initialized is not None and not self._initialized.called:
            self._initialized.callback(None)

    def take_back(self) -> Sequence[Any]:
        """The messages that have come before the connection was started, once."""
        early, self._early = self._early, []
        return early

    def lost(self, failure: Failure) -> bool:
        """The line is lost; returns whether that is no more than a transport that does not work."""
        if self._initialized is None:
            return False
        if not self._initialized.called:
            self._initialized.errback(failure)
        return True

    # Step by step

    async def _run(self) -> None:
        line = self._line
        line.adopt(await self._negotiate())
        await self._open_any()
        url = line.addresses.command("start", line.transport)
        try:
            body = await line.network.fetch(url).addTimeout(line.negotiated.connection_timeout, line.clock)
        except CancelledError:
            raise
        except Exception as error:
            raise StartError(f"The server did not start the connection: {error}") from error
        if not is_started(body):
            raise StartError("The server did not say that the connection is started.")

    async def _negotiate(self) -> Negotiated:
        line = self._line
        for _ in range(MAX_REDIRECTS + 1):
            try:
                body = await line.network.fetch(line.addresses.negotiate()).addTimeout(_NEGOTIATE_SECONDS, line.clock)
            except CancelledError:
                raise
            except Exception as error:
                raise NegotiationError(f"The server could not be asked: {text_of(error)}") from error
            answer = parse_negotiation(body)
            if isinstance(answer, Negotiated):
                return answer
            try:
                line.addresses = line.addresses.redirected(answer.url)
            except ValueError as error:
                raise NegotiationError(f"The server redirects to nowhere: {error}") from error
            line.network.access_token = answer.access_token
        raise NegotiationError("The server redirects endlessly.")

    async def _open_any(self) -> None:
        """Open a channel by the first transport that works."""
        failures: list[tuple[str, Exception]] = []
        for transport in self._transports:
            if transport == WebSocketChannel.transport and not self._line.negotiated.try_web_sockets:
                continue
            self._line.transport, self._line.position = transport, Position()
            try:
                await self._try()
            except CancelledError:
                raise
            except Exception as error:
                failures.append((transport, error))
                self._log.info("Transport {transport} does not work: {why}", transport=transport, why=text_of(error))
                self._failed(error)
            else:
                return
        raise StartError("No transport works", failures)

    async def _try(self) -> None:
        line = self._line
        initialized = self._initialized = Deferred[None]()
        channel = line.open("connect")
        try:
            await initialized.addTimeout(line.negotiated.transport_connect_timeout, line.clock)
        except CancelledError:
            # The connection is being stopped, and the channel along with it.
            raise
        except Exception:
            line.dismiss(channel)
            raise
        finally:
            self._initialized = None
        line.watch.start()
