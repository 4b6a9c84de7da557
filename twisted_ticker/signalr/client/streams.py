"""
The two streaming bodies: bytes in, as they come; JSON texts out, as they become complete.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

from .errors import ProtocolViolation

__all__ = ["EventStream", "ForeverFrame", "MessageStream"]


class MessageStream(ABC):
    """
    A body that messages are read from.

    Args:
        max_bytes: longest message; a longer one is not waited for.

    Attributes:
        started: whether it has begun as such streams begin.
    """

    def __init__(self, max_bytes: int) -> None:
        self.started = False
        self._max_bytes = max_bytes

    @abstractmethod
    def feed(self, data: bytes) -> list[bytes]:
        """
        Take some bytes, and return the messages that end in them.

        Raises:
            ProtocolViolation: a message is too long.
        """

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            raise ProtocolViolation(f"The server has sent a message of over {self._max_bytes} bytes.")


class EventStream(MessageStream):
    """
    Server-sent events: the data of each event is one message, but for the word that opens the stream.

    Source: the HTML standard, "Server-sent events"; SignalR 2.4, ``Transports/ServerSentEventsTransport.cs``.
    """

    _BYTE_ORDER_MARK = b"\xef\xbb\xbf"
    _OPENING = b"initialized"
    # A CR at the very end waits for what follows: it may be half of a line end.
    _LINE_END = re.compile(rb"\r\n|\r(?!\Z)|\n")

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._rest = bytearray()
        self._lines: list[bytes] = []
        self._size = 0
        self._at_start = True

    def feed(self, data: bytes) -> list[bytes]:
        """See :meth:`MessageStream.feed`."""
        messages = []
        waiting = self._rest.endswith(b"\r")
        self._rest += data
        # What has been looked at is not looked at again: a long message comes in many pieces.
        if waiting or b"\n" in data or b"\r" in data:
            *lines, rest = self._LINE_END.split(bytes(self._rest))
            self._rest = bytearray(rest)
            for line in lines:
                message = self._take_line(line)
                if message is not None:
                    messages.append(message)
        self._check(self._size + len(self._rest))
        return messages

    def _take_line(self, line: bytes) -> bytes | None:
        """Take a line; returns the message that it ends, if it ends one."""
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(self._BYTE_ORDER_MARK)
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                self._lines.append(value.removeprefix(b" "))
                self._size += len(line)
                self._check(self._size)
            return None
        if not self._lines:
            return None
        message, self._lines, self._size = b"\n".join(self._lines), [], 0
        if message == self._OPENING:
            self.started = True
            return None
        return message


class ForeverFrame(MessageStream):
    """
    A forever frame: a page whose scripts call ``receive(connection, message)``, one after the other.

    The first script, which looks for the page around, is not carried out; that it is there opens the stream. The
    servers' pages differ, and what is constant is that a message is the second argument of a script's only call.

    Source: SignalR 2.4, ``Transports/ForeverFrameTransport.cs``.
    """

    _SCRIPT = re.compile(rb"<script\b[^>]*>", re.IGNORECASE)
    _END = re.compile(rb"</script>", re.IGNORECASE)
    _CALL = re.compile(rb"\s*[\w.$]+\s*\(\s*[\w.$]+\s*,\s*(\{.*\})\s*\)\s*;?\s*", re.DOTALL)
    #: Longest thing between scripts that may be the beginning of one.
    _MAX_TAG = 1024

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._rest = bytearray()
        self._in_script = False
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """See :meth:`MessageStream.feed`."""
        self._rest += data
        messages = []
        while (script := self._next_script()) is not None:
            call = self._CALL.fullmatch(script)
            if call is not None:
                messages.append(call[1])
            self.started = True
        self._check(len(self._rest))
        return messages

    def _next_script(self) -> bytes | None:
        """The text of the next script that is complete."""
        if not self._in_script:
            start = self._SCRIPT.search(self._rest)
            if start is None:
                tag = self._rest.rfind(b"<")
                self._drop(len(self._rest) if tag < 0 or len(self._rest) - tag > self._MAX_TAG else tag)
                return None
            self._drop(start.end())
            self._in_script = True
        # What has been looked at is not looked at again: a long message comes in many pieces.
        end = self._END.search(self._rest, max(0, self._searched - len(b"</script")))
        if end is None:
            self._searched = len(self._rest)
            return None
        script = bytes(self._rest[: end.start()])
        self._drop(end.end())
        self._in_script = False
        return script

    def _drop(self, size: int) -> None:
        del self._rest[:size]
        self._searched = 0
