"""
The settings of a SignalR server, with the reference's names, defaults and rules.

Source: SignalR 2.4, ``Configuration/DefaultConfigurationManager.cs``, ``ConfigurationExtensions.cs``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

from .errors import ConfigurationError
from .origins import canonical_origins
from .protocol.transports import ALL_TRANSPORTS

__all__ = ["EndpointSettings", "Settings"]

_MIN_DISCONNECT_TIMEOUT = 6.0
_MIN_KEEP_ALIVE = 2.0

_STREAM_DISCONNECT_THRESHOLD = 5.0

#: A client has to be able to go away with a groups token of half its life, and to come back while it is good.
_LEAST_GROUPS_TOKEN_LIFETIMES = 4
_USUAL_GROUPS_TOKEN_LIFETIMES = 20

# None means "off" here, so "not given" needs a value of its own.
_BY_DISCONNECT_TIMEOUT = cast(float, object())


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
        max_incoming_values: how many JSON values (numbers, texts, arrays…) one hub call of a client may hold;
            ``None`` for any number, with which one client can keep all others waiting.
        max_pending_calls: how many calls of one client are acted on at the same time, as far as they come over one
            WebSocket; ``None`` for any number. Nothing more is read from the client meanwhile.
        max_calls_per_second: how many calls of one client are acted on in a second; those that come sooner wait.
            ``None`` for any number: one client that calls all the time does not keep others waiting anyway.
        groups_token_lifetime: how long what a client carries of its groups is good for. Clients that are there are
            given a new one long before. At least four times *disconnect_timeout*; twenty times when not given.
    """

    connection_timeout: float = 110.0
    disconnect_timeout: float = 30.0
    keep_alive: float | None = _BY_DISCONNECT_TIMEOUT
    transport_connect_timeout: float = 5.0
    default_message_buffer_size: int = 1000
    long_poll_delay: float = 0.0
    max_incoming_websocket_message_size: int | None = 65536
    max_incoming_values: int | None = 10_000
    max_pending_calls: int | None = 100
    max_calls_per_second: float | None = None
    groups_token_lifetime: float = _BY_DISCONNECT_TIMEOUT

    def __post_init__(self) -> None:
        if self.keep_alive is _BY_DISCONNECT_TIMEOUT:
            object.__setattr__(self, "keep_alive", self.disconnect_timeout / 3)
        if self.groups_token_lifetime is _BY_DISCONNECT_TIMEOUT:
            lifetime = _USUAL_GROUPS_TOKEN_LIFETIMES * self.disconnect_timeout
            object.__setattr__(self, "groups_token_lifetime", lifetime)
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
        self._require(
            self.max_incoming_values is None or self.max_incoming_values > 0, "MaxIncomingValues must be positive."
        )
        self._require(self.max_pending_calls is None or self.max_pending_calls > 0, "MaxPendingCalls must be positive.")
        self._require(
            self.max_calls_per_second is None or self.max_calls_per_second > 0, "MaxCallsPerSecond must be positive."
        )
        self._require(
            self.groups_token_lifetime >= _LEAST_GROUPS_TOKEN_LIFETIMES * self.disconnect_timeout,
            "GroupsTokenLifetime must be at least four times the DisconnectTimeout.",
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
            means any, without cookies and the like. Kept as :func:`.canonical_origins` has them.
        strict_origins: whether requests of all other pages are refused, even if they carry nothing that tells who the
            visitor is; without it, they are refused if they have cookies, an authorization or a user.
        transports: wire names of the transports that are served.
    """

    enable_detailed_errors: bool = False
    enable_javascript_proxies: bool = True
    enable_jsonp: bool = False
    allowed_origins: Collection[str] = ()
    strict_origins: bool = False
    transports: Collection[str] = ALL_TRANSPORTS

    def __post_init__(self) -> None:
        unknown = set(self.transports) - set(ALL_TRANSPORTS)
        if unknown:
            raise ConfigurationError(
                f"There is no transport {sorted(unknown)[0]!r}; there are {', '.join(ALL_TRANSPORTS)}."
            )
        object.__setattr__(self, "allowed_origins", canonical_origins(self.allowed_origins))
