# A reader: a process that reads one mount until it is told to end, and reports a line of JSON each second.
# SPDX-License-Identifier: Apache-2.0
"""usage: python3 -m soak.reader PLAN.json

A process of its own, so that one that hangs, is killed or gets SIGBUS takes no other with it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from soak.copies import Copy
from soak.operations import Operations, Wrong
from soak.plan import ReaderPlan
from soak.slot import Slot

# Between two operations, so that what is timed is not the readers waiting for each other.
PAUSE_SECONDS = 0.002
REPORT_SECONDS = 1.0


class Reporter:
    """Gathers what happened, and writes it to standard output."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}
        self.counts: dict[str, int] = {}
        self._next = time.monotonic() + REPORT_SECONDS

    def note(self, kind: str, seconds: float) -> None:
        self.times.setdefault(kind, []).append(round(seconds * 1000, 4))

    def done(self, name: str, operations: Operations) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1
        if time.monotonic() >= self._next:
            self.flush(operations)

    def failed(self, what: dict) -> None:
        self._write({"failure": what})

    def flush(self, operations: Operations) -> None:
        self._write({"times": self.times, "counts": self.counts, "bytes": operations.compared})
        self.times, self.counts, operations.compared = {}, {}, 0
        self._next = time.monotonic() + REPORT_SECONDS

    @staticmethod
    def _write(message: dict) -> None:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def main() -> int:
    plan = ReaderPlan.load(Path(sys.argv[1]))
    slot = Slot(Path(plan.slot))
    reporter = Reporter()
    operations = Operations(plan, slot, reporter.note)
    parent = os.getppid()
    while not slot.is_to_end and os.getppid() == parent:
        if plan.mode == "mixed":
            name, run = operations.choose()
        else:
            name, run = plan.mode, Copy(operations, plan.mode).run
        start = time.monotonic()
        try:
            run()
        except Wrong as wrong:
            reporter.failed({"operation": name, "wrong": str(wrong), "from": start, "to": time.monotonic()})
        except OSError as error:
            words, began = operations.failed or (name, start)
            operations.failed = None
            reporter.failed({
                "operation": name, "errno": error.errno, "from": began, "to": time.monotonic(),
                "words": f"{words}: {error.strerror}"})
        reporter.done(name, operations)
        if plan.mode != "mixed":
            break
        time.sleep(PAUSE_SECONDS)
    reporter.flush(operations)
    return 0


if __name__ == "__main__":
    sys.exit(main())
