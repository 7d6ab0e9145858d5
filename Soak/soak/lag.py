# Notices when the machine does not run us, so that this is not taken for a fault of what is tested.
# SPDX-License-Identifier: Apache-2.0
"""A thread that sleeps a quarter of a second and looks how long that took.

A virtual machine that is paused, or one that is far too busy, holds up readers, the far server and the
server of a mount alike: calls then take long, and reads of the far mount reach their timeout, though nothing
hangs.
"""

from __future__ import annotations

import threading
import time

from soak.results import Results

STEP_SECONDS = 0.25
# What is later than this is not the usual business of a busy machine.
LEAST_LAG_SECONDS = 1.0
# Where more of a run than this part was lost, it shows nothing, and fails.
MOST_LOST = 0.1


class LagWatch:
    """From `start` to `stop`."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        before = time.monotonic()
        while not self._end.wait(STEP_SECONDS):
            now = time.monotonic()
            if now - before - STEP_SECONDS > LEAST_LAG_SECONDS:
                self._results.note_lag(before, now)
            before = now
