"""Tests for `twisted_ticker.signalr.settings`; defaults, rules and texts are the reference's."""

from __future__ import annotations

import math
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.errors import ConfigurationError
from twisted_ticker.signalr.settings import EndpointSettings, Settings

ALLOWED: list[dict[str, Any]] = [
    {"disconnect_timeout": 6},
    {"keep_alive": 2},
    {"keep_alive": 10},
    {"keep_alive": 20, "disconnect_timeout": 60},
    {"keep_alive": None, "disconnect_timeout": 6},
    {"connection_timeout": 0.001},
    {"transport_connect_timeout": 0.001},
    {"default_message_buffer_size": 0},
    {"long_poll_delay": 0},
    {"max_incoming_websocket_message_size": 1},
    {"max_incoming_websocket_message_size": None},
    {"max_incoming_values": 1},
    {"max_incoming_values": None},
    {"max_pending_calls": 1},
    {"max_pending_calls": None},
    {"max_calls_per_second": 0.1},
    {"max_calls_per_second": None},
    {"groups_token_lifetime": 120},
    {"groups_token_lifetime": 24, "disconnect_timeout": 6},
]

TOO_SHORT = "DisconnectTimeout must be at least six seconds."
TOO_OFTEN = "KeepAlive value must be greater than two seconds."
TOO_SELDOM = "KeepAlive value must be no more than a third of the DisconnectTimeout."
TOO_SHORT_LIVED = "GroupsTokenLifetime must be at least four times the DisconnectTimeout."

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"disconnect_timeout": 5.999}, TOO_SHORT),
    ({"disconnect_timeout": 5.999, "keep_alive": None}, TOO_SHORT),
    ({"disconnect_timeout": math.nan}, TOO_SHORT),
    ({"keep_alive": 1.999}, TOO_OFTEN),
    ({"keep_alive": 0}, TOO_OFTEN),
    ({"keep_alive": math.nan}, TOO_OFTEN),
    ({"keep_alive": 10.001}, TOO_SELDOM),
    ({"keep_alive": 10, "disconnect_timeout": 29.999}, TOO_SELDOM),
    ({"connection_timeout": 0}, "ConnectionTimeout must be positive."),
    ({"transport_connect_timeout": 0}, "TransportConnectTimeout must be positive."),
    ({"default_message_buffer_size": -1}, "DefaultMessageBufferSize must not be negative."),
    ({"long_poll_delay": -0.001}, "LongPollDelay must not be negative."),
    ({"max_incoming_websocket_message_size": 0}, "MaxIncomingWebSocketMessageSize must be positive."),
    ({"max_incoming_values": 0}, "MaxIncomingValues must be positive."),
    ({"max_pending_calls": 0}, "MaxPendingCalls must be positive."),
    ({"max_calls_per_second": 0}, "MaxCallsPerSecond must be positive."),
    ({"max_calls_per_second": math.nan}, "MaxCallsPerSecond must be positive."),
    ({"groups_token_lifetime": 119.999}, TOO_SHORT_LIVED),
    ({"groups_token_lifetime": 240, "disconnect_timeout": 60.001}, TOO_SHORT_LIVED),
    ({"groups_token_lifetime": math.nan}, TOO_SHORT_LIVED),
]


class SettingsTests(SynchronousTestCase):
    """Timings and sizes."""

    def test_defaults_are_the_references(self) -> None:
        """A server that is told nothing behaves as one that everybody knows."""
        settings = Settings()
        self.assertEqual(
            (settings.connection_timeout, settings.disconnect_timeout, settings.keep_alive), (110.0, 30.0, 10.0)
        )
        self.assertEqual((settings.transport_connect_timeout, settings.long_poll_delay), (5.0, 0.0))
        self.assertEqual(settings.default_message_buffer_size, 1000)
        self.assertEqual(settings.max_incoming_websocket_message_size, 65536)

    def test_defaults_of_our_own(self) -> None:
        """What the reference does not have: groups tokens live for 20 times the disconnect timeout."""
        self.assertEqual(Settings().max_incoming_values, 10_000)
        self.assertEqual(Settings().groups_token_lifetime, 600)
        self.assertEqual(Settings(disconnect_timeout=90).groups_token_lifetime, 1800)

    def test_derived_times_follow_keep_alive(self) -> None:
        """Clients wait for two signs of life; the one timer beats twice for each."""
        settings = Settings(disconnect_timeout=60, keep_alive=8)
        self.assertEqual(settings.keep_alive_timeout, 16)
        self.assertEqual(settings.heartbeat_interval, 4)
        self.assertEqual(settings.topic_lifetime, 2 * (60 + 16))
        self.assertEqual(settings.stream_disconnect_threshold, 5.0)

    def test_derived_times_do_without_keep_alive(self) -> None:
        """The timer then beats six times while a client may be away."""
        settings = Settings(keep_alive=None)
        self.assertIsNone(settings.keep_alive)
        self.assertIsNone(settings.keep_alive_timeout)
        self.assertEqual(settings.heartbeat_interval, 5)
        self.assertEqual(settings.topic_lifetime, 60)

    def test_keep_alive_follows_the_disconnect_timeout(self) -> None:
        """It is a third of it, unless it is given."""
        for disconnect_timeout, keep_alive in ((6, 2), (20, 20 / 3), (30, 10), (60, 20)):
            self.assertEqual(Settings(disconnect_timeout=disconnect_timeout).keep_alive, keep_alive)

    def test_values_within_the_limits_are_allowed(self) -> None:
        """Each limit itself is within."""
        for given in ALLOWED:
            settings = Settings(**given)
            self.assertEqual({name: getattr(settings, name) for name in given}, given)

    def test_values_beyond_the_limits_are_refused(self) -> None:
        """The text says what is wrong, in the reference's words where it has some."""
        for given, text in REFUSED:
            error = self.assertRaises(ConfigurationError, Settings, **given)
            self.assertEqual(str(error), text, given)


class EndpointSettingsTests(SynchronousTestCase):
    """Settings of one endpoint."""

    def test_defaults_are_the_references(self) -> None:
        """Error texts stay on the server, and the proxy script is served."""
        settings = EndpointSettings()
        self.assertFalse(settings.enable_detailed_errors)
        self.assertTrue(settings.enable_javascript_proxies)

    def test_origins_are_kept_as_they_are_compared(self) -> None:
        """Letter case and the usual port do not count; what no browser would write is a mistake."""
        settings = EndpointSettings(allowed_origins=["HTTPS://Page.example:443", "*"])
        self.assertEqual(settings.allowed_origins, {"https://page.example", "*"})
        self.assertEqual(settings, EndpointSettings(allowed_origins=("*", "https://page.example")))
        for wrong in ("null", "https://page.example/", "https://*.example", "page.example"):
            error = self.assertRaises(ConfigurationError, EndpointSettings, allowed_origins=[wrong])
            self.assertIn(repr(wrong), str(error))
