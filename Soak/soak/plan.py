# What is mounted, what is read of it, and how long that may take: said once, for the run and for its readers.
# SPDX-License-Identifier: Apache-2.0
"""Plans travel as JSON from the run to its readers, which are processes of their own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

MIB = 1 << 20
# Seconds that a read of the far mount may wait for its server (`timeout=`).
FAR_TIMEOUT = 6
# A server is stopped for so long; its readers wait meanwhile.
STOP_SECONDS = 1.0
# Added to each deadline: what a busy machine may take to run a process that could run.
SLACK_SECONDS = 15.0
# A reader that was sent SIGKILL is gone after so many seconds.
KILLED_SECONDS = 1.0


@dataclass
class Target:
    """A file of a mount, and where its bytes are in a reference."""

    path: str
    reference: str
    start: int
    byte_count: int
    # A disk has holes and attributes of its own; a member that is shown as stored has not.
    is_disk: bool = True


@dataclass
class MountPlan:
    """One mount: its source, its options and its files."""

    name: str
    source: str
    options: str
    targets: list[Target]
    is_far: bool = False
    # Mounted for a while with each of these in turn, beside the mount that stays.
    variants: list[tuple[str, str]] = field(default_factory=list)

    @property
    def read_deadline(self) -> float:
        """The kernel asks a second time for what it wanted to read ahead, hence twice the timeout."""
        return (2 * FAR_TIMEOUT if self.is_far else STOP_SECONDS) + SLACK_SECONDS

    @property
    def metadata_deadline(self) -> float:
        """Names and attributes wait for no source, so the timeout is not in it."""
        return STOP_SECONDS + SLACK_SECONDS / 2


@dataclass
class ReaderPlan:
    """What one reader does, until it is told to end."""

    mount: str
    root: str
    targets: list[Target]
    is_far: bool
    # Mounted with cache=none.
    is_uncached: bool
    read_deadline: float
    metadata_deadline: float
    seed: int
    slot: str
    scratch: str
    # "mixed", or the program that copies a disk once: "cp", "dd" or "dd-direct".
    mode: str
    # Each path beneath the root, with its inode number and, where it does not change, its size.
    listing: dict[str, list[int]]
    # Of all bytes that are compared, the first that is taken for another one: shows that the comparison can fail.
    flipped: bool = False

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @staticmethod
    def load(path: Path) -> ReaderPlan:
        fields = json.loads(path.read_text())
        fields["targets"] = [Target(**target) for target in fields["targets"]]
        return ReaderPlan(**fields)
