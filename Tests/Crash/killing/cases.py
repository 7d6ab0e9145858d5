# What is killed: a case prepares a folder, runs a command there, and looks at what is left.
# SPDX-License-Identifier: Apache-2.0
"""Places are chosen by counting; each gets a new folder, a kill, a look, and later runs of the command."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from killing.power import unsafe_renames
from killing.tracer import (
    KILLED, TIME_LIMIT, TORN_NAMES, Outcome, Place, ToolFailure, Trace, Tracer, clean_environment)

# Calls of a kind that has no more than these are all taken, whatever the limit is.
RARE = 24
# Of a kind that has more, those at its beginning and its end are, too.
EDGE = 4


class Case:
    """A command that writes. `at` is a folder of a point's own."""

    title = ""
    exit_code = 0
    counts_sockets = False
    # Whether the documents promise that what has its name outlasts a crash of the machine.
    is_durable = False

    def __init__(self, tracer: Tracer, program: list[str]) -> None:
        self.tracer = tracer
        self.program = program

    def prepare(self, at: Path) -> None:
        """What is there before."""

    def command(self, at: Path) -> list[str]:
        """What is killed, without the program."""
        raise NotImplementedError

    def environment(self, at: Path) -> dict[str, str]:
        # Only the programs of naive.py have a word behind their name.
        if not self.program[1:]:
            return {}
        return {"CRASH_PLAN": json.dumps([[str(name), str(reference)] for name, reference in self.plan(at)])}

    def plan(self, at: Path) -> list[tuple[Path, Path]]:
        """Only for programs of naive.py: which files the command makes, and where their right content is."""
        return []

    def meanwhile(self, at: Path, process: subprocess.Popen[bytes]) -> None:
        """What is done while the command runs."""

    def look(self, at: Path) -> list[str]:
        """What is wrong after a kill."""
        raise NotImplementedError

    def again(self, at: Path) -> list[str]:
        """What is wrong with later runs after a kill, and with what is left then."""
        raise NotImplementedError

    def complete(self, at: Path) -> list[str]:
        """What is wrong after a run that was not killed."""
        raise NotImplementedError

    def learn(self, at: Path) -> None:
        """Keeps what a run that was not killed has made, to compare with."""

    # Running

    def run(self, at: Path, place: Place | None = None) -> Outcome:
        def meanwhile(process: subprocess.Popen[bytes]) -> None:
            self.meanwhile(at, process)

        return self.tracer.run([*self.program, *self.command(at)], self.environment(at), place,
                               sockets=self.counts_sockets, meanwhile=meanwhile)

    def call(self, at: Path, arguments: list[str]) -> tuple[int, str]:
        """Runs the program without a tracer; its exit code, and what it said on standard error."""
        try:
            done = subprocess.run([*self.program, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                                  env=clean_environment(self.environment(at)), cwd=self.tracer.folder,
                                  timeout=TIME_LIMIT, check=False)
        except subprocess.TimeoutExpired as error:
            raise ToolFailure(f"{' '.join(arguments)}: did not end within {error.timeout:.0f} s") from error
        return done.returncode, done.stderr.decode(errors="replace").strip()


@dataclass
class Row:
    """A line of the table."""

    title: str
    # Calls of a run that is not killed, and places of these: torn ones are places, too.
    calls: Counter[str] = field(default_factory=Counter)
    place_count: int = 0
    tried: int = 0
    killed: int = 0
    # Runs that ended by themselves: at a call more than there are, or with fewer of them in another order of threads.
    ended: int = 0
    violations: list[str] = field(default_factory=list)

    def text(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.calls.items()))
        chosen = "all" if self.tried >= self.place_count else f"{self.tried}"
        verdict = f"{len(self.violations)} VIOLATIONS" if self.violations else "none"
        return (f"| {self.title} | {kinds} | {chosen} of {self.place_count} | {self.killed} | {self.ended} "
                f"| {verdict} |")


HEAD = ("| command | calls of a whole run | places | killed at | ended by itself | violations |\n"
        "|---|---|---:|---:|---:|---|")


def places(trace: Trace, limit: int, source: random.Random) -> tuple[list[Place], int]:
    """Where to kill, and of how many places: all of rare kinds, of frequent ones both ends and a sample."""
    rare: list[Place] = []
    frequent: list[Place] = []
    counts = trace.counts
    for event in trace.begun:
        ways = ["before", "torn"] if event.name in TORN_NAMES else ["before"]
        is_edge = event.number <= EDGE or event.number > counts[event.kind] - EDGE
        group = rare if counts[event.kind] <= RARE or is_edge else frequent
        group += [Place(event.kind, event.number, way) for way in ways]
    if trace.begun:
        last = trace.begun[-1]
        rare.append(Place(last.kind, last.number, "after"))
    # One more than there are: the run has to end by itself.
    rare += [Place(kind, count + 1, "before") for kind, count in sorted(counts.items()) if count <= RARE]
    sample = source.sample(frequent, max(0, min(len(frequent), limit - len(rare))))
    sample.sort(key=lambda place: (place.kind, place.number, place.when))
    return rare + sample, len(rare) + len(frequent)


def attack(case: Case, limit: int, seed: int, until: re.Pattern[str] | None = None) -> Row:
    """Kills the case's command at its places, one after the other; until `until` fits a violation."""
    row = Row(case.title)
    base = case.tracer.folder / "case"

    def fresh() -> Path:
        shutil.rmtree(base, ignore_errors=True)
        base.mkdir(mode=0o700)
        case.prepare(base)
        return base

    at = fresh()
    outcome = case.run(at)
    if outcome.exit_code != case.exit_code:
        said = f"exit code {outcome.exit_code} without a kill: {outcome.errors.strip()}"
        raise ToolFailure(f"{case.title}: {said}")
    case.learn(at)
    row.violations += [f"without a kill: {text}" for text in case.complete(at)]
    if case.is_durable:
        row.violations += [f"without a kill: {text}" for text in unsafe_renames(outcome.trace)]
    row.calls = outcome.trace.counts
    chosen, row.place_count = places(outcome.trace, limit, random.Random(seed))
    for place in chosen:
        if until and any(until.search(text) for text in row.violations):
            break
        at = fresh()
        outcome = case.run(at, place)
        row.tried += 1
        if outcome.trace.is_killed and outcome.exit_code == KILLED:
            row.killed += 1
            found = case.look(at) or case.again(at)
        else:
            row.ended += 1
            found = [] if outcome.exit_code == case.exit_code else [
                f"exit code {outcome.exit_code}, not killed: {outcome.errors.strip()}"]
            found += case.complete(at)
        row.violations += [f"{place}: {text}" for text in found]
    if row.killed == 0 and not row.violations:
        raise ToolFailure(f"{case.title}: was killed nowhere")
    shutil.rmtree(base, ignore_errors=True)
    return row
