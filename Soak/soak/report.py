# The report of a run: report.md, samples.csv and soak.svg.
# SPDX-License-Identifier: Apache-2.0
"""Says first whether the run passed, then everything that a reader needs to believe it."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path

from soak import flatness
from soak.plan import FAR_TIMEOUT, KILLED_SECONDS
from soak.plot import svg
from soak.results import RECOVERY_SECONDS, percentile
from soak.run import OPERATIONS, Run

MIB = 1 << 20
# What names, attributes and cached data should take at most, whatever a source does.
METADATA_GOAL_MILLISECONDS = 50.0


def write(run: Run) -> None:
    folder = run.options.report
    run.results.write_samples(folder / "samples.csv")
    title = (f"ovafs soak, {run.seconds / 60:.1f} minutes, seed {run.options.seed}, "
             f"{time.strftime('%Y-%m-%d')}")
    plot = svg(run.results.samples, run.results.windows, run.results.start,
               flatness.warm_up_seconds(run.seconds), title)
    (folder / "soak.svg").write_text(plot, encoding="utf-8")
    (folder / "report.md").write_text(markdown(run), encoding="utf-8")


def verdict_line(run: Run) -> str:
    count = len(run.results.failures) + run.results.failures_left_out
    if not count:
        return "passed: no wrong byte, no hung reader, no unexpected error, no growth, nothing left behind"
    kinds = sorted({failure.kind for failure in run.results.failures})
    return f"FAILED: {count} failures ({', '.join(kinds)})"


def markdown(run: Run) -> str:
    parts = [
        "# Soak of ovafs", "", f"**{verdict_line(run)}**", "", machine(run), "",
        "![Memory, descriptors and latency over time](soak.svg)", "", *failures(run), *mounted(run),
        *flat(run), *work(run), *latencies(run), *troubles(run)]
    return "\n".join(parts) + "\n"


def machine(run: Run) -> str:
    def version(*command: str) -> str:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return result.stdout.splitlines()[0] if result.stdout else "of no version"

    return (f"{run.seconds / 60:.1f} minutes with {run.options.readers} readers a mount, twice as many of "
            f"the far one, and seed {run.options.seed}, on {len(os.sched_getaffinity(0))} cores, "
            f"Linux {platform.release()}, load at the end {os.getloadavg()[0]:.1f}, "
            f"{time.strftime('%Y-%m-%d %H:%M')}. {version(str(run.options.ovafs), '--version')}; "
            f"references by {version('qemu-img', '--version')}."
            + (f" SABOTAGED: {run.options.sabotage}." if run.options.sabotage else ""))


def failures(run: Run) -> list[str]:
    if not run.results.failures:
        return []
    lines = ["## Failures", ""]
    lines += [f"- {failure.seconds:.1f} s, {failure.kind}: {failure.text}"
              for failure in run.results.failures]
    if run.results.failures_left_out:
        lines.append(f"- and {run.results.failures_left_out} more")
    return [*lines, ""]


def mounted(run: Run) -> list[str]:
    lines = ["## Mounts", "", "| mount | source | options | files read |", "|---|---|---|---|"]
    for plan in run.plans:
        source = plan.source if plan.is_far else Path(plan.source).name
        # The folder of the run is gone.
        options = plan.options.replace(str(Path(plan.targets[0].reference).parent) + "/", "")
        lines.append(f"| {plan.name} | {source} | `{options}` | {len(plan.targets)} |")
    return [*lines, ""]


def flat(run: Run) -> list[str]:
    warm_up = flatness.warm_up_seconds(run.seconds)
    lines = ["## Flatness", "", f"After a warm-up of {warm_up:.0f} s; docs/SOAK.md has the criterion.", "",
             "| mount | what | median | growth | bound | an hour | |", "|---|---|---:|---:|---:|---:|---|"]
    for (name, what), verdict in run.verdicts.items():
        unit, suffix = (MIB, " MiB") if what == "memory" else (1, "")
        lines.append(
            f"| {name} | {what} | {verdict.median / unit:.1f}{suffix} | "
            f"{verdict.growth / unit:+.2f}{suffix} | {verdict.bound / unit:.1f}{suffix} | "
            f"{verdict.per_hour / unit:+.1f}{suffix} | "
            f"{'flat' if verdict.is_flat else '**grows**'} |")
    if not run.verdicts:
        lines += ["", "Not judged: the run ended early, by what failed."]
    lines += ["", "| mount | peak memory | most descriptors | most threads |", "|---|---:|---:|---:|"]
    for plan in run.plans:
        samples = run.results.of(plan.name)
        if samples:
            lines.append(
                f"| {plan.name} | {max(sample.peak_bytes for sample in samples) / MIB:.0f} MiB | "
                f"{max(sample.descriptors for sample in samples)} | "
                f"{max(sample.threads for sample in samples)} |")
    return [*lines, ""]


def work(run: Run) -> list[str]:
    lines = ["## What was done", "", f"| mount | GiB compared | {' | '.join(OPERATIONS)} | copies |",
             "|---|---:|" + "---:|" * (len(OPERATIONS) + 1)]
    for plan in run.plans:
        counts = run.results.counts.get(plan.name)
        if not counts:
            continue
        numbers = " | ".join(f"{counts.operations.get(name, 0):,}" for name in OPERATIONS)
        copies = sum(count for name, count in counts.operations.items() if name not in OPERATIONS)
        lines.append(f"| {plan.name} | {compared(run, plan.name):.2f} | {numbers} | {copies} |")
    return [*lines, ""]


def compared(run: Run, mount: str) -> float:
    return run.results.counts[mount].byte_count / (1 << 30)


def latencies(run: Run) -> list[str]:
    lines = ["## Latency", "",
             "Medians over the seconds of the run, in ms; the longest call of each kind, with those that a "
             "fault held up.", "",
             "| mount | read, median | read, 99 % | metadata, median | metadata, 99 % | longest read "
             "| longest metadata | longest open | a read may take | metadata in time |",
             "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for plan in run.plans:
        samples, counts = run.results.of(plan.name), run.results.counts.get(plan.name)
        if not samples or not counts:
            continue
        columns = [percentile([value for sample in samples
                               if (value := getattr(sample, name)) is not None], 0.5)
                   for name in ("read_median", "read_99", "metadata_median", "metadata_99")]
        columns += [counts.longest.get(kind) for kind in ("read", "metadata", "open")]
        shown = " | ".join("" if value is None else f"{value:,.2f}" for value in columns)
        metadata = [sample.metadata_99 for sample in samples if sample.metadata_99 is not None]
        prompt = share_within(metadata, METADATA_GOAL_MILLISECONDS)
        lines.append(f"| {plan.name} | {shown} | {plan.read_deadline * 1000:,.0f} | "
                     f"{'' if prompt is None else f'{prompt:.1%}'} |")
    return [*lines, "",
            "The last column is the part of all seconds in which 99 of 100 calls for names and attributes took at "
            f"most {METADATA_GOAL_MILLISECONDS:.0f} ms, whatever their source did. It measures the machine, too, "
            "and fails no run.", ""]


def share_within(values: list[float], most: float) -> float | None:
    """Which part of the values is at most `most`; None where there are none."""
    return sum(value <= most for value in values) / len(values) if values else None


def troubles(run: Run) -> list[str]:
    results = run.results
    lines = ["## Faults and the rest", "", "| what | times |", "|---|---:|"]
    lines += [f"| {name} | {count} |" for name, count in sorted(results.events.items())]
    lines.append("")
    if results.killed:
        lines.append("Readers that were killed were gone after "
                     f"{max(results.killed) * 1000:.0f} ms at the most, "
                     f"{(percentile(results.killed, 0.5) or 0) * 1000:.0f} ms in the median; "
                     f"{KILLED_SECONDS * 1000:.0f} are allowed.")
    if results.mount_seconds:
        lines.append(f"Guests were mounted in {max(results.mount_seconds):.2f} s at the most.")
    far = results.counts.get("far")
    excused = ", ".join(f"{kind} {count}" for kind, count in sorted(far.excused.items())) if far else ""
    lines.append("EIO of the far mount while its server failed, or up to "
                 f"{FAR_TIMEOUT + RECOVERY_SECONDS:.0f} s later: {excused or 'none'}.")
    requests = ", ".join(f"{kind} {count}" for kind, count in sorted(run.web.items()))
    lines.append(f"The far server's own count of what its requests met: {requests or 'none'}.")
    return [*lines, ""]
