"""
The SignalR 2 wire protocol as values and bytes: no I/O, no clock, no randomness, no Twisted.

Each module is a codec for one thing on the wire; what they need from outside (keys, epochs, encoded user values)
comes in as arguments. One-letter JSON keys and wire names appear here and nowhere else.
"""
