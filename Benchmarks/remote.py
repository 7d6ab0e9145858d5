#!/usr/bin/env python3
# Measures ovafs and its peers on a disk behind a web server with round trips; remote.sh builds and calls this.
# SPDX-License-Identifier: Apache-2.0
"""Requests, bytes and seconds side by side. See docs/BENCHMARKS.md, "From afar"."""

from __future__ import annotations

import argparse
import json
import mmap
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from network.appliance import write_appliance
from network.contestants import NBDKIT, OVAFS, QEMU, serve
from network.links import Links, table as table_of_ratios
from network.web import Web
from peers.contestants import Server, Tools
from peers.data import GIB, MIB, prepare, say
from peers.processes import Refused, run

PEERS = [OVAFS, QEMU, NBDKIT]
SEED = 20261122


@dataclass
class Limits:
    """What ovafs may ask for: these are gates."""

    requests: int
    mebibytes: float


@dataclass
class Work:
    """Something that is done with a disk that has just been mounted, or the mounting itself."""

    key: str
    title: str
    limits: Limits
    action: Callable[[Server, Path], None] | None
    # Where a rate says more than a time: the guest bytes of it.
    guest_bytes: int = 0
    names: list[str] = field(default_factory=lambda: PEERS)
    appliance: bool = False


def look(server: Server, _: Path) -> None:
    disk = str(server.disks[0])
    subprocess.run(["fdisk", "-l", disk], capture_output=True, check=True)
    subprocess.run(["file", "-s", disk], capture_output=True, check=True)


