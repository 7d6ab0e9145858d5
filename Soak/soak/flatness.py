# When a series is flat: the criterion that memory, descriptors and threads of a server are held to.
# SPDX-License-Identifier: Apache-2.0
"""The criterion.

The first quarter of a run, at least 30 seconds, is the warm-up: caches fill, and pools of threads and
buffers find their size. What follows is cut into at most 120 stretches of equal length, and the median of
each is taken, so that a peak of some seconds counts for nothing. Through these goes the line of Theil and
Sen: its slope is the median of the slopes between any two of them, which up to 29 % of them, wherever they
are, cannot move far. The growth is that slope times the length of what follows the warm-up. A series is flat
if it grows by no more than its bound:

    resident memory   16 MiB, or 10 % of its median where that is more
    descriptors       8, as connections come and go
    threads           8

A server starts threads that wait for sources, up to a bound, when it first needs them, and the C library
keeps memory for each: that is what the 16 MiB are for. So a run of 30 minutes finds what leaks more than
16 MiB in 22 of them. A series that falls is flat.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

WARM_UP_PART = 0.25
LEAST_WARM_UP = 30.0
MOST_STRETCHES = 120
# Fewer samples than this say nothing, and that is no verdict of "flat".
LEAST_SAMPLES = 12
LEAST_MEMORY_GROWTH = 16 << 20
MEMORY_PART = 0.10
DESCRIPTOR_GROWTH = 8.0
THREAD_GROWTH = 8.0


@dataclass
class Verdict:
    """What is said of one series."""

    median: float
    growth: float
    bound: float
    seconds: float
    is_flat: bool

    @property
    def per_hour(self) -> float:
        return self.growth / self.seconds * 3600 if self.seconds else 0.0


def warm_up_seconds(run_seconds: float) -> float:
    return max(LEAST_WARM_UP, WARM_UP_PART * run_seconds)


def stretches(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The medians of at most `MOST_STRETCHES` stretches of samples that follow each other."""
    count = min(MOST_STRETCHES, len(points))
    bounds = [len(points) * number // count for number in range(count + 1)]
    return [(statistics.median(time for time, _ in points[start:end]),
             statistics.median(value for _, value in points[start:end]))
            for start, end in zip(bounds, bounds[1:])]


def slope(points: list[tuple[float, float]]) -> float:
    """The line of Theil and Sen, in units a second."""
    slopes = [(second[1] - first[1]) / (second[0] - first[0])
              for number, first in enumerate(points) for second in points[number + 1:]
              if second[0] > first[0]]
    return statistics.median(slopes)


def judge(points: list[tuple[float, float]], run_seconds: float, bound: float, part: float = 0.0) -> Verdict:
    """Whether the samples of a run (seconds since its start, value) grow by at most `bound`, or that part of them."""
    start = warm_up_seconds(run_seconds)
    warm = [point for point in points if point[0] >= start]
    if len(warm) < LEAST_SAMPLES:
        return Verdict(0.0, 0.0, bound, 0.0, False)
    median = statistics.median(value for _, value in warm)
    seconds = warm[-1][0] - warm[0][0]
    growth = slope(stretches(warm)) * seconds
    bound = max(bound, part * median)
    return Verdict(median, growth, bound, seconds, growth <= bound)


def judge_memory(points: list[tuple[float, float]], run_seconds: float) -> Verdict:
    return judge(points, run_seconds, LEAST_MEMORY_GROWTH, MEMORY_PART)


def judge_descriptors(points: list[tuple[float, float]], run_seconds: float) -> Verdict:
    return judge(points, run_seconds, DESCRIPTOR_GROWTH)


def judge_threads(points: list[tuple[float, float]], run_seconds: float) -> Verdict:
    return judge(points, run_seconds, THREAD_GROWTH)
