// The case table of docs/FORMATS.md for VHD, row by row.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension VHDBuilder {
    /// Ten blocks of 8 KiB of every kind.
    static let usual = VHDBuilder(
        .dynamic,
        [.whole, .whole, .absent, .part, .whole, .part, .absent, .absent, .whole, .whole])

    /// A differencing disk of the same blocks.
    static let child = VHDBuilder.usual.with {
        $0.kind = .differencing
        $0.parentName = .utf16("parent.vhd", highestByteFirst: true)
    }
}

enum VHDCases {
    static let table = wellFormed + footers + headers + entries + sizes + places

    private static let usual = VHDBuilder.usual.build()

    private static func edited(_ edit: @escaping @Sendable (inout [UInt8]) -> Void) -> BuiltDisk {
        VHDBuilder.usual.with { $0.editFooter = edit }.build()
    }

    private static func header(_ edit: @escaping @Sendable (inout [UInt8]) -> Void) -> BuiltDisk {
        VHDBuilder.usual.with { $0.editHeader = edit }.build()
    }

    private static let wellFormed: [DiskCase] = [
        DiskCase("dynamic", usual),
        DiskCase("differencing", VHDBuilder.child.build()),
        DiskCase("fixed", VHDBuilder(.fixed, [.whole, .absent, .whole]).build()),
        DiskCase(
            "fixed, with a footer of 511 bytes",
            VHDBuilder(.fixed, [.whole, .absent]).with { $0.footerByteCount = 511 }.build()),
        DiskCase(
            "dynamic, with a footer of 511 bytes", VHDBuilder.usual.with { $0.footerByteCount = 511 }.build()),
        DiskCase("blocks in no order", VHDBuilder.usual.with { $0.order = (0..<10).reversed() }.build()),
        DiskCase("the table behind the blocks", VHDBuilder.usual.with { $0.isTableAtEnd = true }.build()),
        DiskCase("a table longer than needed", VHDBuilder.usual.with { $0.extraEntryCount = 300 }.build()),
        DiskCase("blocks of 512 bytes", VHDBuilder.usual.with { $0.blockByteCount = 512 }.build()),
        DiskCase(
            "blocks of 4 MiB, with bitmaps of two sectors",
            VHDBuilder(.dynamic, [.part, .absent, .whole]).with { $0.blockByteCount = 4 << 20 }.build()),
        DiskCase("an empty disk", VHDBuilder(.dynamic, [.absent, .absent]).build()),
        DiskCase(
            "a disk of 0 bytes", VHDBuilder(.dynamic, [.absent]).with { $0.virtualByteCount = 0 }.build()),
        DiskCase(
            "a disk that ends inside a block",
            VHDBuilder.usual.with { $0.virtualByteCount = 9 * 8_192 + 512 }.build()),
    ]

    private static let footers: [DiskCase] =
        [
            DiskCase("the footer is wrong, its copy right", usual, warning: "copy at the start") { disk in
                disk.bytes[disk.bytes.count - 500] ^= 1
                return .read
            },
            DiskCase("there is no footer, its copy is right", usual, warning: "does not end with a footer") {
                disk in
                disk.bytes.removeLast(512)
                return .read
            },
            DiskCase("the copy is wrong, the footer right", usual, warning: "copy of the footer is not used")
            { disk in
                disk.bytes[100] ^= 1
                return .read
            },
            DiskCase("the copy says something else", usual, warning: "is another one") { disk in
                var copy = Array(disk.bytes[..<512])
                copy.putBigEndian(UInt64(8_192), at: 48)
                copy.putVHDChecksum(at: 64)
                disk.bytes.put(copy, at: 0)
                return .read
            },
            DiskCase("neither is right", usual) { disk in
                disk.bytes[100] ^= 1
                disk.bytes[disk.bytes.count - 500] ^= 1
                return .refused("its checksum is wrong")
            },
            DiskCase("a cut footer and nothing else", usual) { disk in
                disk.bytes.removeLast(disk.bytes.count - 300)
                return .refused("the file ends inside it")
            },
            DiskCase(
                "a fixed disk of 0 bytes starts with its footer", VHDBuilder(.fixed, []).build(),
                .refused("starts like a VHD that grows")),
            DiskCase(
                "the cookie in front of a disk of type 2", edited { $0.putBigEndian(UInt32(2), at: 60) },
                .refused("starts like a VHD that grows")),
            DiskCase(
                "a fixed disk whose guest has written a cookie in front",
                VHDBuilder(.fixed, [.whole]).build()
            ) { disk in
                disk.bytes.put(VHDBuilder.usual.build().bytes[..<512], at: 0)
                return .refused("starts like a VHD that grows")
            },
            DiskCase(
                "a saved state", edited { $0[84] = 1 }, .read, warning: "saved state"),
            DiskCase(
                "a fixed disk larger than its file",
                VHDBuilder(.fixed, [.whole]).with {
                    $0.editFooter = { $0.putBigEndian(UInt64(8_193), at: 48) }
                }.build(), .refused("a fixed disk of 8193 bytes")),
        ]
        + [0, 1, 5, 6, 9].map { type in
            DiskCase(
                "type \(type)", edited { $0.putBigEndian(UInt32(type), at: 60) },
                .refused("has the type \(type)"))
        }
        + [UInt32(0x0002_0000), 0x0001_0001, 0].map { version in
            DiskCase(
                "version \(version) of the footer", edited { $0.putBigEndian(version, at: 12) },
                .refused("version 1.0 is read"))
        }

