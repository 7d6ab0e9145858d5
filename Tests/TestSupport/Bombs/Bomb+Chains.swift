// Bombs that are disks which build on others, or are made of many files.
// SPDX-License-Identifier: Apache-2.0

extension Bomb {
    static let chains = [
        Bomb("lines of an image times the tables of their file") { size in
            let lines = String(repeating: "RW 8192 SPARSE \"e.vmdk\"\n", count: size(4_000))
            return package(of: ["d.vmdk"]) { tar in
                tar.add("d.vmdk", Array(("# Disk DescriptorFile\n" + lines).utf8))
                tar.add("e.vmdk", vmdk(tableCount: size(1_000)))
            }
        },
        Bomb("parts of an image times their tables, which are holes") { size in
            let count = size(4_000)
            let lines = (0..<count).map { "RW 8192 SPARSE \"e\($0)\"\n" }.joined()
            let tableCount = size(1_000)
            let start = Array(vmdk(tableCount: tableCount).prefix(16 * 512))
            return package(of: ["d.vmdk"]) { tar in
                tar.add("d.vmdk", Array(("# Disk DescriptorFile\n" + lines).utf8))
                for number in 0..<count {
                    tar.addPax([
                        ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"),
                        ("GNU.sparse.name", "e\(number)"),
                        ("GNU.sparse.realsize", "\((24 + tableCount * 8) * 512)"),
                    ])
                    tar.add("x", padded(Array("1\n0\n\(start.count)\n".utf8)) + start)
                }
            }
        },
        Bomb("images times their logs, which are holes") { size in
            let count = size(4_000)
            let image = vhdx(logByteCount: 100 << 20)
            // The identifier and the first header.
            let pieces = [0..<4_096, (64 << 10)..<(68 << 10)]
            let map = padded(Array("2\n0\n4096\n65536\n4096\n".utf8))
            return package(of: (0..<count).map { "v\($0).vhdx" }) { tar in
                for number in 0..<count {
                    tar.addPax([
                        ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"),
                        ("GNU.sparse.name", "v\(number).vhdx"), ("GNU.sparse.realsize", "\(128 << 20)"),
                    ])
                    tar.add("x", map + pieces.flatMap { image[$0] })
                }
            }
        },
        Bomb("qcow images times their last tables, which are holes") { size in
            let count = size(4_000)
            let stored = padded(Array("2\n0\n512\n\(2 << 20)\n512\n".utf8)) + largeTableQCOW
            return package(of: (0..<count).map { "q\($0).qcow2" }) { tar in
                for number in 0..<count {
                    tar.addPax([
                        ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"),
                        ("GNU.sparse.name", "q\(number).qcow2"), ("GNU.sparse.realsize", "\(8 << 20)"),
                    ])
                    tar.add("x", stored)
                }
            }
        },
        Bomb("xz files times the zeros behind them") { size in
            let count = size(4_000)
            let stored = padded(Array("1\n0\n512\n".utf8)) + padded(emptyXZ)
            return package(of: (0..<count).map { "x\($0).raw.xz" }) { tar in
                for number in 0..<count {
                    tar.addPax([
                        ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"),
                        ("GNU.sparse.name", "x\(number).raw.xz"), ("GNU.sparse.realsize", "\(60 << 20)"),
                    ])
                    tar.add("x", stored)
                }
            }
        },
        Bomb("children times their parent") { size in
            let children = (0..<size(1_500)).map {
                "<Disk ovf:diskId=\"c\($0)\" ovf:capacity=\"4096\" ovf:parentRef=\"d0\"/>"
            }
            return package(of: ["d.vmdk"], children.joined()) { tar in
                tar.add("d.vmdk", vmdk(tableCount: size(1_000)))
            }
        },
        Bomb("parents times the child that they have in common") { size in
            let count = size(1_200)
            let children = (0..<count).map {
                "<Disk ovf:diskId=\"c\($0)\" ovf:fileRef=\"child\" ovf:parentRef=\"d\($0)\"/>"
            }
            return package(
                of: (0..<count).map { "p\($0).raw" }, children.joined(),
                files: "<File ovf:id=\"child\" ovf:href=\"c.vmdk\"/>"
            ) { tar in
                for number in 0..<count { tar.add("p\(number).raw", [UInt8](repeating: 1, count: 512)) }
                tar.add("c.vmdk", vmdk(tableCount: size(1_000)))
            }
        },
        Bomb("children whose parent has no name times the files beside them") { size in
            let count = size(1_500)
            return package(of: (0..<count).map { "c\($0).vdi" }) { tar in
                tar.add(size(45_000), times: { $0.add("a", [1]) })
                for number in 0..<count {
                    var child = VDIBuilder([])
                    child.type = 4
                    child.parentCreation = [UInt8](repeating: 9, count: 16)
                    tar.add("c\(number).vdi", child.build().bytes)
                }
            }
        },
    ]

