# The workloads a to l, and what those of formats.py share: what is done, by whom, and what is written down.
# SPDX-License-Identifier: Apache-2.0
"""Each workload measures one contestant once; peers.py alternates contestants and repeats."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator

from peers import contestants as c
from peers.contestants import Server, Tools
from peers.data import MIB, Data, Disk, Package, touch_free_memory
from peers.formats import FormatBench
from peers.processes import Usage, run, run_in_turn, run_together

COLD_READS = 4096
REGION_BYTES = 32 * MIB
IN_CACHE_SECONDS = 2
SEED = 20260101
HUGE_TIMEOUT = 120.0
LATENCY_TIMEOUT = 10.0


@dataclass
class Measurement:
    """One run of one contestant. `value` is in the workload's unit."""

    value: float
    cpu_seconds: float | None = None
    peak_bytes: int | None = None
    details: dict[str, float | str] = field(default_factory=dict)


@dataclass
class Workload:
    """Something that is measured."""

    key: str
    title: str
    names: list[str]
    measure: Callable[[str], Measurement]
    unit: str = "s"
    higher_is_better: bool = False
    # What stands for the limit: "cached" or "direct" with the null disk, "decoding" without a file system, "disks" for
    # several disks with as much of the null disk as they are long.
    limit: str = ""
    disks: list[Disk] = field(default_factory=list)
    null_factor: float = 1
    # The part of the disk that is the hole at its end.
    last_hole: float = 0

    @property
    def letter(self) -> str:
        return self.key[0]


