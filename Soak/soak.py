#!/usr/bin/env python3
# Reads four mounts at random for half an hour while faults are injected, and fails on whatever is not as it should be.
# SPDX-License-Identifier: Apache-2.0
"""See docs/SOAK.md. scripts/soak.sh builds and calls this."""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import signal
import sys
import time
from pathlib import Path

from soak import report, sabotage, selftest
from soak.mounts import MountRefused
from soak.plan import MIB
from soak.run import Options, say, soak

PROVE_SECONDS = 75.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="soak.sh", description="Soaks ovafs: memory and descriptors flat, no wrong byte, no hung "
        "reader. Exit code 1 for whatever is found.")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long to read (default 30)")
    parser.add_argument("--readers", type=int, default=2, help="readers of each mount (default 2)")
    parser.add_argument("--size", type=int, default=128, metavar="MIB",
                        help="size of the largest disk of each source (default 128)")
    parser.add_argument("--seed", type=int, default=int(time.strftime("%Y%m%d")),
                        help="of disks, readers and faults (default the day)")
    parser.add_argument("--report", type=Path, default=Path("soak-report"), metavar="DIR",
                        help="where the report goes (default soak-report)")
    parser.add_argument("--sabotage", choices=sorted(sabotage.KINDS),
                        help="have the run fail in one known way")
    parser.add_argument("--prove", action="store_true",
                        help="run each sabotage for a minute or so, and see it found")
    parser.add_argument("--self-test", action="store_true",
                        help="test criterion, comparison, server and plot, without a mount")
    parser.add_argument("--ovafs", type=Path, required=True, help="the program")
    options = parser.parse_args()
    # What is shorter has next to nothing after the warm-up.
    if options.minutes < 1 or options.readers < 1 or options.size < 16:
        parser.error("--minutes from 1, --readers from 1 and --size from 16")
    return options


def one(options: Options) -> set[str]:
    """One run and its report; the kinds of failures."""
    options.report.mkdir(parents=True, exist_ok=True)
    run = soak(options)
    report.write(run)
    for failure in run.results.failures:
        say(f"  {failure.seconds:.1f} s, {failure.kind}: {failure.text}")
    say(f"{report.verdict_line(run)}; {options.report / 'report.md'}")
    return {failure.kind for failure in run.results.failures}


def prove(options: Options) -> int:
    """Each sabotage has to be found, and for what it is."""
    missed = []
    for kind, wanted in sabotage.KINDS.items():
        say(f"{kind}: has to fail with \"{wanted}\"")
        found = one(dataclasses.replace(
            options, seconds=PROVE_SECONDS, sabotage=kind, report=options.report / kind))
        if wanted not in found:
            missed.append(kind)
    say(f"NOT found: {', '.join(missed)}" if missed else "each sabotage was found")
    return 1 if missed else 0


def main() -> int:
    given = arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    # A shell starts background jobs with interrupts ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if given.self_test:
        return selftest.main()
    missing = [name for name in ("qemu-img", "qemu-io", "xz", "zstd", "cp", "dd") if not shutil.which(name)]
    if missing:
        print(f"soak: not installed: {', '.join(missing)}", file=sys.stderr)
        return 2
    options = Options(
        given.ovafs.resolve(), given.minutes * 60, given.readers, given.size * MIB, given.seed,
        given.report.resolve(), given.sabotage)
    try:
        return prove(options) if given.prove else int(bool(one(options)))
    except KeyboardInterrupt:
        return 130
    except (MountRefused, OSError, RuntimeError, ValueError) as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
