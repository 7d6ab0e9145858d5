#!/usr/bin/env python3
# Measures ovafs and its peers in turns, and reports medians, ratios and spread; peers.sh builds and calls this.
# SPDX-License-Identifier: Apache-2.0
"""Side by side with what a user would pick instead. See docs/BENCHMARKS.md."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from peers import contestants as c
from peers.data import GIB, MIB, Data, prepare, say, sha256_of
from peers.processes import Refused, run
from peers.report import Results
from peers.workloads import Bench, Measurement, Workload

UNITS = {"": 1, "K": 1 << 10, "M": MIB, "G": GIB}


def byte_count(text: str) -> int:
    match = re.fullmatch(r"(\d+)\s*([KMG]?)(?:iB)?", text, re.IGNORECASE)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size: 512M and 2G are")
    value = int(match[1]) * UNITS[match[2].upper()]
    if value % MIB or not 128 * MIB <= value <= 64 * GIB:
        raise argparse.ArgumentTypeError(f"'{text}': whole MiB, from 128M to 64G")
    return value


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return int(text)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="peers.sh", description="Compares ovafs with its peers on this machine. Needs root.")
    parser.add_argument("--size", type=byte_count, default=2 * GIB,
                        help="virtual size of the disk, half of it data (default 2G)")
    parser.add_argument("--repeat", type=positive, default=3, help="rounds; medians are of these (default 3)")
    parser.add_argument("--only", nargs="+", metavar="WORKLOAD",
                        help="letters (a … p) or names (a-direct); default all")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parent / "data",
                        help="where the data is kept between runs (default Benchmarks/data)")
    parser.add_argument("--keep", action="store_true", help="keep the folder of this run, for a look at it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single measurement")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table, which is also printed")
    parser.add_argument("--ovafs", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--inflate", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--run-list", type=Path, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def version(command: list[str]) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "missing"
    lines = (result.stdout or result.stderr).strip().splitlines()
    return lines[0] if lines else "unknown"


def describe_machine(tools: c.Tools) -> dict:
    cpu = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": int(memory[1]) * 1024 if memory else 0,
        "kernel": platform.release(),
        "load_at_start": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d"),
        "versions": {
            "ovafs": version([str(tools.ovafs), "--version"]),
            "qemu": version(["qemu-img", "--version"]),
            "vmdkmount": version(["vmdkmount", "-V"]),
            "fio": version(["fio", "--version"]),
        },
    }


def check_bytes(bench: Bench, results: Results) -> None:
    """Compares the whole disk that each contestant gives with the original."""
    say("Comparing the bytes that each contestant gives ...")
    wanted = bench.data.one.disks[0].sha256

    def verdict(digest: str) -> str:
        return "same" if digest == wanted else f"wrong bytes, SHA-256 {digest}"

    for name in Bench.MOUNTS:
        try:
            with c.serve(name, bench.tools, bench.data.one) as server:
                results.digests[f"{name} (mount)"] = verdict(sha256_of(server.disks[0]))
        except (Refused, OSError) as error:
            results.digests[f"{name} (mount)"] = str(error)
    for name in (c.OVAFS, c.QEMU_IMG, c.TAR):
        shown = "ovafs extract" if name == c.OVAFS else name
        folder = Path(tempfile.mkdtemp(prefix="check-", dir=bench.tools.folder))
        try:
            output = folder / "copy.raw"
            bench.extract_into(name, output)
            results.digests[shown] = verdict(sha256_of(output))
        except (Refused, OSError) as error:
            results.digests[shown] = str(error)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def measure(bench: Bench, results: Results, only: list[str] | None, repeat: int) -> None:
    """All rounds of all workloads; within a round, contestants take turns, each time another one first."""
    chosen = [entry for entry in bench.workloads() if is_wanted(entry, only)]
    for workload in chosen:
        say(f"{workload.key}: {workload.title}")
        given_up: set[str] = set()
        # Rows keep the order of the workload, whoever goes first.
        outcomes: dict[str, list[Measurement | str]] = {name: [] for name in workload.names}
        for number in range(repeat):
            shift = number % len(workload.names)
            for name in workload.names[shift:] + workload.names[:shift]:
                if name in given_up:
                    continue
                try:
                    outcome: Measurement | str = workload.measure(name)
                except (Refused, OSError, subprocess.TimeoutExpired) as error:
                    outcome = str(error)
                    given_up.add(name)
                outcomes[name].append(outcome)
                shown = outcome if isinstance(outcome, str) else f"{outcome.value:.3f} {workload.unit}"
                say(f"  {number + 1}/{repeat} {name}: {shown}")
        for name, list_of_outcomes in outcomes.items():
            for outcome in list_of_outcomes:
                results.add(workload, name, outcome)


def inflate_cpu(tools: c.Tools, data: Data, repeat: int) -> list[float]:
    """CPU seconds, while the other cores do the same: they share caches and memory."""
    say("Inflating all grains from memory ...")
    command = [str(tools.inflate), str(data.one.disks[0].vmdk)]
    cores = len(os.sched_getaffinity(0))
    found = []
    for _ in range(repeat):
        with ThreadPoolExecutor(cores) as pool:
            outputs = list(pool.map(lambda _: run(command).output, range(cores)))
        found.append(statistics.mean(float(output.split()[0]) for output in outputs))
    return found


def inflate_disks_cpu(bench: Bench, only: list[str] | None, repeat: int) -> dict[str, list[float]]:
    """The same for all disks of the workloads that read several, where these are measured."""
    return {
        workload.key: [
            sum(float(run([str(bench.tools.inflate), str(disk.vmdk)]).output.split()[0])
                for disk in workload.disks)
            for _ in range(repeat)]
        for workload in bench.workloads() if workload.disks and is_wanted(workload, only)}


def hash_seconds(data: Data, repeat: int) -> list[float]:
    """SHA-256 of the first disk's VMDK from memory: what checking it costs at the least."""
    content = data.one.disks[0].vmdk.read_bytes()
    found = []
    for _ in range(repeat):
        start = time.process_time()
        hashlib.sha256(content).digest()
        found.append(time.process_time() - start)
    return found