    private static let headers: [DiskCase] =
        [
            DiskCase("no cxsparse", header { $0[0] = 0 }, .refused("no cxsparse")),
            DiskCase("a wrong checksum of the header", usual) { disk in
                disk.bytes[512 + 900] ^= 1
                return .refused("its checksum is wrong")
            },
            DiskCase(
                "the header past the end", edited { $0.putBigEndian(UInt64(1) << 40, at: 16) },
                .refused("ends at")),
            DiskCase(
                "the header nowhere", edited { $0.putBigEndian(UInt64.max, at: 16) }, .refused("ends at")),
            DiskCase(
                "version 2.0 of the header", header { $0.putBigEndian(UInt32(0x0002_0000), at: 24) },
                .refused("version 1.0 is read")),
            DiskCase(
                "a table too short", header { $0.putBigEndian(UInt32(9), at: 28) },
                .refused("a table of 9 entries cannot lead to 10 blocks")),
            DiskCase(
                "a table past the end", header { $0.putBigEndian(UInt64(1) << 40, at: 16) },
                .refused("the file ends at byte")),
            DiskCase(
                "a table at the end of all bytes", header { $0.putBigEndian(UInt64.max - 8, at: 16) },
                .refused("a number is too large")),
            DiskCase(
                "a table on the copy of the footer", header { $0.putBigEndian(UInt64(0), at: 16) },
                .refused("it lies on the copy of the footer")),
            DiskCase(
                "a table on its own header", header { $0.putBigEndian(UInt64(1_024), at: 16) },
                .refused("it lies on the dynamic header")),
            DiskCase(
                "a table on the footer",
                header { $0.putBigEndian(UInt64(usual.bytes.count - 512), at: 16) },
                .refused("it lies on the footer")),
            DiskCase(
                "a table larger than the file",
                VHDBuilder.usual.with {
                    $0.editFooter = { $0.putBigEndian(UInt64(1) << 40, at: 48) }
                    $0.editHeader = { $0.putBigEndian(UInt32.max, at: 28) }
                }.build(), .refused("the whole file has")),
            DiskCase(
                "the largest size", edited { $0.putBigEndian(UInt64.max, at: 48) },
                .refused("cannot lead to 2251799813685248 blocks")),
        ]
        + [UInt32(0), 511, 513, 768, 256 << 20 + 1, 512 << 20].map { byteCount in
            DiskCase(
                "a block size of \(byteCount)", header { $0.putBigEndian(byteCount, at: 32) },
                .refused("not a power of two from 512 bytes to 256 MiB"))
        }

