# What a reader does with a mount, one operation at a time, and how each is compared with the reference.
# SPDX-License-Identifier: Apache-2.0
"""Reads of all kinds, holes, attributes, listings. Only calls to the mount are timed, not comparisons."""

from __future__ import annotations

import errno
import json
import mmap
import os
import random
import stat
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from soak.plan import MIB, ReaderPlan, Target
from soak.reference import Reference
from soak.slot import Slot

PAGE = mmap.PAGESIZE
# Linux 5.14: faults pages in, and answers EFAULT where touching them would be SIGBUS.
MADV_POPULATE_READ = 22
BUFFER = 2 * MIB
LARGEST_READ = MIB
LARGEST_FAR_READ = 256 << 10
STORM_OPENS = 100


class Wrong(Exception):
    """The mount said something that is not so."""


class Operations:
    """The operations of one reader. Each raises `Wrong`, or the `OSError` that it met."""

    def __init__(self, plan: ReaderPlan, slot: Slot, note: Callable[[str, float], None]) -> None:
        self.plan = plan
        self.slot = slot
        self.random = random.Random(plan.seed)
        # How many bytes were compared and found the same.
        self.compared = 0
        # The call that failed, and when it began.
        self.failed: tuple[str, float] | None = None
        self._note = note
        self._references: dict[str, Reference] = {}
        self._files: dict[str, int] = {}
        self._buffer = mmap.mmap(-1, BUFFER)
        self._largest = LARGEST_FAR_READ if plan.is_far else LARGEST_READ
        self._is_flipped = plan.flipped
        self.all: list[tuple[str, int, Callable[[], None]]] = [
            ("pread", 40, self.pread), ("direct", 15, self.direct), ("map", 8, self.map),
            ("sequence", 3, self.sequence), ("holes", 10, self.holes), ("storm", 1, self.storm),
            ("list", 3, self.list), ("stat", 8, self.stat), ("attributes", 5, self.attributes),
            ("counters", 4, self.counters)]

    def choose(self) -> tuple[str, Callable[[], None]]:
        name, _, run = self.random.choices(self.all, [weight for _, weight, _ in self.all])[0]
        return name, run

    @contextmanager
    def timed(self, kind: str, words: str) -> Iterator[None]:
        """A call to the mount: watched from outside for as long as it takes, and timed."""
        is_metadata = kind == "metadata"
        start = time.monotonic()
        self.slot.begin(words, self.plan.metadata_deadline if is_metadata else self.plan.read_deadline)
        try:
            yield
        except OSError:
            # When it is reported, the slot has other words: files are closed first.
            self.failed = self.failed or (words, start)
            raise
        finally:
            self._note(kind, self.slot.end())

    # Reading.

    def pread(self) -> None:
        target = self._target()
        offset, count = self._range(target)
        self._read(self._file(target), target, offset, count, "pread")

    def direct(self) -> None:
        """O_DIRECT, aligned and not: a file system of FUSE asks for no alignment."""
        target = self._target()
        offset, count = self._range(target)
        if self.random.random() < 0.5:
            offset, count = offset // PAGE * PAGE, -(-count // PAGE) * PAGE
        file = self._open(target, os.O_DIRECT)
        try:
            self._read(file, target, offset, count, "pread with O_DIRECT")
        finally:
            self._close(target, file)

    def sequence(self) -> None:
        """On and on from some place, as a copy does: what reading ahead is for."""
        target = self._target()
        offset = self.random.randrange(target.byte_count)
        for _ in range(16 if self.plan.is_far else 64):
            self._read(self._file(target), target, offset, 128 << 10, "pread in sequence")
            offset += 128 << 10

    def _read(self, file: int, target: Target, offset: int, count: int, words: str) -> None:
        """`count` bytes, or those up to the end. A read that an error cut short is gone on with, and meets it."""
        wanted = self.reference(target).read(
            target.start + offset, max(0, min(count, target.byte_count - offset)))
        done = 0
        while True:
            place = f"{words} of {target.path}, {count - done} bytes at {offset + done}"
            room = memoryview(self._buffer)[:count - done]
            with self.timed("read", place):
                read = os.preadv(file, [room], offset + done)
            self.compare(bytes(room[:read]), wanted[done:done + read], target, offset + done)
            done += read
            if done == len(wanted):
                return
            if read == 0:
                raise Wrong(f"{place}: nothing, where there are {len(wanted) - done} more")

    def map(self) -> None:
        """A mapping, private or shared. A read that fails is SIGBUS, which is asked about first where it may."""
        target = self._target()
        offset, count = self._range(target)
        offset = min(offset, max(0, target.byte_count - 1)) // PAGE * PAGE
        count = max(1, min(count, target.byte_count - offset))
        words = f"a mapping of {target.path}, {count} bytes at {offset}"
        # Nothing can be shared of what does not pass through the page cache.
        is_private = self.plan.is_uncached or self.random.random() < 0.5
        flags = mmap.MAP_PRIVATE if is_private else mmap.MAP_SHARED
        file = self._file(target)
        with self.timed("read", words):
            with mmap.mmap(file, count, flags=flags, prot=mmap.PROT_READ, offset=offset) as mapping:
                if self.plan.is_far:
                    self._populate(mapping)
                content = mapping[:]
        self.compare(content, self.reference(target).read(target.start + offset, count), target, offset)

    @staticmethod
    def _populate(mapping: mmap.mmap) -> None:
        try:
            mapping.madvise(MADV_POPULATE_READ)
        except OSError as error:
            if error.errno == errno.EFAULT:
                raise OSError(errno.EIO, "SIGBUS") from error
            if error.errno != errno.EINVAL:
                raise

    def holes(self) -> None:
        """What is called a hole is zeros; what is called data, and where, goes forward."""
        target = self.random.choice([target for target in self.plan.targets if target.is_disk])
        reference, file = self.reference(target), self._file(target)
        position = self.random.randrange(target.byte_count)
        for _ in range(4):
            data = self._seek(file, target, position, os.SEEK_DATA)
            if not position <= data <= target.byte_count:
                raise Wrong(f"SEEK_DATA of {target.path} at {position} leads to {data}")
            if not reference.is_zero(target.start + position, target.start + data):
                raise Wrong(f"SEEK_DATA of {target.path} at {position} leads to {data}, over data")
            if data == target.byte_count:
                return
            position = self._seek(file, target, data, os.SEEK_HOLE)
            if not data < position <= target.byte_count:
                raise Wrong(f"SEEK_HOLE of {target.path} at {data} leads to {position}")
            if position == target.byte_count:
                return

    def _seek(self, file: int, target: Target, position: int, whence: int) -> int:
        name = "SEEK_DATA" if whence == os.SEEK_DATA else "SEEK_HOLE"
        with self.timed("seek", f"{name} of {target.path} at {position}"):
            try:
                return os.lseek(file, position, whence)
            except OSError as error:
                # There is no more data.
                if error.errno == errno.ENXIO and whence == os.SEEK_DATA:
                    return target.byte_count
                raise

    def storm(self) -> None:
        """Many opens at once, a read of each, and all closed again."""
        files: list[tuple[Target, int]] = []
        try:
            for _ in range(STORM_OPENS):
                target = self._target()
                files.append((target, self._open(target)))
            for target, file in self.random.sample(files, 8):
                self._read(file, target, self.random.randrange(target.byte_count), 512, "pread in a storm")
        finally:
            for target, file in files:
                self._close(target, file)

    # Metadata.

    def list(self) -> None:
        """All names, as they were when it was mounted, with their inode numbers and sizes."""
        with self.timed("metadata", "a listing of all folders"):
            found = listing_of(Path(self.plan.root))
        if found != self.plan.listing:
            names = sorted(name for name in {*found, *self.plan.listing}
                           if found.get(name) != self.plan.listing.get(name))
            raise Wrong(f"the listing differs from the first one in {', '.join(names[:5])}")

    def stat(self) -> None:
        target = self._target()
        with self.timed("metadata", f"stat of {target.path}"):
            status = os.stat(self._path(target))
        if status.st_size != target.byte_count or stat.S_IMODE(status.st_mode) != 0o444:
            raise Wrong(f"stat of {target.path}: {status}")

    def attributes(self) -> None:
        target = self.random.choice([target for target in self.plan.targets if target.is_disk])
        path = self._path(target)
        with self.timed("metadata", f"extended attributes of {target.path}"):
            values = {name: os.getxattr(path, name) for name in os.listxattr(path)}
        if values.get("user.ova.state") != b"ok":
            raise Wrong(f"{target.path}: user.ova.state is {values.get('user.ova.state')!r}")
        size = values.get("user.ova.virtual-size")
        # A partition has none of its own.
        if size is not None and int(size) != target.byte_count:
            raise Wrong(f"{target.path}: user.ova.virtual-size is {size!r}")

    def counters(self) -> None:
        with self.timed("metadata", "a read of stats.json"):
            text = Path(self.plan.root, ".ova", "stats.json").read_bytes()
        values = json.loads(text)
        if values["version"] != 1 or values["bytesServed"] < 0:
            raise Wrong(f"stats.json: {values}")

    # Parts of these.

    def reference(self, target: Target) -> Reference:
        if target.reference not in self._references:
            self._references[target.reference] = Reference(Path(target.reference))
        return self._references[target.reference]

    def compare(self, found: bytes, wanted: bytes, target: Target, offset: int) -> None:
        if self._is_flipped and wanted:
            self._is_flipped = False
            wanted = bytes([wanted[0] ^ 1]) + wanted[1:]
        if found == wanted:
            self.compared += len(found)
            return
        place = next((place for place, pair in enumerate(zip(found, wanted)) if pair[0] != pair[1]),
                     min(len(found), len(wanted)))
        raise Wrong(
            f"{target.path} at {offset + place}: {found[place:place + 16].hex()} for "
            f"{wanted[place:place + 16].hex()} ({len(found)} bytes for {len(wanted)} at {offset})")

    def _target(self) -> Target:
        return self.random.choice(self.plan.targets)

    def _path(self, target: Target) -> str:
        return os.path.join(self.plan.root, target.path)

    def _open(self, target: Target, flags: int = 0) -> int:
        with self.timed("open", f"open of {target.path}"):
            return os.open(self._path(target), os.O_RDONLY | os.O_CLOEXEC | flags)

    def _close(self, target: Target, file: int) -> None:
        with self.timed("close", f"close of {target.path}"):
            os.close(file)

    def _file(self, target: Target) -> int:
        if target.path not in self._files:
            self._files[target.path] = self._open(target)
        return self._files[target.path]

    def _range(self, target: Target) -> tuple[int, int]:
        """From a byte to the largest read, all orders of magnitude alike; at times over the end, or at it."""
        count = int(2 ** self.random.uniform(0, self._largest.bit_length() - 1))
        if self.random.random() < 0.03:
            return max(0, target.byte_count - self.random.randrange(count + 1)), count
        return self.random.randrange(target.byte_count), count


def listing_of(root: Path) -> dict[str, list[int]]:
    """Each path beneath `root`, `.ova` too, with its inode number and its size."""
    found: dict[str, list[int]] = {}
    folders = [root, root / ".ova"]
    while folders:
        folder = folders.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.path == str(root / ".ova"):
                    continue
                status = entry.stat(follow_symlinks=False)
                # The counters are as long as they are at the moment.
                size = -1 if entry.name == "stats.json" else status.st_size
                found[os.path.relpath(entry.path, root)] = [status.st_ino, size]
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
    return found
