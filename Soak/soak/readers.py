# Starts readers, takes in what they report, sees to those that hang, and kills some on purpose.
# SPDX-License-Identifier: Apache-2.0
"""Each reader is a process, with a thread here that reads its lines and another one's eye on its slot."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from soak.mounts import Mounted
from soak.plan import KILLED_SECONDS, MountPlan, ReaderPlan
from soak.results import Results
from soak.slot import Slot

WATCH_SECONDS = 0.25


class Reader:
    """One reader, from its start to its end."""

    def __init__(self, plan: ReaderPlan, folder: Path, number: int, results: Results) -> None:
        self.plan = plan
        self.results = results
        self.is_expected_to_end = plan.mode != "mixed"
        self.is_hung = False
        # Its mount was taken from its place while it read: there is nothing at its paths any more.
        self.is_detached = False
        path = folder / f"reader-{number}.json"
        plan.write(path)
        self.slot = Slot(Path(plan.slot), is_made=True)
        self._errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [sys.executable, "-B", "-m", "soak.reader", str(path)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self._errors, cwd=Path(__file__).resolve().parent.parent,
            # A group of its own, so that the program that a reader copies with ends with it.
            start_new_session=True)
        self.started = time.monotonic()
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                # The last line of one that was killed.
                continue
            if self.is_detached and message.get("failure", {}).get("errno") == errno.ENOENT:
                continue
            self.results.take(self.plan.mount, message)
        self.process.wait()
        self._judge_end()

    def _judge_end(self) -> None:
        code = self.process.returncode
        if self.is_hung or (code == 0 and self.is_expected_to_end):
            return
        if code == -signal.SIGKILL and self.is_expected_to_end:
            return
        now = time.monotonic()
        # SIGBUS is what EIO is to a mapping.
        if code == -signal.SIGBUS and self.results.excuse(
                self.plan.mount, errno.EIO, now - self.plan.read_deadline, now):
            return
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        self.results.fail("error", f"{self.plan.mount}: a reader ended with {code} in {self.slot.words!r}: "
                                   f"{lines[-1] if lines else 'without a word'}")

    def watch(self) -> None:
        """Fails and kills it where a call takes longer than it may."""
        call = self.slot.under_way()
        if call is None or self.is_hung or self.process.poll() is not None:
            return
        seconds = time.monotonic() - call[0] - self.results.lost_since(call[0])
        if seconds <= call[1]:
            return
        self.is_hung = True
        stack = kernel_stack(self.process.pid)
        self.results.fail("hung", f"{self.plan.mount}: {self.slot.words} has taken {seconds:.1f} s{stack}")
        self.kill()

    def kill(self) -> float | None:
        """SIGKILL, which has to end it soon. Seconds until it was gone; None where it stayed."""
        self.is_expected_to_end = True
        if self.process.poll() is not None:
            return None
        start = time.monotonic()
        self.kill_group()
        deadline = start + 10 * KILLED_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        # What is lost is known a moment later.
        seconds = time.monotonic() - start
        if seconds > KILLED_SECONDS:
            time.sleep(2 * WATCH_SECONDS)
            seconds -= self.results.lost_since(start)
        if seconds > KILLED_SECONDS:
            self.results.fail("hung", f"{self.plan.mount}: a reader in {self.slot.words!r} was there "
                                      f"{seconds:.1f} s after SIGKILL{kernel_stack(self.process.pid)}")
        return seconds

    def kill_group(self) -> None:
        """SIGKILL to it and to the program that it copies with."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            # It has just ended by itself.
            pass

    def ask_to_end(self) -> None:
        self.is_expected_to_end = True
        self.slot.ask_to_end()

    def is_gone(self) -> bool:
        return not self.thread.is_alive()


def kernel_stack(pid: int) -> str:
    """Where a process waits in the kernel, as far as we may know."""
    try:
        lines = Path(f"/proc/{pid}/stack").read_text().splitlines()[:6]
        return "; the kernel: " + " < ".join(line.split("] ")[-1].split("+")[0] for line in lines)
    except OSError:
        return ""


class Readers:
    """All readers of a run."""

    def __init__(self, folder: Path, results: Results, seed: int, is_flipped: bool = False) -> None:
        self.folder = folder
        self.results = results
        self.seed = seed
        self.is_flipped = is_flipped
        self._readers: list[Reader] = []
        self._count = 0
        self._lock = threading.Lock()

    def start(self, plan: MountPlan, mounted: Mounted, listing: dict[str, list[int]], mode: str = "mixed",
              options: str | None = None) -> Reader:
        with self._lock:
            number = self._count
            self._count += 1
        reader_plan = ReaderPlan(
            plan.name, str(mounted.root), plan.targets, plan.is_far,
            "cache=none" in (plan.options if options is None else options), plan.read_deadline,
            plan.metadata_deadline, self.seed * 10_007 + number, str(self.folder / f"slot-{number}"),
            str(self.folder), mode, listing, self.is_flipped and number == 0)
        reader = Reader(reader_plan, self.folder, number, self.results)
        with self._lock:
            self._readers.append(reader)
        return reader

    def watch(self) -> None:
        """To be called again and again."""
        with self._lock:
            readers = list(self._readers)
        for reader in readers:
            reader.watch()
        with self._lock:
            self._readers = [reader for reader in self._readers if not reader.is_gone()]

    def alive(self, mount: str) -> int:
        """Readers of a mount that read until they are told to end."""
        with self._lock:
            return sum(1 for reader in self._readers
                       if reader.plan.mount == mount and reader.plan.mode == "mixed"
                       and not reader.is_expected_to_end and not reader.is_gone())

    def end(self) -> None:
        """Has all of them end, within the deadline of what they are in."""
        with self._lock:
            readers = list(self._readers)
        for reader in readers:
            reader.ask_to_end()
        while any(not reader.is_gone() for reader in readers):
            for reader in readers:
                reader.watch()
            time.sleep(WATCH_SECONDS)
            if all(reader.is_gone() or reader.is_hung for reader in readers):
                break

    def abandon(self) -> None:
        """SIGKILL to all, when the run is broken off."""
        with self._lock:
            readers = list(self._readers)
        for reader in readers:
            reader.is_expected_to_end = True
            reader.kill_group()
