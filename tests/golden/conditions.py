"""
Under which conditions a scenario was recorded: the server's settings, and when its one timer ticked.
"""

from __future__ import annotations

import json
from contextlib import suppress

from tests.golden.recording import Scenario
from twisted_ticker.signalr import Settings

__all__ = ["lead_seconds_of", "settings_of"]

#: How long it may have taken the recorded client to connect; ours takes no time.
_CONNECTING_SECONDS = 0.1


def settings_of(scenario: Scenario) -> Settings:
    """The settings that the genuine server had, which its answer to negotiate tells."""
    for exchange in scenario.exchanges:
        with suppress(ValueError, KeyError, TypeError):
            answer = json.loads(exchange.text)
            keep_alive = answer["KeepAliveTimeout"]
            return Settings(
                keep_alive=None if keep_alive is None else keep_alive / 2,
                disconnect_timeout=answer["DisconnectTimeout"],
                connection_timeout=answer["ConnectionTimeout"],
                transport_connect_timeout=answer["TransportConnectTimeout"],
                long_poll_delay=answer["LongPollDelay"],
            )
    return Settings()


def lead_seconds_of(scenario: Scenario, settings: Settings) -> float:
    """How long our server must have been running for its timer to tick when the genuine server's ticked."""
    tick, period = _some_tick(scenario, settings)
    first = 0.0 if tick is None else tick / 1000 % period
    # A tick while the recorded client was connecting was before it was connected, and so it must be here.
    return 0.0 if first < _CONNECTING_SECONDS else -first % period


def _some_tick(scenario: Scenario, settings: Settings) -> tuple[float | None, float]:
    """A time, in milliseconds, at which the timer ticked, and the period with which that repeats."""
    interval = settings.heartbeat_interval
    streams = [exchange for exchange in scenario.exchanges if exchange.receives]
    keep_alives = [t for stream in streams for t, text in stream.pieces if text == " " or "{}" in text[:20]]
    if keep_alives and settings.keep_alive is not None:
        return min(keep_alives), settings.keep_alive
    starts = [exchange.t_end for exchange in scenario.exchanges if exchange.command == "start"]
    events = [event for note in scenario.notes for event in note.events or ()]
    losses = [t for t, event, argument in events if event == "hub.OnDisconnected" and not argument]
    if starts and losses:
        return starts[0] + losses[0], interval
    # Streams and polls that have lasted for the connection timeout end at a tick.
    ends = [stream.t_end for stream in streams if stream.t_end - stream.t > settings.connection_timeout * 1000]
    return (min(ends) if ends and settings.keep_alive is None else None), interval
