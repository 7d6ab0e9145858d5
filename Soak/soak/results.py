# What a run has found: failures, faults under way, latencies, samples of each second.
# SPDX-License-Identifier: Apache-2.0
"""Everything that several threads write to is here, behind one lock."""

from __future__ import annotations

import csv
import errno
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from soak.plan import FAR_TIMEOUT

# After a fault ended, the server is asked anew at once; a machine may be slow to run who asks.
RECOVERY_SECONDS = 3.0
MOST_FAILURES = 30


@dataclass
class Failure:
    """Something that must not be."""

    kind: str
    text: str
    seconds: float


@dataclass
class Window:
    """A fault of the server of the far mount, or of a local one."""

    mount: str
    kind: str
    start: float
    end: float | None = None

    def covers(self, start: float, end: float) -> bool:
        """Whether a call that was under way from `start` to `end` may have failed because of it.

        One that began when it was over may not: a server that is well is asked at once.
        """
        last = self.end if self.end is not None else float("inf")
        return self.start <= end and start <= last and end <= last + FAR_TIMEOUT + RECOVERY_SECONDS


@dataclass
class Sample:
    """One second of one mount."""

    seconds: float
    mount: str
    rss_bytes: int
    peak_bytes: int
    descriptors: int
    threads: int
    reads: int
    read_median: float | None
    read_99: float | None
    metadata: int
    metadata_median: float | None
    metadata_99: float | None
    byte_count: int
    faults: str


def percentile(values: list[float], part: float) -> float | None:
    """The smallest value that at least `part` of them do not exceed."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -(-int(len(ordered) * part * 1_000_000) // 1_000_000) - 1)]


@dataclass
class Counts:
    """What was done in all, by mount."""

    operations: dict[str, int] = field(default_factory=dict)
    longest: dict[str, float] = field(default_factory=dict)
    byte_count: int = 0
    excused: dict[str, int] = field(default_factory=dict)


class Results:
    """What is known of the run so far."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.failures: list[Failure] = []
        self.failures_left_out = 0
        self.windows: list[Window] = []
        self.samples: list[Sample] = []
        self.counts: dict[str, Counts] = {}
        self.events: dict[str, int] = {}
        self.killed: list[float] = []
        self.mount_seconds: list[float] = []
        self._latencies: dict[str, dict[str, list[float]]] = {}
        self._byte_counts: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start

    def fail(self, kind: str, text: str) -> None:
        with self._lock:
            if len(self.failures) < MOST_FAILURES:
                self.failures.append(Failure(kind, text, self.seconds))
            else:
                self.failures_left_out += 1

    def note(self, event: str) -> None:
        with self._lock:
            self.events[event] = self.events.get(event, 0) + 1

    def open_window(self, mount: str, kind: str) -> Window:
        window = Window(mount, kind, time.monotonic())
        with self._lock:
            self.windows.append(window)
            self.events[kind] = self.events.get(kind, 0) + 1
        return window

    def note_lag(self, start: float, end: float) -> None:
        """The machine did not run us. For the far mount that is a fault as good as any other."""
        with self._lock:
            self.windows.append(Window("far", "starved", start, end))
            self.events["starved"] = self.events.get("starved", 0) + 1

    def lost_since(self, start: float) -> float:
        """Seconds since `start` in which the machine did not run us."""
        with self._lock:
            return sum(max(0.0, window.end - max(window.start, start)) for window in self.windows
                       if window.kind == "starved" and window.end is not None)

    def take(self, mount: str, message: dict) -> None:
        """A line of a reader."""
        if "failure" in message:
            self._take_failure(mount, message["failure"])
            return
        with self._lock:
            counts = self.counts.setdefault(mount, Counts())
            for name, count in message["counts"].items():
                counts.operations[name] = counts.operations.get(name, 0) + count
            counts.byte_count += message["bytes"]
            self._byte_counts[mount] = self._byte_counts.get(mount, 0) + message["bytes"]
            for kind, times in message["times"].items():
                self._latencies.setdefault(mount, {}).setdefault(kind, []).extend(times)
                counts.longest[kind] = max(counts.longest.get(kind, 0.0), max(times, default=0.0))

    def _take_failure(self, mount: str, what: dict) -> None:
        if "wrong" in what:
            self.fail("wrong", f"{mount}, {what['operation']}: {what['wrong']}")
            return
        if not self.excuse(mount, what["errno"], what["from"], what["to"]):
            name = errno.errorcode.get(what["errno"], str(what["errno"]))
            self.fail("error", f"{mount}, {what['operation']}: {name}, {what['words']}")

    def excuse(self, mount: str, code: int, start: float, end: float) -> bool:
        """Whether an error may be: only EIO, of the far mount, while its server fails or for the timeout after it."""
        if mount != "far" or code != errno.EIO:
            return False
        with self._lock:
            windows = [window for window in self.windows
                       if window.mount == mount and window.covers(start, end)]
            if windows:
                excused = self.counts.setdefault(mount, Counts()).excused
                # Of several, the one that lasted longest has most likely done it.
                kind = max(windows, key=lambda window: (window.end or end) - window.start).kind
                excused[kind] = excused.get(kind, 0) + 1
            return bool(windows)

    def drain(self, mount: str) -> tuple[list[float], list[float], int]:
        """Latencies in ms of reads and of metadata since the last call, and the bytes read."""
        with self._lock:
            times = self._latencies.pop(mount, {})
            return times.get("read", []), times.get("metadata", []), self._byte_counts.pop(mount, 0)

    def faults_now(self, mount: str) -> str:
        with self._lock:
            return " ".join(window.kind for window in self.windows
                            if window.mount == mount and window.end is None)

    def of(self, mount: str) -> list[Sample]:
        return [sample for sample in self.samples if sample.mount == mount]

    def write_samples(self, path: Path) -> None:
        names = list(Sample.__dataclass_fields__)
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(names)
            for sample in self.samples:
                writer.writerow([shown(getattr(sample, name)) for name in names])


def shown(value: object) -> object:
    if value is None:
        return ""
    return round(value, 3) if isinstance(value, float) else value
