# The workloads m to p: disks in other formats, chains, huge disks, and compressed files.
# SPDX-License-Identifier: Apache-2.0
"""Images of the raw disk of workload h, made when they are first wanted and kept with the other data."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from peers import contestants as c
from peers.data import say
from peers.processes import run

if TYPE_CHECKING:
    from peers.workloads import Bench, Measurement, Workload

CHAIN_LENGTH = 16
HUGE_BYTES = 64 << 40


@dataclass(frozen=True)
class Format:
    """A format as qemu-img makes it and as qemu-storage-daemon reads it."""

    key: str
    title: str
    driver: str
    options: str = ""
    is_compressed: bool = False
    # How many times as fast as the storage daemon ovafs should be.
    goal: float = 1.5


FORMATS = [
    Format("qcow2-zlib", "qcow2, zlib", "qcow2", "", True, 3),
    Format("qcow2-zstd", "qcow2, zstd", "qcow2", "compression_type=zstd", True, 3),
    Format("qcow2", "qcow2", "qcow2"),
    Format("vhdx", "VHDX", "vhdx"),
    Format("vdi", "VDI", "vdi"),
]
WAYS = [("direct", "dd bs=1M iflag=direct", "s"), ("random-8", "random 4 KiB reads, 8 readers, cold", "reads/s")]
# What makes an image of 64 TiB without data; VDI in qemu has blocks of 1 MiB only, and so at most 4 PiB / 2^31 of them.
HUGE = [("qcow2", "qcow2", "cluster_size=2M"), ("vhdx", "vhdx", "block_size=256M")]
PACKED = [
    ("xz", ["xz", "--threads=0", "-1", "--block-size=8MiB", "--stdout"], ["xz", "--decompress", "--threads=0", "--stdout"]),
    ("zst", ["zstd", "-3", "--threads=0", "--stdout", "--quiet"], ["zstd", "--decompress", "--stdout", "--quiet"]),
]


class FormatBench:
    """The workloads over one raw disk in many forms."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def workloads(self) -> list[Workload]:
        from peers.workloads import Workload

        found = [
            Workload(f"m-{form.key}-{way}", f"{form.title}, {title}", [c.OVAFS, c.STORAGE_DAEMON],
                     self._format(form, way), unit, higher_is_better=unit != "s")
            for form in FORMATS for way, title, unit in WAYS]
        found.append(Workload(
            "n-chain", f"a chain of {CHAIN_LENGTH} qcow2 images, dd bs=1M iflag=direct", [c.OVAFS, c.ONE_IMAGE],
            self.chain))
        found += [
            Workload(f"o-{name}", f"64 TiB of {name}: command to first 4 KiB", [c.OVAFS, c.STORAGE_DAEMON],
                     self._huge(name, driver, options), "ms") for name, driver, options in HUGE]
        found += [
            Workload(f"p-{suffix}", f"a raw disk as .{suffix}, dd bs=1M iflag=direct", [c.OVAFS, c.UNPACKER],
                     self._packed(suffix, pack, unpack)) for suffix, pack, unpack in PACKED]
        return found

    # m

    def _format(self, form: Format, way: str) -> Callable[[str], Measurement]:
        def measure(name: str) -> Measurement:
            image = self._made(f"format-{form.key}.image", lambda path: self._convert(form, path))
            with self._served(name, image, form.driver) as server:
                return self.bench.measured(server, way)
        return measure

    def _convert(self, form: Format, path: Path) -> None:
        command = ["qemu-img", "convert", "-f", "raw", "-O", form.driver]
        if form.options:
            command += ["-o", form.options]
        if form.is_compressed:
            command.append("-c")
        run([*command, str(self.bench.data.raw), str(path)])

    # n

    def chain(self, name: str) -> Measurement:
        base = self._made("format-qcow2.image", lambda path: self._convert(FORMATS[2], path))
        if name == c.ONE_IMAGE:
            with self._served(c.OVAFS, base, "qcow2") as server:
                return self.bench.measured(server, "direct")
        below = base
        for number in range(1, CHAIN_LENGTH):
            parent = below
            below = self._made(f"chain-{number}.image", lambda path: run(
                ["qemu-img", "create", "-q", "-f", "qcow2", "-b", parent.name, "-F", "qcow2", str(path)]))
        with self._served(c.OVAFS, below, "qcow2", base) as server:
            return self.bench.measured(server, "direct")

    # o

    def _huge(self, name: str, driver: str, options: str) -> Callable[[str], Measurement]:
        from peers.workloads import Measurement

        def measure(contestant: str) -> Measurement:
            image = self._made(f"huge-{name}.image", lambda path: run(
                ["qemu-img", "create", "-q", "-f", driver, "-o", options, str(path), str(HUGE_BYTES)]))
            start = time.perf_counter()
            with self._served(contestant, image, driver, settles=False) as server:
                file = os.open(server.disks[0], os.O_RDONLY | os.O_CLOEXEC)
                try:
                    count = len(os.pread(file, 4096, 0))
                finally:
                    os.close(file)
                seconds = time.perf_counter() - start
                if count != 4096:
                    raise c.Refused(f"{contestant}: a short read of {count} bytes")
                return Measurement(seconds * 1000, server.cpu_seconds(), server.peak_bytes())
        return measure

    # p

    def _packed(self, suffix: str, pack: list[str], unpack: list[str]) -> Callable[[str], Measurement]:
        def make(path: Path) -> None:
            with open(path, "wb") as output:
                subprocess.run([*pack, str(self.bench.data.raw)], stdout=output, check=True)

        def measure(name: str) -> Measurement:
            image = self._made(f"packed.raw.{suffix}", make)
            if name == c.UNPACKER:
                self._settle([image])
                return self.bench.measured_command([*unpack, str(image)])
            with self._served(name, image, "") as server:
                return self.bench.measured(server, "direct")
        return measure

    # Shared parts

    def _made(self, name: str, make: Callable[[Path], object]) -> Path:
        """A file beside the raw disk, which `make` makes where no earlier run left it."""
        path = self.bench.data.raw.parent / name
        if not path.exists():
            say(f"  making {name}")
            partial = path.with_name(f"{name}.partial")
            partial.unlink(missing_ok=True)
            make(partial)
            partial.rename(path)
        return path

    def _settle(self, files: list[Path]) -> None:
        self.bench.settle()
        for file in files:
            self.bench.data.warm_file(file)

    def _served(self, name: str, image: Path, driver: str, *more: Path, settles: bool = True) -> c.Server:
        if settles:
            self._settle([image, *more])
        if name == c.STORAGE_DAEMON:
            return c.serve_image_daemon(self.bench.tools, image, driver)
        # The same rule as ovafs has: the name without its extensions.
        stem = image.name.removesuffix(".image").removesuffix(".xz").removesuffix(".zst").removesuffix(".raw")
        return c.serve_ovafs(self.bench.tools, image, [f"{stem}.raw"])
