"""Tests for `twisted_ticker.signalr.client`."""
