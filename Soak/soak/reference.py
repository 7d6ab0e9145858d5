# The reference: whole raw images in files, read in the most obvious way.
# SPDX-License-Identifier: Apache-2.0
"""No cache, no threads, no formats: `pread` of a file that qemu-img wrote."""

from __future__ import annotations

import errno
import os
from pathlib import Path

BLOCK = 4096
STEP = 1 << 20
ZEROS = bytes(BLOCK)


def map_path(raw: Path) -> Path:
    return raw.with_name(raw.name + ".map")


def write_map(raw: Path) -> None:
    """Writes a byte for each 4 KiB of an image: whether any of its bytes is not zero."""
    size = raw.stat().st_size
    flags = bytearray(-(-size // BLOCK))
    with open(raw, "rb", buffering=0) as file:
        position = 0
        while position < size:
            try:
                # Only what is a hole of this file is passed over; everything else is looked at.
                position = os.lseek(file.fileno(), position, os.SEEK_DATA) // STEP * STEP
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                break
            content = os.pread(file.fileno(), STEP, position)
            for offset in range(0, len(content), BLOCK):
                block = content[offset:offset + BLOCK]
                flags[(position + offset) // BLOCK] = block != ZEROS[:len(block)]
            position += STEP
    map_path(raw).write_bytes(flags)


class Reference:
    """One raw image."""

    def __init__(self, raw: Path) -> None:
        self._file = os.open(raw, os.O_RDONLY | os.O_CLOEXEC)
        self._flags = map_path(raw).read_bytes()

    def read(self, offset: int, count: int) -> bytes:
        pieces = []
        while count > 0:
            piece = os.pread(self._file, count, offset)
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            count -= len(piece)
        return b"".join(pieces)

    def is_zero(self, start: int, end: int) -> bool:
        """Whether all bytes from `start` up to `end` are zeros."""
        if start >= end:
            return True
        first, last = -(-start // BLOCK), end // BLOCK
        if first > last:
            return not any(self.read(start, end - start))
        return (self._flags.find(1, first, last) < 0
                and not any(self.read(start, first * BLOCK - start))
                and not any(self.read(last * BLOCK, end - last * BLOCK)))

    def close(self) -> None:
        os.close(self._file)
