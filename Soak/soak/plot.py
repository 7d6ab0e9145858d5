# The plot: memory, descriptors and latency over time, as SVG.
# SPDX-License-Identifier: Apache-2.0
"""Written by hand: four panels above each other with one axis of time, a colour for each mount."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from xml.sax.saxutils import escape

from soak.results import Sample, Window

WIDTH, PANEL, GAP, LEFT, RIGHT, TOP = 1100, 190, 56, 76, 20, 106
COLOURS = {"appliance": "#1b6ca8", "layers": "#c4560d", "compressed": "#2d7d46", "far": "#8b2f97"}
FAULT_COLOURS = {"away": "#d9534f", "stopped": "#999999", "starved": "#222222"}
OTHER_FAULT = "#f0b445"
MOST_POINTS = 550
# Seconds without a value that a line goes over.
LONGEST_BRIDGE = 3.5


@dataclass
class Panel:
    """One quantity of all mounts."""

    title: str
    value: Callable[[Sample], float | None]
    # A second line, thin and dashed.
    other: Callable[[Sample], float | None] | None = None
    is_logarithmic: bool = False


PANELS = [
    Panel("Resident memory, MiB", lambda sample: sample.rss_bytes / (1 << 20)),
    Panel("Open descriptors (solid) and threads (dashed)", lambda sample: sample.descriptors,
          lambda sample: sample.threads),
    Panel("Latency of reads, ms: 99th percentile (solid), median (dashed)", lambda sample: sample.read_99,
          lambda sample: sample.read_median, True),
    Panel("Latency of metadata, ms: 99th percentile (solid), median (dashed)",
          lambda sample: sample.metadata_99, lambda sample: sample.metadata_median, True),
]


def ticks(lowest: float, highest: float, count: int = 5) -> list[float]:
    """Round numbers from `lowest` to beyond `highest`."""
    raw = max((highest - lowest) / count, 1e-9)
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw)
    first = math.floor(lowest / step) * step
    found = [first]
    while found[-1] < highest:
        found.append(first + step * len(found))
    return found


class Scale:
    """From values to the height of a panel."""

    def __init__(self, values: list[float], is_logarithmic: bool) -> None:
        self.is_logarithmic = is_logarithmic
        if is_logarithmic:
            low = math.floor(math.log10(max(min(values, default=0.1), 0.001)))
            high = max(math.ceil(math.log10(max(max(values, default=1.0), 0.001))), low + 1)
            self.ticks = [10.0 ** power for power in range(low, high + 1)]
        else:
            self.ticks = ticks(0.0, max(values, default=1.0) or 1.0)

    def place(self, value: float) -> float:
        """From 0, at the bottom, to 1."""
        low, high = self.ticks[0], self.ticks[-1]
        if self.is_logarithmic:
            return (math.log10(max(value, low)) - math.log10(low)) / (math.log10(high) - math.log10(low))
        return (value - low) / (high - low)


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def thinned(samples: list[Sample], value: Callable[[Sample], float | None]) -> list[tuple[float, float]]:
    """At most `MOST_POINTS` points: of those that share one, the highest, so that no peak is lost."""
    points = [(sample.seconds, found) for sample in samples if (found := value(sample)) is not None]
    count = min(MOST_POINTS, len(points))
    bounds = [len(points) * number // count for number in range(count + 1)] if count else []
    return [(points[start][0], max(value for _, value in points[start:end]))
            for start, end in zip(bounds, bounds[1:])]


def unbroken(points: list[tuple[float, float]], longest: float) -> list[list[tuple[float, float]]]:
    """The pieces of a line: none goes on over a time in which nothing was measured."""
    pieces: list[list[tuple[float, float]]] = []
    for point in points:
        if not pieces or point[0] - pieces[-1][-1][0] > longest:
            pieces.append([])
        pieces[-1].append(point)
    return [piece for piece in pieces if len(piece) > 1]


def svg(samples: list[Sample], windows: list[Window], start: float, warm_up: float, title: str) -> str:
    """The whole document. `start` is what the times of the windows are counted from."""
    names = list(dict.fromkeys(sample.mount for sample in samples))
    end = max((sample.seconds for sample in samples), default=1.0)
    time_ticks = [tick for tick in ticks(0.0, end, 10) if tick <= end]
    inner = WIDTH - LEFT - RIGHT

    def across(seconds: float) -> float:
        return LEFT + inner * min(max(seconds, 0.0), end) / end

    height = TOP + len(PANELS) * (PANEL + GAP)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12" fill="#222">',
        f"<title>{escape(title)}</title>", f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="26" font-size="17">{escape(title)}</text>', *legend(names)]
    for number, panel in enumerate(PANELS):
        top = TOP + number * (PANEL + GAP)
        lines = [(name, 'stroke-width="1.4"', panel.value) for name in names]
        lines += [(name, 'stroke-width="0.9" stroke-dasharray="4 3"', panel.other)
                  for name in names if panel.other]
        series = [(name, style, thinned([sample for sample in samples if sample.mount == name], value))
                  for name, style, value in lines if value]
        scale = Scale([value for _, _, points in series for _, value in points], panel.is_logarithmic)
        out += frame(panel.title, top, scale, time_ticks, across)
        out += bands(windows, start, top, across)
        out.append(f'<line x1="{across(warm_up):.1f}" x2="{across(warm_up):.1f}" y1="{top}" '
                   f'y2="{top + PANEL}" stroke="#222" stroke-dasharray="2 4"/>')
        for name, style, points in series:
            for piece in unbroken(points, max(LONGEST_BRIDGE, 4 * end / MOST_POINTS)):
                path = " ".join(f"{across(seconds):.1f},{top + PANEL * (1 - scale.place(value)):.1f}"
                                for seconds, value in piece)
                out.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS.get(name, "#000")}" '
                           f'stroke-linejoin="round" {style}/>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def legend(names: list[str]) -> list[str]:
    """Colours of mounts in one row, those of faults in the next."""
    out: list[str] = []
    place = LEFT
    for name in names:
        out.append(f'<line x1="{place}" x2="{place + 22}" y1="46" y2="46" '
                   f'stroke="{COLOURS.get(name, "#000")}" stroke-width="3"/>')
        out.append(f'<text x="{place + 28}" y="50">{escape(name)}</text>')
        place += 50 + 7 * len(name)
    place = LEFT
    for words, colour in [("far server away", FAULT_COLOURS["away"]), ("another fault of it", OTHER_FAULT),
                          ("local server stopped", FAULT_COLOURS["stopped"]),
                          ("machine paused", FAULT_COLOURS["starved"])]:
        out.append(f'<rect x="{place}" y="59" width="22" height="13" fill="{colour}" fill-opacity="0.3"/>')
        out.append(f'<text x="{place + 28}" y="70">{words}</text>')
        place += 50 + 7 * len(words)
    out.append(f'<line x1="{place}" x2="{place + 22}" y1="66" y2="66" stroke="#222" stroke-dasharray="2 4"/>')
    out.append(f'<text x="{place + 28}" y="70">end of the warm-up</text>')
    return out


def frame(
    title: str, top: int, scale: Scale, time_ticks: list[float], across: Callable[[float], float]
) -> list[str]:
    """Title, border, grid and numbers of one panel."""
    out = [f'<text x="{LEFT}" y="{top - 8}" font-size="13" font-weight="bold">{escape(title)}</text>']
    for tick in scale.ticks:
        y = top + PANEL * (1 - scale.place(tick))
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e2e2e2"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in time_ticks:
        x = across(tick)
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + PANEL}" stroke="#e2e2e2"/>')
        out.append(f'<text x="{x:.1f}" y="{top + PANEL + 16}" text-anchor="middle">{clock(tick)}</text>')
    out.append(f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{PANEL}" fill="none" '
               'stroke="#666"/>')
    out.append(f'<text x="{WIDTH - RIGHT}" y="{top + PANEL + 30}" text-anchor="end" fill="#666">'
               "minutes:seconds since the start</text>")
    return out


def bands(windows: list[Window], start: float, top: int, across: Callable[[float], float]) -> list[str]:
    """The times of faults."""
    out = []
    for window in windows:
        left = across(window.start - start)
        right = across((window.end if window.end is not None else math.inf) - start)
        colour = FAULT_COLOURS.get(window.kind, OTHER_FAULT)
        out.append(f'<rect x="{left:.1f}" y="{top}" width="{max(right - left, 1):.1f}" height="{PANEL}" '
                   f'fill="{colour}" fill-opacity="0.22">'
                   f'<title>{escape(f"{window.mount}: {window.kind}")}</title></rect>')
    return out
