"""Tests without sockets, clocks or processes; those that need them are in :mod:`tests.integration`."""