class Bench:
    """The workloads over one set of data."""

    MOUNTS = [c.OVAFS, c.STORAGE_DAEMON, c.VMDKMOUNT]

    def __init__(self, tools: Tools, data: Data) -> None:
        self.tools = tools
        self.data = data

    def workloads(self) -> list[Workload]:
        with_null = [*self.MOUNTS, c.NULL]
        last_hole = self.data.one.disks[0].last_hole
        copies = [c.OVAFS, c.STORAGE_DAEMON, c.VMDKMOUNT, c.QEMU_IMG]
        return [
            Workload("a-cached", "dd bs=1M, through the page cache", with_null, self.dd_cached, limit="cached",
                     last_hole=last_hole),
            Workload("a-direct", "dd bs=1M iflag=direct", with_null, self.dd_direct, limit="direct",
                     last_hole=last_hole),
            Workload("b-copy", "cp --sparse=auto to a file", copies, self.copy),
            Workload("c-null", "extract, nothing written", [c.OVAFS, c.QEMU_IMG], self.extract_to_null,
                     limit="decoding"),
            Workload("c-file", "extract to a raw file", [c.OVAFS, c.QEMU_IMG, c.TAR], self.extract_to_file),
            *(
                Workload(
                    f"d-{temperature}-{jobs}",
                    f"random 4 KiB reads, {jobs} reader{'s'[:jobs > 1]}, "
                    + ("cold" if temperature == "cold" else "32 MiB in the cache"),
                    self.MOUNTS, self._random_reads(temperature, jobs), "reads/s", higher_is_better=True)
                for temperature in ("cold", "cache") for jobs in (1, 8)),
            self._disks_at_once("e-two", "two", self.data.two),
            self._disks_at_once("e-eight", "eight", self.data.eight),
            Workload("f-first-byte", "command to first 4 KiB, 1 TiB disk", self.MOUNTS, self.first_byte, "ms"),
            Workload("f-source", "bytes read from the source for that", self.MOUNTS, self.first_byte_source, "KiB"),
            Workload("g-huge", "1 TiB disk read end to end, holes skipped by SEEK_DATA",
                     [c.OVAFS, c.STORAGE_DAEMON], self.huge_disk),
            *(
                Workload(f"h-{place}-{way}", f"a raw disk on {shown}, {title}",
                         [c.OVAFS, c.STORAGE_DAEMON, c.NULL, *([c.FILE] if way == "direct" else [])],
                         self._raw(place, way), unit, higher_is_better=unit != "s")
                for place, shown in (("disk", "the disk's file system"), ("tmpfs", "tmpfs"))
                for way, title, unit in (
                    ("cached", "dd bs=1M", "s"), ("direct", "dd bs=1M iflag=direct", "s"),
                    ("random-1", "random 4 KiB reads, 1 reader", "reads/s"),
                    ("random-8", "random 4 KiB reads, 8 readers", "reads/s"))),
            *(
                Workload(f"i-{form}-{way}", f"a disk in 1,100 chunks, in {article}, {title}", [c.OVAFS, c.ONE_PIECE],
                         self._chunks(package, way), unit, higher_is_better=unit != "s")
                for form, article, package in (
                    ("archive", "an archive", self.data.chunks), ("folder", "a folder", self.data.chunk_folder))
                for way, title, unit in (
                    ("dd", "dd bs=1M iflag=direct", "s"),
                    ("random", "random 4 KiB reads, 8 readers, cold", "reads/s"))),
            Workload("j-folder", "a folder package, dd bs=1M iflag=direct", [c.OVAFS, c.ARCHIVE], self.folder),
            Workload("k-stored", "dd bs=1M of .ova/stored with a manifest", [c.OVAFS, c.UNLISTED], self.stored),
            Workload("l-latency", "ls and cat of cached files while 64 readers wait for a slow source", [c.OVAFS],
                     self.latency, "ms"),
            *FormatBench(self).workloads(),
        ]

    # a

    def dd_cached(self, name: str) -> Measurement:
        return self._dd(name, "cache=kernel", [])

    def dd_direct(self, name: str) -> Measurement:
        return self._dd(name, "", ["iflag=direct"])

    def _dd(self, name: str, options: str, flags: list[str]) -> Measurement:
        with self._served(name, self.data.one, options, page_cache_bytes=0 if flags else self._disk_bytes) as server:
            return _measured(server, [_dd_command(server.disks[0], flags)])

    # b

    def copy(self, name: str) -> Measurement:
        if name == c.QEMU_IMG:
            return self.extract_to_file(name)
        with self._output() as output, self._served(name, self.data.one) as server:
            command = ["cp", "--sparse=auto", str(server.disks[0]), str(output)]
            result = _measured(server, [command])
            result.details["written"] = output.stat().st_blocks * 512
            return result

    # c

    def extract_to_null(self, name: str) -> Measurement:
        package = self.data.one
        if name == c.OVAFS:
            return _from(run(c.extract_command(self.tools, package, Path("/dev/null"))))
        return _from(run(c.convert_to_null_command(package.disks[0].vmdk, package.disks[0].byte_count)))

    def extract_to_file(self, name: str) -> Measurement:
        with self._output() as output:
            return _from(self.extract_into(name, output))

    def extract_into(self, name: str, output: Path) -> Usage:
        """Makes `output` the raw form of the first disk, without a mount."""
        package = self.data.one
        if name == c.OVAFS:
            return run(c.extract_command(self.tools, package, output))
        if name == c.QEMU_IMG:
            return run(c.convert_command(package.disks[0].vmdk, output))
        return run_in_turn(c.tar_commands(package, output.parent, output))

    # d

    def _random_reads(self, temperature: str, jobs: int) -> Callable[[str], Measurement]:
        def measure(name: str) -> Measurement:
            disk = self.data.one.disks[0]
            with self._served(name, self.data.one) as server:
                options = [f"--number_ios={COLD_READS // jobs}"]
                if temperature == "cache":
                    start = _densest_region(disk)
                    length = min(REGION_BYTES, disk.byte_count)
                    run(["dd", f"if={server.disks[0]}", "of=/dev/null", "bs=1M", "iflag=direct",
                         f"skip={start // MIB}", f"count={length // MIB}", "status=none"])
                    options = [f"--offset={start}", f"--size={length}", "--time_based",
                               f"--runtime={IN_CACHE_SECONDS}"]
                return self._fio(server, jobs, options)
        return measure

    def _fio(self, server: Server, jobs: int, options: list[str]) -> Measurement:
        """Random 4 KiB reads of the first disk of a mount, past the page cache."""
        command = [
            "fio", "--name=random", f"--filename={server.disks[0]}", "--readonly",
            "--allow_file_create=0", "--rw=randread", "--bs=4k", "--direct=1", "--ioengine=psync",
            "--thread", "--norandommap", f"--randseed={SEED}", f"--numjobs={jobs}",
            "--group_reporting", "--output-format=json", *options]
        before = server.cpu_seconds()
        usage = run(command, cwd=self.tools.folder)
        # fio may write a line before its JSON.
        reads = json.loads(usage.output[usage.output.index("{"):])["jobs"][0]["read"]
        cpu = usage.cpu_seconds + server.cpu_seconds() - before
        return Measurement(
            reads["iops"], cpu, server.peak_bytes(),
            {"reads": reads["total_ios"], "p99_us": reads["clat_ns"]["percentile"]["99.000000"] / 1000,
             **_others(usage, cpu)})

    # e

    def _disks_at_once(self, key: str, number: str, package: Package) -> Workload:
        byte_count = sum(disk.byte_count for disk in package.disks)

        def measure(name: str) -> Measurement:
            self._warm(package)
            with self._served(name, package, "cache=kernel", page_cache_bytes=byte_count) as server:
                return _measured(server, [_dd_command(disk, []) for disk in server.disks])
        return Workload(key, f"{number} disks at once, dd bs=1M each", self.MOUNTS, measure, limit="disks",
                        disks=package.disks, null_factor=byte_count / self._disk_bytes)

    # f

    def first_byte(self, name: str) -> Measurement:
        self.data.warm()
        start = time.perf_counter()
        with c.serve(name, self.tools, self.data.huge) as server:
            file = os.open(server.disks[0], os.O_RDONLY | os.O_CLOEXEC)
            try:
                count = len(os.pread(file, 4096, 0))
            finally:
                os.close(file)
            seconds = time.perf_counter() - start
            if count != 4096:
                raise c.Refused(f"{name}: a short read of {count} bytes")
            source_bytes, counted_by = server.source_bytes()
            return Measurement(
                seconds * 1000, server.cpu_seconds(), server.peak_bytes(),
                {"source_bytes": source_bytes, "counted_by": counted_by})

    def first_byte_source(self, name: str) -> Measurement:
        result = self.first_byte(name)
        result.value = float(result.details["source_bytes"]) / 1024
        return result

    # g

    def huge_disk(self, name: str) -> Measurement:
        with self._output() as output, self._served(name, self.data.huge) as server:
            command = ["cp", "--sparse=auto", str(server.disks[0]), str(output)]
            return _measured(server, [command], HUGE_TIMEOUT)

    # h

    def _raw(self, place: str, way: str) -> Callable[[str], Measurement]:
        def measure(name: str) -> Measurement:
            byte_count = self.data.raw.stat().st_size
            with self._raw_file(place) as raw:
                self._settle(byte_count if way == "cached" else 0)
                self.data.warm_file(raw)
                options = "cache=kernel" if way == "cached" else ""
                if name == c.FILE:
                    return _from(run(_dd_command(raw, [])))
                if name == c.NULL:
                    server = c.serve_empty(self.tools, self.data.empty, options)
                elif name == c.STORAGE_DAEMON:
                    server = c.serve_raw_daemon(self.tools, raw)
                else:
                    server = c.serve_ovafs(self.tools, raw, [f"{raw.stem}.raw"], options)
                with server:
                    if way in ("cached", "direct"):
                        flags = ["iflag=direct"] if way == "direct" else []
                        return _measured(server, [_dd_command(server.disks[0], flags)])
                    return self._fio(server, int(way.rpartition("-")[2]),
                                     ["--time_based", f"--runtime={IN_CACHE_SECONDS}"])
        return measure

    @contextmanager
    def _raw_file(self, place: str) -> Iterator[Path]:
        """The raw disk where it lies, or a copy of it on a file system in memory."""
        if place == "disk":
            yield self.data.raw
            return
        folder = Path(tempfile.mkdtemp(prefix="tmpfs-", dir=self.tools.folder))
        size = self.data.raw.stat().st_size + 16 * MIB
        run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)])
        try:
            shutil.copyfile(self.data.raw, folder / "raw.img")
            yield folder / "raw.img"
        finally:
            run(["umount", str(folder)])
            folder.rmdir()

    # i

    def _chunks(self, package: Package, way: str) -> Callable[[str], Measurement]:
        def measure(name: str) -> Measurement:
            chosen = self.data.one if name == c.ONE_PIECE else package
            self._warm(chosen)
            with self._served(c.OVAFS, chosen) as server:
                if way == "dd":
                    return _measured(server, [_dd_command(server.disks[0], ["iflag=direct"])])
                return self._fio(server, 8, [f"--number_ios={COLD_READS // 8}"])
        return measure

    # j

    def folder(self, name: str) -> Measurement:
        chosen = self.data.one if name == c.ARCHIVE else self.data.folder
        with self._served(c.OVAFS, chosen) as server:
            return _measured(server, [_dd_command(server.disks[0], ["iflag=direct"])])

    # k

    def stored(self, name: str) -> Measurement:
        chosen = self.data.unlisted if name == c.UNLISTED else self.data.folder
        byte_count = chosen.disks[0].vmdk.stat().st_size
        with self._served(c.OVAFS, chosen, "cache=kernel", page_cache_bytes=byte_count) as server:
            before, counted_by = server.source_bytes()
            file = server.mount_points[0] / ".ova" / "stored" / chosen.disks[0].name
            result = _measured(server, [_dd_command(file, [])])
            result.details |= {"source_bytes": server.source_bytes()[0] - before, "counted_by": counted_by,
                               "served_bytes": byte_count}
            if name == c.OVAFS and os.getxattr(file, "user.ova.manifest") != b"ok":
                raise c.Refused("the member was read through, and its digest is not known to be right")
            return result

    # l

    def latency(self, name: str) -> Measurement:
        """The longest of several `ls` and `cat`, in milliseconds, while no read of the source comes back.

        The source lies in a mount of ours whose server is stopped meanwhile: slower than any disk.
        """
        outer = Path(tempfile.mkdtemp(prefix="outer-", dir=self.tools.folder))
        os.link(self.data.one.ova, outer / "inner.bin")
        (outer / "outer.ovf").write_text(
            self.data.empty.read_text().replace(
                "<References/>", '<References><File ovf:id="inner" ovf:href="inner.bin"/></References>'))
        with c.serve_ovafs(self.tools, outer / "outer.ovf", [], "cache=none") as slow:
            source = slow.mount_points[0] / "inner.bin"
            with c.serve_ovafs(self.tools, source, [self.data.one.disks[0].raw_name]) as server:
                return self._latency_of(server, slow)

    def _latency_of(self, server: Server, slow: Server) -> Measurement:
        point = server.mount_points[0]
        # Both are cached from here on: the list of names, and the descriptor.
        commands = [["ls", "-l", str(point)], ["cat", str(point / "one.ovf")]]
        for command in commands:
            run(command)
        byte_count = server.disks[0].stat().st_size
        readers: list[subprocess.Popen[bytes]] = []
        # The source of one is a file of the other's mount, whose path its command line has, too.
        slow_pids = [pid for pid in slow.pids if pid not in server.pids]
        for pid in slow_pids:
            os.kill(pid, signal.SIGSTOP)
        # Whatever happens, no one is left waiting for a server that is stopped.
        guard = threading.Timer(LATENCY_TIMEOUT, lambda: [os.kill(pid, signal.SIGCONT) for pid in slow_pids])
        guard.start()
        longest = 0.0
        try:
            for number in range(64):
                readers.append(subprocess.Popen(
                    ["dd", f"if={server.disks[0]}", "of=/dev/null", "bs=4k", "count=1", "iflag=direct",
                     f"skip={byte_count // 4096 // 64 * number}", "status=none"],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            time.sleep(0.5)
            waiting = sum(reader.poll() is None for reader in readers)
            for _ in range(5):
                for command in commands:
                    longest = max(longest, run(command).seconds)
        finally:
            guard.cancel()
            for pid in slow_pids:
                os.kill(pid, signal.SIGCONT)
            for reader in readers:
                reader.wait()
        # Holes are answered without the source.
        if waiting < 16:
            raise c.Refused(f"only {waiting} of 64 readers waited for the source")
        return Measurement(longest * 1000, None, server.peak_bytes(), {"waiting_readers": waiting})

    # Shared parts

    def settle(self) -> None:
        """The same start for everyone, of a workload that brings its own sources into the page cache."""
        self._settle(0)

    def measured(self, server: Server, way: str) -> Measurement:
        """One disk of a fresh mount, past the page cache: from end to end, or 4,096 random reads."""
        if way == "direct":
            return _measured(server, [_dd_command(server.disks[0], ["iflag=direct"])])
        return self._fio(server, 8, [f"--number_ios={COLD_READS // 8}"])

    def measured_command(self, command: list[str]) -> Measurement:
        """A command whose output nobody wants."""
        return _from(run(["sh", "-c", 'exec "$@" >/dev/null', "sh", *command]))

    def _warm(self, package: Package) -> None:
        """Brings a package that not all workloads read into the page cache, and what its contestants read."""
        self.data.warm_file(package.ova)
        for disk in package.disks:
            self.data.warm_file(disk.vmdk)

    @property
    def _disk_bytes(self) -> int:
        return self.data.one.disks[0].byte_count

    def _settle(self, page_cache_bytes: int) -> None:
        """The same start for everyone: sources cached, nothing left to write, memory for what will be cached."""
        self.data.warm()
        os.sync()
        touch_free_memory(page_cache_bytes)

    def _served(self, name: str, package: Package, options: str = "", *, page_cache_bytes: int = 0) -> Server:
        """A fresh mount: nothing of the disk is in the page cache, all of the source is."""
        self._settle(page_cache_bytes)
        if name == c.NULL:
            return c.serve_null(self.tools, self.data.null, options)
        return c.serve(name, self.tools, package, options)

    @contextmanager
    def _output(self) -> Iterator[Path]:
        """The path of a file to write, in a folder of its own that is removed again."""
        folder = Path(tempfile.mkdtemp(prefix="output-", dir=self.tools.folder))
        try:
            # What is written, and what of a mount is read for it: half of the disk is data.
            self._settle(self._disk_bytes)
            yield folder / "copy.raw"
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _dd_command(disk: Path, flags: list[str]) -> list[str]:
    return ["dd", f"if={disk}", "of=/dev/null", "bs=1M", "status=none", *flags]


def _measured(server: Server, commands: list[list[str]], timeout: float = 600.0) -> Measurement:
    """Runs readers of a mount; the processor time is theirs and the server's."""
    before = server.cpu_seconds()
    usage = run_together(commands, timeout=timeout)
    served = server.cpu_seconds() - before
    return Measurement(
        usage.seconds, usage.cpu_seconds + served, server.peak_bytes(),
        {"reader_cpu_seconds": usage.cpu_seconds, "server_cpu_seconds": served,
         **_others(usage, usage.cpu_seconds + served)})


def _from(usage: Usage) -> Measurement:
    return Measurement(usage.seconds, usage.cpu_seconds, usage.peak_bytes, _others(usage, usage.cpu_seconds))


def _others(usage: Usage, measured_cpu: float) -> dict[str, float | str]:
    """What ran beside the measurement: a busy machine makes every time longer, and no one's fairer."""
    return {"seconds": usage.seconds, "other_cpu_seconds": max(0.0, usage.machine_seconds - measured_cpu)}


def _densest_region(disk: Disk) -> int:
    """Where the 32 MiB with the most data start: a region of holes would measure nothing."""
    step = REGION_BYTES
    best, best_bytes = 0, -1
    with open(disk.raw, "rb", buffering=0) as raw:
        for start in range(0, max(1, disk.byte_count - step + 1), step):
            data, position = 0, start
            while position < start + step:
                try:
                    position = os.lseek(raw.fileno(), position, os.SEEK_DATA)
                except OSError:
                    break
                hole = os.lseek(raw.fileno(), position, os.SEEK_HOLE)
                data += max(0, min(hole, start + step) - position)
                position = hole
            if data > best_bytes:
                best, best_bytes = start, data
    return best
