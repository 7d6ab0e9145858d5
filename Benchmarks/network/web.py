# A web server on loopback behind networks with round trips, and what it was asked for.
# SPDX-License-Identifier: Apache-2.0
"""nginx, and a relay for each round trip; requests and bytes are counted in nginx's own log."""

from __future__ import annotations

import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

CONFIGURATION = """daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    log_format counts '$status $bytes_sent "$http_range"';
    access_log {folder}/access.log counts;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    sendfile on;
    keepalive_requests 1000000;
    server {{ listen 127.0.0.1:{port}; root {root}; }}
    server {{ listen 127.0.0.1:{slow_port}; root {root}; limit_rate 10m; }}
}}
"""


@dataclass
class Asked:
    """What a server was asked for."""

    requests: int
    byte_count: int


class Web:
    """Serves a folder until `stop`; `url` has the address for a round trip, in milliseconds."""

    def __init__(self, root: Path, relay: Path, folder: Path, round_trips: list[int]) -> None:
        self.log = folder / "access.log"
        self.ports: dict[int, int] = {}
        self._children: list[subprocess.Popen[bytes]] = []
        port = free_port()
        self.port = port
        # Each connection is slowed here.
        self.slow_port = free_port()
        self._relay = relay
        configuration = folder / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(folder=folder, port=port, slow_port=self.slow_port, root=root))
        self._start(["nginx", "-c", str(configuration), "-e", str(folder / "error.log")])
        for milliseconds in round_trips:
            self.ports[milliseconds] = port
            if milliseconds:
                self.ports[milliseconds] = free_port()
                self._start([str(relay), str(self.ports[milliseconds]), str(port), str(milliseconds)])
        for known in {port, self.slow_port, *self.ports.values()}:
            await_port(known)

    def relayed(self, milliseconds: int, mebibytes: int, loss: int = 0) -> int:
        """The port of a link with a rate, in MiB/s, on which one request in `loss` breaks; 0 for none."""
        port = free_port()
        self._start([str(self._relay), str(port), str(self.port), str(milliseconds), str(mebibytes), str(loss)])
        await_port(port)
        return port

    def _start(self, command: list[str]) -> None:
        self._children.append(subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def url(self, name: str, milliseconds: int) -> str:
        return f"http://127.0.0.1:{self.ports[milliseconds]}/{name}"

    def mark(self) -> int:
        """A place in the log, for `since`."""
        return self.log.stat().st_size if self.log.exists() else 0

    def since(self, mark: int) -> Asked:
        """What was asked for since `mark`, once nothing is under way any more."""
        size = -1
        while size != self.mark():
            size = self.mark()
            time.sleep(0.3)
        with open(self.log, "rb") as log:
            log.seek(mark)
            lines = log.read().decode().splitlines()
        return Asked(len(lines), sum(int(line.split()[1]) for line in lines))

    def stop(self) -> None:
        for child in self._children:
            child.terminate()
        for child in self._children:
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def await_port(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
