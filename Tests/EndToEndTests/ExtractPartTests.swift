// Partitions and snapshots that `ovafs extract` copies: SEMANTICS, "Copies of disks".
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct ExtractPartTests {
        @Test("X12: a partition is copied by the path that info shows, sparse, and to a pipe")
        func partition() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let info = try run([try Ovafs.path(), "info", package.path]).lines
                #expect(info.contains { $0.hasPrefix("appliance-disk1/1 ") })
                for name in ["appliance-disk1/1", ".ova/partitions/appliance-disk1/1"] {
                    let copy = folder("copy.raw")
                    try run([try Ovafs.path(), "extract", package.path, name, "-o", copy, "--force"])
                    try run(["cmp", copy, folder("part.raw")])
                    let status = try PosixFile(copy).status()
                    #expect(Int(status.st_blocks) * 512 < StandardPackage.partition.byteCount / 2)
                }
                try shell(
                    "\"$1\" extract \"$2\" appliance-disk1/1 -o - | cmp - \"$3\"", try Ovafs.path(),
                    package.path, folder("part.raw"))
                #expect(try run(["ls", folder.path]).lines.allSatisfy { !$0.contains("partial") })
            }
        }

        @Test("X12 X1: parts and disks together have names of their own in a folder")
        func together() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let extract = [try Ovafs.path(), "extract", package.path]
                try run(
                    extract + [
                        "vmdisk2", "appliance-disk1/1", "appliance-disk1/1", "-o", folder("out") + "/",
                    ])
                #expect(
                    try run(["ls", "-A", folder("out")]).lines
                        == ["appliance-disk1_1.raw", "appliance-disk2.raw"])
                try run(["cmp", folder("out/appliance-disk1_1.raw"), folder("part.raw")])
                try run(["cmp", folder("out/appliance-disk2.raw"), package.secondReference])
                let several = try attempt(
                    extract + ["vmdisk2", "appliance-disk1/1", "-o", folder("one.raw")])
                #expect(several.exitCode == 2)
                #expect(
                    several.standardError.contains("2 disks and parts and one file"),
                    "\(several.standardError)")
            }
        }

        @Test("X12: a partition that goes on beyond the disk is copied as far as that, and is an error")
        func beyondTheDisk() throws {
            try withTestFolder { folder in
                let disk = folder("cut.raw")
                try shell(
                    #"""
                    truncate -s 16M "$1"
                    printf 'label: dos\n2048,\n' | sfdisk --quiet "$1"
                    truncate -s 10M "$1"
                    """#, disk)
                let copy = folder("part.raw")
                let result = try Ovafs.attempt("extract", disk, "cut/1", "-o", copy)
                #expect(result.exitCode == 1)
                #expect(result.standardError.contains("the disk ends 6291456 bytes before it does"))
                #expect(try PosixFile(copy).status().st_size == 9 << 20)
            }
        }

        @Test("X12: a snapshot is copied by its path and by its name, as qemu-img converts it")
        func snapshot() throws {
            try withTestFolder { folder in
                let image = folder("top.qcow2")
                try Fixtures.rawDisk(folder("one.raw"), byteCount: 4 << 20, data: [0..<300_000])
                try shell(
                    """
                    qemu-img convert -f raw -O qcow2 "$1" "$2"
                    qemu-img snapshot -c 'before update' "$2"
                    qemu-io -f qcow2 -c 'write -q -P 7 200192 700416' "$2"
                    qemu-img convert -f qcow2 -l 'snapshot.name=before update' -O raw "$2" "$3"
                    """, folder("one.raw"), image, folder("reference"))
                for name in ["before update", "top/before update.raw"] {
                    let copy = folder("copy.raw")
                    try run([try Ovafs.path(), "extract", image, name, "-o", copy, "--force"])
                    try run(["cmp", copy, folder("reference")])
                }
                let unknown = try Ovafs.attempt("extract", image, "after", "-o", folder("none.raw"))
                #expect(unknown.exitCode == 2)
                #expect(
                    unknown.standardError.contains(
                        "with the partitions and snapshots top/before update.raw"), "\(unknown.standardError)"
                )
                #expect(!FileManager.default.fileExists(atPath: folder("none.raw")))
            }
        }
    }
}
