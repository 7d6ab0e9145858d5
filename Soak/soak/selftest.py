# Tests what judges a run, on data whose verdict is known, without a mount.
# SPDX-License-Identifier: Apache-2.0
"""`scripts/soak.sh --self-test`. Each function is a test; its name is what it states."""

from __future__ import annotations

import errno
import http.client
import os
import random
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from soak import flatness
from soak.data import content, write_content
from soak.faults import Station, Web
from soak.mounts import Mounted
from soak.operations import Operations, Wrong, listing_of
from soak.plan import FAR_TIMEOUT, MIB, MountPlan, ReaderPlan, Target
from soak.plot import svg
from soak.readers import Reader
from soak.reference import Reference, write_map
from soak.report import share_within
from soak.results import RECOVERY_SECONDS, Results, Sample, Window, percentile
from soak.run import judge_exercise
from soak.slot import Slot
from soak.web import FAULTS, SLOW_RATE

RUN = 1800.0


def series(value: Callable[[float], float], noise: float = 0.0) -> list[tuple[float, float]]:
    source = random.Random(7)
    return [(float(second), value(float(second)) + source.uniform(-noise, noise))
            for second in range(int(RUN))]


def memory(value: Callable[[float], float], noise: float = 2.0) -> flatness.Verdict:
    """Of a series in MiB."""
    return flatness.judge_memory([(time, mib * MIB) for time, mib in series(value, noise)], RUN)


def after_warm_up(second: float) -> float:
    """From 0 at the end of the warm-up to 1 at the end of the run."""
    start = flatness.warm_up_seconds(RUN)
    return max(0.0, second - start) / (RUN - start)


# The criterion.

def noise_is_flat() -> None:
    verdict = memory(lambda _: 70.0)
    assert verdict.is_flat and abs(verdict.growth) < MIB, verdict


def what_falls_is_flat() -> None:
    assert memory(lambda second: 90 - 20 * after_warm_up(second)).is_flat


def growth_is_measured() -> None:
    verdict = memory(lambda second: 70 + 30 * after_warm_up(second))
    assert abs(verdict.growth - 30 * MIB) < 2 * MIB, verdict


def growth_over_the_bound_is_found_and_under_it_is_not() -> None:
    assert not memory(lambda second: 60 + 20 * after_warm_up(second)).is_flat
    assert memory(lambda second: 60 + 12 * after_warm_up(second)).is_flat


def the_warm_up_does_not_count() -> None:
    assert memory(lambda second: 20 + 60 * min(1.0, second / 300)).is_flat


def peaks_do_not_count() -> None:
    assert memory(lambda second: 70 + (300 if second % 40 < 3 else 0)).is_flat


def a_saw_is_flat() -> None:
    assert memory(lambda second: 70 + second % 60 / 3).is_flat


def a_rising_saw_is_found() -> None:
    assert not memory(lambda second: 70 + second % 60 / 3 + 30 * after_warm_up(second)).is_flat


def a_leak_that_begins_half_way_is_found() -> None:
    assert not memory(lambda second: 70 + 60 * max(0.0, after_warm_up(second) - 0.5)).is_flat


def a_staircase_is_found() -> None:
    assert not memory(lambda second: 70 + 4 * int(6 * after_warm_up(second))).is_flat


