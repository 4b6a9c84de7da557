"""
What the tests under load are made of: a server that counts, crowds of clients, and a network that fails.

Each runs in a process of its own; a test watches and gives orders.
"""
