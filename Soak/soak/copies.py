# Whole copies of a disk by programs that users copy with, compared byte for byte with the reference.
# SPDX-License-Identifier: Apache-2.0
"""cp, dd and dd with O_DIRECT. A copy has no deadline of its own: it has to go on."""

from __future__ import annotations

import errno
import os
import select
import subprocess
from pathlib import Path

from soak.operations import Operations, Wrong
from soak.plan import MIB, Target

TOOLS = ("cp", "dd", "dd-direct")
POLL_SECONDS = 0.1


class Copy:
    """One copy of one disk. Raises `Wrong` or `OSError` as the operations do."""

    def __init__(self, operations: Operations, tool: str) -> None:
        self.operations = operations
        self.tool = tool
        disks = [target for target in operations.plan.targets if target.is_disk]
        self.target: Target = operations.random.choice(disks)
        self.source = os.path.join(operations.plan.root, self.target.path)

    def run(self) -> None:
        if self.tool == "cp":
            self._cp()
        else:
            self._dd()

    def _cp(self) -> None:
        output = Path(self.operations.plan.scratch) / f"copy-{os.getpid()}.raw"
        try:
            process = self._start(["cp", "--sparse=auto", self.source, str(output)], subprocess.DEVNULL)
            progress = None
            try:
                self.operations.slot.begin(self._words, self.operations.plan.read_deadline)
                while process.poll() is None:
                    if self.operations.slot.is_to_end:
                        return
                    if (now := self._progress(process.pid, output)) != progress:
                        progress = now
                        self.operations.slot.begin(self._words, self.operations.plan.read_deadline)
                    select.select([], [], [], POLL_SECONDS)
                self.operations.slot.end()
                self._check(process)
            finally:
                self._stop(process)
            if output.stat().st_size != self.target.byte_count:
                raise Wrong(f"cp of {self.target.path}: {output.stat().st_size} bytes")
            with open(output, "rb") as copy:
                position = 0
                while piece := copy.read(MIB):
                    self._compare(piece, position)
                    position += len(piece)
        finally:
            output.unlink(missing_ok=True)

    def _dd(self) -> None:
        flags = ["iflag=direct"] if self.tool == "dd-direct" else []
        process = self._start(["dd", f"if={self.source}", "bs=1M", "status=none", *flags], subprocess.PIPE)
        assert process.stdout is not None
        try:
            position = 0
            while True:
                with self.operations.timed("copy", self._words):
                    piece = process.stdout.read(MIB)
                if not piece:
                    break
                if self.operations.slot.is_to_end:
                    return
                self._compare(piece, position)
                position += len(piece)
            process.wait()
            self._check(process)
            if position != self.target.byte_count:
                raise Wrong(f"dd of {self.target.path}: {position} bytes")
        finally:
            self._stop(process)

    @property
    def _words(self) -> str:
        return f"{self.tool} of {self.target.path}"

    def _compare(self, piece: bytes, position: int) -> None:
        wanted = self.operations.reference(self.target).read(self.target.start + position, len(piece))
        self.operations.compare(piece, wanted, self.target, position)

    @staticmethod
    def _start(command: list[str], output: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"})

    @staticmethod
    def _progress(pid: int, output: Path) -> tuple[bytes, int]:
        """What cp has read, and what it has written."""
        try:
            return Path(f"/proc/{pid}/io").read_bytes(), output.stat().st_blocks
        except OSError:
            return b"", 0

    def _check(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        message = process.stderr.read().decode(errors="replace").strip()
        if process.returncode == 0:
            return
        for code in (errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ECONNABORTED):
            if os.strerror(code) in message:
                raise OSError(code, message)
        raise Wrong(f"{self._words} ended with {process.returncode}: {message}")

    @staticmethod
    def _stop(process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.kill()
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
