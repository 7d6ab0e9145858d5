# A small image service with its identity service on loopback: what an upload talks to, and no more.
# SPDX-License-Identifier: Apache-2.0
"""An image is active when its data has come: all that Content-Length says, else what came up to the end."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from dataclasses import dataclass, field
from typing import BinaryIO

from killing.web import QuietServer

PIECE = 64 << 10
TIME = "2026-11-21T10:00:00Z"


@dataclass
class Image:
    """As far as an upload is concerned."""

    record: dict[str, object]
    status: str = "queued"
    data: bytes = b""

    def document(self) -> bytes:
        digests: dict[str, object] = {}
        if self.status == "active":
            digests = {"size": len(self.data), "os_hash_algo": "sha512",
                       "os_hash_value": hashlib.sha512(self.data).hexdigest()}
        return json.dumps({**self.record, **digests, "status": self.status, "updated_at": TIME,
                           "created_at": TIME}).encode()


@dataclass
class Cloud:
    """Runs until `stop`, in threads of this process."""

    images: dict[str, Image] = field(default_factory=dict)
    lock: threading.Condition = field(default_factory=threading.Condition)
    # Transfers that have not ended.
    transfers: int = 0

    def __post_init__(self) -> None:
        cloud = self

        class Handler(_Handler):
            pass

        Handler.cloud = cloud
        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def settle(self) -> None:
        """Waits until what was sent by a client that is gone has been answered."""
        with self.lock:
            if not self.lock.wait_for(lambda: self.transfers == 0, timeout=120):
                raise AssertionError("the image service does not see that its client is gone")

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Lines:
    """What comes from a client, and the last line that was read of it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.last = b""

    def readline(self, limit: int = -1) -> bytes:
        self.last = self._stream.readline(limit)
        return self.last

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cloud: Cloud

    def setup(self) -> None:
        super().setup()
        self.rfile = _Lines(self.rfile)  # type: ignore[assignment]

    def parse_request(self) -> bool:
        # Python takes the end of a connection for the end of a head; a head that lacks its empty line is no request.
        if super().parse_request() and self.rfile.last in (b"\r\n", b"\n"):  # type: ignore[attr-defined]
            return True
        self.close_connection = True
        return False

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_POST(self) -> None:  # noqa: N802 (the name is the method's)
        body = self._body()
        if self.path == "/v3/auth/tokens":
            service = {"type": "image", "name": "glance", "endpoints": [
                {"interface": "public", "region": "One", "region_id": "One", "url": self.cloud.address}]}
            token = {"token": {"methods": ["password"], "issued_at": "2026-01-01T00:00:00.000000Z",
                               "expires_at": "2099-01-01T00:00:00.000000Z", "catalog": [service]}}
            self._answer(201, json.dumps(token).encode(), X_Subject_Token="token")
        elif self.path == "/v2/images":
            record = json.loads(body)
            image = Image(record)
            with self.cloud.lock:
                self.cloud.images[record["id"]] = image
            self._answer(201, image.document())
        else:
            self._answer(404)

    def do_PUT(self) -> None:  # noqa: N802
        image = self._image("/file")
        if not image or image.status != "queued":
            self._answer(409)
            return
        with self.cloud.lock:
            self.cloud.transfers += 1
        try:
            self._take(image)
        finally:
            with self.cloud.lock:
                self.cloud.transfers -= 1
                self.cloud.lock.notify_all()

    def _take(self, image: Image) -> None:
        image.status = "saving"
        length = self.headers.get("Content-Length")
        data = bytearray()
        try:
            while length is None or len(data) < int(length):
                piece = self.rfile.read1(PIECE if length is None else min(PIECE, int(length) - len(data)))
                if not piece:
                    break
                data += piece
        except OSError:
            # The connection broke, which no server takes for the end of a body.
            length = str(len(data) + 1)
        if length is not None and len(data) < int(length):
            image.status = "queued"
            self.close_connection = True
            return
        image.data = bytes(data)
        image.status = "active"
        self._answer(204)

    def do_GET(self) -> None:  # noqa: N802
        if self.path.partition("?")[0] == "/v2/images":
            # What the client looks for by it is a service that answers.
            self._answer(200, json.dumps({"images": []}).encode())
            return
        image = self._image()
        self._answer(200 if image else 404, image.document() if image else b"")

    def do_PATCH(self) -> None:  # noqa: N802
        self._body()
        self.do_GET()

    def do_DELETE(self) -> None:  # noqa: N802
        with self.cloud.lock:
            known = self.cloud.images.pop(self.path.removeprefix("/v2/images/"), None)
        self._answer(204 if known else 404)

    def _image(self, suffix: str = "") -> Image | None:
        with self.cloud.lock:
            return self.cloud.images.get(self.path.removeprefix("/v2/images/").removesuffix(suffix))

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""
