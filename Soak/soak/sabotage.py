# Makes a run fail in one way that is known, to show that it would be seen.
# SPDX-License-Identifier: Apache-2.0
"""A check that has never failed says nothing. `--prove` runs each of these and looks for its failure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from soak.faults import Station

# What is done, and the kind of failure that has to come of it.
KINDS = {
    "byte": "wrong",  # the first byte that is compared is taken for another one
    "hang": "hung",  # a local server is stopped for longer than a read may take
    "server": "error",  # a server is killed
    "source": "error",  # a source is rewritten
    "leak": "growth",  # in a server's place, a process is measured that grows
    "process": "leftover",  # a process that names the folder of the run stays
}
# Seconds beyond the deadline that a server is stopped.
HANG_MORE = 5.0
GROWING = """
import os, sys, time
kept = []
parent = os.getppid()
while os.getppid() == parent:
    kept.append((bytearray(os.urandom(1024)) * 512, open(os.devnull)))
    time.sleep(0.2)
"""


class Sabotage:
    """At most one kind, in a third of the run's time."""

    def __init__(self, kind: str | None, folder: Path) -> None:
        self.kind = kind
        self._folder = folder
        self._is_done = False
        self._helper: subprocess.Popen[bytes] | None = None
        if kind == "leak":
            self._helper = subprocess.Popen([sys.executable, "-B", "-c", GROWING])

    def server(self, station: Station) -> int:
        """The process that is measured."""
        return self._helper.pid if self._helper and station.plan.name == "layers" else station.mounted.pid

    def at(self, seconds: float, all_seconds: float, stations: list[Station]) -> None:
        if self._is_done or seconds < all_seconds / 3:
            return
        self._is_done = True
        station = next(station for station in stations if station.plan.name == "layers")
        if self.kind == "hang":
            threading.Thread(target=self._hang, args=(station,), daemon=True).start()
        elif self.kind == "server":
            os.kill(station.mounted.pid, signal.SIGKILL)
        elif self.kind == "source":
            with open(Path(station.plan.source).parent / "base.qcow2", "r+b") as image:
                image.seek(1 << 20)
                image.write(bytes(4096))
        elif self.kind == "process":
            subprocess.Popen(
                [sys.executable, "-c", "import time; time.sleep(600)", str(self._folder / "left")])

    @staticmethod
    def _hang(station: Station) -> None:
        # Under the lock, or the fault that stops it for a second would let it go on.
        with station.running:
            os.kill(station.mounted.pid, signal.SIGSTOP)
            time.sleep(station.plan.read_deadline + HANG_MORE)
            os.kill(station.mounted.pid, signal.SIGCONT)

    def end(self) -> None:
        if self._helper:
            self._helper.kill()
            self._helper.wait()
