"""Parsers under fire: inputs that are changed again and again, and kept when they lead where none has led before."""
