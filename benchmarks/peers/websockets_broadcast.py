"""
websockets on asyncio, as its guide to broadcasting has it.

``python benchmarks/peers/websockets_broadcast.py PORT``, with the project in ``PYTHONPATH``.
"""

from __future__ import annotations

import asyncio
import sys
import time

from websockets.asyncio.server import ServerConnection, broadcast, serve

from benchmarks.messages import Messages, Order, allow_many_files

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

clients: set[ServerConnection] = set()
messages = Messages()
orders: set[asyncio.Task[None]] = set()


async def serve_client(client: ServerConnection) -> None:
    clients.add(client)
    try:
        await client.wait_closed()
    finally:
        clients.remove(client)


async def carry_out(order: Order) -> None:
    began = time.monotonic()
    for done in range(order.count):
        # Late events do not make later ones late.
        await asyncio.sleep(max(0, began + done * order.seconds - time.monotonic()))
        for _ in range(order.messages):
            broadcast(clients, messages.make_text(order.size))


async def take_order(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a request to the control port at once, and carry it out afterwards."""
    head = await reader.readuntil(b"\r\n\r\n")
    task = asyncio.create_task(carry_out(Order.read(head.split(b" ", 2)[1].decode("ascii"))))
    orders.add(task)
    task.add_done_callback(orders.discard)
    writer.write(ANSWER)
    await writer.drain()
    writer.close()


async def main(port: int) -> None:
    """Serve until the process is told to end."""
    allow_many_files()
    await asyncio.start_server(take_order, "127.0.0.1", port + 1)
    async with serve(serve_client, "127.0.0.1", port, compression=None, backlog=1000) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
