# Runs a command under kill-at, and reads what that has written down.
# SPDX-License-Identifier: Apache-2.0
"""A run of a command that is counted, or killed at a place."""

from __future__ import annotations

import os
import subprocess
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

KILLED = 137
FAILED = 125
# A machine may be busy; what does not end at all is found all the same.
TIME_LIMIT = 240.0
# Calls of which half is a state of its own: what a fatal signal leaves of a long one.
TORN_NAMES = {"write", "pwrite", "writev", "pwritev", "pwritev2", "sendto"}


class ToolFailure(Exception):
    """The check itself could not be made."""


@dataclass(frozen=True)
class Place:
    """A system call of a run: the `number`-th of `kind`, and what becomes of it."""

    kind: str
    number: int
    when: str

    def __str__(self) -> str:
        return f"{self.when} {self.kind}:{self.number}"


@dataclass(frozen=True)
class Event:
    """A call's begin or end."""

    is_end: bool
    thread: int
    kind: str
    number: int
    name: str
    result: int
    file: str
    folder: str
    path: str


@dataclass
class Trace:
    """The calls of a run, in their order."""

    events: list[Event]
    is_killed: bool

    @property
    def counts(self) -> Counter[str]:
        return Counter(event.kind for event in self.events if not event.is_end)

    @property
    def begun(self) -> list[Event]:
        return [event for event in self.events if not event.is_end]


@dataclass
class Outcome:
    """What came of a run."""

    exit_code: int
    errors: str
    trace: Trace


def clean_environment(more: dict[str, str]) -> dict[str, str]:
    """This process's, without what would lead a command to a server or cloud of the user's."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("OS_") and not name.lower().endswith("_proxy")}
    return {**kept, "LC_ALL": "C.UTF-8", **more}


class Tracer:
    """Runs commands under kill-at."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.log = folder / "calls"

    def run(self, command: list[str], environment: dict[str, str], place: Place | None = None, *,
            sockets: bool = False,
            meanwhile: Callable[[subprocess.Popen[bytes]], None] | None = None) -> Outcome:
        """Runs `command`, and kills it where `place` says; `meanwhile` is called while it runs."""
        arguments = [str(self.program), "--trace", str(self.log)]
        if sockets:
            arguments.append("--sockets")
        if place:
            arguments += ["--at", f"{place.kind}:{place.number}", "--when", place.when]
        self.log.unlink(missing_ok=True)
        with subprocess.Popen(
                [*arguments, "--", *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, env=clean_environment(environment), cwd=self.folder) as process:
            timer = threading.Timer(TIME_LIMIT, process.kill)
            timer.start()
            try:
                if meanwhile:
                    meanwhile(process)
                errors = process.communicate()[1].decode(errors="replace")
            except BaseException:
                # With it goes all that it traces.
                process.kill()
                raise
            finally:
                timer.cancel()
        code = process.returncode
        if code < 0:
            raise ToolFailure(f"{' '.join(command)}: did not end within {TIME_LIMIT:.0f} s ({place})")
        if code == FAILED:
            raise ToolFailure(f"{' '.join(command)}: {errors.strip()} ({place})")
        return Outcome(code, errors, read_trace(self.log))


def read_trace(path: Path) -> Trace:
    """The lines of kill-at; the last one says how it ended."""
    lines = path.read_text(errors="surrogateescape").splitlines()
    events = []
    for line in lines[:-1]:
        what, thread, kind, number, name, result, file, folder, name_of_file = line.split("\t")
        events.append(Event(what == "end", int(thread), kind, int(number), name, int(result), file, folder,
                            name_of_file))
    return Trace(events, lines[-1].split("\t")[0] == "killed")
