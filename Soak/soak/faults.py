# What is done to the mounts while they are read: faults, dropped caches, killed readers, copies, guests.
# SPDX-License-Identifier: Apache-2.0
"""Three threads, each with one thing after the other, drawn from shuffled decks, so that each kind has its turn."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from soak import mounts
from soak.copies import TOOLS
from soak.mounts import Mounted, MountRefused
from soak.operations import listing_of
from soak.plan import FAR_TIMEOUT, STOP_SECONDS, MountPlan
from soak.readers import WATCH_SECONDS, Readers
from soak.results import RECOVERY_SECONDS, Results
from soak.web import FAULTS

# Seconds that each fault of the far server lasts, from and to; only `away` outlasts the timeout of a read.
DURATIONS = {"away": (FAR_TIMEOUT + 2.0, FAR_TIMEOUT + 4.0), "silence": (1.0, FAR_TIMEOUT / 2)}
USUAL_DURATION = (2.0, 5.0)
GUEST_SECONDS = (2.0, 5.0)
# The exit codes of ovafs for a source that cannot be read, and for a mount that cannot be taken away.
UNREADABLE, BUSY = 3, 4


def deck(source: random.Random, cards: list) -> Iterator:
    """All cards in some order, then all of them in another one, without end."""
    while True:
        yield from source.sample(cards, len(cards))


class Web:
    """The far server, a process of its own."""

    def __init__(self, file: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-m", "soak.web", str(file)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parent.parent)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/{file.name}"

    def set(self, fault: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{fault}\n")
        self._process.stdin.flush()

    def stop(self) -> dict[str, int]:
        """Ends it; how many requests it had, and how many of them each fault met."""
        if self._process.returncode is not None:
            return {}
        try:
            output, _ = self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            output, _ = self._process.communicate()
        return json.loads(output) if output else {}


class Station:
    """A mount that stays, with what is needed to trouble it."""

    def __init__(self, plan: MountPlan, mounted: Mounted, listing: dict[str, list[int]]) -> None:
        self.plan = plan
        self.mounted = mounted
        self.listing = listing
        # Held while its server is stopped, and while one of its readers is killed: a killed reader cannot go
        # before a stopped server has answered what it has begun.
        self.running = threading.Lock()

    def cached_files(self) -> list[Path]:
        """What the page cache may have of it: its own files, and those that it is read from."""
        files = [self.mounted.root / target.path for target in self.plan.targets]
        if not self.plan.is_far:
            source = Path(self.plan.source)
            files += [source, *source.parent.glob("base.qcow2")]
        return files


class Troubles:
    """Runs until `stop`."""

    def __init__(self, stations: list[Station], web: Web, readers: Readers, results: Results, ovafs: Path,
                 folder: Path, seed: int) -> None:
        self.stations = stations
        self.web = web
        self.readers = readers
        self.results = results
        self.ovafs = ovafs
        self.folder = folder
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(loop, random.Random(seed * 31 + number)), daemon=True)
            for number, loop in enumerate([self._far_faults, self._local_faults, self._guests])]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._end.set()
        for thread in self._threads:
            while thread.is_alive():
                # One of theirs may hang, and no one else looks after it now.
                self.readers.watch()
                thread.join(WATCH_SECONDS)

    def _run(self, loop: Callable[[random.Random], None], source: random.Random) -> None:
        try:
            loop(source)
        except Exception as error:  # A thread that ends in silence would leave a run without faults.
            self.results.fail("soak", f"{loop.__name__.strip('_')} ended: {error!r}")

    def _pause(self, source: random.Random, least: float, most: float) -> bool:
        """False where the run ends."""
        return not self._end.wait(source.uniform(least, most))

    # The server of the far mount.

    def _far_faults(self, source: random.Random) -> None:
        for fault in deck(source, list(FAULTS)):
            # Long enough that what one fault has done is over before the next one.
            if not self._pause(source, RECOVERY_SECONDS, RECOVERY_SECONDS + 5.0):
                return
            window = self.results.open_window("far", fault)
            self.web.set(fault)
            self._end.wait(source.uniform(*DURATIONS.get(fault, USUAL_DURATION)))
            self.web.set("well")
            window.end = time.monotonic()

    # Servers that are stopped, and pages that are forgotten.

    def _local_faults(self, source: random.Random) -> None:
        local = [station for station in self.stations if not station.plan.is_far]
        stops = deck(source, local)
        drops = deck(source, self.stations)
        for kind in deck(source, ["stop", "drop", "drop"]):
            if not self._pause(source, 1.0, 4.0):
                return
            if kind == "drop":
                self.results.note("page cache dropped")
                mounts.drop_cached(next(drops).cached_files())
            else:
                self._stop_server(next(stops))

    def _stop_server(self, station: Station) -> None:
        with station.running:
            window = self.results.open_window(station.plan.name, "stopped")
            os.kill(station.mounted.pid, signal.SIGSTOP)
            try:
                time.sleep(STOP_SECONDS)
            finally:
                os.kill(station.mounted.pid, signal.SIGCONT)
                window.end = time.monotonic()

    # Those that come and go.

    def _guests(self, source: random.Random) -> None:
        # Readers that are killed are so more often where they wait: far away.
        kills = deck(source, [*self.stations, *(station for station in self.stations if station.plan.is_far)])
        copies = deck(source, [(station, tool) for station in self.stations for tool in TOOLS])
        guests = deck(source, [(station, variant) for station in self.stations
                               for variant in station.plan.variants])
        ends = deck(source, ["quiet", "busy", "lazy"])
        for kind in deck(source, ["kill", "kill", "copy", "guest"]):
            if not self._pause(source, 0.5, 2.0):
                return
            if kind == "kill":
                self._kill_reader(next(kills), source)
            elif kind == "copy":
                self._copy(*next(copies))
            else:
                self._guest(*next(guests), next(ends), source)

    def _kill_reader(self, station: Station, source: random.Random) -> None:
        reader = self.readers.start(station.plan, station.mounted, station.listing)
        self._end.wait(source.uniform(0.3, 2.0))
        with station.running:
            seconds = reader.kill()
        if seconds is not None:
            self.results.note("reader killed")
            self.results.killed.append(seconds)

    def _copy(self, station: Station, tool: str) -> None:
        reader = self.readers.start(station.plan, station.mounted, station.listing, tool)
        while not (reader.is_gone() or reader.is_hung):
            if self._end.wait(0.1):
                reader.ask_to_end()
                return
        self.results.note(f"copy by {tool}")

    def _guest(self, station: Station, variant: tuple[str, str], end: str, source: random.Random) -> None:
        """Another mount of the same source: mounted, read, unmounted."""
        root = self.folder / "guest"
        options = f"{variant[1]},log={self.folder / 'guest.log'}"
        start = time.monotonic()
        try:
            mounted = mounts.mount(self.ovafs, "guest", variant[0] or station.plan.source, root, options)
        except MountRefused as refused:
            # While its server fails, a package cannot be opened; everything else can.
            if refused.status != UNREADABLE or not self.results.excuse(
                    station.plan.name, errno.EIO, start, time.monotonic()):
                self.results.fail("error", f"{station.plan.name}, a guest with {variant[1]}: {refused}")
            return
        self.results.mount_seconds.append(mounted.seconds)
        try:
            self._read_guest(station, mounted, variant[1], end, source)
        finally:
            if mounts.is_mounted(root):
                mounts.unmount(self.ovafs, mounted, "--lazy")
            if not mounts.await_end(mounted):
                self.results.fail(
                    "leftover", f"{station.plan.name}: the server of a guest ({end}) did not end")
        self.results.note(f"guest, unmounted {end}")

    def _read_guest(self, station: Station, mounted: Mounted, options: str, end: str,
                    source: random.Random) -> None:
        # Its own: .ova/info.json and the stored file differ where the guest is another form of the same disk.
        listing = listing_of(mounted.root)
        reader = self.readers.start(station.plan, mounted, listing, options=options)
        self._end.wait(source.uniform(*GUEST_SECONDS))
        if end == "busy":
            # A mount that is used stays. The reader may have no file open yet.
            with open(mounted.root / station.plan.targets[0].path, "rb"):
                try:
                    mounts.unmount(self.ovafs, mounted)
                except MountRefused as refused:
                    if refused.status != BUSY:
                        raise
                else:
                    self.results.fail("error", f"{station.plan.name}: a guest that was used was unmounted")
                    reader.is_detached = True
        if end == "lazy":
            reader.is_expected_to_end = reader.is_detached = True
            mounts.unmount(self.ovafs, mounted, "--lazy")
            reader.kill()
            return
        reader.ask_to_end()
        while not (reader.is_gone() or reader.is_hung):
            time.sleep(0.05)
        mounts.unmount(self.ovafs, mounted)
