"""Tests of the SignalR library."""
