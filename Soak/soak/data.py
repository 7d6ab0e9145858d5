# Builds the disks, images and packages that are mounted, and the references, which qemu-img writes.
# SPDX-License-Identifier: Apache-2.0
"""Each disk has random bytes, text, numbers, zeros and holes, in stretches that keep to no grain."""

from __future__ import annotations

import filecmp
import hashlib
import os
import random
import struct
import subprocess
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from soak.plan import FAR_TIMEOUT, MIB, MountPlan, Target
from soak.reference import write_map

SECTOR = 512
UNIT = MIB


@dataclass
class Disk:
    """A disk as it is stored, and its reference."""

    stored: Path
    raw: Path

    @property
    def byte_count(self) -> int:
        return self.raw.stat().st_size


def run(*command: str | Path) -> None:
    words = [str(word) for word in command]
    result = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {result.stderr.strip() or result.stdout.strip()}")


def write_content(path: Path, byte_count: int, seed: int, has_partitions: bool = False) -> None:
    """A raw disk of `byte_count` bytes, some half of it data."""
    source = random.Random(seed)
    with open(path, "wb") as file:
        file.truncate(byte_count)
        position = 0
        while position < byte_count:
            # Stretches of up to 512 KiB that begin and end at any byte.
            count = min(int(2 ** source.uniform(4, 19)), byte_count - position)
            kind = source.choice(["random", "random", "text", "numbers", "zeros", "hole"])
            if kind in ("zeros", "hole"):
                count = min(count * 2, byte_count - position)
            if kind != "hole":
                file.seek(position)
                file.write(content(kind, source, position, count, seed))
            position += count
        if has_partitions:
            file.seek(0)
            file.write(partition_table(byte_count))


