# A page that a reader and the run share: what the reader waits for, since when, and whether it is to end.
# SPDX-License-Identifier: Apache-2.0
"""The reader writes down what it is about to do before it does it, so that one that hangs can be seen to."""

from __future__ import annotations

import mmap
import struct
import time
from pathlib import Path

SIZE = 4096
TEXT_AT = 64
TEXT_COUNT = 512


class Slot:
    """Bytes 0 to 7: when the call under way began, 0 without one; 8: its deadline; 16: whether to end; 64: its words."""

    def __init__(self, path: Path, is_made: bool = False) -> None:
        if is_made:
            path.write_bytes(bytes(SIZE))
        with open(path, "r+b") as file:
            self._page = mmap.mmap(file.fileno(), SIZE)

    def begin(self, words: str, deadline: float) -> None:
        text = words.encode(errors="replace")[:TEXT_COUNT]
        # Without a call under way while the words change.
        struct.pack_into("<d", self._page, 0, 0.0)
        self._page[TEXT_AT:TEXT_AT + TEXT_COUNT] = text.ljust(TEXT_COUNT, b"\0")
        struct.pack_into("<d", self._page, 8, deadline)
        struct.pack_into("<d", self._page, 0, time.monotonic())

    def end(self) -> float:
        """Seconds since `begin`."""
        start = struct.unpack_from("<d", self._page, 0)[0]
        struct.pack_into("<d", self._page, 0, 0.0)
        return time.monotonic() - start

    @property
    def words(self) -> str:
        return self._page[TEXT_AT:TEXT_AT + TEXT_COUNT].rstrip(b"\0").decode(errors="replace")

    def under_way(self) -> tuple[float, float] | None:
        """When the call under way began, and how long it may take."""
        start, deadline = struct.unpack_from("<dd", self._page, 0)
        return (start, deadline) if start > 0 else None

    def ask_to_end(self) -> None:
        self._page[16] = 1

    @property
    def is_to_end(self) -> bool:
        return self._page[16] == 1

    def close(self) -> None:
        self._page.close()
