# From single measurements to medians, ratios, goals, a Markdown table and JSON.
# SPDX-License-Identifier: Apache-2.0
"""The report of a run."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field

from peers import contestants as c
from peers.formats import FORMATS, HUGE, PACKED, WAYS
from peers.workloads import Measurement, Workload

MIB = 1 << 20
# What else a machine may do, in parts of its cores, before the report warns. Writing files back is in it.
QUIET_SHARE = 0.10
CACHE_BYTES = 64 * MIB  # the default of `-o cache_size`


@dataclass
class Series:
    """The measurements of one contestant in one workload."""

    measurements: list[Measurement] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    @property
    def median(self) -> float | None:
        # A contestant that failed once has no median: the rest would be a choice.
        if self.refusals or not self.measurements:
            return None
        return statistics.median(entry.value for entry in self.measurements)

    @property
    def spread(self) -> tuple[float, float]:
        values = [entry.value for entry in self.measurements]
        return min(values), max(values)

    @property
    def peak_bytes(self) -> int:
        return max((entry.peak_bytes or 0 for entry in self.measurements), default=0)

    def median_cpu(self) -> float | None:
        values = [entry.cpu_seconds for entry in self.measurements if entry.cpu_seconds is not None]
        return statistics.median(values) if values and not self.refusals else None


@dataclass
class Goal:
    """One line of the goals: what was reached, in words, and whether that is enough."""

    workload: str
    text: str
    reached: str
    is_met: bool | None  # None: it could not be measured


class Results:
    """All series of a run."""

    def __init__(
        self, cores: int, inflate_cpu: list[float], inflate_disks_cpu: dict[str, list[float]], hash_seconds: list[float]
    ) -> None:
        self.cores = cores
        self.inflate_cpu = inflate_cpu
        # For each workload that reads several disks, all of its disks.
        self.inflate_disks_cpu = inflate_disks_cpu
        # SHA-256 of the first disk's VMDK, from memory, on one thread.
        self.hash_seconds = hash_seconds
        self.series: dict[str, dict[str, Series]] = {}
        self.workloads: list[Workload] = []
        self.digests: dict[str, str] = {}

    def add(self, workload: Workload, name: str, outcome: Measurement | str) -> None:
        if workload not in self.workloads:
            self.workloads.append(workload)
        series = self.series.setdefault(workload.key, {}).setdefault(name, Series())
        if isinstance(outcome, str):
            series.refusals.append(outcome)
        else:
            series.measurements.append(outcome)

    def median(self, key: str, name: str) -> float | None:
        series = self.series.get(key, {}).get(name)
        return series.median if series else None

    def workload(self, key: str) -> Workload | None:
        return next((entry for entry in self.workloads if entry.key == key), None)

    def limit(self, key: str) -> float | None:
        """Seconds that no program on these cores can be under, with this library and this file system layer."""
        workload = self.workload(key)
        if not workload or not workload.limit or not self.inflate_cpu:
            return None
        inflating = statistics.median(self.inflate_cpu)
        if workload.limit == "decoding":
            return inflating / self.cores
        if workload.limit == "disks":
            # What the null disk's run took for each byte, and inflating all that these disks have.
            null = self.series.get("a-cached", {}).get(c.NULL)
            cpu = null.median_cpu() if null else None
            times = self.inflate_disks_cpu.get(key)
            if cpu is None or not times:
                return None
            return (cpu * workload.null_factor + statistics.median(times)) / self.cores
        null = self.series.get(key, {}).get(c.NULL)
        cpu = null.median_cpu() if null else None
        if null is None or cpu is None:
            return None
        # The hole that the disk ends with is read by one reader when there is nothing left to inflate.
        elapsed = null.median or 0
        idle = max(0.0, elapsed - cpu / self.cores) * workload.last_hole
        return (cpu + inflating) / self.cores + idle

    def ratio(self, key: str, peer: str) -> float | None:
        """How many times as fast as `peer` ovafs is."""
        ours, theirs = self.median(key, c.OVAFS), self.median(key, peer)
        workload = self.workload(key)
        if not ours or not theirs or not workload:
            return None
        return ours / theirs if workload.higher_is_better else theirs / ours

    def other_share(self) -> float:
        """The part of the cores that went to no contestant while contestants ran."""
        entries = [entry.details for found in self.series.values() for series in found.values()
                   for entry in series.measurements if "other_cpu_seconds" in entry.details]
        seconds = sum(float(entry["seconds"]) for entry in entries)
        other = sum(float(entry["other_cpu_seconds"]) for entry in entries)
        return other / seconds / self.cores if seconds else 0.0

    # Goals

    def goals(self) -> list[Goal]:
        found = [
            self._times_as_fast("a-direct", c.STORAGE_DAEMON, 5),
            self._within_limit("a-direct", 1.2),
            self._within_limit("a-cached", 1.2),
            self._ahead_of_all("a-cached"),
            self._times_as_fast("b-copy", c.QEMU_IMG, 2),
            self._times_as_fast("c-null", c.QEMU_IMG, 5),
            self._times_as_fast("c-file", c.QEMU_IMG, 2),
            self._times_as_fast("d-cold-8", c.STORAGE_DAEMON, 3),
            self._times_as_fast("d-cache-1", c.STORAGE_DAEMON, 10),
            self._times_as_fast("d-cache-8", c.STORAGE_DAEMON, 10),
            self._ahead_of_all("e-two", 2.5),
            self._within_limit("e-two", 1.3),
            self._within_limit("e-eight", 1.3),
            self._below("f-first-byte", 60, "60 ms", lambda value: f"{value:.1f} ms"),
            self._below("f-source", 1024, "1 MiB", lambda value: f"{value:.0f} KiB"),
            self._peak("g-huge", CACHE_BYTES + 40 * MIB),
            *(self._times_as_fast(f"h-{place}-{way}", c.NULL, 0.8)
              for place in ("disk", "tmpfs") for way in ("cached", "random-1", "random-8")),
            *(self._with_copying(f"h-{place}-direct", 1.3) for place in ("disk", "tmpfs")),
            *(self._times_as_fast(f"i-{form}-{way}", c.ONE_PIECE, 0.8)
              for form in ("archive", "folder") for way in ("dd", "random")),
            self._times_as_fast("j-folder", c.ARCHIVE, 0.9),
            self._read_once("k-stored", 1.01),
            self._with_hashing("k-stored", 1.3),
            self._below("l-latency", 50, "50 ms", lambda value: f"{value:.1f} ms"),
            *(self._times_as_fast(f"m-{form.key}-{way}", c.STORAGE_DAEMON, form.goal)
              for form in FORMATS for way, _, _ in WAYS),
            self._times_as_fast("n-chain", c.ONE_IMAGE, 0.77),
            *(self._below(f"o-{name}", 100, "100 ms", lambda value: f"{value:.1f} ms") for name, _, _ in HUGE),
            *(self._peak(f"o-{name}", 40 * MIB) for name, _, _ in HUGE),
            *(self._times_as_fast(f"p-{suffix}", c.UNPACKER, 1) for suffix, _, _ in PACKED),
        ]
        return [goal for goal in found if goal.workload in self.series]

    def _times_as_fast(self, key: str, peer: str, wanted: float) -> Goal:
        ratio = self.ratio(key, peer)
        reached = "not measured" if ratio is None else f"{ratio:.2f} ×"
        return Goal(key, f"{wanted:g} × as fast as {peer}", reached, None if ratio is None else ratio >= wanted)

    def _within_limit(self, key: str, wanted: float) -> Goal:
        limit, ours = self.limit(key), self.median(key, c.OVAFS)
        text = f"at most {wanted:g} × the limit"
        if not limit or not ours:
            return Goal(key, text, "not measured", None)
        return Goal(key, text, f"{ours / limit:.2f} ×", ours / limit <= wanted)

    def _ahead_of_all(self, key: str, wanted: float = 1) -> Goal:
        text = "ahead of every peer" if wanted == 1 else f"{wanted:g} × as fast as the best peer"
        peers = [name for name in self.series.get(key, {}) if name != c.OVAFS and name not in c.REFERENCES]
        ratios = {name: ratio for name in peers if (ratio := self.ratio(key, name)) is not None}
        if not ratios:
            return Goal(key, text, "not measured", None)
        nearest = min(ratios, key=lambda name: ratios[name])
        return Goal(key, text, f"{ratios[nearest]:.2f} × the nearest, {nearest}",
                    ratios[nearest] > 1 and ratios[nearest] >= wanted)

    def _read_once(self, key: str, wanted: float) -> Goal:
        text = f"at most {wanted:g} bytes read from the source for each that is served"
        series = self.series.get(key, {}).get(c.OVAFS)
        if not series or series.median is None:
            return Goal(key, text, "not measured", None)
        most = max(float(entry.details["source_bytes"]) / float(entry.details["served_bytes"])
                   for entry in series.measurements)
        return Goal(key, text, f"{most:.3f}", most <= wanted)

    def _with_copying(self, key: str, wanted: float) -> Goal:
        text = f"at most {wanted:g} × the time of the null disk and of reading the file"
        ours, null, file = (self.median(key, name) for name in (c.OVAFS, c.NULL, c.FILE))
        if not ours or not null or not file:
            return Goal(key, text, "not measured", None)
        ratio = ours / (null + file)
        return Goal(key, text, f"{ratio:.2f} ×", ratio <= wanted)

    def _with_hashing(self, key: str, wanted: float) -> Goal:
        text = f"at most {wanted:g} × the time without a manifest and of hashing"
        ours, plain = self.median(key, c.OVAFS), self.median(key, c.UNLISTED)
        if not ours or not plain or not self.hash_seconds:
            return Goal(key, text, "not measured", None)
        ratio = ours / (plain + statistics.median(self.hash_seconds))
        return Goal(key, text, f"{ratio:.2f} ×", ratio <= wanted)

    def _below(self, key: str, wanted: float, shown: str, show: object) -> Goal:
        ours = self.median(key, c.OVAFS)
        reached = "not measured" if ours is None else show(ours)  # type: ignore[operator]
        return Goal(key, f"under {shown}", reached, None if ours is None else ours < wanted)

    def _peak(self, key: str, wanted: int) -> Goal:
        series = self.series.get(key, {}).get(c.OVAFS)
        beside = wanted - CACHE_BYTES
        text = (f"peak memory at most the cache ({CACHE_BYTES // MIB} MiB) + {beside // MIB} MiB" if beside > 0
                else f"peak memory at most {wanted // MIB} MiB")
        if not series or series.median is None:
            return Goal(key, text, "not measured", None)
        return Goal(key, text, f"{series.peak_bytes / MIB:.1f} MiB", series.peak_bytes <= wanted)

    # Output

    def markdown(self, description: list[str]) -> str:
        lines = [*description, ""]
        lines += ["| | workload | contestant | median | min – max | ovafs is | CPU | peak memory | goal |",
                  "|---|---|---|---:|---:|---:|---:|---:|---|"]
        for workload in self.workloads:
            first = True
            for name, series in self.series[workload.key].items():
                lines.append(self._row(workload, name, series, first))
                first = False
            limit = self.limit(workload.key)
            if limit is not None:
                ours = self.median(workload.key, c.OVAFS)
                times = f"at {ours / limit:.2f} × the limit" if ours else ""
                lines.append(f"| | | *limit* | {_shown(limit, 's')} | | {times} | | | |")
        if self.inflate_cpu:
            low, high = min(self.inflate_cpu), max(self.inflate_cpu)
            middle = statistics.median(self.inflate_cpu)
            lines.append(
                f"| | inflating all grains from memory | *libdeflate, one thread* | {_shown(middle, 's')} | "
                f"{_shown(low, 's')} – {_shown(high, 's')} | | {middle:.2f} s | | |")
        if self.hash_seconds:
            lines.append(f"| | SHA-256 of the first VMDK from memory | *OpenSSL, one thread* | "
                         f"{_shown(statistics.median(self.hash_seconds), 's')} | | | | | |")
        share = self.other_share()
        lines += ["", f"While the contestants ran, {share:.0%} of the cores went to the rest of the machine"
                  + (": **too much for these times to mean anything; run it again on a quiet one.**"
                     if share > QUIET_SHARE else ".")]
        lines += [*self._refusals(), *self._digest_lines()]
        return "\n".join(lines) + "\n"

    def _row(self, workload: Workload, name: str, series: Series, first: bool) -> str:
        head = f"| {workload.letter} | {workload.title} " if first else "| | "
        median = series.median
        if median is None:
            return f"{head}| {name} | refused | | | | | |"
        low, high = series.spread
        cpu = series.median_cpu()
        ratio = None if name in (c.OVAFS, c.NULL) and workload.limit else self.ratio(workload.key, name)
        ratio = None if name == c.OVAFS else ratio
        goals = ""
        if name == c.OVAFS:
            goals = "; ".join(
                f"{goal.text}: {goal.reached}, **{_verdict(goal)}**" for goal in self.goals()
                if goal.workload == workload.key)
        cells = [
            f"**{name}**" if name == c.OVAFS else f"*{name}*" if name in c.REFERENCES else name,
            _shown(median, workload.unit), f"{_shown(low, workload.unit)} – {_shown(high, workload.unit)}",
            f"{ratio:.2f} × as fast" if ratio is not None and workload.unit != "KiB" else "",
            "" if cpu is None else f"{cpu:.2f} s",
            f"{series.peak_bytes / MIB:.0f} MiB" if series.peak_bytes else "", goals]
        return f"{head}| {' | '.join(cells)} |"

    def _refusals(self) -> list[str]:
        found: dict[str, None] = {}
        for workload in self.workloads:
            for name, series in self.series[workload.key].items():
                for text in series.refusals:
                    found[f"- {workload.key}, {name}: {text}"] = None
        return ["", "Refused:", "", *found, ""] if found else []

    def _digest_lines(self) -> list[str]:
        if not self.digests:
            return []
        same = [name for name, verdict in self.digests.items() if verdict == "same"]
        lines = ["", f"The whole disk's SHA-256 is that of the original for: {', '.join(same) or 'no one'}."]
        lines += [f"**Not for {name}: {verdict}.**" for name, verdict in self.digests.items() if verdict != "same"]
        return lines

    def json(self, machine: dict) -> dict:
        return {
            "machine": machine,
            "digests": self.digests,
            "share_of_cores_elsewhere": self.other_share(),
            "inflate_cpu_seconds": self.inflate_cpu,
            "inflate_disks_cpu_seconds": self.inflate_disks_cpu,
            "hash_seconds": self.hash_seconds,
            "goals": [asdict(goal) for goal in self.goals()],
            "workloads": [
                {
                    "key": workload.key, "title": workload.title, "unit": workload.unit,
                    "higher_is_better": workload.higher_is_better, "limit": self.limit(workload.key),
                    "contestants": {
                        name: {
                            "median": series.median, "refusals": series.refusals,
                            "times_as_fast_as_this": self.ratio(workload.key, name),
                            "measurements": [asdict(entry) for entry in series.measurements],
                        }
                        for name, series in self.series[workload.key].items()
                    },
                }
                for workload in self.workloads
            ],
        }


def _verdict(goal: Goal) -> str:
    return {True: "met", False: "not met", None: "not measured"}[goal.is_met]


def _shown(value: float, unit: str) -> str:
    if unit == "reads/s" or unit == "KiB":
        return f"{value:,.0f} {unit}"
    if unit == "ms":
        return f"{value:.1f} ms"
    return f"{value:.2f} s" if value >= 1 else f"{value:.3f} s"
