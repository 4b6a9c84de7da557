"""
The seams of the library: what it asks of a transport, and what the message bus asks of a reader.
"""

from __future__ import annotations

from zope.interface import Attribute, Interface

from .protocol.messages import Envelope

__all__ = ["IReader", "IReceiver"]


class IReader(Interface):
    """Somebody to whom the bus hands what is published on the topics that he subscribed to."""

    connection_id = Attribute("Name by which a publisher can leave this reader out.")

    def deliver(envelope: Envelope) -> bool:
        """Take the messages of one turn, or not, if the reader is no longer live; returns whether it took them."""

    def refresh(envelope: Envelope) -> None:
        """Called at the end of a turn in which the reader asked for it, with an envelope without messages."""


class IReceiver(Interface):
    """
    The server's end of one live receive request: a socket, a stream, or a poll that waits for its answer.

    A receiver tells its connection when it cannot take more (``pause``), when it can again (``resume``) and when it
    is gone (``detach``). It keeps no messages: what does not fit, the connection reads again from the bus.
    """

    connection = Attribute("The connection that is served; it sets this before anything else.")
    transport = Attribute("Wire name of the transport, such as ``longPolling``.")
    single_use = Attribute("Whether the first envelope ends the request, as with long polling.")
    writable = Attribute("Whether another envelope would be taken without being queued.")

    def send(envelope: Envelope) -> None:
        """Write one envelope. A single-use receiver is over with it, and does not call ``detach``."""

    def keep_alive() -> None:
        """Write the transport's sign of life."""

    def end(envelope: Envelope) -> None:
        """
        End the request properly; called once at most, and ``detach`` is not expected afterwards.

        Args:
            envelope: the last one, without messages, for transports that have to answer something.
        """

    def abort() -> None:
        """Drop the client at once: it reads nothing, so there is no proper end."""