def content(kind: str, source: random.Random, position: int, count: int, seed: int) -> bytes:
    if kind == "random":
        return source.randbytes(count)
    if kind == "text":
        words = [source.randbytes(source.randrange(2, 9)).hex() for _ in range(64)]
        line = " ".join(source.choices(words, k=200)) + "\n"
        return (line * (count // len(line) + 1)).encode()[:count]
    if kind == "numbers":
        # Each 16 bytes say where they belong, so that no two places have the same.
        return b"".join(struct.pack("<QQ", seed, position + step) for step in range(0, count, 16))[:count]
    return bytes(count)


def partition_table(byte_count: int) -> bytes:
    """An MBR with two partitions, the first at 1 MiB."""
    sectors = byte_count // SECTOR
    middle = sectors // 2
    entries = b"".join(
        struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", first, count)
        for first, count in [(2048, middle - 2048), (middle, sectors - middle)])
    return bytes(446) + entries + bytes(32) + b"\x55\xaa"


def reference_of(image: Path, image_format: str, raw: Path, original: Path | None = None) -> None:
    """What qemu-img makes of an image; it has to be what the image was made from."""
    run("qemu-img", "convert", "-f", image_format, "-O", "raw", image, raw)
    if original and not filecmp.cmp(raw, original, shallow=False):
        raise RuntimeError(f"{image}: qemu-img does not give back what it was given")
    write_map(raw)


def stream_optimized(folder: Path, name: str, byte_count: int, seed: int, has_partitions: bool) -> Disk:
    original, image = folder / f"{name}.original", folder / f"{name}.vmdk"
    write_content(original, byte_count, seed, has_partitions)
    run("qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", original, image)
    reference_of(image, "vmdk", folder / f"{name}.reference", original)
    original.unlink()
    return Disk(image, folder / f"{name}.reference")


def package(path: Path, disks: list[Disk]) -> Path:
    """An OVA with a descriptor, a manifest and disks."""
    references = "".join(
        f'<File ovf:href="{disk.stored.name}" ovf:id="file{number}" ovf:size="{disk.stored.stat().st_size}"/>'
        for number, disk in enumerate(disks, 1))
    sections = "".join(
        f'<Disk ovf:capacity="{disk.byte_count}" ovf:diskId="disk{number}" ovf:fileRef="file{number}" '
        'ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>'
        for number, disk in enumerate(disks, 1))
    descriptor = (
        '<?xml version="1.0"?><Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" '
        'xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">'
        f"<References>{references}</References><DiskSection><Info>Disks</Info>{sections}</DiskSection>"
        f'<VirtualSystem ovf:id="{path.stem}"><Info>A machine</Info></VirtualSystem></Envelope>').encode()
    digests = [(f"{path.stem}.ovf", hashlib.sha256(descriptor).hexdigest())]
    digests += [(disk.stored.name, hashlib.sha256(disk.stored.read_bytes()).hexdigest()) for disk in disks]
    manifest = "".join(f"SHA256({name})= {digest}\n" for name, digest in digests).encode()
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in [(f"{path.stem}.ovf", descriptor), (f"{path.stem}.mf", manifest)]:
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, BytesIO(text))
        for disk in disks:
            archive.add(disk.stored, disk.stored.name)
    return path


def package_targets(disks: list[Disk], has_stored: bool) -> list[Target]:
    """The disks, the partitions of the first one, and each as stored."""
    targets = [Target(f"{disk.stored.stem}.raw", str(disk.raw), 0, disk.byte_count) for disk in disks]
    first = disks[0]
    middle = first.byte_count // SECTOR // 2 * SECTOR
    for number, start, end in [(1, MIB, middle), (2, middle, first.byte_count)]:
        targets.append(Target(
            f".ova/partitions/{first.stored.stem}/{number}", str(first.raw), start, end - start))
    if has_stored:
        for disk in disks:
            write_map(disk.stored)
            targets.append(Target(
                f".ova/stored/{disk.stored.name}", str(disk.stored), 0, disk.stored.stat().st_size, False))
    return targets


def build_appliance(folder: Path, size: int) -> MountPlan:
    disks = [stream_optimized(folder, f"appliance-disk{number}", byte_count, number, number == 1)
             for number, byte_count in enumerate([size, size // 2 + 3 * SECTOR, size // 4 + 64 * 1024], 1)]
    source = package(folder / "appliance.ova", disks)
    return MountPlan(
        "appliance", str(source), "cache_size=16M", package_targets(disks, True),
        variants=[(str(source), "verify=manifest,threads=1"), (str(source), "cache=none,cache_size=4M")])


def build_layers(folder: Path, size: int) -> MountPlan:
    """A compressed qcow2 image, and one over it with clusters of all kinds."""
    original, pattern = folder / "layers.original", folder / "layers.pattern"
    write_content(original, size, 11)
    run("qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", original, folder / "base.qcow2")
    original.unlink()
    # Backing files are named without a folder: they are looked for beside the image.
    run("qemu-img", "create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", folder / "layers.qcow2")
    source = random.Random(12)
    cluster = 64 << 10
    commands = []
    for number in source.sample(range(size // cluster), size // cluster // 4):
        start = number * cluster
        commands += ["-c", source.choice([
            f"write -q -c -s {pattern} {start} {cluster}", f"write -q -s {pattern} {start} {cluster}",
            f"write -q -z {start} {cluster}", f"write -q -P {source.randrange(256)} {start + 512} 4096"])]
    with open(pattern, "wb") as file:
        file.write(b"".join(content("numbers", source, at, 4096, 12) for at in range(0, cluster // 2, 4096)))
        file.write(source.randbytes(cluster // 2))
    # A command line has its bounds.
    for start in range(0, len(commands), 400):
        run("qemu-io", "-f", "qcow2", *commands[start:start + 400], folder / "layers.qcow2")
    pattern.unlink()
    reference_of(folder / "layers.qcow2", "qcow2", folder / "layers.reference")
    image = str(folder / "layers.qcow2")
    return MountPlan(
        "layers", image, "cache_size=8M,threads=2",
        [Target("layers.raw", str(folder / "layers.reference"), 0, size)],
        variants=[(image, "cache=none"), (image, "ctldir=visible")])


def build_compressed(folder: Path, size: int) -> MountPlan:
    """A raw disk in blocks of xz, and the same in frames of zstd."""
    raw = folder / "compressed.raw"
    write_content(raw, size, 21)
    reference_of(raw, "raw", folder / "compressed.reference", raw)
    run("xz", "-0", "--keep", f"--block-size={UNIT}", raw)
    with open(raw, "rb") as disk, open(folder / "compressed.raw.zst", "wb") as frames:
        while piece := disk.read(UNIT):
            result = subprocess.run(
                ["zstd", "-q", "-1", f"--stream-size={len(piece)}"], input=piece, capture_output=True,
                check=True)
            frames.write(result.stdout)
    raw.unlink()
    return MountPlan(
        "compressed", f"{raw}.xz", "cache=none,cache_size=4M",
        [Target("compressed.raw", str(folder / "compressed.reference"), 0, size)],
        variants=[(f"{raw}.zst", "cache_size=4M"), (f"{raw}.zst", "cache=none"),
                  (f"{raw}.xz", "cache_size=4M")])


def build_far(folder: Path, size: int) -> MountPlan:
    """The source's address is known when its server runs."""
    disks = [stream_optimized(folder, f"far-disk{number}", byte_count, 30 + number, number == 1)
             for number, byte_count in enumerate([size, size // 2], 1)]
    source = package(folder / "far.ova", disks)
    cache = folder / "cache"
    # Less than the package, so that the server is asked as long as the run lasts.
    kept = max(1, source.stat().st_size // 3 // MIB)
    options = f"timeout={FAR_TIMEOUT},cache_size=8M,cache_dir={cache},cache_dir_size={kept}M"
    return MountPlan(
        "far", str(source), options, package_targets(disks, False), is_far=True,
        variants=[("", f"timeout={FAR_TIMEOUT},cache=none,cache_size=4M"), ("", options)])


def build(folder: Path, size: int) -> list[MountPlan]:
    return [build_appliance(folder, size), build_layers(folder, size), build_compressed(folder, size),
            build_far(folder, size)]
