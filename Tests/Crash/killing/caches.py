# The folder of --cache-dir: what a killed run leaves there is used rightly, or not at all.
# SPDX-License-Identifier: Apache-2.0
"""Indexes of compressed files, blocks of what is behind a web server. SEMANTICS O25, C21, W5, W10, X13."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path
from typing import Callable

from killing.cases import Row
from killing.copies import Copy, describe
from killing.inputs import Inputs
from killing.tracer import ToolFailure, Tracer
from killing.web import Web

# What was begun and not ended is taken away when it is older than ten minutes.
ABANDONED_SECONDS = 660
BEGUN = re.compile(r"\.ovafs-index\.\d+\.\d+")
# The first request of a run asks for so much, whatever is kept.
FIRST_REQUEST = 1 << 20
# A copy is done when its last block has come, and does not wait until that is kept, too: that is for a later run.
MOST_RUNS = 12
NO_RANGES = "the server gives no parts of files"


class CachedCopy(Copy):
    """A copy of one disk with a cache folder, `at`/cache."""

    def __init__(self, tracer: Tracer, program: list[str], inputs: Inputs, title: str, source: str) -> None:
        super().__init__(tracer, program, inputs, title, Path(source), {"disk.raw": inputs.raw},
                         output="disk.raw")
        self.address = source

    def command(self, at: Path) -> list[str]:
        return ["extract", "--cache-dir", str(at / "cache"), self.address, "-o", str(at / "out/disk.raw")]

    def unexpected(self, errors: str) -> bool:
        """Whether a run that has all that it needs said something."""
        return errors != ""

    def once_more(self, at: Path) -> list[str]:
        """Another run, over the copy that is there."""
        code, errors = self.call(at, [*self.command(at), "--force"])
        if code != 0 or self.unexpected(errors):
            return [f"a run with what is kept ends with {code}: {errors}"]
        return [f"after a run with what is kept: {text}" for text in self.complete(at)]


class IndexedCopy(CachedCopy):
    """Of a compressed file, whose index is kept; `is_replaced`: a damaged one is there already."""

    def __init__(self, tracer: Tracer, program: list[str], inputs: Inputs, source: Path, *,
                 is_replaced: bool = False) -> None:
        what = "a damaged index replaced" if is_replaced else "an index written"
        title = f"extract --cache-dir: {source.suffix}, {what}"
        super().__init__(tracer, program, inputs, title, str(source))
        self.is_replaced = is_replaced
        self.name = ""
        self.index = b""
        self.earlier = b""

    def prepare(self, at: Path) -> None:
        super().prepare(at)
        if not self.is_replaced:
            return
        if not self.index:
            code, errors = self.call(at, self.command(at))
            if code != 0:
                raise AssertionError(f"the index cannot be made: {errors}")
            self._learn(at)
            self.earlier = self.index[:-1] + bytes([self.index[-1] ^ 1])
            (at / "out/disk.raw").unlink()
        shutil.rmtree(at / "cache", ignore_errors=True)
        (at / "cache").mkdir(mode=0o700)
        (at / "cache" / self.name).write_bytes(self.earlier)

    def plan(self, at: Path) -> list[tuple[Path, Path]]:
        return [*super().plan(at), (at / "cache/kept.ovafs-index", Path(self.address))]

    def _learn(self, at: Path) -> None:
        (index,) = (at / "cache").iterdir()
        self.name = index.name
        self.index = index.read_bytes()

    def learn(self, at: Path) -> None:
        self._learn(at)

    def look(self, at: Path) -> list[str]:
        found = super().look(at)
        folder = at / "cache"
        for path in folder.iterdir() if folder.exists() else []:
            content = path.read_bytes()
            if path.name == self.name:
                if content != self.index and not (self.is_replaced and content == self.earlier):
                    found.append(f"the index is a part: {describe(content, self.index)}")
            elif not BEGUN.fullmatch(path.name):
                found.append(f"cache/{path.name} is left")
        return found

    def complete(self, at: Path) -> list[str]:
        found = super().complete(at)
        path = at / "cache" / self.name
        if not path.exists() or path.read_bytes() != self.index:
            found.append("the index is not there, or another one")
        return found

    def again(self, at: Path) -> list[str]:
        found = super().again(at)
        if found:
            return found
        for path in (at / "cache").iterdir():
            if path.name != self.name:
                past = time.time() - ABANDONED_SECONDS
                os.utime(path, (past, past))
        number = (at / "cache" / self.name).stat().st_ino
        found = self.once_more(at)
        left = [path.name for path in (at / "cache").iterdir() if path.name != self.name]
        if left:
            found.append(f"{left} is left in the cache folder after ten minutes")
        if not found and (at / "cache" / self.name).stat().st_ino != number:
            found.append("the index that was kept is not used")
        return found


class RemoteCopy(CachedCopy):
    """Of a disk behind a web server, whose blocks are kept."""

    def __init__(self, tracer: Tracer, program: list[str], inputs: Inputs, web: Web, *,
                 has_ranges: bool) -> None:
        what = "with ranges" if has_ranges else "without ranges"
        super().__init__(tracer, program, inputs, f"extract --cache-dir: a web server {what}",
                         web.url(inputs.plain.name))
        self.web = web
        self.has_ranges = has_ranges

    def plan(self, at: Path) -> list[tuple[Path, Path]]:
        return [*super().plan(at), (at / "cache/1/naive/blocks", self.inputs.plain)]

    def unexpected(self, errors: str) -> bool:
        # Without ranges a warning says how much is brought to where (W5).
        return errors != "" and (self.has_ranges or len(errors.split("\n")) > 1 or NO_RANGES not in errors)

    def again(self, at: Path) -> list[str]:
        found = super().again(at)
        for _ in range(MOST_RUNS):
            if found:
                return found
            before = self.web.sent_byte_count
            found = self.once_more(at)
            if not found and self._uses_what_is_kept(at, self.web.sent_byte_count - before):
                return []
        return found or [f"{MOST_RUNS} more runs did not have it all kept"]

    def _uses_what_is_kept(self, at: Path, sent_byte_count: int) -> bool:
        if self.has_ranges:
            return sent_byte_count <= FIRST_REQUEST
        # A server without ranges may send what no one waits for: what is kept has to tell.
        kept = [path.read_bytes() for path in (at / "cache").glob("1/*/blocks")]
        return kept == [self.inputs.raw]


class SpooledCopy(Copy):
    """Of a disk behind a web server without ranges, which goes to /var/tmp meanwhile."""

    def __init__(self, tracer: Tracer, program: list[str], inputs: Inputs, web: Web) -> None:
        super().__init__(tracer, program, inputs, "extract: a web server without ranges", Path(),
                         {"disk.raw": inputs.raw}, output="disk.raw")
        self.address = web.url(inputs.plain.name)
        self.before = self._spools()

    @staticmethod
    def _spools() -> set[str]:
        return {name for name in os.listdir("/var/tmp") if name.startswith(".ovafs-")}

    def command(self, at: Path) -> list[str]:
        return ["extract", self.address, "-o", str(at / "out/disk.raw")]

    def look(self, at: Path) -> list[str]:
        left = sorted(self._spools() - self.before)
        return super().look(at) + [f"/var/tmp/{name} is left" for name in left]


# What a loss of power may leave of a file that was not synchronised.
LOSSES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut in half": lambda content: content[:len(content) // 2],
    "zeros": lambda content: bytes(len(content)),
    "zeros in its second half": lambda content: content[:len(content) // 2] + bytes(-(-len(content) // 2)),
}


def lose_power(case: CachedCopy) -> Row:
    """Each file of the cache folder as a loss of power may leave it: the next run gives the right bytes."""
    row = Row(f"{case.title}, and the power lost")
    at = case.tracer.folder / "case"
    shutil.rmtree(at, ignore_errors=True)
    at.mkdir(mode=0o700)
    case.prepare(at)
    code, errors = case.call(at, case.command(at))
    if code != 0:
        raise ToolFailure(f"{case.title}: {errors}")
    whole = {path: path.read_bytes() for path in sorted((at / "cache").rglob("*")) if path.is_file()}
    for path in (path for path in whole if whole[path]):
        for what, change in LOSSES.items():
            for other, content in whole.items():
                other.write_bytes(change(content) if other == path else content)
            row.place_count += 1
            row.tried += 1
            row.violations += [f"{path.name} is {what}: {text}" for text in case.once_more(at)]
    shutil.rmtree(at, ignore_errors=True)
    return row
