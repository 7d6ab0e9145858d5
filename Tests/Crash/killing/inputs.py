# Makes the disks that are copied: sound and damaged ones, an appliance, compressed files.
# SPDX-License-Identifier: Apache-2.0
"""Every input has a reference that ovafs had no part in: the raw bytes, before they were packed."""

from __future__ import annotations

import bz2
import gzip
import random
import struct
import subprocess
import tarfile
import time
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

SECTOR = 512
GRAIN = 64 << 10
# One grain in three has data, so that a copy has holes.
GRAINS = 48
# ovafs keeps nothing of what was changed less than two seconds ago: a further change may have the same time.
SETTLING_SECONDS = 2.2


@dataclass(frozen=True)
class Damaged:
    """A disk of which some grains cannot be decoded."""

    path: Path
    # What a copy with zeros has, and where these are.
    bytes: bytes
    places: tuple[range, ...]


@dataclass(frozen=True)
class Inputs:
    """What is copied, in one folder; `disks` are the raw bytes of the appliance's."""

    folder: Path
    disks: tuple[bytes, ...]
    disk: Path
    # The first disk as it is, for servers: a copy has blocks beyond those that the first request brings.
    plain: Path
    appliance: Path
    damaged: Damaged
    otherwise_damaged: Damaged
    gzipped: Path
    bzipped: Path

    @property
    def raw(self) -> bytes:
        return self.disks[0]


def disk_bytes(seed: int) -> bytes:
    content = random.Random(seed)
    return b"".join(content.randbytes(GRAIN) if number % 3 == 0 else bytes(GRAIN) for number in range(GRAINS))


def pack(raw: bytes, path: Path) -> None:
    """Writes `raw` as a streamOptimized VMDK."""
    plain = path.with_suffix(".plain")
    plain.write_bytes(raw)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized",
                    str(plain), str(path)], check=True, capture_output=True)
    plain.unlink()


def damage(source: Path, raw: bytes, path: Path, numbers: set[int]) -> Damaged:
    """Flips a byte in the middle of the `numbers`-th grains that are stored.

    Spec: VMware Virtual Disk Format 5.0, "Stream-Optimized Compressed Sparse Extents": behind the overhead,
    grains with their sector and their stored length in front.
    """
    packed = bytearray(source.read_bytes())
    position = struct.unpack_from("<Q", packed, 64)[0] * SECTOR
    places = []
    number = 0
    while number <= max(numbers):
        sector, length = struct.unpack_from("<QI", packed, position)
        if number in numbers:
            packed[position + 12 + length // 2] ^= 0xff
            places.append(range(sector * SECTOR, sector * SECTOR + GRAIN))
        position += -(-(12 + length) // SECTOR) * SECTOR
        number += 1
    path.write_bytes(packed)
    copy = bytearray(raw)
    for place in places:
        copy[place.start:place.stop] = bytes(GRAIN)
    return Damaged(path, bytes(copy), tuple(places))


def write_appliance(path: Path, disks: list[Path], byte_count: int) -> None:
    """An OVA of these disks."""
    names = [disk.name for disk in disks]
    references = "".join(f'<File ovf:href="{name}" ovf:id="file-{name}" ovf:size="{disk.stat().st_size}"/>'
                         for name, disk in zip(names, disks))
    sections = "".join(
        f'<Disk ovf:capacity="{byte_count}" ovf:diskId="{name}" ovf:fileRef="file-{name}" '
        'ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>'
        for name in names)
    descriptor = (
        '<?xml version="1.0"?><Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" '
        'xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">'
        f"<References>{references}</References><DiskSection><Info>Disks</Info>{sections}</DiskSection>"
        '<VirtualSystem ovf:id="machine"><Info>A machine</Info></VirtualSystem></Envelope>').encode()
    members = [("machine.ovf", descriptor), *((disk.name, disk.read_bytes()) for disk in disks)]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))


def make_inputs(folder: Path) -> Inputs:
    folder.mkdir()
    disks = tuple(disk_bytes(seed) for seed in (1, 2, 3))
    packed = [folder / f"disk{number}.vmdk" for number in (1, 2, 3)]
    for raw, path in zip(disks, packed):
        pack(raw, path)
    write_appliance(folder / "machine.ova", packed, len(disks[0]))
    (folder / "plain.raw").write_bytes(disks[0])
    (folder / "disk.raw.gz").write_bytes(gzip.compress(disks[0], 1, mtime=0))
    (folder / "disk.raw.bz2").write_bytes(bz2.compress(disks[0], 1))
    inputs = Inputs(
        folder, disks, packed[0], folder / "plain.raw", folder / "machine.ova",
        damage(packed[0], disks[0], folder / "damaged.vmdk", {4, 5, 12}),
        damage(packed[0], disks[0], folder / "otherwise.vmdk", {2, 9}),
        folder / "disk.raw.gz", folder / "disk.raw.bz2")
    time.sleep(SETTLING_SECONDS)
    return inputs
