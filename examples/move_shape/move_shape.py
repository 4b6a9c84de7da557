"""
A shape that everybody can drag, and that everybody sees move: a server that tells its clients what is new at its own
pace, however often they tell it something.

Run it in this directory: ``twistd -n signalr --app move_shape:serve --static .``
"""

from __future__ import annotations

from functools import partial

from twisted.internet.task import LoopingCall

from twisted_ticker.signalr import Hub, HubContext, HubException, SignalRServer, hub_method

TIMES_A_SECOND = 25


class Board:
    """
    Where the shape is: the point of its middle, as fractions of the board's width and height.

    Clients are told of moves in a loop that runs while there are any. In between, only the latest counts.
    """

    def __init__(self) -> None:
        self.x = self.y = 0.5
        self.watchers: set[str] = set()
        self.context: HubContext
        self._moved_by: str | None = None
        self._loop = LoopingCall(self._tell)

    def move(self, x: float, y: float, moved_by: str) -> None:
        """The client *moved_by* has moved the shape, and knows that."""
        self.x, self.y = x, y
        self._moved_by = moved_by
        if not self._loop.running:
            self._loop.start(1 / TIMES_A_SECOND)

    def _tell(self) -> None:
        if self._moved_by is None:
            self._loop.stop()
        else:
            self.context.clients.all_except(self._moved_by).moved(self.x, self.y)
            self._moved_by = None

    def watch(self, connection_id: str, *, watching: bool) -> None:
        """A page has been opened or closed."""
        (self.watchers.add if watching else self.watchers.discard)(connection_id)
        self.context.clients.all.watched(len(self.watchers))


class ShapeHub(Hub):
    """What pages can call; they have the methods ``moved`` and ``watched``."""

    hub_name = "shape"

    def __init__(self, board: Board) -> None:
        self.board = board

    @hub_method
    def move(self, x: float, y: float) -> None:
        """Move the shape to a point of the board."""
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise HubException("The shape stays on the board.")
        self.board.move(x, y, self.context.connection_id)

    @hub_method
    def watch(self) -> None:
        """
        Be told where the shape is, now and whenever it moves.

        Its place is not returned but told like all moves, so that the newest comes last.
        """
        self.board.watch(self.context.connection_id, watching=True)
        self.clients.caller.moved(self.board.x, self.board.y)

    def on_disconnected(self, *, stop_called: bool) -> None:
        """One page less."""
        self.board.watch(self.context.connection_id, watching=False)


def serve(server: SignalRServer) -> None:
    """Map the hub, with the one board that all its objects share."""
    board = Board()
    server.map_hubs("/signalr", [partial(ShapeHub, board)])
    board.context = server.hub_context(ShapeHub)