def list_folders(server: Server, folder: Path) -> None:
    guest = folder / "guest"
    guest.mkdir(exist_ok=True)
    device = subprocess.run(["losetup", "--read-only", "--find", "--show", str(server.disks[0])],
                            capture_output=True, check=True, text=True).stdout.strip()
    try:
        subprocess.run(["mount", "-o", "ro,noload", device, str(guest)], capture_output=True, check=True)
        try:
            names = sorted(entry for entry in guest.iterdir() if entry.is_dir())[:3]
            subprocess.run(["ls", "-l", *map(str, names)], capture_output=True, check=True)
        finally:
            subprocess.run(["umount", str(guest)], check=True)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def read_at_random(server: Server, _: Path) -> None:
    places = random.Random(SEED)
    descriptor = os.open(server.disks[0], os.O_RDONLY | os.O_DIRECT)
    try:
        size = os.fstat(descriptor).st_size or os.lseek(descriptor, 0, os.SEEK_END)
        with mmap.mmap(-1, 4096) as buffer:
            for _ in range(32):
                os.preadv(descriptor, [buffer], places.randrange(size // 4096) * 4096)
    finally:
        os.close(descriptor)


def read_data(server: Server, _: Path) -> None:
    run(["dd", f"if={server.disks[0]}", "of=/dev/null", "bs=1M", "count=400", "status=none"])


WORKS = [
    Work("open", "open one streamOptimized disk", Limits(5, 2), None),
    Work("look", "fdisk -l and file -s", Limits(3, 2), look),
    Work("list", "ls -l of three folders of a guest's file system", Limits(10, 5), list_folders),
    Work("random", "32 random reads of 4 KiB", Limits(48, 16), read_at_random),
    # What is under way when it ends is at most 16 MiB.
    Work("dd", "dd of 400 MiB", Limits(64, 176), read_data, guest_bytes=400 * MIB),
    Work("package", "mount an OVA of 20 GiB with four disks", Limits(8, 4), None, names=[OVAFS], appliance=True),
]


@dataclass
class Row:
    """All rounds of one contestant at one work and one round trip."""

    seconds: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    mebibytes: list[float] = field(default_factory=list)
    refusal: str = ""

    def text(self, work: Work) -> str:
        if self.refusal:
            return self.refusal
        seconds = statistics.median(self.seconds)
        speed = f"{work.guest_bytes / MIB / seconds:.0f} MiB/s" if work.guest_bytes else f"{seconds:.2f} s"
        return f"{statistics.median(self.requests):.0f} / {statistics.median(self.mebibytes):.1f} / {speed}"

    def is_within(self, limits: Limits) -> bool:
        return (not self.refusal and max(self.requests) <= limits.requests
                and max(self.mebibytes) <= limits.mebibytes)


class Measuring:
    """Runs works against a web server."""

    def __init__(self, tools: Tools, web: Web, stem: str) -> None:
        self.tools = tools
        self.web = web
        self.stem = stem

    def measure(self, work: Work, name: str, milliseconds: int, row: Row) -> None:
        url = self.web.url("far.ova" if work.appliance else f"{self.stem}.vmdk", milliseconds)
        stem = "far-disk1" if work.appliance else self.stem
        mark = self.web.mark()
        start = time.perf_counter()
        with serve(name, self.tools, url, stem) as server:
            if work.action:
                mark = self._settled()
                start = time.perf_counter()
                work.action(server, self.tools.folder)
            seconds = time.perf_counter() - start
        asked = self.web.since(mark)
        row.seconds.append(seconds)
        row.requests.append(asked.requests)
        row.mebibytes.append(asked.byte_count / MIB)

    def _settled(self) -> int:
        """A mark behind all that opening has asked for."""
        mark = self.web.mark()
        self.web.since(mark)
        return self.web.mark()


def table(rows: dict[tuple[str, str, int], Row], works: list[Work], round_trips: list[int]) -> str:
    lines = ["| work (requests / MiB fetched / time) | round trip | "
             + " | ".join(PEERS) + " | at most | kept |", "|---|---|" + "---|" * (len(PEERS) + 2)]
    for work in works:
        for milliseconds in round_trips:
            cells = [rows[key].text(work) if (key := (work.key, name, milliseconds)) in rows else ""
                     for name in PEERS]
            kept = "yes" if rows[work.key, OVAFS, milliseconds].is_within(work.limits) else "NO"
            lines.append(f"| {work.title} | {milliseconds} ms | " + " | ".join(cells)
                         + f" | {work.limits.requests} / {work.limits.mebibytes:g} | {kept} |")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="remote.sh", description="Compares ovafs with its peers on a disk behind a web server. Needs root.")
    parser.add_argument("--repeat", type=int, default=3, help="rounds; medians are of these (default 3)")
    parser.add_argument("--round-trips", type=int, nargs="+", default=[0, 20, 100], metavar="MS",
                        help="in milliseconds (default 0 20 100)")
    parser.add_argument("--only", nargs="+", choices=[work.key for work in WORKS], help="some works (default all)")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parent / "data",
                        help="where the data is kept between runs (default Benchmarks/data)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single measurement")
    parser.add_argument("--ovafs", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--relay", type=Path, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(options: argparse.Namespace, folder: Path) -> int:
    data = prepare(options.data.resolve(), 2 * GIB)
    root = data.one.disks[0].vmdk.parent
    if not (root / "far.ova").exists():
        say("Writing an appliance of 20 GiB ...")
        write_appliance(root / "far.ova.partial", 4, 5 * GIB)
        (root / "far.ova.partial").rename(root / "far.ova")
    tools = Tools(options.ovafs.resolve(), Path(), folder)
    works = [work for work in WORKS if not options.only or work.key in options.only]
    web = Web(root, options.relay.resolve(), folder, options.round_trips)
    rows: dict[tuple[str, str, int], Row] = {}
    try:
        measuring = Measuring(tools, web, data.one.disks[0].vmdk.stem)
        for work in works:
            for number in range(options.repeat):
                for milliseconds in options.round_trips:
                    shift = number % len(work.names)
                    for name in work.names[shift:] + work.names[:shift]:
                        row = rows.setdefault((work.key, name, milliseconds), Row())
                        if row.refusal:
                            continue
                        try:
                            measuring.measure(work, name, milliseconds, row)
                        except (Refused, OSError, subprocess.SubprocessError) as error:
                            row.refusal = str(error)
                        say(f"  {work.key} {milliseconds} ms {number + 1}/{options.repeat} {name}: {row.text(work)}")
        ratios = [] if options.only else Links(
            tools, web, data.one.disks[0].vmdk.stem, options.repeat).ratios()
    finally:
        web.stop()
    print(table(rows, works, options.round_trips))
    if ratios:
        print("\n" + table_of_ratios(ratios))
    if options.json:
        options.json.write_text(json.dumps(
            [{"work": key, "contestant": name, "roundTripMilliseconds": milliseconds, **vars(row)}
             for (key, name, milliseconds), row in rows.items()], indent=2) + "\n")
    broken = [work.key for work in works for milliseconds in options.round_trips
              if not rows[work.key, OVAFS, milliseconds].is_within(work.limits)]
    if broken:
        print(f"remote: more than allowed is asked for: {', '.join(sorted(set(broken)))}", file=sys.stderr)
    return 1 if broken else 0


def main() -> int:
    options = arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    options.data.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="remote-", dir=options.data.resolve()))
    try:
        return measure(options, folder)
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