def is_wanted(workload: Workload, only: list[str] | None) -> bool:
    return not only or workload.key in only or workload.letter in only


def description(machine: dict, data: Data, options: argparse.Namespace) -> list[str]:
    versions = machine["versions"]
    size = data.one.disks[0].byte_count
    return [
        f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_bytes'] / GIB:.0f} GiB of memory, "
        f"Linux {machine['kernel']}, {machine['date']}; {options.repeat} rounds, load at the start "
        f"{machine['load_at_start']:.2f}. {versions['ovafs']}; {versions['qemu']}; {versions['vmdkmount']}; "
        f"{versions['fio']}.",
        f"A disk of {size / GIB:g} GiB with {data.data_bytes / MIB:.0f} MiB of files in ext4, "
        f"{data.one.disks[0].vmdk.stat().st_size / MIB:.0f} MiB as streamOptimized VMDK.",
    ]


def main() -> int:
    options = arguments()
    if os.geteuid() != 0:
        print("peers: needs root: it mounts, and ovafs raises the read-ahead of its mounts only as root",
              file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    # A shell starts background jobs with interrupts ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    options.data.mkdir(parents=True, exist_ok=True)
    data = prepare(options.data.resolve(), options.size)
    known = {name for entry in Bench(c.Tools(Path(), Path(), Path()), data).workloads()
             for name in (entry.key, entry.letter)}
    if unknown := set(options.only or []) - known:
        print(f"peers: no such workload: {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}",
              file=sys.stderr)
        return 2

    folder = Path(tempfile.mkdtemp(prefix="run-", dir=options.data.resolve()))
    with open(options.run_list, "a", encoding="utf-8") as runs:
        runs.write("" if options.keep else f"{folder}\n")
    tools = c.Tools(options.ovafs.resolve(), options.inflate.resolve(), folder)
    try:
        # Everyone starts with memory free for the page cache, and with the source in it.
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
        data.warm()
        machine = describe_machine(tools)
        bench = Bench(tools, data)
        results = Results(
            machine["cores"], inflate_cpu(tools, data, options.repeat),
            inflate_disks_cpu(bench, options.only, options.repeat), hash_seconds(data, options.repeat))
        check_bytes(bench, results)
        measure(bench, results, options.only, options.repeat)
        table = results.markdown(description(machine, data, options))
        print(table)
        if options.markdown:
            options.markdown.write_text(table)
        if options.json:
            options.json.write_text(json.dumps(results.json(machine), indent=2) + "\n")
    except Refused as refused:
        # Contestants' own refusals are rows; this is a tool of the measure.
        print(f"peers: {refused}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    ours = [verdict for name, verdict in results.digests.items() if name.startswith(c.OVAFS)]
    if any(verdict != "same" for verdict in ours):
        print("peers: ovafs does not give the bytes of the original", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
