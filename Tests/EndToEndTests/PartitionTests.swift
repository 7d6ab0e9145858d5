// Partitions as files, on real mounts: SEMANTICS T16, T17 and P9; sfdisk and sgdisk are the reference.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct PartitionTests {
        /// What `sfdisk --json` says of a partition, in sectors.
        private struct Listing: Decodable {
            struct Partition: Decodable {
                let node: String
                let start: Int
                let size: Int
                let type: String
                let uuid: String?
                let name: String?
            }
            struct Table: Decodable {
                let label: String
                let partitions: [Partition]?
            }
            let partitiontable: Table
        }

        /// What `ovafs info --json` says.
        private struct Info: Decodable {
            struct Disk: Decodable {
                struct Name: Decodable { let text: String }
                struct Partition: Decodable, Equatable {
                    let number: Int
                    let start: Int
                    let size: Int
                    let type: String
                    let name: String?
                    let uuid: String?
                }
                let partitionTable: String?
                let sectorSize: Int?
                let partitionFolder: Name?
                let partitions: [Partition]
            }
            let disks: [Disk]
            let warnings: [Summary.Finding]
        }

        private static func info(_ path: String) throws -> Info {
            let output = try Ovafs.attempt("info", "--json", path).standardOutput
            return try JSONDecoder().decode(Info.self, from: output)
        }

        @Test("T11: without a descriptor, lenient decodes what is called a raw disk, too")
        func rawDiskInAnArchive() throws {
            try withTestFolder { folder in
                try shell(
                    """
                    cd "$1"; truncate --size=8M disk.raw; head --bytes=2M /dev/urandom > notes.bin
                    echo 'start=2048, size=8192' | sfdisk --quiet --label gpt disk.raw
                    dd if=notes.bin of=disk.raw bs=1M seek=2 conv=notrunc status=none
                    tar -czf x.tar.gz disk.raw notes.bin
                    """, folder.path)
                let source = folder("x.tar.gz")
                #expect(try Ovafs.attempt("info", source).exitCode == 1)
                try run([try Ovafs.path(), "extract", "--lenient", source, "-o", folder("out.raw")])
                try run(["cmp", folder("out.raw"), folder("disk.raw")])
                let verified = try Ovafs.attempt("verify", "--lenient", "--deep", source)
                #expect(!verified.standardError.contains("--deep decodes"))
                try withMount(of: source, in: folder, options: "lenient") { mount in
                    let parts = try run(["find", mount(".ova/partitions"), "-name", "1"]).lines
                    #expect(parts.count == 1)
                    try shell(
                        "cmp \"$1\" <(dd if=\"$2\" bs=1M skip=1 count=4 status=none)", parts[0],
                        folder("disk.raw"))
                }
            }
        }

        /// Ways to partition a disk of 64 MiB by sfdisk.
        static let scripts = [
            "label: dos\n2048,4096,83\n,8192,7,*\n",
            "label: dos\nlabel-id: 0x12345678\n2048,2048,83\n4096,40960,5\n6144,2048,82\n10240,2048,83\n14336,,c\n",
            "label: dos\n63,1000,0b\n2048,60000,f\n2049,10,83\n2100,10,83\n2200,10,83\n2300,10,83\n",
            "label: dos\n2048,4096,0\n8192,100,83\n",
            "label: dos\n2048,60000,85\n4096,100,83\n",
            """
            label: gpt\nstart=2048, size=4096, type=U, name=\"EFI System\"
            size=8192, type=L, name=\"Wurzel äöü €\"\n,,S\n
            """,
            "label: gpt\ntable-length: 4096\n8192,4096,L\n,4096,L\n",
            "label: gpt\nfirst-lba: 34\n34,1,L\n35,1,L\n",
        ]

        @Test("T16 C8: partitions of an MBR or a GPT are those that sfdisk lists", arguments: scripts)
        func sfdisk(script: String) throws {
            try withTestFolder { folder in
                let disk = folder("disk.img")
                try shell("truncate -s 64M \"$1\"; printf '%s' \"$2\" | sfdisk --quiet \"$1\"", disk, script)
                let reference = try JSONDecoder().decode(
                    Listing.self, from: try run(["sfdisk", "--json", disk]).standardOutput
                ).partitiontable
                let listed = (reference.partitions ?? []).filter {
                    $0.size > 0 && !["5", "f", "85"].contains($0.type)
                }
                let info = try Self.info(disk)
                #expect(info.disks[0].partitionTable == (reference.label == "gpt" ? "gpt" : "mbr"))
                #expect(info.disks[0].sectorSize == 512)
                #expect(info.warnings.isEmpty)
                let shown = info.disks[0].partitions
                try #require(shown.count == listed.count)
                for (partition, entry) in zip(shown, listed) {
                    #expect(entry.node == disk + String(partition.number))
                    #expect(partition.start == entry.start * 512)
                    #expect(partition.size == entry.size * 512)
                    #expect(partition.name == entry.name)
                    if reference.label == "gpt" {
                        #expect(partition.type == entry.type.lowercased())
                        #expect(partition.uuid == entry.uuid?.lowercased())
                    } else {
                        #expect(Int(partition.type, radix: 16) == Int(entry.type, radix: 16))
                    }
                }
            }
        }

        @Test("T16: a hybrid table made by sgdisk shows the GPT's partitions, and so do both of its copies")
        func sgdisk() throws {
            try withTestFolder { folder in
                let disk = folder("disk.img")
                try shell(
                    """
                    truncate -s 32M "$1"
                    sgdisk -n 3:2048:+4M -t 3:8300 -c 3:root -n 1:+0:+2M -t 1:ef00 -h 3 "$1" > "$1.log"
                    """, disk)
                let hybrid = try Self.info(disk)
                #expect(hybrid.disks[0].partitions.map(\.number) == [1, 3])
                #expect(hybrid.disks[0].partitions.last?.name == "root")
                #expect(hybrid.disks[0].partitions.last?.start == 1 << 20)
                #expect(hybrid.warnings.map(\.code) == ["partition-table-hybrid"])
                // A protective MBR again; then the primary is lost.
                try shell("printf 'x\\nn\\nw\\ny\\n' | gdisk \"$1\" > \"$1.log\"", disk)
                #expect(try Self.info(disk).warnings.isEmpty)
                try shell("dd if=/dev/zero of=\"$1\" bs=512 seek=1 count=33 conv=notrunc status=none", disk)
                let copy = try Self.info(disk)
                #expect(copy.disks[0].partitions == hybrid.disks[0].partitions)
                #expect(Set(copy.warnings.map(\.code)) == ["partition-table-damaged"])
            }
        }

        @Test("T16: a file has exactly the partition's bytes, data, holes and attributes")
        func files() throws {
            try withStandardMount { package, mount, folder in
                #expect(try run(["ls", mount(".ova/partitions")]).lines == ["appliance-disk1"])
                let file = mount(".ova/partitions/appliance-disk1/1")
                // The ext4 that was put onto the disk.
                try run(["cmp", folder("part.raw"), file])
                try run([
                    "cmp", "--ignore-initial=\(StandardPackage.partition.start):0",
                    "--bytes=\(StandardPackage.partition.byteCount)", package.firstReference, file,
                ])
                let open = try PosixFile(file)
                let status = try open.status()
                #expect(status.st_size == StandardPackage.partition.byteCount)
                let ranges = try open.dataRanges()
                let dataByteCount = ranges.reduce(0) { $0 + $1.count }
                #expect(Int(status.st_blocks) * 512 == dataByteCount)
                #expect(dataByteCount > 0 && dataByteCount < StandardPackage.partition.byteCount)
                // The disk's data, moved by the partition's start.
                let disk = try PosixFile(mount(StandardPackage.first)).dataRanges()
                let start = StandardPackage.partition.start
                let inside = disk.map { $0.clamped(to: start..<start + StandardPackage.partition.byteCount) }
                    .filter { !$0.isEmpty }
                #expect(ranges == inside.map { $0.lowerBound - start..<$0.upperBound - start })
                let values = try run(["getfattr", "-d", "-m", "user.ova", "--absolute-names", file]).lines
                for value in [
                    "partition-table=\"mbr\"", "partition-type=\"83\"", "partition-start=\"1048576\"",
                    "sector-size=\"512\"", "state=\"ok\"",
                ] { #expect(values.contains("user.ova.\(value)"), "\(values)") }
                #expect(openFailure(file, flags: O_WRONLY) == EROFS)
                let info = try String(contentsOfFile: mount(".ova/info.json"), encoding: .utf8)
                #expect(info.contains(".ova/partitions/appliance-disk1"))
                try run(["cp", "--sparse=auto", file, folder("copy")])
                try run(["cmp", file, folder("copy")])
                #expect(try Int(PosixFile(folder("copy")).status().st_blocks) * 512 <= dataByteCount + 65_536)
            }
        }

        @Test("T16: reading a partition through decodes ahead of the reader", arguments: ["", "cache=none"])
        func ahead(options: String) throws {
            try withStandardMount(options: options) { _, mount, folder in
                let file = mount(".ova/partitions/appliance-disk1/1")
                try run(["dd", "if=\(file)", "of=\(folder("out"))", "bs=64K", "status=none"])
                try run(["cmp", file, folder("out")])
                let text = try String(contentsOfFile: mount(".ova/stats.json"), encoding: .utf8)
                let ahead = try #require(
                    text.split(separator: "\n").first { $0.contains("clustersDecodedAhead") })
                #expect(!ahead.contains(": 0"), "\(ahead)")
            }
        }

        @Test("P9: blkid and fuse2fs work on a partition's file, without an offset and without root")
        func withoutOffset() throws {
            try withStandardMount { package, mount, folder in
                let file = mount(".ova/partitions/appliance-disk1/1")
                let known = try run(["blkid", "--probe", "--output", "export", file]).lines
                let reference = try run([
                    "blkid", "--probe", "--output", "export", "--offset",
                    String(StandardPackage.partition.start), package.firstReference,
                ]).lines
                #expect(known.contains("TYPE=ext4"))
                let identifiers = known.filter { $0.hasPrefix("UUID") }
                #expect(!identifiers.isEmpty && reference.contains(identifiers[0]))
                let point = try folder.makeFolder("guest")
                try run(["fuse2fs", "-o", "ro,norecovery", file, point])
                defer { _ = try? attempt(["fusermount3", "-u", point]) }
                try run(["diff", "-r", point + "/docs", folder("content/docs")])
            }
        }

        @Test(
            "P9: mount -o ro,loop works on a partition's file, without an offset",
            .enabled(if: EndToEnd.isRoot))
        func loop() throws {
            try withStandardMount { _, mount, folder in
                let file = mount(".ova/partitions/appliance-disk1/1")
                let point = try folder.makeFolder("guest")
                try run(["mount", "-o", "ro,loop,noload", file, point])
                let compared = Result { try run(["diff", "-r", point + "/docs", folder("content/docs")]) }
                try run(["umount", point])
                _ = try compared.get()
            }
        }

        @Test("T16: an image of one file system has no partitions", arguments: ["mkfs.ext4 -q", "mkfs.vfat"])
        func fileSystem(program: String) throws {
            try withTestFolder { folder in
                try shell("truncate -s 16M \"$1\"; $2 \"$1\" > /dev/null", folder("disk.img"), program)
                let info = try Self.info(folder("disk.img"))
                #expect(info.disks[0].partitions.isEmpty && info.disks[0].partitionTable == nil)
                #expect(info.warnings.isEmpty)
                try withMount(of: folder("disk.img"), in: folder) { mount in
                    #expect(!FileManager.default.fileExists(atPath: mount(".ova/partitions")))
                }
            }
        }

        @Test("T17: the snapshots of a qcow2 image are raw files, as qemu-img converts them")
        func snapshots() throws {
            try withTestFolder { folder in
                let image = folder("disk.qcow2")
                try Fixtures.rawDisk(folder("one.raw"), byteCount: 4 << 20, data: [0..<300_000])
                try shell(
                    """
                    qemu-img convert -f raw -O qcow2 "$1" "$2"
                    qemu-img snapshot -c before "$2"; qemu-img snapshot -c ../x "$2"
                    qemu-io -f qcow2 -c 'write -q -P 7 200192 700416' "$2"
                    """, folder("one.raw"), image)
                try withMount(of: image, in: folder) { mount in
                    let files = try run(["ls", "-A", mount(".ova/snapshots/disk")]).lines
                    #expect(files == [".._x.raw", "before.raw"])
                    for (file, name) in [("before.raw", "before"), (".._x.raw", "../x")] {
                        try run([
                            "qemu-img", "convert", "-f", "qcow2", "-l", "snapshot.name=\(name)", "-O", "raw",
                            image, folder("reference"),
                        ])
                        try run(["cmp", folder("reference"), mount(".ova/snapshots/disk/\(file)")])
                    }
                    #expect(
                        try attempt(["cmp", "-s", mount("disk.raw"), mount(".ova/snapshots/disk/before.raw")])
                            .exitCode == 1)
                    let values = try run([
                        "getfattr", "-d", "-m", "user.ova", "--absolute-names",
                        mount(".ova/snapshots/disk/.._x.raw"),
                    ]).lines
                    #expect(values.contains("user.ova.snapshot-name=\"../x\""))
                    let text = try Ovafs.attempt("info", image).lines
                    #expect(text.contains { $0.hasPrefix("disk/before.raw ") })
                    let checked = try Ovafs.attempt("verify", "--deep", image)
                    #expect(checked.exitCode == 0)
                    #expect(
                        checked.text.contains(
                            "snapshot disk/before.raw of disk disk.qcow2: every cluster decodes")
                    )
                    let json = try String(contentsOfFile: mount(".ova/info.json"), encoding: .utf8)
                    #expect(json.contains("\"clusterSize\" : 65536"))
                }
            }
        }

        @Test("C8: info shows partitions as a table")
        func table() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let lines = try Ovafs.attempt("info", package.path).lines
                let header = try #require(lines.firstIndex { $0.hasPrefix("PARTITION ") })
                let words = lines[header + 1].split(separator: " ").map(String.init)
                #expect(Array(words.prefix(6)) == ["appliance-disk1/1", "mbr", "1048576", "12", "MiB", "83"])
            }
        }

        @Test("C16: info --header needs the first 64 KiB of an image and no more")
        func header() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let image = package.members + "/appliance-disk1.vmdk"
                // The start of an image says as much as the whole of it.
                try shell("head -c 65536 \"$1\" > \"$2\"", image, folder("head"))
                let result = try Ovafs.attempt("info", "--header", "--json", folder("head")).text
                #expect(result.contains("\"virtualSize\" : \(24 << 20)"))
                #expect(result.contains("vmdk-streamOptimized"))
                #expect(result.contains("\"storedSize\" : 65536"))
                let text = try Ovafs.attempt("info", "--header", image).lines
                #expect(text[1] == "virtual size: 24 MiB (25165824 bytes)")
                let refused = try Ovafs.attempt("info", "--header", package.path)
                #expect(refused.exitCode == 1)
                #expect(refused.standardError.contains("is an archive"))
            }
        }
    }
}
