"""
``signalr-client-aio``: ``python aio_client.py URL``; it writes a line of JSON for all that comes.

The package is of the time of Python 3.9. What has gone from the standard library since is put back here, and nothing
else: the arguments ``loop`` of two functions of asyncio.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any


def without_loop(function: Any) -> Any:
    """*function*, taking the argument that it had before Python 3.10."""
    return lambda *arguments, loop=None, **named: function(*arguments, **named)


asyncio.Queue = without_loop(asyncio.Queue)
asyncio.gather = without_loop(asyncio.gather)

from signalr_aio import Connection  # noqa: E402
from websockets.exceptions import ConnectionClosed  # noqa: E402


def note(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def main(url: str) -> None:
    connection = Connection(url)
    hub = connection.register_hub("chat")

    async def received(**data: Any) -> None:
        if "S" in data:
            note(connected=True)
            hub.server.invoke("say", "hello from aio")
        elif "R" in data:
            note(result=data["R"], id=data["I"])
            hub.server.invoke("refuse")
        elif "E" in data:
            note(error=data["E"])
            connection.close()

    async def said(arguments: list[Any]) -> None:
        note(said=arguments)
        hub.server.invoke("add", 2, 3)

    connection.received += received
    hub.client.on("said", said)
    try:
        connection.start()
    except ConnectionClosed as closed:
        note(closed=closed.code)


if __name__ == "__main__":
    main(sys.argv[1])
