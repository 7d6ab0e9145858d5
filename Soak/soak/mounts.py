# Mounts: made and taken away with the program's own commands, and what is known of their servers from outside.
# SPDX-License-Identifier: Apache-2.0
"""A server is known by its mount point, which is in its arguments."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

COMMAND_SECONDS = 60.0
# A server that was unmounted is gone after so long.
END_SECONDS = 10.0
STEP_SECONDS = 0.05


class MountRefused(Exception):
    """A command of ovafs failed; the text is its own, and so is the exit code, where it ended by itself."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


@dataclass
class Mounted:
    """A mount that can be read."""

    name: str
    root: Path
    pid: int
    seconds: float


def command(ovafs: Path, *words: str) -> None:
    with tempfile.TemporaryFile() as output:
        # Not pipes: what a server keeps open would hold up the one who reads them.
        process = subprocess.Popen(
            [str(ovafs), *words], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        # Steps are counted and not time, of which a machine that is paused loses any amount.
        for _ in range(int(COMMAND_SECONDS / STEP_SECONDS)):
            try:
                status = process.wait(STEP_SECONDS)
                break
            except subprocess.TimeoutExpired:
                continue
        else:
            process.kill()
            process.wait()
            raise MountRefused(f"ovafs {words[0]} took more than {COMMAND_SECONDS:.0f} seconds")
        output.seek(0)
        lines = output.read().decode(errors="replace").strip().splitlines()
    if status != 0:
        raise MountRefused(
            f"ovafs {words[0]} ended with {status}: {lines[-1] if lines else 'without a word'}", status)


def mount(ovafs: Path, name: str, source: str, root: Path, options: str) -> Mounted:
    root.mkdir(exist_ok=True)
    start = time.monotonic()
    command(ovafs, "mount", source, str(root), "-o", options)
    seconds = time.monotonic() - start
    servers = [pid for pid in processes_naming(root) if not is_broker(pid)]
    if len(servers) != 1:
        raise MountRefused(f"{len(servers)} processes serve {root}, not one")
    return Mounted(name, root, servers[0], seconds)


def is_broker(pid: int) -> bool:
    """Whether it is the process that makes a server's mount, and takes it away."""
    try:
        return b"watch-mount" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def unmount(ovafs: Path, mounted: Mounted, *options: str) -> None:
    command(ovafs, "unmount", *options, str(mounted.root))


def await_end(mounted: Mounted) -> bool:
    """Whether mount and server are gone within `END_SECONDS`."""
    for _ in range(int(END_SECONDS / STEP_SECONDS)):
        if not is_alive(mounted.pid) and not is_mounted(mounted.root):
            return True
        time.sleep(STEP_SECONDS)
    return False


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def is_mounted(root: Path) -> bool:
    return str(root) in mount_points(root.parent)


def mount_points(folder: Path) -> list[str]:
    """What is mounted beneath a folder. Its name has nothing that mountinfo would write in another way."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        points = [line.split()[4] for line in lines]
    return [point for point in points if point.startswith(f"{folder}/")]


def processes_naming(path: Path) -> list[int]:
    """Processes that have `path`, or what is beneath it, in an argument."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                arguments = Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            wanted = os.fsencode(path)
            if any(argument == wanted or wanted + b"/" in argument for argument in arguments):
                found.append(int(entry))
    return found


@dataclass
class ServerState:
    """A server's memory, descriptors and threads at one moment."""

    rss_bytes: int
    peak_bytes: int
    descriptors: int
    threads: int


def state_of(pid: int) -> ServerState | None:
    """None where the server is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(errors="replace")
        fields = dict(line.split(":", 1) for line in text.splitlines())
        return ServerState(
            int(fields["VmRSS"].split()[0]) * 1024, int(fields["VmHWM"].split()[0]) * 1024,
            descriptors_of(pid), int(fields["Threads"]))
    except (OSError, KeyError, ValueError):
        return None


def descriptors_of(pid: int) -> int:
    """How many there are; 0 where only root may see it, as of a server that may hold secrets."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except PermissionError:
        return 0


def drop_cached(paths: list[Path]) -> None:
    """Lets the page cache forget files, and no others of the machine."""
    for path in paths:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)
