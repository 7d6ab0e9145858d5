# One run: builds, mounts, reads and troubles for as long as it is told, takes everything away, and judges.
# SPDX-License-Identifier: Apache-2.0
"""A run always ends with nothing mounted and no process left, and says so where it had to see to that itself."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from soak import data, flatness, mounts
from soak.copies import TOOLS
from soak.faults import Station, Troubles, Web
from soak.flatness import Verdict
from soak.lag import MOST_LOST, LagWatch
from soak.mounts import MountRefused
from soak.operations import listing_of
from soak.plan import MountPlan
from soak.readers import WATCH_SECONDS, Readers
from soak.results import Results, Sample, percentile
from soak.sabotage import Sabotage
from soak.web import FAULTS

SAMPLE_SECONDS = 1.0
# Building, ending and unmounting take no longer than this.
OVERTIME_SECONDS = 600.0
# A run that is at least so long has done everything at least once, or fails.
EXERCISED_SECONDS = 600.0
EVENTS = [*FAULTS, "stopped", "page cache dropped", "reader killed", *(f"copy by {tool}" for tool in TOOLS),
          *(f"guest, unmounted {end}" for end in ("quiet", "busy", "lazy"))]
OPERATIONS = ["pread", "direct", "map", "sequence", "holes", "storm",
              "list", "stat", "attributes", "counters"]


@dataclass
class Options:
    """What the command line says."""

    ovafs: Path
    seconds: float
    readers: int
    size: int
    seed: int
    report: Path
    sabotage: str | None


@dataclass
class Run:
    """A run that is over."""

    options: Options
    plans: list[MountPlan]
    results: Results
    seconds: float
    verdicts: dict[tuple[str, str], Verdict]
    web: dict[str, int]


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def soak(options: Options) -> Run:
    folder = Path(tempfile.mkdtemp(prefix="ovafs-soak-")).resolve()
    if not re.fullmatch(r"[A-Za-z0-9/._-]+", str(folder)):
        folder.rmdir()
        raise ValueError(
            f"{folder}: mountinfo and mount options write such a name in another way; set TMPDIR")
    results = Results()
    web: Web | None = None
    stations: list[Station] = []
    readers = Readers(folder, results, options.seed, options.sabotage == "byte")
    sabotage = Sabotage(options.sabotage, folder)
    counts: dict[str, int] = {}
    lag = LagWatch(results)
    watchdog = threading.Timer(options.seconds + OVERTIME_SECONDS, _break_off, (folder, results))
    watchdog.daemon = True
    watchdog.start()
    try:
        say(f"Building disks and references in {folder} ...")
        plans = data.build(folder, options.size)
        far = next(plan for plan in plans if plan.is_far)
        web = Web(Path(far.source))
        far.source = web.url
        for plan in plans:
            log = options.report / f"{plan.name}.log"
            log.unlink(missing_ok=True)
            mounted = mounts.mount(
                options.ovafs, plan.name, plan.source, folder / plan.name, f"{plan.options},log={log}")
            stations.append(Station(plan, mounted, listing_of(mounted.root)))
        say(f"Reading four mounts for {options.seconds / 60:g} minutes, seed {options.seed} ...")
        results.start = time.monotonic()
        lag.start()
        troubles = Troubles(stations, web, readers, results, options.ovafs, folder, options.seed)
        troubles.start()
        try:
            _watch(options, stations, readers, results, sabotage)
        finally:
            troubles.stop()
        seconds = min(results.seconds, options.seconds)
        readers.end()
    finally:
        readers.abandon()
        sabotage.end()
        if web:
            counts = web.stop()
        _take_away(options, stations, results, folder)
        watchdog.cancel()
    lag.stop()
    # A run ends early by failures only, which are in the report; what is too short for a verdict gets none.
    verdicts = _judge(stations, results, seconds) if seconds >= options.seconds else {}
    if seconds >= EXERCISED_SECONDS:
        judge_exercise(stations, results)
    if (lost := results.lost_since(results.start)) > MOST_LOST * seconds:
        results.fail("starved", f"in {lost:.0f} of {seconds:.0f} s the machine did not run this program: "
                                "what it has found, or not, shows nothing")
    return Run(options, plans, results, seconds, verdicts, counts)


def _break_off(folder: Path, results: Results) -> None:
    """Ends a run that does not end: a call of its own hangs in a mount, and goes on when the server is gone."""
    results.fail("hung", f"the run itself was not over {OVERTIME_SECONDS:.0f} s after its time")
    for pid in mounts.processes_naming(folder):
        os.kill(pid, signal.SIGKILL)


def _watch(options: Options, stations: list[Station], readers: Readers, results: Results,
           sabotage: Sabotage) -> None:
    """Keeps the readers alive and the samples coming until the time is over."""
    next_sample = SAMPLE_SECONDS
    shown_minute = 0
    while results.seconds < options.seconds:
        for station in stations:
            # Readers that wait for a server far away read little: there are twice as many.
            wanted = options.readers * (2 if station.plan.is_far else 1)
            for _ in range(wanted - readers.alive(station.plan.name)):
                readers.start(station.plan, station.mounted, station.listing)
        readers.watch()
        sabotage.at(results.seconds, options.seconds, stations)
        if results.seconds >= next_sample:
            next_sample += SAMPLE_SECONDS
            if not _sample(stations, results, sabotage):
                return
        if int(results.seconds) // 60 > shown_minute:
            shown_minute = int(results.seconds) // 60
            say(f"  {shown_minute} min: {len(results.failures)} failures")
        if results.failures_left_out:
            say("  too many failures: the run ends here")
            return
        time.sleep(WATCH_SECONDS)


def _sample(stations: list[Station], results: Results, sabotage: Sabotage) -> bool:
    """False where a server has ended by itself: nothing that follows would say more."""
    for station in stations:
        name = station.plan.name
        state = mounts.state_of(sabotage.server(station))
        if state is None:
            results.fail("error", f"{name}: the server has ended; its log is beside this report")
            return False
        reads, metadata, byte_count = results.drain(name)
        results.samples.append(Sample(
            results.seconds, name, state.rss_bytes, state.peak_bytes, state.descriptors, state.threads,
            len(reads), percentile(reads, 0.5), percentile(reads, 0.99), len(metadata),
            percentile(metadata, 0.5), percentile(metadata, 0.99), byte_count, results.faults_now(name)))
    return True


def _take_away(options: Options, stations: list[Station], results: Results, folder: Path) -> None:
    """Unmounts everything; what has to be taken away by force is a failure."""
    for station in stations:
        try:
            # A test of what is left may have stopped it.
            os.kill(station.mounted.pid, signal.SIGCONT)
        except ProcessLookupError:
            pass
        try:
            mounts.unmount(options.ovafs, station.mounted)
        except MountRefused as refused:
            results.fail("leftover", f"{station.plan.name}: {refused}")
        if not mounts.await_end(station.mounted):
            results.fail("leftover", f"{station.plan.name}: mount or server are still there")
    for point in reversed(mounts.mount_points(folder)):
        results.fail("leftover", f"{point} is still mounted")
        for words in (["umount", "--lazy", point], ["fusermount3", "-u", "-z", point]):
            # The second one is for who is not root.
            if subprocess.run(words, capture_output=True, check=False).returncode == 0:
                break
    for pid in mounts.processes_naming(folder):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            os.kill(pid, signal.SIGKILL)
        except (OSError, ProcessLookupError):
            continue
        results.fail("leftover", f"process {pid} was still there: {words}")
    if mounts.mount_points(folder):
        say(f"{folder} is left: something in it is still mounted")
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _judge(stations: list[Station], results: Results, seconds: float) -> dict[tuple[str, str], Verdict]:
    """The criterion of flatness, for each server."""
    verdicts = {}
    for station in stations:
        name = station.plan.name
        samples = results.of(name)
        verdicts[name, "memory"] = flatness.judge_memory(
            [(sample.seconds, sample.rss_bytes) for sample in samples], seconds)
        verdicts[name, "descriptors"] = flatness.judge_descriptors(
            [(sample.seconds, sample.descriptors) for sample in samples], seconds)
        verdicts[name, "threads"] = flatness.judge_threads(
            [(sample.seconds, sample.threads) for sample in samples], seconds)
    for (name, what), verdict in verdicts.items():
        if verdict.is_flat:
            continue
        if not verdict.seconds:
            results.fail("growth", f"{name}: {what}: too few samples after the warm-up to judge")
            continue
        results.fail("growth", f"{name}: {what} grew by {verdict.growth:,.0f} in {verdict.seconds:.0f} s, "
                               f"more than {verdict.bound:,.0f}")
    return verdicts


def judge_exercise(stations: list[Station], results: Results) -> None:
    """A check that was never made has not passed."""
    for event in EVENTS:
        if not results.events.get(event):
            results.fail("unexercised", f"in all the time: no {event}")
    for station in stations:
        counts = results.counts.get(station.plan.name)
        for operation in OPERATIONS:
            if not counts or not counts.operations.get(operation):
                results.fail("unexercised", f"{station.plan.name}: no {operation}")
