#!/usr/bin/env python3
# Kills ovafs at each system call that changes a file, and looks at what is left; scripts/run-crash.sh builds and calls this.
# SPDX-License-Identifier: Apache-2.0
"""Prints a table; exit status 1 where a file was not whole under its final name. See CONTRIBUTING.md."""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable

from killing.caches import IndexedCopy, RemoteCopy, SpooledCopy, lose_power
from killing.cases import HEAD, Case, Row, attack
from killing.cloud import Cloud
from killing.copies import copies
from killing.inputs import Inputs, make_inputs
from killing.records import Recording
from killing.tracer import ToolFailure, Tracer
from killing.uploads import Upload
from killing.web import Web

NAIVE = Path(__file__).with_name("naive.py")
NAIVE_PLACES = 60

# A way of naive.py, the title of a case, and what has to be found.
WRONG_WAYS = [
    ("in_place", "extract: one disk", r"^torn write:.*disk.raw is a part"),
    ("removed_first", "extract --force: over an older file", r"^before .* was there, and is gone"),
    ("own_name", "extract: one disk", r"^before .* is left, which is no name of an output"),
    ("stuck", "extract: one disk", r"^before .* the next run ends with 2"),
    ("in_place", "extract: three disks into a folder that it makes", r"^before .*disk3.raw is a part"),
    ("renamed", "extract --damaged=zero: a damaged disk", r"^before .* its map is missing"),
    ("renamed", "extract --fsync: three disks", r"^without .* before its bytes are on the disk"),
    ("synchronised_early", "extract --fsync: three disks", r"^without .* before its bytes are on the disk"),
    ("folder_forgotten", "extract --fsync: three disks", r"^without .* the folder of .* not synchronised"),
    ("trusting", "extract --cache-dir: .gz, an index written", r"^before .* the index is a part"),
    ("trusting", "extract --cache-dir: a web server with ranges", r"^before .* after the next run: disk.raw"),
    ("in_place", "mount -o record=: a new record", r"^before .* the record is a part"),
    ("in_place", "mount -o record=: over an earlier record", r"^before .* the record is a part"),
    ("endless", "upload: a disk", r"^before .* the image is active with"),
]


class Servers:
    """What some cases talk to."""

    def __init__(self, inputs: Inputs, stack: contextlib.ExitStack) -> None:
        self.ranges = Web(inputs.folder, has_ranges=True)
        stack.callback(self.ranges.stop)
        self.no_ranges = Web(inputs.folder, has_ranges=False)
        stack.callback(self.no_ranges.stop)
        self.cloud = Cloud()
        stack.callback(self.cloud.stop)


def cases(tracer: Tracer, program: list[str], inputs: Inputs, servers: Servers) -> list[Case]:
    return [
        *copies(tracer, program, inputs),
        SpooledCopy(tracer, program, inputs, servers.no_ranges),
        IndexedCopy(tracer, program, inputs, inputs.gzipped),
        IndexedCopy(tracer, program, inputs, inputs.gzipped, is_replaced=True),
        IndexedCopy(tracer, program, inputs, inputs.bzipped),
        RemoteCopy(tracer, program, inputs, servers.ranges, has_ranges=True),
        RemoteCopy(tracer, program, inputs, servers.no_ranges, has_ranges=False),
        Recording(tracer, program, inputs, servers.ranges),
        Recording(tracer, program, inputs, servers.ranges, is_replaced=True),
        Upload(tracer, program, inputs, servers.cloud),
    ]


def prove_that_it_can_fail(made: Callable[[list[str]], list[Case]], options: argparse.Namespace) -> list[str]:
    """Runs the cases with programs that do it wrong; returns the wrong ways that were not found."""
    print("Programs that write as they must not, and what is found first:\n")
    print("| way | command | found |\n|---|---|---|")
    missed = []
    for way, title, pattern in WRONG_WAYS:
        (case,) = [case for case in made([str(NAIVE), way]) if case.title == title]
        row = attack(case, NAIVE_PLACES, options.seed, re.compile(pattern))
        found = next((text for text in row.violations if re.search(pattern, text)), None)
        print(f"| {way} | {title} | {found or 'NOT FOUND'} |", flush=True)
        if not found:
            missed.append(f"{way}, {title}: not found (but {row.violations[:3]})")
    print()
    return missed


def check(made: Callable[[list[str]], list[Case]], options: argparse.Namespace) -> list[Row]:
    """Kills ovafs."""
    rows = []
    print(HEAD, flush=True)
    for case in made([str(options.ovafs)]):
        if options.only and not any(part in case.title for part in options.only):
            continue
        rows.append(attack(case, options.places, options.seed))
        print(rows[-1].text(), flush=True)
        if isinstance(case, (IndexedCopy, RemoteCopy)):
            rows.append(lose_power(case))
            print(rows[-1].text(), flush=True)
    return rows


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run-crash.sh",
        description="Kills ovafs at each system call that changes a file, and looks at what is left.")
    parser.add_argument("--places", type=int, default=80, metavar="N",
                        help="of a command: all rare calls, and a sample of frequent ones (default 80)")
    parser.add_argument("--seed", type=int, default=int(time.strftime("%Y%m%d")),
                        help="of the samples (default the day)")
    parser.add_argument("--only", nargs="+", metavar="TEXT", help="commands whose titles have one of these")
    parser.add_argument("--ovafs", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--kill-at", type=Path, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def unmount_all(folder: Path) -> None:
    """Takes mounts away that an end in the middle has left."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4]
        if point.startswith(f"{folder}/"):
            subprocess.run(["umount", "--lazy", point], check=False)


def run(options: argparse.Namespace, folder: Path) -> int:
    options.ovafs = options.ovafs.resolve()
    tracer = Tracer(options.kill_at.resolve(), folder)
    inputs = make_inputs(folder / "inputs")
    with contextlib.ExitStack() as stack:
        servers = Servers(inputs, stack)

        def made(program: list[str]) -> list[Case]:
            return cases(tracer, program, inputs, servers)

        missed = prove_that_it_can_fail(made, options)
        rows = check(made, options)
    for row in rows:
        for text in row.violations:
            print(f"crash: {row.title}: {text}", file=sys.stderr)
    for text in missed:
        print(f"crash: {text}", file=sys.stderr)
    tried, known = sum(row.tried for row in rows), sum(row.place_count for row in rows)
    killed, count = sum(row.killed for row in rows), sum(len(row.violations) for row in rows)
    print(f"\n{tried} of {known} places, seed {options.seed}: killed at {killed}, {count} violations")
    if not rows:
        raise ToolFailure("no command has such a title")
    return 1 if count or missed else 0


def main() -> int:
    options = arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="ovafs-crash.")).resolve()
    try:
        return run(options, folder)
    except ToolFailure as error:
        print(f"crash: cannot be checked: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        unmount_all(folder)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