    private static let entries: [DiskCase] = [
        DiskCase("an entry past the end", usual) { disk in
            disk.bytes.putBigEndian(UInt32(0x7fff_ffff), at: disk.table + 4)
            return .damaged([disk.guestRange(ofBlock: 1)])
        },
        DiskCase("an entry of the last sector but one", usual) { disk in
            disk.bytes.putBigEndian(UInt32(0xffff_fffe), at: disk.table + 4)
            return .damaged([disk.guestRange(ofBlock: 1)])
        },
        DiskCase("an entry for a hole that names a place past the end", usual) { disk in
            disk.bytes.putBigEndian(UInt32(disk.bytes.count / 512 + 1), at: disk.table + 8)
            return .damaged([disk.guestRange(ofBlock: 2)])
        },
        DiskCase("an entry into the copy of the footer", usual) { disk in
            disk.bytes.putBigEndian(UInt32(0), at: disk.table + 4)
            return .damaged([disk.guestRange(ofBlock: 1)])
        },
        DiskCase("an entry into the header", usual) { disk in
            disk.bytes.putBigEndian(UInt32(2), at: disk.table + 4)
            return .damaged([disk.guestRange(ofBlock: 1)])
        },
        DiskCase("an entry into the table", usual) { disk in
            disk.bytes.putBigEndian(UInt32(disk.table / 512), at: disk.table + 4)
            return .damaged([disk.guestRange(ofBlock: 1)])
        },
        DiskCase(
            "an entry into the part of the table that is not needed",
            VHDBuilder.usual.with { $0.extraEntryCount = 300 }.build()
        ) { disk in
            disk.bytes.putBigEndian(UInt32(disk.table / 512 + 2), at: disk.table + 4)
            return .damaged([disk.guestRange(ofBlock: 1)])
        },
        DiskCase("two entries name one block", usual) { disk in
            disk.bytes.put(disk.bytes[disk.table..<(disk.table + 4)], at: disk.table + 16)
            return .damaged([disk.guestRange(ofBlock: 0), disk.guestRange(ofBlock: 4)])
        },
        DiskCase("two entries name blocks that overlap by a sector", usual) { disk in
            // Block 1 lies behind block 0.
            let place = UInt32(disk.offset(ofBlock: 0) / 512 - 1)
            disk.bytes.putBigEndian(place + 16, at: disk.table + 4)
            return .damaged([disk.guestRange(ofBlock: 0), disk.guestRange(ofBlock: 1)])
        },
    ]

    private static let places: [DiskCase] = [
        DiskCase("the file cut inside the last block", usual, warning: "does not end with a footer") { disk in
            disk.bytes.removeLast(512 + 1_000)
            let end = disk.guestRange(ofBlock: 9).upperBound
            return .damaged([(end - 1_000)..<end])
        },
        DiskCase("the file cut inside a bitmap", usual, warning: "does not end with a footer") { disk in
            disk.bytes.removeLast(disk.bytes.count - (disk.bitmaps[9] ?? 0) - 100)
            return .damaged([disk.guestRange(ofBlock: 9)])
        },
        DiskCase(
            "what lies behind the guest's end is missing",
            VHDBuilder.usual.with { $0.virtualByteCount = 9 * 8_192 + 512 }.build(),
            warning: "does not end with a footer"
        ) { disk in
            disk.bytes.removeLast(512 + 15 * 512)
            return .read
        },
        DiskCase(
            "the file cut inside the table", VHDBuilder.usual.with { $0.isTableAtEnd = true }.build(),
            warning: "does not end with a footer"
        ) { disk in
            disk.bytes.removeLast(disk.bytes.count - disk.table - 14)
            return .damaged([disk.guestRange(ofBlock: 3).lowerBound..<UInt64(disk.guest.count)])
        },
        DiskCase("a block that reaches into the footer", usual) { disk in
            disk.bytes.putBigEndian(UInt32(disk.bytes.count / 512 - 1 - 16), at: disk.table + 36)
            // All bits of the sector that is its bitmap now are set, or are not.
            let bitmap = disk.bytes.count - 512 - 16 * 512
            disk.bytes.put([UInt8](repeating: 0xff, count: 512), at: bitmap)
            disk.guest.put(disk.bytes[(bitmap + 512)..<(bitmap + 16 * 512)], at: 9 * 8_192)
            let end = UInt64(disk.guest.count)
            return .damaged([(end - 512)..<end])
        },
    ]
}
