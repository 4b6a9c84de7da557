"""Tests with real ports, processes, browsers and package builds."""
