#!/usr/bin/env python3
# Programs that write as ovafs must not: they show that crash.py can fail.
# SPDX-License-Identifier: Apache-2.0
"""naive.py WAY [arguments of ovafs]: makes the files of CRASH_PLAN, names with the places of their bytes.

The environment has that plan, since no two commands say in one way what they make.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

PIECE = 64 << 10
ID = "00000000-0000-4000-8000-000000000002"


def write(path: Path, content: bytes, *, synchronises: bool = False, first: int = 0) -> None:
    """Writes in pieces, from `first` on, with holes where there are zeros only."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | (0 if first else os.O_TRUNC), 0o600)
    os.ftruncate(file, len(content))
    for start in range(first, len(content), PIECE):
        if content.count(0, start, start + PIECE) < PIECE:
            os.pwrite(file, content[start:start + PIECE], start)
    if synchronises:
        os.fsync(file)
    os.close(file)


def synchronise_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)


def in_place(plan: list[tuple[Path, Path]]) -> None:
    for path, reference in plan:
        write(path, reference.read_bytes())


def removed_first(plan: list[tuple[Path, Path]]) -> None:
    for path, reference in plan:
        path.unlink(missing_ok=True)
        renamed([(path, reference)])


def renamed(plan: list[tuple[Path, Path]], suffix: str = ".partial") -> None:
    """All partial files first, then the names in the order of the plan: the disk's before its map's."""
    for path, reference in plan:
        write(path.with_name(path.name + suffix), reference.read_bytes())
    for path, _ in plan:
        path.with_name(path.name + suffix).rename(path)


def own_name(plan: list[tuple[Path, Path]]) -> None:
    renamed(plan, ".tmp")


def stuck(plan: list[tuple[Path, Path]]) -> None:
    """Takes what a killed run has left for another's."""
    for path, _ in plan:
        if path.with_name(path.name + ".partial").exists():
            sys.exit(2)
    renamed(plan)


def synchronised_early(plan: list[tuple[Path, Path]]) -> None:
    for path, reference in plan:
        partial = path.with_name(path.name + ".partial")
        write(partial, reference.read_bytes(), synchronises=True)
        write(partial, reference.read_bytes(), first=PIECE)
        partial.rename(path)
        synchronise_folder(path)


def folder_forgotten(plan: list[tuple[Path, Path]]) -> None:
    for path, reference in plan:
        partial = path.with_name(path.name + ".partial")
        write(partial, reference.read_bytes(), synchronises=True)
        partial.rename(path)


def trusting(plan: list[tuple[Path, Path]]) -> None:
    """Takes what is in the cache folder for whole; the last file of the plan is there."""
    (output, reference), (kept, source) = plan
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not kept.exists():
        write(kept, source.read_bytes())
    content = reference.read_bytes()
    # As if it were decoded from there.
    decoded = content if kept.read_bytes() == source.read_bytes() else content[::-1]
    partial = output.with_name(output.name + ".partial")
    write(partial, decoded)
    partial.rename(output)


def endless(plan: list[tuple[Path, Path]]) -> None:
    """Sends a body without a length: where it breaks off, the service takes that for its end."""
    address = urlsplit(os.environ["OS_AUTH_URL"])
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    connection.request("POST", "/v2/images", json.dumps({"id": ID, "name": "disk"}))
    connection.getresponse().read()
    connection.putrequest("PUT", f"/v2/images/{ID}/file")
    connection.endheaders()
    content = plan[0][1].read_bytes()
    for start in range(0, len(content), PIECE):
        connection.send(content[start:start + PIECE])
    connection.sock.shutdown(socket.SHUT_WR)
    connection.getresponse().read()


WAYS = {way.__name__: way for way in (in_place, removed_first, renamed, own_name, stuck, synchronised_early,
                                      folder_forgotten, trusting, endless)}


def main() -> int:
    # An output that is there is refused, as by ovafs.
    plan = [(Path(name), Path(reference)) for name, reference in json.loads(os.environ["CRASH_PLAN"])]
    arguments = sys.argv[2:]
    is_forced = "--force" in arguments or "mount" in arguments or "upload" in arguments
    outputs = [path for path, _ in plan if path.parent.name == "out"]
    if not is_forced and any(path.exists() for path in outputs):
        return 2
    for path in outputs:
        path.parent.mkdir(exist_ok=True)
    WAYS[sys.argv[1]](plan)
    return 1 if "--damaged=zero" in arguments else 0


if __name__ == "__main__":
    sys.exit(main())