def descriptors_that_leak_are_found() -> None:
    assert not flatness.judge_descriptors(series(lambda second: 12 + second // 60), RUN).is_flat


def descriptors_that_come_and_go_are_flat() -> None:
    assert flatness.judge_descriptors(series(lambda second: 12 + second // 20 % 6, 1.0), RUN).is_flat


def threads_that_leak_are_found() -> None:
    assert not flatness.judge_threads(series(lambda second: 8 + second // 60), RUN).is_flat


def no_samples_are_no_verdict_of_flat() -> None:
    assert not flatness.judge_memory([], RUN).is_flat
    assert not flatness.judge_memory([(float(second), 1.0) for second in range(40)], 40.0).is_flat


# What is excused.

def only_the_far_mount_and_only_eio_in_a_fault_is_excused() -> None:
    results = Results()
    results.windows.append(Window("far", "away", 100.0, 110.0))
    results.windows.append(Window("layers", "stopped", 100.0, 101.0))
    late = 110.0 + FAR_TIMEOUT + RECOVERY_SECONDS
    assert results.excuse("far", errno.EIO, 101.0, 107.0)
    assert results.excuse("far", errno.EIO, 99.0, 105.0)
    assert results.excuse("far", errno.EIO, 109.0, late)
    assert not results.excuse("far", errno.EIO, 109.0, late + 0.1)
    assert not results.excuse("far", errno.EIO, 98.0, 99.0)
    assert not results.excuse("far", errno.EIO, 110.5, 111.0)
    assert not results.excuse("far", errno.ESTALE, 101.0, 107.0)
    assert not results.excuse("layers", errno.EIO, 100.5, 101.0)


def a_fault_under_way_excuses() -> None:
    results = Results()
    results.windows.append(Window("far", "away", 100.0))
    assert results.excuse("far", errno.EIO, 120.0, 126.0)


def errors_and_wrong_bytes_are_failures() -> None:
    results = Results()
    results.take("layers", {"failure": {"operation": "pread", "wrong": "x", "from": 0.0, "to": 1.0}})
    results.take("layers", {"failure": {
        "operation": "pread", "errno": errno.EIO, "from": 0.0, "to": 1.0, "words": "y"}})
    assert [failure.kind for failure in results.failures] == ["wrong", "error"], results.failures


def percentiles_are_those_of_the_values() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert percentile(values, 0.5) == 50.0 and percentile(values, 0.99) == 99.0, percentile(values, 0.99)
    assert percentile([3.0], 0.99) == 3.0 and percentile([], 0.5) is None
    assert share_within([49.0, 50.0, 51.0, 52.0], 50.0) == 0.5 and share_within([], 50.0) is None


def what_was_never_done_is_a_failure() -> None:
    results = Results()
    plan = MountPlan("layers", "x", "", [])
    judge_exercise([Station(plan, Mounted("layers", Path("x"), 1, 0.0), {})], results)
    assert {failure.kind for failure in results.failures} == {"unexercised"} and len(results.failures) > 20


# The comparison, on a folder that stands for a mount.

class Folder:
    """A disk and its reference, and the operations that compare them."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        (self.root / ".ova").mkdir(parents=True)
        (self.root / ".ova" / "stats.json").write_text('{"version": 1, "bytesServed": 0}')
        self.disk, reference = self.root / "disk.raw", folder / "reference"
        write_content(reference, 3 * MIB + 512, 5)
        write_map(reference)
        self.disk.write_bytes(reference.read_bytes())
        self.disk.chmod(0o444)
        target = Target("disk.raw", str(reference), 0, reference.stat().st_size)
        self.plan = ReaderPlan(
            "layers", str(self.root), [target], False, False, 5.0, 5.0, 1, str(folder / "slot"), str(folder),
            "mixed", listing_of(self.root))
        self.operations = Operations(self.plan, Slot(folder / "slot", is_made=True), lambda *_: None)
        self.reference = Reference(reference)

    def change(self, offset: int, piece: bytes) -> None:
        self.disk.chmod(0o644)
        with open(self.disk, "r+b") as file:
            file.seek(offset)
            file.write(piece)
        self.disk.chmod(0o444)

    def finds(self, run: Callable[[], None], count: int = 400) -> bool:
        """Whether an operation finds something wrong when it is done often."""
        for _ in range(count):
            try:
                run()
            except Wrong:
                return True
        return False


def with_folder(test: Callable[[Folder], None]) -> None:
    with tempfile.TemporaryDirectory(prefix="ovafs-soak-test-") as name:
        test(Folder(Path(name)))


def what_is_right_is_not_called_wrong() -> None:
    def test(folder: Folder) -> None:
        operations = folder.operations
        for run in (operations.pread, operations.map, operations.sequence, operations.holes, operations.stat,
                    operations.list, operations.counters, operations.storm):
            assert not folder.finds(run, 30), run
        assert operations.compared > 0
    with_folder(test)


def one_wrong_byte_is_found() -> None:
    def test(folder: Folder) -> None:
        place = next(place for place in range(MIB, 2 * MIB) if not folder.reference.is_zero(place, place + 1))
        wrong = bytes([folder.reference.read(place, 1)[0] ^ 1])
        folder.change(place, wrong)
        for run in (folder.operations.pread, folder.operations.map, folder.operations.sequence):
            assert folder.finds(run, 2000), run
    with_folder(test)


def data_that_is_called_a_hole_is_found() -> None:
    def test(folder: Folder) -> None:
        # The same size and one hole: what reads give is not asked here.
        folder.disk.chmod(0o644)
        os.truncate(folder.disk, 0)
        os.truncate(folder.disk, folder.plan.targets[0].byte_count)
        assert folder.finds(folder.operations.holes)
    with_folder(test)


def a_short_file_is_found() -> None:
    def test(folder: Folder) -> None:
        folder.disk.chmod(0o644)
        os.truncate(folder.disk, 2 * MIB)
        folder.disk.chmod(0o444)
        for run in (folder.operations.stat, folder.operations.list, folder.operations.sequence):
            assert folder.finds(run), run
    with_folder(test)


def a_file_that_appears_is_found() -> None:
    def test(folder: Folder) -> None:
        (folder.root / "new").touch()
        assert folder.finds(folder.operations.list, 1)
    with_folder(test)


def zeros_are_told_from_data() -> None:
    def test(folder: Folder) -> None:
        source = random.Random(3)
        size = folder.plan.targets[0].byte_count
        whole = folder.reference.read(0, size)
        for _ in range(2000):
            start = source.randrange(size)
            end = min(size, start + int(2 ** source.uniform(0, 15)))
            assert folder.reference.is_zero(start, end) == (not any(whole[start:end])), (start, end)
    with_folder(test)


# Readers.

def a_reader_that_hangs_is_found_and_killed() -> None:
    with tempfile.TemporaryDirectory(prefix="ovafs-soak-test-") as name:
        folder = Path(name)
        # Opening a pipe that nobody writes to waits for ever.
        os.mkfifo(folder / "disk.raw")
        (folder / "reference").write_bytes(b"x")
        write_map(folder / "reference")
        plan = ReaderPlan(
            "layers", name, [Target("disk.raw", str(folder / "reference"), 0, 1)], False, False, 0.5, 0.5, 1,
            str(folder / "slot"), name, "dd", {})
        results = Results()
        reader = Reader(plan, folder, 0, results)
        deadline = time.monotonic() + 30
        while not reader.is_gone() and time.monotonic() < deadline:
            reader.watch()
            time.sleep(0.05)
        assert reader.is_gone() and reader.is_hung, results.failures
        assert [failure.kind for failure in results.failures] == ["hung"], results.failures


def a_reader_that_breaks_is_found() -> None:
    with tempfile.TemporaryDirectory(prefix="ovafs-soak-test-") as name:
        plan = ReaderPlan("layers", name, [], False, False, 5.0, 5.0, 1, f"{name}/slot", name, "mixed", {})
        results = Results()
        reader = Reader(plan, Path(name), 0, results)
        reader.thread.join(30)
        assert [failure.kind for failure in results.failures] == ["error"], results.failures


def time_that_the_machine_loses_is_no_hang() -> None:
    results = Results()
    results.note_lag(100.0, 130.0)
    results.note_lag(140.0, 142.0)
    assert results.lost_since(90.0) == 32.0 and results.lost_since(120.0) == 12.0
    assert results.lost_since(150.0) == 0.0
    assert results.excuse("far", errno.EIO, 126.0, 132.0)
    assert not results.excuse("layers", errno.EIO, 126.0, 132.0)


def errors_name_the_call_that_failed() -> None:
    def test(folder: Folder) -> None:
        folder.disk.unlink()
        try:
            folder.operations.pread()
        except OSError:
            words, start = folder.operations.failed or ("", 0.0)
            assert words == "open of disk.raw" and start > 0, words
        else:
            raise AssertionError("a file that is not there was read")
    with_folder(test)


# The far server.

def each_fault_of_the_server_is_one() -> None:
    with tempfile.TemporaryDirectory(prefix="ovafs-soak-test-") as name:
        file = Path(name) / "file"
        file.write_bytes(content("random", random.Random(1), 0, MIB, 0))
        web = Web(file)
        try:
            assert ask(web, file) == "well"
            for fault in FAULTS:
                web.set(fault)
                # Some requests get through.
                found = {ask(web, file) for _ in range(3)}
                web.set("well")
                assert fault in found and found <= {fault, "well"}, (fault, found)
            assert ask(web, file) == "well"
        finally:
            counts = web.stop()
        assert all(counts.get(fault) for fault in FAULTS), counts


def ask(web: Web, file: Path) -> str:
    """What came of one request: the name of a fault, or "well" for the right bytes."""
    address = urlsplit(web.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=0.7)
    first, count = 100_000, 256 << 10
    start = time.monotonic()
    body = b""
    try:
        # The server hears of a fault by a pipe, and of this request by another way.
        time.sleep(0.05)
        connection.request("GET", address.path, headers={"Range": f"bytes={first}-{first + count - 1}"})
        answer = connection.getresponse()
        if answer.status == 503:
            return "busy" if answer.getheader("Retry-After") else "503"
        if answer.getheader("Content-Range") != f"bytes {first}-{first + count - 1}/{MIB}":
            return "shifted"
        while piece := answer.read1(64 << 10):
            body += piece
        if len(body) < count:
            return "truncated"
        if body != file.read_bytes()[first:first + count]:
            return "wrong bytes"
        return "slow" if count / (time.monotonic() - start) < 2 * SLOW_RATE else "well"
    except ConnectionResetError:
        return "reset"
    except http.client.IncompleteRead:
        return "truncated"
    except TimeoutError:
        return "silence" if body else "away"
    finally:
        connection.close()


# The plot.

def the_plot_is_well_formed_and_inside_its_frame() -> None:
    samples = [Sample(float(second), name, 50 * MIB + second, 60 * MIB, 12, 8, 10, 0.5, 20.0 + second, 3,
                      None, None, 0, "")
               for second in [*range(400), *range(420, 900)] for name in ("appliance", "far")]
    windows = [Window("far", "away", 5.0, 9.0), Window("far", "reset", 20.0)]
    text = svg(samples, windows, 0.0, 30.0, "a < b & c")
    root = xml.etree.ElementTree.fromstring(text)
    height, width = float(root.get("height", 0)), float(root.get("width", 0))
    lines = list(root.iter("{http://www.w3.org/2000/svg}polyline"))
    # Of both mounts: memory, descriptors, threads, and two of reads; there is nothing of metadata. All are broken
    # where nothing was measured.
    assert len(lines) == 2 * 10, len(lines)
    for line in lines:
        for point in (line.get("points") or "").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width and 0 <= y <= height, point
    for words in root.iter("{http://www.w3.org/2000/svg}text"):
        if words.get("text-anchor") is None:
            # Letters are 0.6 of the size wide at the most, on average.
            end = float(words.get("x", 0)) + 0.6 * float(words.get("font-size", 12)) * len(words.text or "")
            assert end <= width, words.text


def tests() -> list[Callable[[], None]]:
    """All functions of this file that take nothing and give nothing, in their order."""
    return [value for value in globals().values()
            if callable(value) and getattr(value, "__module__", "") == __name__
            and not isinstance(value, type) and value.__code__.co_argcount == 0
            and value.__name__ not in ("main", "tests")]


def main() -> int:
    failed = 0
    for test in tests():
        words = test.__name__.replace("_", " ")
        try:
            test()
            print(f"  right: {words}")
        except Exception:
            failed += 1
            print(f"  WRONG: {words}", file=sys.stderr)
            traceback.print_exc()
    print(f"{len(tests())} tests, {failed} failed")
    return 1 if failed else 0
