"""The genuine server's recorded conversations, held against this server."""
