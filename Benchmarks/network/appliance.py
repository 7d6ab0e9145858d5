# Writes an appliance of several large disks as VMware's tools do: directories at the end, tables behind their grains.
# SPDX-License-Identifier: Apache-2.0
"""streamOptimized VMDK in ustar. Spec: VMware Virtual Disk Format 5.0, "Stream-Optimized Compressed Sparse Extents"."""

from __future__ import annotations

import random
import struct
import tarfile
import zlib
from io import BytesIO
from pathlib import Path

SECTOR = 512
GRAIN_SECTORS = 128
TABLE_ENTRIES = 512
# With data, in each table.
GRAINS = 3
END_OF_STREAM, GRAIN_TABLE, GRAIN_DIRECTORY, FOOTER = range(4)
UNKNOWN = (1 << 64) - 1


class StreamWriter:
    """A streamOptimized disk with a few grains of data, which do not compress, in each grain table."""

    def __init__(self, byte_count: int, seed: int) -> None:
        self.out = bytearray()
        self.capacity = byte_count // SECTOR
        descriptor = "\n".join([
            "# Disk DescriptorFile", "version=1", f"CID={seed:08x}", "parentCID=ffffffff",
            'createType="streamOptimized"', "", f'RDONLY {self.capacity} SPARSE "disk.vmdk"', "",
            'ddb.adapterType = "lsilogic"', 'ddb.virtualHWVersion = "4"', ""]).encode()
        self.out += self._header(UNKNOWN) + descriptor.ljust(20 * SECTOR, b"\0")
        self.out += bytes(128 * SECTOR - len(self.out))
        self._write(seed)

    def _header(self, directory: int) -> bytes:
        fields = struct.pack(
            "<4sIIQQQQIQQQBccccH", b"KDMV", 3, 0x30001, self.capacity, GRAIN_SECTORS, 1, 20, TABLE_ENTRIES, 0,
            directory, 128, 0, b"\n", b" ", b"\r", b"\n", 1)
        return fields.ljust(SECTOR, b"\0")

    def _pad(self) -> int:
        self.out += bytes(-len(self.out) % SECTOR)
        return len(self.out) // SECTOR

    def _marker(self, sectors: int, kind: int) -> None:
        self._pad()
        self.out += struct.pack("<QII", sectors, 0, kind).ljust(SECTOR, b"\0")

    def _write(self, seed: int) -> None:
        tables = -(-self.capacity // (GRAIN_SECTORS * TABLE_ENTRIES))
        content = random.Random(seed)
        directory = []
        for number in range(tables):
            entries = [0] * TABLE_ENTRIES
            for index in range(GRAINS):
                packed = zlib.compress(content.randbytes(GRAIN_SECTORS * SECTOR), 1)
                entries[index] = self._pad()
                sector = (number * TABLE_ENTRIES + index) * GRAIN_SECTORS
                self.out += struct.pack("<QI", sector, len(packed)) + packed
            self._marker(TABLE_ENTRIES * 4 // SECTOR, GRAIN_TABLE)
            directory.append(len(self.out) // SECTOR)
            self.out += struct.pack(f"<{TABLE_ENTRIES}I", *entries)
        sectors = -(-len(directory) * 4 // SECTOR)
        self._marker(sectors, GRAIN_DIRECTORY)
        place = len(self.out) // SECTOR
        self.out += struct.pack(f"<{len(directory)}I", *directory).ljust(sectors * SECTOR, b"\0")
        self._marker(1, FOOTER)
        self.out += self._header(place)
        self._marker(0, END_OF_STREAM)


def write_appliance(path: Path, disk_count: int, byte_count: int) -> None:
    """An OVA of `disk_count` disks of `byte_count` bytes each, with their populated sizes in the descriptor."""
    disks = [bytes(StreamWriter(byte_count, seed + 1).out) for seed in range(disk_count)]
    references = "".join(
        f'<File ovf:href="far-disk{number}.vmdk" ovf:id="file{number}" ovf:size="{len(disk)}"/>'
        for number, disk in enumerate(disks, 1))
    sections = "".join(
        f'<Disk ovf:capacity="{byte_count}" ovf:diskId="disk{number}" ovf:fileRef="file{number}" '
        f'ovf:populatedSize="{byte_count // TABLE_ENTRIES * GRAINS}" '
        'ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>'
        for number in range(1, disk_count + 1))
    descriptor = (
        '<?xml version="1.0"?><Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" '
        'xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">'
        f"<References>{references}</References><DiskSection><Info>Disks</Info>{sections}</DiskSection>"
        '<VirtualSystem ovf:id="far"><Info>A machine</Info></VirtualSystem></Envelope>').encode()
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in [("far.ovf", descriptor),
                              *((f"far-disk{number}.vmdk", disk) for number, disk in enumerate(disks, 1))]:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
