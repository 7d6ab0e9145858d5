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

        @Test("X12: what a partition has beyond the disk is damage")
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
                for destination in [copy, "-"] {
                    let result = try Ovafs.attempt("extract", disk, "cut/1", "-o", destination)
                    #expect(result.exitCode == 1 && result.standardOutput.isEmpty)
                    #expect(result.standardError.contains("the disk ends 6291456 bytes before it does"))
                }
                #expect(!FileManager.default.fileExists(atPath: copy))
                let filled = try Ovafs.attempt(
                    "extract", disk, "cut/1", "-o", copy, "--damaged=zero", "--map", folder("map"))
                #expect(filled.exitCode == 1)
                #expect(
                    filled.standardError.contains("6291456 bytes in 1 place are damaged"),
                    "\(filled.standardError)")
                #expect(try PosixFile(copy).status().st_size == 15 << 20)
                let map = try String(contentsOfFile: folder("map"), encoding: .utf8)
                #expect(
                    map.hasSuffix("\n0x00000000  0x00900000  +\n0x00900000  0x00600000  -\n"), "\(map)")
                try shell(
                    #"cmp --bytes=9437184 --ignore-initial=1048576:0 "$1" "$2""#, disk, copy)
                let stream = try Ovafs.attempt(
                    "extract", disk, "cut/1", "-o", "-", "--damaged=zero", "--map", folder("m2"))
                #expect(stream.exitCode == 1 && stream.standardOutput.isEmpty)
            }
        }

        @Test(
            "X10 X12: where the table or the disk of a partition is damaged, that is said, and is no wrong usage"
        )
        func damagedTable() throws {
            try withTestFolder { folder in
                let disk = folder("gpt.raw")
                try shell(
                    #"""
                    truncate -s 16M "$1"
                    printf 'label: gpt\n2048,\n' | sfdisk --quiet "$1"
                    printf x | dd of="$1" bs=1 seek=600 conv=notrunc status=none
                    printf x | dd of="$1" bs=1 seek=$((16777216 - 512 + 88)) conv=notrunc status=none
                    """#, disk)
                let result = try Ovafs.attempt("extract", disk, "gpt/1", "-o", folder("none.raw"))
                #expect(result.exitCode == 1, "\(result.standardError)")
                #expect(
                    result.standardError.contains("there is no 'gpt/1': disk gpt.raw: partition table: "),
                    "\(result.standardError)")
                let unknown = try Ovafs.attempt("extract", disk, "gpt/x", "-o", folder("none.raw"))
                #expect(unknown.exitCode == 2)

                let package = try StandardPackage(in: folder)
                try run(["truncate", "-s", "-200K", package.path])
                let cut = try Ovafs.attempt(
                    "extract", package.path, "appliance-disk2/1", "-o", folder("none.raw"))
                let words = "is not decoded: "
                #expect(cut.exitCode == 1 && cut.standardError.contains(words), "\(cut.standardError)")
                #expect(
                    cut.standardError.contains("; --lenient copies what is there"), "\(cut.standardError)")
                #expect(!FileManager.default.fileExists(atPath: folder("none.raw")))
            }
        }

        @Test("X1: two parts whose files would have one name are named, and not copied over each other")
        func oneName() throws {
            try withTestFolder { folder in
                let raw = folder("disk.raw")
                try shell(
                    #"""
                    truncate -s 16M "$1"
                    printf 'label: dos\n2048,\n' | sfdisk --quiet "$1"
                    qemu-img convert -f raw -O qcow2 "$1" "$2"
                    qemu-img snapshot -c 1 "$2"
                    """#, raw, folder("sn.qcow2"))
                let result = try Ovafs.attempt(
                    "extract", folder("sn.qcow2"), "sn/1", "sn/1.raw", "-o", folder("out") + "/")
                #expect(result.exitCode == 2)
                #expect(
                    result.standardError.contains(
                        "sn/1 and sn/1.raw would both be called sn_1.raw: copy them one by one"),
                    "\(result.standardError)")
                #expect(!FileManager.default.fileExists(atPath: folder("out")))
            }
        }

        @Test("X12 T17: a snapshot has one spelling, in info, for extract and as the name of its copy")
        func spelling() throws {
            try withTestFolder { folder in
                let image = folder("sn.qcow2")
                try run(["qemu-img", "create", "-q", "-f", "qcow2", image, "1M"])
                for name in ["new\nline", "again", "again"] {
                    try run(["qemu-img", "snapshot", "-c", name, image])
                }
                let table = try Ovafs.attempt("info", image).lines
                #expect(
                    table.contains { $0.hasPrefix("sn/new_line.raw ") && $0.contains("  new_line  ") },
                    "\(table)")
                for (number, name) in ["new_line", "sn/new_line", "sn/new_line.raw", "new\nline", "1"]
                    .enumerated()
                {
                    try run([try Ovafs.path(), "extract", image, name, "-o", folder("\(number)") + "/"])
                    #expect(try run(["ls", folder("\(number)")]).lines == ["sn_new_line.raw"], "\(name)")
                }
                let checked = try Ovafs.attempt("verify", "--deep", "--no-manifest", image).text
                for name in ["sn/again.raw", "sn/again~2.raw"] {
                    #expect(
                        checked.contains("snapshot \(name) of disk sn.qcow2: every cluster decodes"),
                        "\(checked)")
                }
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
