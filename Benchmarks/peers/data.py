# Builds the disks and packages that are measured, from files of the machine they run on.
# SPDX-License-Identifier: Apache-2.0
"""Data: ext4 disks with real files, as streamOptimized VMDK, in packages; cached between runs."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

MIB = 1 << 20
GIB = 1 << 30
# Real files of any installation, in the order in which they are taken.
FOLDERS = ["/usr/lib", "/usr/bin", "/usr/share", "/usr/local", "/opt", "/usr/include", "/usr/src", "/var/lib"]
LAYOUT_VERSION = 3
DISK_COUNT = 8  # of the package with many disks
CHUNK_COUNT = 1100


@dataclass
class Disk:
    """A disk in its three forms: raw, as VMDK, and its name in the package."""

    raw: Path
    vmdk: Path
    byte_count: int
    sha256: str

    @property
    def name(self) -> str:
        return self.vmdk.name

    @property
    def raw_name(self) -> str:
        return self.vmdk.stem + ".raw"

    @property
    def last_hole(self) -> float:
        """The part of the disk that comes after its last data."""
        end = 0
        with open(self.raw, "rb") as file:
            try:
                while True:
                    end = os.lseek(file.fileno(), os.lseek(file.fileno(), end, os.SEEK_DATA), os.SEEK_HOLE)
            except OSError:  # There is no more data.
                return 1 - end / self.byte_count


@dataclass
class Package:
    """An OVA, and the disks that are in it."""

    ova: Path
    disks: list[Disk]


@dataclass
class Data:
    """Everything that is measured."""

    one: Package  # one disk: workloads a to d
    two: Package  # two disks: workload e
    huge: Package  # one disk of 1 TiB: workloads f and g
    eight: Package  # the first disk, cut into eight: workload e
    null: Path  # a sparse file of the size of the first disk: all hole
    data_bytes: int  # what the first disk holds
    raw: Path  # the first half of the first disk, without a hole: workload h
    empty: Path  # a descriptor with a disk of that size and no file
    chunks: Package  # the first disk's VMDK in 1,100 chunks, archived: workload i
    chunk_folder: Package  # the same as a folder
    folder: Package  # the first package as a folder: workload j
    unlisted: Package  # the same without a manifest: workload k

    def warm(self) -> None:
        """Brings the sources into the page cache, for all contestants alike."""
        files = [self.one.ova, self.two.ova, self.huge.ova]
        files += [disk.vmdk for package in (self.one, self.two, self.huge) for disk in package.disks]
        for file in dict.fromkeys(files):
            warm(file)

    def warm_file(self, path: Path) -> None:
        """Brings a source of one workload into the page cache: a file, or all files of a folder."""
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            warm(file)


def warm(file: Path) -> None:
    """Reads a file through, into the page cache."""
    buffer = bytearray(4 * MIB)
    with open(file, "rb", buffering=0) as source:
        while source.readinto(buffer):
            pass


def touch_free_memory(byte_count: int) -> None:
    """Has the machine back free memory with real memory.

    A hypervisor takes back what a guest has freed, and the page cache then fills several times more slowly than
    at other times: more than anything that is measured here.
    """
    with open("/proc/meminfo", encoding="ascii") as lines:
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemFree:"))
    count = min(byte_count, free // 4 * 3) // MIB * MIB
    if count > 0:
        mmap.mmap(-1, count, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()


def sha256_of(file: Path) -> str:
    """The digest of a file's bytes, holes as zeros."""
    digest = hashlib.sha256()
    buffer = bytearray(4 * MIB)
    view = memoryview(buffer)
    with open(file, "rb", buffering=0) as source:
        while count := source.readinto(buffer):
            digest.update(view[:count])
    return digest.hexdigest()


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def prepare(folder: Path, byte_count: int) -> Data:
    """The data for disks of `byte_count` bytes, built in `folder` unless an earlier run left it there."""
    folder = folder / f"{byte_count // MIB}MiB"
    stamp = folder / "complete.json"
    wanted = {"layout": LAYOUT_VERSION, "bytes": byte_count}
    if stamp.exists():
        known = json.loads(stamp.read_text())
        if {key: known.get(key) for key in wanted} == wanted:
            return _load(folder, known)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    say(f"Building the data in {folder} (kept for the next run) ...")
    files = _machine_files()
    made = {"disk1": _file_system_disk(folder, "bench-disk1", byte_count, byte_count // 2, files)}
    made["disk2"] = _file_system_disk(folder, "bench-disk2", byte_count // 2, byte_count // 4, files)
    made["huge"] = _scattered_disk(folder, "huge-disk1")
    _pack(folder, "one", [made["disk1"]])
    _pack(folder, "two", [made["disk1"], made["disk2"]])
    _pack(folder, "huge", [made["huge"]])
    stripes = [_stripe(folder, "bench-disk1", number, byte_count // DISK_COUNT) for number in range(DISK_COUNT)]
    made |= {f"stripe{number}": disk for number, disk in enumerate(stripes)}
    _pack(folder, "eight", stripes)
    _raw_disk(folder, byte_count // 2)
    _empty_disk(folder, byte_count // 2)
    _chunk_packages(folder, made["disk1"])
    _folder_packages(folder, made["disk1"])
    with open(folder / "null.img", "wb") as null:
        null.truncate(byte_count)
    known = dict(wanted, disks=made)
    stamp.write_text(json.dumps(known, indent=2) + "\n")
    return _load(folder, known)


def _load(folder: Path, known: dict) -> Data:
    def disk(key: str) -> Disk:
        entry = known["disks"][key]
        name = entry["name"]
        return Disk(folder / f"{name}.img", folder / f"{name}.vmdk", entry["bytes"], entry["sha256"])

    first, second, huge = disk("disk1"), disk("disk2"), disk("huge")
    return Data(
        one=Package(folder / "one.ova", [first]), two=Package(folder / "two.ova", [first, second]),
        huge=Package(folder / "huge.ova", [huge]),
        eight=Package(folder / "eight.ova", [disk(f"stripe{number}") for number in range(DISK_COUNT)]),
        null=folder / "null.img", data_bytes=known["disks"]["disk1"]["data"], raw=folder / "raw.img",
        empty=folder / "empty.ovf", chunks=Package(folder / "chunks.ova", [first]),
        chunk_folder=Package(folder / "chunks", [first]), folder=Package(folder / "folder", [first]),
        unlisted=Package(folder / "unlisted", [first]))


def _machine_files() -> Iterator[Path]:
    """Regular files of the machine, each once, in an order that is always the same."""
    seen: set[tuple[int, int]] = set()
    for top in FOLDERS:
        for parent, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                path = Path(parent, name)
                try:
                    status = path.lstat()
                except OSError:
                    continue
                key = (status.st_dev, status.st_ino)
                # A sparse file would not be the data that its size says.
                if not os.path.isfile(path) or path.is_symlink() or key in seen:
                    continue
                if status.st_blocks * 512 < status.st_size:
                    continue
                seen.add(key)
                yield path


def _file_system_disk(
    folder: Path, name: str, byte_count: int, data_bytes: int, files: Iterator[Path]
) -> dict:
    """An ext4 disk that holds the next files, up to `data_bytes`."""
    say(f"  {name}: {byte_count // MIB} MiB of ext4 with {data_bytes // MIB} MiB of files")
    tree = folder / "tree"
    total = 0
    for path in files:
        size = path.lstat().st_size
        # A file is charged a block for its inode and its last, half-filled one.
        if total + size + 4096 > data_bytes:
            if total > data_bytes * 98 // 100:
                break
            continue
        target = tree / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(path, target)
        except OSError:
            continue
        total += size + 4096
    if total < data_bytes // 2:
        raise SystemExit(f"peers: this machine has too few files for {data_bytes // MIB} MiB of data: use --size")
    raw = folder / f"{name}.img"
    with open(raw, "wb") as image:
        image.truncate(byte_count)
    _tool(["mkfs.ext4", "-q", "-F", "-d", str(tree), str(raw)])
    shutil.rmtree(tree)
    return _convert(folder, name, byte_count, total)


def _scattered_disk(folder: Path, name: str) -> dict:
    """A disk of 1 TiB with 256 KiB of real data in each GiB, the first of them at its start."""
    say(f"  {name}: 1 TiB with 256 KiB of data in each GiB")
    byte_count, piece = 1 << 40, 256 << 10
    raw = folder / f"{name}.img"
    with open(folder / "bench-disk1.img", "rb") as source, open(raw, "wb") as image:
        image.truncate(byte_count)
        end = os.fstat(source.fileno()).st_size
        position = 0
        for number in range(byte_count // GIB):
            try:
                position = os.lseek(source.fileno(), position, os.SEEK_DATA)
            except OSError:  # ENXIO: only holes are left
                position = 0
            position = min(position, end - piece)
            content = os.pread(source.fileno(), piece, position)
            # Not aligned to a grain, so that both ends of a piece lie inside one; the first is at the start.
            os.pwrite(image.fileno(), content, number * GIB + number * 20480)
            position += piece
    return _convert(folder, name, byte_count, piece * (byte_count // GIB), hashed=False)


def _stripe(folder: Path, name: str, number: int, byte_count: int) -> dict:
    """Every eighth piece of a disk as a disk of its own, so that each of the eight has as much data."""
    say(f"  stripe {number + 1} of {name}")
    stripe = f"bench-stripe{number + 1}"
    piece = 64 << 10
    zeros = bytes(piece)
    raw = folder / f"{stripe}.img"
    with open(folder / f"{name}.img", "rb", buffering=0) as source, open(raw, "wb", buffering=0) as image:
        image.truncate(byte_count)
        for index in range(byte_count // piece):
            content = os.pread(source.fileno(), piece, (index * DISK_COUNT + number) * piece)
            if content != zeros:
                os.pwrite(image.fileno(), content, index * piece)
    made = _convert(folder, stripe, byte_count, 0)
    raw.unlink()
    return made


def _raw_disk(folder: Path, byte_count: int) -> None:
    say(f"  raw: {byte_count // MIB} MiB without a hole")
    _tool(["dd", f"if={folder / 'bench-disk1.img'}", f"of={folder / 'raw.img'}", "bs=64K",
           f"count={byte_count}", "iflag=count_bytes", "status=none"])


def _empty_disk(folder: Path, byte_count: int) -> None:
    """A descriptor whose one disk no file backs: what the file system alone costs."""
    (folder / "empty.ovf").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" '
        'xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">\n  <References/>\n'
        f'  <DiskSection>\n    <Info>Disks</Info>\n    <Disk ovf:diskId="empty" ovf:capacity="{byte_count}"/>\n'
        '  </DiskSection>\n  <VirtualSystem ovf:id="empty">\n    <Info>A machine</Info>\n  </VirtualSystem>\n'
        '</Envelope>\n')


def _chunk_packages(folder: Path, disk: dict) -> None:
    """A disk in 1,100 chunks, as a folder and as an archive of it."""
    say(f"  chunks: {disk['name']}.vmdk in {CHUNK_COUNT} pieces")
    source = folder / f"{disk['name']}.vmdk"
    total = source.stat().st_size
    step = -(-total // CHUNK_COUNT)
    target = folder / "chunks"
    target.mkdir()
    names = ["chunks.ovf"]
    with open(source, "rb") as stored:
        number = 0
        while piece := stored.read(step):
            names.append(f"{source.name}.{number:09}")
            (target / names[-1]).write_bytes(piece)
            number += 1
    text = (folder / "one.ovf").read_text()
    listed = f'ovf:href="{source.name}" ovf:size="{total}"'
    if listed not in text:
        raise SystemExit("peers: the descriptor of one.ova does not list its disk as expected")
    (target / "chunks.ovf").write_text(text.replace(listed, f'{listed} ovf:chunkSize="{step}"'))
    _tool(["tar", "--format=gnu", "--owner=0", "--group=0", "-C", str(target), "-cf", str(folder / "chunks.ova"),
           *names])


def _folder_packages(folder: Path, disk: dict) -> None:
    """The first package as a folder, with its manifest and without; the files are links."""
    stored = f"{disk['name']}.vmdk"
    for name, files in (("folder", ["one.ovf", "one.mf", stored]), ("unlisted", ["one.ovf", stored])):
        (folder / name).mkdir()
        for file in files:
            os.link(folder / file, folder / name / file)


def _convert(folder: Path, name: str, byte_count: int, data_bytes: int, hashed: bool = True) -> dict:
    raw = folder / f"{name}.img"
    _tool(["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized",
           str(raw), str(folder / f"{name}.vmdk")])
    digest = sha256_of(raw) if hashed else ""
    return {"name": name, "bytes": byte_count, "data": data_bytes, "sha256": digest}


def _pack(folder: Path, name: str, disks: list[dict]) -> None:
    """An OVA as exporters write it: descriptor first, then the manifest, then the disks."""
    descriptor, manifest = folder / f"{name}.ovf", folder / f"{name}.mf"
    stored = [folder / f"{disk['name']}.vmdk" for disk in disks]
    files = "".join(
        f'    <File ovf:id="file{number}" ovf:href="{file.name}" ovf:size="{file.stat().st_size}"/>\n'
        for number, file in enumerate(stored, 1))
    entries = "".join(
        f'    <Disk ovf:diskId="vmdisk{number}" ovf:fileRef="file{number}" ovf:capacity="{disk["bytes"]}" '
        'ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>\n'
        for number, disk in enumerate(disks, 1))
    items = "".join(
        f"      <Item>\n        <rasd:HostResource>ovf:/disk/vmdisk{number}</rasd:HostResource>\n"
        f"        <rasd:InstanceID>{number + 1}</rasd:InstanceID>\n        <rasd:Parent>1</rasd:Parent>\n"
        f"        <rasd:AddressOnParent>{number - 1}</rasd:AddressOnParent>\n"
        "        <rasd:ResourceType>17</rasd:ResourceType>\n      </Item>\n"
        for number in range(1, len(disks) + 1))
    descriptor.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" '
        'xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/'
        'cim-schema/2/CIM_ResourceAllocationSettingData">\n'
        f"  <References>\n{files}  </References>\n"
        f"  <DiskSection>\n    <Info>Disks</Info>\n{entries}  </DiskSection>\n"
        f'  <VirtualSystem ovf:id="{name}">\n    <Info>A machine</Info>\n    <VirtualHardwareSection>\n'
        "      <Info>Hardware</Info>\n      <Item>\n        <rasd:InstanceID>1</rasd:InstanceID>\n"
        "        <rasd:ResourceSubType>lsilogic</rasd:ResourceSubType>\n"
        f"        <rasd:ResourceType>6</rasd:ResourceType>\n      </Item>\n{items}"
        "    </VirtualHardwareSection>\n  </VirtualSystem>\n</Envelope>\n")
    manifest.write_text(
        "".join(f"SHA256({file.name})= {sha256_of(file)}\n" for file in [descriptor, *stored]))
    _tool(["tar", "--format=gnu", "--owner=0", "--group=0", "-C", str(folder), "-cf", str(folder / f"{name}.ova"),
           descriptor.name, manifest.name, *(file.name for file in stored)])


def _tool(command: list[str]) -> None:
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"peers: {' '.join(command)}: {result.stderr.strip() or result.returncode}")
