"""``signalr-client``, on gevent: ``python gevent_client.py URL``; it writes a line of JSON for all that comes."""

from __future__ import annotations

import json
import sys
from typing import Any

from gevent import monkey

monkey.patch_all()

from gevent import Timeout  # noqa: E402
from gevent.event import Event  # noqa: E402
from requests import Session  # noqa: E402
from signalr import Connection  # noqa: E402

DEADLINE_SECONDS = 10


def note(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def main(url: str) -> None:
    heard, answered, refused = Event(), Event(), Event()

    def said(text: str) -> None:
        note(said=[text])
        heard.set()

    def received(**data: Any) -> None:
        if "R" in data:
            note(result=data["R"], id=data["I"])
            answered.set()

    def failed(error: str) -> None:
        note(error=error)
        refused.set()

    with Session() as session:
        connection = Connection(url, session)
        hub = connection.register_hub("chat")
        hub.client.on("said", said)
        connection.received += received
        connection.error += failed
        with Timeout(DEADLINE_SECONDS), connection:
            note(connected=True)
            for method, arguments, done in (
                ("say", ("hello from gevent",), heard),
                ("add", (2, 3), answered),
                ("refuse", (), refused),
            ):
                hub.server.invoke(method, *arguments)
                done.wait()
        note(closed=True)


if __name__ == "__main__":
    main(sys.argv[1])
