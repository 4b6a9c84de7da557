"""
``python -m twisted_ticker.signalr.proxies chat:ChatHub > hubs.js``: the proxy script as a file, for pages that another
server delivers.

It is the script that an endpoint with these hubs serves at ``/hubs``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from twisted.internet.task import Clock

from .errors import ConfigurationError
from .references import resolve
from .requests import Request
from .server import SignalRServer

__all__ = ["main", "script_for"]


def script_for(references: Sequence[str], url: str) -> str:
    """
    The proxy script of some hubs.

    Args:
        references: each ``PACKAGE.MODULE:CLASS``, or a call without arguments that makes a hub.
        url: where the page finds the endpoint: a path, or a whole address.

    Raises:
        ConfigurationError: a hub that is not there, or that could not be mapped; see
            :meth:`.SignalRServer.map_hubs`.
    """
    endpoint = SignalRServer(clock=Clock()).map_hubs("/signalr", [resolve(reference) for reference in references])
    address = f"{url.rstrip('/')}/hubs"
    return endpoint.script(Request("GET", address, address)).body.decode("ascii")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong; ``--help`` says the rest."""
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the script to standard output."""
    parser = _Parser(
        prog="python -m twisted_ticker.signalr.proxies",
        description="Write the script with client-side proxies of some hubs, as a server has it at /signalr/hubs.",
        allow_abbrev=False,
    )
    parser.add_argument("hubs", nargs="+", metavar="PACKAGE.MODULE:CLASS", help="a hub")
    parser.add_argument(
        "--url",
        default="/signalr",
        help="where pages find the hubs: a path, or a whole address of another server [default: %(default)s]",
    )
    options = parser.parse_args(arguments)
    try:
        script = script_for(options.hubs, options.url)
    except ConfigurationError as error:
        parser.error(str(error))
    sys.stdout.write(script)


if __name__ == "__main__":
    main()
