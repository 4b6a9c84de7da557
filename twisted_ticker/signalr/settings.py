"""
The settings of a SignalR server, with the reference's names, defaults and rules.

Source: SignalR 2.4, ``Configuration/DefaultConfigurationManager.cs``, ``ConfigurationExtensions.cs``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

from .errors import ConfigurationError
from .protocol.transports import ALL_TRANSPORTS

__all__ = ["EndpointSettings", "Settings"]

_MIN_DISCONNECT_TIMEOUT = 6.0
_MIN_KEEP_ALIVE = 2.0

_STREAM_DISCONNECT_THRESHOLD = 5.0

# None means "off" here, so "not given" needs a value of its own.
_THIRD_OF_DISCONNECT_TIMEOUT = cast(float, object())


@dataclass(frozen=True, kw_only=True)
class Settings:
    """
    Timings (in seconds) and sizes of a server. A wrong value raises :class:`.ConfigurationError`.

    Attributes:
        connection_timeout: how long a poll waits for a message.
        disconnect_timeout: how long a client may stay away before it counts as gone; at least 6.
        keep_alive: how often every client is sent a sign of life; at least 2, at most a third of
            *disconnect_timeout* (the default), ``None`` for never.
        transport_connect_timeout: how long a client tries each transport.
        default_message_buffer_size: messages kept for replay in each topic; less than 32 counts as 32.
        long_poll_delay: pause that clients make between two polls.
        max_incoming_websocket_message_size: in bytes; ``None`` for no limit.
    """

    connection_timeout: float = 110.0
    disconnect_timeout: float = 30.0
    keep_alive: float | None = _THIRD_OF_DISCONNECT_TIMEOUT
    transport_connect_timeout: float = 5.0
    default_message_buffer_size: int = 1000
    long_poll_delay: float = 0.0
    max_incoming_websocket_message_size: int | None = 65536

    def __post_init__(self) -> None:
        if self.keep_alive is _THIRD_OF_DISCONNECT_TIMEOUT:
            object.__setattr__(self, "keep_alive", self.disconnect_timeout / 3)
        self._require(
            self.disconnect_timeout >= _MIN_DISCONNECT_TIMEOUT,
            "DisconnectTimeout must be at least six seconds.",
        )
        if self.keep_alive is not None:
            self._require(self.keep_alive >= _MIN_KEEP_ALIVE, "KeepAlive value must be greater than two seconds.")
            self._require(
                self.keep_alive <= self.disconnect_timeout / 3,
                "KeepAlive value must be no more than a third of the DisconnectTimeout.",
            )
        self._require(self.connection_timeout > 0, "ConnectionTimeout must be positive.")
        self._require(self.transport_connect_timeout > 0, "TransportConnectTimeout must be positive.")
        self._require(self.default_message_buffer_size >= 0, "DefaultMessageBufferSize must not be negative.")
        self._require(self.long_poll_delay >= 0, "LongPollDelay must not be negative.")
        self._require(
            self.max_incoming_websocket_message_size is None or self.max_incoming_websocket_message_size > 0,
            "MaxIncomingWebSocketMessageSize must be positive.",
        )

    @staticmethod
    def _require(condition: bool, text: str) -> None:
        if not condition:
            raise ConfigurationError(text)

    @property
    def keep_alive_timeout(self) -> float | None:
        """How long a client waits for a sign of life before it reconnects; ``None`` without keep-alive."""
        return None if self.keep_alive is None else 2 * self.keep_alive

    @property
    def heartbeat_interval(self) -> float:
        """Period of the one timer that watches all connections."""
        return self.disconnect_timeout / 6 if self.keep_alive is None else self.keep_alive / 2

    @property
    def topic_lifetime(self) -> float:
        """How long messages are kept for clients that may come back."""
        return 2 * (self.disconnect_timeout + (self.keep_alive_timeout or 0.0))

    @property
    def stream_disconnect_threshold(self) -> float:
        """What is added to *disconnect_timeout* for a client that had a stream; a poller gets *long_poll_delay*."""
        return _STREAM_DISCONNECT_THRESHOLD


@dataclass(frozen=True, kw_only=True)
class EndpointSettings:
    """
    Settings of one endpoint.

    Attributes:
        enable_detailed_errors: whether error results tell the texts of all exceptions, instead of only those of a
            ``HubException``.
        enable_javascript_proxies: whether ``/hubs`` and ``/js`` serve the proxy script.
        enable_jsonp: whether clients may have answers as calls of a function that they name.
        allowed_origins: pages of which other origins, such as ``https://example.org``, may call; ``"*"`` among them
            means any, without cookies and the like.
        transports: wire names of the transports that are served.
    """

    enable_detailed_errors: bool = False
    enable_javascript_proxies: bool = True
    enable_jsonp: bool = False
    allowed_origins: Collection[str] = ()
    transports: Collection[str] = ALL_TRANSPORTS

    def __post_init__(self) -> None:
        unknown = set(self.transports) - set(ALL_TRANSPORTS)
        if unknown:
            raise ConfigurationError(
                f"There is no transport {sorted(unknown)[0]!r}; there are {', '.join(ALL_TRANSPORTS)}."
            )
        if isinstance(self.allowed_origins, str):
            raise ConfigurationError("allowed_origins is a list of origins, not a text.")
