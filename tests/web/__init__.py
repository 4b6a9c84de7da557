"""Tests of the web layer, and of the whole server through it: real requests, in memory."""
