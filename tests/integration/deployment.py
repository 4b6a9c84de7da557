"""
What the tests of ``deploy/`` share: its files, adapted to the test's ports and directories, and proxies that run them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.integration.support import DEADLINE_SECONDS, PROJECT, free_port, is_listening, new_directory, wait_for
from tools.require_debian import find_program

DEPLOY = PROJECT / "deploy"


def adapted(name: str, replacements: Mapping[str, str]) -> str:
    """
    A file of ``deploy/`` with other ports and paths; all else is as people get it.

    Args:
        name: of the file.
        replacements: what is replaced by what; each must occur exactly once.
    """
    text = (DEPLOY / name).read_text(encoding="utf-8")
    for old, new in replacements.items():
        if text.count(old) != 1:
            raise AssertionError(f"{name} has {old!r} {text.count(old)} times, not once.")
        text = text.replace(old, new)
    return text


class Proxy:
    """
    A proxy on a free port, which runs until it is stopped; subclasses say which.

    Args:
        upstream: port of the server that is behind it.
        certificate: file with certificate and key, to be served over TLS.
        replacements: more of what is replaced in its file.
    """

    def __init__(
        self, upstream: int, certificate: Path | None = None, replacements: Mapping[str, str] | None = None
    ) -> None:
        self.directory = new_directory()
        self.port = free_port()
        self._output = self.directory / "output.log"
        adaptation = {**self._adaptation(upstream, certificate), **(replacements or {})}
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                self._command(adaptation), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            wait_for(f"{type(self).__name__} listens", self._listens)
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}\n{self.log}") from None

    def _adaptation(self, upstream: int, certificate: Path | None) -> dict[str, str]:
        raise NotImplementedError

    def _command(self, adaptation: Mapping[str, str]) -> list[str]:
        raise NotImplementedError

    def _listens(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"{type(self).__name__} exited with {self._process.returncode}.")
        return is_listening(self.port)

    @property
    def log(self) -> str:
        """All that it has logged so far, wherever."""
        return "".join(path.read_text(encoding="utf-8", errors="replace") for path in self.directory.glob("*.log"))

    def stop(self) -> None:
        """Leave no process behind."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Nginx(Proxy):
    """nginx, with ``deploy/nginx.conf`` included in a configuration like Debian's."""

    read_timeouts = {"proxy_read_timeout 150s;": "proxy_read_timeout {}s;"}

    _MAIN = """
        daemon off;
        {user}
        error_log {directory}/error.log;
        pid {directory}/nginx.pid;
        worker_processes 1;
        events {{ worker_connections 1024; }}
        http {{
            access_log {directory}/others.log;
            gzip on;
            gzip_types text/plain text/event-stream application/json;
            types {{ text/html html; }}
            client_body_temp_path {directory}/body;
            proxy_temp_path {directory}/proxy;
            fastcgi_temp_path {directory}/fastcgi;
            uwsgi_temp_path {directory}/uwsgi;
            scgi_temp_path {directory}/scgi;
            include {directory}/stockticker.conf;
        }}
    """

    def _adaptation(self, upstream: int, certificate: Path | None) -> dict[str, str]:
        adaptation = {
            "server 127.0.0.1:8080;": f"server 127.0.0.1:{upstream};",
            "/var/log/nginx/stockticker.log": f"{self.directory}/access.log",
            "/var/log/nginx/stockticker.error.log": f"{self.directory}/ticker-error.log",
        }
        if certificate is None:
            return {**adaptation, "\n    listen 80;": f"\n    listen 127.0.0.1:{self.port};"}
        return {
            **adaptation,
            "\n    listen 80;": "",
            "#listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "#ssl_certificate /etc/ssl/certs/ticker.pem;": f"ssl_certificate {certificate};",
            "#ssl_certificate_key /etc/ssl/private/ticker.key;": f"ssl_certificate_key {certificate};",
        }

    def _command(self, adaptation: Mapping[str, str]) -> list[str]:
        (self.directory / "stockticker.conf").write_text(adapted("nginx.conf", adaptation), encoding="utf-8")
        # Its workers would be nobody, who cannot enter the test's directories.
        main = self._MAIN.format(directory=self.directory, user="user root;" if os.geteuid() == 0 else "")
        (self.directory / "nginx.conf").write_text(main, encoding="utf-8")
        program = find_program("nginx") or "nginx"
        return [program, "-e", "stderr", "-p", str(self.directory), "-c", str(self.directory / "nginx.conf")]


class HAProxy(Proxy):
    """HAProxy, with ``deploy/haproxy.cfg``."""

    read_timeouts = {f"timeout {side} 150s": f"timeout {side} {{}}s" for side in ("client", "server", "tunnel")}

    #: The line that leads to the server, and the one that tells it the clients' addresses too.
    server_line = "\n    server ticker 127.0.0.1:8080\n"
    proxy_protocol_line = "#server ticker 127.0.0.1:8080 send-proxy"

    def _adaptation(self, upstream: int, certificate: Path | None) -> dict[str, str]:
        adaptation = {self.server_line: f"\n    server ticker 127.0.0.1:{upstream}\n"}
        if certificate is None:
            return {**adaptation, "    bind :80\n": f"    bind 127.0.0.1:{self.port}\n"}
        return {
            **adaptation,
            "    bind :80\n": f"    bind 127.0.0.1:{free_port()}\n",
            "#bind :443 ssl crt /etc/haproxy/ticker.pem": f"bind 127.0.0.1:{self.port} ssl crt {certificate}",
            "#http-request redirect": "http-request redirect",
        }

    def _command(self, adaptation: Mapping[str, str]) -> list[str]:
        configuration = self.directory / "haproxy.cfg"
        configuration.write_text(adapted("haproxy.cfg", adaptation), encoding="utf-8")
        return [find_program("haproxy") or "haproxy", "-db", "-f", str(configuration)]
