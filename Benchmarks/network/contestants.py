# Those who read a disk behind a web server, each as a mounted raw file.
# SPDX-License-Identifier: Apache-2.0
"""ovafs, qemu's curl driver, and nbdkit's with qemu's VMDK driver above it."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from peers.contestants import Server, Tools, serve_ovafs, start
from peers.processes import Refused

OVAFS = "ovafs"
QEMU = "qemu"
NBDKIT = "nbdkit"


def serve(name: str, tools: Tools, url: str, stem: str) -> Server:
    """The mounted disk at `url`. Raises `Refused`."""
    if name == OVAFS:
        return serve_ovafs(tools, url, [f"{stem}.raw"])
    if name == QEMU:
        return _serve_daemon(tools, f"driver=http,node-name=file,url={url},timeout=60,read-only=on", url)
    return _serve_nbdkit(tools, url)


def _driver(url: str) -> str:
    return Path(url).suffix.lstrip(".")


def _serve_daemon(tools: Tools, file: str, url: str, folder: Path | None = None) -> Server:
    folder = folder or Path(tempfile.mkdtemp(prefix="daemon-", dir=tools.folder))
    point = folder / "disk.raw"
    point.touch()
    server = Server([point], [point], folder)
    try:
        start(["qemu-storage-daemon", "--blockdev", file,
               "--blockdev", f"driver={_driver(url)},node-name=disk,file=file,read-only=on",
               "--export", f"type=fuse,id=export,node-name=disk,mountpoint={point},writable=off",
               "--daemonize", "--pidfile", str(folder / "pid")], folder)
    except BaseException:
        server.end()
        raise
    return server


class _WithNBDKit(Server):
    """A daemon's export above nbdkit's; both end together."""

    nbdkit: subprocess.Popen[bytes] | None = None

    def end(self) -> None:
        super().end()
        if self.nbdkit:
            self.nbdkit.kill()
            self.nbdkit.wait()


def _serve_nbdkit(tools: Tools, url: str) -> Server:
    folder = Path(tempfile.mkdtemp(prefix="nbdkit-", dir=tools.folder))
    socket = folder / "socket"
    child = subprocess.Popen(
        ["nbdkit", "--foreground", "--readonly", "--unix", str(socket), "--filter=cache", "--filter=readahead",
         "curl", f"url={url}", "cache-min-block-size=1M", "cache-on-read=true"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    try:
        while not socket.exists():
            if child.poll() is not None or time.monotonic() > deadline:
                raise Refused("nbdkit did not start")
            time.sleep(0.002)
        server = _serve_daemon(
            tools, f"driver=nbd,node-name=file,server.type=unix,server.path={socket},read-only=on", url, folder)
    except BaseException:
        child.kill()
        child.wait()
        raise
    both = _WithNBDKit(server.mount_points, server.disks, server.folder)
    both.nbdkit = child
    return both
