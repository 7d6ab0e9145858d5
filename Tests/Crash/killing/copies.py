# Copies by `ovafs extract`: what has its name is whole, and a map stands beside zeros.
# SPDX-License-Identifier: Apache-2.0
"""SEMANTICS C11, X3 and X8; decisions 60 and 62."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from killing.cases import Case
from killing.inputs import Damaged, Inputs
from killing.tracer import Tracer

PARTIAL = ".partial"
# What a file system may need for itself beside the data of a copy with holes.
SLACK = 64 << 10
EXISTS = 2


@dataclass(frozen=True)
class Old:
    """What has the name of an output already."""

    content: bytes
    map: bytes | None = None
    damaged: Damaged | None = None


def map_text(damaged: Damaged) -> bytes:
    """A mapfile as ddrescue writes them: all of the disk, place by place."""
    size = len(damaged.bytes)
    lines = ["# Mapfile. Made by the test", f"0x{size:08X}     +               1"]
    position = 0
    for place in merged(damaged.places):
        if place.start > position:
            lines.append(f"0x{position:08X}  0x{place.start - position:08X}  +")
        lines.append(f"0x{place.start:08X}  0x{len(place):08X}  -")
        position = place.stop
    if position < size:
        lines.append(f"0x{position:08X}  0x{size - position:08X}  +")
    return ("\n".join(lines) + "\n").encode()


def merged(places: tuple[range, ...] | list[range]) -> list[range]:
    """In order, and those that touch as one."""
    found: list[range] = []
    for place in sorted(places, key=lambda place: place.start):
        if found and found[-1].stop >= place.start:
            found[-1] = range(found[-1].start, max(found[-1].stop, place.stop))
        else:
            found.append(place)
    return found


def damaged_places(text: bytes, size: int) -> list[range]:
    """The places that a mapfile calls damaged. Raises `ValueError` where it is no map of all `size` bytes."""
    lines = [line.split() for line in text.decode().split("\n") if line and not line.startswith("#")]
    if not text.endswith(b"\n") or not lines:
        raise ValueError("it does not end with a line")
    position = 0
    found = []
    for start, length, status in lines[1:]:
        if int(start, 16) != position or status not in "+-":
            raise ValueError(f"a line begins at {start}, and the one before ends at {position:#x}")
        position += int(length, 16)
        if status == "-":
            found.append(range(position - int(length, 16), position))
    if position != size:
        raise ValueError(f"it ends at {position:#x}")
    return merged(found)


@functools.cache
def data_byte_count(content: bytes) -> int:
    """What a file of this content takes that has holes."""
    return sum(4096 for start in range(0, len(content), 4096) if content.count(0, start, start + 4096) < 4096)


def describe(content: bytes, whole: bytes) -> str:
    """In what a file is not what it should be."""
    if len(content) != len(whole):
        return f"{len(content)} bytes of {len(whole)}"
    first = next(index for index in range(len(whole)) if content[index] != whole[index])
    return f"differs from byte {first} on"


class Copy(Case):
    """Disks that are copied into a folder, each with the name and the content of `disks`."""

    def __init__(self, tracer: Tracer, program: list[str], inputs: Inputs, title: str, source: Path,
                 disks: dict[str, bytes], *, output: str = "", options: tuple[str, ...] = (),
                 damaged: Damaged | None = None, old: dict[str, Old] | None = None,
                 map_name: str = "", is_durable: bool = False) -> None:
        super().__init__(tracer, program)
        self.map_name = map_name
        self.inputs = inputs
        self.title = title
        self.source = source
        self.disks = disks
        self.output = output
        self.options = options
        self.damaged = damaged
        self.old = old or {}
        self.is_durable = is_durable
        self.exit_code = 1 if damaged else 0

    # The run

    def prepare(self, at: Path) -> None:
        # One that the command makes has a slash.
        if not self.output.endswith("/"):
            (at / "out").mkdir()
        for name, old in self.old.items():
            (at / "out" / name).write_bytes(old.content)
            if old.map is not None:
                (at / "out" / self.map_of(name)).write_bytes(old.map)

    def command(self, at: Path) -> list[str]:
        maps = ["--map", f"{at}/out/{self.map_name}"] if self.map_name else []
        output = f"{at}/out/{self.output}".replace("//", "/")
        return ["extract", str(self.source), *self.options, *maps, "-o", output]

    def map_of(self, name: str) -> str:
        return self.map_name or f"{name}.map"

    def plan(self, at: Path) -> list[tuple[Path, Path]]:
        files = []
        for name, content in self.disks.items():
            reference = self.tracer.folder / f"reference-{name}"
            reference.write_bytes(content)
            files.append((at / "out" / name, reference))
            if self.damaged:
                reference = self.tracer.folder / f"reference-map-{name}"
                reference.write_bytes(map_text(self.damaged))
                files.append((at / "out" / self.map_of(name), reference))
        return files

    # What it leaves

    def files(self, at: Path) -> dict[str, bytes]:
        folder = at / "out"
        return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}

    def final_names(self) -> set[str]:
        return {*self.disks, *(self.map_of(name) for name in self.disks if self.damaged)}

    def look(self, at: Path) -> list[str]:
        files = self.files(at)
        found = [f"{name} is left, which is no name of an output or of its partial file" for name in files
                 if name.removesuffix(PARTIAL) not in self.final_names()]
        for name, whole in self.disks.items():
            found += self._look_at(name, whole, files)
        return found

    def _look_at(self, name: str, whole: bytes, files: dict[str, bytes]) -> list[str]:
        old = self.old.get(name)
        content, map_content = files.get(name), files.get(self.map_of(name))
        if content is None:
            # The map has its name before the disk.
            if old:
                return [f"{name} was there, and is gone"]
            return self._look_at_map(name, map_content) if map_content is not None else []
        is_old = old is not None and content == old.content
        if content != whole and not is_old:
            return [f"{name} is a part: {describe(content, whole)}"]
        damaged = old.damaged if is_old and old else self.damaged
        if not damaged:
            return []
        if map_content is None:
            return [f"{name} has zeros in damaged places, and its map is missing"]
        found = self._look_at_map(name, map_content)
        if not found:
            named = damaged_places(map_content, len(content))
            lost = [place for place in merged(damaged.places)
                    if not any(other.start <= place.start and place.stop <= other.stop for other in named)]
            found = [f"{name} has zeros at {place.start:#x}, and its map calls them data" for place in lost]
        return found

    def _look_at_map(self, name: str, content: bytes) -> list[str]:
        """A whole one goes up to the end of the disk; which places it has to list is another question."""
        try:
            damaged_places(content, len(self.disks[name]))
        except ValueError as error:
            return [f"the map of {name} is a part: {error}"]
        return []

    def complete(self, at: Path) -> list[str]:
        files = self.files(at)
        names = self.final_names()
        found = [f"{name} is there beside what was asked for" for name in files if name not in names]
        found += [f"{name} is missing" for name in names if name not in files]
        for name, whole in self.disks.items():
            if name not in files:
                continue
            if files[name] != whole:
                found.append(f"{name}: {describe(files[name], whole)}")
            data = data_byte_count(whole)
            stored = (at / "out" / name).stat().st_blocks * 512
            if stored > data + SLACK:
                found.append(f"{name} takes {stored} bytes for {data} of data: its holes are gone")
            if self.damaged:
                try:
                    places = damaged_places(files[self.map_of(name)], len(whole))
                except (KeyError, ValueError) as error:
                    found.append(f"the map of {name}: {error}")
                    continue
                if places != merged(self.damaged.places):
                    found.append(f"the map of {name} lists other places than are damaged")
        return found

    def again(self, at: Path) -> list[str]:
        before = self.files(at)
        finished = [name for name in before if name in self.final_names()]
        is_forced = "--force" in self.options
        # An output that is there is not replaced unasked: nothing changes then, and --force does the rest.
        expected = EXISTS if finished and not is_forced else self.exit_code
        code, errors = self.call(at, self.command(at))
        if code != expected:
            return [f"the next run ends with {code} and not {expected}: {errors}"]
        if expected == EXISTS:
            if self.files(at) != before:
                return ["the next run is refused, and has changed something"]
            code, errors = self.call(at, [*self.command(at), "--force"])
            if code != self.exit_code:
                return [f"the next run with --force ends with {code}: {errors}"]
        return [f"after the next run: {text}" for text in self.complete(at)]


def copies(tracer: Tracer, program: list[str], inputs: Inputs) -> list[Copy]:
    """All copies that are killed."""
    raw = inputs.raw
    three = {f"disk{number}.raw": content for number, content in enumerate(inputs.disks, 1)}
    zeros, other = inputs.damaged, inputs.otherwise_damaged
    old = Old(b"an older file\n" * 1000)

    def copy(title: str, source: Path, disks: dict[str, bytes], **rest: object) -> Copy:
        return Copy(tracer, program, inputs, title, source, disks, **rest)  # type: ignore[arg-type]

    one = {"disk.raw": raw}
    patched = {"disk.raw": zeros.bytes}
    return [
        copy("extract: one disk", inputs.disk, one, output="disk.raw"),
        copy("extract --force: over an older file", inputs.disk, one, output="disk.raw", options=("--force",),
             old={"disk.raw": old}),
        copy("extract: three disks into a folder that it makes", inputs.appliance, three, output="/"),
        copy("extract --force: three disks, two of them there", inputs.appliance, three, output="",
             options=("--force",), old={"disk1.raw": old, "disk3.raw": old}),
        copy("extract --fsync: three disks", inputs.appliance, three, options=("--fsync",), is_durable=True),
        copy("extract --damaged=zero: a damaged disk", zeros.path, patched, output="disk.raw",
             options=("--damaged=zero",), damaged=zeros),
        copy("extract --damaged=zero --map --fsync", zeros.path, patched, output="disk.raw",
             options=("--damaged=zero", "--fsync"), damaged=zeros, map_name="places", is_durable=True),
        copy("extract --damaged=zero --force: over a sound copy", zeros.path, patched, output="disk.raw",
             options=("--damaged=zero", "--force"), damaged=zeros, old={"disk.raw": Old(raw)}),
        copy("extract --damaged=zero --force: over a copy with other damage", zeros.path, patched,
             output="disk.raw", options=("--damaged=zero", "--force"), damaged=zeros,
             old={"disk.raw": Old(other.bytes, map_text(other), other)}),
    ]
