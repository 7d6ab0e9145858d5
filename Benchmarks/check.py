#!/usr/bin/env python3
# Gates on what is stable: instructions, heap allocations and source bytes of one operation, against thresholds.
# SPDX-License-Identifier: Apache-2.0
"""Called by `make bench-check` from the root of the project, after `run-case` was built.

Each case runs N and 2N times in a process of its own. What the second run took more, divided by N, is one
operation: start, preparation and end are in both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
# How often: few for what is long, as valgrind is fifty times slower than the machine.
COUNTS = {
    "open-disk": 200, "extent-lookup": 20000, "grain-decode": 192, "run-decode": 24, "cache-hit": 10000,
    "raw-read": 10000, "chunk-read": 10000, "hole-gather": 10000,
    "tar-index": 1, "envelope-largest": 10, "envelope-generated": 10,
}
# In the steady state these allocate nothing, whatever the thresholds say.
NEVER_ALLOCATE = ["extent-lookup", "grain-decode", "run-decode", "cache-hit", "raw-read", "chunk-read", "hole-gather"]
INSTRUCTION_TOLERANCE = 0.03
# The same for runs that differ by the random start of a hash or by a table that grew a step later.
ALLOCATION_TOLERANCE = 0.01
MISSING_INPUT = 3


class Failure(Exception):
    """The check itself could not be done."""


class MissingInput(Exception):
    """A case needs a file that this machine does not have."""


@dataclass
class Cost:
    """What one operation takes."""

    instructions: float
    allocations: float
    source_bytes: float


class Checker:
    def __init__(self, program: Path, counter: Path, folder: Path) -> None:
        self.program = program
        self.counter = counter
        self.folder = folder

    def cost(self, name: str, count: int) -> Cost:
        once, twice = (self._source_bytes(name, times) for times in (count, 2 * count))
        source = (twice - once) / count
        once, twice = (self._allocations(name, times) for times in (count, 2 * count))
        allocations = (twice - once) / count
        once, twice = (self._instructions(name, times) for times in (count, 2 * count))
        return Cost((twice - once) / count, allocations, source)

    def _source_bytes(self, name: str, count: int) -> int:
        return int(self._run([], name, count, {}))

    def _allocations(self, name: str, count: int) -> int:
        report = self.folder / "allocations"
        report.unlink(missing_ok=True)
        self._run([], name, count, {"LD_PRELOAD": str(self.counter), "ALLOCATION_COUNT": str(report)})
        if not report.exists():
            raise Failure("the allocation counter was not loaded")
        return int(report.read_text())

    def _instructions(self, name: str, count: int) -> int:
        report = self.folder / "callgrind"
        report.unlink(missing_ok=True)
        self._run(["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={report}"], name, count, {})
        total = re.search(r"^(?:summary|totals): (\d+)", report.read_text(), re.MULTILINE)
        if not total:
            raise Failure("callgrind counted nothing")
        return int(total[1])

    def _run(self, prefix: list[str], name: str, count: int, environment: dict[str, str]) -> str:
        result = subprocess.run(
            [*prefix, str(self.program), name, str(count)], capture_output=True, text=True, check=False,
            # The order of a dictionary would be another one in each process.
            env={**os.environ, "SWIFT_DETERMINISTIC_HASHING": "1", **environment})
        if result.returncode == MISSING_INPUT:
            raise MissingInput(result.stderr.strip())
        if result.returncode != 0:
            raise Failure(f"{name}: {(result.stderr.strip() or str(result.returncode)).splitlines()[-1]}")
        return result.stdout.strip()


def violations(name: str, cost: Cost, threshold: dict | None) -> list[str]:
    """What is wrong with a case, a line each."""
    found = []
    if name in NEVER_ALLOCATE and cost.allocations > ALLOCATION_TOLERANCE:
        found.append(f"{name}: {cost.allocations:.2f} heap allocations an operation, and there must be none")
    if threshold is None:
        return [*found, f"{name}: has no threshold; make bench-check UPDATE=1 adds it"]
    limit = threshold["instructions"] * (1 + INSTRUCTION_TOLERANCE)
    if cost.instructions > limit:
        more = cost.instructions / threshold["instructions"] - 1
        found.append(f"{name}: {cost.instructions:,.0f} instructions an operation, {more:.1%} over the threshold "
                     f"of {threshold['instructions']:,.0f} ({INSTRUCTION_TOLERANCE:.0%} are tolerated)")
    if cost.allocations > threshold["allocations"] + ALLOCATION_TOLERANCE:
        found.append(f"{name}: {cost.allocations:.2f} heap allocations an operation, "
                     f"the threshold is {threshold['allocations']:.2f}")
    if cost.source_bytes > threshold["source_bytes"]:
        found.append(f"{name}: {cost.source_bytes:,.1f} bytes read from the source an operation, "
                     f"the threshold is {threshold['source_bytes']:,.1f}")
    return found


def row(name: str, cost: Cost, threshold: dict | None, verdict: str) -> str:
    change = ""
    if threshold and threshold["instructions"]:
        change = f"{cost.instructions / threshold['instructions'] - 1:+.1%}"
    return (f"{name:<19} {cost.instructions:>15,.0f} {change:>8} {cost.allocations:>12,.2f} "
            f"{cost.source_bytes:>15,.1f}  {verdict}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="check.py")
    parser.add_argument("--update", action="store_true", help="write what is measured as the new thresholds")
    parser.add_argument("--only", nargs="+", choices=sorted(COUNTS), help="some cases")
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--counter", type=Path, required=True)
    options = parser.parse_args()

    file = HERE / "Thresholds" / f"{platform.machine()}.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    listed = subprocess.run([options.program, "--list"], capture_output=True, text=True, check=True).stdout
    names = [line.split("\t")[0] for line in listed.splitlines()]
    if sorted(names) != sorted(COUNTS):
        raise Failure(f"run-case has the cases {', '.join(names)}, and this script {', '.join(COUNTS)}")

    problems: list[str] = []
    notes: list[str] = []
    print(f"{'one operation':<19} {'instructions':>15} {'':>8} {'allocations':>12} {'source bytes':>15}")
    with tempfile.TemporaryDirectory() as folder:
        checker = Checker(options.program, options.counter, Path(folder))
        for name in names:
            if options.only and name not in options.only:
                continue
            try:
                cost = checker.cost(name, COUNTS[name])
            except MissingInput as missing:
                notes.append(f"not checked: {missing}; envelope-generated stands for it")
                print(f"{name:<19} {'':>53}  not checked")
                continue
            before = known.get(name)
            wrong = violations(name, cost, before)
            if options.update:
                known[name] = {
                    "instructions": round(cost.instructions), "allocations": round(cost.allocations, 2),
                    "source_bytes": round(cost.source_bytes, 1)}
                wrong = violations(name, cost, known[name])
            elif before and cost.instructions < before["instructions"] * (1 - INSTRUCTION_TOLERANCE):
                notes.append(f"{name} is better than its threshold: make bench-check UPDATE=1 keeps it so")
            problems += wrong
            print(row(name, cost, before, "over" if wrong else "ok"), flush=True)
    if options.update:
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n")
        print(f"written: {file.relative_to(HERE.parent)}")
    for note in notes:
        print(f"bench-check: {note}")
    for problem in problems:
        print(f"bench-check: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"bench-check: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
