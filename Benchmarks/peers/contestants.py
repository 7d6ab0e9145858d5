# The programs that are compared, and how each is started and ended.
# SPDX-License-Identifier: Apache-2.0
"""Contestants. Those that mount are `Server`s; those that copy are commands."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from peers.data import Package
from peers.processes import (
    Refused, bytes_read_by, cpu_seconds_of, peak_bytes_of, processes_naming)

OVAFS = "ovafs"
STORAGE_DAEMON = "qemu-storage-daemon"
VMDKMOUNT = "vmdkmount"
QEMU_IMG = "qemu-img convert"
TAR = "tar xf + qemu-img convert"
NULL = "null disk (ours)"
# The same disk in the form that a workload compares with.
ONE_PIECE = "ovafs, in one piece"
ARCHIVE = "ovafs, in an archive"
UNLISTED = "ovafs, without a manifest"
FILE = "the file itself"
ONE_IMAGE = "ovafs, one image"
# xz or zstd, on all cores where it can.
UNPACKER = "its own program"
REFERENCES = (NULL, ONE_PIECE, ARCHIVE, UNLISTED, FILE, ONE_IMAGE)
START_SECONDS = 60.0


@dataclass
class Tools:
    """The programs of this run, and the folder for what it makes."""

    ovafs: Path
    inflate: Path
    folder: Path


@dataclass
class Server:
    """A mount that is ready to be read. Ends the mount and its processes at the end of a `with`."""

    mount_points: list[Path]
    disks: list[Path]
    folder: Path
    statistics: Path | None = None

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @cached_property
    def pids(self) -> list[int]:
        """The serving processes; looked for when first asked for, not while a start is timed."""
        return sorted({pid for point in self.mount_points for pid in processes_naming(str(point))})

    def cpu_seconds(self) -> float:
        return sum(cpu_seconds_of(pid) for pid in self.pids)

    def peak_bytes(self) -> int:
        return sum(peak_bytes_of(pid) for pid in self.pids)

    def source_bytes(self) -> tuple[int, str]:
        """Bytes read from the source, and who counted them."""
        if self.statistics:
            return json.loads(self.statistics.read_text())["sourceBytesRead"], "stats.json"
        return sum(bytes_read_by(pid) for pid in self.pids), "rchar"

    def end(self) -> None:
        pids = self.pids
        for mount_point in self.mount_points:
            if not _unmount(mount_point):
                subprocess.run(["umount", "--lazy", str(mount_point)], capture_output=True, check=False)
        _await_end(pids)
        shutil.rmtree(self.folder, ignore_errors=True)


def _is_mounted(mount_point: Path) -> bool:
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
        return any(line.split()[4] == str(mount_point) for line in mounts)


def _unmount(mount_point: Path) -> bool:
    for _ in range(50):
        if not _is_mounted(mount_point):
            return True
        if subprocess.run(["umount", str(mount_point)], capture_output=True, check=False).returncode == 0:
            return True
        time.sleep(0.1)
    return False


def _await_end(pids: list[int]) -> None:
    """Waits for servers that lost their mount; ends those that do not end on their own."""
    for number in range(100):
        pids = [pid for pid in pids if _is_alive(pid)]
        if not pids:
            return
        # The storage daemon stays without its mounts until it is told to end.
        for pid in pids:
            _signal(pid, signal.SIGTERM if number < 60 else signal.SIGKILL)
        time.sleep(0.05)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def start(command: list[str], cwd: Path) -> None:
    """Runs the command that mounts; it returns once its server is in the background."""
    with tempfile.TemporaryFile() as errors:
        # Not a pipe: a server that keeps standard error open would never end the read of it.
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        # A wait with a time limit would poll, in steps as long as what is timed here.
        guard = threading.Timer(START_SECONDS, process.kill)
        guard.start()
        try:
            status = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            guard.cancel()
        if status != 0:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()
            raise Refused(lines[-1] if lines else f"{command[0]}: exit status {status}")


def _await_file(path: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if path.is_file():
            return
        time.sleep(0.001)
    raise Refused(f"{path.name} did not appear")


def serve_ovafs(tools: Tools, source: Path, raw_names: list[str], options: str = "") -> Server:
    """Mounts with `ovafs mount`, as a user would."""
    folder = Path(tempfile.mkdtemp(prefix="ovafs-", dir=tools.folder))
    mount_point = folder / "mnt"
    mount_point.mkdir()
    server = Server(
        [mount_point], [mount_point / name for name in raw_names], folder,
        statistics=mount_point / ".ova" / "stats.json")
    command = [str(tools.ovafs), "mount", str(source), str(mount_point)]
    try:
        start(command + (["-o", options] if options else []), folder)
    except BaseException:
        server.end()
        raise
    return server


def serve_storage_daemon(tools: Tools, package: Package) -> Server:
    """Exports the extracted VMDK files with one qemu-storage-daemon."""
    folder = Path(tempfile.mkdtemp(prefix="daemon-", dir=tools.folder))
    points = [folder / f"disk{number}.raw" for number in range(len(package.disks))]
    command = ["qemu-storage-daemon"]
    for number, (disk, point) in enumerate(zip(package.disks, points)):
        point.touch()
        command += [
            "--blockdev", f"driver=file,node-name=file{number},filename={disk.vmdk},read-only=on",
            "--blockdev", f"driver=vmdk,node-name=disk{number},file=file{number},read-only=on",
            "--export", f"type=fuse,id=export{number},node-name=disk{number},mountpoint={point},writable=off"]
    server = Server(points, points, folder)
    try:
        start([*command, "--daemonize", "--pidfile", str(folder / "pid")], folder)
    except BaseException:
        server.end()
        raise
    return server


def serve_raw_daemon(tools: Tools, raw: Path) -> Server:
    """Exports a raw file with qemu-storage-daemon."""
    return serve_image_daemon(tools, raw, "raw")


def serve_image_daemon(tools: Tools, image: Path, driver: str) -> Server:
    """Exports an image with qemu-storage-daemon."""
    folder = Path(tempfile.mkdtemp(prefix="daemon-", dir=tools.folder))
    point = folder / "disk.raw"
    point.touch()
    server = Server([point], [point], folder)
    try:
        start(["qemu-storage-daemon",
                "--blockdev", f"driver=file,node-name=file,filename={image},read-only=on",
                "--blockdev", f"driver={driver},node-name=disk,file=file,read-only=on",
                "--export", f"type=fuse,id=export,node-name=disk,mountpoint={point},writable=off",
                "--daemonize", "--pidfile", str(folder / "pid")], folder)
    except BaseException:
        server.end()
        raise
    return server


def serve_vmdkmount(tools: Tools, package: Package) -> Server:
    """Mounts each extracted VMDK file with a vmdkmount of its own."""
    folder = Path(tempfile.mkdtemp(prefix="vmdkmount-", dir=tools.folder))
    points = [folder / f"mnt{number}" for number in range(len(package.disks))]
    server = Server(points, [point / "vmdk1" for point in points], folder)
    try:
        for disk, point in zip(package.disks, points):
            point.mkdir()
            start(["vmdkmount", str(disk.vmdk), str(point)], folder)
        for disk in server.disks:
            _await_file(disk)
    except BaseException:
        server.end()
        raise
    return server


def serve(name: str, tools: Tools, package: Package, options: str = "") -> Server:
    """The contestant's mount of a package's disks. Raises `Refused`."""
    if name == OVAFS:
        return serve_ovafs(tools, package.ova, [disk.raw_name for disk in package.disks], options)
    if name == STORAGE_DAEMON:
        return serve_storage_daemon(tools, package)
    return serve_vmdkmount(tools, package)


def serve_null(tools: Tools, null: Path, options: str = "") -> Server:
    """Our own mount of a disk that is one hole: the cost of the file system alone."""
    return serve_ovafs(tools, null, [f"{null.stem}.raw"], options)


def serve_empty(tools: Tools, empty: Path, options: str = "") -> Server:
    """Our own mount of a disk that no file backs: the same, without even a file to look at."""
    return serve_ovafs(tools, empty, [f"{empty.stem}.raw"], options)


def convert_command(vmdk: Path, output: Path) -> list[str]:
    """qemu-img's copy of a disk to a raw file, with its defaults."""
    return ["qemu-img", "convert", "-f", "vmdk", "-O", "raw", str(vmdk), str(output)]


def convert_to_null_command(vmdk: Path, byte_count: int) -> list[str]:
    """The same with the writing taken out."""
    return ["qemu-img", "convert", "-f", "vmdk", "-n", "--target-image-opts", str(vmdk),
            f"driver=null-co,size={byte_count}"]


def tar_commands(package: Package, folder: Path, output: Path) -> list[list[str]]:
    """What people do today: unpack everything, then convert."""
    return [["tar", "-xf", str(package.ova), "-C", str(folder)],
            convert_command(folder / package.disks[0].name, output)]


def extract_command(tools: Tools, package: Package, output: Path) -> list[str]:
    """Our own copy of a package's first disk."""
    return [str(tools.ovafs), "extract", str(package.ova), package.disks[0].name, "-o", str(output)]
