# Runs commands and says what they took: time, processor time, peak memory.
# SPDX-License-Identifier: Apache-2.0
"""Processes, measured from outside."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 0.02
DEFAULT_TIMEOUT = 600.0


class Refused(Exception):
    """A contestant did not do what it was asked; the text is its own."""


@dataclass
class Usage:
    """What a command, or several at once, took."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str = ""
    # What the whole machine was busy for meanwhile, in seconds of one core; stolen time counts.
    machine_seconds: float = 0.0


class _Running:
    """One child, whose peak memory is watched while it runs.

    The peak is sampled from /proc, because the kernel's own `ru_maxrss` starts at the size of the process that
    forked: this interpreter.
    """

    def __init__(self, command: list[str], cwd: Path | None, timeout: float) -> None:
        self.command = command
        self.peak_bytes = 0
        self.timed_out = False
        self._errors = tempfile.TemporaryFile()
        self._output = tempfile.TemporaryFile()
        self._ended = threading.Event()
        self._process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=self._output, stderr=self._errors)
        self._deadline = time.monotonic() + timeout
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _watch(self) -> None:
        while True:
            self.peak_bytes = max(self.peak_bytes, peak_bytes_of(self._process.pid))
            if self._ended.wait(SAMPLE_SECONDS):
                return
            if time.monotonic() > self._deadline and not self.timed_out:
                self.timed_out = True
                self._process.kill()

    def wait(self) -> Usage:
        """Waits for the end. Raises `Refused` with the last line of its errors where it failed."""
        try:
            _, status, usage = os.wait4(self._process.pid, 0)
        except BaseException:
            # The child is ours to end, whatever interrupted the wait.
            self._process.kill()
            self._process.wait()
            self._ended.set()
            raise
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._ended.set()
        self._watcher.join()
        with self._errors as errors, self._output as output:
            errors.seek(0)
            output.seek(0)
            message = errors.read().decode(errors="replace").strip()
            text = output.read().decode(errors="replace")
        if self.timed_out:
            raise Refused(f"{Path(self.command[0]).name}: stopped after its time limit")
        if self._process.returncode != 0:
            last = message.splitlines()[-1] if message else f"exit status {self._process.returncode}"
            raise Refused(f"{Path(self.command[0]).name}: {last}")
        return Usage(0.0, usage.ru_utime + usage.ru_stime, self.peak_bytes, text)


def run(command: list[str], *, cwd: Path | None = None, timeout: float = DEFAULT_TIMEOUT) -> Usage:
    """Runs one command to its end."""
    return run_together([command], cwd=cwd, timeout=timeout)


def run_together(
    commands: list[list[str]], *, cwd: Path | None = None, timeout: float = DEFAULT_TIMEOUT
) -> Usage:
    """Runs commands at once; the time is the last one's."""
    busy = machine_busy_seconds()
    start = time.perf_counter()
    running = [_Running(command, cwd, timeout) for command in commands]
    parts = []
    failure: Refused | None = None
    for process in running:
        try:
            parts.append(process.wait())
        except Refused as refused:
            failure = failure or refused
    seconds = time.perf_counter() - start
    if failure:
        raise failure
    return Usage(
        seconds, sum(part.cpu_seconds for part in parts), max(part.peak_bytes for part in parts),
        "".join(part.output for part in parts), machine_busy_seconds() - busy)


def run_in_turn(commands: list[list[str]], *, cwd: Path | None = None) -> Usage:
    """Runs commands one after the other, as a script would."""
    start = time.perf_counter()
    parts = [run(command, cwd=cwd) for command in commands]
    return Usage(
        time.perf_counter() - start, sum(part.cpu_seconds for part in parts),
        max(part.peak_bytes for part in parts), machine_seconds=sum(part.machine_seconds for part in parts))


def machine_busy_seconds() -> float:
    """What all cores did since the machine started, but for waiting."""
    with open("/proc/stat", encoding="ascii") as stat:
        # user nice system idle iowait irq softirq steal; guest time is in user and nice.
        fields = [int(field) for field in stat.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def peak_bytes_of(pid: int) -> int:
    """VmHWM of a live process, in bytes; 0 where it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def cpu_seconds_of(pid: int) -> float:
    """User and system time of all threads of a live process, ended ones too."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def bytes_read_by(pid: int) -> int:
    """Bytes that a live process asked read calls for and got: its source, and little else."""
    with open(f"/proc/{pid}/io", encoding="ascii") as io:
        for line in io:
            if line.startswith("rchar:"):
                return int(line.split()[1])
    return 0


def processes_naming(text: str) -> list[int]:
    """Processes that have `text` in an argument: servers are found by their mount point."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                arguments = Path("/proc", entry, "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(text) in arguments:
                found.append(int(entry))
    return found
