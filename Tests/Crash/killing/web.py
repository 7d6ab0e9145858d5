# A small web server on loopback, with or without ranges.
# SPDX-License-Identifier: Apache-2.0
"""Serves the files of one folder, and counts the bytes of their content that it sends."""

from __future__ import annotations

import hashlib
import http.server
import re
import threading
from pathlib import Path

PIECE = 64 << 10


class Web:
    """Runs until `stop`, in threads of this process."""

    def __init__(self, root: Path, *, has_ranges: bool) -> None:
        self.sent_byte_count = 0
        self._lock = threading.Lock()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # noqa: N802 (the name is the method's)
                path = root / self.path.lstrip("/")
                if path.parent != root or not path.is_file():
                    self.send_error(404)
                    return
                content = path.read_bytes()
                whole = range(len(content))
                asked = _range(self.headers.get("Range"), len(content)) if has_ranges else None
                part = whole if asked is None else asked
                self.send_response(200 if asked is None else 206)
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()[:16]}"')
                self.send_header("Content-Length", str(len(part)))
                if has_ranges:
                    self.send_header("Accept-Ranges", "bytes")
                if asked is not None:
                    self.send_header("Content-Range", f"bytes {part.start}-{part.stop - 1}/{len(content)}")
                self.end_headers()
                try:
                    for start in range(part.start, part.stop, PIECE):
                        piece = content[start:min(start + PIECE, part.stop)]
                        self.wfile.write(piece)
                        owner.note(len(piece))
                except OSError:
                    # The client is gone, as it was killed.
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Nothing is logged."""

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def note(self, byte_count: int) -> None:
        with self._lock:
            self.sent_byte_count += byte_count

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class QuietServer(http.server.ThreadingHTTPServer):
    """One whose clients are killed: a connection that ends early is no error."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A request of which only a part has come."""


def _range(header: str | None, size: int) -> range | None:
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", header or "")
    if not match or int(match[1]) >= size:
        return None
    return range(int(match[1]), min(int(match[2]) + 1, size) if match[2] else size)
