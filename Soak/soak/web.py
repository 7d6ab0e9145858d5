# A web server that has one file, gives parts of it, and errs for as long as it is told to.
# SPDX-License-Identifier: Apache-2.0
"""usage: python3 -m soak.web FILE

Prints its port, then obeys lines on standard input: the name of a fault, or "well". Ends with its input, and
prints how many requests it had and how many of them each fault met.
"""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STEP = 16 << 10
# Bytes a second of each body while the server is slow.
SLOW_RATE = 128 << 10
RETRY_AFTER_SECONDS = 1
# Of the answers that a fault could meet, so many are met: some get through, as in life.
MET = 0.7
FAULTS = ("reset", "silence", "busy", "slow", "truncated", "shifted", "away")


class State:
    """The fault of the moment, and what was counted."""

    def __init__(self, path: Path) -> None:
        self.file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.byte_count = os.fstat(self.file).st_size
        self.tag = f'"{os.fstat(self.file).st_mtime_ns:x}-{self.byte_count:x}"'
        self.fault = "well"
        self.is_well = threading.Event()
        self.counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._turn = 0
        self.is_well.set()

    def set(self, fault: str) -> None:
        self.fault = fault
        (self.is_well.set if fault == "well" else self.is_well.clear)()

    def next_fault(self) -> str:
        """What meets this request."""
        with self._lock:
            fault = self.fault
            self._turn += 1
            # In turns and not by chance, so that a short fault meets someone.
            if fault not in ("well", "silence", "away") and self._turn * MET % 1 >= MET:
                fault = "well"
            self.counts["requests"] = self.counts.get("requests", 0) + 1
            self.counts[fault] = self.counts.get(fault, 0) + 1
            return fault


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    state: State

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        state = self.state
        fault = state.next_fault()
        if fault == "away":
            # Neither a head nor an end, until the server is well again; then the connection ends.
            state.is_well.wait()
            self._reset()
            return
        if fault == "busy":
            self.send_response(503)
            self.send_header("Retry-After", str(RETRY_AFTER_SECONDS))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "bytes=0-"))
        if not match or int(match[1]) >= state.byte_count:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{state.byte_count}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        first = int(match[1])
        last = min(int(match[2] or state.byte_count), state.byte_count - 1)
        if fault == "shifted":
            # Another part than the one that was asked for, and said so: these bytes must not count.
            length = last - first + 1
            first = (first + STEP) % (state.byte_count - length + 1)
            last = first + length - 1
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", str(last - first + 1))
        if "Range" in self.headers:
            self.send_header("Content-Range", f"bytes {first}-{last}/{state.byte_count}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", state.tag)
        self.end_headers()
        self._send_body(first, last + 1, fault)

    def _send_body(self, position: int, end: int, fault: str) -> None:
        middle = position + (end - position) // 2
        while position < end:
            count = min(STEP, end - position)
            if position + count > middle and fault == "reset":
                self._reset()
                return
            if position + count > middle and fault == "truncated":
                self.close_connection = True
                return
            if position + count > middle and fault == "silence":
                self.state.is_well.wait()
            self.wfile.write(os.pread(self.state.file, count, position))
            position += count
            if fault == "slow" and not self.state.is_well.is_set():
                time.sleep(count / SLOW_RATE)

    def _reset(self) -> None:
        """Ends the connection by RST: what is under way is lost."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def shutdown_request(self, request: socket.socket) -> None:
        # Not shut down first, as the base class does: with SO_LINGER, closing is the reset.
        self.close_request(request)

    def handle_error(self, *_: object) -> None:
        # Clients that went away.
        pass


def main() -> int:
    Handler.state = State(Path(sys.argv[1]))
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    for line in sys.stdin:
        if line.strip() not in (*FAULTS, "well"):
            print(f"web: no such fault: {line!r}", file=sys.stderr)
            return 2
        Handler.state.set(line.strip())
    print(json.dumps(Handler.state.counts), flush=True)
    # Threads of connections that are open end with the process.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
