# What a link, a server or a loss costs whoever reads a disk to its end, and what a record of reads saves.
# SPDX-License-Identifier: Apache-2.0
"""Ratios with a goal each: to curl on the same link, to the same work without a loss, to the first time."""

from __future__ import annotations

import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import Callable

from network.web import Web
from peers.contestants import Tools, serve_ovafs
from peers.data import MIB
from peers.processes import run

LINK_MEBIBYTES = 100
SLOW_MEBIBYTES = 10
LOSS = 20
GUEST_MEBIBYTES = 400


@dataclass
class Ratio:
    """Two times and what came of them."""

    title: str
    goal: str
    first: float
    second: float
    value: float
    is_met: bool

    def line(self) -> str:
        return (f"| {self.title} | {self.first:.2f} s | {self.second:.2f} s | {self.value:.2f} | {self.goal} | "
                f"{'yes' if self.is_met else 'NO'} |")


class Links:
    """Measures at one round trip, `repeat` times; medians count."""

    def __init__(self, tools: Tools, web: Web, stem: str, repeat: int) -> None:
        self.tools = tools
        self.web = web
        self.stem = stem
        self.repeat = repeat

    def ratios(self) -> list[Ratio]:
        return [self.whole_disk(20), self.whole_disk(100), self.slow_server(), self.losses(), self.recorded()]

    def _alternately(self, one: Callable[[], float], other: Callable[[], float]) -> tuple[float, float]:
        pairs = [(one(), other()) for _ in range(self.repeat)]
        return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)

    def _address(self, port: int) -> str:
        return f"http://127.0.0.1:{port}/{self.stem}.vmdk"

    def _curl(self, port: int, byte_count: int | None = None) -> float:
        start = time.perf_counter()
        part = ["--range", f"0-{byte_count - 1}"] if byte_count else []
        run(["curl", "--silent", "--fail", *part, "--output", "/dev/null", self._address(port)])
        return time.perf_counter() - start

    def _dd(self, port: int, mebibytes: int | None = None) -> float:
        start = time.perf_counter()
        with serve_ovafs(self.tools, self._address(port), [f"{self.stem}.raw"]) as server:
            part = [f"count={mebibytes}"] if mebibytes else []
            run(["dd", f"if={server.disks[0]}", "of=/dev/null", "bs=1M", "status=none", *part])
            return time.perf_counter() - start

    def whole_disk(self, milliseconds: int) -> Ratio:
        """The stored file by curl, and the whole disk by dd, mounting included."""
        port = self.web.relayed(milliseconds, LINK_MEBIBYTES)
        curl, ours = self._alternately(lambda: self._curl(port), lambda: self._dd(port))
        return Ratio(f"a whole disk, {LINK_MEBIBYTES} MiB/s, {milliseconds} ms: curl of the file, dd of the disk",
                     "≥ 0.85 of curl's rate", curl, ours, curl / ours, curl / ours >= 0.85)

    def slow_server(self) -> Ratio:
        """A server that gives each connection a rate."""
        port = self.web.slow_port
        mark = self.web.mark()
        self._dd(port, GUEST_MEBIBYTES)
        byte_count = self.web.since(mark).byte_count
        curl, ours = self._alternately(
            lambda: self._curl(port, byte_count), lambda: self._dd(port, GUEST_MEBIBYTES))
        return Ratio(f"{byte_count // MIB} MiB, each connection slowed to {SLOW_MEBIBYTES} MiB/s: curl, dd of the disk",
                     "≥ 2.5 times curl's rate", curl, ours, curl / ours, curl / ours >= 2.5)

    def losses(self) -> Ratio:
        """The same with and without connections that break."""
        calm = self.web.relayed(20, LINK_MEBIBYTES)
        rough = self.web.relayed(20, LINK_MEBIBYTES, LOSS)
        without, with_losses = self._alternately(lambda: self._dd(calm), lambda: self._dd(rough))
        ratio = with_losses / without
        return Ratio(f"a whole disk, 20 ms: one request in {LOSS} has its connection reset",
                     "≤ 1.5 times", without, with_losses, ratio, ratio <= 1.5)

    def recorded(self) -> Ratio:
        """`e2fsck -fn` of the guest's file system, recorded, and with the record replayed."""
        port = self.web.relayed(100, LINK_MEBIBYTES)
        record = self.tools.folder / "reads"

        def check(options: str) -> float:
            start = time.perf_counter()
            with serve_ovafs(self.tools, self._address(port), [f"{self.stem}.raw"], options) as server:
                subprocess.run(["e2fsck", "-fn", str(server.disks[0])], capture_output=True, check=True)
                return time.perf_counter() - start

        def first() -> float:
            record.unlink(missing_ok=True)
            return check(f"record={record}")

        seconds, again = self._alternately(first, lambda: check(f"replay={record}"))
        ratio = seconds / again
        return Ratio("e2fsck -fn of the guest's file system, 100 ms: recorded, replayed",
                     "≥ 3 times faster", seconds, again, ratio, ratio >= 3)


def table(ratios: list[Ratio]) -> str:
    return "\n".join(["| what is compared | first | second | ratio | goal | met |", "|---|---|---|---|---|---|",
                      *(ratio.line() for ratio in ratios)])
