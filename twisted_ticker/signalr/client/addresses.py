"""
Where each request of a client goes: URLs and forms, without sending any.

Source: SignalR 2.4, ``jquery.signalR.transports.common.js`` (order of the parameters),
``Client/Transports/UrlBuilder.cs`` (the client's own URL is the base of all requests).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

__all__ = ["CLIENT_PROTOCOL", "LONG_POLLING", "Addresses", "Position", "connection_data"]

#: What this client speaks.
CLIENT_PROTOCOL = "2.1"

LONG_POLLING = "longPolling"


def connection_data(hubs: Iterable[str]) -> str:
    """``connectionData``: the hubs whose messages the client wants, ``[{"name":"chat"},…]``."""
    return json.dumps([{"name": name} for name in hubs], separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Position:
    """
    How far a client has got, to be echoed to the server; both are opaque.

    Attributes:
        message_id: cursor of the latest envelope.
        groups_token: which groups the client is in.
    """

    message_id: str | None = None
    groups_token: str | None = None

    def parameters(self) -> dict[str, str]:
        """As parameters of a receive request, those that there are."""
        pairs = {"groupsToken": self.groups_token, "messageId": self.message_id}
        return {name: value for name, value in pairs.items() if value}


@dataclass(frozen=True, slots=True)
class Addresses:
    """
    The URLs of one connection.

    Attributes:
        base: URL that the server's endpoint is mapped on, without query string and without a slash at its end.
        query: the application's own parameters, sent with every request.
        connection_data: see :func:`connection_data`; ``None`` for a raw connection.
        connection_token: from negotiation; empty before.
    """

    base: str
    # Tokens travel in queries, and what can be printed ends up in a log.
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    connection_data: str | None = None
    connection_token: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str, query: Mapping[str, str] | None = None) -> Addresses:
        """
        The addresses below *url*; parameters in its query string come before *query*.

        Raises:
            ValueError: not an absolute ``http:`` or ``https:`` URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"Not the http: or https: URL of a SignalR endpoint: {urlunsplit((*parts[:3], '', ''))!r}")
        base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        own = dict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(base, {**own, **(query or {})})

    def redirected(self, url: str) -> Addresses:
        """
        The addresses below another URL that a negotiation leads to; its query string, if any, is kept.

        Raises:
            ValueError: see :meth:`parse`.
        """
        return Addresses.parse(urljoin(f"{self.base}/", url), self.query).with_connection_data(self.connection_data)

    def with_connection_data(self, connection_data: str | None) -> Addresses:
        """The addresses of a client that is interested in those hubs."""
        return replace(self, connection_data=connection_data)

    def with_token(self, connection_token: str) -> Addresses:
        """The addresses of the connection that was negotiated."""
        return replace(self, connection_token=connection_token)

    def negotiate(self) -> str:
        """URL of ``/negotiate``."""
        return self._url("negotiate", {})

    def command(self, command: str, transport: str) -> str:
        """URL of ``start``, ``send`` or ``abort``."""
        return self._url(command, {"transport": transport})

    def receive(self, command: str, transport: str, position: Position) -> str:
        """
        URL of a receive request: ``connect``, ``reconnect`` or ``poll``.

        Long polling sends its position in a form, which may be longer than a URL.
        """
        where = {} if transport == LONG_POLLING else position.parameters()
        return self._url(command, {"transport": transport, **where})

    def _url(self, command: str, parameters: Mapping[str, str]) -> str:
        pairs = [*parameters.items(), ("clientProtocol", CLIENT_PROTOCOL), *self.query.items()]
        if self.connection_token:
            pairs.append(("connectionToken", self.connection_token))
        if self.connection_data is not None:
            pairs.append(("connectionData", self.connection_data))
        return f"{self.base}/{command}?{urlencode(pairs, quote_via=quote, safe='')}"
