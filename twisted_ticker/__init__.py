"""Live stock ticker and SignalR 2 server for Twisted; this module holds the version only."""

__version__ = "0.1.0"