    /// A package of the disks `d0`, `d1` and so on in the files `names`, and of what `add` adds.
    private static func package(
        of names: [String], _ disks: String = "", files: String = "", _ add: (inout TarBuilder) -> Void
    ) -> [UInt8] {
        let all = names.enumerated().map { "<File ovf:id=\"f\($0)\" ovf:href=\"\($1)\"/>" }.joined()
        let own = names.indices.map { "<Disk ovf:diskId=\"d\($0)\" ovf:fileRef=\"f\($0)\"/>" }.joined()
        return TarBuilder.package(BombDescriptor(files: all + files, disks: own + disks).text, add)
    }

    /// A stream of xz that holds nothing: header, index and footer.
    private static let emptyXZ: [UInt8] = [
        0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x00, 0x00, 0x00, 0x00,
        0x1c, 0xdf, 0x44, 0x21, 0x1f, 0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a,
    ]

    /// The header, and at 2 MiB the first-level table, of a disk of 512 GiB in clusters of 2 MiB, whose one second-level table
    /// of 262,144 entries is at 4 MiB, and its table of reference counts at 6 MiB.
    private static let largeTableQCOW: [UInt8] = {
        var bytes = [UInt8](repeating: 0, count: 1_024)
        for (offset, value) in [
            (0, 0x5146_49fb), (4, 2), (20, 21), (36, 1), (56, 1),
        ] as [(Int, UInt32)] { bytes.putBigEndian(value, at: offset) }
        for (offset, value) in [
            (24, 512 << 30), (40, 2 << 20), (48, 6 << 20), (512, 1 << 63 | 4 << 20),
        ] as [(Int, UInt64)] { bytes.putBigEndian(value, at: offset) }
        return bytes
    }()

    /// A VHDX that was not closed, with a log that is longer than the file.
    private static func vhdx(logByteCount: Int) -> [UInt8] {
        var image = VHDXBuilder([]).build()
        image.editVHDXHeaders { header in
            header.put([UInt8](repeating: 0x77, count: 16), at: 48)
            header.put(UInt32(logByteCount), at: 68)
        }
        return image.bytes
    }

    /// An image whose tables, 4 KiB each, name one grain in every entry.
    private static func vmdk(tableCount: Int) -> [UInt8] {
        let overhead = 16 + tableCount * 8
        let header = SparseExtentFields(
            version: 1, flags: 1, capacity: UInt64(tableCount) * 1_024 * 8, grainSize: 8,
            descriptorOffset: 1, descriptorSize: 1, entriesPerTable: 1_024, directoryOffset: 2,
            overhead: UInt64(overhead), algorithm: 0)
        let text = SparseExtentFields.descriptor(createType: "monolithicSparse", capacity: header.capacity)
        var directory = [UInt8](repeating: 0, count: 14 * 512)
        for number in 0..<tableCount { directory.put(UInt32(16 + number * 8), at: number * 4) }
        var entries = [UInt8](repeating: 0, count: 4)
        entries.put(UInt32(overhead), at: 0)
        while entries.count < tableCount * 4_096 { entries += entries }
        return header.bytes + padded(Array(text.utf8)) + directory + entries.prefix(tableCount * 4_096)
            + [UInt8](repeating: 7, count: 4_096)
    }
}
