# The file of `mount -o record=`: an earlier record, or a whole new one.
# SPDX-License-Identifier: Apache-2.0
"""SEMANTICS W12. The mount is read, and taken away again, while its server is killed."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

from killing.cases import Case
from killing.inputs import Inputs
from killing.tracer import ToolFailure, Tracer, clean_environment
from killing.web import Web

BLOCK = 256 << 10
FIRST_LINE = "ovafs record of reads, version 1, blocks of 262144 bytes"
BEGUN = re.compile(r"\.ovafs-record\.\d+\.\d+")
PATIENCE = 120.0


def blocks_of(text: str) -> set[int]:
    """The blocks that a record names. Raises `ValueError` where it is not whole."""
    lines = text.split("\n")
    if lines[-1] or lines[0] != FIRST_LINE or not lines[1].startswith("object "):
        raise ValueError("it has no beginning, or no end")
    blocks: set[int] = set()
    for line in lines[2:-1]:
        _, first, count = (int(word) for word in line.split(" "))
        blocks.update(range(first, first + count))
    return blocks


def is_mount(path: Path) -> bool:
    # Not by a look at it: the server may be gone, and the mount not.
    return any(line.split()[4] == str(path) for line in Path("/proc/self/mountinfo").read_text().splitlines())


class Recording(Case):
    """A mount in the foreground that writes a record; `is_replaced`: a shorter one is there."""

    def __init__(self, tracer: Tracer, program: list[str], inputs: Inputs, web: Web, *,
                 is_replaced: bool = False) -> None:
        super().__init__(tracer, program)
        self.title = "mount -o record=: " + ("over an earlier record" if is_replaced else "a new record")
        self.inputs = inputs
        self.web = web
        self.is_replaced = is_replaced
        self.earlier = ""
        self.record = ""
        self.wanted: set[int] = set()
        self.address = web.url(inputs.plain.name)

    def prepare(self, at: Path) -> None:
        (at / "mnt").mkdir()
        (at / "out").mkdir()
        if self.is_replaced:
            if not self.earlier:
                self.earlier = self._made(at, [0])
            (at / "out/record").write_text(self.earlier)

    def command(self, at: Path) -> list[str]:
        return ["mount", "-f", "-o", f"record={at}/out/record", self.address, str(at / "mnt")]

    def plan(self, at: Path) -> list[tuple[Path, Path]]:
        reference = self.tracer.folder / "reference-record"
        lines = [f"0 {block} 1" for block in reversed(range(len(self.inputs.raw) // BLOCK))]
        reference.write_text("\n".join([FIRST_LINE, "object 1 2 3 4 5", *lines, ""]))
        return [(at / "out/record", reference)]

    def _made(self, at: Path, blocks: list[int]) -> str:
        """A record of these blocks, by a mount that is not killed."""
        with subprocess.Popen([*self.program, *self.command(at)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=clean_environment(self.environment(at))) as process:
            try:
                self._use(at, process, blocks)
            except BaseException:
                process.kill()
                raise
        return (at / "out/record").read_text()

    def meanwhile(self, at: Path, process: subprocess.Popen[bytes]) -> None:
        # Backwards, so that the record has a line for each and no two are one.
        self._use(at, process, list(reversed(range(len(self.inputs.raw) // BLOCK))))

    def _use(self, at: Path, process: subprocess.Popen[bytes], blocks: list[int]) -> None:
        point = at / "mnt"
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and not is_mount(point):
            if time.monotonic() > deadline:
                raise ToolFailure(f"{self.title}: nothing was mounted")
            time.sleep(0.005)
        try:
            with open(point / self.inputs.plain.name, "rb", buffering=0) as disk:
                os.posix_fadvise(disk.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
                for block in blocks:
                    if os.pread(disk.fileno(), 4096, block * BLOCK) != self.inputs.raw[block * BLOCK:][:4096]:
                        raise ToolFailure(f"{self.title}: wrong bytes")
        except OSError:
            # The server was killed.
            pass
        self._unmount(point)

    @staticmethod
    def _unmount(point: Path) -> None:
        while is_mount(point):
            subprocess.run(["umount", "--lazy", str(point)], check=True)

    def learn(self, at: Path) -> None:
        self.record = (at / "out/record").read_text()
        self.wanted = set(range(len(self.inputs.raw) // BLOCK))

    def look(self, at: Path) -> list[str]:
        self._unmount(at / "mnt")
        found = [f"{path.name} is left" for path in (at / "out").iterdir()
                 if path.name != "record" and not BEGUN.fullmatch(path.name)]
        path = at / "out/record"
        if not path.exists():
            return [*found, "the earlier record is gone"] if self.is_replaced else found
        text = path.read_text()
        return found if self.is_replaced and text == self.earlier else found + self._whole(text)

    def _whole(self, text: str) -> list[str]:
        try:
            missing = self.wanted - blocks_of(text)
        except ValueError as error:
            return [f"the record is a part: {error}"]
        return [f"the record is a part: it lacks the blocks {sorted(missing)}"] if missing else []

    def complete(self, at: Path) -> list[str]:
        return self.look(at) + ([] if (at / "out/record").exists() else ["there is no record"])

    def again(self, at: Path) -> list[str]:
        past = time.time() - 660
        for path in (at / "out").iterdir():
            if path.name != "record":
                os.utime(path, (past, past))
        is_whole = (at / "out/record").exists() and not self._whole((at / "out/record").read_text())
        text = self._made(at, sorted(self.wanted, reverse=True))
        found = self._whole(text)
        # What was begun is taken away by the next one that writes.
        left = [path.name for path in (at / "out").iterdir() if path.name != "record"]
        if left and not is_whole:
            found.append(f"{left} is left after ten minutes")
        return found
